//! Every kernel once, at the widths of the published model and with fewer rows, for the counts of `traffic.rs`. The values are
//! zeros: no address depends on them.

use crate::attention::{groups, shared};
use crate::matmul::{hopper_stages, tile_of};
use crate::stack::Stack;
use crate::support::*;
use crate::traffic::Counted;
use cuda_emulator::{Argument, Memory, TensorMap, set_shared_limit};

fn halves(count: usize) -> Memory<u16> {
    Memory::from_slice(&vec![0; count])
}
fn floats(count: usize) -> Memory<f32> {
    Memory::from_slice(&vec![0.0; count])
}
fn clip(rows: usize) -> Memory<i32> {
    Memory::from_slice(&offsets(&[rows]))
}

pub fn count_all(to: &mut Counted) {
    set_shared_limit(227 << 10);
    products(to);
    attention(to);
    convolutions(to);
    layer_norms(to);
    norms_over_time(to);
    codes(to);
    rows(to);
    emotion_vectors(to);
    faces(to);
    stacks(to);
}

/// A linear layer (one tap), or a convolution of the front ends (step 2, one clip).
struct Product {
    kernel: &'static str,
    rows: usize,
    columns: usize,
    channels: usize,
    taps: usize,
}

impl Product {
    fn count(&self, to: &mut Counted) {
        let Self { kernel, rows, columns, channels, taps, .. } = *self;
        let ((tile_rows, tile_columns), k) = (tile_of(kernel), taps * channels);
        let step = if taps > 1 { 2 } else { 1 };
        let x_rows = (rows - 1) * step + taps;
        let (x, w, bias) = (halves(x_rows * channels), halves(columns * k), halves(columns));
        let y = halves(rows * columns);
        let (x_clip, y_clip) = (clip(x_rows), clip(rows));
        let [xo, yo] = if taps > 1 { [x_clip.argument(), y_clip.argument()] } else { [NULL; 2] };
        let shape = format!(
            "({rows}, {k}) x ({columns}, {k}){}",
            if taps > 1 { format!(", {taps} taps") } else { String::new() },
        );
        let grid = [rows.div_ceil(tile_rows), columns.div_ceil(tile_columns), 1];
        let (ends, bytes) = ([int(0), float(0.0)], (tile_rows + tile_columns) * 128);
        if kernel.starts_with("matmul_sm90") {
            let map = |memory: &Memory<u16>, rows, width, tile: usize, step: usize| {
                let map =
                    TensorMap::new(memory.argument(), width, rows, width, (tile * step) as u32, step as u32);
                Argument::TensorMap(map)
            };
            let (x, w) = (map(&x, x_rows, channels, tile_rows, step), map(&w, columns, k, tile_columns, 1));
            let sizes = [rows, columns, k, channels, step, columns, columns].map(int);
            let places = [y.argument(), x, w, bias.argument(), NULL, xo, yo];
            let segments = [k.div_ceil(64), 0].map(int);
            let arguments = [&places, &sizes[..], &ends, &segments].concat();
            let shared = hopper_stages((tile_rows, tile_columns)) * bytes;
            to.count(kernel, &shape, grid, tile_rows * 2 + 32, shared, &arguments);
        } else {
            let sizes = [rows, columns, k, x_rows, channels, step, 0, 0, channels, columns, columns].map(int);
            let places = [y.argument(), x.argument(), w.argument(), bias.argument(), NULL, xo, yo];
            let arguments = [&places, &sizes[..], &ends].concat();
            to.count(kernel, &shape, grid, tile_rows * 2, 3 * bytes, &arguments);
        }
    }
}

fn products(to: &mut Counted) {
    for kernel in
        ["matmul_128x128", "matmul_64x64", "matmul_sm90_128x256", "matmul_sm90_128x128", "matmul_sm90_64x64"]
    {
        let linear = Product { kernel, rows: 128, columns: 768, channels: 768, taps: 1 };
        linear.count(to);
        Product { columns: 512, channels: 512, taps: 3, ..linear }.count(to);
    }
}

