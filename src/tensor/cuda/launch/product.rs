//! Launches of `matmul.cu` and `matmul_sm90.cu`.

use super::super::tiles::{self, HOPPER_TILES, TILES, Tiling, Work};
use super::{Kernel, Launch, TensorMap, arguments, number, slope};
use crate::tensor::Activation;

/// A matrix product `y = activation(x w^T + bias) + residual`: of rows, or of windows of rows (a
/// convolution).
#[derive(Debug, Clone, Copy)]
pub struct Product {
    /// (rows, columns) halves, rows `y_stride` apart; f32 if the product is left in parts, see [`Matmul`].
    pub y: u64,
    /// (`x_rows`, channels) halves, rows `x_stride` apart.
    pub x: u64,
    /// (columns, taps * channels) halves.
    pub w: u64,
    /// (columns) halves, or null.
    pub bias: u64,
    /// As y, or null; may be y.
    pub residual: u64,
    /// The clips' rows of x; null if all rows are one clip.
    pub x_offsets: u64,
    /// The clips' rows of y; null if all rows are one clip.
    pub y_offsets: u64,
    /// Rows of y's longest clip.
    pub rows: usize,
    /// Clips; 1 without offsets.
    pub clips: usize,
    /// Columns of y.
    pub columns: usize,
    /// Rows of x, of all clips.
    pub x_rows: usize,
    /// Channels of x, a multiple of eight.
    pub channels: usize,
    /// Rows of a window.
    pub taps: usize,
    /// Rows of x from one window to the next.
    pub step: usize,
    /// Rows before a clip in its first window.
    pub padding: usize,
    /// Rows outside a clip are copies of its border row; if false, zeros.
    pub replicate: bool,
    /// Halves from one row of x to the next, a multiple of eight.
    pub x_stride: usize,
    /// Elements from one row of y (and of the residual) to the next.
    pub y_stride: usize,
    /// The activation.
    pub activation: Activation,
}

impl Product {
    /// The product of `rows` rows of `channels` and a matrix: no bias, residual, windows or activation; all
    /// addresses are null.
    pub fn of_rows(rows: usize, columns: usize, channels: usize) -> Self {
        Self {
            y: 0,
            x: 0,
            w: 0,
            bias: 0,
            residual: 0,
            x_offsets: 0,
            y_offsets: 0,
            rows,
            clips: 1,
            columns,
            x_rows: rows,
            channels,
            taps: 1,
            step: 1,
            padding: 0,
            replicate: false,
            x_stride: channels,
            y_stride: columns,
            activation: Activation::None,
        }
    }

    /// The length of the sum over k: taps times channels.
    fn k(&self) -> usize {
        self.taps * self.channels
    }

    /// Steps of 64 k values after which `matmul_sm90.cu` begins a new sum; all steps of a convolution, which
    /// is never left in parts.
    fn segment(&self) -> usize {
        if self.taps > 1 || self.step > 1 { self.steps() } else { tiles::SEGMENT }
    }

    fn steps(&self) -> usize {
        self.taps * self.channels.div_ceil(tiles::STEP)
    }

    fn work(&self) -> Work {
        let (steps, segment) = (self.steps(), self.segment());
        Work { rows: self.rows, clips: self.clips, columns: self.columns, steps, segment }
    }

    /// True if `matmul_sm90.cu` can compute the product. Only the layer decides, because the order of a row's
    /// sum must not change in a larger batch.
    pub fn suits_hopper(&self) -> bool {
        let inside = self.padding == 0 && !self.replicate && self.step <= 2;
        inside && (self.taps == 1 || self.channels.is_multiple_of(tiles::STEP))
    }

