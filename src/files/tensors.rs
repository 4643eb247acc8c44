//! Tensors under the names that somebody else gave them, whatever file they came in.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use super::TorchArchive;
use super::elements::{ElementType, count};
use super::map::FileMap;
use crate::{Error, Result};

/// The published checkpoints' names and shapes take 0.3 MB.
const LARGEST_HEADER: u64 = 16 << 20;

/// A file of named tensors that are read one at a time.
pub trait Tensors: Send + Sync + std::fmt::Debug {
    /// All names, in the file's order where it has one.
    fn names(&self) -> Vec<String>;
    /// The shape of a tensor, or none if there is none of this name.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;
    /// The elements of a tensor, row-major, widened or rounded to f32.
    ///
    /// # Errors
    /// A bad input if there is no tensor of this name.
    fn read_f32(&self, name: &str) -> Result<Vec<f32>>;
}

/// Opens a torch archive (zip, or the older format) or a safetensors file. The content decides, not the name.
///
/// # Errors
/// A bad input if the file is none of these, or not a sound one.
pub fn open_tensors(path: impl AsRef<Path>) -> Result<Box<dyn Tensors>> {
    let path = path.as_ref();
    let map = FileMap::open(path)?;
    match *map {
        [b'P', b'K', 3, 4, ..] | [0x80, ..] => Ok(Box::new(TorchArchive::new(map, path)?)),
        [_, _, _, _, _, _, _, 0, b'{', ..] => Ok(Box::new(SafetensorsFile::new(map, path)?)),
        _ => {
            let found = match &*map {
                [] => "an empty file".into(),
                bytes => format!("a file that begins with `{}`", bytes[..bytes.len().min(8)].escape_ascii()),
            };
            Err(not_tensors(path, found))
        }
    }
}

/// The error for a file that is no checkpoint at all.
pub(super) fn not_tensors(path: &Path, found: impl Into<String>) -> Error {
    let next = "give the published file, or save the `state_dict` again with `torch.save`";
    Error::bad_input(path, "is not a checkpoint", "a torch archive or a safetensors file", found, next)
}

/// The error for a name that the file does not have.
pub(super) fn no_such_tensor(path: &Path, name: &str) -> Error {
    let next = "check that this is the right checkpoint";
    Error::bad_input(path, format!("the tensor `{name}` is missing"), "it", "no tensor of this name", next)
}

/// A memory-mapped safetensors file, of any names.
#[derive(Debug)]
pub struct SafetensorsFile {
    path: PathBuf,
    map: FileMap,
    tensors: Vec<(String, Stored)>,
}

#[derive(Debug)]
struct Stored {
    element: ElementType,
    shape: Vec<usize>,
    begin: usize,
}

impl SafetensorsFile {
    /// Opens `path` and checks its header.
    ///
    /// # Errors
    /// A bad input if it is not a sound safetensors file, or has a tensor of a type that no model uses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::new(FileMap::open(path)?, path)
    }

    fn new(map: FileMap, path: &Path) -> Result<Self> {
        let header = map.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        if header > LARGEST_HEADER {
            return Err(not_tensors(path, format!("a header of {header} bytes where 16 MiB is the most")));
        }
        let file = SafeTensors::deserialize(&map).map_err(|error| not_tensors(path, error.to_string()))?;
        let mut tensors = Vec::new();
        for (name, view) in file.tensors() {
            let Some(element) = element_type(view.dtype()) else {
                let what = format!("the tensor `{name}` has a type that cannot be read");
                let next = "save it as float32, float16 or bfloat16";
                return Err(Error::bad_input(
                    path,
                    what,
                    "a number of 64 bits or less",
                    format!("{:?}", view.dtype()),
                    next,
                ));
            };
            // The view lies inside the map: where, is the difference of the addresses.
            let begin = view.data().as_ptr().addr() - map.as_ptr().addr();
            tensors.push((begin, (name, Stored { element, shape: view.shape().to_vec(), begin })));
        }
        tensors.sort_by(|a, b| (a.0, &a.1.0).cmp(&(b.0, &b.1.0)));
        let tensors = tensors.into_iter().map(|(_, tensor)| tensor).collect();
        Ok(Self { path: path.into(), map, tensors })
    }

    fn find(&self, name: &str) -> Option<&Stored> {
        self.tensors.iter().find(|(own, _)| own == name).map(|(_, stored)| stored)
    }
}

impl Tensors for SafetensorsFile {
    fn names(&self) -> Vec<String> {
        self.tensors.iter().map(|(name, _)| name.clone()).collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.find(name).map(|stored| stored.shape.clone())
    }

    fn read_f32(&self, name: &str) -> Result<Vec<f32>> {
        let Stored { element, shape, begin } =
            self.find(name).ok_or_else(|| no_such_tensor(&self.path, name))?;
        let elements = count(shape).expect("checked by the header");
        let mut out = Vec::with_capacity(elements);
        let range = *begin..begin + elements * element.size();
        element.extend_f32(&self.map[range.clone()], &mut out);
        self.map.release(range);
        Ok(out)
    }
}

fn element_type(dtype: Dtype) -> Option<ElementType> {
    Some(match dtype {
        Dtype::F64 => ElementType::F64,
        Dtype::F32 => ElementType::F32,
        Dtype::F16 => ElementType::F16,
        Dtype::BF16 => ElementType::BF16,
        Dtype::I64 => ElementType::I64,
        Dtype::I32 => ElementType::I32,
        Dtype::I16 => ElementType::I16,
        Dtype::I8 => ElementType::I8,
        Dtype::U64 => ElementType::U64,
        Dtype::U32 => ElementType::U32,
        Dtype::U16 => ElementType::U16,
        Dtype::U8 => ElementType::U8,
        Dtype::BOOL => ElementType::Bool,
        _ => return None,
    })
}
