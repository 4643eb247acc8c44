//! One launch of every kernel, at the widths of the published model and with fewer rows, for the counts of
//! `traffic.rs`. The values are zeros: no address depends on them.

use crate::matmul::matmul;
use crate::stack::Stack;
use crate::support::*;
use crate::traffic::Counted;
use cuda_emulator::{Memory, set_shared_limit};
use deeptalk_rt::tensor::cuda::launch::{
    AddRows, Attention, AttentionOver, ChooseCode, CopyRows, FirstConv, GroupNormApply, GroupNormMoments,
    GroupedConv, Interpolate, L2Normalize, LayerNorm, LayerNormOfParts, LogBands, Lookup, NearestCode,
    NormalizeSamples, Product, ReplaceCodes, ResampleLinear, RowSource, SampleGaussian, SampleMoments,
    SampleWindows, Skin, SortedPool, StackSize, UniteMoments,
};

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

/// A linear layer (one tap), or a convolution of the front ends (three taps, step 2, one clip).
fn product(to: &mut Counted, kernel: &str, [rows, columns, channels, taps]: [usize; 4]) {
    let (k, windows) = (taps * channels, taps > 1);
    let step = if windows { 2 } else { 1 };
    let x_rows = (rows - 1) * step + taps;
    let (x, w, bias) = (halves(x_rows * channels), halves(columns * k), halves(columns));
    let (y, x_clip, y_clip) = (halves(rows * columns), clip(x_rows), clip(rows));
    let [x_offsets, y_offsets] = if windows { [x_clip.address(), y_clip.address()] } else { [NULL; 2] };
    let shape = format!(
        "({rows}, {k}) x ({columns}, {k}){}",
        if windows { format!(", {taps} taps") } else { String::new() },
    );
    let product = Product {
        y: y.address(),
        x: x.address(),
        w: w.address(),
        bias: bias.address(),
        x_offsets,
        y_offsets,
        x_rows,
        taps,
        step,
        ..Product::of_rows(rows, columns, channels)
    };
    to.count(&shape, &matmul(kernel, product));
}

fn products(to: &mut Counted) {
    for kernel in
        ["matmul_128x128", "matmul_64x64", "matmul_sm90_128x256", "matmul_sm90_128x128", "matmul_sm90_64x64"]
    {
        product(to, kernel, [128, 768, 768, 1]);
        product(to, kernel, [128, 512, 512, 3]);
    }
}

fn attention(to: &mut Counted) {
    // Width of a head, heads, window, slopes.
    for (width, heads, window, slopes) in [
        (64, 12, Attention::ALL, false),
        (96, 8, Attention::ALL, false),
        (48, 8, Attention::ALL, false),
        (32, 8, 25, true),
        (16, 8, Attention::ALL, false),
    ] {
        let (rows, channels) = (128, heads * width);
        let (y, qkv, table, slope) =
            (halves(rows * channels), halves(rows * 3 * channels), clip(rows), floats(heads));
        let shape = format!(
            "({rows}, 3 x {heads} x {width}){}",
            if window < rows { format!(", window {window}") } else { String::new() }
        );
        let attention = Attention {
            y: y.address(),
            qkv: qkv.address(),
            offsets: table.address(),
            slopes: if slopes { slope.address() } else { NULL },
            heads,
            width,
            window,
            free_rows: 0,
            clips: 1,
            longest: rows,
        };
        to.count(&shape, &attention);
    }
    let (queries, keys, heads, width) = (32, 128, 8, 64);
    let channels = heads * width;
    let (y, q, kv) = (halves(queries * channels), halves(queries * channels), halves(keys * 2 * channels));
    let (q_table, kv_table, slopes) = (clip(queries), clip(keys), floats(heads));
    let over = AttentionOver {
        y: y.address(),
        q: q.address(),
        kv: kv.address(),
        q_offsets: q_table.address(),
        kv_offsets: kv_table.address(),
        slopes: slopes.address(),
        strides: [channels, channels, 2 * channels],
        heads,
        width,
        reach: [AttentionOver::ALL, 0],
        period: 25,
        free_rows: 0,
        clips: 1,
        longest: queries,
    };
    to.count(&format!("({queries}) over ({keys}), {heads} x {width}, causal"), &over);
}

