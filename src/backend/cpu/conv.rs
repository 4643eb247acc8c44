//! Convolutions as matrix products: over row-major rows with the taps outermost in the weight, the window of an
//! ungrouped convolution is one contiguous vector, so that nothing is gathered.

use std::borrow::Cow;

use gemm::Parallelism;
use rayon::prelude::*;

use super::product::{BLOCK, Matrix, all_threads, finish, product};
use super::{Tensor, Weight};
use crate::backend::shapes::Shaped;
use crate::backend::{Activation, Conv1d, ConvTranspose1d, Packed, Padding};

pub(super) fn conv1d(x: &Tensor, conv: &Conv1d<Weight>, activation: Activation, mut y: Tensor) -> Tensor {
    let channels = y.channels();
    for (clip, out) in y.clips_mut().enumerate() {
        let rows = padded(x.clip(clip), x.channels(), conv.padding);
        if conv.groups == 1 {
            let width = x.channels();
            let k = conv.weight.shape()[1] * width;
            let a = Matrix::rows(&rows, conv.stride * width);
            let b = Matrix::transposed(conv.weight.values(), k);
            product((out.len() / channels, channels, k), 1.0, a, b, out, channels, false, all_threads());
        } else {
            grouped(&rows, x.channels(), conv, out);
        }
    }
    finish(&mut y.data, channels, conv.bias.as_ref(), activation);
    y
}

/// Each group's channels are gathered into rows of their own; from there it is the ungrouped convolution.
fn grouped(rows: &[f32], channels: usize, conv: &Conv1d<Weight>, out: &mut [f32]) {
    let [all, kernel, width] = [conv.weight.shape()[0], conv.weight.shape()[1], conv.weight.shape()[2]];
    let (n, k, m) = (all / conv.groups, kernel * width, out.len() / all);
    let results: Vec<Vec<f32>> = (0..conv.groups)
        .into_par_iter()
        .map(|group| {
            let panel: Vec<f32> = rows
                .chunks_exact(channels)
                .flat_map(|row| &row[group * width..(group + 1) * width])
                .copied()
                .collect();
            let weight = &conv.weight.values()[group * n * k..(group + 1) * n * k];
            let mut result = vec![0.0; m * n];
            let a = Matrix::rows(&panel, conv.stride * width);
            product(
                (m, n, k),
                1.0,
                a,
                Matrix::transposed(weight, k),
                &mut result,
                n,
                false,
                Parallelism::None,
            );
            result
        })
        .collect();
    for (row, out) in out.chunks_exact_mut(all).enumerate() {
        for (result, out) in results.iter().zip(out.chunks_exact_mut(n)) {
            out.copy_from_slice(&result[row * n..(row + 1) * n]);
        }
    }
}

fn padded(rows: &[f32], channels: usize, padding: Padding) -> Cow<'_, [f32]> {
    let (before, after) = padding.rows();
    if before + after == 0 {
        return rows.into();
    }
    let zeros = vec![0.0; channels];
    let (first, last) = match padding {
        Padding::Zero(..) => (zeros.as_slice(), zeros.as_slice()),
        Padding::Replicate(..) => (&rows[..channels], &rows[rows.len() - channels..]),
    };
    [first.repeat(before).as_slice(), rows, last.repeat(after).as_slice()].concat().into()
}

/// All taps in one product (rows, kernel * out), then each tap's rows are added where they belong.
pub(super) fn conv_transpose1d(
    x: &Tensor,
    conv: &ConvTranspose1d<Weight>,
    activation: Activation,
    mut y: Tensor,
) -> Tensor {
    let (kernel, out) = (conv.weight.shape()[0], y.channels());
    let (m, n, k) = (x.clips().rows(), kernel * out, x.channels());
    let mut taps = vec![0.0; m * n];
    let b = Matrix::transposed(conv.weight.values(), k);
    product((m, n, k), 1.0, Matrix::rows(&x.data, k), b, &mut taps, n, false, all_threads());

    let ranges: Vec<_> = x.clips().ranges().collect();
    for (range, target) in ranges.into_iter().zip(y.clips_mut()) {
        target.par_chunks_mut((BLOCK / out).max(1) * out).enumerate().for_each(|(block, rows)| {
            let first = block * (BLOCK / out).max(1);
            for (u, row) in rows.chunks_exact_mut(out).enumerate() {
                // Row u of the output gets tap j of row t of the input where t * stride + j = u + padding.
                let shifted = first + u + conv.padding;
                for tap in (shifted % conv.stride..kernel).step_by(conv.stride).filter(|&tap| tap <= shifted)
                {
                    let t = (shifted - tap) / conv.stride;
                    if t < range.len() {
                        let from = (range.start + t) * n + tap * out;
                        row.iter_mut().zip(&taps[from..from + out]).for_each(|(y, tap)| *y += tap);
                    }
                }
            }
        });
    }
    finish(&mut y.data, out, Some(&conv.bias), activation);
    y
}
