//! Launches of `norm.cu` and `pool.cu`.

use super::{Kernel, Launch, arguments, by_vectors, number};
use crate::tensor::Activation;

/// `layer_norm_1` to `_4`: the norm over a row's channels.
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm {
    /// (rows, channels) halves; may be x or the residual.
    pub y: u64,
    /// (rows, channels) halves.
    pub x: u64,
    /// As x, or null.
    pub residual: u64,
    /// (channels) halves, or null together with the bias.
    pub weight: u64,
    /// (channels) halves, or null.
    pub bias: u64,
    /// Rows.
    pub rows: usize,
    /// Channels, a multiple of eight up to 1024.
    pub channels: usize,
    /// Added to the variance.
    pub eps: f32,
    /// The activation; not the leaky ReLU.
    pub activation: Activation,
}

/// The kernel of this family for rows of `channels`: its name ends with the number of vectors of 256
/// channels.
fn by_rows(family: &str, rows: usize, channels: usize, arguments: Vec<super::Argument>) -> Launch {
    Launch {
        kernel: format!("{family}_{}", channels.div_ceil(256)),
        grid: [rows.div_ceil(4), 1, 1],
        threads: 128,
        shared: 0,
        arguments,
    }
}

impl Kernel for LayerNorm {
    fn launch(&self) -> Launch {
        let Self { y, x, residual, weight, bias, rows, channels, eps, activation } = *self;
        let arguments = arguments![y, x, residual, weight, bias, rows, channels, eps, number(activation)];
        by_rows("layer_norm", rows, channels, arguments)
    }
}

/// `layer_norm_of_parts_1` to `_4`: the norm of a residual and a matrix product that is still in parts.
#[derive(Debug, Clone, Copy)]
pub struct LayerNormOfParts {
    /// (rows, channels) halves; may be the residual.
    pub y: u64,
    /// (count, rows, channels) f32: the sums of the product's segments.
    pub parts: u64,
    /// Segments.
    pub count: usize,
    /// (channels) halves, or null.
    pub product_bias: u64,
    /// (rows, channels) halves.
    pub residual: u64,
    /// (channels) halves, or null together with the bias.
    pub weight: u64,
    /// (channels) halves, or null.
    pub bias: u64,
    /// Rows.
    pub rows: usize,
    /// Channels, a multiple of eight up to 1024.
    pub channels: usize,
    /// Added to the variance.
    pub eps: f32,
}

impl Kernel for LayerNormOfParts {
    fn launch(&self) -> Launch {
        let Self { y, parts, count, product_bias, residual, weight, bias, rows, channels, eps } = *self;
        let arguments =
            arguments![y, parts, count, product_bias, residual, weight, bias, rows, channels, eps];
        by_rows("layer_norm_of_parts", rows, channels, arguments)
    }
}

/// `group_norm_moments`: mean and squared deviations of every chunk of rows, channel by channel.
#[derive(Debug, Clone, Copy)]
pub struct GroupNormMoments {
    /// (clips, chunks, channels, 2) f32.
    pub moments: u64,
    /// (rows, channels) halves.
    pub x: u64,
    /// The clips' rows.
    pub offsets: u64,
    /// Channels, a multiple of eight.
    pub channels: usize,
    /// Clips.
    pub clips: usize,
    /// Rows of the longest clip.
    pub longest: usize,
}

impl GroupNormMoments {
    /// Rows of a chunk.
    pub const CHUNK: usize = 256;
}

impl Kernel for GroupNormMoments {
    fn launch(&self) -> Launch {
        let Self { moments, x, offsets, channels, clips, longest } = *self;
        let chunks = longest.div_ceil(Self::CHUNK);
        Launch {
            kernel: "group_norm_moments".into(),
            grid: [channels.div_ceil(64), chunks, clips],
            threads: 256,
            shared: 0,
            arguments: arguments![moments, x, offsets, channels, chunks],
        }
    }
}

/// `sample_moments`: mean and squared deviations of every chunk of samples.
#[derive(Debug, Clone, Copy)]
pub struct SampleMoments {
    /// (clips, chunks, 2) f32.
    pub moments: u64,
    /// Samples, f32.
    pub x: u64,
    /// The clips' samples.
    pub offsets: u64,
    /// Clips.
    pub clips: usize,
    /// Samples of the longest clip.
    pub longest: usize,
}

impl SampleMoments {
    /// Samples of a chunk.
    pub const CHUNK: usize = 4096;
}

