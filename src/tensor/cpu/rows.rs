//! Operations that move rows and channels.

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
        // As in PyTorch: the scale, the position and both weights are f32.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::tensor::cpu::{Cpu, Tensor};
    use crate::tensor::{Clips, Context, DiffusionOps, MeshOps, Neighbors, Packed, RowOps};

    fn upload(lengths: &[usize], channels: usize, values: impl Fn(usize) -> f32) -> Tensor {
        let clips = Clips::from_lengths(lengths.iter().copied());
        let values: Vec<f32> = (0..clips.rows() * channels).map(values).collect();
        Cpu::F32.upload(&clips, channels, &values).unwrap()
    }

    #[test]
    fn rows_are_joined_clip_by_clip_and_unstacking_is_the_inverse_of_stacking() {
        let (x, y) = (upload(&[2, 0, 1], 2, |i| i as f32), upload(&[1, 2, 0], 2, |i| 100.0 + i as f32));
        let joined = Cpu::F32.join_rows(&x, &y).unwrap();
        assert_eq!(joined.clips().lengths().collect::<Vec<_>>(), [3, 2, 1]);
        let expected = [0.0, 1.0, 2.0, 3.0, 100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 4.0, 5.0];
        assert_eq!(Cpu::F32.download(&joined).unwrap(), expected);
        let stacked = Cpu::F32.stack_frames(&upload(&[4, 2], 3, |i| i as f32), 2).unwrap();
        let back = Cpu::F32.unstack_frames(&stacked, 2).unwrap();
        assert_eq!((back.clips().offsets(), back.channels()), (&[0, 4, 6][..], 3));
        assert_eq!(Cpu::F32.download(&back).unwrap(), (0..18).map(|i| i as f32).collect::<Vec<_>>());
        assert!(Cpu::F32.unstack_frames(&stacked, 4).unwrap_err().to_string().contains("a multiple of 4"));
        assert!(Cpu::F32.join_rows(&x, &upload(&[1], 2, |_| 0.0)).unwrap_err().to_string().contains("clips"));
    }

    #[test]
    fn neighbours_stand_side_by_side_and_must_exist() {
        let table: Arc<[u32]> = [2, 0, 1, 1].into();
        let neighbors = Neighbors { vertices: 3, length: 2, table };
        let x = upload(&[3, 6], 2, |i| i as f32);
        let gathered = Cpu::F32.gather(&x, &neighbors).unwrap();
        assert_eq!((gathered.clips().offsets(), gathered.channels()), (&[0, 2, 6][..], 4));
        let rows = Cpu::F32.download(&gathered).unwrap();
        assert_eq!(rows[..8], [4.0, 5.0, 0.0, 1.0, 2.0, 3.0, 2.0, 3.0]);
        assert_eq!(rows[16..20], [16.0, 17.0, 12.0, 13.0]);
        let refused = |x: &Tensor, neighbors: &Neighbors| {
            Cpu::F32.gather(x, neighbors).expect_err("it fits").to_string()
        };
        assert!(refused(&upload(&[4], 2, |_| 0.0), &neighbors).contains("a multiple of 3"));
        let outside = Neighbors { vertices: 2, ..neighbors };
        assert!(refused(&upload(&[4], 2, |_| 0.0), &outside).contains("a vertex below 2"));
    }

    #[test]
    fn terms_are_added_and_the_exponential_unit_bends_below_0() {
        let (x, y) = (upload(&[40_000], 2, |i| i as f32), upload(&[40_000], 2, |i| 1.0 - i as f32));
        let sum = Cpu::F32.combine(&[(0.5, &x), (2.0, &y), (1.0, &x)]).unwrap();
        for (i, value) in Cpu::F32.download(&sum).unwrap().into_iter().enumerate() {
            let i = i as f32;
            assert_eq!(value, 0.5 * i + 2.0 * (1.0 - i) + i);
        }
        assert!(Cpu::F32.combine(&[]).unwrap_err().to_string().contains("at least 1"));
        let bent = Cpu::F32.elu(&upload(&[3], 1, |i| i as f32 - 1.0)).unwrap();
        assert_eq!(Cpu::F32.download(&bent).unwrap(), [(-1f32).exp_m1(), 0.0, 1.0]);
    }
}
