//! Launches of `codes.cu`.

use super::{Kernel, Launch, arguments, by_vectors};

/// `lookup`: the codebook's row for each code.
#[derive(Debug, Clone, Copy)]
pub struct Lookup {
    /// (rows, stride) halves.
    pub y: u64,
    /// (rows) `i32`, each below the codebook's rows.
    pub codes: u64,
    /// (count, stride) halves.
    pub codebook: u64,
    /// Rows.
    pub rows: usize,
    /// Halves of a row, a multiple of eight.
    pub stride: usize,
}

impl Kernel for Lookup {
    fn launch(&self) -> Launch {
        let Self { y, codes, codebook, rows, stride } = *self;
        by_vectors("lookup", rows * stride / 8, 1, arguments![y, codes, codebook, rows, stride])
    }
}

/// `nearest_code`: the code whose vector is nearest to a row.
#[derive(Debug, Clone, Copy)]
pub struct NearestCode {
    /// (rows) `i32`.
    pub codes: u64,
    /// (rows, stride) halves.
    pub x: u64,
    /// (count, stride) halves.
    pub codebook: u64,
    /// Rows.
    pub rows: usize,
    /// Codes of the codebook.
    pub count: usize,
    /// Halves of a row, a multiple of eight.
    pub stride: usize,
}

impl Kernel for NearestCode {
    fn launch(&self) -> Launch {
        let Self { codes, x, codebook, rows, count, stride } = *self;
        Launch {
            kernel: "nearest_code".into(),
            grid: [rows.div_ceil(4), 1, 1],
            threads: 128,
            shared: 0,
            arguments: arguments![codes, x, codebook, rows, count, stride],
        }
    }
}

/// `choose_code`: the likeliest code, or a draw by its probability.
#[derive(Debug, Clone, Copy)]
pub struct ChooseCode {
    /// (rows) `i32`.
    pub codes: u64,
    /// (rows, count) halves.
    pub logits: u64,
    /// The clips' rows.
    pub offsets: u64,
    /// (clips) `u64`, or null: the likeliest code.
    pub seeds: u64,
    /// (clips) `i32`: the row number, for the noise, of the first row of each clip. Read only with seeds.
    pub first_rows: u64,
    /// Codes of the codebook.
    pub count: usize,
    /// Halves from one row of the logits to the next.
    pub stride: usize,
    /// The stream of noise.
    pub stream: usize,
    /// Divides the logits before the draw.
    pub temperature: f32,
    /// Clips.
    pub clips: usize,
    /// Rows of the longest clip.
    pub longest: usize,
}

impl Kernel for ChooseCode {
    fn launch(&self) -> Launch {
        let Self { codes, logits, offsets, seeds, first_rows, count, stride, stream, temperature, .. } =
            *self;
        Launch {
            kernel: "choose_code".into(),
            grid: [self.longest.div_ceil(4), self.clips, 1],
            threads: 128,
            shared: 0,
            arguments: arguments![
                codes,
                logits,
                offsets,
                seeds,
                first_rows,
                count,
                stride,
                stream,
                temperature
            ],
        }
    }
}

/// `replace_codes`: replaces chosen codes by given ones.
#[derive(Debug, Clone, Copy)]
pub struct ReplaceCodes {
    /// (rows) `i32`.
    pub codes: u64,
    /// (rows) `i32`.
    pub chosen: u64,
    /// (rows) f32; a value outside 0..count keeps the chosen code.
    pub given: u64,
    /// Rows.
    pub rows: usize,
    /// Codes of the codebook.
    pub count: usize,
}

impl Kernel for ReplaceCodes {
    fn launch(&self) -> Launch {
        let Self { codes, chosen, given, rows, count } = *self;
        Launch {
            kernel: "replace_codes".into(),
            grid: [rows.div_ceil(256), 1, 1],
            threads: 256,
            shared: 0,
            arguments: arguments![codes, chosen, given, rows, count],
        }
    }
}
