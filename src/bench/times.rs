//! Statistics of run times.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Percentiles of the times of equal runs, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// The median.
    pub p50_ms: f64,
    /// The 95th percentile: 95 of 100 runs are at least as fast.
    pub p95_ms: f64,
    /// The 99th percentile; with less than 100 runs the slowest run.
    pub p99_ms: f64,
    /// The fastest run.
    pub min_ms: f64,
    /// The number of runs.
    pub runs: usize,
}

impl Times {
    /// The percentiles of these runs, in any order; NaN without runs.
    pub fn of(runs: &[Duration]) -> Self {
        let mut sorted: Vec<f64> = runs.iter().map(|run| run.as_secs_f64() * 1e3).collect();
        sorted.sort_by(f64::total_cmp);
        // The nearest rank: a measured time, never a value between two.
        let percentile = |share: f64| {
            let rank = (share * sorted.len() as f64).ceil() as usize;
            sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
        };
        Self {
            p50_ms: percentile(0.5),
            p95_ms: percentile(0.95),
            p99_ms: percentile(0.99),
            min_ms: percentile(0.0),
            runs: sorted.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let runs: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        let times = Times::of(&runs);
        assert_eq!((times.min_ms, times.p50_ms), (1.0, 100.0));
        assert_eq!((times.p95_ms, times.p99_ms, times.runs), (190.0, 198.0, 200));
        let one = Times::of(&runs[..1]);
        assert_eq!([one.min_ms, one.p50_ms, one.p95_ms, one.p99_ms], [200.0; 4]);
    }
}
