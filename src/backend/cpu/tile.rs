//! The kernel under every matrix product: a tile of rows times a panel of columns, with all sums in vector registers.
//!
//! `b` is stored in panels: as many columns as two vectors hold, all their rows one after another. Rows of `a` are brought into the same
//! order, a few at a time, block by block of the inner dimension. An element's sum has one order, which depends on the inner
//! dimension alone: however the work is cut, the bytes are the same.

use std::cell::RefCell;

use pulp::{Simd, WithSimd};

use super::math::activate;
use super::product::{Finish, Matrix};

/// Vectors across a panel.
const VECTORS: usize = 2;
/// The inner dimension of a block at most: a block of a panel is 64 KiB and stays in a core's second-level cache.
const DEPTH: usize = 512;

/// The right side of a product, in panels.
#[derive(Debug, Clone)]
pub struct Panels {
    values: Vec<f32>,
    /// Where the first panel begins: at a cache line.
    begin: usize,
    columns: usize,
    depth: usize,
}

impl Panels {
    /// From the rows of the transpose, (columns, depth), `stride` apart: a weight as it is stored.
    pub fn from_transposed(values: &[f32], stride: usize, columns: usize, depth: usize) -> Self {
        let mut panels = Self::empty(columns, depth);
        let width = width();
        panels.fill(|first, panel| {
            // A few rows at a time, so that what is written stays in the first-level cache.
            for (block, target) in panel.chunks_mut(16 * width).enumerate() {
                let rows = target.len() / width;
                for column in first..(first + width).min(columns) {
                    let source = &values[column * stride + block * 16..][..rows];
                    for (row, &value) in target.chunks_exact_mut(width).zip(source) {
                        row[column - first] = value;
                    }
                }
            }
        });
        panels
    }

    /// From rows (depth, columns), `stride` apart.
    pub fn from_rows(values: &[f32], stride: usize, columns: usize, depth: usize) -> Self {
        let mut panels = Self::empty(columns, depth);
        let width = width();
        panels.fill(|first, panel| {
            let count = width.min(columns - first);
            for (row, target) in panel.chunks_exact_mut(width).enumerate() {
                target[..count].copy_from_slice(&values[row * stride + first..][..count]);
            }
        });
        panels
    }

    fn empty(columns: usize, depth: usize) -> Self {
        let length = columns.next_multiple_of(width()) * depth;
        let values = vec![0.0; length + 16];
        let begin = values.as_ptr().align_offset(64).min(16);
        Self { values, begin, columns, depth }
    }

    fn fill(&mut self, fill: impl Fn(usize, &mut [f32]) + Sync + Send) {
        use rayon::prelude::*;
        let (width, length) = (width(), self.columns.next_multiple_of(width()) * self.depth);
        if length == 0 {
            return;
        }
        let panels = &mut self.values[self.begin..self.begin + length];
        let one = |(index, panel): (usize, &mut [f32])| fill(index * width, panel);
        if length < super::SERIAL {
            panels.chunks_mut(width * self.depth).enumerate().for_each(one);
        } else {
            panels.par_chunks_mut(width * self.depth).enumerate().for_each(one);
        }
    }

    /// Columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Rows: the inner dimension.
    pub fn depth(&self) -> usize {
        self.depth
    }

    fn panel(&self, index: usize) -> &[f32] {
        let size = width() * self.depth;
        &self.values[self.begin + index * size..][..size]
    }
}

/// Columns of a panel on this machine.
fn width() -> usize {
    struct Width;
    impl WithSimd for Width {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            VECTORS * S::F32_LANES
        }
    }
    pulp::Arch::new().dispatch(Width)
}

/// Rows of a tile: as many as the registers hold.
pub(super) fn height() -> usize {
    struct Height;
    impl WithSimd for Height {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            if S::REGISTER_COUNT >= 32 { 12 } else { 6 }
        }
    }
    pulp::Arch::new().dispatch(Height)
}

thread_local! {
    /// Rows that [`Block`] has brought into the order of the tile.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// `out = finish(a b)` on one thread: a is (rows, b.depth), the rows of out are `stride` apart.
pub(super) struct Block<'a> {
    pub a: Matrix<'a>,
    pub rows: usize,
    pub b: &'a Panels,
    pub out: &'a mut [f32],
    pub stride: usize,
    pub finish: Finish<'a>,
}

