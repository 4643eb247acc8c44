//! An encoder's front end, one piece of time after another: all layers of a second of speech stay in the
//! caches, where a layer of a minute is 400 MB that are written to memory and read back. A piece repeats a
//! few rows of the pieces beside it.
//!
//! Each number is computed as it would be layer by layer, so the bytes are the same.

use std::ops::Range;

use rayon::prelude::*;

use super::math::vectorised;
use super::norm::{OverTime, over_channels};
use super::operands::{Finish, Matrix};
use super::product::product;
use super::{Buffer, Tensor, Weight};
use crate::tensor::shapes::Shaped;
use crate::tensor::{Activation, FrontLayer, FrontNorm, Packed};

/// Rows of the result in one piece: about a second, of which the first layer of the published sizes makes 6
/// MB. Fewer rows would read the weights more often.
const ROWS: usize = 48;

/// Runs the front end. The layers fit each other: `shapes::front_end` has checked them.
pub(super) fn front_end(x: &Tensor, layers: &[FrontLayer<Weight>], mut y: Tensor) -> Tensor {
    let channels = y.channels();
    for (clip, out) in y.clips_mut().enumerate() {
        let x = x.clip(clip);
        let front = Front { x, channels: x_channels(&layers[0]), layers, over_time: None };
        let front = Front { over_time: front.statistics(), ..front };
        out.par_chunks_mut(ROWS * channels).enumerate().for_each(|(index, out)| {
            let first = index * ROWS;
            front.piece(first..first + out.len() / channels, out);
        });
    }
    y
}

/// The front end of one clip.
struct Front<'a> {
    x: &'a [f32],
    channels: usize,
    layers: &'a [FrontLayer<Weight>],
    over_time: Option<OverTime>,
}

impl Front<'_> {
    /// Statistics for the norm over time: the first layer is computed once for its sums and not kept.
    fn statistics(&self) -> Option<OverTime> {
        let [layer @ FrontLayer { conv, norm: FrontNorm::OverTime(norm) }, ..] = self.layers else {
            return None;
        };
        let (kernel, channels) = (conv.weight.shape()[1], conv.weight.shape()[0]);
        let rows = (self.x.len() / self.channels - kernel) / conv.stride + 1;
        Some(OverTime::of(rows, channels, norm.eps, |rows, sums| {
            let mut y = Buffer::unwritten(rows.len() * channels);
            let seen = seen(layer, &rows);
            convolve(layer, &self.x[seen.start * self.channels..], self.channels, &mut y);
            sums.add(&y);
        }))
    }

    /// Computes rows of the result, through all layers.
    fn piece(&self, rows: Range<usize>, out: &mut [f32]) {
        let mut ranges = vec![rows];
        for layer in self.layers.iter().rev() {
            ranges.push(seen(layer, &ranges[ranges.len() - 1]));
        }
        let mut x: Option<Buffer> = None;
        let mut channels = self.channels;
        // The last range is that of the input, the one before it that of the first layer's result, and so on.
        for (layer, range) in self.layers.iter().zip(ranges.iter().rev().skip(1)) {
            let first = ranges[ranges.len() - 1].start * self.channels;
            let from: &[f32] = x.as_deref().unwrap_or(&self.x[first..]);
            let width = layer.conv.weight.shape()[0];
            let mut y = Buffer::unwritten(range.len() * width);
            convolve(layer, from, channels, &mut y);
            self.norm(layer, width, &mut y);
            (x, channels) = (Some(y), width);
        }
        out.copy_from_slice(x.as_deref().unwrap_or_default());
    }

    fn norm(&self, layer: &FrontLayer<Weight>, channels: usize, y: &mut [f32]) {
        match &layer.norm {
            FrontNorm::None => {}
            FrontNorm::OverTime(norm) => {
                if let Some(over_time) = &self.over_time {
                    over_time.apply(y, norm, Activation::Gelu);
                }
            }
            FrontNorm::OverChannels(norm) => vectorised(
                #[inline(always)]
                || over_channels(y, channels, norm, Activation::Gelu),
            ),
        }
    }
}

