//! The memory accesses of every kernel, counted by the emulator: against `kernels/traffic.txt`, and against
//! limits.
//!
//! `KERNEL_TRAFFIC_PLACES=skin cargo test --test kernels traffic -- --nocapture` prints the most expensive
//! lines of the kernels whose names begin with `skin`.

use crate::launches;
use crate::support::{Kernel, run};
use cuda_emulator::{
    Counts, GlobalTraffic, Memory, Order, Plain, Traffic, compiler, costly_places, count_traffic, set_order,
    take_counts, traffic,
};
use std::any::Any;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::OnceLock;

/// The smallest share, in percent, of the bytes of a kernel's sectors that its lanes must use.
const USED: u64 = 75;
/// The largest share, in percent, of passes over shared memory that may be lost to bank conflicts.
const LOST: u64 = 5;

const PARTS: &str = "a lane reads its eight floats in two requests, the second from the first-level cache";

/// Kernels that may exceed these limits, with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "first_conv",
        "a thread's weights are 80 bytes in a row: read once for 16 rows, from the first-level cache",
    ),
    (
        "sample_windows",
        "windows overlap at any distance, so no vectors: eight reads of a line, from the first-level cache",
    ),
    (
        "log_bands",
        "eight rows of a band are written as halves, 2 % of what is read; their energies are stored once for 80 bands",
    ),
    (
        "grouped_conv_16",
        "the smallest test models alone: 16 columns are too few rows of the staging tile for all banks",
    ),
    ("layer_norm_of_parts_1", PARTS),
    ("layer_norm_of_parts_2", PARTS),
    ("layer_norm_of_parts_3", PARTS),
    ("layer_norm_of_parts_4", PARTS),
    ("sorted_pool", "a warp sorts one channel of a row; once a clip, bound by its 45 steps"),
    (
        "attention_over",
        "a lane owns a key and reads its row 16 bytes at a time, half a sector; the simple form, for few queries a launch",
    ),
    ("nearest_code", "a lane sums a code in the order of its channels; what it reads is used for four rows"),
    (
        "choose_code",
        "a lane has four neighbouring scores, as one counter gives it four words of noise; latency",
    ),
    ("copy_rows", "columns that are no vectors move one by one; the few of an emotion or a style"),
];

/// One launch and its counts.
struct Row {
    kernel: String,
    shape: String,
    traffic: Traffic,
    counts: Counts,
    /// The lines with the most bank conflicts and unnecessary sectors, if they were requested or a limit is
    /// exceeded.
    places: String,
}

#[derive(Default)]
pub struct Counted {
    rows: Vec<Row>,
    kept: Vec<Box<dyn Any>>,
}

impl Counted {
    /// Keeps the memory as long as the counts; returns its address.
    pub fn keep<T: Plain + 'static>(&mut self, memory: Memory<T>) -> u64 {
        let address = memory.address();
        self.kept.push(Box::new(memory));
        address
    }

    /// Runs a kernel and counts its accesses; `shape` is its text in the table.
    pub fn count(&mut self, shape: &str, call: &impl Kernel) {
        let kernel = call.launch().kernel;
        take_counts();
        count_traffic(true);
        run(call);
        let (traffic, counts) = (traffic(), take_counts());
        let mut row =
            Row { kernel: kernel.clone(), shape: shape.into(), traffic, counts, places: String::new() };
        let asked = std::env::var("KERNEL_TRAFFIC_PLACES").is_ok_and(|name| kernel.starts_with(&name));
        if asked || row.breaks_the_rule() && row.exception().is_none() {
            row.places = costly_places(4).iter().map(|(place, cost)| described(place, cost)).collect();
        }
        if asked {
            println!("{kernel}, {shape}\n{}", row.places);
        }
        self.rows.push(row);
    }
}

fn described(place: &str, cost: &Traffic) -> String {
    if cost.shared_requests > 0 {
        let (conflicts, passes) = (cost.bank_conflicts, cost.shared_passes);
        return format!("    {place}: {conflicts} of {passes} passes over shared memory are conflicts\n");
    }
    let sectors = cost.read.sectors + cost.written.sectors;
    let spare = sectors - cost.read.fewest_sectors - cost.written.fewest_sectors;
    format!("    {place}: {spare} of {sectors} sectors would not be, were the bytes consecutive\n")
}

/// One launch of every kernel, threads and blocks by rising index: the same counts in every run.
fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        set_order(Order::Forward);
        let mut counted = Counted::default();
        launches::count_all(&mut counted);
        count_traffic(false);
        counted.rows
    })
}

fn percent(part: u64, whole: u64) -> u64 {
    (100 * part + whole / 2).checked_div(whole).unwrap_or(100)
}

impl Row {
    fn used(&self) -> u64 {
        let Traffic { read, written, .. } = self.traffic;
        percent(read.bytes + written.bytes, 32 * (read.sectors + written.sectors))
    }

    fn lost(&self) -> u64 {
        percent(self.traffic.bank_conflicts, self.traffic.shared_passes.max(1))
    }

    fn breaks_the_rule(&self) -> bool {
        self.used() < USED || self.lost() > LOST
    }

