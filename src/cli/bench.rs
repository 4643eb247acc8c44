//! `bench`: how fast a model is on this machine.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use deeptalk_rt::bench::{
    self, Cold, Effort, FORMAT, FORMAT_VERSION, Gpu, Machine, Model, Plan, Report, Traits,
};
use deeptalk_rt::files::AtomicFile;
use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::tensor::{Device, NumberFormat};
use deeptalk_rt::{Error, Result};
use serde_json::json;

use super::bench_table as table;
use super::device;
use super::{say, stop};

const EXAMPLES: &str = "\
Examples:
  deeptalk-rt bench --seconds 1,10 --batch 1 --budget 1
  deeptalk-rt bench model.safetensors --batch 1 --json new.json
  deeptalk-rt bench compare old.json new.json --limit 1.1

Every time is from samples on the host to a motion on the host. Results are checked first: clips of a batch against single
clips and, on a GPU, against the CPU. Operations and bytes are counted from the shapes that ran; the ceilings that they are compared with
are measured on the device.";

/// New processes whose start is measured, if no number of runs is given.
const PROCESSES: usize = 3;

/// Measure how fast a model is on this machine
#[derive(Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Bench {
    #[command(subcommand)]
    compare: Option<Sub>,

    /// The model [default: the built-in one]
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,

    /// Lengths of the clips
    #[arg(long, value_name = "SECONDS,...", value_delimiter = ',', value_parser = seconds)]
    #[arg(default_value = "1,5,10,30,60", allow_negative_numbers = true)]
    seconds: Vec<f64>,

    /// Clips at a time
    #[arg(long, value_name = "CLIPS,...", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024))]
    #[arg(default_value = "1,8,32")]
    batch: Vec<u16>,

    /// The device: auto, cpu, cpu:bf16, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    device: Device,

    /// Time for each length and batch; one whose single run would take 20 times as long is left out
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds, allow_negative_numbers = true)]
    budget: f64,

    /// So many runs instead of a budget
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000), conflicts_with = "budget")]
    runs: Option<u32>,

    /// Write everything that was measured, for programs and for `bench compare`
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Be the new process whose start is measured
    #[arg(long, hide = true)]
    cold_start: bool,
}

#[derive(Subcommand)]
enum Sub {
    Compare(Compare),
}

/// Compare two measurements; exit code 1 if one case got slower than the limit
#[derive(Args)]
struct Compare {
    /// What `bench --json` wrote before
    #[arg(value_name = "OLD.json")]
    old: PathBuf,

    /// What it wrote now
    #[arg(value_name = "NEW.json")]
    new: PathBuf,

    /// How many times as long a case may take
    #[arg(long, default_value = "1.1", value_parser = ratio, allow_negative_numbers = true)]
    limit: f64,
}

/// The longest clip that is measured, in seconds: a network may have to cut longer ones into windows.
const LONGEST: f64 = 60.0;

fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.01..=LONGEST).contains(seconds))
        .ok_or_else(|| format!("expected a number of seconds from 0.01 to {LONGEST}"))
}

fn ratio(text: &str) -> Result<f64, String> {
    let finite = text.parse().ok().filter(|ratio: &f64| ratio.is_finite() && *ratio > 0.0);
    finite.ok_or_else(|| "expected a number above 0, such as 1.1".into())
}

impl Bench {
    pub fn execute(&self) -> Result<ExitCode> {
        if let Some(Sub::Compare(compare)) = &self.compare {
            return compare.execute();
        }
        if self.cold_start {
            return self.be_cold();
        }
        if let Some(path) = &self.json {
            super::outputs::check([path], self.model.as_ref())?;
        }
        stop::listen();
        // Everything that can be wrong with the input is known before processes are started.
        let file = self.open()?;
        let cold = self.cold()?;
        self.measure(&file, cold)
    }

    fn open(&self) -> Result<ModelFile> {
        self.model.as_ref().map_or_else(ModelFile::builtin, ModelFile::open)
    }