fn attention(to: &mut Counted) {
    // Width of a head, heads, window, slopes.
    for (width, heads, window, slopes) in [
        (64, 12, i32::MAX as usize, false),
        (96, 8, i32::MAX as usize, false),
        (48, 8, i32::MAX as usize, false),
        (32, 8, 25, true),
        (16, 8, i32::MAX as usize, false),
    ] {
        let (rows, channels) = (128, heads * width);
        let (y, qkv, table, slope) =
            (halves(rows * channels), halves(rows * 3 * channels), clip(rows), floats(heads));
        let shape = format!(
            "({rows}, 3 x {heads} x {width}){}",
            if window < rows { format!(", window {window}") } else { String::new() }
        );
        let arguments = [
            y.argument(),
            qkv.argument(),
            table.argument(),
            if slopes { slope.argument() } else { NULL },
            int(heads),
            int(window),
            int(0),
            float(0.125),
        ];
        to.count(
            &format!("attention_{width}"),
            &shape,
            [rows / 64, heads, 1],
            128 * groups(width),
            shared(width),
            &arguments,
        );
    }
}

fn convolutions(to: &mut Counted) {
    let (rows, channels) = (64, 512);
    let samples = (rows - 1) * 5 + 10;
    let (y, x, w) = (halves(rows * channels), floats(samples), halves(channels * 10));
    let (xo, yo) = (clip(samples), clip(rows));
    let places = [y.argument(), x.argument(), w.argument(), NULL, xo.argument(), yo.argument()];
    to.count(
        "first_conv",
        "(64, 512)",
        [rows / 32, 1, 1],
        256,
        0,
        &[&places[..], &[int(channels), int(5)]].concat(),
    );

    let (rows, taps) = (64, 320);
    let samples = (rows - 1) * 160 + taps;
    let (y, x, xo, yo) = (halves(rows * 2 * taps), floats(samples), clip(samples), clip(rows));
    let places = [y.argument(), x.argument(), xo.argument(), yo.argument()];
    let arguments = [&places[..], &[taps, 160, taps].map(int)].concat();
    to.count("sample_windows", "(64, 2 x 320)", [(rows * taps / 4).div_ceil(256), 1, 1], 256, 0, &arguments);

    let (rows, bins, bands) = (16, 257, 80);
    let [x_stride, bands_stride] = [2 * bins, bins].map(|n: usize| n.next_multiple_of(8));
    let (y, x, table) = (halves(rows * bands), halves(rows * x_stride), halves(bands * bands_stride));
    let sizes = [rows, bins, bands, x_stride, bands_stride, bands].map(int);
    let arguments = [&[y.argument(), x.argument(), table.argument()], &sizes[..], &[float(1e-3)]].concat();
    to.count("log_bands", "(16, 2 x 257) to 80", [rows.div_ceil(8), 1, 1], 256, 8 * bins * 4, &arguments);

    for (width, groups, taps) in [(48, 4, 128), (16, 4, 19), (32, 4, 19), (64, 4, 19)] {
        let (rows, channels) = (64, width * groups);
        let (y, x, bias) = (halves(rows * channels), halves(rows * channels), halves(channels));
        let (w, table) = (halves(groups * taps * width * width), clip(rows));
        let stage_taps = if width <= 48 { 4 } else { 2 };
        let shared = (3 * tile_halves(width, stage_taps * width) + (64 + taps - 1) * (width + 8)) * 2;
        let t = table.argument();
        let places = [y.argument(), x.argument(), w.argument(), bias.argument(), NULL, t, t];
        let sizes = [taps, taps / 2, channels, 1].map(int);
        let shape = format!("({rows}, {groups} x {width}), {taps} taps");
        let kernel = format!("grouped_conv_{width}");
        to.count(&kernel, &shape, [1, groups, 1], 128, shared, &[&places[..], &sizes].concat());
    }
}

