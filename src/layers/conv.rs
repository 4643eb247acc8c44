//! Convolutions: their tensors.

use super::{Scope, Source};
use crate::Result;
use crate::tensor::{Conv1d, ConvTranspose1d, Padding, Role};

impl<W> Conv1d<W> {
    /// `weight` (out, kernel, input / groups) and `bias` (out) of a place.
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        shape: [usize; 3],
        stride: usize,
        groups: usize,
        padding: Padding,
    ) -> Result<Self> {
        let weight = at.tensor("weight", &shape, Role::Conv { groups })?;
        let bias = Some(at.tensor("bias", &shape[..1], Role::Vector)?);
        Ok(Self { weight, bias, stride, groups, padding })
    }

    /// `weight` (out, kernel, input) of a place: no bias, no padding, one group.
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load_bare<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        shape: [usize; 3],
        stride: usize,
    ) -> Result<Self> {
        Ok(Self::unpadded(at.tensor("weight", &shape, Role::Conv { groups: 1 })?, stride))
    }

    /// A convolution without bias and padding, of one group.
    pub fn unpadded(weight: W, stride: usize) -> Self {
        Self { weight, bias: None, stride, groups: 1, padding: Padding::NONE }
    }

    /// A convolution of stride 1 that keeps the number of rows: `weight` (width, kernel, width / groups) and
    /// `bias` (width) of a place. An even kernel with padding on both sides gives one row too many; published
    /// wav2vec code drops the last, and so does this padding.
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load_same<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        width: usize,
        kernel: usize,
        groups: usize,
    ) -> Result<Self> {
        let padding = Padding::Zero(kernel / 2, (kernel - 1) / 2);
        Self::load(at, [width, kernel, width / groups], 1, groups, padding)
    }
}

impl<W> ConvTranspose1d<W> {
    /// `weight` (kernel, out, input) and `bias` (out) of a place.
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        shape: [usize; 3],
        stride: usize,
        padding: usize,
        output_padding: usize,
    ) -> Result<Self> {
        let weight = at.tensor("weight", &shape, Role::ConvTranspose { stride, padding })?;
        let bias = at.tensor("bias", &shape[1..2], Role::ConvTransposeBias { stride })?;
        Ok(Self { weight, bias, stride, padding, output_padding })
    }
}
