//! The checker on the real kernels: with one synchronisation taken out, each is reported. `emulator/build.rs` makes the twins.

use crate::attention::{groups, shared};
use crate::matmul::Activation;
use crate::stack::SMALL;
use crate::support::*;
use cuda_emulator::{Argument, Memory, TensorMap, launch, set_shared_limit};

/// In every order the kernel runs clean, and its twins are reported.
fn reported_without(
    what: &[&str],
    kernel: &str,
    grid: [u32; 3],
    threads: u32,
    shared: usize,
    arguments: &[Argument],
) {
    in_every_order(|order| {
        launch(kernel, grid, [threads, 1, 1], shared, arguments).unwrap_or_else(|e| panic!("{order}: {e}"));
        for missing in what {
            let twin = format!("{kernel}_without_{missing}");
            let report = launch(&twin, grid, [threads, 1, 1], shared, arguments)
                .expect_err(&format!("{twin}, {order}: nothing was reported"));
            assert!(report.contains("shared memory") || report.contains("mbarrier"), "{order}: {report}");
        }
    });
}

#[test]
fn a_matrix_product_without_one_of_its_barriers_is_reported() {
    let mut random = Random::new(1);
    let (x, w) = (random.halves(19 * 320, 1.0).upload(), random.halves(64 * 320, 1.0).upload());
    let y = Memory::<u16>::poisoned(19 * 64);
    let (channels, columns, one, zero) = (int(320), int(64), int(1), int(0));
    #[rustfmt::skip]
    let arguments = [
        y.argument(), x.argument(), w.argument(), NULL, NULL, NULL, NULL, int(19), columns, channels, int(19), channels, one, zero, zero,
        channels, columns, columns, zero, float(0.0),
    ];
    reported_without(
        &["barrier_0", "barrier_1", "barrier_2"],
        "matmul_64x64",
        [1, 1, 1],
        128,
        3 * 2 * 64 * 128,
        &arguments,
    );
}

#[test]
fn attention_without_one_of_its_barriers_is_reported() {
    let x = Random::new(2).halves(400 * 3 * 32, 1.0).upload();
    let (y, table) = (Memory::<u16>::poisoned(400 * 32), Memory::from_slice(&offsets(&[400])));
    let arguments = [
        y.argument(),
        x.argument(),
        table.argument(),
        NULL,
        int(1),
        int(i32::MAX as usize),
        int(0),
        float(0.2),
    ];
    reported_without(
        &["barrier_0", "barrier_1", "tile_meeting", "stage_meeting", "results_meeting"],
        "attention_32",
        [7, 1, 1],
        128 * groups(32) as u32,
        shared(32),
        &arguments,
    );
}

#[test]
fn a_grouped_convolution_without_one_of_its_barriers_is_reported() {
    let mut random = Random::new(3);
    let (x, w) = (random.halves(40 * 16, 1.0).upload(), random.halves(19 * 16 * 16, 1.0).upload());
    let (y, table) = (Memory::<u16>::poisoned(40 * 16), Memory::from_slice(&offsets(&[40])));
    #[rustfmt::skip]
    let arguments = [
        y.argument(), x.argument(), w.argument(), NULL, NULL, table.argument(), table.argument(), int(19), int(9), int(16), int(0),
    ];
    reported_without(
        &["barrier_1", "barrier_2", "barrier_3"],
        "grouped_conv_16",
        [1, 1, 1],
        128,
        (3 * tile_halves(16, 4 * 16) + 82 * 24) * 2,
        &arguments,
    );
}

#[test]
fn the_norm_over_time_without_one_of_its_barriers_is_reported() {
    let x = Random::new(4).halves(99 * 16, 1.0).upload();
    let (moments, table) = (Memory::<f32>::poisoned(32), Memory::from_slice(&offsets(&[99])));
    let arguments = [moments.argument(), x.argument(), table.argument(), int(16), int(1)];
    reported_without(&["barrier_0", "barrier_1"], "group_norm_moments", [1, 1, 1], 256, 0, &arguments);

    let samples = Memory::from_slice(&[0.5f32; 99]);
    let arguments = [moments.argument(), samples.argument(), table.argument(), int(1)];
    reported_without(&["barrier_2", "barrier_3"], "sample_moments", [1, 1, 1], 256, 0, &arguments);
}

#[test]
fn the_first_convolution_without_its_barrier_is_reported() {
    let (x, w) = (Memory::from_slice(&[0.5f32; 645]), Random::new(6).halves(24 * 10, 1.0).upload());
    let y = Memory::<u16>::poisoned(128 * 24);
    let (x_offsets, y_offsets) = (Memory::from_slice(&offsets(&[645])), Memory::from_slice(&offsets(&[128])));
    let (xo, yo) = (x_offsets.argument(), y_offsets.argument());
    let arguments = [y.argument(), x.argument(), w.argument(), NULL, xo, yo, int(24), int(5)];
    reported_without(&["barrier_0"], "first_conv", [4, 1, 1], 256, 0, &arguments);
}

