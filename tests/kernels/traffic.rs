//! What the memory accesses of every kernel cost, counted by the emulator, against `kernels/traffic.txt` and against two rules.
//!
//! `KERNEL_TRAFFIC_PLACES=1 cargo test --test kernels traffic -- --nocapture` also names the costliest lines of every kernel.

use crate::launches;
use crate::support::run;
use cuda_emulator::{
    Argument, GlobalTraffic, Memory, Order, Plain, Traffic, compiler, costly_places, count_traffic,
    set_order, take_counts, traffic,
};
use std::any::Any;
use std::fmt::Write;
use std::sync::OnceLock;

/// One launch, and what it cost.
struct Row {
    kernel: String,
    shape: String,
    traffic: Traffic,
    flops: u64,
    /// The lines with the most bank conflicts and sectors that need not be, if they were asked for or if a rule is broken.
    places: String,
}

#[derive(Default)]
pub struct Counted {
    rows: Vec<Row>,
    kept: Vec<Box<dyn Any>>,
}

impl Counted {
    /// The address of what shall live as long as the launches.
    pub fn keep<T: Plain + 'static>(&mut self, memory: Memory<T>) -> Argument {
        let argument = memory.argument();
        self.kept.push(Box::new(memory));
        argument
    }

    pub fn count(
        &mut self,
        kernel: &str,
        shape: &str,
        grid: [usize; 3],
        threads: usize,
        shared: usize,
        arguments: &[Argument],
    ) {
        take_counts();
        count_traffic(true);
        run(kernel, grid, threads, shared, arguments);
        let mut row = Row {
            kernel: kernel.into(),
            shape: shape.into(),
            traffic: traffic(),
            flops: take_counts().matrix_flops,
            places: String::new(),
        };
        if row.broken_rule().is_some() || std::env::var_os("KERNEL_TRAFFIC_PLACES").is_some() {
            for (place, cost) in costly_places(4) {
                let spare = |t: GlobalTraffic| t.sectors - t.fewest_sectors;
                let (read, written) = (spare(cost.read), spare(cost.written));
                let conflicts =
                    format!("{} conflicts of {} requests", cost.bank_conflicts, cost.shared_requests);
                let sectors = format!(
                    "{} spare sectors of {}",
                    read + written,
                    cost.read.sectors + cost.written.sectors
                );
                let cost = if cost.shared_requests > 0 { conflicts } else { sectors };
                writeln!(row.places, "    {place}: {cost}").unwrap();
            }
            println!("{kernel}, {shape}\n{}", row.places);
        }
        self.rows.push(row);
    }
}

/// Every kernel once, threads and blocks by rising index: the same counts in every run.
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
    fn broken_rule(&self) -> Option<String> {
        None
    }

    fn line(&self) -> String {
        let Traffic { read, written, shared_requests, bank_conflicts, .. } = self.traffic;
        let global = |t: GlobalTraffic| {
            format!("{:>9}  {:>9}  {:>4}", t.bytes, 32 * t.sectors, percent(t.bytes, 32 * t.sectors))
        };
        let per_byte = self.flops as f64 / (read.bytes + written.bytes) as f64;
        format!(
            "{:<20}  {:<34}  {}  {}  {shared_requests:>8}  {bank_conflicts:>8}  {:>10}  {per_byte:>5.1}",
            self.kernel,
            self.shape,
            global(read),
            global(written),
            self.flops
        )
    }
}

#[test]
fn print_them() {
    for row in rows() {
        println!("{}", row.line());
    }
    println!("{}", compiler());
}
