//! Is it right what is going to be timed?

use std::cell::RefCell;

use super::{Check, Traits, clips};
use crate::networks::deeptalk::DeepTalk;
use crate::networks::deeptalk::stages::Observer;
use crate::tensor::{Ops, Packed};
use crate::verify::{Stage, Stages, Values, compare};
use crate::{Error, Result};

/// Lengths of the clips that are compared: odd ones, since those of the plan are even.
const SECONDS: [f64; 3] = [1.23, 2.0, 0.3];

/// Every clip of a batch against the clip alone and, if there is a `reference` (the CPU), the batch against the batch there, stage by
/// stage.
///
/// # Errors
/// [`Error::Device`] for a stage that is too far off; whatever the devices say.
pub fn check<B: Ops, R: Ops>(
    model: &DeepTalk<B>,
    reference: Option<&DeepTalk<R>>,
    traits: &Traits,
) -> Result<Vec<Check>> {
    let batch: Vec<Vec<f32>> = SECONDS
        .iter()
        .enumerate()
        .map(|(number, &seconds)| clips(seconds, number + 1).pop().unwrap_or_default())
        .collect();
    let clips: Vec<&[f32]> = batch.iter().map(Vec::as_slice).collect();
    let mut alone = Vec::new();
    for clip in &clips {
        alone.extend(stages(model, &[clip], None)?);
    }
    let together = stages(model, &clips, Some(&alone))?;
    let mut checks = vec![judge("a batch against single clips", &together, &alone, traits)?];
    if let Some(reference) = reference {
        let expected = stages(reference, &clips, None)?;
        let found = stages(model, &clips, Some(&expected))?;
        checks.push(judge("the device against the CPU", &found, &expected, traits)?);
    }
    Ok(checks)
}

fn judge(what: &str, found: &[Stages], expected: &[Stages], traits: &Traits) -> Result<Check> {
    let rows = found.iter().zip(expected).flat_map(|(a, b)| compare(a, b, traits.limits).rows);
    // A NaN is worse than everything; codes have a limit of 0.
    let badness = |error: f64, limit: f64| match error {
        0.0 => 0.0,
        _ if error.is_nan() => f64::INFINITY,
        _ => error / limit,
    };
    let worst = rows
        .max_by(|a, b| badness(a.error, a.limit).total_cmp(&badness(b.error, b.limit)))
        .ok_or_else(|| Error::Device("the network has no stages to compare".into()))?;
    if !worst.passed() {
        return Err(Error::Device(format!(
            "{what}: `{}` is off by {:.1e} where {:.0e} is allowed: a wrong result is not timed; `deeptalk-rt verify` shows more",
            worst.stage, worst.error, worst.limit
        )));
    }
    Ok(Check { what: what.into(), stage: worst.stage, error: worst.error, limit: worst.limit })
}

/// The stages of each clip of a batch. Where there is a reference, its codes take the place of the chosen ones, so that what follows
/// them is comparable.
fn stages<B: Ops>(
    model: &DeepTalk<B>,
    clips: &[&[f32]],
    reference: Option<&[Stages]>,
) -> Result<Vec<Stages>> {
    let empty = clips.iter().map(|_| Stages::new()).collect();
    let recorder = Recorder { ops: model.ops(), reference, clips: RefCell::new(empty) };
    let analysis = model.analyse(clips, &recorder)?;
    let actors = vec![0; clips.len()];
    model.animate(&analysis.content, &analysis.emotion.mu, &actors, [None, None], &recorder)?;
    Ok(recorder.clips.into_inner())
}

struct Recorder<'a, B> {
    ops: &'a B,
    reference: Option<&'a [Stages]>,
    clips: RefCell<Vec<Stages>>,
}

impl<B: Ops> Observer<B> for Recorder<'_, B> {
    fn stage(&self, name: &'static str, x: &B::Tensor) -> Result<()> {
        let (values, channels) = (self.ops.download(x)?, x.channels());
        for (stages, range) in self.clips.borrow_mut().iter_mut().zip(x.clips().ranges()) {
            let shape = [range.len(), channels];
            let values = Values::Numbers(values[range.start * channels..range.end * channels].to_vec());
            stages.insert(name.into(), Stage { shape, values });
        }
        Ok(())
    }

    fn codes(&self, name: &'static str, codes: B::Codes) -> Result<B::Codes> {
        let mut values = self.ops.download_codes(&codes)?;
        let clips = codes.clips().clone();
        for (index, (stages, range)) in self.clips.borrow_mut().iter_mut().zip(clips.ranges()).enumerate() {
            let own = values[range.clone()].to_vec();
            stages.insert(name.into(), Stage { shape: [range.len(), 1], values: Values::Codes(own) });
            let reference = self.reference.and_then(|reference| reference.get(index)?.get(name));
            if let Some(Stage { values: Values::Codes(expected), .. }) = reference
                && expected.len() == range.len()
            {
                values[range].copy_from_slice(expected);
            }
        }
        self.ops.upload_codes(&clips, &values)
    }
}
