//! Tensors on the device: activations, codes and weights.

use std::sync::Arc;

use super::arena::Buffer;
use super::lane::Lane;
use super::layout::padded;
use crate::tensor::shapes::Shaped;
use crate::tensor::{Clips, Dtype, Packed, Role, Typed};

/// Elements from one row to the next.
pub(super) fn stride(dtype: Dtype, channels: usize) -> usize {
    match dtype {
        Dtype::F32 | Dtype::I32 => channels,
        Dtype::F16 => padded(channels),
    }
}

/// Packed rows: fp16, rows `padded(channels)` apart with zeros behind the channels; or f32, rows `channels`
/// apart.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub(super) clips: Clips,
    pub(super) channels: usize,
    pub(super) dtype: Dtype,
    pub(super) buffer: Arc<Buffer>,
    pub(super) lane: Arc<Lane>,
}

impl Tensor {
    pub(super) fn is_f32(&self) -> bool {
        self.dtype == Dtype::F32
    }

    pub(super) fn address(&self) -> u64 {
        self.buffer.address()
    }

    /// Elements from one row to the next.
    pub(super) fn stride(&self) -> usize {
        stride(self.dtype, self.channels)
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
        self.dtype
    }
}

/// One code for each row.
#[derive(Debug, Clone)]
pub struct Codes {
    pub(super) clips: Clips,
    pub(super) buffer: Arc<Buffer>,
    pub(super) lane: Arc<Lane>,
    /// All codes are less than this.
    pub(super) bound: usize,
}

impl Packed for Codes {
    fn clips(&self) -> &Clips {
        &self.clips
    }
    fn channels(&self) -> usize {
        1
    }
}

/// A tensor of the model, in the form that the kernels of its role read.
#[derive(Debug, Clone)]
pub struct Weight {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) role: Role,
    pub(super) address: u64,
    /// The memory of the model's weights, which contains this one.
    pub(super) block: Arc<Buffer>,
}

impl Shaped for Weight {
    fn name(&self) -> &str {
        &self.name
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
}