    fn measure(&self, file: &ModelFile, cold: Cold) -> Result<ExitCode> {
        let device = device::open(self.device)?;
        let traits = Traits::of(device.format());
        let network = file.open_on(&device)?;
        let network = &*network;
        let is_reference = device.format() == NumberFormat::F32;
        let reference = (!is_reference).then(|| file.open_on(&Device::Cpu.open()?)).transpose()?;
        let checks = bench::check(network, reference.as_deref(), traits)?;
        // The memory of the reference is not part of the measurement.
        drop(reference);
        stop::check()?;
        // A second handle of the device, whose memory goes with it: that memory is not the model's.
        let ceilings = bench::ceilings(&self.device.open()?, traits)?;
        let device_bytes =
            || device.cuda().and_then(|gpu| gpu.reserved_memory().ok()).map(|bytes| bytes as u64);
        let plan = Plan {
            seconds: self.seconds.clone(),
            batches: self.batch.iter().map(|&batch| batch.into()).collect(),
            effort: self.effort(),
        };
        let measured = bench::cases(
            file,
            network,
            &plan,
            traits,
            &ceilings,
            &device_bytes,
            &mut |next: bench::Next| {
                stop::check()?;
                let bench::Next { seconds, batch, number, of, left } = next;
                let left = say::duration(left);
                say::line(format_args!(
                    "measuring {batch} x {seconds} s, case {number} of {of}, {left} left"
                ));
                Ok(())
            },
        )?;
        // The clocks are still those of the work.
        let number = if let Device::Cuda(number) = self.device { number } else { 0 };
        let gpu: Option<Gpu> = device.cuda().and_then(|_| bench::gpu(number));
        let report = Report {
            format: FORMAT.into(),
            format_version: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION").into(),
            commit: option_env!("DEEPTALK_COMMIT").map(String::from),
            machine: Machine::here(device.name().into(), gpu),
            model: Model {
                path: file.path().to_string_lossy().into(),
                sha256: file.sha256(),
                bytes: file.bytes() as u64,
                parameters: file.tensors().map(|tensor| tensor.shape.iter().product::<usize>() as u64).sum(),
            },
            checks,
            ceilings,
            cold,
            cases: measured.done,
            skipped: measured.skipped,
        };
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(&report).map_err(|e| Error::Usage(e.to_string()))?;
            let written = AtomicFile::write(path, |file| {
                std::io::Write::write_all(file, format!("{text}\n").as_bytes())?;
                Ok(())
            })?;
            say::file(path, "the measurement", &written);
        }
        say::result(&table::of(&report))?;
        Ok(ExitCode::SUCCESS)
    }

    fn effort(&self) -> Effort {
        match self.runs {
            Some(runs) => Effort::Runs(runs as usize),
            None => Effort::Budget(Duration::from_secs_f64(self.budget)),
        }
    }

    /// Starts new processes and takes the median of what they tell.
    fn cold(&self) -> Result<Cold> {
        let seconds = self.seconds.first().copied().unwrap_or(1.0);
        let processes = self.runs.map_or(PROCESSES, |runs| PROCESSES.min(runs as usize));
        let mut all = Vec::new();
        for _ in 0..processes {
            stop::check()?;
            all.push(self.cold_once(seconds)?);
        }
        let median = |part: usize| {
            let mut values: Vec<f64> = all.iter().map(|times| times[part]).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let [device_ms, load_ms, first_run_ms, second_run_ms, third_run_ms, start_to_first_result_ms] =
            std::array::from_fn(median);
        Ok(Cold {
            seconds,
            start_to_first_result_ms,
            device_ms,
            load_ms,
            first_run_ms,
            second_run_ms,
            third_run_ms,
            processes,
        })
    }

    /// What the new process says of its five phases, and the time to its first result.
    fn cold_once(&self, seconds: f64) -> Result<[f64; 6]> {
        let failed = |why: String| Error::Device(format!("the new process for the cold start failed: {why}"));
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(program);
        command.arg("bench").arg("--cold-start").arg(format!("--seconds={seconds}"));
        command.arg(format!("--device={}", self.device));
        if let Some(model) = &self.model {
            command.arg("--").arg(model);
        }
        let begun = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| failed(error.to_string()))?;
        let mut lines = child.stdout.take().map(|out| BufReader::new(out).lines());
        let mut line = || lines.as_mut()?.next()?.ok();
        let first = line();
        let to_first = begun.elapsed().as_secs_f64() * 1e3;
        let phases: Option<[f64; 5]> = line().and_then(|text| serde_json::from_str(&text).ok());
        let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        match (first, phases) {
            (Some(_), Some([device, load, first, second, third])) if output.status.success() => {
                Ok([device, load, first, second, third, to_first])
            }
            _ => Err(failed(String::from_utf8_lossy(&output.stderr).trim().into())),
        }
    }

    /// The new process itself.
    fn be_cold(&self) -> Result<ExitCode> {
        let begun = Instant::now();
        let device = device::open(self.device)?;
        let traits = Traits::of(device.format());
        let opened = Instant::now();
        let network = self.open()?.open_on(&device)?;
        let loaded = Instant::now();
        let rate = network.spec().sample_rate;
        let clips = bench::clips(rate, self.seconds.first().copied().unwrap_or(1.0), 1);
        let mut ends = vec![begun, opened, loaded];
        for run in 0..3 {
            bench::forward(&*network, &clips, traits)?;
            if run == 0 {
                say::result("first\n")?;
            }
            ends.push(Instant::now());
        }
        let phases: Vec<f64> = ends.windows(2).map(|w| (w[1] - w[0]).as_secs_f64() * 1e3).collect();
        say::result(&format!("{}\n", json!(phases)))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Compare {
    fn execute(&self) -> Result<ExitCode> {
        let (old, new) = (Report::read(&self.old)?, Report::read(&self.new)?);
        let differences = bench::compare(&old, &new);
        if differences.is_empty() {
            return Err(nothing_in_common(&self.new, &old, &new));
        }
        for (what, a, b) in [
            ("devices", &old.machine.device, &new.machine.device),
            ("processors", &format!("{:?}", old.machine.processor), &format!("{:?}", new.machine.processor)),
            ("models", &old.model.sha256, &new.model.sha256),
        ] {
            if a != b {
                say::line(format_args!("note: other {what}: {a} and {b}"));
            }
        }
        say::result(&table::of_differences(&differences, self.limit))?;
        // A NaN is slower than every limit.
        match differences.iter().all(|difference| difference.ratio() <= self.limit) {
            true => Ok(ExitCode::SUCCESS),
            false => Ok(ExitCode::FAILURE),
        }
    }
}

fn nothing_in_common(path: &Path, old: &Report, new: &Report) -> Error {
    let cases = |report: &Report| {
        let cases: Vec<String> =
            report.cases.iter().map(|case| format!("{} x {} s", case.batch, case.seconds)).collect();
        cases.join(", ")
    };
    let next = "measure the same lengths and batches twice (--seconds, --batch)";
    Error::bad_input(path, "has no case of the other measurement", cases(old), cases(new), next)
}
