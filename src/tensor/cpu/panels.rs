//! The right side of a product, in panels: a panel has the columns that fit into two vectors, and all their
//! rows one after another.

use bytemuck::{cast_slice, cast_slice_mut};
use rayon::prelude::*;

use super::pairs;
use super::simd::width;

/// The number format of a product's two sides. Sums are f32 in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    #[default]
    F32,
    /// Two numbers of a column are adjacent, because the processor multiplies both with one instruction.
    Bf16,
}

impl Format {
    /// Numbers of a 32-bit word.
    fn numbers(self) -> usize {
        match self {
            Self::F32 => 1,
            Self::Bf16 => pairs::PAIR,
        }
    }

    /// Columns of a panel on this machine.
    fn width(self) -> usize {
        match self {
            Self::F32 => width(),
            Self::Bf16 => pairs::WIDTH,
        }
    }
}

/// The right side of a product.
#[derive(Debug, Clone)]
pub(super) struct Panels {
    format: Format,
    words: Vec<u32>,
    /// The start of the first panel, at a cache line.
    begin: usize,
    columns: usize,
    depth: usize,
}

impl Panels {
    /// Makes panels from the rows of the transpose, (columns, depth), `stride` apart: the form in which a
    /// weight is stored.
    pub fn from_transposed(
        values: &[f32],
        stride: usize,
        columns: usize,
        depth: usize,
        format: Format,
    ) -> Self {
        let mut panels = Self::empty(columns, depth, format);
        let (width, numbers) = (format.width(), format.numbers());
        panels.fill(|first, panel| {
            // A few rows at a time, so that the written words stay in the first-level cache.
            for (block, target) in panel.chunks_mut(16 * width).enumerate() {
                let from = block * 16 * numbers;
                let deep = (target.len() / width * numbers).min(depth - from);
                for column in first..(first + width).min(columns) {
                    let source = &values[column * stride + from..][..deep];
                    let column = column - first;
                    match format {
                        Format::F32 => {
                            let rows = cast_slice_mut::<u32, f32>(target).chunks_exact_mut(width);
                            rows.zip(source).for_each(|(row, &value)| row[column] = value);
                        }
                        Format::Bf16 => {
                            let rows = target.chunks_exact_mut(width).zip(source.chunks(pairs::PAIR));
                            rows.for_each(|(row, pair)| row[column] = pairs::word(pair));
                        }
                    }
                }
            }
        });
        panels
    }

    /// Makes panels from rows (depth, columns), `stride` apart.
    pub fn from_rows(values: &[f32], stride: usize, columns: usize, depth: usize, format: Format) -> Self {
        let mut panels = Self::empty(columns, depth, format);
        let (width, numbers) = (format.width(), format.numbers());
        panels.fill(|first, panel| {
            let count = width.min(columns - first);
            let row = |row: usize| &values[row * stride + first..][..count];
            for (index, target) in panel.chunks_exact_mut(width).enumerate() {
                match format {
                    Format::F32 => cast_slice_mut(&mut target[..count]).copy_from_slice(row(index)),
                    Format::Bf16 => {
                        let (upper, lower) = (index * numbers, index * numbers + 1);
                        let lower = (lower < depth).then(|| row(lower));
                        pairs::words(row(upper), lower, target);
                    }
                }
            }
        });
        panels
    }

    fn empty(columns: usize, depth: usize, format: Format) -> Self {
        let mut panels = Self { format, words: Vec::new(), begin: 0, columns, depth };
        panels.words = vec![0; panels.all() + 16];
        panels.begin = panels.words.as_ptr().align_offset(64).min(16);
        panels
    }

    fn fill(&mut self, fill: impl Fn(usize, &mut [u32]) + Sync + Send) {
        let (width, size, all) = (self.format.width(), self.size(), self.all());
        if all == 0 {
            return;
        }
        let panels = &mut self.words[self.begin..self.begin + all];
        let one = |(index, panel): (usize, &mut [u32])| fill(index * width, panel);
        if all < super::SERIAL {
            panels.chunks_mut(size).enumerate().for_each(one);
        } else {
            panels.par_chunks_mut(size).enumerate().for_each(one);
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

    pub fn format(&self) -> Format {
        self.format
    }

    /// The words of a panel's rows from row `from` on: a word holds one number, or a pair.
    pub fn panel<W: bytemuck::Pod>(&self, index: usize, from: usize, deep: usize) -> &[W] {
        let (width, numbers) = (self.format.width(), self.format.numbers());
        let from = index * self.size() + from / numbers * width;
        cast_slice(&self.words[self.begin + from..][..deep.div_ceil(numbers) * width])
    }

    /// Words of a panel.
    fn size(&self) -> usize {
        self.format.width() * self.depth.div_ceil(self.format.numbers())
    }

    /// Words of all panels.
    fn all(&self) -> usize {
        self.columns.div_ceil(self.format.width()) * self.size()
    }
}