fn convolutions(to: &mut Counted) {
    let (rows, channels) = (64, 512);
    let samples = (rows - 1) * 5 + 10;
    let (y, x, w) = (halves(rows * channels), floats(samples), halves(channels * 10));
    let (x_offsets, y_offsets) = (clip(samples), clip(rows));
    let first = FirstConv {
        y: y.address(),
        x: x.address(),
        w: w.address(),
        bias: NULL,
        x_offsets: x_offsets.address(),
        y_offsets: y_offsets.address(),
        channels,
        step: 5,
        clips: 1,
        longest: rows,
    };
    to.count("(64, 512)", &first);

    let (rows, taps) = (64, 320);
    let samples = (rows - 1) * 160 + taps;
    let (y, x) = (halves(rows * 2 * taps), floats(samples));
    let (x_offsets, y_offsets) = (clip(samples), clip(rows));
    let windows = SampleWindows {
        y: y.address(),
        x: x.address(),
        x_offsets: x_offsets.address(),
        y_offsets: y_offsets.address(),
        taps,
        step: 160,
        clips: 1,
        longest: rows,
    };
    to.count("(64, 2 x 320)", &windows);

    let (rows, bins, count) = (16, 257, 80);
    let [x_stride, bands_stride] = [2 * bins, bins].map(|n: usize| n.next_multiple_of(8));
    let (y, x, table) = (halves(rows * count), halves(rows * x_stride), halves(count * bands_stride));
    let (y, x, bands) = (y.address(), x.address(), table.address());
    to.count("(16, 2 x 257) to 80", &LogBands { y, x, bands, rows, bins, count, floor: 1e-3 });

    for (width, groups, taps) in [(48, 4, 128), (16, 4, 19), (32, 4, 19), (64, 4, 19)] {
        let (rows, channels) = (64, width * groups);
        let (y, x, bias) = (halves(rows * channels), halves(rows * channels), halves(channels));
        let (w, table) = (halves(groups * taps * width * width), clip(rows));
        let grouped = GroupedConv {
            y: y.address(),
            x: x.address(),
            w: w.address(),
            bias: bias.address(),
            residual: NULL,
            x_offsets: table.address(),
            y_offsets: table.address(),
            groups,
            width,
            taps,
            padding: taps / 2,
            activation: Activation::Gelu,
            clips: 1,
            longest: rows,
        };
        to.count(&format!("({rows}, {groups} x {width}), {taps} taps"), &grouped);
    }
}

fn layer_norms(to: &mut Counted) {
    for channels in [256, 512, 768, 1024] {
        let rows = 64;
        let [y, x, residual] = [rows * channels; 3].map(halves);
        let [weight, bias] = [channels; 2].map(halves);
        let [y, x, residual, weight, bias] = [&y, &x, &residual, &weight, &bias].map(Memory::address);
        let (eps, activation, shape) = (1e-5, Activation::None, format!("({rows}, {channels})"));
        to.count(&shape, &LayerNorm { y, x, residual, weight, bias, rows, channels, eps, activation });

        let sums = floats(4 * rows * channels);
        let (parts, count, product_bias) = (sums.address(), 4, bias);
        let norm =
            LayerNormOfParts { y, parts, count, product_bias, residual, weight, bias, rows, channels, eps };
        to.count(&format!("4 x {shape}"), &norm);
    }
}

fn norms_over_time(to: &mut Counted) {
    let (rows, channels, chunk, clips) = (512usize, 512, GroupNormMoments::CHUNK, 1);
    let chunks = rows.div_ceil(chunk);
    let (y, x, table) = (halves(rows * channels), halves(rows * channels), clip(rows));
    let (weight, bias) = (halves(channels), halves(channels));
    let [moments, united] = [chunks, 1].map(|n| to.keep(floats(n * channels * 2)));
    let (y, x, offsets) = (y.address(), x.address(), table.address());
    let (weight, bias, longest, eps) = (weight.address(), bias.address(), rows, 1e-5);
    let activation = Activation::Gelu;
    to.count("(512, 512)", &GroupNormMoments { moments, x, offsets, channels, clips, longest });
    let unite = UniteMoments { united, moments, offsets, channels, chunk, eps, clips, longest };
    to.count("2 x (256, 512)", &unite);
    let apply = GroupNormApply { y, x, united, weight, bias, offsets, channels, activation, clips, longest };
    to.count("(512, 512)", &apply);

    let longest = 16384;
    let (y, x, table) = (floats(longest), floats(longest), clip(longest));
    let (y, x, offsets) = (y.address(), x.address(), table.address());
    to.count("16384 samples", &SampleMoments { moments, x, offsets, clips, longest });
    to.count("16384 samples", &NormalizeSamples { y, x, united, offsets, clips, longest });

    let (rows, channels) = (499, 128);
    let (y, x, weights, table) = (halves(channels), halves(rows * channels), floats(rows), clip(rows));
    let (y, x, weights, offsets) = (y.address(), x.address(), weights.address(), table.address());
    to.count("(499, 128)", &SortedPool { y, x, weights, offsets, channels, stride: channels, clips });
}

