//! The checker on the real kernels: with one barrier or wait left out, each is reported. `emulator/build.rs`
//! makes these variants from the `SYNC_POINT` marks of the kernel files.

use std::collections::BTreeSet;

use crate::matmul::matmul;
use crate::stack::SMALL;
use crate::support::*;
use cuda_emulator::{Memory, set_shared_limit, sync_points};
use deeptalk_rt::tensor::cuda::launch::{
    Attention, AttentionOver, FirstConv, GroupNormMoments, GroupedConv, LogBands, NearestCode, Product,
    SampleMoments, Skin,
};

/// Files with several families of synchronising kernels: the marks of each kernel. In other files every
/// kernel has all marks.
const MARKS: [(&str, &str, &[&str]); 4] = [
    ("conv.cu", "first_conv", &["samples_loaded"]),
    ("conv.cu", "grouped_conv_16", &["weights_wait", "weights_loaded", "stages_left", "tile_staged"]),
    ("norm.cu", "group_norm_moments", &["columns_left", "columns_written"]),
    ("norm.cu", "sample_moments", &["samples_left", "samples_written"]),
];

fn marks_of(file: &str) -> Vec<&'static str> {
    sync_points().iter().filter(|(of, _)| *of == file).map(|(_, name)| *name).collect()
}

/// Checks that the kernel runs without a report in every order of its threads, and that each of its variants
/// is reported.
fn reported(file: &str, kernel: &impl Kernel) {
    let launch = kernel.launch();
    let own = MARKS.iter().find(|(_, name, _)| *name == launch.kernel);
    let marks = own.map_or_else(|| marks_of(file), |(_, _, marks)| marks.to_vec());
    assert!(!marks.is_empty(), "{file} has no marks");
    in_every_order(|order| {
        emulate(&launch).unwrap_or_else(|e| panic!("{order}: {e}"));
        for mark in &marks {
            let twin = Launch { kernel: format!("{}_without_{mark}", launch.kernel), ..launch.clone() };
            let report =
                emulate(&twin).expect_err(&format!("{}, {order}: nothing was reported", twin.kernel));
            assert!(report.contains("shared memory") || report.contains("mbarrier"), "{order}: {report}");
        }
    });
}

#[test]
fn a_matrix_product_without_one_of_its_barriers_is_reported() {
    let mut random = Random::new(1);
    let (x, w) = (random.halves(19 * 320, 1.0).upload(), random.halves(64 * 320, 1.0).upload());
    let y = Memory::<u16>::poisoned(19 * 64);
    let (y, x, w) = (y.address(), x.address(), w.address());
    reported("matmul.cu", &matmul("matmul_64x64", Product { y, x, w, ..Product::of_rows(19, 64, 320) }));
}

#[test]
fn attention_without_one_of_its_barriers_is_reported() {
    let x = Random::new(2).halves(400 * 3 * 32, 1.0).upload();
    let (y, table) = (Memory::<u16>::poisoned(400 * 32), Memory::from_slice(&offsets(&[400])));
    let attention = Attention {
        y: y.address(),
        qkv: x.address(),
        offsets: table.address(),
        slopes: NULL,
        heads: 1,
        width: 32,
        window: Attention::ALL,
        free_rows: 0,
        clips: 1,
        longest: 400,
    };
    reported("attention.cu", &attention);
}

#[test]
fn attention_over_other_rows_without_its_barrier_is_reported() {
    let mut random = Random::new(10);
    let (q, kv) = (random.halves(3 * 40, 1.0).upload(), random.halves(9 * 80, 1.0).upload());
    let y = Memory::<u16>::poisoned(3 * 40);
    let (queries, keys) = (Memory::from_slice(&offsets(&[3])), Memory::from_slice(&offsets(&[9])));
    let attention = AttentionOver {
        y: y.address(),
        q: q.address(),
        kv: kv.address(),
        q_offsets: queries.address(),
        kv_offsets: keys.address(),
        slopes: NULL,
        strides: [40, 40, 80],
        heads: 1,
        width: 40,
        reach: [AttentionOver::ALL; 2],
        period: 1,
        free_rows: 0,
        clips: 1,
        longest: 3,
    };
    reported("attention_over.cu", &attention);
}

#[test]
fn a_grouped_convolution_without_one_of_its_barriers_is_reported() {
    let mut random = Random::new(3);
    let (x, w) = (random.halves(40 * 16, 1.0).upload(), random.halves(19 * 16 * 16, 1.0).upload());
    let (y, table) = (Memory::<u16>::poisoned(40 * 16), Memory::from_slice(&offsets(&[40])));
    let grouped = GroupedConv {
        y: y.address(),
        x: x.address(),
        w: w.address(),
        bias: NULL,
        residual: NULL,
        x_offsets: table.address(),
        y_offsets: table.address(),
        groups: 1,
        width: 16,
        taps: 19,
        padding: 9,
        activation: Activation::None,
        clips: 1,
        longest: 40,
    };
    reported("conv.cu", &grouped);
}