    /// The kernel with the fastest tile for a device. `hopper`: compute capability 9.0.
    pub fn tiled(self, hopper: bool, multiprocessors: usize) -> Matmul {
        let hopper = hopper && self.suits_hopper();
        let tiles: &[_] = if hopper { &HOPPER_TILES } else { &TILES };
        let Tiling { tile, .. } = Tiling::whole(self.work(), tiles, multiprocessors);
        Matmul { product: self, tile, hopper, in_parts: false }
    }

    /// On compute capability 9.0: the product left in parts, if that is faster than [`Product::tiled`].
    pub fn in_parts(self, multiprocessors: usize) -> Option<Matmul> {
        let Tiling { tile, parts } = Tiling::in_parts(self.work(), multiprocessors);
        (parts > 1).then_some(Matmul { product: self, tile, hopper: true, in_parts: true })
    }
}

/// `matmul_64x64`, `matmul_128x128` and, on compute capability 9.0, `matmul_sm90_64x64`, `_128x128`,
/// `_128x256`.
#[derive(Debug, Clone, Copy)]
pub struct Matmul {
    /// The operands.
    pub product: Product,
    /// Rows and columns of a block, in the kernel's name.
    pub tile: (usize, usize),
    /// The kernels of `matmul_sm90.cu`, which need [`Product::suits_hopper`].
    pub hopper: bool,
    /// True if each segment's sum is left as a part: y is (parts, rows, columns) in f32, without bias,
    /// activation and residual. Only with `hopper`.
    pub in_parts: bool,
}

impl Matmul {
    /// The number of parts in which the product is left; 1 if it is whole.
    pub fn parts(&self) -> usize {
        if self.in_parts { self.product.steps().div_ceil(self.product.segment()) } else { 1 }
    }
}

impl Kernel for Matmul {
    fn launch(&self) -> Launch {
        let p = &self.product;
        let (tile_rows, tile_columns) = self.tile;
        let parts = self.parts();
        let grid = Tiling { tile: self.tile, parts }.grid(p.work());
        // 64 k values of both operands, in halves.
        let stage = (tile_rows + tile_columns) * tiles::STEP * size_of::<u16>();
        if !self.hopper {
            return Launch {
                kernel: format!("matmul_{tile_rows}x{tile_columns}"),
                grid,
                threads: 2 * tile_rows,
                shared: 3 * stage,
                arguments: arguments![
                    p.y,
                    p.x,
                    p.w,
                    p.bias,
                    p.residual,
                    p.x_offsets,
                    p.y_offsets,
                    p.rows,
                    p.columns,
                    p.k(),
                    p.x_rows,
                    p.channels,
                    p.step,
                    p.padding,
                    p.replicate,
                    p.x_stride,
                    p.y_stride,
                    p.y_stride,
                    number(p.activation),
                    slope(p.activation),
                ],
            };
        }
        let x = TensorMap {
            address: p.x,
            rows: p.x_rows,
            columns: p.channels,
            stride: p.x_stride,
            box_rows: tile_rows * p.step,
            row_step: p.step,
        };
        let w = TensorMap {
            address: p.w,
            rows: p.columns,
            columns: p.k(),
            stride: p.k(),
            box_rows: tile_columns,
            row_step: 1,
        };
        // The kernels are compiled with as many stages as fit, or as many as keep the copy engine busy.
        let stages = match self.tile {
            (64, 64) => 6,
            (128, 128) => 5,
            _ => 4,
        };
        Launch {
            kernel: format!("matmul_sm90_{tile_rows}x{tile_columns}"),
            grid,
            // One warpgroup for every 64 rows, and one warp for copies.
            threads: 2 * tile_rows + 32,
            shared: stages * stage,
            arguments: arguments![
                p.y,
                x,
                w,
                p.bias,
                p.residual,
                p.x_offsets,
                p.y_offsets,
                p.rows,
                p.columns,
                p.k(),
                p.channels,
                p.step,
                p.y_stride,
                p.y_stride,
                number(p.activation),
                slope(p.activation),
                p.segment(),
                self.in_parts,
            ],
        }
    }
}