fn codes(to: &mut Counted) {
    let (rows, count, channels) = (64, 256, 256);
    let (values, book, table) = (halves(rows * channels), halves(count * channels), clip(rows));
    // No two neighbouring rows have neighbouring codes.
    let codes = Memory::from_slice(&(0..rows as i32).map(|i| i * 37 % count as i32).collect::<Vec<_>>());
    let (x, codebook, codes, stride) = (values.address(), book.address(), codes.address(), channels);
    to.count("(64, 256)", &Lookup { y: x, codes, codebook, rows, stride });
    to.count("(64, 256), 256 codes", &NearestCode { codes, x, codebook, rows, count, stride });
    let (seeds, first) = (Memory::from_slice(&[1u32, 2]), Memory::from_slice(&[0i32]));
    let choose = ChooseCode {
        codes,
        logits: x,
        offsets: table.address(),
        seeds: seeds.address(),
        first_rows: first.address(),
        count,
        stride: count,
        stream: 0,
        temperature: 1.0,
        clips: 1,
        longest: rows,
    };
    to.count("(64, 256)", &choose);
    let (old, fixed) = (Memory::from_slice(&vec![3i32; rows]), floats(rows));
    let (chosen, given) = (old.address(), fixed.address());
    to.count("(64)", &ReplaceCodes { codes, chosen, given, rows, count });
}

fn rows(to: &mut Counted) {
    let (rows, stride) = (64, 768);
    let [y, x, z] = [rows, 2 * rows, rows].map(|rows| to.keep(halves(rows * stride)));
    let (short, long) = (clip(rows), clip(2 * rows));
    let (short, long) = (short.address(), long.address());
    let resample =
        ResampleLinear { y, x, x_offsets: long, y_offsets: short, stride, clips: 1, longest: rows };
    to.count("(128, 768) to (64, 768)", &resample);
    to.count("(64, 768)", &AddRows { y, x, z, offsets: NULL, stride, clips: 1, longest: rows });
    // A concatenation: 256 columns beside 512 others, and 53 that cannot move as vectors.
    for (channels, y_column) in [(256usize, 512), (53, 128)] {
        let width = channels.next_multiple_of(8);
        let copy = CopyRows {
            y,
            x,
            source: RowSource::Clips { offsets: short },
            y_offsets: short,
            channels,
            width,
            x_stride: width,
            y_stride: stride,
            y_column,
            x_first: 0,
            y_first: 0,
            clips: 1,
            longest: rows,
        };
        to.count(&format!("(64, {channels}) into (64, {stride})"), &copy);
    }
}

fn emotion_vectors(to: &mut Counted) {
    let [y, a, b, c] = [128; 4].map(|n| to.keep(halves(n)));
    let (channels, stride, rows) = (128, 128, 1);
    let shape = "(1, 128)";
    to.count(shape, &L2Normalize { y, x: a, channels, stride, rows });
    let (mu, log_variance, noise, control) = (a, b, c, 1.0);
    to.count(shape, &SampleGaussian { y, mu, log_variance, noise, channels, stride, control, rows });
    let (weight, on_sphere) = (0.5, true);
    to.count(shape, &Interpolate { y, a, b, channels, stride, weight, on_sphere, rows });
}

fn faces(to: &mut Counted) {
    let (frames, vertices, channels) = (8, 1280, 50);
    // Only the jaw; and FLAME's root, neck, jaw and eyes, all but the first with correctives.
    let flame = [None, Some(0), Some(1), Some(1), Some(1)];
    for (parents, corrected) in [(&flame[..1], 1), (&flame[..], 4)] {
        let joints = parents.len();
        let [y, x, template, shapes, correctives, pivots, weights] = [
            frames * vertices * 3,
            frames * (channels + 3 * joints),
            vertices * 3,
            channels * vertices * 3,
            9 * corrected * vertices * 3,
            (channels + 1) * joints * 3,
            vertices * (joints + 1),
        ]
        .map(|n| to.keep(floats(n)));
        let parents = Skin::packed(parents);
        let skin = Skin {
            y,
            x,
            template,
            shapes,
            correctives,
            pivots,
            weights,
            frames,
            vertices,
            channels,
            joints,
            corrected,
            parents,
        };
        to.count(&format!("8 x {vertices} vertices, {channels} ch, {joints} joints"), &skin);
    }
}

fn stacks(to: &mut Counted) {
    for size in [
        StackSize { rows: 32, width: 256, feed_forward: 256, heads: 8, layers: 2, window: 1, stages: 3 },
        StackSize { rows: 64, width: 256, feed_forward: 256, heads: 8, layers: 1, window: 25, stages: 3 },
    ]
    .into_iter()
    .flat_map(|size| [size, StackSize { stages: 5, ..size }])
    {
        let (rows, stack) = (64, Stack(size));
        let weights = stack.weights(&mut Random::new(1), true);
        let (y, x, table) = (halves(rows * stack.width), halves(rows * stack.width), clip(rows));
        let operands = [y.address(), x.address(), table.address()];
        let shape = format!("{} layers of ({rows}, {}), window {}", stack.layers, stack.width, stack.window);
        to.count(&shape, &stack.of_clips(operands, &weights, Activation::Gelu, &[rows]));
    }
}
