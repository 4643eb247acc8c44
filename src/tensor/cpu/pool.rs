//! Pooling of many rows to one, and operations on emotion vectors.

use rayon::prelude::*;

use super::Tensor;
use crate::tensor::{Clips, Packed};

pub(super) fn sorted_pool(x: &Tensor, weights: &Tensor) -> Tensor {
    let channels = x.channels();
    let mut y = Tensor::unwritten(Clips::from_lengths(vec![1; x.clips().count()]), channels);
    for (clip, target) in y.clips_mut().enumerate() {
        let (rows, weights) = (x.clip(clip), weights.clip(clip));
        target.par_iter_mut().enumerate().for_each(|(channel, y)| {
            let mut column: Vec<f32> = rows.iter().skip(channel).step_by(channels).copied().collect();
            column.sort_unstable_by(|a, b| b.total_cmp(a));
            *y = column.iter().zip(weights).map(|(v, w)| f64::from(*v) * f64::from(*w)).sum::<f64>() as f32;
        });
    }
    y
}

fn map_rows(x: &Tensor, mut f: impl FnMut(usize, &mut [f32])) -> Tensor {
    let mut y = x.clone();
    for (index, row) in y.data.chunks_exact_mut(x.channels()).enumerate() {
        f(index, row);
    }
    y
}

fn normalize(row: &mut [f32]) {
    let length = dot(row, row).sqrt() as f32 + 1e-8;
    row.iter_mut().for_each(|v| *v /= length);
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

pub(super) fn l2_normalize(x: &Tensor) -> Tensor {
    map_rows(x, |_, row| normalize(row))
}

pub(super) fn sample_gaussian(mu: &Tensor, log_variance: &Tensor, noise: &Tensor, control: f32) -> Tensor {
    map_rows(mu, |index, row| {
        for ((z, v), e) in row.iter_mut().zip(log_variance.row(index)).zip(noise.row(index)) {
            // Beyond e^35 only the direction counts, and the sum of squares would not be finite.
            *z += (0.5 * control * v).clamp(-35.0, 35.0).exp() * e;
        }
        normalize(row);
    })
}

pub(super) fn slerp(a: &Tensor, b: &Tensor, weight: f32) -> Tensor {
    map_rows(a, |index, row| {
        let other = b.row(index);
        let angle = dot(row, other).clamp(-1.0, 1.0).acos();
        // Nearly parallel (or opposite) vectors have no well-defined great circle: interpolate in a straight
        // line and renormalise.
        let (wa, wb) = if angle.sin() < 1e-4 {
            (1.0 - f64::from(weight), f64::from(weight))
        } else {
            let part = |share: f64| (share * angle).sin() / angle.sin();
            (part(1.0 - f64::from(weight)), part(f64::from(weight)))
        };
        row.iter_mut().zip(other).for_each(|(x, y)| *x = (wa * f64::from(*x) + wb * f64::from(*y)) as f32);
        normalize(row);
    })
}

pub(super) fn lerp(a: &Tensor, b: &Tensor, weight: f32) -> Tensor {
    map_rows(a, |index, row| row.iter_mut().zip(b.row(index)).for_each(|(x, y)| *x += weight * (y - *x)))
}
