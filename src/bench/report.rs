//! The file that a measurement writes.

use serde::{Deserialize, Serialize};

use super::{Machine, Times};

/// What `format` says.
pub const FORMAT: &str = "deeptalk-rt bench";
/// The version of the fields below.
pub const FORMAT_VERSION: u32 = 1;

/// A measurement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: String,
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The crate's version.
    pub version: String,
    /// The commit that it was built from, in a release build from a clone.
    pub commit: Option<String>,
    /// Where it ran.
    pub machine: Machine,
    /// What ran.
    pub model: Model,
    /// What was compared before anything was timed.
    pub checks: Vec<Check>,
    /// What the device reaches at best.
    pub ceilings: Ceilings,
    /// A new process, to its first result.
    pub cold: Cold,
    /// Steady state.
    pub cases: Vec<Case>,
    /// What would have taken too long.
    pub skipped: Vec<Skipped>,
}

/// The model that ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Its file.
    pub path: String,
    /// The hash of its bytes.
    pub sha256: String,
    /// Its size in the file.
    pub bytes: u64,
    /// Numbers in all its tensors.
    pub parameters: u64,
}

/// A comparison, at its worst stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Check {
    /// What was compared with what.
    pub what: String,
    /// The worst stage.
    pub stage: String,
    /// Its normalised RMS error; for codes the share that differs without an excuse.
    pub error: f64,
    /// What it may be.
    pub limit: f64,
}

/// What the device reaches at best with this program's own operations.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Ceilings {
    /// Rows and columns of the square matrices.
    pub product_size: usize,
    /// Floating-point operations a second of their product.
    pub product_flops_a_second: f64,
    /// Bytes that the sum of two large tensors reads and writes.
    pub sum_bytes: u64,
    /// Bytes a second of that sum.
    pub sum_bytes_a_second: f64,
}

/// A new process: medians of some, in milliseconds. The model file is in the system's cache.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cold {
    /// Length of the clip.
    pub seconds: f64,
    /// From the start of the process to the first motion on the host.
    pub start_to_first_result_ms: f64,
    /// Opening the device.
    pub device_ms: f64,
    /// Opening, checking and loading the model.
    pub load_ms: f64,
    /// The first run: weights take the device's form, and go up to a GPU.
    pub first_run_ms: f64,
    /// The second run: a GPU records its graphs.
    pub second_run_ms: f64,
    /// The third run, which is like all that follow.
    pub third_run_ms: f64,
    /// How many processes.
    pub processes: usize,
}

/// A length and a batch, in steady state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// Length of every clip.
    pub seconds: f64,
    /// Clips.
    pub batch: usize,
    /// Passes through the network.
    pub passes: usize,
    /// From samples on the host to motions on the host.
    pub end_to_end: Times,
    /// Computing a second of sound, in seconds.
    pub real_time_factor: f64,
    /// Its inverse.
    pub times_real_time: f64,
    /// Throughput.
    pub clips_a_second: f64,
    /// Floating-point operations of products, convolutions and attention.
    pub flops: u64,
    /// What every operation reads and writes, each operand once.
    pub bytes: u64,
    /// At the median.
    pub flops_a_second: f64,
    /// Of [`Ceilings::product_flops_a_second`].
    pub share_of_product: f64,
    /// At the median.
    pub bytes_a_second: f64,
    /// Of [`Ceilings::sum_bytes_a_second`]; more than 1 where operands stay in caches.
    pub share_of_sum: f64,
    /// The most memory that the process had during the case, where the system tells.
    pub peak_host_bytes: Option<u64>,
    /// Memory that the program holds on the GPU.
    pub device_bytes: Option<u64>,
    /// Stage by stage, waiting for each.
    pub stages: Vec<StageTimes>,
}

/// The times of a stage of the network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StageTimes {
    /// As `verify` names it.
    pub name: String,
    /// From the end of the one before to its own.
    #[serde(flatten)]
    pub times: Times,
}

/// A case that was left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Skipped {
    /// Length of every clip.
    pub seconds: f64,
    /// Clips.
    pub batch: usize,
    /// Why.
    pub why: String,
}
