//! Element types of stored tensors, and conversion to f32.

use std::borrow::Cow;

/// The type of a stored tensor's elements; little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ElementType {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
}

impl ElementType {
    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Appends the elements of `bytes` to `out` as f32, rounded to nearest; an incomplete element at the end
    /// is ignored.
    pub fn extend_f32(self, bytes: &[u8], out: &mut Vec<f32>) {
        fn each<const N: usize>(bytes: &[u8], out: &mut Vec<f32>, value: impl Fn([u8; N]) -> f32) {
            out.extend(bytes.as_chunks::<N>().0.iter().map(|b| value(*b)));
        }
        match self {
            Self::F64 => each(bytes, out, |b| f64::from_le_bytes(b) as f32),
            Self::F32 => each(bytes, out, f32::from_le_bytes),
            Self::F16 => each(bytes, out, |b| half::f16::from_le_bytes(b).to_f32()),
            Self::BF16 => each(bytes, out, |b| half::bf16::from_le_bytes(b).to_f32()),
            Self::I64 => each(bytes, out, |b| i64::from_le_bytes(b) as f32),
            Self::I32 => each(bytes, out, |b| i32::from_le_bytes(b) as f32),
            Self::I16 => each(bytes, out, |b| i16::from_le_bytes(b).into()),
            Self::I8 => each(bytes, out, |b| i8::from_le_bytes(b).into()),
            Self::U64 => each(bytes, out, |b| u64::from_le_bytes(b) as f32),
            Self::U32 => each(bytes, out, |b| u32::from_le_bytes(b) as f32),
            Self::U16 => each(bytes, out, |b| u16::from_le_bytes(b).into()),
            Self::U8 => each(bytes, out, |[b]| b.into()),
            Self::Bool => each(bytes, out, |[b]| f32::from(u8::from(b != 0))),
        }
    }

    /// The elements of `bytes` as whole numbers, or none if they are not of a whole type.
    pub fn whole_numbers(self, bytes: &[u8]) -> Option<Vec<i64>> {
        fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> Option<i64>) -> Option<Vec<i64>> {
            bytes.as_chunks::<N>().0.iter().map(|b| value(*b)).collect()
        }
        match self {
            Self::F64 | Self::F32 | Self::F16 | Self::BF16 => None,
            Self::I64 => each(bytes, |b| Some(i64::from_le_bytes(b))),
            Self::I32 => each(bytes, |b| Some(i32::from_le_bytes(b).into())),
            Self::I16 => each(bytes, |b| Some(i16::from_le_bytes(b).into())),
            Self::I8 => each(bytes, |b| Some(i8::from_le_bytes(b).into())),
            Self::U64 => each(bytes, |b| i64::try_from(u64::from_le_bytes(b)).ok()),
            Self::U32 => each(bytes, |b| Some(u32::from_le_bytes(b).into())),
            Self::U16 => each(bytes, |b| Some(u16::from_le_bytes(b).into())),
            Self::U8 | Self::Bool => each(bytes, |[b]| Some(b.into())),
        }
    }

    /// `bytes` with the bytes of every element reversed: big-endian to little-endian.
    pub fn swapped(self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes.chunks_exact_mut(self.size()).for_each(<[u8]>::reverse);
        bytes
    }
}

/// The number of elements of `shape`, or none if it overflows.
pub(crate) fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n))
}

/// The elements of a column-major (Fortran) array in row-major order.
pub(crate) fn row_major<'a>(bytes: Cow<'a, [u8]>, shape: &[usize], size: usize) -> Cow<'a, [u8]> {
    if shape.len() < 2 || bytes.is_empty() {
        return bytes;
    }
    let strides: Vec<usize> = shape
        .iter()
        .scan(size, |stride, &n| {
            let own = *stride;
            *stride *= n;
            Some(own)
        })
        .collect();
    let mut out = Vec::with_capacity(bytes.len());
    for_each_offset(shape, &strides, |offset| out.extend_from_slice(&bytes[offset..offset + size]));
    out.into()
}

/// Calls `visit` with the offset of every element of a strided array, in row-major order.
pub(crate) fn for_each_offset(shape: &[usize], strides: &[usize], mut visit: impl FnMut(usize)) {
    if shape.contains(&0) {
        return;
    }
    let mut index = vec![0; shape.len()];
    let mut offset = 0;
    loop {
        visit(offset);
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            index[axis] += 1;
            offset += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            offset -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
}
