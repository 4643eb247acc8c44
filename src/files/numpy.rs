//! NumPy arrays read from pickles and `.npy` files.

use std::borrow::Cow;

use super::elements::{ElementType, count, row_major};
use super::pickle::Node;

/// An array: its shape, and its elements row-major and little-endian.
#[derive(Debug, Clone, PartialEq)]
pub struct Array<'a> {
    /// The sizes of the axes.
    pub shape: Vec<usize>,
    element: ElementType,
    bytes: Cow<'a, [u8]>,
}

/// The storage of an array: element type, byte order, order of axes.
#[derive(Debug, Clone, Copy)]
struct Layout {
    element: ElementType,
    big_endian: bool,
    column_major: bool,
}

impl<'a> Array<'a> {
    fn new(shape: Vec<usize>, layout: Layout, bytes: &'a [u8]) -> Result<Self, String> {
        let element = layout.element;
        let expected = count(&shape).and_then(|n| n.checked_mul(element.size()));
        if expected != Some(bytes.len()) {
            return Err(format!("{} bytes for an array of shape {shape:?} of {element:?}", bytes.len()));
        }
        let bytes: Cow<'a, [u8]> =
            if layout.big_endian { element.swapped(bytes).into() } else { bytes.into() };
        let bytes = if layout.column_major { row_major(bytes, &shape, element.size()) } else { bytes };
        Ok(Self { shape, element, bytes })
    }

    /// The array of a pickled call: `_reconstruct` with a state, or `_frombuffer`.
    ///
    /// # Errors
    /// A description of what was found instead, for the text of an error.
    pub fn from_pickle(node: Node<'a>) -> Result<Self, String> {
        let object = node.object().ok_or_else(|| node.describe())?;
        match (object.module, object.name) {
            // State: version, shape, dtype, whether column-major, bytes.
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
                let part =
                    |index| object.state.and_then(|state| state.item(index)).ok_or("an array without data");
                let (element, big_endian) = dtype(part(2)?)?;
                let column_major = part(3)?.int() == Some(1);
                let shape = part(1)?.sizes().ok_or("an array without a shape")?;
                let bytes = part(4)?
                    .bytes()
                    .ok_or_else(|| format!("an array of {}", part(4).map_or("".into(), Node::describe)))?;
                Self::new(shape, Layout { element, big_endian, column_major }, bytes)
            }
            // Arguments: bytes, dtype, shape, order.
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => {
                let part = |index| object.args.item(index).ok_or("an array without data");
                let (element, big_endian) = dtype(part(1)?)?;
                let shape = part(2)?.sizes().ok_or("an array without a shape")?;
                let column_major = part(3)?.text() == Some("F");
                let bytes = part(0)?.bytes().ok_or_else(|| node.describe())?;
                Self::new(shape, Layout { element, big_endian, column_major }, bytes)
            }
            _ => Err(node.describe()),
        }
    }

    /// The array of a `.npy` file.
    ///
    /// # Errors
    /// A description of what was found instead, for the text of an error.
    pub fn from_npy(bytes: &'a [u8]) -> Result<Self, String> {
        let header = npy_header(bytes).ok_or("a damaged .npy header")?;
        let (element, big_endian) = code(header.descr)
            .ok_or_else(|| format!("an array of type `{}`", header.descr.escape_debug()))?;
        Self::new(
            header.shape,
            Layout { element, big_endian, column_major: header.column_major },
            header.data,
        )
    }

    /// The elements as f32.
    pub fn to_f32(&self) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.bytes.len() / self.element.size());
        self.element.extend_f32(&self.bytes, &mut out);
        out
    }

    /// The elements as whole numbers, if they are.
    pub fn whole_numbers(&self) -> Option<Vec<i64>> {
        self.element.whole_numbers(&self.bytes)
    }
}

/// A pickled `numpy.dtype`: its code is the argument, its byte order the second part of its state.
fn dtype(node: Node<'_>) -> Result<(ElementType, bool), String> {
    let object = node.object().filter(|object| (object.module, object.name) == ("numpy", "dtype"));
    let object = object.ok_or_else(|| format!("{} for a dtype", node.describe()))?;
    let name = object.args.item(0).and_then(Node::text).unwrap_or_default();
    let (element, _) = code(name).ok_or_else(|| format!("an array of type `{}`", name.escape_debug()))?;
    let order = object.state.and_then(|state| state.item(1)).and_then(Node::text);
    Ok((element, order == Some(">")))
}

/// A dtype's code, like `f8` or `<f8`, and whether it is big-endian.
fn code(text: &str) -> Option<(ElementType, bool)> {
    let (name, big_endian) = match text.strip_prefix(['<', '>', '|', '=']) {
        Some(name) => (name, text.starts_with('>')),
        None => (text, false),
    };
    let element = match name {
        "f8" => ElementType::F64,
        "f4" => ElementType::F32,
        "f2" => ElementType::F16,
        "i8" => ElementType::I64,
        "i4" => ElementType::I32,
        "i2" => ElementType::I16,
        "i1" => ElementType::I8,
        "u8" => ElementType::U64,
        "u4" => ElementType::U32,
        "u2" => ElementType::U16,
        "u1" => ElementType::U8,
        "b1" => ElementType::Bool,
        _ => return None,
    };
    Some((element, big_endian))
}

struct NpyHeader<'a> {
    descr: &'a str,
    column_major: bool,
    shape: Vec<usize>,
    data: &'a [u8],
}

/// The header is a Python literal: `{'descr': '<f8', 'fortran_order': False, 'shape': (5023, 3), }`.
fn npy_header(bytes: &[u8]) -> Option<NpyHeader<'_>> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = match version {
        [1, _] => rest.split_first_chunk().map(|(n, rest)| (u16::from_le_bytes(*n) as usize, rest))?,
        [2 | 3, _] => rest.split_first_chunk().map(|(n, rest)| (u32::from_le_bytes(*n) as usize, rest))?,
        _ => return None,
    };
    let (text, data) = rest.split_at_checked(length)?;
    let text = std::str::from_utf8(text).ok()?;
    let after = |key: &str| Some(text.split_once(&format!("'{key}':"))?.1.trim_start());
    let descr = after("descr")?.strip_prefix('\'')?.split_once('\'')?.0;
    let column_major = match after("fortran_order")? {
        text if text.starts_with("True") => true,
        text if text.starts_with("False") => false,
        _ => return None,
    };
    let shape = after("shape")?.strip_prefix('(')?.split_once(')')?.0;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape = sizes.take(65).map(|size| size.parse().ok()).collect::<Option<Vec<usize>>>()?;
    Some(NpyHeader { descr, column_major, shape, data })
}

/// The pickle inside a `.npy` file of objects (type `O`), if this is one.
pub fn pickled_npy(bytes: &[u8]) -> Option<&[u8]> {
    npy_header(bytes).filter(|header| header.descr == "|O").map(|header| header.data)
}
