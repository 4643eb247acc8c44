//! A tensor as a file stores it.

use std::ops::Range;
use std::sync::Arc;

use bytemuck::allocation::pod_collect_to_vec;
use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;

/// The number formats of a model file; activations have those of floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floats.
    F32,
    /// 16-bit (IEEE half) floats.
    F16,
    /// 32-bit integers: tables of indices.
    I32,
}

impl Dtype {
    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            Self::F32 | Self::I32 => 4,
            Self::F16 => 2,
        }
    }
}

/// A tensor as a (memory-mapped) file stores it: it is copied only if another form of it is needed.
#[derive(Clone)]
pub struct Stored {
    /// Its name in the file.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its number format.
    pub dtype: Dtype,
    /// The owner of the bytes.
    pub owner: Arc<dyn AsRef<[u8]> + Send + Sync>,
    /// The range of the tensor's bytes in the owner's.
    pub range: Range<usize>,
}

impl Stored {
    /// A tensor of numbers that are already in memory.
    pub fn from_f32(name: &str, shape: &[usize], values: Vec<f32>) -> Self {
        let owner = Arc::new(Floats(values));
        let range = 0..(*owner).as_ref().len();
        Self { name: name.into(), shape: shape.into(), dtype: Dtype::F32, owner, range }
    }

    /// The raw little-endian bytes.
    pub fn bytes(&self) -> &[u8] {
        &(*self.owner).as_ref()[self.range.clone()]
    }

    /// The numbers in place, if they are 32-bit floats at an aligned address.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match self.dtype {
            Dtype::F32 => bytemuck::try_cast_slice(self.bytes()).ok(),
            Dtype::F16 | Dtype::I32 => None,
        }
    }

    /// A copy of the numbers, widened to f32.
    pub fn to_f32(&self) -> Vec<f32> {
        const PIECE: usize = 1 << 16;
        let bytes = self.bytes();
        let size = self.dtype.size();
        let mut values = vec![0f32; bytes.len() / size];
        values.par_chunks_mut(PIECE).zip(bytes.par_chunks(PIECE * size)).for_each(
            |(values, bytes)| match self.dtype {
                Dtype::F32 => bytemuck::cast_slice_mut(values).copy_from_slice(bytes),
                Dtype::I32 => {
                    let integers = bytes.as_chunks::<4>().0.iter().map(|bytes| i32::from_le_bytes(*bytes));
                    values.iter_mut().zip(integers).for_each(|(value, integer)| *value = integer as f32);
                }
                Dtype::F16 => match bytemuck::try_cast_slice::<u8, f16>(bytes) {
                    Ok(halves) => halves.convert_to_f32_slice(values),
                    Err(_) => pod_collect_to_vec::<u8, f16>(bytes).convert_to_f32_slice(values),
                },
            },
        );
        values
    }
}

/// Numbers in memory, as bytes.
struct Floats(Vec<f32>);

impl AsRef<[u8]> for Floats {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {:?}", self.name, self.dtype, self.shape)
    }
}
