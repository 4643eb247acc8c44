//! Meshes: blend shapes and linear blend skinning.

use super::Context;
use crate::Result;

/// Operations that make vertices.
pub trait MeshOps: Context {
    /// Vertices of a face: blend shapes, then linear blend skinning as in `smplx.lbs`, in f32 on every device.
    ///
    /// (frames, C + 3 J) in f32, a frame's channels `e` followed by the rotation of each joint (axis times angle, radians),
    /// to (frames, V * 3) in f32.
    ///
    /// ```text
    /// R[j]   = Rodrigues(rotation j)
    /// p[v]   = template[v] + sum_c e[c] shapes[c][v] + sum_j sum_i (R[j] - I)[i] correctives[j][i][v]
    /// q[j]   = pivots[0][j] + sum_c e[c] pivots[1 + c][j]
    /// G[j] x = G[parent of j] (R[j] (x - q[j]) + q[j])         (G of no parent: the identity)
    /// y[v]   = weights[0][v] p[v] + sum_j weights[1 + j][v] G[j] p[v]
    /// ```
    fn skin(&self, parameters: &Self::Tensor, skin: &SkinTables<Self::Weight>) -> Result<Self::Tensor>;
}

/// The tables of skinning: a face of V vertices and C channels, with J joints that turn.
#[derive(Debug, Clone)]
pub struct SkinTables<W> {
    /// (V, 3): vertices at rest.
    pub template: W,
    /// (C, V, 3): displacement at channel = 1.
    pub shapes: W,
    /// (C + 1, J, 3): positions of the joints at rest, then their displacement at channel = 1.
    pub pivots: W,
    /// (9 K, V, 3): displacements for each entry of the rotation less the identity, row-major, of the last K joints.
    pub correctives: Option<W>,
    /// (J + 1, V): share of what rests, then of each joint, in the movement of a vertex.
    pub weights: W,
    /// J: the joint whose movement carries this one, which stands before it; none for a root.
    pub parents: Vec<Option<usize>>,
}
