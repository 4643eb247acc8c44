//! Meshes: blend shapes and linear blend skinning.

use super::Context;
use crate::Result;

/// Operations that make vertices.
pub trait MeshOps: Context {
    /// The vertices of a face, in f32 on every device: blend shapes, then linear blend skinning with one joint.
    /// (frames, C + 3) in f32, a frame's channels followed by the joint's rotation (axis times angle), to (frames, V * 3) in f32.
    ///
    /// ```text
    /// posed  = template + sum_c e[c] shapes[c] + sum_k (R - I)[k] correctives[k]
    /// pivot  = pivots[0] + sum_c e[c] pivots[1 + c]
    /// vertex = weights[0] posed + weights[1] (R (posed - pivot) + pivot)
    /// ```
    fn skin(&self, parameters: &Self::Tensor, rig: &Rig<Self::Weight>) -> Result<Self::Tensor>;
}

/// The tables of skinning: V vertices, C channels, one joint that turns.
#[derive(Debug, Clone)]
pub struct Rig<W> {
    /// (V, 3): at rest.
    pub template: W,
    /// (C, V, 3): displacement at channel = 1.
    pub shapes: W,
    /// (C + 1, 3): the joint's position at rest, then its displacement by each channel.
    pub pivots: W,
    /// (9, V, 3): times the entries of the rotation less the identity, row-major.
    pub correctives: Option<W>,
    /// (V, 2): the weight of rest, and the weight of the joint, of every vertex.
    pub weights: W,
}
