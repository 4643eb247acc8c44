//! How fast a model is, from samples on the host to a motion on the host, measured so that others can believe it.
//!
//! Results are checked before they are timed ([`check`]). Floating-point operations and bytes are counted by running the network itself
//! over a back end that computes nothing ([`count`]). What a rate is compared with is measured on the same device in the same
//! process ([`ceilings`]). `deeptalk-rt bench` is the command; [`Report`] is the file that it writes and [`compare()`] reads.

mod ceilings;
mod check;
mod compare;
mod count;
mod machine;
mod report;
mod stopwatch;
mod times;

use std::time::{Duration, Instant};

pub use self::ceilings::ceilings;
pub use self::check::check;
pub use self::compare::{Difference, compare};
pub use self::count::{Work, count};
pub use self::machine::{Gpu, Machine, gpu};
pub use self::report::{Case, Ceilings, Check, Cold, FORMAT, FORMAT_VERSION, Model, Report, Skipped, Stage};
pub use self::times::Times;
use crate::networks::deeptalk::DeepTalk;
use crate::networks::deeptalk::config::SAMPLE_RATE;
use crate::tensor::Ops;
use crate::verify::Limits;
use crate::{Error, Result};

/// Runs of a case at least, and at most, within a budget.
const RUNS: [usize; 2] = [5, 2000];
/// A case whose single run is expected to take longer than so many budgets is left out.
const PATIENCE: u32 = 20;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Lengths of the clips.
    pub seconds: Vec<f64>,
    /// Clips at a time.
    pub batches: Vec<usize>,
    /// How long.
    pub effort: Effort,
}

/// How many runs a case gets.
#[derive(Debug, Clone, Copy)]
pub enum Effort {
    /// As many as fit into this time, 5 at least.
    Budget(Duration),
    /// So many.
    Runs(usize),
}

/// What the measurement must know about a device.
#[derive(Debug, Clone, Copy)]
pub struct Traits {
    /// Bytes of an element of a weight or an activation.
    pub element_bytes: u64,
    /// Elements of the tensors whose sum shows the memory's rate: far more than caches hold.
    pub sum_elements: usize,
    /// Sound that goes through the network in one pass; larger batches take several.
    pub seconds_a_pass: f64,
    /// Runs that are not counted: a GPU uploads in the first, records in the second and replays from the third on.
    pub warm_up: usize,
    /// How far its results may be from those of single clips, and of the CPU.
    pub limits: Limits,
}

impl Traits {
    /// The CPU: f32. A minute of the published sizes takes 2 GB.
    pub const CPU: Self = Self {
        element_bytes: 4,
        sum_elements: 1 << 24,
        seconds_a_pass: crate::networks::deeptalk::ONE_PASS_SECONDS as f64,
        warm_up: 2,
        limits: Limits::F32,
    };
    /// The CPU with products in bf16. Activations, of which there are as many, are f32.
    pub const CPU_BF16: Self = Self { limits: Limits::BF16, ..Self::CPU };
    /// A GPU: fp16, and memory for 32 clips of a minute.
    pub const CUDA: Self = Self {
        element_bytes: 2,
        sum_elements: 1 << 27,
        seconds_a_pass: 32.0 * crate::networks::deeptalk::ONE_PASS_SECONDS as f64,
        warm_up: 3,
        limits: Limits::F16,
    };
}

/// Clips with the rhythm of speech, each another: modulated tones, 16 kHz.
pub fn clips(seconds: f64, count: usize) -> Vec<Vec<f32>> {
    let samples = ((seconds * SAMPLE_RATE as f64).round() as usize).max(1);
    let clip = |number: usize| {
        let pitch = 700.0 + 37.0 * (number % 16) as f32;
        (0..samples)
            .map(|i| {
                let t = i as f32 / SAMPLE_RATE as f32;
                0.3 * (t * 25.0).sin() * (t * pitch + (t * 5.0).sin() * 20.0).sin()
            })
            .collect()
    };
    (0..count).map(clip).collect()
}

/// How many clips of this length go through the network together.
fn clips_a_pass(traits: &Traits, seconds: f64) -> usize {
    ((traits.seconds_a_pass / seconds) as usize).max(1)
}

