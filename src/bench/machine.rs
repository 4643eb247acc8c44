//! The machine of a measurement, as far as the system describes it.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// The machine of a measurement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// The device in the spelling of `--device`, with the GPU's name.
    pub device: String,
    /// The processor's name.
    pub processor: Option<String>,
    /// Threads of the CPU back end.
    pub threads: usize,
    /// The fastest clock of a core right after the measurement.
    pub processor_mhz: Option<f64>,
    /// Operating system and architecture.
    pub system: String,
    /// The GPU, if it was used.
    pub gpu: Option<Gpu>,
}

/// The output of `nvidia-smi` right after the measurement, value by value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Gpu {
    /// The name.
    pub name: String,
    /// The driver's version.
    pub driver: String,
    /// The clock of the multiprocessors.
    pub clock_mhz: String,
    /// The highest clock of the multiprocessors.
    pub highest_clock_mhz: String,
    /// The clock of the memory.
    pub memory_clock_mhz: String,
    /// The temperature in degrees Celsius.
    pub temperature: String,
}

impl Machine {
    /// This machine.
    pub fn here(device: String, gpu: Option<Gpu>) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let mhz = field(&cpuinfo, "cpu MHz").filter_map(|mhz| mhz.parse().ok()).fold(None, |best, mhz| {
            let mhz: f64 = mhz;
            Some(best.map_or(mhz, |best: f64| best.max(mhz)))
        });
        Self {
            device,
            processor: field(&cpuinfo, "model name").next().map(String::from),
            threads: rayon::current_num_threads(),
            processor_mhz: mhz,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            gpu,
        }
    }
}

/// The description of a GPU by `nvidia-smi`, if that is installed.
pub fn gpu(number: usize) -> Option<Gpu> {
    let query = "name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,temperature.gpu";
    let output = Command::new("nvidia-smi")
        .args([&format!("--id={number}"), &format!("--query-gpu={query}"), "--format=csv,noheader,nounits"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let values: Vec<String> = text.trim().split(", ").map(String::from).collect();
    let [name, driver, clock_mhz, highest_clock_mhz, memory_clock_mhz, temperature] =
        values.try_into().ok()?;
    Some(Gpu { name, driver, clock_mhz, highest_clock_mhz, memory_clock_mhz, temperature })
}

/// The peak memory of the process, since [`forget_peak_memory`] if the system supports that.
pub fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes: u64 = field(&status, "VmHWM").next()?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Starts a new peak.
pub fn forget_peak_memory() {
    // If the system does not support it, the peak is that of the whole process.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The values of `name : value` lines.
fn field<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    text.lines()
        .filter_map(move |line| line.split_once(':').filter(|(key, _)| key.trim() == name))
        .map(|(_, value)| value.trim())
}
