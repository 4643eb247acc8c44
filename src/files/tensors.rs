//! Named tensors of a checkpoint, in a torch archive or a safetensors file.

use std::path::{Path, PathBuf};

use super::elements::{ElementType, count};
use super::map::FileMap;
use super::safetensors::{Dtype, Safetensors};
use super::{TorchArchive, refuse_wrong_download};
use crate::{Error, Result};

/// The largest header in bytes; those of the published checkpoints take 0.3 MB.
const LARGEST_HEADER: u64 = 16 << 20;

/// A file of named tensors that are read one at a time.
pub trait Tensors: Send + Sync + std::fmt::Debug {
    /// All names; in the file's order if it has one.
    fn names(&self) -> Vec<String>;
    /// The shape of a tensor; `None` if no tensor has this name.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;
    /// The elements of a tensor, row-major, widened or rounded to f32.
    ///
    /// # Errors
    /// [`Error::BadInput`] if there is no tensor of this name.
    fn read_f32(&self, name: &str) -> Result<Vec<f32>>;
}

/// Opens a torch archive (zip, or the older format) or a safetensors file. The first bytes decide, not the
/// file's name.
///
/// # Errors
/// [`Error::BadInput`] if the file is none of these, or damaged.
pub fn open_tensors(path: impl AsRef<Path>) -> Result<Box<dyn Tensors>> {
    let path = path.as_ref();
    let map = FileMap::open(path)?;
    refuse_wrong_download(path, &map)?;
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

/// The error for a file that is not a checkpoint.
pub(super) fn not_tensors(path: &Path, found: impl Into<String>) -> Error {
    let next = "give the published file, or save the `state_dict` again with `torch.save`";
    Error::bad_input(path, "is not a checkpoint", "a torch archive or a safetensors file", found, next)
}

/// The error for a name that the file does not have.
pub(super) fn no_such_tensor(path: &Path, name: &str) -> Error {
    let next = "check that this is the right checkpoint";
    Error::bad_input(path, format!("the tensor `{name}` is missing"), "it", "no tensor of this name", next)
}

/// A memory-mapped safetensors file with tensors of any names.
#[derive(Debug)]
pub struct SafetensorsFile {
    path: PathBuf,
    file: Safetensors<FileMap>,
}

impl SafetensorsFile {
    /// Opens `path` and checks its header.
    ///
    /// # Errors
    /// [`Error::BadInput`] if the file is damaged, or has a tensor of a type that cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::new(FileMap::open(path)?, path)
    }

    fn new(map: FileMap, path: &Path) -> Result<Self> {
        let file = Safetensors::parse(map, LARGEST_HEADER)
            .map_err(|damage| not_tensors(path, damage.to_string()))?;
        for entry in file.entries() {
            if element_type(entry.dtype).is_none() {
                return Err(Error::bad_input(
                    path,
                    format!("the tensor `{}` has a type that cannot be read", entry.name),
                    "a number of 64 bits or less",
                    format!("{:?}", entry.dtype),
                    "save it as float32, float16 or bfloat16",
                ));
            }
        }
        Ok(Self { path: path.into(), file })
    }
}

impl Tensors for SafetensorsFile {
    fn names(&self) -> Vec<String> {
        self.file.entries().iter().map(|entry| entry.name.clone()).collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.file.entry(name).map(|entry| entry.shape.clone())
    }

    fn read_f32(&self, name: &str) -> Result<Vec<f32>> {
        let entry = self.file.entry(name).ok_or_else(|| no_such_tensor(&self.path, name))?;
        let mut out = Vec::with_capacity(count(&entry.shape).expect("checked by the header"));
        let element = element_type(entry.dtype).expect("checked when the file was opened");
        element.extend_f32(self.file.data(entry), &mut out);
        self.file.bytes().release(entry.range.clone());
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