fn layer_norms(to: &mut Counted) {
    for (vectors, channels) in [(1, 256), (2, 512), (3, 768), (4, 1024)] {
        let rows = 64;
        let [y, x, residual] = [rows * channels; 3].map(halves);
        let [weight, bias] = [channels; 2].map(halves);
        let places = [&y, &x, &residual, &weight, &bias].map(Memory::argument);
        let sizes = [int(rows), int(channels), float(1e-5), int(0)];
        let (shape, grid) = (format!("({rows}, {channels})"), [rows / 4, 1, 1]);
        let arguments = [&places[..], &sizes].concat();
        to.count(&format!("layer_norm_{vectors}"), &shape, grid, 128, 0, &arguments);

        let parts = floats(4 * rows * channels);
        let places = [y.argument(), parts.argument(), int(4), bias.argument()];
        let arguments = [&places, &arguments[2..8]].concat();
        let (kernel, shape) = (format!("layer_norm_of_parts_{vectors}"), format!("4 x {shape}"));
        to.count(&kernel, &shape, grid, 128, 0, &arguments);
    }
}

fn norms_over_time(to: &mut Counted) {
    let (rows, channels, chunks) = (512, 512, 2);
    let (y, x, table) = (halves(rows * channels), halves(rows * channels), clip(rows));
    let (weight, bias) = (halves(channels), halves(channels));
    let (moments, united) = (floats(chunks * channels * 2), floats(channels * 2));
    let (m, u, t, c) = (moments.argument(), united.argument(), table.argument(), int(channels));
    let grid = [channels / 64, chunks, 1];
    to.count("group_norm_moments", "(512, 512)", grid, 256, 0, &[m, x.argument(), t, c, int(chunks)]);
    let arguments = [u, m, t, c, int(chunks), int(256), float(1e-5)];
    to.count("unite_moments", "2 x (256, 512)", [channels / 128, 1, 1], 128, 0, &arguments);
    let grid = [rows / 4 * channels / 8 / 256, 1, 1];
    let arguments = [y.argument(), x.argument(), u, weight.argument(), bias.argument(), t, c, int(1)];
    to.count("group_norm_apply", "(512, 512)", grid, 256, 0, &arguments);

    let samples = 16384;
    let (y, x, table) = (floats(samples), floats(samples), clip(samples));
    let t = table.argument();
    to.count("sample_moments", "16384 samples", [4, 1, 1], 256, 0, &[m, x.argument(), t, int(4)]);
    let arguments = [y.argument(), x.argument(), u, t];
    to.count("normalize_samples", "16384 samples", [samples / 256, 1, 1], 256, 0, &arguments);

    let (rows, channels) = (499, 128);
    let (y, x, weights, table) = (halves(channels), halves(rows * channels), floats(rows), clip(rows));
    let places = [y.argument(), x.argument(), weights.argument(), table.argument()];
    let arguments = [&places[..], &[int(channels), int(channels)]].concat();
    to.count("sorted_pool", "(499, 128)", [channels / 4, 1, 1], 128, 0, &arguments);
}

fn codes(to: &mut Counted) {
    let (rows, count, channels) = (64, 256, 256);
    let (values, book, table) = (halves(rows * channels), halves(count * channels), clip(rows));
    // Codes as they come: none the neighbour's neighbour.
    let codes = Memory::from_slice(&(0..rows as i32).map(|i| i * 37 % count as i32).collect::<Vec<_>>());
    let (v, b, c) = (values.argument(), book.argument(), codes.argument());
    let sizes = [rows, count, channels].map(int);
    let grid = [rows * channels / 8 / 256, 1, 1];
    to.count("lookup", "(64, 256)", grid, 256, 0, &[v, c, b, sizes[0], sizes[2]]);
    to.count(
        "nearest_code",
        "(64, 256), 256 codes",
        [rows / 4, 1, 1],
        128,
        0,
        &[&[c, v, b], &sizes[..]].concat(),
    );
    let (seeds, first) = (Memory::from_slice(&[1u32, 2]), Memory::from_slice(&[0i32]));
    let places = [c, v, table.argument(), seeds.argument(), first.argument()];
    let arguments = [&places[..], &[int(count), int(count), int(0), float(1.0)]].concat();
    to.count("choose_code", "(64, 256)", [rows / 4, 1, 1], 128, 0, &arguments);
}

