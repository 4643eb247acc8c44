//! The operands of a product.

use crate::tensor::Activation;

/// Rows inside a slice, `row_stride` apart; the stride is less than the columns if windows overlap.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    pub row_stride: usize,
}

impl<'a> Matrix<'a> {
    pub fn rows(values: &'a [f32], row_stride: usize) -> Self {
        Self { values, row_stride }
    }

    /// The matrix from row `row` on.
    pub fn from(self, row: usize) -> Self {
        Self { values: &self.values[row * self.row_stride..], ..self }
    }
}

/// Bias and elementwise activation after a product.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a> {
    /// Added to every row.
    pub bias: Option<&'a [f32]>,
    pub activation: Activation,
}

impl Finish<'_> {
    pub const NONE: Self = Self { bias: None, activation: Activation::None };
}
