//! The check of the results before they are timed.

use super::{Check, Traits, clips};
use crate::networks::{Network, Spec, Stages, record};
use crate::verify::compare;
use crate::{Error, Result};

/// Lengths of the clips that are compared: not round, because those of the plan are.
const SECONDS: [f64; 3] = [1.23, 2.0, 0.3];

/// Compares each clip of a batch with the clip alone and, if there is a `reference` (the CPU), the batch with
/// the same batch there, stage by stage.
///
/// # Errors
/// [`Error::Device`] for a stage whose error is above its limit; errors of the devices.
pub fn check(network: &dyn Network, reference: Option<&dyn Network>, traits: &Traits) -> Result<Vec<Check>> {
    let spec = network.spec();
    let batch: Vec<Vec<f32>> = SECONDS
        .iter()
        .enumerate()
        .map(|(number, &seconds)| clips(spec.sample_rate, seconds, number + 1).pop().unwrap_or_default())
        .collect();
    let clips: Vec<&[f32]> = batch.iter().map(Vec::as_slice).collect();
    let mut alone = Vec::new();
    for clip in &clips {
        alone.extend(stages(network, &[clip], None)?);
    }
    let together = stages(network, &clips, Some(&alone))?;
    let mut checks = vec![judge("a batch against single clips", &together, &alone, spec, traits)?];
    if let Some(reference) = reference {
        let expected = stages(reference, &clips, None)?;
        let found = stages(network, &clips, Some(&expected))?;
        checks.push(judge("the device against the CPU", &found, &expected, spec, traits)?);
    }
    Ok(checks)
}

fn judge(what: &str, found: &[Stages], expected: &[Stages], spec: &Spec, traits: &Traits) -> Result<Check> {
    let rows = found.iter().zip(expected).flat_map(|(a, b)| compare(a, b, spec, traits.limits).rows);
    // A NaN is worse than any number; codes have a limit of 0.
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

/// The stages of each clip of a batch. The codes of a reference replace the chosen ones, so that the later
/// stages are comparable.
fn stages(network: &dyn Network, clips: &[&[f32]], reference: Option<&[Stages]>) -> Result<Vec<Stages>> {
    record(clips.len(), |probe| network.pass(clips, reference, Some(probe)).map(drop))
}
