//! The launch of `skin.cu`.

use super::{Kernel, Launch, arguments};

/// Frames and vertices of a block.
const FRAMES: usize = 8;
const VERTICES: usize = 128;

/// `skin`: blend shapes and skinning by one joint that turns.
#[derive(Debug, Clone, Copy)]
pub struct Skin {
    /// (frames, vertices, 3) f32.
    pub y: u64,
    /// (frames, channels + 3) f32: coefficients of the shapes, then the rotation.
    pub x: u64,
    /// (vertices, 3) f32.
    pub template: u64,
    /// (channels, vertices, 3) f32.
    pub shapes: u64,
    /// (9, vertices, 3) f32, or null.
    pub correctives: u64,
    /// (channels + 1, 3) f32.
    pub pivots: u64,
    /// (vertices, 2) f32.
    pub weights: u64,
    /// Frames.
    pub frames: usize,
    /// Vertices.
    pub vertices: usize,
    /// Coefficients of the shapes.
    pub channels: usize,
}

impl Kernel for Skin {
    fn launch(&self) -> Launch {
        let Self { y, x, template, shapes, correctives, pivots, weights, frames, vertices, channels } = *self;
        // Of each frame: the coefficients, nine for the correctives, a rotation with its shift, and the block's coordinates.
        let floats = channels + 9 + 12 + 3 * VERTICES;
        Launch {
            kernel: "skin".into(),
            grid: [vertices.div_ceil(VERTICES), frames.div_ceil(FRAMES), 1],
            threads: VERTICES,
            shared: FRAMES * floats * size_of::<f32>(),
            arguments: arguments![
                y,
                x,
                template,
                shapes,
                correctives,
                pivots,
                weights,
                frames,
                vertices,
                channels
            ],
        }
    }
}
