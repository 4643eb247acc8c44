//! Matrix products: `linear`, and the product inside convolutions and attention.

use rayon::prelude::*;

use super::operands::{Finish, Matrix};
use super::panels::Panels;
use super::simd::height;
use super::tile::Block;
use super::{SERIAL, Tensor, Weight};
use crate::tensor::{Activation, Linear, Packed};

/// Numbers that one task of an element-wise pass works on: 128 KiB, well inside a core's second-level cache.
pub(super) const BLOCK: usize = 32 * 1024;
/// The most rows of one task: with a block of the inner dimension they stay in a core's second-level cache.
const ROWS: usize = 96;
/// Multiplications of a product that one thread finishes before a second thread is awake.
pub(super) const SMALL: usize = 1 << 22;

/// `out = finish(a b)`, on all threads: a is (out.len() / columns, depth), out has the columns of b.
pub(super) fn product(a: Matrix<'_>, b: &Panels, out: &mut [f32], finish: Finish<'_>) {
    let columns = b.columns();
    if out.is_empty() {
        return;
    }
    let rows = out.len() / columns;
    let block = block_rows(rows, rows * columns * b.depth());
    in_blocks_of(out.len() * b.depth(), out, block * columns, |index, out| {
        let (a, rows) = (a.from(index * block), out.len() / columns);
        Block { a, rows, b, out, stride: columns, finish }.compute();
    });
}

/// Rows of a task, such that each thread gets a few tasks; all rows if there is little work.
pub(super) fn block_rows(rows: usize, multiplications: usize) -> usize {
    if multiplications <= SMALL {
        return rows.max(1);
    }
    let share = rows.div_ceil(3 * rayon::current_num_threads());
    share.next_multiple_of(height()).min(ROWS)
}

pub(super) fn linear(x: &Tensor, linear: &Linear<Weight>, activation: Activation, out: usize) -> Tensor {
    let mut y = Tensor::unwritten(x.clips().clone(), out);
    let finish = Finish { bias: linear.bias.as_ref().map(Weight::values), activation };
    product(Matrix::rows(&x.data, x.channels()), &linear.weight.panels(out, 1)[0], &mut y.data, finish);
    y
}

/// Runs `body` on blocks of a tensor: on this thread if the tensor is small, else on all threads.
pub(super) fn in_blocks(values: &mut [f32], block: usize, body: impl Fn(usize, &mut [f32]) + Sync + Send) {
    let passes = SMALL / SERIAL;
    in_blocks_of(values.len() * passes, values, block, body);
}

/// As [`in_blocks`], for work of the given number of multiplications.
pub(super) fn in_blocks_of(
    multiplications: usize,
    values: &mut [f32],
    block: usize,
    body: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    let block = block.max(1);
    if multiplications <= SMALL {
        values.chunks_mut(block).enumerate().for_each(|(index, values)| body(index, values));
    } else {
        values.par_chunks_mut(block).enumerate().for_each(|(index, values)| body(index, values));
    }
}