impl Kernel for SampleMoments {
    fn launch(&self) -> Launch {
        let Self { moments, x, offsets, clips, longest } = *self;
        let chunks = longest.div_ceil(Self::CHUNK);
        Launch {
            kernel: "sample_moments".into(),
            grid: [chunks, clips, 1],
            threads: 256,
            shared: 0,
            arguments: arguments![moments, x, offsets, chunks],
        }
    }
}

/// `unite_moments`: mean and scale of a clip from the moments of its chunks.
#[derive(Debug, Clone, Copy)]
pub struct UniteMoments {
    /// (clips, channels, 2) f32: mean and 1 / sqrt(variance + eps).
    pub united: u64,
    /// (clips, chunks, channels, 2) f32.
    pub moments: u64,
    /// The clips' rows.
    pub offsets: u64,
    /// Channels.
    pub channels: usize,
    /// Rows of a chunk in the kernel that made the moments.
    pub chunk: usize,
    /// Added to the variance.
    pub eps: f32,
    /// Clips.
    pub clips: usize,
    /// Rows of the longest clip.
    pub longest: usize,
}

impl Kernel for UniteMoments {
    fn launch(&self) -> Launch {
        let Self { united, moments, offsets, channels, chunk, eps, clips, longest } = *self;
        let chunks = longest.div_ceil(chunk);
        Launch {
            kernel: "unite_moments".into(),
            grid: [channels.div_ceil(128), clips, 1],
            threads: 128,
            shared: 0,
            arguments: arguments![united, moments, offsets, channels, chunks, chunk, eps],
        }
    }
}

/// `group_norm_apply`: the norm over a clip's rows, from its united moments.
#[derive(Debug, Clone, Copy)]
pub struct GroupNormApply {
    /// (rows, channels) halves; may be x.
    pub y: u64,
    /// (rows, channels) halves.
    pub x: u64,
    /// (clips, channels, 2) f32.
    pub united: u64,
    /// (channels) halves, or null together with the bias.
    pub weight: u64,
    /// (channels) halves, or null.
    pub bias: u64,
    /// The clips' rows.
    pub offsets: u64,
    /// Channels, a multiple of eight.
    pub channels: usize,
    /// The activation; not the leaky ReLU.
    pub activation: Activation,
    /// Clips.
    pub clips: usize,
    /// Rows of the longest clip.
    pub longest: usize,
}

impl Kernel for GroupNormApply {
    fn launch(&self) -> Launch {
        let Self { y, x, united, weight, bias, offsets, channels, activation, clips, longest } = *self;
        // A thread owns a vector of four rows.
        let vectors = longest.div_ceil(4) * channels / 8;
        let arguments = arguments![y, x, united, weight, bias, offsets, channels, number(activation)];
        by_vectors("group_norm_apply", vectors, clips, arguments)
    }
}

/// `normalize_samples`: the norm over a clip's samples, from its united moments.
#[derive(Debug, Clone, Copy)]
pub struct NormalizeSamples {
    /// Samples, f32; may be x.
    pub y: u64,
    /// Samples, f32.
    pub x: u64,
    /// (clips, 2) f32.
    pub united: u64,
    /// The clips' samples.
    pub offsets: u64,
    /// Clips.
    pub clips: usize,
    /// Samples of the longest clip.
    pub longest: usize,
}

impl Kernel for NormalizeSamples {
    fn launch(&self) -> Launch {
        let Self { y, x, united, offsets, clips, longest } = *self;
        by_vectors("normalize_samples", longest, clips, arguments![y, x, united, offsets])
    }
}

/// `sorted_pool`: each channel sorted over time and weighted.
#[derive(Debug, Clone, Copy)]
pub struct SortedPool {
    /// (clips, channels) halves, rows `stride` apart.
    pub y: u64,
    /// (rows, channels) halves, rows `stride` apart.
    pub x: u64,
    /// (rows) f32.
    pub weights: u64,
    /// The clips' rows.
    pub offsets: u64,
    /// Channels.
    pub channels: usize,
    /// Halves from one row to the next.
    pub stride: usize,
    /// Clips.
    pub clips: usize,
}

impl SortedPool {
    /// The most rows of a clip that a warp can sort.
    pub const ROWS: usize = 512;
}

impl Kernel for SortedPool {
    fn launch(&self) -> Launch {
        let Self { y, x, weights, offsets, channels, stride, clips } = *self;
        Launch {
            kernel: "sorted_pool".into(),
            grid: [stride.div_ceil(4), clips, 1],
            threads: 128,
            shared: 0,
            arguments: arguments![y, x, weights, offsets, channels, stride],
        }
    }
}
