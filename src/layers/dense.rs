//! Dense layers and the learned part of norms: their tensors.

use super::{Scope, Source};
use crate::Result;
use crate::tensor::{Affine, Linear, Role};

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

impl<W> Affine<W> {
    /// `weight` and `bias` (width) of a place.
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, width: usize) -> Result<Self> {
        let weight = at.tensor("weight", &[width], Role::Vector)?;
        Ok(Self { weight, bias: at.tensor("bias", &[width], Role::Vector)? })
    }
}
