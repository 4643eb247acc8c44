//! Norms: over the channels of a row, and over the rows of a clip.

use std::ops::Range;

use rayon::prelude::*;

use super::math::{activate, sum, vectorised};
use super::product::{BLOCK, in_blocks};
use super::{Tensor, Weight};
use crate::tensor::{Activation, Norm, Packed};

/// Normalises each row of `x`, or of `x + other`.
pub(super) fn layer_norm(
    x: &Tensor,
    other: Option<&Tensor>,
    norm: &Norm<Weight>,
    activation: Activation,
) -> Tensor {
    let channels = x.channels();
    let mut y = Tensor::unwritten(x.clips().clone(), channels);
    let block = (BLOCK / channels).max(1) * channels;
    in_blocks(&mut y.data, block, |index, y| {
        let rows = index * block..index * block + y.len();
        vectorised(
            #[inline(always)]
            || {
                y.copy_from_slice(&x.data[rows.clone()]);
                if let Some(other) = other {
                    y.iter_mut().zip(&other.data[rows]).for_each(|(y, other)| *y += other);
                }
                over_channels(y, channels, norm, activation);
            },
        );
    });
    y
}

/// Normalises each row in place.
#[inline(always)]
pub(super) fn over_channels(y: &mut [f32], channels: usize, norm: &Norm<Weight>, activation: Activation) {
    for y in y.chunks_exact_mut(channels) {
        let mean = sum(y, |v| v) / channels as f32;
        let variance = sum(y, |v| (v - mean) * (v - mean)) / channels as f32;
        let scale = 1.0 / (variance + norm.eps).sqrt();
        y.iter_mut().for_each(|y| *y = (*y - mean) * scale);
        finish(y, norm, activation);
    }
}

#[inline(always)]
fn finish(row: &mut [f32], norm: &Norm<Weight>, activation: Activation) {
    if let Some(affine) = &norm.affine {
        let parameters = affine.weight.values().iter().zip(affine.bias.values());
        row.iter_mut().zip(parameters).for_each(|(y, (w, b))| *y = *y * w + b);
    }
    activate(row, activation);
}

/// Rows that one task sums: fixed, so that the sum does not depend on the number of threads.
const ROWS: usize = 256;

pub(super) fn group_norm(x: &Tensor, norm: &Norm<Weight>, activation: Activation) -> Tensor {
    let channels = x.channels();
    let mut y = Tensor::unwritten(x.clips().clone(), channels);
    for (clip, y) in y.clips_mut().enumerate() {
        let x = x.clip(clip);
        let rows = x.len() / channels;
        let over_time = OverTime::of(rows, channels, norm.eps, |block, sums| {
            sums.add(&x[block.start * channels..block.end * channels])
        });
        let block = ROWS * channels;
        in_blocks(y, block, |index, y| {
            y.copy_from_slice(&x[index * block..][..y.len()]);
            over_time.apply(y, norm, activation);
        });
    }
    y
}

/// The mean of each channel over time, and the reciprocal of its standard deviation.
pub(super) struct OverTime {
    mean: Vec<f32>,
    scale: Vec<f32>,
}

impl OverTime {
    /// Statistics of `rows` rows; `block` passes the rows of a range to the sums.
    pub fn of(
        rows: usize,
        channels: usize,
        eps: f32,
        block: impl Fn(Range<usize>, &mut Sums<'_>) + Sync,
    ) -> Self {
        let count = rows.max(1) as f64;
        let total = |mean: Option<&[f32]>| {
            let sums = |index: usize| {
                let mut sums = Sums { of: vec![0.0; channels], mean };
                block(index * ROWS..rows.min((index + 1) * ROWS), &mut sums);
                sums.of
            };
            // Sums are f32 within a block of rows, and f64 across blocks.
            let blocks: Vec<Vec<f32>> = (0..rows.div_ceil(ROWS)).into_par_iter().map(sums).collect();
            let mut total = vec![0f64; channels];
            for block in blocks {
                total.iter_mut().zip(block).for_each(|(total, sum)| *total += f64::from(sum));
            }
            total
        };
        let mean: Vec<f32> = total(None).iter().map(|sum| (sum / count) as f32).collect();
        let scale = |sum: &f64| (1.0 / (sum / count + f64::from(eps)).sqrt()) as f32;
        let scale = total(Some(&mean)).iter().map(scale).collect();
        Self { mean, scale }
    }

    /// Normalises rows in place.
    pub fn apply(&self, y: &mut [f32], norm: &Norm<Weight>, activation: Activation) {
        vectorised(
            #[inline(always)]
            || {
                for y in y.chunks_exact_mut(self.mean.len()) {
                    for ((y, mean), scale) in y.iter_mut().zip(&self.mean).zip(&self.scale) {
                        *y = (*y - mean) * scale;
                    }
                    finish(y, norm, activation);
                }
            },
        );
    }
}

/// Sums over a block's columns, or over their squared distances from a mean.
pub(super) struct Sums<'a> {
    of: Vec<f32>,
    mean: Option<&'a [f32]>,
}

impl Sums<'_> {
    pub fn add(&mut self, rows: &[f32]) {
        vectorised(
            #[inline(always)]
            || {
                for row in rows.chunks_exact(self.of.len()) {
                    match self.mean {
                        None => self.of.iter_mut().zip(row).for_each(|(sum, value)| *sum += value),
                        Some(mean) => {
                            for ((sum, value), mean) in self.of.iter_mut().zip(row).zip(mean) {
                                *sum += (value - mean) * (value - mean);
                            }
                        }
                    }
                }
            },
        );
    }
}
