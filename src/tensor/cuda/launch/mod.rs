//! Launches: for each kernel one struct with its operands and sizes. From the struct follow the kernel's
//! name, the grid, the threads of a block, the shared memory and the arguments in the order of the `.cu`
//! file.
//!
//! The launchers in the parent module fill the structs after their checks. The kernel tests fill the same
//! structs, so a test launches a kernel as the program does. The kernels have positional parameters: nvcc
//! places them in the constant bank, from which an instruction reads an operand at no cost, as it would with
//! the fields of one struct; and single parameters can be `__restrict__` pointers and `__grid_constant__`
//! tensor maps.
//!
//! An address is of device memory; 0 is null. Offsets are tables of `clips + 1` rows, `i32`. `longest` is the
//! number of rows of the longest clip, which the grid covers for every clip. A stride is in elements, from
//! one row to the next.

mod attention;
mod codes;
mod conv;
mod face;
mod norm;
mod product;
mod rows;
mod stack;

pub use attention::{Attention, AttentionOver};
pub use codes::{ChooseCode, Lookup, NearestCode, ReplaceCodes};
pub use conv::{FirstConv, GroupedConv, LogBands, SampleWindows};
pub use face::Skin;
pub use norm::{
    GroupNormApply, GroupNormMoments, LayerNorm, LayerNormOfParts, NormalizeSamples, SampleMoments,
    SortedPool, UniteMoments,
};
pub use product::{Matmul, Product};
pub use rows::{AddRows, CopyRows, Interpolate, L2Normalize, ResampleLinear, RowSource, SampleGaussian};
pub use stack::{StackSize, TransformerStack};

use crate::tensor::Activation;

/// The parameters of a launch, without the stream.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The kernel's name.
    pub kernel: String,
    /// Blocks along x, y and z. If one of them is 0, nothing is launched.
    pub grid: [usize; 3],
    /// Threads of a block.
    pub threads: usize,
    /// Dynamic shared memory of a block in bytes.
    pub shared: usize,
    /// The arguments in the kernel's order.
    pub arguments: Vec<Argument>,
}

/// A kernel argument, of the type that the kernel declares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Argument {
    /// A device address; 0 is null.
    Address(u64),
    /// An `int`.
    Int(i32),
    /// A `float`.
    Float(f32),
    /// A tensor map for the copy engine, passed by value.
    Map(TensorMap),
}

/// A matrix of halves for the copy engine: boxes of 64 columns and `box_rows` rows, 128-byte swizzle, zeros
/// outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TensorMap {
    /// The first value; 16-byte aligned.
    pub address: u64,
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub columns: usize,
    /// Halves from one row to the next; a multiple of eight.
    pub stride: usize,
    /// Rows that a box spans, at most 256.
    pub box_rows: usize,
    /// Every `row_step`-th of these rows is copied; at most 8.
    pub row_step: usize,
}

/// A call of a kernel.
pub trait Kernel {
    /// The launch that makes this call.
    fn launch(&self) -> Launch;
}

impl From<u64> for Argument {
    fn from(address: u64) -> Self {
        Self::Address(address)
    }
}

impl From<usize> for Argument {
    fn from(value: usize) -> Self {
        debug_assert!(i32::try_from(value).is_ok(), "an int of a kernel: {value}");
        Self::Int(value as i32)
    }
}

impl From<bool> for Argument {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<f32> for Argument {
    fn from(value: f32) -> Self {
        Self::Float(value)
    }
}

impl From<TensorMap> for Argument {
    fn from(map: TensorMap) -> Self {
        Self::Map(map)
    }
}

/// The arguments of a kernel, each by its Rust type: `u64` is an address, `usize` and `bool` an `int`, `f32`
/// a `float`.
macro_rules! arguments {
    ($($value:expr),* $(,)?) => { vec![$($crate::tensor::cuda::launch::Argument::from($value)),*] };
}
use arguments;

/// The number of an activation in the kernels (`matrix::Activation` of `matrix.cuh`).
fn number(activation: Activation) -> usize {
    match activation {
        Activation::None => 0,
        Activation::Gelu => 1,
        Activation::Relu => 2,
        Activation::LeakyRelu(_) => 3,
    }
}

/// The slope of a leaky ReLU below zero; 0 for all others.
fn slope(activation: Activation) -> f32 {
    if let Activation::LeakyRelu(slope) = activation { slope } else { 0.0 }
}

/// Halves of a tile of rows in shared memory in the layout of `row_at` of `matrix.cuh`: after each run of
/// rows that fills all banks, 16 bytes are free.
fn tile_halves(width: usize, rows: usize) -> usize {
    let run = 8 >> (width / 8).trailing_zeros().min(3);
    rows * width + rows / run * 8
}

/// One thread for every vector of eight halves of the longest clip; blocks of 256 threads, for every clip.
fn by_vectors(kernel: &str, vectors: usize, clips: usize, arguments: Vec<Argument>) -> Launch {
    Launch {
        kernel: kernel.into(),
        grid: [vectors.div_ceil(256), clips, 1],
        threads: 256,
        shared: 0,
        arguments,
    }
}
