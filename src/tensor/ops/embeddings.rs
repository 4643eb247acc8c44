//! Embeddings: clips pooled to one vector each, and vectors on the unit sphere.

use super::RowOps;
use crate::Result;

/// Operations on embeddings, which are rows of unit length or parameters of their distribution.
pub trait EmbeddingOps: RowOps {
    /// The generalised pooling operator: each channel of a clip is sorted in descending order over its rows,
    /// then summed with `weights` (same rows, 1 channel, f32): (rows, channels) -> (clips, channels), one row
    /// for each clip.
    fn sorted_pool(&self, x: &Self::Tensor, weights: &Self::Tensor) -> Result<Self::Tensor>;

    /// Each row divided by its Euclidean length (plus 1e-8).
    fn l2_normalize(&self, x: &Self::Tensor) -> Result<Self::Tensor>;

    /// `l2_normalize(mu + exp(0.5 * control * log_variance) * noise)`, equal shapes.
    fn sample_gaussian(
        &self,
        mu: &Self::Tensor,
        log_variance: &Self::Tensor,
        noise: &Self::Tensor,
        control: f32,
    ) -> Result<Self::Tensor>;

    /// Spherical interpolation, row by row: along the great circle from `a` (weight 0) to `b` (weight 1),
    /// both of unit length.
    fn slerp(&self, a: &Self::Tensor, b: &Self::Tensor, weight: f32) -> Result<Self::Tensor>;

    /// Linear interpolation, row by row, from `a` (weight 0) to `b` (weight 1).
    fn lerp(&self, a: &Self::Tensor, b: &Self::Tensor, weight: f32) -> Result<Self::Tensor>;
}
