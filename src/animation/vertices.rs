//! Tracks of vertices: a mesh that moves in a linear space of shapes, as a network's last layer makes it.

use std::fmt::{Debug, Formatter};
use std::ops::Range;
use std::sync::Arc;

use crate::Result;

/// The shapes of a mesh of V vertices: offsets of all vertices for a weight of 1, K shapes. A network's last
/// layer is one, on its device.
pub trait VertexBasis: Send + Sync {
    /// The mesh: a name or a hash of its triangles. Meshes of the same name and count have the same vertices
    /// in the same order.
    fn topology(&self) -> &str;

    /// (V, 3): vertices at rest.
    fn rest(&self) -> &[f32];

    /// K.
    fn shapes(&self) -> usize;

    /// (K, V, 3): the offsets of each shape.
    ///
    /// # Errors
    /// Errors of the device.
    fn table(&self) -> Result<Vec<f32>>;

    /// `sum_k weights[k] shape[k]`: (frames, K) to offsets (frames, V, 3).
    ///
    /// # Errors
    /// Errors of the device.
    fn offsets(&self, weights: &[f32]) -> Result<Vec<f32>>;
}

/// Positions of a mesh's vertices over time: `rest + sum_k weights[k] shape[k]` in every frame. Some hundred
/// weights take the place of tens of thousands of coordinates, so a track of hours fits into memory.
#[derive(Clone)]
pub struct Vertices {
    /// The shapes.
    pub basis: Arc<dyn VertexBasis>,
    /// (V, 3): vertices at rest, in metres: those of the basis, or of another face of the same mesh.
    pub rest: Arc<[f32]>,
    /// Row-major (frames, K).
    pub weights: Vec<f32>,
}

impl Vertices {
    /// A track of the mesh as its basis has it.
    pub fn new(basis: Arc<dyn VertexBasis>, weights: Vec<f32>) -> Self {
        let rest = basis.rest().into();
        Self { basis, rest, weights }
    }

    /// The mesh: a name or a hash of its triangles.
    pub fn topology(&self) -> &str {
        self.basis.topology()
    }

    /// V: vertices of a frame.
    pub fn count(&self) -> usize {
        self.rest.len() / 3
    }

    /// The positions (frames, V, 3) of some frames.
    ///
    /// # Errors
    /// Errors of the device.
    ///
    /// # Panics
    /// If there are no such frames.
    pub fn positions(&self, frames: Range<usize>) -> Result<Vec<f32>> {
        let shapes = self.basis.shapes();
        let mut positions = self.basis.offsets(&self.weights[frames.start * shapes..frames.end * shapes])?;
        for frame in positions.chunks_exact_mut(self.rest.len().max(1)) {
            frame.iter_mut().zip(self.rest.iter()).for_each(|(value, rest)| *value += rest);
        }
        Ok(positions)
    }
}

impl PartialEq for Vertices {
    fn eq(&self, other: &Self) -> bool {
        self.topology() == other.topology() && self.rest == other.rest && self.weights == other.weights
    }
}

impl Debug for Vertices {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vertices")
            .field("topology", &self.topology())
            .field("count", &self.count())
            .field("weights", &self.weights.len())
            .finish_non_exhaustive()
    }
}

/// Shapes as plain numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeTable {
    /// The mesh: a name or a hash of its triangles.
    pub topology: String,
    /// (V, 3): vertices at rest.
    pub rest: Vec<f32>,
    /// (K, V, 3): the offsets of each shape.
    pub table: Vec<f32>,
}

impl VertexBasis for ShapeTable {
    fn topology(&self) -> &str {
        &self.topology
    }

    fn rest(&self) -> &[f32] {
        &self.rest
    }

    fn shapes(&self) -> usize {
        self.table.len() / self.rest.len().max(1)
    }

    fn table(&self) -> Result<Vec<f32>> {
        Ok(self.table.clone())
    }

    fn offsets(&self, weights: &[f32]) -> Result<Vec<f32>> {
        let width = self.rest.len();
        let mut offsets = vec![0.0; weights.len() / self.shapes().max(1) * width];
        let frames = offsets.chunks_exact_mut(width.max(1)).zip(weights.chunks_exact(self.shapes().max(1)));
        for (frame, weights) in frames {
            for (weight, shape) in weights.iter().zip(self.table.chunks_exact(width)) {
                frame.iter_mut().zip(shape).for_each(|(value, offset)| *value += weight * offset);
            }
        }
        Ok(offsets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_the_rest_and_the_weighted_shapes_of_any_frames() {
        let basis = ShapeTable {
            topology: "two".into(),
            rest: vec![2.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            table: (0..18).map(|i| i as f32).collect(),
        };
        let weights = vec![0.0, 0.0, 0.0, 1.0, 0.0, 2.0];
        let mut track = Vertices::new(Arc::new(basis), weights);
        assert_eq!(track.positions(0..1).unwrap(), [2.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(track.positions(1..2).unwrap(), [26.0, 29.0, 33.0, 37.0, 41.0, 45.0]);
        track.rest = vec![0.0; 6].into();
        assert_eq!(track.positions(0..2).unwrap()[5..8], [0.0, 24.0, 27.0]);
        assert!(format!("{track:?}").contains("two"));
    }
}
