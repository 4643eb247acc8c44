//! Convolutions as matrix products: over row-major rows, with the taps outermost in the weight, the window of
//! an ungrouped convolution is one contiguous vector, so no values are copied.

use std::borrow::Cow;

use rayon::prelude::*;

use super::operands::{Finish, Matrix};
use super::product::{BLOCK, block_rows, in_blocks, in_blocks_of, product};
use super::tile::Block;
use super::{Buffer, Tensor, Weight};
use crate::tensor::shapes::Shaped;
use crate::tensor::{Activation, Conv1d, ConvTranspose1d, Packed, Padding};

pub(super) fn conv1d(x: &Tensor, conv: &Conv1d<Weight>, activation: Activation, mut y: Tensor) -> Tensor {
    let channels = y.channels();
    let finish = Finish { bias: conv.bias.as_ref().map(Weight::values), activation };
    for (clip, out) in y.clips_mut().enumerate() {
        let rows = padded(x.clip(clip), x.channels(), conv.padding);
        if conv.groups == 1 {
            let a = Matrix::rows(&rows, conv.stride * x.channels());
            product(a, &conv.weight.panels(channels, 1)[0], out, finish);
        } else {
            grouped(&rows, x.channels(), conv, finish, out);
        }
    }
    y
}

/// Copies each group's channels into rows of their own and runs the ungrouped convolution on them.
fn grouped(rows: &[f32], channels: usize, conv: &Conv1d<Weight>, finish: Finish<'_>, out: &mut [f32]) {
    let [all, kernel, width] = [conv.weight.shape()[0], conv.weight.shape()[1], conv.weight.shape()[2]];
    let (n, k) = (all / conv.groups, kernel * width);
    let panels = conv.weight.panels(all, conv.groups);
    let groups: Vec<Vec<f32>> = (0..conv.groups)
        .into_par_iter()
        .map(|group| {
            let row = |row: &[f32]| row[group * width..(group + 1) * width].to_vec();
            rows.chunks_exact(channels).flat_map(row).collect()
        })
        .collect();
    let block = block_rows(out.len() / all, out.len() * k);
    in_blocks_of(out.len() * k, out, block * all, |index, out| {
        for (group, (values, b)) in groups.iter().zip(panels).enumerate() {
            let a = Matrix::rows(values, conv.stride * width).from(index * block);
            let bias = finish.bias.map(|bias| &bias[group * n..(group + 1) * n]);
            let rows = out.len() / all;
            let out = &mut out[group * n..];
            Block { a, rows, b, out, stride: all, finish: Finish { bias, ..finish } }.compute();
        }
    });
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

/// Computes all taps in one product (rows, kernel * out), then adds each tap's rows at their positions.
pub(super) fn conv_transpose1d(
    x: &Tensor,
    conv: &ConvTranspose1d<Weight>,
    activation: Activation,
    mut y: Tensor,
) -> Tensor {
    let (kernel, out) = (conv.weight.shape()[0], y.channels());
    let n = kernel * out;
    let mut taps = Buffer::unwritten(x.clips().rows() * n);
    product(Matrix::rows(&x.data, x.channels()), &conv.weight.panels(n, 1)[0], &mut taps, Finish::NONE);

    let ranges: Vec<_> = x.clips().ranges().collect();
    let block = (BLOCK / out).max(1);
    for (range, target) in ranges.into_iter().zip(y.clips_mut()) {
        in_blocks(target, block * out, |index, rows| {
            for (u, row) in rows.chunks_exact_mut(out).enumerate() {
                row.copy_from_slice(conv.bias.values());
                // Row u of the output gets tap j of row t of the input where t * stride + j = u + padding.
                let shifted = index * block + u + conv.padding;
                for tap in (shifted % conv.stride..kernel).step_by(conv.stride).filter(|&tap| tap <= shifted)
                {
                    let t = (shifted - tap) / conv.stride;
                    if t < range.len() {
                        let from = (range.start + t) * n + tap * out;
                        row.iter_mut().zip(&taps[from..from + out]).for_each(|(y, tap)| *y += tap);
                    }
                }
                super::math::vectorised(
                    #[inline(always)]
                    || super::math::activate(row, activation),
                );
            }
        });
    }
    y
}
