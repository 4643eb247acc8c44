//! The launch of `skin.cu`.

use super::{Kernel, Launch, arguments};

/// Frames and vertices of a block.
const FRAMES: usize = 8;
const VERTICES: usize = 128;

/// `skin`: blend shapes and skinning by joints.
#[derive(Debug, Clone, Copy)]
pub struct Skin {
    /// (frames, vertices, 3) f32.
    pub y: u64,
    /// (frames, channels + 3 * joints) f32: coefficients of the shapes, then a rotation for each joint.
    pub x: u64,
    /// (vertices, 3) f32.
    pub template: u64,
    /// (channels, vertices, 3) f32.
    pub shapes: u64,
    /// (9 * corrected, vertices, 3) f32, or null.
    pub correctives: u64,
    /// (channels + 1, joints, 3) f32.
    pub pivots: u64,
    /// (joints + 1, vertices) f32.
    pub weights: u64,
    /// Frames.
    pub frames: usize,
    /// Vertices.
    pub vertices: usize,
    /// Coefficients of the shapes.
    pub channels: usize,
    /// Joints, up to eight.
    pub joints: usize,
    /// Joints with correctives: the last `corrected` joints.
    pub corrected: usize,
    /// The parent of each joint ([`Skin::packed`]).
    pub parents: usize,
}

impl Skin {
    /// Packs the parents, four bits for each joint, the first joint lowest: the number of the parent plus
    /// one, 0 for none.
    pub fn packed(parents: &[Option<usize>]) -> usize {
        parents.iter().rev().fold(0, |all, parent| all << 4 | parent.map_or(0, |parent| parent + 1))
    }
}

impl Kernel for Skin {
    fn launch(&self) -> Launch {
        let Self { y, x, template, shapes, correctives, pivots, weights, frames, vertices, channels, .. } =
            *self;
        let Self { joints, corrected, parents, .. } = *self;
        // For each frame: the coefficients, nine for each joint with correctives, a movement of each joint (a
        // rotation and a shift), and the block's coordinates.
        let floats = channels + 9 * corrected + 12 * joints + 3 * VERTICES;
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
                channels,
                joints,
                corrected,
                parents
            ],
        }
    }
}
