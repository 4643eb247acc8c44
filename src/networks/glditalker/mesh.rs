//! The output layer as the shapes of a track of vertices: `docs/networks/glditalker.md` section 7.
//!
//! The last layer is linear, so a frame's vertices are the mesh at rest plus a weighted sum of shapes: a
//! column of the layer for each number that it reads, and its bias for a weight of 1.

use std::sync::Arc;

use super::forward::GldiTalkerNetwork;
use crate::Result;
use crate::animation::VertexBasis;
use crate::tensor::{Clips, Context, Engine, Ops};

/// The shapes of a model, multiplied on its device.
pub(super) struct OutputShapes<E: Engine> {
    network: GldiTalkerNetwork<E>,
    topology: String,
}

impl<E: Engine<Context: Ops>> OutputShapes<E> {
    pub fn of(network: &GldiTalkerNetwork<E>) -> Arc<Self> {
        let topology = format!("{} vertices", network.loaded().config.vertices());
        Arc::new(Self { network: network.clone(), topology })
    }
}

/// Rows of the output layer as weights of the shapes: a 1 for the bias behind each.
pub(super) fn weights(rows: &[f32], hidden: usize) -> Vec<f32> {
    rows.chunks_exact(hidden).flat_map(|row| row.iter().copied().chain([1.0])).collect()
}

impl<E: Engine<Context: Ops>> VertexBasis for OutputShapes<E> {
    fn topology(&self) -> &str {
        &self.topology
    }

    fn rest(&self) -> &[f32] {
        &self.network.loaded().mesh.rest
    }

    fn shapes(&self) -> usize {
        self.network.loaded().config.motion.decoder_hidden + 1
    }

    fn table(&self) -> Result<Vec<f32>> {
        let shapes = self.shapes();
        let ones = (0..shapes * shapes).map(|at| if at % (shapes + 1) == 0 { 1.0 } else { 0.0 });
        self.offsets(&ones.collect::<Vec<_>>())
    }

    fn offsets(&self, weights: &[f32]) -> Result<Vec<f32>> {
        let (shapes, mesh) = (self.shapes(), &self.network.loaded().mesh);
        let rows: Vec<f32> =
            weights.chunks_exact(shapes).flat_map(|row| &row[..shapes - 1]).copied().collect();
        let network = self.network.lease()?;
        let ops = network.ops();
        let rows = ops.upload(&Clips::one(weights.len() / shapes), shapes - 1, &rows)?;
        let mut offsets = ops.download(&network.offsets(&rows)?)?;
        // The layer adds its bias once.
        for (row, offsets) in weights.chunks_exact(shapes).zip(offsets.chunks_exact_mut(mesh.bias.len())) {
            let rest = row[shapes - 1] - 1.0;
            if rest != 0.0 {
                offsets.iter_mut().zip(&mesh.bias).for_each(|(offset, bias)| *offset += rest * bias);
            }
        }
        Ok(offsets)
    }
}
