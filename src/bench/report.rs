//! The file of a measurement.

use serde::{Deserialize, Serialize};

use super::{Machine, Times};

/// The value of `format`.
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
    /// The commit of the source, in a release build from a clone.
    pub commit: Option<String>,
    /// The machine.
    pub machine: Machine,
    /// The model.
    pub model: Model,
    /// The comparisons before the timing.
    pub checks: Vec<Check>,
    /// The best rates of the device.
    pub ceilings: Ceilings,
    /// The time of a new process to its first result.
    pub cold: Cold,
    /// The cases in steady state.
    pub cases: Vec<Case>,
    /// The cases that would take too long.
    pub skipped: Vec<Skipped>,
}

/// The measured model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The path of the model file.
    pub path: String,
    /// The SHA-256 of the file.
    pub sha256: String,
    /// The size of the file.
    pub bytes: u64,
    /// Numbers in all its tensors.
    pub parameters: u64,
}

/// A comparison; the fields are those of its worst stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Check {
    /// The two sides of the comparison.
    pub what: String,
    /// The worst stage.
    pub stage: String,
    /// The normalised RMS error of the stage; for codes the share of rows that differ without a near tie.
    pub error: f64,
    /// The limit of the error.
    pub limit: f64,
}

/// The best rates of the device with this program's own operations.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Ceilings {
    /// Rows and columns of the square matrices.
    pub product_size: usize,
    /// Floating-point operations a second of their product.
    pub product_flops_a_second: f64,
    /// Bytes that the sum of two large tensors reads and writes.
    pub sum_bytes: u64,
    /// Bytes a second in that sum.
    pub sum_bytes_a_second: f64,
}

/// The start of a new process: medians over several processes, in milliseconds. The model file is in the
/// system's cache.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cold {
    /// Length of the clip.
    pub seconds: f64,
    /// Time from the start of the process to the first motion on the host.
    pub start_to_first_result_ms: f64,
    /// Opening the device.
    pub device_ms: f64,
    /// Opening, checking and loading the model.
    pub load_ms: f64,
    /// The first run: weights are converted into the device's form, and uploaded to a GPU.
    pub first_run_ms: f64,
    /// The second run: a GPU records its graphs.
    pub second_run_ms: f64,
    /// The third run, which is like all later ones.
    pub third_run_ms: f64,
    /// The number of processes.
    pub processes: usize,
}

/// A length and a batch, in steady state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// Length of each clip.
    pub seconds: f64,
    /// Clips.
    pub batch: usize,
    /// Passes through the network.
    pub passes: usize,
    /// Time from samples on the host to motions on the host.
    pub end_to_end: Times,
    /// Computing time for a second of sound, in seconds.
    pub real_time_factor: f64,
    /// The inverse of the real-time factor.
    pub times_real_time: f64,
    /// Throughput.
    pub clips_a_second: f64,
    /// Floating-point operations of products, convolutions and attention.
    pub flops: u64,
    /// Bytes that the operations read and write, each operand once.
    pub bytes: u64,
    /// Floating-point operations a second at the median time.
    pub flops_a_second: f64,
    /// The share of [`Ceilings::product_flops_a_second`].
    pub share_of_product: f64,
    /// Bytes a second at the median time.
    pub bytes_a_second: f64,
    /// The share of [`Ceilings::sum_bytes_a_second`]; more than 1 if operands stay in caches.
    pub share_of_sum: f64,
    /// The peak memory of the process during the case, if the system reports it.
    pub peak_host_bytes: Option<u64>,
    /// Memory that the program holds on the GPU.
    pub device_bytes: Option<u64>,
    /// The stages, with a wait for the device after each.
    pub stages: Vec<StageTimes>,
}

/// The times of a stage of the network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StageTimes {
    /// The name of the stage, as in `verify`.
    pub name: String,
    /// The time from the end of the previous stage to the end of this one.
    #[serde(flatten)]
    pub times: Times,
}

/// A case that was left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Skipped {
    /// Length of each clip.
    pub seconds: f64,
    /// Clips.
    pub batch: usize,
    /// The reason.
    pub why: String,
}
