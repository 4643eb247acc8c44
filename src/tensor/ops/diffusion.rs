//! Diffusion: the state of a sampler, which stays in f32 on every device.

use super::{Packed, RowOps};
use crate::Result;
use crate::tensor::shapes;

/// Operations on the state of a sampler.
pub trait DiffusionOps: RowOps {
    /// `sum_i factor_i x_i`, in f32 on every device, added in the order of the terms: equal shapes, any
    /// number format, at least one term. The update of a sampler is `c0 x0 + c1 x + cz z`.
    fn combine(&self, terms: &[(f32, &Self::Tensor)]) -> Result<Self::Tensor> {
        let first = shapes::combine(terms)?;
        let mut sum = vec![0.0; first.clips().rows() * first.channels()];
        for (factor, x) in terms {
            sum.iter_mut().zip(self.download(x)?).for_each(|(sum, x)| *sum += factor * x);
        }
        self.upload_f32(first.clips(), first.channels(), &sum)
    }

    /// A tensor of f32 in the number format of activations ([`Context::dtype`](super::Context::dtype)), which
    /// products read.
    fn activations(&self, x: &Self::Tensor) -> Result<Self::Tensor> {
        self.upload(x.clips(), x.channels(), &self.download(x)?)
    }
}
