//! The machine that a measurement ran on, as far as it tells.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// Where something ran.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// As `--device` names it, with the GPU's name.
    pub device: String,
    /// The processor's name.
    pub processor: Option<String>,
    /// Threads that the CPU back end works with.
    pub threads: usize,
    /// The fastest clock of a core, seen right after the measurement.
    pub processor_mhz: Option<f64>,
    /// Operating system and architecture.
    pub system: String,
    /// The GPU, if it was used.
    pub gpu: Option<Gpu>,
}

/// What `nvidia-smi` says right after the measurement, word by word.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Gpu {
    /// Its name.
    pub name: String,
    /// The driver's version.
    pub driver: String,
    /// The processors' clock.
    pub clock_mhz: String,
    /// The highest that they can have.
    pub highest_clock_mhz: String,
    /// The memory's clock.
    pub memory_clock_mhz: String,
    /// Its temperature in degrees Celsius.
    pub temperature: String,
}

impl Machine {
    /// This one.
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

/// What `nvidia-smi` says about a GPU, if it is there.
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

/// The most memory that the process had, since [`forget_peak_memory`] where the system allows that.
pub fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes: u64 = field(&status, "VmHWM").next()?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Begins a new peak.
pub fn forget_peak_memory() {
    // Where it cannot be done, the peak is that of the whole process.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The values of `name : value` lines.
fn field<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    text.lines()
        .filter_map(move |line| line.split_once(':').filter(|(key, _)| key.trim() == name))
        .map(|(_, value)| value.trim())
}
