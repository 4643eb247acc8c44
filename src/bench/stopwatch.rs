//! The time of every stage of a forward.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use super::{Effort, Stage, Times, Traits, clips_a_pass, repeat};
use crate::Result;
use crate::networks::deeptalk::DeepTalk;
use crate::networks::deeptalk::config::SAMPLE_RATE;
use crate::networks::deeptalk::stages::Observer;
use crate::tensor::{Clips, Ops};

/// The stage that ends when the motion is on the host.
const DOWNLOAD: &str = "download";

/// Takes the time between stages. On a device that works on while the host goes on, it waits at each of them; nothing is recorded
/// and replayed meanwhile, so that the stages of a GPU are slower than their part of a whole run.
struct Stopwatch<'a, B> {
    ops: &'a B,
    last: Cell<Instant>,
    took: RefCell<Vec<(&'static str, Duration)>>,
}

impl<B: Ops> Stopwatch<'_, B> {
    fn lap(&self, name: &'static str) -> Result<()> {
        // What comes back was queued behind all the work that is under way.
        let codes = self.ops.upload_codes(&Clips::one(1), &[0])?;
        self.ops.download_codes(&codes)?;
        let now = Instant::now();
        let took = now - self.last.replace(now);
        let mut all = self.took.borrow_mut();
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += took,
            None => all.push((name, took)),
        }
        Ok(())
    }
}

impl<B: Ops> Observer<B> for Stopwatch<'_, B> {
    fn stage(&self, name: &'static str, _: &B::Tensor) -> Result<()> {
        self.lap(name)
    }

    fn codes(&self, name: &'static str, codes: B::Codes) -> Result<B::Codes> {
        self.lap(name)?;
        Ok(codes)
    }
}

/// What every stage takes of a batch, over all its passes, in the order of the network; a stage begins where the one before it ends.
pub fn stages<B: Ops>(
    model: &DeepTalk<B>,
    clips: &[Vec<f32>],
    traits: &Traits,
    effort: Effort,
) -> Result<Vec<Stage>> {
    let effort = match effort {
        Effort::Budget(budget) => Effort::Budget(budget / 4),
        runs => runs,
    };
    let seconds = clips.first().map_or(1.0, |clip| clip.len() as f64 / SAMPLE_RATE as f64);
    let mut runs: Vec<Vec<(&'static str, Duration)>> = Vec::new();
    repeat(effort, || {
        let watch = Stopwatch { ops: model.ops(), last: Cell::new(Instant::now()), took: RefCell::default() };
        for pass in clips.chunks(clips_a_pass(traits, seconds)) {
            let clips: Vec<&[f32]> = pass.iter().map(Vec::as_slice).collect();
            let analysis = model.analyse(&clips, &watch)?;
            let actors = vec![0; clips.len()];
            let (content, emotion) = (&analysis.content, &analysis.emotion.mu);
            let animated = model.animate(content, emotion, &actors, [None, None], &watch)?;
            model.ops().download(&animated.motion)?;
            watch.lap(DOWNLOAD)?;
        }
        runs.push(watch.took.into_inner());
        Ok(())
    })?;
    let names = runs.first().map(|run| run.iter().map(|(name, _)| *name)).into_iter().flatten();
    Ok(names
        .enumerate()
        .map(|(index, name)| {
            let times: Vec<Duration> = runs.iter().map(|run| run[index].1).collect();
            Stage { name: name.into(), times: Times::of(&times) }
        })
        .collect())
}
