//! Operations that move rows and channels about.

use super::product::{BLOCK, in_blocks};
use super::{Tensor, Weight};
use crate::tensor::{Clips, Packed};

pub(super) fn add(x: &Tensor, y: &Tensor) -> Tensor {
    let mut sum = Tensor::unwritten(x.clips().clone(), x.channels());
    in_blocks(&mut sum.data, BLOCK, |index, sum| {
        let operands = x.data[index * BLOCK..].iter().zip(&y.data[index * BLOCK..]);
        sum.iter_mut().zip(operands).for_each(|(sum, (x, y))| *sum = x + y);
    });
    sum
}

pub(super) fn add_table(x: &Tensor, table: &Weight) -> Tensor {
    let mut y = x.clone();
    for clip in y.clips_mut() {
        clip.iter_mut().zip(table.values()).for_each(|(y, table)| *y += table);
    }
    y
}

pub(super) fn resample_linear(x: &Tensor, clips: &Clips) -> Tensor {
    let channels = x.channels();
    let mut y = Tensor::unwritten(clips.clone(), channels);
    for (clip, target) in y.clips_mut().enumerate() {
        let source = x.clip(clip);
        let (from, to) = (source.len() / channels.max(1), target.len() / channels.max(1));
        // As PyTorch does it: the scale, the position and both weights in f32.
        let scale = if to > 1 { (from - 1) as f32 / (to - 1) as f32 } else { 0.0 };
        for (row, target) in target.chunks_exact_mut(channels).enumerate() {
            let position = scale * row as f32;
            let low = (position as usize).min(from - 1);
            let high = (low + 1).min(from - 1);
            let weight = (position - low as f32).clamp(0.0, 1.0);
            let pair = source[low * channels..].iter().zip(&source[high * channels..]);
            target.iter_mut().zip(pair).for_each(|(y, (a, b))| *y = a * (1.0 - weight) + b * weight);
        }
    }
    y
}

pub(super) fn join_rows(x: &Tensor, y: &Tensor, clips: Clips) -> Tensor {
    let mut joined = Tensor::unwritten(clips, x.channels());
    for (clip, target) in joined.clips_mut().enumerate() {
        let (front, rest) = target.split_at_mut(x.clip(clip).len());
        front.copy_from_slice(x.clip(clip));
        rest.copy_from_slice(y.clip(clip));
    }
    joined
}

pub(super) fn elu(x: &Tensor) -> Tensor {
    let mut y = x.clone();
    in_blocks(&mut y.data, BLOCK, |_, y| {
        y.iter_mut().filter(|y| **y <= 0.0).for_each(|y| *y = y.exp_m1());
    });
    y
}

/// Every number is the sum of its terms in their order.
pub(super) fn combine(terms: &[(f32, &Tensor)], like: &Tensor) -> Tensor {
    let mut sum = Tensor::unwritten(like.clips().clone(), like.channels());
    in_blocks(&mut sum.data, BLOCK, |index, sum| {
        sum.fill(0.0);
        for (factor, x) in terms {
            sum.iter_mut().zip(&x.data[index * BLOCK..]).for_each(|(sum, x)| *sum += factor * x);
        }
    });
    sum
}

pub(super) fn concat(parts: &[&Tensor], channels: usize) -> Tensor {
    let clips = parts[0].clips().clone();
    let mut data = Vec::with_capacity(clips.rows() * channels);
    for row in 0..clips.rows() {
        parts.iter().for_each(|part| data.extend_from_slice(part.row(row)));
    }
    Tensor { clips, channels, data: data.into() }
}

pub(super) fn slice_rows(x: &Tensor, start: usize, clips: Clips) -> Tensor {
    let channels = x.channels();
    let mut y = Tensor::unwritten(clips, channels);
    for (clip, target) in y.clips_mut().enumerate() {
        if !target.is_empty() {
            target.copy_from_slice(&x.clip(clip)[start * channels..][..target.len()]);
        }
    }
    y
}

pub(super) fn prepend_rows(x: &Tensor, table: &Weight, clips: Clips) -> Tensor {
    let mut y = Tensor::unwritten(clips, x.channels());
    for (clip, target) in y.clips_mut().enumerate() {
        let (front, rest) = target.split_at_mut(table.values().len());
        front.copy_from_slice(table.values());
        rest.copy_from_slice(x.clip(clip));
    }
    y
}

pub(super) fn broadcast_rows(x: &Tensor, clips: &Clips) -> Tensor {
    let mut y = Tensor::unwritten(clips.clone(), x.channels());
    for (clip, target) in y.clips_mut().enumerate() {
        target.chunks_exact_mut(x.channels()).for_each(|row| row.copy_from_slice(x.row(clip)));
    }
    y
}
