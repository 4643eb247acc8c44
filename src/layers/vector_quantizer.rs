//! Vector quantisation: a codebook, rows to codes and back (van den Oord et al., 2017, section 3.1).

use super::{Scope, Source};
use crate::Result;
use crate::tensor::{Ops, Role};

/// A codebook.
#[derive(Debug, Clone)]
pub struct Codebook<W> {
    /// (codes, width).
    table: W,
}

impl<W> Codebook<W> {
    /// The tensor `name` (codes, width) of a place.
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        name: &str,
        codes: usize,
        width: usize,
    ) -> Result<Self> {
        Ok(Self { table: at.tensor(name, &[codes, width], Role::Rows)? })
    }

    /// Rows (rows, width) to the codes that are nearest by squared distance.
    ///
    /// # Errors
    /// As [`nearest_code`](crate::tensor::CodeOps::nearest_code).
    pub fn quantize<B: Ops<Weight = W>>(&self, ops: &B, x: &B::Tensor) -> Result<B::Codes> {
        ops.nearest_code(x, &self.table)
    }

    /// Codes to rows (rows, width).
    ///
    /// # Errors
    /// As [`lookup`](crate::tensor::CodeOps::lookup).
    pub fn lookup<B: Ops<Weight = W>>(&self, ops: &B, codes: &B::Codes) -> Result<B::Tensor> {
        ops.lookup(codes, &self.table)
    }
}
