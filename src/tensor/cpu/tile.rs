//! The kernel of all matrix products: a tile of rows times a panel of columns, with all sums in vector
//! registers.
//!
//! `b` is stored in [`Panels`]. Rows of `a` are copied into the same order, a few at a time, one block of the
//! inner dimension after another. The order of an element's sum depends only on the inner dimension: the
//! bytes are the same for any division of the work.

use std::cell::RefCell;

use bytemuck::Zeroable;
use pulp::{Simd, WithSimd};

use super::math::activate;
use super::operands::{Finish, Matrix};
use super::panels::Panels;
use super::simd::VECTORS;

/// The largest inner dimension of a block: a block of a panel is 64 KiB and stays in a core's second-level
/// cache.
const DEPTH: usize = 512;

thread_local! {
    /// Rows of `a` that [`Block`] has copied into the order of the tile.
    static SCRATCH: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
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
    /// Computes all tiles, `HEIGHT` rows high, of a product whose inner dimension is cut into blocks of at
    /// most `most` numbers.
    #[inline(always)]
    pub fn tiles<T: Tile, const HEIGHT: usize>(self, tile_of: T, most: usize) {
        let Self { a, rows, b, out, stride, finish } = self;
        let scratch = &mut SCRATCH.take();
        let (width, depth) = (tile_of.width(), b.depth());
        let blocks = depth.div_ceil(most).max(1);
        // Blocks of one size, so that the last one is not short.
        let most = depth.div_ceil(blocks).next_multiple_of(T::NUMBERS);
        for block in 0..blocks {
            let from = (block * most).min(depth);
            let deep = most.min(depth - from);
            let (first, last) = (block == 0, block + 1 == blocks);
            let words = HEIGHT * deep.div_ceil(T::NUMBERS);
            scratch.resize(rows.div_ceil(HEIGHT) * words, 0);
            let scratch: &mut [T::Word] = bytemuck::cast_slice_mut(scratch);
            for (tile, target) in scratch.chunks_exact_mut(words.max(1)).enumerate() {
                let (target, _) = target.as_chunks_mut::<HEIGHT>();
                for slot in 0..HEIGHT {
                    let row = tile * HEIGHT + slot;
                    if row < rows {
                        tile_of.gather(&a.values[row * a.row_stride + from..][..deep], slot, target);
                    } else {
                        target.iter_mut().for_each(|target| target[slot] = T::Word::zeroed());
                    }
                }
            }
            for panel in 0..b.columns().div_ceil(width) {
                let column = panel * width;
                let columns = width.min(b.columns() - column);
                let b = b.panel::<T::Word>(panel, from, deep);
                for (tile, a) in scratch.chunks_exact(words.max(1)).enumerate() {
                    let row = tile * HEIGHT;
                    let (a, _) = a.as_chunks::<HEIGHT>();
                    tile_of.multiply(a, b, |slot, sums| {
                        if row + slot >= rows {
                            return;
                        }
                        let out = &mut out[(row + slot) * stride + column..][..columns];
                        if first {
                            out.copy_from_slice(&sums[..columns]);
                        } else {
                            out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
                        }
                        if last {
                            finish_row(out, &finish, column);
                        }
                    });
                }
            }
        }
        SCRATCH.replace(std::mem::take(scratch));
    }
}

/// A tile in some number format.
pub(super) trait Tile: Copy {
    /// One number, or the numbers that one instruction multiplies.
    type Word: bytemuck::Pod;
    /// Numbers of a word.
    const NUMBERS: usize;

    /// Columns of a panel.
    fn width(self) -> usize;

    /// Copies a row of `a` into the tile's order: its words become number `slot` of every target.
    fn gather<const HEIGHT: usize>(self, row: &[f32], slot: usize, target: &mut [[Self::Word; HEIGHT]]);

    /// Multiplies `HEIGHT` rows by a panel; `emit` gets the number and the sums of each row.
    fn multiply<const HEIGHT: usize>(
        self,
        a: &[[Self::Word; HEIGHT]],
        b: &[Self::Word],
        emit: impl FnMut(usize, &[f32]),
    );
}

/// A tile of f32, with the vectors of this machine.
#[derive(Clone, Copy)]
struct F32<S>(S);

impl<S: Simd> Tile for F32<S> {
    type Word = f32;
    const NUMBERS: usize = 1;

    #[inline(always)]
    fn width(self) -> usize {
        VECTORS * S::F32_LANES
    }

    #[inline(always)]
    fn gather<const HEIGHT: usize>(self, row: &[f32], slot: usize, target: &mut [[f32; HEIGHT]]) {
        target.iter_mut().zip(row).for_each(|(target, value)| target[slot] = *value);
    }

    /// Loops over indices, so that the compiler keeps each sum in a register.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)]
    fn multiply<const HEIGHT: usize>(
        self,
        a: &[[f32; HEIGHT]],
        b: &[f32],
        mut emit: impl FnMut(usize, &[f32]),
    ) {
        let simd = self.0;
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
        for (row, sums) in sums.iter().enumerate() {
            emit(row, bytemuck::cast_slice(sums));
        }
    }
}

impl WithSimd for Block<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            self.tiles::<_, 12>(F32(simd), DEPTH);
        } else {
            self.tiles::<_, 6>(F32(simd), DEPTH);
        }
    }
}

#[inline(always)]
fn finish_row(out: &mut [f32], finish: &Finish<'_>, column: usize) {
    if let Some(bias) = finish.bias {
        out.iter_mut().zip(&bias[column..]).for_each(|(out, bias)| *out += bias);
    }
    activate(out, finish.activation);
}
