//! Codes: search, choice and lookup.

use rayon::prelude::*;

use super::{Codes, Tensor, Weight};
use crate::tensor::{Packed, SampleCodes, noise};
use crate::{Error, Result};

pub(super) fn lookup(codes: &Codes, codebook: &Weight, count: usize, width: usize) -> Result<Tensor> {
    let mut data = Vec::with_capacity(codes.data.len() * width);
    for &code in &codes.data {
        let index =
            usize::try_from(code).ok().filter(|&index| index < count).ok_or_else(|| Error::Shape {
                op: "lookup",
                what: "a code".into(),
                expected: format!("0 to {}", count - 1),
                found: code.to_string(),
            })?;
        data.extend_from_slice(&codebook.values()[index * width..(index + 1) * width]);
    }
    Ok(Tensor { clips: codes.clips.clone(), channels: width, data: data.into() })
}

pub(super) fn nearest_code(x: &Tensor, codebook: &Weight) -> Codes {
    let width = x.channels();
    let nearest = |row: &[f32]| {
        let distance = |code: &[f32]| -> f64 {
            code.iter().zip(row).map(|(c, x)| (f64::from(*c) - f64::from(*x)).powi(2)).sum()
        };
        best(codebook.values().chunks_exact(width).map(|code| -distance(code)))
    };
    Codes { clips: x.clips().clone(), data: x.data.par_chunks_exact(width).map(nearest).collect() }
}

pub(super) fn choose_code(logits: &Tensor, sample: Option<&SampleCodes>) -> Result<Codes> {
    // A choice would hide a NaN from all later operations.
    if let Some(at) = logits.data.iter().position(|logit| logit.is_nan()) {
        return Err(Error::Shape {
            op: "choose_code",
            what: format!("the logit of row {}, code {}", at / logits.channels(), at % logits.channels()),
            expected: "a number: the weights or the samples must have overflowed".into(),
            found: "NaN".into(),
        });
    }
    let mut data = Vec::with_capacity(logits.clips().rows());
    for (clip, range) in logits.clips().ranges().enumerate() {
        for row in range.clone() {
            let values = logits.row(row).iter().copied();
            data.push(match sample {
                None => best(values.map(f64::from)),
                Some(sample) => {
                    let (seed, first) = (sample.seeds[clip], sample.first_rows[clip]);
                    best(values.enumerate().map(|(code, logit)| {
                        let noise = noise::gumbel(seed, sample.stream, first + row - range.start, code);
                        f64::from(logit / sample.temperature + noise)
                    }))
                }
            });
        }
    }
    Ok(Codes { clips: logits.clips().clone(), data })
}

/// The index of the largest score; the lowest index if scores are equal.
fn best(scores: impl Iterator<Item = f64>) -> i32 {
    let mut best = (0, f64::NEG_INFINITY);
    for (index, score) in scores.enumerate() {
        if score > best.1 {
            best = (index as i32, score);
        }
    }
    best.0
}