/// From samples on the host to motions on the host.
///
/// # Errors
/// Whatever the device says; [`Error::Device`] for a motion that is not finite.
pub fn forward<B: Ops>(model: &DeepTalk<B>, clips: &[Vec<f32>], traits: &Traits) -> Result<Vec<f32>> {
    let seconds = clips.first().map_or(1.0, |clip| clip.len() as f64 / SAMPLE_RATE as f64);
    let mut motions = Vec::new();
    for pass in clips.chunks(clips_a_pass(traits, seconds)) {
        let clips: Vec<&[f32]> = pass.iter().map(Vec::as_slice).collect();
        let analysis = model.analyse(&clips, &())?;
        let actors = vec![0; clips.len()];
        let animated = model.animate(&analysis.content, &analysis.emotion.mu, &actors, [None, None], &())?;
        motions.extend(model.ops().download(&animated.motion)?);
    }
    match motions.iter().all(|value| value.is_finite()) {
        true => Ok(motions),
        false => Err(Error::Device("the network made numbers that are not finite".into())),
    }
}

/// What was measured, and what took too long.
#[derive(Debug, Default)]
pub struct Cases {
    /// In the order of the plan.
    pub done: Vec<Case>,
    /// Left out.
    pub skipped: Vec<Skipped>,
}

/// Measures every length and batch of the plan, the lightest first; `after` is told the memory in use on the device when a
/// case is over, and `progress` what comes next.
///
/// # Errors
/// Whatever the device says, and `progress`.
pub fn cases<B: Ops>(
    model: &DeepTalk<B>,
    plan: &Plan,
    traits: &Traits,
    ceilings: &Ceilings,
    device_bytes: &dyn Fn() -> Option<u64>,
    progress: &mut dyn FnMut(f64, usize) -> Result<()>,
) -> Result<Cases> {
    let mut order: Vec<(f64, usize)> =
        plan.seconds.iter().flat_map(|&s| plan.batches.iter().map(move |&b| (s, b))).collect();
    order.sort_by(|a, b| (a.0 * a.1 as f64).total_cmp(&(b.0 * b.1 as f64)));
    let mut cases = Cases::default();
    // Seconds a floating-point operation, as the last case took them.
    let mut rate: Option<f64> = None;
    for (seconds, batch) in order {
        let work = count(model.config(), &clips(seconds, batch), traits)?;
        let expected = Duration::from_secs_f64(rate.map_or(0.0, |rate| rate * work.flops as f64));
        if let Effort::Budget(budget) = plan.effort
            && expected > budget * PATIENCE
        {
            let why = format!("one run would take about {:.0} s", expected.as_secs_f64());
            cases.skipped.push(Skipped { seconds, batch, why });
            continue;
        }
        progress(seconds, batch)?;
        let case = case(model, plan.effort, traits, (seconds, batch), &work, ceilings, device_bytes)?;
        rate = Some(case.end_to_end.p50_ms * 1e-3 / work.flops.max(1) as f64);
        cases.done.push(case);
    }
    Ok(cases)
}

fn case<B: Ops>(
    model: &DeepTalk<B>,
    effort: Effort,
    traits: &Traits,
    (seconds, batch): (f64, usize),
    work: &Work,
    ceilings: &Ceilings,
    device_bytes: &dyn Fn() -> Option<u64>,
) -> Result<Case> {
    machine::forget_peak_memory();
    let clips = clips(seconds, batch);
    for _ in 0..traits.warm_up {
        forward(model, &clips, traits)?;
    }
    let end_to_end = Times::of(&repeat(effort, || forward(model, &clips, traits).map(drop))?);
    let stages = stopwatch::stages(model, &clips, traits, effort)?;
    let took = end_to_end.p50_ms * 1e-3;
    let sound = seconds * batch as f64;
    let bytes = work.elements * traits.element_bytes;
    let [flops_a_second, bytes_a_second] = [work.flops, bytes].map(|count| count as f64 / took);
    Ok(Case {
        seconds,
        batch,
        passes: batch.div_ceil(clips_a_pass(traits, seconds)),
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

/// The time of every run.
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
