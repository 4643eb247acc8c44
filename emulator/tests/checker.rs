//! Tests of the checker: every deliberately wrong kernel is reported in every order, and its correct variant
//! is not.

use cuda_emulator::{Argument, Memory, Order, launch, set_order};

const ORDERS: [Order; 5] =
    [Order::Forward, Order::Reverse, Order::Random(1), Order::Random(2), Order::Random(3)];

/// The message about an access that comes too early.
const EARLY: &str = "before this thread has waited for the launch before this one";

/// Output, input of 128 floats, `n`: as many arguments as the kernel takes.
fn run(
    kernel: &str,
    blocks: u32,
    threads: u32,
    output: usize,
    more: &[Argument],
) -> Result<Vec<f32>, String> {
    let out = Memory::from_slice(&vec![0f32; output]);
    let mut arguments = vec![out.argument()];
    arguments.extend(more);
    launch(kernel, [blocks, 1, 1], [threads, 1, 1], 0, &arguments)?;
    Ok(out.to_vec())
}

#[test]
fn every_broken_kernel_is_reported_in_every_order() {
    let x = Memory::from_slice(&[1f32; 128]);
    let unwritten = Memory::<f32>::poisoned(128);
    let (input, poison) = (x.argument(), unwritten.argument());
    let n = Argument::I32;
    let cases: &[(&str, u32, u32, &[Argument], &str)] = &[
        ("neighbours_without_syncwarp", 1, 32, &[], "shared memory"),
        ("blocks_add_without_atomic", 4, 1, &[input], "data race on global memory"),
        ("misaligned_vector", 1, 4, &[input], "misaligned"),
        ("unwritten_shared", 1, 64, &[], "uninitialised"),
        ("unwritten_global", 1, 32, &[poison], "uninitialised global memory"),
        ("barrier_in_two_branches", 1, 64, &[], "barrier 0 reached at different places"),
        ("shuffle_in_half_a_warp", 1, 32, &[], "deadlock"),
        ("read_past_the_end", 1, 32, &[input, n(128)], "out-of-bounds 4-byte read of global memory"),
        ("write_past_the_end", 1, 192, &[], "out-of-bounds 4-byte write of global memory"),
        ("shared_past_the_end", 1, 32, &[], "out-of-bounds 4-byte write of shared memory"),
        ("local_array_past_the_end", 1, 1, &[n(4)], "array index out of bounds"),
        ("copy_not_awaited", 1, 32, &[input], "data race on shared memory"),
        ("copy_awaited_without_barrier", 1, 32, &[input], "shared memory"),
        ("bulk_copy_not_awaited", 1, 32, &[input], "data race on shared memory"),
        ("mbarrier_never_completes", 1, 32, &[], "deadlock"),
        ("read_before_the_wait", 1, 32, &[input], "4-byte read of global memory at broken.cu:"),
        ("read_before_the_wait", 1, 32, &[input], EARLY),
        ("atomic_before_the_wait", 1, 32, &[], EARLY),
        ("copy_before_the_wait", 1, 32, &[input], EARLY),
        ("bulk_copy_before_the_wait", 1, 32, &[input], EARLY),
        (
            "return_without_the_wait",
            2,
            32,
            &[],
            "a thread ends that never waited for the launch before this one",
        ),
    ];
    for (kernel, blocks, threads, more, expected) in cases {
        for order in ORDERS {
            set_order(order);
            let error = run(kernel, *blocks, *threads, 128, more)
                .expect_err(&format!("{kernel}, {order:?}: nothing was reported"));
            assert!(error.contains(expected), "{kernel}, {order:?}: {error}");
        }
    }
}

#[test]
fn right_kernels_are_not_reported_in_any_order() {
    let x = Memory::from_slice(&[1f32; 128]);
    let input = x.argument();
    let cases: &[(&str, u32, u32, &[Argument])] = &[
        ("neighbours_with_syncwarp", 1, 32, &[]),
        ("blocks_add_with_atomic", 4, 1, &[input]),
        ("copy_awaited", 1, 32, &[input]),
        ("bulk_copy_awaited", 1, 32, &[input]),
        ("work_before_the_wait", 1, 32, &[]),
    ];
    for (kernel, blocks, threads, more) in cases {
        for order in ORDERS {
            set_order(order);
            let values =
                run(kernel, *blocks, *threads, 32, more).unwrap_or_else(|e| panic!("{order:?}: {e}"));
            assert!(values[0] > 0.0 || values[1] == 0.0, "{kernel}");
        }
    }
}

#[test]
fn a_report_names_the_file_and_the_line() {
    set_order(Order::Forward);
    let x = Memory::from_slice(&[1f32; 4]);
    let error = run("blocks_add_without_atomic", 4, 1, 1, &[x.argument()]).unwrap_err();
    assert!(error.contains("broken.cu:19"), "{error}");
}

#[test]
fn a_wrong_argument_list_is_refused() {
    let error = launch("blocks_add_with_atomic", [1; 3], [1; 3], 0, &[Argument::I32(0)]).unwrap_err();
    assert!(error.contains("takes 2 arguments, 1 given"), "{error}");
    let error = launch("local_array_past_the_end", [1; 3], [1; 3], 0, &[Argument::U64(0), Argument::U64(0)])
        .unwrap_err();
    assert!(error.contains("argument 1 has 4 bytes, 8 given"), "{error}");
    assert!(launch("no_such_kernel", [1; 3], [1; 3], 0, &[]).unwrap_err().contains("no such kernel"));
}
