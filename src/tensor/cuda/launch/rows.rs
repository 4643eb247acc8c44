//! Launches of `rows.cu`.

use super::super::layout::padded;
use super::{Argument, Kernel, Launch, arguments, by_vectors};

/// `resample_linear`: rows at another rate, by interpolation of values.
#[derive(Debug, Clone, Copy)]
pub struct ResampleLinear {
    /// (rows, stride) halves.
    pub y: u64,
    /// (input rows, stride) halves.
    pub x: u64,
    /// The clips' rows of x.
    pub x_offsets: u64,
    /// The clips' rows of y.
    pub y_offsets: u64,
    /// Halves of a row, a multiple of eight.
    pub stride: usize,
    /// Clips.
    pub clips: usize,
    /// Rows of y's longest clip.
    pub longest: usize,
}

impl Kernel for ResampleLinear {
    fn launch(&self) -> Launch {
        let Self { y, x, x_offsets, y_offsets, stride, clips, longest } = *self;
        let arguments = arguments![y, x, x_offsets, y_offsets, stride];
        by_vectors("resample_linear", longest * stride / 8, clips, arguments)
    }
}

/// The rows that `copy_rows` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowSource {
    /// The same clip of a tensor.
    Clips {
        /// The clips' rows of the tensor.
        offsets: u64,
    },
    /// A table, the same for every clip.
    Table {
        /// Rows of the table.
        rows: usize,
    },
    /// The row with the number of the clip, repeated over the clip.
    Repeated,
}

/// `copy_rows`: slices, concatenations, tables before clips, repeated rows.
#[derive(Debug, Clone, Copy)]
pub struct CopyRows {
    /// Rows of halves, `y_stride` apart.
    pub y: u64,
    /// Rows of at least `channels` halves, `x_stride` apart.
    pub x: u64,
    /// The source of the rows in x.
    pub source: RowSource,
    /// The clips' rows of y.
    pub y_offsets: u64,
    /// Columns that are copied.
    pub channels: usize,
    /// Columns that are written: the channels, and zeros behind them.
    pub width: usize,
    /// Halves from one row of x to the next.
    pub x_stride: usize,
    /// Halves from one row of y to the next.
    pub y_stride: usize,
    /// The first column of y that is written.
    pub y_column: usize,
    /// The first row of a clip of x that is read.
    pub x_first: usize,
    /// The first row of a clip of y that is written.
    pub y_first: usize,
    /// Clips.
    pub clips: usize,
    /// Rows of y's longest clip.
    pub longest: usize,
}

impl Kernel for CopyRows {
    fn launch(&self) -> Launch {
        let Self { y, x, y_offsets, channels, width, x_stride, y_stride, y_column, x_first, y_first, .. } =
            *self;
        let (x_offsets, from, table_rows) = match self.source {
            RowSource::Clips { offsets } => (offsets, 0usize, 0),
            RowSource::Table { rows } => (0, 1, rows),
            RowSource::Repeated => (0, 2, 0),
        };
        let arguments = arguments![
            y, x, x_offsets, y_offsets, channels, width, x_stride, y_stride, y_column, x_first, y_first,
            from, table_rows
        ];
        by_vectors("copy_rows", self.longest * padded(width) / 8, self.clips, arguments)
    }
}

/// `add_rows`: the sum of two tensors, or of a tensor and a table that is added from the first row of every
/// clip.
#[derive(Debug, Clone, Copy)]
pub struct AddRows {
    /// (rows, stride) halves; may be x or z.
    pub y: u64,
    /// (rows, stride) halves.
    pub x: u64,
    /// (rows, stride) halves; with offsets, a table with at least the rows of the longest clip.
    pub z: u64,
    /// The clips' rows if z is a table, else null.
    pub offsets: u64,
    /// Halves of a row, a multiple of eight.
    pub stride: usize,
    /// Clips if z is a table, else 1.
    pub clips: usize,
    /// Rows of the longest clip if z is a table, else all rows.
    pub longest: usize,
}

impl Kernel for AddRows {
    fn launch(&self) -> Launch {
        let Self { y, x, z, offsets, stride, clips, longest } = *self;
        by_vectors("add_rows", longest * stride / 8, clips, arguments![y, x, z, offsets, longest, stride])
    }
}

/// One warp for each row (an emotion vector).
fn by_rows(kernel: &str, rows: usize, arguments: Vec<Argument>) -> Launch {
    Launch { kernel: kernel.into(), grid: [rows, 1, 1], threads: 32, shared: 0, arguments }
}

/// `l2_normalize`: rows divided by their length.
#[derive(Debug, Clone, Copy)]
pub struct L2Normalize {
    /// (rows, channels) halves, rows `stride` apart; may be x.
    pub y: u64,
    /// As y.
    pub x: u64,
    /// Channels.
    pub channels: usize,
    /// Halves from one row to the next.
    pub stride: usize,
    /// Rows.
    pub rows: usize,
}

impl Kernel for L2Normalize {
    fn launch(&self) -> Launch {
        let Self { y, x, channels, stride, rows } = *self;
        by_rows("l2_normalize", rows, arguments![y, x, channels, stride])
    }
}

/// `sample_gaussian`: a draw from a normal distribution, divided by its length.
#[derive(Debug, Clone, Copy)]
pub struct SampleGaussian {
    /// (rows, channels) halves, rows `stride` apart.
    pub y: u64,
    /// As y: the mean.
    pub mu: u64,
    /// As y: the logarithm of the variance.
    pub log_variance: u64,
    /// As y: standard normal noise.
    pub noise: u64,
    /// Channels.
    pub channels: usize,
    /// Halves from one row to the next.
    pub stride: usize,
    /// Multiplies the logarithm of the variance.
    pub control: f32,
    /// Rows.
    pub rows: usize,
}

impl Kernel for SampleGaussian {
    fn launch(&self) -> Launch {
        let Self { y, mu, log_variance, noise, channels, stride, control, rows } = *self;
        by_rows("sample_gaussian", rows, arguments![y, mu, log_variance, noise, channels, stride, control])
    }
}

/// `interpolate`: a point between two vectors, along the great circle or on the straight line.
#[derive(Debug, Clone, Copy)]
pub struct Interpolate {
    /// (rows, channels) halves, rows `stride` apart.
    pub y: u64,
    /// As y: the vectors at weight 0.
    pub a: u64,
    /// As y: the vectors at weight 1.
    pub b: u64,
    /// Channels.
    pub channels: usize,
    /// Halves from one row to the next.
    pub stride: usize,
    /// The weight of b, 0 to 1.
    pub weight: f32,
    /// True: along the great circle, to unit length; false: on the straight line.
    pub on_sphere: bool,
    /// Rows.
    pub rows: usize,
}

impl Kernel for Interpolate {
    fn launch(&self) -> Launch {
        let Self { y, a, b, channels, stride, weight, on_sphere, rows } = *self;
        by_rows("interpolate", rows, arguments![y, a, b, channels, stride, weight, on_sphere])
    }
}
