//! The time of every stage of a forward.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use super::{Effort, STAGES_SHARE, StageTimes, Times, Traits, passes, repeat};
use crate::Result;
use crate::networks::{Network, Probe, StageView};

/// The stage that ends when the output is on the host.
const DOWNLOAD: &str = "download";

/// Measures the time between stages. On a device that works asynchronously it waits at each stage, and no
/// graph is replayed, so the stages of a GPU are slower than their part of a whole run.
struct Stopwatch {
    last: Cell<Instant>,
    took: RefCell<Vec<(&'static str, Duration)>>,
}

impl Stopwatch {
    fn lap(&self, name: &'static str) {
        let now = Instant::now();
        let took = now - self.last.replace(now);
        let mut all = self.took.borrow_mut();
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += took,
            None => all.push((name, took)),
        }
    }
}

impl Probe for Stopwatch {
    fn stage(&self, name: &'static str, stage: &dyn StageView) -> Result<()> {
        stage.wait()?;
        self.lap(name);
        Ok(())
    }
}

/// The time of each stage of a batch, over all its passes, in the order of the network; a stage begins at the
/// end of the previous one.
pub fn stages(
    network: &dyn Network,
    clips: &[Vec<f32>],
    traits: &Traits,
    effort: Effort,
) -> Result<Vec<StageTimes>> {
    let effort = match effort {
        Effort::Budget(budget) => Effort::Budget(budget / STAGES_SHARE),
        runs => runs,
    };
    let mut runs: Vec<Vec<(&'static str, Duration)>> = Vec::new();
    repeat(effort, || {
        let watch = Stopwatch { last: Cell::new(Instant::now()), took: RefCell::default() };
        for pass in passes(network, clips, traits) {
            let clips: Vec<&[f32]> = pass.iter().map(Vec::as_slice).collect();
            network.pass(&clips, None, Some(&watch))?;
            watch.lap(DOWNLOAD);
        }
        runs.push(watch.took.into_inner());
        Ok(())
    })?;
    let names = runs.first().map(|run| run.iter().map(|(name, _)| *name)).into_iter().flatten();
    Ok(names
        .enumerate()
        .map(|(index, name)| {
            let times: Vec<Duration> = runs.iter().map(|run| run[index].1).collect();
            StageTimes { name: name.into(), times: Times::of(&times) }
        })
        .collect())
}
