//! Norms: over the channels of a row, and over the rows of a clip.

use rayon::prelude::*;

use super::math::{activate, sum, vectorised};
use super::product::{BLOCK, in_blocks};
use super::{Tensor, Weight};
use crate::backend::{Activation, Affine, Packed};

/// Of `x`, or of `x + other`.
pub(super) fn layer_norm(
    x: &Tensor,
    other: Option<&Tensor>,
    affine: Option<&Affine<Weight>>,
    eps: f32,
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
                for y in y.chunks_exact_mut(channels) {
                    let mean = sum(y, |v| v) / channels as f32;
                    let variance = sum(y, |v| (v - mean) * (v - mean)) / channels as f32;
                    let scale = 1.0 / (variance + eps).sqrt();
                    y.iter_mut().for_each(|y| *y = (*y - mean) * scale);
                    if let Some(affine) = affine {
                        let parameters = affine.weight.values().iter().zip(affine.bias.values());
                        y.iter_mut().zip(parameters).for_each(|(y, (w, b))| *y = *y * w + b);
                    }
                    activate(y, activation);
                }
            },
        );
    });
    y
}

/// Rows that one task sums: fixed, so that the sum does not depend on the number of threads.
const ROWS: usize = 256;

pub(super) fn group_norm(
    x: &Tensor,
    affine: Option<&Affine<Weight>>,
    eps: f32,
    activation: Activation,
) -> Tensor {
    let channels = x.channels();
    let mut y = Tensor::unwritten(x.clips().clone(), channels);
    for (clip, y) in y.clips_mut().enumerate() {
        let x = x.clip(clip);
        let rows = (x.len() / channels).max(1) as f64;
        let mean = column_sums(x, channels, |v, _| v);
        let mean: Vec<f32> = mean.iter().map(|sum| (sum / rows) as f32).collect();
        let squares = column_sums(x, channels, |v, column| (v - mean[column]) * (v - mean[column]));
        let scale: Vec<f32> =
            squares.iter().map(|sum| (1.0 / (sum / rows + f64::from(eps)).sqrt()) as f32).collect();
        let block = ROWS * channels;
        in_blocks(y, block, |index, y| {
            let x = &x[index * block..][..y.len()];
            vectorised(
                #[inline(always)]
                || {
                    for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                        for (((y, x), mean), scale) in y.iter_mut().zip(x).zip(&mean).zip(&scale) {
                            *y = (x - mean) * scale;
                        }
                        if let Some(affine) = affine {
                            let parameters = affine.weight.values().iter().zip(affine.bias.values());
                            y.iter_mut().zip(parameters).for_each(|(y, (w, b))| *y = *y * w + b);
                        }
                        activate(y, activation);
                    }
                },
            );
        });
    }
    y
}

/// The sum of `f(value, column)` down every column: f32 within a block of rows, f64 from block to block.
fn column_sums(x: &[f32], channels: usize, f: impl Fn(f32, usize) -> f32 + Sync) -> Vec<f64> {
    let blocks: Vec<Vec<f32>> = x
        .par_chunks(ROWS * channels)
        .map(|block| {
            vectorised(
                #[inline(always)]
                || {
                    let mut sums = vec![0f32; channels];
                    for row in block.chunks_exact(channels) {
                        for (column, (sum, &value)) in sums.iter_mut().zip(row).enumerate() {
                            *sum += f(value, column);
                        }
                    }
                    sums
                },
            )
        })
        .collect();
    let mut total = vec![0f64; channels];
    for block in blocks {
        total.iter_mut().zip(block).for_each(|(total, sum)| *total += f64::from(sum));
    }
    total
}
