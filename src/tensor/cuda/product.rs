//! Launchers of the matrix products: `matmul.cu` and `matmul_sm90.cu`.

use super::arena::Buffer;
use super::launch::Product;
use super::layout::padded;
use super::{Cuda, NULL, Tensor, Weight, longest};
use crate::Result;
use crate::tensor::shapes::{self, Rows};
use crate::tensor::{Activation, Clips, Linear, Role};

/// The product of every row of x and a matrix of `columns` columns (a multiple of eight). The addresses of
/// output, weight and bias are null.
pub(super) fn product(x: &Tensor, columns: usize) -> Product {
    Product { x: x.address(), ..Product::of_rows(x.clips.rows(), columns, x.stride()) }
}

/// Runs a product into `y`. `clips`: the product's rows, by clip; they matter only if its windows are more
/// than one row.
pub(super) fn matmul(cuda: &Cuda, y: &Tensor, x: &Tensor, clips: &Clips, mut product: Product) -> Result<()> {
    let lane = cuda.enter(&[&x.lane])?;
    product.y = y.address();
    let offsets;
    if product.taps > 1 || product.step > 1 {
        offsets = (cuda.offsets(&x.clips)?, cuda.offsets(clips)?);
        (product.x_offsets, product.y_offsets) = (offsets.0.address(), offsets.1.address());
        (product.rows, product.clips) = (longest(clips), clips.count());
    }
    if product.rows == 0 {
        return Ok(());
    }
    let kernel = product.tiled(lane.device.hopper, lane.device.multiprocessors);
    // SAFETY: x has `x_rows` rows of `channels` halves, y `clips` rows of `columns`; w (columns, taps *
    // channels) and bias (columns) were packed in these shapes; the offsets are those of these clips.
    // Channels and columns are multiples of eight.
    unsafe { lane.launch(&kernel) }
}

/// A matrix product as the sums of its segments of k, (count, rows, columns) in f32, without the bias.
pub(super) struct Parts {
    pub sums: Buffer,
    pub count: usize,
    /// The address of the product's bias.
    pub bias: u64,
    /// The rows and columns of the product.
    pub shape: Rows,
}

/// A linear layer left in parts; `None` if the whole product is faster. Parts are faster for few rows and
/// many inputs.
pub(super) fn linear_in_parts(cuda: &Cuda, x: &Tensor, linear: &Linear<Weight>) -> Result<Option<Parts>> {
    let out = shapes::linear(x, linear)?;
    let lane = cuda.enter(&[&x.lane])?;
    let product = product(x, padded(out));
    if !lane.device.hopper || out != product.columns || product.rows == 0 {
        return Ok(None);
    }
    let Some(mut kernel) = product.in_parts(lane.device.multiprocessors) else { return Ok(None) };
    let w = cuda.weight("linear", &linear.weight, Role::Linear)?;
    let bias = cuda.bias("linear", linear.bias.as_ref())?;
    let sums = lane.arena.take(kernel.parts() * product.rows * out * size_of::<f32>())?;
    kernel.product = Product { y: sums.address(), w, bias: NULL, ..product };
    // SAFETY: as in `matmul`; y has a float for each part, row and column, and there is neither bias nor
    // activation.
    unsafe { lane.launch(&kernel) }?;
    let shape = Rows { clips: x.clips.clone(), channels: out };
    Ok(Some(Parts { sums, count: kernel.parts(), bias, shape }))
}

pub(super) fn linear(
    cuda: &Cuda,
    x: &Tensor,
    linear: &Linear<Weight>,
    activation: Activation,
) -> Result<Tensor> {
    let out = shapes::linear(x, linear)?;
    let weights =
        [cuda.weight("linear", &linear.weight, Role::Linear)?, cuda.bias("linear", linear.bias.as_ref())?];
    rows_times(cuda, x, weights, out, activation)
}

/// Each row times a packed matrix, plus a bias.
pub(super) fn rows_times(
    cuda: &Cuda,
    x: &Tensor,
    [w, bias]: [u64; 2],
    out: usize,
    activation: Activation,
) -> Result<Tensor> {
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, x.clips.clone(), out)?;
    matmul(cuda, &y, x, &x.clips, Product { w, bias, activation, ..product(x, padded(out)) })?;
    Ok(y)
}