fn rows(to: &mut Counted) {
    let (rows, width) = (64, 768);
    let [y, x, z] = [rows, 2 * rows, rows].map(|rows| halves(rows * width));
    let (short, long) = (clip(rows), clip(2 * rows));
    let (s, l) = (short.argument(), long.argument());
    let grid = [rows * width / 8 / 256, 1, 1];
    let arguments = [y.argument(), x.argument(), l, s, int(width)];
    to.count("resample_linear", "(128, 768) to (64, 768)", grid, 256, 0, &arguments);
    let arguments = [y.argument(), x.argument(), z.argument(), NULL, int(rows), int(width)];
    to.count("add_rows", "(64, 768)", grid, 256, 0, &arguments);
    // A concatenation: 256 columns beside 512 others, and 53 that do not move as vectors.
    for (channels, y_column) in [(256usize, 512), (53, 128)] {
        let stride = channels.next_multiple_of(8);
        let sizes = [channels, stride, stride, width, y_column, 0, 0, 0, 0].map(int);
        let shape = format!("(64, {channels}) into (64, {width})");
        let grid = [(rows * stride / 8).div_ceil(256), 1, 1];
        let arguments = [&[y.argument(), x.argument(), s, s], &sizes[..]].concat();
        to.count("copy_rows", &shape, grid, 256, 0, &arguments);
    }
}

fn emotion_vectors(to: &mut Counted) {
    let [y, a, b, c] = [128; 4].map(|n| to.keep(halves(n)));
    let (channels, stride) = (int(128), int(128));
    let mut count =
        |kernel, arguments: &[Argument]| to.count(kernel, "(1, 128)", [1, 1, 1], 32, 0, arguments);
    count("l2_normalize", &[y, a, channels, stride]);
    count("sample_gaussian", &[y, a, b, c, channels, stride, float(1.0)]);
    count("interpolate", &[y, a, b, channels, stride, float(0.5), int(1)]);
}

fn faces(to: &mut Counted) {
    let (frames, vertices, channels) = (8, 1280, 50);
    // The jaw alone; and FLAME's root, neck, jaw and eyes, all but the first with correctives.
    for (joints, corrected, parents) in [(1, 1, 0), (5, 4, 0x22210)] {
        let [y, x, rest, shapes, correctives, pivots, weights] = [
            frames * vertices * 3,
            frames * (channels + 3 * joints),
            vertices * 3,
            channels * vertices * 3,
            9 * corrected * vertices * 3,
            (channels + 1) * joints * 3,
            vertices * (joints + 1),
        ]
        .map(|n| to.keep(floats(n)));
        let places = [y, x, rest, shapes, correctives, pivots, weights];
        let sizes = [frames, vertices, channels, joints, corrected, parents].map(int);
        let arguments = [&places[..], &sizes].concat();
        let shared = 8 * (channels + 9 * corrected + 12 * joints + 3 * 128) * 4;
        let shape = format!("8 x {vertices} vertices, {channels} ch, {joints} joints");
        to.count("skin", &shape, [vertices / 128, 1, 1], 128, shared, &arguments);
    }
}

fn stacks(to: &mut Counted) {
    for stack in [
        Stack { rows: 32, width: 256, feed_forward: 256, heads: 8, layers: 2, window: 1, stages: 3 },
        Stack { rows: 64, width: 256, feed_forward: 256, heads: 8, layers: 1, window: 25, stages: 3 },
    ]
    .into_iter()
    .flat_map(|stack| [stack, Stack { stages: 5, ..stack }])
    {
        let rows = 64;
        let weights = stack.weights(&mut Random::new(1), true);
        let (y, x, table) = (halves(rows * stack.width), halves(rows * stack.width), clip(rows));
        let places = [y.argument(), x.argument(), table.argument()];
        let shape = format!("{} layers of ({rows}, {}), window {}", stack.layers, stack.width, stack.window);
        let arguments = stack.arguments(places, &weights, crate::matmul::Activation::Gelu);
        to.count(&stack.kernel(), &shape, stack.grid(&[rows]), 256, stack.shared(), &arguments);
    }
}
