//! Dense layers and the learned part of norms: their tensors.

use super::{Scope, Source};
use crate::Result;
use crate::tensor::{Affine, Linear, Norm, Role};

impl<W> Linear<W> {
    /// `weight` (out, input) and `bias` (out) of a place.
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, out: usize, input: usize) -> Result<Self> {
        let weight = at.tensor("weight", &[out, input], Role::Linear)?;
        Ok(Self { weight, bias: Some(at.tensor("bias", &[out], Role::Vector)?) })
    }
}

/// The default epsilon of PyTorch's `LayerNorm` and `GroupNorm`, which wav2vec 2.0, HuBERT and data2vec keep.
pub const NORM_EPS: f32 = 1e-5;

impl<W> Norm<W> {
    /// `weight` and `bias` (width) of a place, with [`NORM_EPS`].
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, width: usize) -> Result<Self> {
        let weight = at.tensor("weight", &[width], Role::Vector)?;
        let bias = at.tensor("bias", &[width], Role::Vector)?;
        Ok(Self { affine: Some(Affine { weight, bias }), eps: NORM_EPS })
    }
}
