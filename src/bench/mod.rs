//! Benchmark of a model, from samples on the host to a motion on the host, in a form that others can check.
//!
//! Results are checked before they are timed ([`check`]). Floating-point operations and bytes are counted by
//! running the network itself over a back end that computes nothing ([`count()`]). The rates that a result is
//! compared with are measured on the same device in the same process ([`ceilings`]). `deeptalk-rt bench` is
//! the command; [`Report`] is the file that it writes and [`compare()`] reads.

mod ceilings;
mod check;
mod compare;
mod machine;
mod report;
mod stopwatch;
mod times;

use std::time::{Duration, Instant};

pub use self::ceilings::ceilings;
pub use self::check::check;
pub use self::compare::{Difference, compare};
pub use self::machine::{Gpu, Machine, gpu};
pub use self::report::{
    Case, Ceilings, Check, Cold, FORMAT, FORMAT_VERSION, Model, Report, Skipped, StageTimes,
};
pub use self::times::Times;
use crate::networks::{ModelFile, Network};
use crate::tensor::counting::Counter;
pub use crate::tensor::counting::Work;
use crate::tensor::{NumberFormat, OpenDevice};
use crate::verify::Limits;
use crate::{Error, Result};

/// The least and the largest number of runs of a case within a budget.
const RUNS: [usize; 2] = [5, 2000];
/// A case is left out if a single run is expected to take longer than this many budgets.
const PATIENCE: u32 = 20;
/// The budget of the runs that measure every stage is this part of a case's budget.
const STAGES_SHARE: u32 = 4;

/// The clips and the effort of a measurement.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Lengths of the clips.
    pub seconds: Vec<f64>,
    /// Clips of a batch.
    pub batches: Vec<usize>,
    /// The runs of a case.
    pub effort: Effort,
}

/// The number of runs of a case.
#[derive(Debug, Clone, Copy)]
pub enum Effort {
    /// As many runs as fit into this time, at least 5.
    Budget(Duration),
    /// Exactly this many runs.
    Runs(usize),
}

impl Effort {
    /// True if a single run of a case takes too long for the budget.
    fn leaves_out(self, run: Duration) -> bool {
        matches!(self, Self::Budget(budget) if run > budget * PATIENCE)
    }

    /// The time of a whole case whose single run takes `run`: warm-up, runs, and runs with the time of every
    /// stage.
    fn time_of(self, run: Duration, traits: &Traits) -> Duration {
        let runs = |budget: Duration| (run * RUNS[0] as u32).max(budget.min(run * RUNS[1] as u32));
        let measured = match self {
            Self::Budget(budget) => runs(budget) + runs(budget / STAGES_SHARE),
            Self::Runs(count) => run * 2 * count as u32,
        };
        run * traits.warm_up as u32 + measured
    }
}

/// Properties of a device for the measurement.
#[derive(Debug, Clone, Copy)]
pub struct Traits {
    /// Bytes of an element of a weight or an activation.
    pub element_bytes: u64,
    /// Elements of the tensors whose sum shows the memory's rate: far more than fit into caches.
    pub sum_elements: usize,
    /// The most clips of the greatest length in one pass through the network; larger batches take several
    /// passes.
    pub clips_a_pass: usize,
    /// Runs that are not counted: a GPU uploads in the first, records in the second and replays from the
    /// third on.
    pub warm_up: usize,
    /// The largest errors against single clips and against the CPU.
    pub limits: Limits,
}

impl Traits {
    /// The CPU: f32. A minute of the published sizes takes 2 GB.
    pub const CPU: Self =
        Self { element_bytes: 4, sum_elements: 1 << 24, clips_a_pass: 1, warm_up: 2, limits: Limits::F32 };
    /// The CPU with products in bf16. Activations are f32, so all sizes are those of [`CPU`](Self::CPU).
    pub const CPU_BF16: Self = Self { limits: Limits::BF16, ..Self::CPU };
    /// A GPU: fp16, and memory for 32 clips of a minute.
    pub const CUDA: Self =
        Self { element_bytes: 2, sum_elements: 1 << 27, clips_a_pass: 32, warm_up: 3, limits: Limits::F16 };

    /// The traits of a device that multiplies in this format.
    pub fn of(format: NumberFormat) -> &'static Self {
        match format {
            NumberFormat::F32 => &Self::CPU,
            NumberFormat::Bf16 => &Self::CPU_BF16,
            NumberFormat::F16 => &Self::CUDA,
        }
    }
}

/// Modulation of the clips in radians a second: about four syllables a second.
const RHYTHM: f32 = 25f32;

