//! Launchers of the matrix products: `matmul.cu` and `matmul_sm90.cu`.

use super::arena::Buffer;
use super::device::{Argument, Shape};
use super::lane::Lane;
use super::tensor::padded;
use super::tiles::{self, Tiling};
use super::{Cuda, NULL, Tensor, Weight, address, int, longest, numbers};
use crate::Result;
use crate::tensor::shapes::{self, Rows};
use crate::tensor::{Activation, Clips, Linear, Role};

/// What `matmul.cu` calls a product, in elements.
pub(super) struct Product {
    /// Rows that come out, by clip; one clip if no window reaches over rows.
    pub out: Clips,
    /// Rows that go in, by clip.
    pub input: Clips,
    /// Channels of x as they lie: a multiple of eight.
    pub channels: usize,
    pub taps: usize,
    pub step: usize,
    pub before: usize,
    pub replicate: bool,
    /// Columns as they lie: a multiple of eight.
    pub columns: usize,
    pub activation: Activation,
}

impl Product {
    /// Every row of x times a matrix.
    fn of_rows(x: &Tensor, out: usize, activation: Activation) -> Self {
        let clips = x.clips.clone();
        Self {
            out: clips.clone(),
            input: clips,
            channels: x.stride(),
            taps: 1,
            step: 1,
            before: 0,
            replicate: false,
            columns: padded(out),
            activation,
        }
    }

    /// Whether a window is more than one row.
    fn has_windows(&self) -> bool {
        self.taps > 1 || self.step > 1
    }

    fn work(&self) -> tiles::Work {
        let (rows, clips) = match self.has_windows() {
            true => (longest(&self.out), self.out.count()),
            false => (self.out.rows(), 1),
        };
        let steps = self.taps * self.channels.div_ceil(tiles::STEP);
        let segment = if self.has_windows() { steps } else { tiles::SEGMENT };
        tiles::Work { rows, clips, columns: self.columns, steps, segment }
    }

    /// Whether `matmul_sm90.cu` can make it: decided by the layer alone, since a row must not be summed in another order in a larger
    /// batch.
    fn suits_hopper(&self) -> bool {
        let inside = self.before == 0 && !self.replicate && self.step <= 2;
        inside && (self.taps == 1 || self.channels.is_multiple_of(tiles::STEP))
    }

    fn offsets(&self, cuda: &Cuda) -> Result<[Argument; 2]> {
        match self.has_windows() {
            true => Ok([address(&*cuda.offsets(&self.input)?), address(&*cuda.offsets(&self.out)?)]),
            false => Ok([NULL, NULL]),
        }
    }
}

pub(super) fn matmul(
    cuda: &Cuda,
    y: &Tensor,
    x: &Tensor,
    [w, bias]: [Argument; 2],
    product: &Product,
) -> Result<()> {
    let lane = cuda.enter(&[&x.lane])?;
    let Product { input, channels, taps, step, before, replicate, columns, activation, .. } = product;
    let work = product.work();
    if work.rows == 0 {
        return Ok(());
    }
    if lane.device.hopper && product.suits_hopper() {
        let tiling = Tiling::whole(work, &tiles::HOPPER_TILES, lane.device.multiprocessors);
        return matmul_sm90(cuda, &lane, y.address(), x, [w, bias], product, tiling);
    }
    let [x_offsets, y_offsets] = product.offsets(cuda)?;
    let (activation, slope) = numbers(*activation);
    let tiling = Tiling::whole(work, &tiles::TILES, lane.device.multiprocessors);
    let (tile_rows, tile_columns) = tiling.tile;
    // Three stages of 64 k values of both operands.
    let shape = Shape {
        grid: tiling.grid(work),
        threads: 2 * tile_rows,
        shared: 3 * (tile_rows + tile_columns) * 128,
    };
    let arguments = [
        Argument::Address(y.address()),
        Argument::Address(x.address()),
        w,
        bias,
        NULL,
        x_offsets,
        y_offsets,
        int(work.rows),
        int(*columns),
        int(taps * channels),
        int(input.rows()),
        int(*channels),
        int(*step),
        int(*before),
        int((*replicate).into()),
        int(*channels),
        int(*columns),
        int(*columns),
        activation,
        slope,
    ];
    // SAFETY: x has `input.rows()` rows of `channels` halves, y `out.rows()` rows of `columns`, w (columns, taps * channels) and
    // bias (columns) were packed so; the offsets are those of these clips. Channels and columns are multiples of eight.
    unsafe { lane.launch(&format!("matmul_{tile_rows}x{tile_columns}"), shape, &arguments) }
}

