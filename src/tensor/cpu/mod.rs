//! The CPU back end: plain Rust in f32, the numeric reference of every other device.
//!
//! One file for each family of operations. Work runs in rayon's current thread pool, in pieces whose size
//! does not depend on the number of threads, so a result has the same bytes on any number of threads.

mod attention;
mod bf16;
mod block;
mod buffer;
mod codes;
mod conv;
mod front_end;
pub mod math;
mod norm;
mod operands;
mod ops;
mod pairs;
mod panels;
mod pool;
mod product;
mod rows;
mod simd;
pub(crate) mod skin;
mod spectrum;
mod tile;

use std::sync::{Arc, OnceLock};

use self::buffer::Buffer;
use self::panels::{Format, Panels};
use super::shapes::Shaped;
use super::{Clips, Dtype, Packed, Stored, Typed};
use crate::{Error, Result};

/// The CPU. Work runs in rayon's current thread pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpu {
    /// The format of all products except those of samples. All other operations are f32.
    products: Format,
}

impl Cpu {
    /// All operations in f32: the reference.
    pub const F32: Self = Self { products: Format::F32 };

    /// Products in bf16 (except those of samples) with sums in f32, and half the memory for the weights. For
    /// processors with AVX512_BF16.
    ///
    /// # Errors
    /// [`Error::Device`] for a processor without these instructions.
    pub fn bf16() -> Result<Self> {
        if bf16::is_available() {
            return Ok(Self { products: Format::Bf16 });
        }
        Err(Error::Device(
            "cpu:bf16 needs a processor with bf16 products (AVX512_BF16), and this one has none: take cpu"
                .into(),
        ))
    }
}

/// Packed rows of f32.
#[derive(Debug, Clone)]
pub struct Tensor {
    clips: Clips,
    channels: usize,
    data: Buffer,
}

/// One code a row.
#[derive(Debug, Clone)]
pub struct Codes {
    clips: Clips,
    data: Vec<i32>,
}

/// A tensor of the model, in the forms in which it was used so far: f32 in the memory map of the file if its
/// address allows, else a copy; panels for matrix products.
#[derive(Debug, Clone)]
pub struct Weight {
    stored: Stored,
    products: Format,
    widened: Arc<OnceLock<Vec<f32>>>,
    panels: Arc<OnceLock<Vec<Panels>>>,
}

/// Numbers that one thread processes before a second thread is awake.
const SERIAL: usize = 128 * 1024;

impl Tensor {
    /// An uninitialised tensor; the caller must write every element.
    fn unwritten(clips: Clips, channels: usize) -> Self {
        let data = Buffer::unwritten(clips.rows() * channels);
        Self { clips, channels, data }
    }

    /// The numbers of one clip, row-major.
    fn clip(&self, clip: usize) -> &[f32] {
        let range = self.clips.range(clip);
        &self.data[range.start * self.channels..range.end * self.channels]
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.channels..(row + 1) * self.channels]
    }

    /// The numbers of each clip, one clip after another, to be written.
    fn clips_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let Self { clips, channels, data } = self;
        let mut rest: &mut [f32] = data;
        clips.lengths().map(move |rows| rest.split_off_mut(..rows * *channels).unwrap_or_default())
    }
}

impl Packed for Tensor {
    fn clips(&self) -> &Clips {
        &self.clips
    }
    fn channels(&self) -> usize {
        self.channels
    }
}

impl Typed for Tensor {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
}

impl Packed for Codes {
    fn clips(&self) -> &Clips {
        &self.clips
    }
    fn channels(&self) -> usize {
        1
    }
}

impl Weight {
    fn values(&self) -> &[f32] {
        self.stored.as_f32().unwrap_or_else(|| self.widened.get_or_init(|| self.stored.to_f32()))
    }

    /// The weight of a product, (columns, ...) with an equal part of its columns for each group. A weight has
    /// one use, so `columns` and `groups` are the same in every call.
    fn panels(&self, columns: usize, groups: usize) -> &[Panels] {
        self.panels.get_or_init(|| {
            let copy;
            let values = match self.stored.as_f32() {
                Some(values) => values,
                None => {
                    copy = self.stored.to_f32();
                    &copy
                }
            };
            let (depth, columns) = (values.len() / columns.max(1), columns / groups);
            // Samples keep all digits: the logarithm of a spectrogram makes rounding errors visible where the
            // sound is quiet.
            let format = if let [_, _, 1] = self.shape() { Format::F32 } else { self.products };
            let group = |group| {
                let values = &values[group * columns * depth..];
                Panels::from_transposed(values, depth, columns, depth, format)
            };
            (0..groups).map(group).collect()
        })
    }
}

impl Shaped for Weight {
    fn name(&self) -> &str {
        &self.stored.name
    }
    fn shape(&self) -> &[usize] {
        &self.stored.shape
    }
}