/// Clips with the rhythm of speech, all different: modulated tones at this sample rate.
pub fn clips(sample_rate: u32, seconds: f64, count: usize) -> Vec<Vec<f32>> {
    let rate = sample_rate as f32;
    let samples = ((seconds * f64::from(sample_rate)).round() as usize).max(1);
    let clip = |number: usize| {
        let pitch = 700.0 + 37.0 * (number % 16) as f32;
        (0..samples)
            .map(|i| {
                let t = i as f32 / rate;
                0.3 * (t * RHYTHM).sin() * (t * pitch + (t * 5.0).sin() * 20.0).sin()
            })
            .collect()
    };
    (0..count).map(clip).collect()
}

/// The passes of a batch of clips of one length: as much sound in each pass as fits into the device's memory.
fn passes<'a>(
    network: &dyn Network,
    clips: &'a [Vec<f32>],
    traits: &Traits,
) -> std::slice::Chunks<'a, Vec<f32>> {
    let spec = network.spec();
    let samples = clips.first().map_or(1, Vec::len).max(1);
    let most = spec.one_pass_seconds * spec.sample_rate as usize * traits.clips_a_pass;
    clips.chunks((most / samples).max(1))
}

/// Runs the network: samples on the host to the output on the host.
///
/// # Errors
/// Errors of the device; [`Error::Device`] for an output that is not finite.
pub fn forward(network: &dyn Network, clips: &[Vec<f32>], traits: &Traits) -> Result<Vec<f32>> {
    let mut output = Vec::new();
    for pass in passes(network, clips, traits) {
        let clips: Vec<&[f32]> = pass.iter().map(Vec::as_slice).collect();
        output.extend(network.pass(&clips, None, None)?);
    }
    match output.iter().all(|value| value.is_finite()) {
        true => Ok(output),
        false => Err(Error::Device("the network made numbers that are not finite".into())),
    }
}

/// The cost of these clips through the network of a model file, over all passes.
///
/// # Errors
/// Clips that are too short for the network.
pub fn count(file: &ModelFile, clips: &[Vec<f32>], traits: &Traits) -> Result<Work> {
    let counter = Counter::default();
    let network = file.open_on(&OpenDevice::counting(counter.clone()))?;
    let before = counter.work();
    forward(&*network, clips, traits)?;
    let after = counter.work();
    Ok(Work { flops: after.flops - before.flops, elements: after.elements - before.elements })
}

/// The measured cases, and those that would take too long.
#[derive(Debug, Default)]
pub struct Cases {
    /// Measured cases, in the order of the plan.
    pub done: Vec<Case>,
    /// Cases that were left out.
    pub skipped: Vec<Skipped>,
}

/// The case that is measured next, and how far the measurement is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Next {
    /// The length of a clip.
    pub seconds: f64,
    /// The clips of the batch.
    pub batch: usize,
    /// The number of the case, from 1 on.
    pub number: usize,
    /// The number of all cases; some of them may be left out.
    pub of: usize,
    /// The time that this case and those after it are expected to take.
    pub left: Duration,
}

/// Measures each length and batch of the plan, the least work first. `after` gets the device memory in use at
/// the end of a case, and `progress` a description of the next case.
///
/// # Errors
/// Errors of the device and of `progress`.
pub fn cases(
    file: &ModelFile,
    network: &dyn Network,
    plan: &Plan,
    traits: &Traits,
    ceilings: &Ceilings,
    device_bytes: &dyn Fn() -> Option<u64>,
    progress: &mut dyn FnMut(Next) -> Result<()>,
) -> Result<Cases> {
    let mut order: Vec<(f64, usize)> =
        plan.seconds.iter().flat_map(|&s| plan.batches.iter().map(move |&b| (s, b))).collect();
    order.sort_by(|a, b| (a.0 * a.1 as f64).total_cmp(&(b.0 * b.1 as f64)));
    let clips_of = |(seconds, batch)| clips(network.spec().sample_rate, seconds, batch);
    let works: Vec<Work> =
        order.iter().map(|&case| count(file, &clips_of(case), traits)).collect::<Result<_>>()?;
    let mut cases = Cases::default();
    // Seconds per floating-point operation in the last case; before the first case, in one run of it.
    let mut rate = match (order.first(), works.first()) {
        (Some(&first), Some(work)) => {
            let clips = clips_of(first);
            forward(network, &clips, traits)?;
            let begun = Instant::now();
            forward(network, &clips, traits)?;
            begun.elapsed().as_secs_f64() / work.flops.max(1) as f64
        }
        _ => 0.0,
    };
    for (index, (&(seconds, batch), work)) in order.iter().zip(&works).enumerate() {
        let run_of = |work: &Work| Duration::from_secs_f64(rate * work.flops as f64);
        let expected = run_of(work);
        if index > 0 && plan.effort.leaves_out(expected) {
            let why = format!("one run would take about {:.0} s", expected.as_secs_f64());
            cases.skipped.push(Skipped { seconds, batch, why });
            continue;
        }
        let later = works[index + 1..].iter().map(run_of).filter(|run| !plan.effort.leaves_out(*run));
        let left = std::iter::once(expected).chain(later).map(|run| plan.effort.time_of(run, traits)).sum();
        progress(Next { seconds, batch, number: index + 1, of: order.len(), left })?;
        let case = case(network, plan.effort, traits, (seconds, batch), work, ceilings, device_bytes)?;
        rate = case.end_to_end.p50_ms * 1e-3 / work.flops.max(1) as f64;
        cases.done.push(case);
    }
    Ok(cases)
}