impl Block<'_> {
    pub fn compute(self) {
        if self.rows > 0 && self.b.columns > 0 {
            pulp::Arch::new().dispatch(self);
        }
    }

    #[inline(always)]
    fn tiles<S: Simd, const HEIGHT: usize>(self, simd: S) {
        let Self { a, rows, b, out, stride, finish } = self;
        let scratch = &mut SCRATCH.take();
        let (width, depth) = (VECTORS * S::F32_LANES, b.depth);
        let blocks = depth.div_ceil(DEPTH).max(1);
        // Blocks of one size, so that the last is not a short one.
        let most = depth.div_ceil(blocks);
        for block in 0..blocks {
            let from = (block * most).min(depth);
            let deep = most.min(depth - from);
            let (first, last) = (block == 0, block + 1 == blocks);
            gather::<HEIGHT>(scratch, a, rows, from, deep);
            for panel in 0..b.columns.div_ceil(width) {
                let column = panel * width;
                let columns = width.min(b.columns - column);
                let b = &b.panel(panel)[from * width..(from + deep) * width];
                for (tile, a) in scratch.chunks_exact((HEIGHT * deep).max(1)).enumerate() {
                    let sums = tile_of::<S, HEIGHT>(simd, a, b);
                    let row = tile * HEIGHT;
                    for (row, sums) in (row..rows.min(row + HEIGHT)).zip(&sums) {
                        let sums: &[f32] = bytemuck::cast_slice(sums);
                        let out = &mut out[row * stride + column..][..columns];
                        if first {
                            out.copy_from_slice(&sums[..columns]);
                        } else {
                            out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
                        }
                        if last {
                            finish_row(out, &finish, column);
                        }
                    }
                }
            }
        }
        SCRATCH.replace(std::mem::take(scratch));
    }
}

impl WithSimd for Block<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 { self.tiles::<S, 12>(simd) } else { self.tiles::<S, 6>(simd) }
    }
}

#[inline(always)]
fn finish_row(out: &mut [f32], finish: &Finish<'_>, column: usize) {
    if let Some(bias) = finish.bias {
        out.iter_mut().zip(&bias[column..]).for_each(|(out, bias)| *out += bias);
    }
    activate(out, finish.activation);
}

/// Rows of `a` from column `from` on, `HEIGHT` of them side by side; the last tile is filled up with zeros.
#[inline(always)]
fn gather<const HEIGHT: usize>(scratch: &mut Vec<f32>, a: Matrix<'_>, rows: usize, from: usize, deep: usize) {
    let size = rows.div_ceil(HEIGHT) * HEIGHT * deep;
    scratch.resize(size, 0.0);
    for (tile, target) in scratch.chunks_exact_mut((HEIGHT * deep).max(1)).enumerate() {
        let (target, _) = target.as_chunks_mut::<HEIGHT>();
        for slot in 0..HEIGHT {
            let row = tile * HEIGHT + slot;
            if row < rows {
                let source = &a.values[row * a.row_stride + from..][..deep];
                target.iter_mut().zip(source).for_each(|(target, value)| target[slot] = *value);
            } else {
                target.iter_mut().for_each(|target| target[slot] = 0.0);
            }
        }
    }
}

/// `HEIGHT` rows times a panel. Indices, so that every sum is seen to have a register of its own.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
fn tile_of<S: Simd, const HEIGHT: usize>(simd: S, a: &[f32], b: &[f32]) -> [[S::f32s; VECTORS]; HEIGHT] {
    let (a, _) = a.as_chunks::<HEIGHT>();
    let (b, _) = S::as_simd_f32s(b);
    let (b, _) = b.as_chunks::<VECTORS>();
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; HEIGHT];
    for (a, b) in a.iter().zip(b) {
        for row in 0..HEIGHT {
            let a = simd.splat_f32s(a[row]);
            for vector in 0..VECTORS {
                sums[row][vector] = simd.mul_add_e_f32s(a, b[vector], sums[row][vector]);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Activation;

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + seed * 11) % 101) as f32 / 50.0 - 1.0).collect()
    }

    #[test]
    fn any_size_is_the_product_that_a_plain_loop_makes() {
        for (rows, columns, depth) in [(1, 1, 1), (13, 33, 17), (12, 32, 16), (25, 70, 513), (5, 31, 1100)] {
            let (a, b, bias) =
                (values(rows * (depth + 3), 1), values(columns * depth, 2), values(columns, 3));
            let b_rows: Vec<f32> =
                (0..depth * columns).map(|i| b[i % columns * depth + i / columns]).collect();
            let stride = columns + 2;
            for panels in [
                Panels::from_transposed(&b, depth, columns, depth),
                Panels::from_rows(&b_rows, columns, columns, depth),
            ] {
                let mut out = vec![f32::NAN; rows * stride];
                let finish = Finish { bias: Some(&bias), activation: Activation::Relu };
                let a_rows = Matrix::rows(&a, depth + 3);
                Block { a: a_rows, rows, b: &panels, out: &mut out, stride, finish }.compute();
                for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                    let products = (0..depth)
                        .map(|i| f64::from(a[row * (depth + 3) + i]) * f64::from(b[column * depth + i]));
                    let sum: f64 = products.clone().sum();
                    // Rounding grows with what is summed up, whatever of it cancels.
                    let limit = 1e-6 * products.fold(1.0, |sum, product| sum + product.abs());
                    let expected = (sum + f64::from(bias[column])).max(0.0);
                    let found = f64::from(out[row * stride + column]);
                    assert!((found - expected).abs() < limit, "{rows} {columns} {depth}: {found} {expected}");
                }
                assert!(out.iter().skip(columns).step_by(stride).all(|beyond| beyond.is_nan()));
            }
        }
    }
}