#[test]
fn the_norm_over_time_without_one_of_its_barriers_is_reported() {
    let x = Random::new(4).halves(99 * 16, 1.0).upload();
    let (moments, table) = (Memory::<f32>::poisoned(32), Memory::from_slice(&offsets(&[99])));
    let (moments, offsets, clips, longest) = (moments.address(), table.address(), 1, 99);
    let x = x.address();
    reported("norm.cu", &GroupNormMoments { moments, x, offsets, channels: 16, clips, longest });

    let samples = Memory::from_slice(&[0.5f32; 99]);
    let x = samples.address();
    reported("norm.cu", &SampleMoments { moments, x, offsets, clips, longest });
}

#[test]
fn the_first_convolution_without_its_barrier_is_reported() {
    let (x, w) = (Memory::from_slice(&[0.5f32; 645]), Random::new(6).halves(24 * 10, 1.0).upload());
    let y = Memory::<u16>::poisoned(128 * 24);
    let (x_offsets, y_offsets) = (Memory::from_slice(&offsets(&[645])), Memory::from_slice(&offsets(&[128])));
    let first = FirstConv {
        y: y.address(),
        x: x.address(),
        w: w.address(),
        bias: NULL,
        x_offsets: x_offsets.address(),
        y_offsets: y_offsets.address(),
        channels: 24,
        step: 5,
        clips: 1,
        longest: 128,
    };
    reported("conv.cu", &first);
}

#[test]
fn the_nearest_code_without_its_barrier_is_reported() {
    let mut random = Random::new(9);
    let (x, book) = (random.halves(4 * 8, 1.0).upload(), random.halves(99 * 8, 1.0).upload());
    let codes = Memory::<i32>::poisoned(4);
    let (codes, x, codebook) = (codes.address(), x.address(), book.address());
    reported("codes.cu", &NearestCode { codes, x, codebook, rows: 4, count: 99, stride: 8 });
}

#[test]
fn bands_without_their_barrier_are_reported() {
    let mut random = Random::new(7);
    let (x, bands) = (random.halves(9 * 40, 1.0).upload(), random.halves(6 * 24, 1.0).upload());
    let y = Memory::<u16>::poisoned(9 * 8);
    let (y, x, bands) = (y.address(), x.address(), bands.address());
    reported("spectrum.cu", &LogBands { y, x, bands, rows: 9, bins: 20, count: 6, floor: 1e-3 });
}

#[test]
fn vertices_without_one_of_their_barriers_are_reported() {
    let floats = |n: usize| Memory::from_slice(&vec![0.5f32; n]);
    let tables = [2 * 8, 9 * 3, 2 * 9 * 3, 9 * 9 * 3, 3 * 2 * 3, 9 * 3].map(floats);
    let y = Memory::<f32>::poisoned(2 * 9 * 3);
    let [x, template, shapes, correctives, pivots, weights] = tables.each_ref().map(Memory::address);
    // Two channels; two joints, the second a child of the first and with correctives.
    let skin = Skin {
        y: y.address(),
        x,
        template,
        shapes,
        correctives,
        pivots,
        weights,
        frames: 2,
        vertices: 9,
        channels: 2,
        joints: 2,
        corrected: 1,
        parents: Skin::packed(&[None, Some(0)]),
    };
    reported("skin.cu", &skin);
}

#[test]
fn a_stack_of_layers_without_one_of_its_barriers_or_waits_is_reported() {
    let mut random = Random::new(8);
    let (weights, x) = (SMALL.weights(&mut random, true), random.halves(20 * SMALL.width, 1.0).upload());
    let (y, table) = (Memory::<u16>::poisoned(20 * SMALL.width), Memory::from_slice(&offsets(&[20])));
    let operands = [y.address(), x.address(), table.address()];
    reported("transformer_stack.cu", &SMALL.of_clips(operands, &weights, Activation::Gelu, &[20]));
}

#[test]
fn a_product_on_hopper_without_one_of_its_waits_is_reported() {
    set_shared_limit(227 << 10);
    // The last of 13 steps is in stage 0 of 6, which the staging tile overwrites.
    let k = 64 * 13;
    let mut random = Random::new(5);
    let (x, w) = (random.halves(19 * k, 1.0).upload(), random.halves(64 * k, 1.0).upload());
    let y = Memory::<u16>::poisoned(19 * 64);
    let (y, x, w) = (y.address(), x.address(), w.address());
    let product = Product { y, x, w, ..Product::of_rows(19, 64, k) };
    reported("matmul_sm90.cu", &matmul("matmul_sm90_64x64", product));
}

/// A new file with marks needs a test above, and a new mark in a file with several kernels an entry in
/// `MARKS`.
#[test]
fn every_mark_is_left_out_by_a_test() {
    let whole = [
        "attention.cu",
        "attention_over.cu",
        "codes.cu",
        "matmul.cu",
        "matmul_sm90.cu",
        "skin.cu",
        "spectrum.cu",
        "transformer_stack.cu",
    ];
    let tested: BTreeSet<(&str, &str)> = whole
        .iter()
        .flat_map(|&file| marks_of(file).into_iter().map(move |name| (file, name)))
        .chain(MARKS.iter().flat_map(|&(file, _, names)| names.iter().map(move |&name| (file, name))))
        .collect();
    let marked: BTreeSet<(&str, &str)> = sync_points().iter().copied().collect();
    assert_eq!(tested, marked);
}