/// The product into `y`, or the sums of its segments if the tiling has several.
fn matmul_sm90(
    cuda: &Cuda,
    lane: &Lane,
    y: u64,
    x: &Tensor,
    [w, bias]: [Argument; 2],
    product: &Product,
    tiling: Tiling,
) -> Result<()> {
    let Argument::Address(weights) = w else { unreachable!("a weight is an address") };
    let Product { input, channels, taps, step, columns, activation, .. } = product;
    let (work, k) = (product.work(), taps * channels);
    let (tile_rows, tile_columns) = tiling.tile;
    // What the kernels are compiled with: a ring of as many stages as fit, or as keep the copy engine busy.
    let stages = match tiling.tile {
        (64, 64) => 6,
        (128, 128) => 5,
        _ => 4,
    };
    let [x_offsets, y_offsets] = product.offsets(cuda)?;
    let (activation, slope) = numbers(*activation);
    let arguments = [
        Argument::Address(y),
        lane.device.tensor_map(x.address(), [input.rows(), *channels, *channels], tile_rows * step, *step)?,
        lane.device.tensor_map(weights, [*columns, k, k], tile_columns, 1)?,
        bias,
        NULL,
        x_offsets,
        y_offsets,
        int(work.rows),
        int(*columns),
        int(k),
        int(*channels),
        int(*step),
        int(*columns),
        int(*columns),
        activation,
        slope,
        int(work.segment),
        int((tiling.parts > 1).into()),
    ];
    // A warpgroup for every 64 rows, and the warp that copies.
    let threads = tile_rows * 2 + 32;
    let shape = Shape { grid: tiling.grid(work), threads, shared: stages * (tile_rows + tile_columns) * 128 };
    // SAFETY: as in `matmul`; the maps describe x and w. With parts y has a float for each of them, row and column, and there is
    // neither bias nor activation.
    unsafe { lane.launch(&format!("matmul_sm90_{tile_rows}x{tile_columns}"), shape, &arguments) }
}

/// A matrix product as the sums of its segments of k, (count, rows, columns) in f32, to which the bias is not added yet.
pub(super) struct Parts {
    pub sums: Buffer,
    pub count: usize,
    pub bias: Argument,
    /// The rows and columns of the product.
    pub shape: Rows,
}

/// A linear layer in parts, where that is faster than whole: few rows, and many inputs.
pub(super) fn linear_in_parts(cuda: &Cuda, x: &Tensor, linear: &Linear<Weight>) -> Result<Option<Parts>> {
    let out = shapes::linear(x, linear)?;
    let lane = cuda.enter(&[&x.lane])?;
    let product = Product::of_rows(x, out, Activation::None);
    let work = product.work();
    let tiling = Tiling::in_parts(work, lane.device.multiprocessors);
    if !lane.device.hopper || out != product.columns || tiling.parts == 1 || work.rows == 0 {
        return Ok(None);
    }
    let w = cuda.weight("linear", &linear.weight, Role::Linear)?;
    let bias = cuda.bias("linear", linear.bias.as_ref())?;
    let sums = lane.arena.take(tiling.parts * work.rows * out * size_of::<f32>())?;
    matmul_sm90(cuda, &lane, sums.address(), x, [w, NULL], &product, tiling)?;
    let shape = Rows { clips: x.clips.clone(), channels: out };
    Ok(Some(Parts { sums, count: tiling.parts, bias, shape }))
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

/// Each row times a packed matrix and bias.
pub(super) fn rows_times(
    cuda: &Cuda,
    x: &Tensor,
    weights: [Argument; 2],
    out: usize,
    activation: Activation,
) -> Result<Tensor> {
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, x.clips.clone(), out)?;
    matmul(cuda, &y, x, weights, &Product::of_rows(x, out, activation))?;
    Ok(y)
}
