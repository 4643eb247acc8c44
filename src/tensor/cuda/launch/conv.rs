//! Launches of `conv.cu` and `spectrum.cu`.

use super::super::layout::padded;
use super::{Kernel, Launch, arguments, by_vectors, number, tile_halves};
use crate::tensor::Activation;

/// `first_conv`: one input channel, ten taps, no padding.
#[derive(Debug, Clone, Copy)]
pub struct FirstConv {
    /// (rows, channels) halves.
    pub y: u64,
    /// Samples, f32.
    pub x: u64,
    /// (channels, 10) halves.
    pub w: u64,
    /// (channels) halves, or null.
    pub bias: u64,
    /// The clips' samples.
    pub x_offsets: u64,
    /// The clips' rows of y.
    pub y_offsets: u64,
    /// Output channels, a multiple of eight.
    pub channels: usize,
    /// Samples from one window to the next, at most eight.
    pub step: usize,
    /// Clips.
    pub clips: usize,
    /// Rows of y's longest clip.
    pub longest: usize,
}

impl Kernel for FirstConv {
    fn launch(&self) -> Launch {
        let Self { y, x, w, bias, x_offsets, y_offsets, channels, step, clips, longest } = *self;
        Launch {
            kernel: "first_conv".into(),
            grid: [longest.div_ceil(32), clips, 1],
            threads: 256,
            shared: 0,
            arguments: arguments![y, x, w, bias, x_offsets, y_offsets, channels, step],
        }
    }
}

/// `sample_windows`: windows of samples as rows, rounded to halves, then the remainder of the rounding.
#[derive(Debug, Clone, Copy)]
pub struct SampleWindows {
    /// (rows, 2 * `padded(taps)`) halves.
    pub y: u64,
    /// Samples, f32.
    pub x: u64,
    /// The clips' samples.
    pub x_offsets: u64,
    /// The clips' rows of y.
    pub y_offsets: u64,
    /// Samples of a window.
    pub taps: usize,
    /// Samples from one window to the next.
    pub step: usize,
    /// Clips.
    pub clips: usize,
    /// Rows of y's longest clip.
    pub longest: usize,
}

impl Kernel for SampleWindows {
    fn launch(&self) -> Launch {
        let Self { y, x, x_offsets, y_offsets, taps, step, clips, longest } = *self;
        let width = padded(taps);
        let arguments = arguments![y, x, x_offsets, y_offsets, taps, step, width];
        by_vectors("sample_windows", longest * 2 * width / 8, clips, arguments)
    }
}

/// `grouped_conv_16`, `_32`, `_48`, `_64`: a convolution in which a channel sees only its own group; stride
/// 1.
#[derive(Debug, Clone, Copy)]
pub struct GroupedConv {
    /// (rows, groups * width) halves.
    pub y: u64,
    /// (input rows, groups * width) halves.
    pub x: u64,
    /// (groups, taps, width, width) halves.
    pub w: u64,
    /// (groups * width) halves, or null.
    pub bias: u64,
    /// As y, or null; may be y.
    pub residual: u64,
    /// The clips' rows of x.
    pub x_offsets: u64,
    /// The clips' rows of y.
    pub y_offsets: u64,
    /// Groups.
    pub groups: usize,
    /// Channels of a group: 16, 32, 48 or 64.
    pub width: usize,
    /// Rows of a window.
    pub taps: usize,
    /// Rows of zeros before a clip.
    pub padding: usize,
    /// The activation; not the leaky ReLU.
    pub activation: Activation,
    /// Clips.
    pub clips: usize,
    /// Rows of y's longest clip.
    pub longest: usize,
}

/// Rows of a tile of `grouped_conv`.
const GROUPED_ROWS: usize = 64;

impl GroupedConv {
    /// Bytes of shared memory: three stages of weights, and the input rows of a tile.
    pub fn shared(width: usize, taps: usize) -> usize {
        let stage_taps = if width <= 48 { 4 } else { 2 };
        let window = (GROUPED_ROWS + taps - 1) * (width + 8);
        size_of::<u16>() * (3 * tile_halves(width, stage_taps * width) + window)
    }
}

impl Kernel for GroupedConv {
    fn launch(&self) -> Launch {
        Launch {
            kernel: format!("grouped_conv_{}", self.width),
            grid: [self.longest.div_ceil(GROUPED_ROWS), self.groups, self.clips],
            threads: 128,
            shared: Self::shared(self.width, self.taps),
            arguments: arguments![
                self.y,
                self.x,
                self.w,
                self.bias,
                self.residual,
                self.x_offsets,
                self.y_offsets,
                self.taps,
                self.padding,
                self.groups * self.width,
                number(self.activation),
            ],
        }
    }
}

/// `log_bands`: logarithms of the energies in bands of frequencies.
#[derive(Debug, Clone, Copy)]
pub struct LogBands {
    /// (rows, count) halves, rows `padded(count)` apart.
    pub y: u64,
    /// (rows, 2 * bins) halves, rows `padded(2 * bins)` apart: real parts, then imaginary parts.
    pub x: u64,
    /// (count, bins) halves, rows `padded(bins)` apart.
    pub bands: u64,
    /// Rows.
    pub rows: usize,
    /// Frequencies.
    pub bins: usize,
    /// Bands.
    pub count: usize,
    /// Added to an energy before the logarithm.
    pub floor: f32,
}

/// Rows of a block of `log_bands`.
const BAND_ROWS: usize = 8;

impl Kernel for LogBands {
    fn launch(&self) -> Launch {
        let Self { y, x, bands, rows, bins, count, floor } = *self;
        let [x_stride, bands_stride, y_stride] = [2 * bins, bins, count].map(padded);
        Launch {
            kernel: "log_bands".into(),
            grid: [rows.div_ceil(BAND_ROWS), 1, 1],
            threads: 256,
            shared: BAND_ROWS * bins * size_of::<f32>(),
            arguments: arguments![y, x, bands, rows, bins, count, x_stride, bands_stride, y_stride, floor],
        }
    }
}