#[test]
fn the_nearest_code_without_its_barrier_is_reported() {
    let mut random = Random::new(9);
    let (x, book) = (random.halves(4 * 8, 1.0).upload(), random.halves(99 * 8, 1.0).upload());
    let codes = Memory::<i32>::poisoned(4);
    let arguments =
        [[codes.argument(), x.argument(), book.argument()].as_slice(), &[4usize, 99, 8].map(int)].concat();
    reported_without(&["barrier_0"], "nearest_code", [1, 1, 1], 128, 0, &arguments);
}

#[test]
fn bands_without_their_barrier_are_reported() {
    let mut random = Random::new(7);
    let (x, bands) = (random.halves(9 * 40, 1.0).upload(), random.halves(6 * 24, 1.0).upload());
    let y = Memory::<u16>::poisoned(9 * 8);
    let sizes = [9usize, 20, 6, 40, 24, 8].map(int);
    let arguments =
        [[y.argument(), x.argument(), bands.argument()].as_slice(), &sizes, &[float(1e-3)]].concat();
    reported_without(&["barrier_0"], "log_bands", [2, 1, 1], 256, 8 * 20 * 4, &arguments);
}

#[test]
fn vertices_without_one_of_their_barriers_are_reported() {
    let floats = |n: usize| Memory::from_slice(&vec![0.5f32; n]);
    let [x, rest, shapes, correctives, pivots, weights] =
        [2 * 8, 9 * 3, 2 * 9 * 3, 9 * 9 * 3, 3 * 2 * 3, 9 * 3].map(floats);
    let y = Memory::<f32>::poisoned(2 * 9 * 3);
    let tables = [&y, &x, &rest, &shapes, &correctives, &pivots, &weights].map(Memory::argument);
    // Two channels; two joints, one below the other, which has correctives.
    let arguments = [tables.as_slice(), &[2usize, 9, 2, 2, 1, 0x10].map(int)].concat();
    let shared = 8 * (2 + 9 + 2 * 12 + 3 * 128) * 4;
    reported_without(&["barrier_0", "barrier_1"], "skin", [1, 1, 1], 128, shared, &arguments);
}

#[test]
fn a_stack_of_layers_without_one_of_its_barriers_or_waits_is_reported() {
    let mut random = Random::new(8);
    let (weights, x) = (SMALL.weights(&mut random, true), random.halves(20 * SMALL.width, 1.0).upload());
    let (y, table) = (Memory::<u16>::poisoned(20 * SMALL.width), Memory::from_slice(&offsets(&[20])));
    let places = [y.argument(), x.argument(), table.argument()];
    let arguments = SMALL.arguments(places, &weights, Activation::Gelu);
    reported_without(
        &[
            "barrier_0",
            "barrier_1",
            "barrier_2",
            "barrier_3",
            "weights_wait",
            "weights_meeting",
            "query_meeting",
        ],
        &SMALL.kernel(),
        SMALL.grid(&[20]).map(|n| n as u32),
        256,
        SMALL.shared(),
        &arguments,
    );
}

/// Every block barrier of every kernel file is taken out by one of the tests above.
#[test]
fn no_barrier_is_left_untested() {
    let tested = [
        ("attention.cu", 2),
        ("codes.cu", 1),
        ("conv.cu", 4),
        ("matmul.cu", 3),
        ("matmul_sm90.cu", 1),
        ("norm.cu", 4),
        ("skin.cu", 2),
        ("spectrum.cu", 1),
        ("transformer_stack.cu", 4),
    ];
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let barriers = std::fs::read_to_string(&path).unwrap().matches("__syncthreads();").count();
        let expected = tested.iter().find(|(file, _)| *file == name).map_or(0, |(_, count)| *count);
        assert!(
            !name.ends_with(".cu") || barriers == expected,
            "{name}: {barriers} barriers, {expected} tested"
        );
    }
}

#[test]
fn a_product_on_hopper_without_one_of_its_waits_is_reported() {
    set_shared_limit(227 << 10);
    let k = 64 * 9;
    let mut random = Random::new(5);
    let (x, w) = (random.halves(19 * k, 1.0).upload(), random.halves(64 * k, 1.0).upload());
    let y = Memory::<u16>::poisoned(19 * 64);
    let map = |memory: &Memory<u16>, rows| {
        Argument::TensorMap(TensorMap::new(memory.argument(), k, rows, k, 64, 1))
    };
    #[rustfmt::skip]
    let arguments = [
        y.argument(), map(&x, 19), map(&w, 64), NULL, NULL, NULL, NULL, int(19), int(64), int(k), int(k), int(1), int(64), int(64), int(0),
        float(0.0), int(12), int(0),
    ];
    let waits = ["barrier_0", "empty_wait", "full_wait", "product_wait"];
    reported_without(&waits, "matmul_sm90_64x64", [1, 1, 1], 160, 6 * 2 * 64 * 128, &arguments);
}
