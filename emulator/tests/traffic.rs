//! Tests of the traffic counts, with kernels that can be counted by hand.

use cuda_emulator::{
    GlobalTraffic, Memory, Order, Traffic, costly_places, count_traffic, launch, set_checks, set_order,
    take_counts, traffic,
};

/// The counts of one block of `threads` threads: the same in every order, with and without the checks.
fn counted(kernel: &str, threads: u32, takes_input: bool) -> Traffic {
    let (out, x) = (Memory::from_slice(&[0f32; 1024]), Memory::from_slice(&[1f32; 1024]));
    let arguments = [out.argument(), x.argument()];
    let mut all = Vec::new();
    for (order, checks) in
        [(Order::Forward, true), (Order::Forward, false), (Order::Reverse, true), (Order::Random(1), true)]
    {
        set_order(order);
        set_checks(checks);
        count_traffic(true);
        launch(kernel, [1; 3], [threads, 1, 1], 0, &arguments[..1 + usize::from(takes_input)])
            .unwrap_or_else(|e| panic!("{e}"));
        all.push(traffic());
    }
    assert!(all.iter().all(|other| other == &all[0]), "{kernel}: {all:#?}");
    all[0]
}

fn global(requests: u64, bytes: u64, sectors: u64, fewest_sectors: u64) -> GlobalTraffic {
    GlobalTraffic { requests, bytes, sectors, fewest_sectors }
}

#[test]
fn sectors_of_global_memory_are_those_that_the_lanes_of_a_warp_touch() {
    for (kernel, threads, read, written) in [
        ("neighbours_read_neighbours", 32, global(1, 128, 4, 4), global(1, 128, 4, 4)),
        ("neighbours_read_neighbours", 80, global(3, 320, 10, 10), global(3, 320, 10, 10)),
        ("every_lane_a_sector", 32, global(1, 128, 32, 4), global(1, 128, 4, 4)),
        ("one_word_for_all", 64, global(2, 8, 2, 2), global(2, 256, 8, 8)),
        ("off_by_one_word", 32, global(1, 128, 5, 4), global(1, 128, 4, 4)),
        ("sixteen_bytes_a_lane", 32, global(1, 512, 16, 16), global(1, 512, 16, 16)),
        ("a_lane_stays_away_once", 32, global(2, 252, 8, 8), global(1, 128, 4, 4)),
        ("half_of_a_warp_leaves", 32, global(1, 64, 2, 2), global(1, 64, 2, 2)),
        ("bulk_copy_of_48_bytes", 32, global(1, 48, 2, 2), global(1, 128, 4, 4)),
    ] {
        let counted = counted(kernel, threads, true);
        assert_eq!((counted.read, counted.written), (read, written), "{kernel}, {threads} threads");
    }
}

#[test]
fn lanes_that_want_different_words_of_a_bank_take_turns() {
    // Requests, passes, conflicts.
    for (kernel, takes_input, expected) in [
        ("columns", false, [64, 32 + 32 * 32, 31 * 32]),
        ("padded_columns", false, [64, 64, 0]),
        ("one_shared_word_for_all", false, [2, 2, 0]),
        ("shared_halves", false, [2, 2, 0]),
        ("vectors_of_8", false, [2, 4, 0]),
        ("every_second_vector_of_8", false, [2, 8, 4]),
        ("vectors_of_16", false, [2, 8, 0]),
        ("every_second_vector_of_16", false, [2, 16, 8]),
        ("matrix_of_short_rows", true, [2, 8, 0]),
        ("matrix_of_rows_of_128_bytes", true, [2, 64, 56]),
    ] {
        let counted = counted(kernel, 32, takes_input);
        let shared = [counted.shared_requests, counted.shared_passes, counted.bank_conflicts];
        assert_eq!(shared, expected, "{kernel}");
    }
}

/// The file and line of the only statement with this beginning.
fn place_of(statement: &str) -> String {
    let source = include_str!("../counted/counted.cu");
    let lines: Vec<usize> = source
        .lines()
        .zip(1..)
        .filter(|(line, _)| line.contains(statement))
        .map(|(_, number)| number)
        .collect();
    assert_eq!(lines.len(), 1, "{statement}: {lines:?}");
    format!("counted.cu:{}", lines[0])
}

#[test]
fn the_worst_places_are_named_first() {
    counted("columns", 32, false);
    let places = costly_places(4);
    assert_eq!(places.len(), 1, "{places:#?}");
    assert!(places[0].0.contains(&place_of("sum += s[")), "{places:#?}");
    assert_eq!((places[0].1.shared_requests, places[0].1.bank_conflicts), (32, 31 * 32));
    counted("matrix_of_rows_of_128_bytes", 32, true);
    let places: Vec<String> = costly_places(4).into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["dev::cp_async16(", "dev::ldmatrix_x4("].map(place_of));
}

#[test]
fn nothing_is_counted_unless_asked_for_and_operations_always_are() {
    count_traffic(false);
    take_counts();
    let (out, x) = (Memory::from_slice(&[0f32; 32]), Memory::from_slice(&[1f32; 128]));
    for _ in 0..3 {
        launch("matrix_of_short_rows", [1; 3], [32, 1, 1], 0, &[out.argument(), x.argument()]).unwrap();
    }
    assert_eq!(traffic(), Traffic::default());
    assert_eq!(costly_places(1), []);
    assert_eq!(take_counts().matrix_flops, 3 * 2 * 16 * 8 * 16);
}
