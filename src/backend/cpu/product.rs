//! Matrix products: `linear`, and the product that convolutions and attention are made of.

use gemm::Parallelism;
use rayon::prelude::*;

use super::math::{activate, vectorised};
use super::{Tensor, Weight};
use crate::backend::{Activation, Linear, Packed};

/// Numbers that one task of an element-wise pass works on: 128 KiB, well inside a core's second-level cache.
pub(super) const BLOCK: usize = 32 * 1024;

/// A matrix inside a slice: element (i, j) at `start + i * row_stride + j * column_stride`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows that lie `row_stride` apart; less than the columns where windows overlap.
    pub fn rows(values: &'a [f32], row_stride: usize) -> Self {
        Self { values, row_stride, column_stride: 1 }
    }

    /// The transpose of rows that lie `row_stride` apart.
    pub fn transposed(values: &'a [f32], row_stride: usize) -> Self {
        Self { values, row_stride: 1, column_stride: row_stride }
    }

    fn reaches(&self, rows: usize, columns: usize) -> bool {
        rows == 0
            || columns == 0
            || (rows - 1) * self.row_stride + (columns - 1) * self.column_stride < self.values.len()
    }
}

/// `out = alpha a b` (+ `out` if `accumulate`): a is (m, k), b is (k, n), out (m, n) with rows `out_stride` apart.
#[allow(clippy::too_many_arguments)]
pub(super) fn product(
    (m, n, k): (usize, usize, usize),
    alpha: f32,
    a: Matrix<'_>,
    b: Matrix<'_>,
    out: &mut [f32],
    out_stride: usize,
    accumulate: bool,
    parallelism: Parallelism,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(a.reaches(m, k) && b.reaches(k, n) && n <= out_stride && (m - 1) * out_stride + n <= out.len());
    // SAFETY: the assertion above keeps every element of the three matrices inside its slice, `out` is borrowed
    // mutably and its rows do not overlap; `gemm` touches nothing else.
    #[allow(unsafe_code)]
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            out_stride as isize,
            accumulate,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            alpha,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// As many threads as rayon's current pool has.
pub(super) fn all_threads() -> Parallelism {
    Parallelism::Rayon(0)
}

pub(super) fn linear(x: &Tensor, linear: &Linear<Weight>, activation: Activation, out: usize) -> Tensor {
    let mut y = Tensor::zeros(x.clips().clone(), out);
    let (m, k) = (x.clips().rows(), x.channels());
    let a = Matrix::rows(&x.data, k);
    let b = Matrix::transposed(linear.weight.values(), k);
    product((m, out, k), 1.0, a, b, &mut y.data, out, false, all_threads());
    finish(&mut y.data, out, linear.bias.as_ref(), activation);
    y
}

/// Adds the bias to every row and applies the activation.
pub(super) fn finish(values: &mut [f32], channels: usize, bias: Option<&Weight>, activation: Activation) {
    if bias.is_none() && activation == Activation::None || values.is_empty() {
        return;
    }
    values.par_chunks_mut((BLOCK / channels).max(1) * channels).for_each(|block| {
        vectorised(
            #[inline(always)]
            || {
                for row in block.chunks_exact_mut(channels) {
                    if let Some(bias) = bias {
                        row.iter_mut().zip(bias.values()).for_each(|(y, b)| *y += b);
                    }
                    activate(row, activation);
                }
            },
        );
    });
}
