//! Meshes: blend shapes and linear blend skinning; neighbourhoods of vertices.

use std::sync::Arc;

use super::{Context, Packed};
use crate::Result;
use crate::tensor::shapes;

/// Operations that make vertices.
pub trait MeshOps: Context {
    /// Vertices of a face: blend shapes, then linear blend skinning as in `smplx.lbs`, in f32 on every
    /// device.
    ///
    /// (frames, C + 3 J) in f32, a frame's channels `e` followed by the rotation of each joint (axis times
    /// angle, radians), to (frames, V * 3) in f32.
    ///
    /// ```text
    /// R[j]   = Rodrigues(rotation j)
    /// p[v]   = template[v] + sum_c e[c] shapes[c][v] + sum_j sum_i (R[j] - I)[i] correctives[j][i][v]
    /// q[j]   = pivots[0][j] + sum_c e[c] pivots[1 + c][j]
    /// G[j] x = G[parent of j] (R[j] (x - q[j]) + q[j])         (G of no parent: the identity)
    /// y[v]   = weights[0][v] p[v] + sum_j weights[1 + j][v] G[j] p[v]
    /// ```
    fn skin(&self, parameters: &Self::Tensor, skin: &SkinTables<Self::Weight>) -> Result<Self::Tensor>;

    /// The rows of each vertex's neighbours side by side: (meshes * V, channels), mesh after mesh, to (meshes
    /// * V', K * channels), where a row of the table names K of the V vertices of its mesh. A linear layer
    ///   behind it is a spiral convolution.
    fn gather(&self, x: &Self::Tensor, neighbors: &Neighbors) -> Result<Self::Tensor> {
        let clips = shapes::gather(x, neighbors)?;
        let values = neighbors.gather(&self.download(x)?, x.channels());
        self.upload(&clips, neighbors.length * x.channels(), &values)
    }
}

/// A table of neighbours: K of the V vertices of a mesh for each of V' vertices of the next, coarser one.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbors {
    /// V.
    pub vertices: usize,
    /// K, at least 1.
    pub length: usize,
    /// (V', K), each below V.
    pub table: Arc<[u32]>,
}

impl Neighbors {
    /// [`MeshOps::gather`] of rows on the host.
    pub(crate) fn gather(&self, rows: &[f32], channels: usize) -> Vec<f32> {
        let mesh = self.vertices * channels;
        let mut out = Vec::with_capacity(rows.len() / mesh.max(1) * self.table.len() * channels);
        for mesh in rows.chunks_exact(mesh.max(1)) {
            for &vertex in self.table.iter() {
                out.extend_from_slice(&mesh[vertex as usize * channels..][..channels]);
            }
        }
        out
    }
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
    /// (9 K, V, 3): displacements for each entry of the rotation less the identity, row-major, of the last K
    /// joints.
    pub correctives: Option<W>,
    /// (J + 1, V): share of the part at rest, then of each joint, in the movement of a vertex.
    pub weights: W,
    /// J: the joint whose movement carries this one, and which has a lower number; none for a root.
    pub parents: Vec<Option<usize>>,
}