fn case(
    network: &dyn Network,
    effort: Effort,
    traits: &Traits,
    (seconds, batch): (f64, usize),
    work: &Work,
    ceilings: &Ceilings,
    device_bytes: &dyn Fn() -> Option<u64>,
) -> Result<Case> {
    machine::forget_peak_memory();
    let clips = clips(network.spec().sample_rate, seconds, batch);
    for _ in 0..traits.warm_up {
        forward(network, &clips, traits)?;
    }
    let end_to_end = Times::of(&repeat(effort, || forward(network, &clips, traits).map(drop))?);
    let stages = stopwatch::stages(network, &clips, traits, effort)?;
    let took = end_to_end.p50_ms * 1e-3;
    let sound = seconds * batch as f64;
    let bytes = work.elements * traits.element_bytes;
    let [flops_a_second, bytes_a_second] = [work.flops, bytes].map(|count| count as f64 / took);
    Ok(Case {
        seconds,
        batch,
        passes: passes(network, &clips, traits).len(),
        real_time_factor: took / sound,
        times_real_time: sound / took,
        clips_a_second: batch as f64 / took,
        flops: work.flops,
        bytes,
        flops_a_second,
        share_of_product: flops_a_second / ceilings.product_flops_a_second,
        bytes_a_second,
        share_of_sum: bytes_a_second / ceilings.sum_bytes_a_second,
        peak_host_bytes: machine::peak_memory(),
        device_bytes: device_bytes(),
        end_to_end,
        stages,
    })
}

/// The time of each run.
fn repeat(effort: Effort, mut run: impl FnMut() -> Result<()>) -> Result<Vec<Duration>> {
    let begun = Instant::now();
    let mut times = Vec::new();
    loop {
        let enough = match effort {
            Effort::Runs(runs) => times.len() >= runs,
            Effort::Budget(budget) => {
                times.len() >= RUNS[1] || times.len() >= RUNS[0] && begun.elapsed() >= budget
            }
        };
        if enough {
            return Ok(times);
        }
        let start = Instant::now();
        run()?;
        times.push(start.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::{ARCHITECTURES, synth_model};
    use crate::tensor::Dtype;

    #[test]
    fn ten_seconds_of_the_published_sizes_are_what_its_paper_sizes_say() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base.safetensors");
        // The published sizes of the built-in model's architecture.
        let architecture = ARCHITECTURES[0];
        let config = (architecture.sizes[0].config)();
        synth_model(&path, architecture, &config, Dtype::F16, &mut |_| Ok(())).unwrap();
        let file = ModelFile::open(&path).unwrap();
        let clip = clips(16_000, 10.0, 1);
        let one = count(&file, &clip, &Traits::CPU).unwrap();
        // The two largest parts computed by hand: each encoder's convolutions from the second on, and its
        // transformer layers.
        let rows = [160_640, 32_127, 16_063, 8_031, 4_015, 2_007, 1_003, 501];
        let conv: u64 = (2..8).map(|i| 2 * rows[i] * 512 * 512 * if i < 6 { 3 } else { 2 }).sum();
        let layer = 2 * (4 * 768 * 768 + 2 * 768 * 3072);
        let most = 2 * conv + 12 * layer * (252 + 511);
        assert!(one.flops > most && (one.flops as f64) < 1.3 * most as f64, "{} {most}", one.flops);
        let four = count(&file, &vec![clip[0].clone(); 4], &Traits::CPU).unwrap();
        assert_eq!(four.flops, 4 * one.flops);
        assert!(four.elements < 4 * one.elements, "weights are read once a pass");
    }
}