    fn exception(&self) -> Option<&'static str> {
        let mine = |(kernel, _): &&(&str, &str)| *kernel == self.kernel;
        EXCEPTIONS.iter().find(mine).map(|(_, reason)| *reason)
    }

    fn line(&self) -> String {
        let Traffic { read, written, shared_passes, bank_conflicts, .. } = self.traffic;
        let global = |t: GlobalTraffic| {
            format!("{:>9}  {:>9}  {:>4}", t.bytes, 32 * t.sectors, percent(t.bytes, 32 * t.sectors))
        };
        let Counts { matrix_flops, matrix_products, matrix_loads, async_copies, barriers, .. } = self.counts;
        let per_byte = matrix_flops as f64 / (read.bytes + written.bytes) as f64;
        let (read, written) = (global(read), global(written));
        let shared = format!("{shared_passes:>8}  {bank_conflicts:>9}");
        let operations = format!("{matrix_flops:>10}  {per_byte:>8.1}");
        let instructions =
            format!("{matrix_products:>8}  {matrix_loads:>8}  {:>8}  {barriers:>8}", async_copies / 32);
        let (kernel, shape) = (&self.kernel, &self.shape);
        format!("{kernel:<24}  {shape:<34}  {read}  {written}  {shared}  {operations}  {instructions}")
    }
}

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kernels/traffic.txt");

fn table() -> String {
    let mut table = format!(
        "# C++ compiler {} on {}\n\
         # A launch; of global memory, read and written: bytes that the lanes of a warp want, bytes of the 32-byte sectors in which they lie,\n\
         # their share in percent; of shared memory: passes over the banks, and how many of them are conflicts; operations of the matrix\n\
         # units, and these for a byte that is wanted; instructions of a warp (mma without wgmma, whose FLOP are with the others), and barriers\n\
         # of a block. No cache is part of it: what is read twice counts twice.\n\
         # {:<22}  {:<34}  {:>9}  {:>9}  {:>4}  {:>9}  {:>9}  {:>4}  {:>8}  {:>9}  {:>10}  {:>8}  {:>8}  {:>8}  {:>8}  {:>8}\n",
        compiler(),
        std::env::consts::ARCH,
        "kernel",
        "shape",
        "read",
        "sectors",
        "%",
        "written",
        "sectors",
        "%",
        "passes",
        "conflicts",
        "FLOP",
        "FLOP/byte",
        "mma",
        "ldmatrix",
        "cp.async",
        "barriers",
    );
    for row in rows() {
        writeln!(table, "{}", row.line()).unwrap();
    }
    table
}

/// The fields of a line, separated by two or more spaces.
fn fields(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|field| !field.is_empty()).collect()
}

/// True if two lines have the same text, and numbers that differ by at most a share of the larger one.
fn agree(one: &str, other: &str, tolerance: f64) -> bool {
    let (one, other) = (fields(one), fields(other));
    one.len() == other.len()
        && one.iter().zip(&other).all(|(a, b)| match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(a), Ok(b)) => (a - b).abs() <= tolerance * a.max(b),
            _ => a == b,
        })
}

/// `UPDATE_KERNEL_TRAFFIC=1` writes the table. Accesses through `dev::` and the copy engines are the same
/// with every compiler. A compiler may merge plain accesses, so with another compiler than the table's the
/// numbers may differ by a twentieth.
#[test]
fn traffic_of_the_kernels_is_that_of_the_committed_table() {
    let counted = table();
    if std::env::var_os("UPDATE_KERNEL_TRAFFIC").is_some() {
        std::fs::write(PATH, &counted).unwrap();
    }
    let committed = std::fs::read_to_string(PATH).unwrap();
    let tolerance = if counted.lines().next() == committed.lines().next() { 0.0 } else { 0.05 };
    let lines = |table: &str| -> Vec<String> {
        table.lines().filter(|line| !line.starts_with('#')).map(String::from).collect()
    };
    let (counted, committed) = (lines(&counted), lines(&committed));
    let differ: Vec<_> =
        counted.iter().filter(|line| !committed.iter().any(|other| agree(line, other, tolerance))).collect();
    assert!(
        differ.is_empty(),
        "not in kernels/traffic.txt (UPDATE_KERNEL_TRAFFIC=1 writes it; KERNEL_TRAFFIC_PLACES=kernel names the lines): {differ:#?}"
    );
    assert_eq!(counted.len(), committed.len(), "kernels/traffic.txt has launches that are gone");
}

#[test]
fn every_kernel_is_counted() {
    let resources = include_str!("../../kernels/resources.txt");
    let all: BTreeSet<&str> =
        resources.lines().filter(|line| !line.starts_with('#')).filter_map(|l| l.split(' ').next()).collect();
    let counted: BTreeSet<&str> = rows().iter().map(|row| row.kernel.as_str()).collect();
    assert_eq!(counted, all, "the kernels of kernels/resources.txt");
}

#[test]
fn no_kernel_wastes_memory_traffic_without_a_reason() {
    for row in rows() {
        let what = format!(
            "{}, {}: {} % of the sectors is used, {} % of the passes over shared memory are conflicts",
            row.kernel,
            row.shape,
            row.used(),
            row.lost()
        );
        assert!(
            !row.breaks_the_rule() || row.exception().is_some(),
            "{what}; at least {USED} % and at most {LOST} % should be:\n{}",
            row.places
        );
    }
    for (kernel, reason) in EXCEPTIONS {
        let breaks = rows().iter().any(|row| row.kernel == *kernel && row.breaks_the_rule());
        assert!(breaks, "{kernel} is within the rule: its exception ({reason}) can go");
    }
}

#[test]
fn lines_agree_up_to_a_share() {
    let line = "skin  8 x 1280 vertices  1000  20  3.5";
    assert!(agree(line, "skin   8 x 1280 vertices  1000  20  3.5", 0.0));
    for other in ["skin  8 x 1280 vertices  1001  20  3.5", "skin  8 x 1280 vertices  1000  20"] {
        assert!(!agree(line, other, 0.0));
    }
    assert!(agree(line, "skin  8 x 1280 vertices  1040  21  3.4", 0.05));
    assert!(!agree(line, "skin  8 x 1280 vertices  1060  20  3.5", 0.05));
    assert!(!agree(line, "skin  9 x 1280 vertices  1000  20  3.5", 0.05));
}