fn x_channels(layer: &FrontLayer<Weight>) -> usize {
    layer.conv.weight.shape()[2]
}

/// The input rows that a layer needs for rows of its result.
fn seen(layer: &FrontLayer<Weight>, rows: &Range<usize>) -> Range<usize> {
    let (kernel, stride) = (layer.conv.weight.shape()[1], layer.conv.stride);
    rows.start * stride..(rows.end - 1) * stride + kernel
}

/// The layer's convolution from the first row of `x` on, and its activation if no norm comes between.
fn convolve(layer: &FrontLayer<Weight>, x: &[f32], channels: usize, y: &mut [f32]) {
    let FrontLayer { conv, norm } = layer;
    let activation = if let FrontNorm::None = norm { Activation::Gelu } else { Activation::None };
    let finish = Finish { bias: conv.bias.as_ref().map(Weight::values), activation };
    let panels = &conv.weight.panels(conv.weight.shape()[0], 1)[0];
    product(Matrix::rows(x, conv.stride * channels), panels, y, finish);
}

#[cfg(test)]
mod tests {
    use crate::tensor::cpu::{Cpu, Weight};
    use crate::tensor::{
        Affine, Clips, Context, Conv1d, FrontLayer, FrontNorm, Norm, Padding, Role, SpeechOps, Stored,
    };

    fn weight(shape: &[usize], seed: usize) -> Weight {
        let count = shape.iter().product();
        let values = (0..count).map(|i| ((i * 37 + seed * 11) % 101) as f32 / 80.0 - 0.6).collect();
        Cpu::F32.load(Stored::from_f32("w", shape, values), Role::Exact).unwrap()
    }

    fn layer([out, kernel, input]: [usize; 3], stride: usize, norm: FrontNorm<Weight>) -> FrontLayer<Weight> {
        let weight = weight(&[out, kernel, input], kernel);
        FrontLayer { conv: Conv1d { weight, bias: None, stride, groups: 1, padding: Padding::NONE }, norm }
    }

    #[test]
    fn pieces_have_the_bytes_of_whole_layers() {
        let norm = |channels| Norm {
            affine: Some(Affine { weight: weight(&[channels], 1), bias: weight(&[channels], 2) }),
            eps: 1e-5,
        };
        let content = [
            layer([24, 10, 1], 5, FrontNorm::OverTime(norm(24))),
            layer([24, 3, 24], 2, FrontNorm::None),
            layer([20, 2, 24], 2, FrontNorm::None),
        ];
        let emotion = [
            layer([24, 3, 1], 2, FrontNorm::OverChannels(norm(24))),
            layer([20, 1, 24], 1, FrontNorm::OverChannels(norm(20))),
        ];
        // Clips of the least length, of a piece and a row, and of several pieces.
        let clips = Clips::from_lengths([30, 1010, 4567]);
        let x: Vec<f32> = (0..clips.rows()).map(|i| (i as f32 * 0.37).sin()).collect();
        let x = Cpu::F32.upload_f32(&clips, 1, &x).unwrap();
        for layers in [&content[..], &emotion[..]] {
            let first = Cpu::F32.front_layer(&x, &layers[0]).unwrap();
            let whole = layers[1..].iter().fold(first, |x, layer| Cpu::F32.front_layer(&x, layer).unwrap());
            let pieces = Cpu::F32.front_end(&x, layers).unwrap();
            assert_eq!(Cpu::F32.download(&pieces).unwrap(), Cpu::F32.download(&whole).unwrap());
        }
        assert!(Cpu::F32.front_end(&x, &[]).is_err());
        let swapped =
            [layer([24, 3, 1], 2, FrontNorm::None), layer([24, 1, 24], 1, FrontNorm::OverTime(norm(24)))];
        assert!(Cpu::F32.front_end(&x, &swapped).is_err());
    }
}
