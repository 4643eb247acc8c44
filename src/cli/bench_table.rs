//! What `bench` prints.

use std::fmt::Write;

use deeptalk_rt::bench::{Case, Difference, Report};

use super::say;

/// Stages that are told of a case: the slowest.
const STAGES: usize = 6;

/// A measurement for people.
pub fn of(report: &Report) -> String {
    let Report { machine, model, ceilings, cold, .. } = report;
    let processor = machine.processor.as_deref().unwrap_or("unknown processor");
    let mut text = format!("{}: {}, sha256 {}\n", model.path, say::size(model.bytes), &model.sha256[..16]);
    let _ = writeln!(text, "{}, {processor}, {} threads", machine.device, machine.threads);
    if let Some(gpu) = &machine.gpu {
        let _ = writeln!(text, "driver {}, {} of {} MHz", gpu.driver, gpu.clock_mhz, gpu.highest_clock_mhz);
    }
    for check in &report.checks {
        let _ = writeln!(
            text,
            "checked: {}, worst {} with {:.1e} ({:.0e} is allowed)",
            check.what, check.stage, check.error, check.limit
        );
    }
    let _ = writeln!(
        text,
        "at best: product {} ({} x {}), sum of large tensors {}",
        rate(ceilings.product_flops_a_second, "FLOP/s"),
        ceilings.product_size,
        ceilings.product_size,
        rate(ceilings.sum_bytes_a_second, "B/s")
    );
    let _ = writeln!(
        text,
        "cold, {} s clip: {:.0} ms from the start of the process to its first result (device {:.0}, load {:.0}, runs {:.0}, {:.0}, {:.0})\n",
        cold.seconds,
        cold.start_to_first_result_ms,
        cold.device_ms,
        cold.load_ms,
        cold.first_run_ms,
        cold.second_run_ms,
        cold.third_run_ms
    );
    text += &columns(&report.cases);
    for case in report.cases.iter().filter(|case| case.batch == 1) {
        let _ = writeln!(text, "\n{} s by stage (p50 ms): {}", case.seconds, slowest(case));
    }
    for skipped in &report.skipped {
        let _ = writeln!(text, "left out: {} x {} s, {}", skipped.batch, skipped.seconds, skipped.why);
    }
    text
}

fn columns(cases: &[Case]) -> String {
    let header = [
        "clip",
        "batch",
        "p50 ms",
        "p95",
        "p99",
        "min",
        "runs",
        "x real time",
        "clips/s",
        "FLOP/s",
        "of best",
        "B/s",
        "of best",
        "memory",
    ];
    let mut rows = vec![header.map(String::from)];
    for case in cases {
        let times = &case.end_to_end;
        let memory = case.device_bytes.or(case.peak_host_bytes).map_or("unknown".into(), say::size);
        rows.push([
            format!("{} s", case.seconds),
            case.batch.to_string(),
            milliseconds(times.p50_ms),
            milliseconds(times.p95_ms),
            milliseconds(times.p99_ms),
            milliseconds(times.min_ms),
            times.runs.to_string(),
            format!("{:.1}", case.times_real_time),
            format!("{:.2}", case.clips_a_second),
            rate(case.flops_a_second, ""),
            format!("{:.0} %", 100.0 * case.share_of_product),
            rate(case.bytes_a_second, ""),
            format!("{:.0} %", 100.0 * case.share_of_sum),
            memory,
        ]);
    }
    aligned(&rows)
}

fn slowest(case: &Case) -> String {
    let mut stages: Vec<_> = case.stages.iter().collect();
    stages.sort_by(|a, b| b.times.p50_ms.total_cmp(&a.times.p50_ms));
    let told: Vec<String> =
        stages.iter().take(STAGES).map(|s| format!("{} {}", s.name, milliseconds(s.times.p50_ms))).collect();
    told.join(", ")
}

/// Two measurements for people.
pub fn of_differences(differences: &[Difference], limit: f64) -> String {
    let mut rows = vec![["clip", "batch", "old p50 ms", "new p50 ms", "ratio", ""].map(String::from)];
    for difference in differences {
        let slower = if difference.ratio() <= limit { "" } else { "SLOWER" };
        rows.push([
            format!("{} s", difference.seconds),
            difference.batch.to_string(),
            milliseconds(difference.old_ms),
            milliseconds(difference.new_ms),
            format!("{:.3}", difference.ratio()),
            slower.into(),
        ]);
    }
    aligned(&rows)
}

fn milliseconds(ms: f64) -> String {
    let decimals = if ms < 10.0 {
        3
    } else if ms < 1000.0 {
        1
    } else {
        0
    };
    format!("{ms:.decimals$}")
}

fn rate(value: f64, unit: &str) -> String {
    match value {
        1e12.. => format!("{:.1} T{unit}", value * 1e-12),
        _ => format!("{:.1} G{unit}", value * 1e-9),
    }
}

/// Columns as wide as their widest cell, to the right.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
