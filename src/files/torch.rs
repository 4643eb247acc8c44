//! Reader of the archives that `torch.save` writes; torch is not needed.
//!
//! Since torch 1.6 a file is a zip archive of stored (never compressed) entries: `NAME/data.pkl` lists the
//! tensors as views of storages, and `NAME/data/KEY` are the storages. The data is read directly from the
//! memory map.

mod legacy;

use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;
use std::path::{Path, PathBuf};

use zip::{CompressionMethod, ZipArchive};

use super::elements::{ElementType, count, for_each_offset};
use super::map::FileMap;
use super::pickle::{Node, Object, Pickle};
use super::tensors::{Tensors, no_such_tensor, not_tensors};
use crate::{Error, Result};

/// The largest number of dictionary entries that are visited; the published checkpoint has 1500 tensors.
const MOST_ENTRIES: usize = 1 << 20;
const LONGEST_NAME: usize = 1024;
const LONGEST_KEY: usize = 64;
/// The most bytes of the list of tensors; the list of the published checkpoint takes 300 kB. A file may write
/// a name's prefix and a tensor once and refer to them very often.
const MOST_LISTED: usize = 64 << 20;
/// The largest number of elements of a tensor whose stride of 0 repeats a smaller storage.
const MOST_REPEATED: usize = 1 << 22;
/// Names that training scripts give to the state dict inside a checkpoint.
const WRAPPINGS: [&str; 3] = ["state_dict", "model_state_dict", "model"];
/// The largest depth of nested dictionaries of state dicts.
const DEEPEST: usize = 4;

/// A memory-mapped torch archive: the tensors of its state dict, each read when it is asked for.
#[derive(Debug)]
pub struct TorchArchive {
    path: PathBuf,
    map: FileMap,
    tensors: Vec<(String, View)>,
    index: HashMap<String, usize>,
}

/// A strided view of bytes of the file, bounds-checked: torch's form of a tensor.
#[derive(Debug)]
pub(super) struct View {
    element: ElementType,
    shape: Vec<usize>,
    /// The step along each axis, in bytes.
    strides: Vec<usize>,
    /// The offset of its first element in the file.
    begin: usize,
}

impl TorchArchive {
    /// Opens an archive of `torch.save` (or of its format before torch 1.6) and lists the tensors of its
    /// state dict.
    ///
    /// The state dict is the file's dictionary, or its value `state_dict`, `model_state_dict` or `model`; if
    /// that is a dictionary of several state dicts, the names are joined with a point.
    ///
    /// # Errors
    /// [`Error::BadInput`] if the file is damaged, names a function that is not allowed, or holds no state
    /// dict.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::new(FileMap::open(path)?, path)
    }

    pub(super) fn new(map: FileMap, path: &Path) -> Result<Self> {
        let tensors = if map.starts_with(b"PK") { read_zip(&map, path)? } else { legacy::read(&map, path)? };
        let index = tensors.iter().enumerate().map(|(i, (name, _))| (name.clone(), i)).collect();
        Ok(Self { path: path.into(), map, tensors, index })
    }

    /// The names of all tensors, in the order of the state dict.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().map(|(name, _)| name.as_str())
    }

    /// The shape of a tensor, if there is one of this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.find(name).map(|view| &view.shape[..])
    }

    /// The element type of a tensor, if there is one of this name.
    pub fn dtype(&self, name: &str) -> Option<ElementType> {
        self.find(name).map(|view| view.element)
    }

    /// The elements of a tensor, row-major whatever its strides, as f32.
    ///
    /// # Errors
    /// [`Error::BadInput`] if there is no tensor of this name.
    pub fn read_f32(&self, name: &str) -> Result<Vec<f32>> {
        let view = self.find(name).ok_or_else(|| no_such_tensor(&self.path, name))?;
        let elements = count(&view.shape).expect("checked when opened");
        let size = view.element.size();
        let mut out = Vec::with_capacity(elements);
        if view.is_contiguous() {
            let range = view.begin..view.begin + elements * size;
            view.element.extend_f32(&self.map[range.clone()], &mut out);
            self.map.release(range);
        } else {
            let bytes = &self.map[view.begin..];
            for_each_offset(&view.shape, &view.strides, |at| {
                view.element.extend_f32(&bytes[at..at + size], &mut out)
            });
        }
        Ok(out)
    }

    fn find(&self, name: &str) -> Option<&View> {
        self.index.get(name).map(|&i| &self.tensors[i].1)
    }
}

impl Tensors for TorchArchive {
    fn names(&self) -> Vec<String> {
        self.names().map(String::from).collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.shape(name).map(<[usize]>::to_vec)
    }

    fn read_f32(&self, name: &str) -> Result<Vec<f32>> {
        self.read_f32(name)
    }
}

impl View {
    fn is_contiguous(&self) -> bool {
        let mut expected = self.element.size();
        self.shape.iter().zip(&self.strides).rev().all(|(&n, &stride)| {
            let fits = n == 1 || stride == expected;
            expected *= n.max(1);
            fits
        }) || self.shape.contains(&0)
    }
}

fn read_zip(bytes: &[u8], path: &Path) -> Result<Vec<(String, View)>> {
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| not_tensors(path, error.to_string()))?;
    let mut entries = HashMap::new();
    for i in 0..archive.len() {
        let entry = archive.by_index_raw(i).map_err(|error| not_tensors(path, error.to_string()))?;
        let name = entry.name().map_err(|error| not_tensors(path, error.to_string()))?.into_owned();
        let range = entry.data_start().and_then(|start| {
            let (start, size) = (usize::try_from(start).ok()?, usize::try_from(entry.size()).ok()?);
            let end = start.checked_add(size)?;
            (end <= bytes.len() && entry.compression() == CompressionMethod::Stored).then_some(start..end)
        });
        entries.insert(name, range);
    }

    let mut pickles =
        entries.keys().filter_map(|name| name.strip_suffix("/data.pkl")).filter(|name| !name.contains('/'));
    let root = match (pickles.next(), pickles.next()) {
        (Some(root), None) => root.to_owned(),
        (first, _) => {
            let number = if first.is_none() { "none" } else { "several" };
            return Err(not_tensors(path, format!("a zip archive with {number} `data.pkl` in it")));
        }
    };
    let entry = |name: &str| -> Result<Option<Range<usize>>> {
        match entries.get(&format!("{root}/{name}")) {
            Some(None) => {
                let next = "it was packed again or cut short: get the file again";
                let what = format!("the entry `{}` cannot be read", name.escape_debug());
                let (expected, found) =
                    ("one that is stored as it is, whole", "one that is compressed or cut");
                Err(Error::bad_input(path, what, expected, found, next))
            }
            Some(Some(range)) => Ok(Some(range.clone())),
            None => Ok(None),
        }
    };
    if let Some(range) = entry("byteorder")?
        && &bytes[range.clone()] != b"little"
    {
        let found = format!("`{}`", bytes[range.start..range.end.min(range.start + 16)].escape_ascii());
        let next = "save it on a little-endian machine";
        return Err(Error::bad_input(path, "has the wrong byte order", "`little`", found, next));
    }
    let pickle = entry("data.pkl")?.expect("it was found above");
    let pickle = Pickle::parse(&bytes[pickle], path)?;
    state_dict(pickle.root(), path, |key| entry(&format!("data/{key}")))
}

/// Lists the tensors of the state dict in `root`; `storage` gives the range of a storage in the file.
pub(super) fn state_dict(
    root: Node<'_>,
    path: &Path,
    storage: impl Fn(&str) -> Result<Option<Range<usize>>>,
) -> Result<Vec<(String, View)>> {
    let wrapped = WRAPPINGS.iter().find_map(|key| root.get(key).filter(|value| value.pairs().is_some()));
    let mut walk = Walk {
        path,
        storage,
        left: MOST_ENTRIES,
        room: MOST_LISTED,
        found: Vec::new(),
        index: HashMap::new(),
    };
    walk.collect(wrapped.unwrap_or(root), "", 0)?;
    if walk.found.is_empty() {
        let found = root.describe();
        let next = "give a checkpoint of weights, or save the model's `state_dict()`";
        return Err(Error::bad_input(path, "holds no tensors", "a state dict", found, next));
    }
    Ok(walk.found)
}

struct Walk<'a, S> {
    path: &'a Path,
    storage: S,
    left: usize,
    /// Bytes that the list may still take.
    room: usize,
    found: Vec<(String, View)>,
    index: HashMap<String, usize>,
}

impl<S: Fn(&str) -> Result<Option<Range<usize>>>> Walk<'_, S> {
    /// Takes the tensors of `dict`, and of the state dicts in it. Other content of a checkpoint (epochs,
    /// optimisers) is skipped.
    fn collect(&mut self, dict: Node<'_>, prefix: &str, depth: usize) -> Result<()> {
        for (key, value) in dict.pairs().into_iter().flatten() {
            self.count_one()?;
            let Some(key) = key.text() else { continue };
            if prefix.len() + key.len() > LONGEST_NAME {
                let (expected, found) =
                    (format!("at most {LONGEST_NAME} bytes"), format!("{} bytes", key.len()));
                return Err(self.damaged("a tensor has a name that is too long", expected, found));
            }
            let name = format!("{prefix}{key}");
            if let Some(tensor) = rebuilt(value) {
                let view = self.view(&name, tensor)?;
                self.spend(2 * name.len() + 16 * view.shape.len() + 256)?;
                match self.index.get(&name) {
                    Some(&at) => self.found[at].1 = view,
                    None => {
                        self.index.insert(name.clone(), self.found.len());
                        self.found.push((name, view));
                    }
                }
            } else if depth < DEEPEST && self.is_state_dict(value, depth + 1)? {
                self.collect(value, &format!("{name}."), depth + 1)?;
            }
        }
        Ok(())
    }

    /// True for a dictionary that holds only named tensors, or only such dictionaries.
    fn is_state_dict(&mut self, value: Node<'_>, depth: usize) -> Result<bool> {
        let Some(pairs) = value.pairs() else { return Ok(false) };
        for (key, value) in pairs {
            self.count_one()?;
            let fits =
                rebuilt(value).is_some() || (depth < DEEPEST && self.is_state_dict(value, depth + 1)?);
            if !fits || key.text().is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Counts a visit: one dictionary can be reached by many paths, so visits are limited, not dictionaries.
    fn count_one(&mut self) -> Result<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            self.damaged("holds too many tensors", format!("at most {MOST_ENTRIES}"), "more".into())
        })?;
        Ok(())
    }

    /// Counts the bytes of an entry of the list.
    fn spend(&mut self, bytes: usize) -> Result<()> {
        self.room = self.room.checked_sub(bytes).ok_or_else(|| {
            let expected = format!("a list of at most {} MiB", MOST_LISTED >> 20);
            self.damaged("has too many tensors with long names or many axes", expected, "more".into())
        })?;
        Ok(())
    }

    fn damaged(&self, what: impl Into<String>, expected: impl Into<String>, found: String) -> Error {
        Error::bad_input(self.path, what, expected, found, "get the file again from its publisher")
    }

    /// The view that `_rebuild_tensor_v2(storage, offset, size, stride, ..)` would make.
    fn view(&self, name: &str, args: Node<'_>) -> Result<View> {
        let wrong = |expected: &str, found: Option<Node<'_>>| {
            let found = found.map_or("nothing".into(), Node::describe);
            self.damaged(format!("the tensor `{}` is damaged", name.escape_debug()), expected, found)
        };
        // ("storage", type, key, location, elements); the older format adds the view of a view, which has
        // been None for years.
        let storage =
            args.item(0).and_then(Node::persistent).ok_or_else(|| wrong("a storage", args.item(0)))?;
        let kind = storage.item(1).and_then(Node::global);
        let element = kind.and_then(|(_, name)| storage_element(name));
        let element =
            element.ok_or_else(|| wrong("a storage of a type that torch had before 2.3", storage.item(1)))?;
        let key = storage
            .item(2)
            .and_then(storage_key)
            .ok_or_else(|| wrong("the name of a storage, at most 64 bytes", storage.item(2)))?;
        if storage.item(5).is_some_and(|view| !view.is_none()) {
            return Err(wrong("a storage of its own", storage.item(5)));
        }
        let offset = args.item(1).and_then(Node::size).ok_or_else(|| wrong("an offset", args.item(1)))?;
        let shape = args.item(2).and_then(Node::sizes).ok_or_else(|| wrong("a shape", args.item(2)))?;
        let strides = args.item(3).and_then(Node::sizes).filter(|strides| strides.len() == shape.len());
        let strides = strides.ok_or_else(|| wrong("a stride for every axis", args.item(3)))?;

        let range = (self.storage)(key)?.ok_or_else(|| {
            self.damaged(
                format!("the tensor `{}` has no data", name.escape_debug()),
                format!("a storage `{}`", key.escape_debug()),
                "none".into(),
            )
        })?;
        let held = range.len() / element.size();
        // The distance of the last element from the first; no product may overflow.
        let reach = shape.iter().zip(&strides).try_fold(0usize, |reach, (&n, &stride)| {
            reach.checked_add(n.saturating_sub(1).checked_mul(stride)?)
        });
        let empty = shape.contains(&0);
        let last = reach.and_then(|reach| reach.checked_add(offset)).filter(|&last| empty || last < held);
        let elements = count(&shape).filter(|&elements| elements <= held.max(MOST_REPEATED));
        let (Some(_), Some(_)) = (last, elements) else {
            let expected = format!("a view of a storage of {held} elements");
            let found = format!("shape {shape:?}, strides {strides:?}, offset {offset}");
            return Err(self.damaged(
                format!("the tensor `{}` lies outside its storage", name.escape_debug()),
                expected,
                found,
            ));
        };
        let begin = if empty { range.start } else { range.start + offset * element.size() };
        // The stride of an axis of one element is never used, so any value is valid.
        let strides = shape
            .iter()
            .zip(strides)
            .map(|(&n, stride)| if empty || n == 1 { 0 } else { stride * element.size() });
        let strides = strides.collect();
        Ok(View { element, shape, strides, begin })
    }
}

/// The arguments of the call that would rebuild a tensor, if `value` is a tensor or a parameter.
fn rebuilt(value: Node<'_>) -> Option<Node<'_>> {
    fn call(value: Node<'_>) -> Option<Object<'_>> {
        value.object().filter(|object| object.module == "torch._utils")
    }
    let mut object = call(value)?;
    if object.name == "_rebuild_parameter" {
        object = call(object.args.item(0)?)?;
    }
    ["_rebuild_tensor", "_rebuild_tensor_v2"].contains(&object.name).then_some(object.args)
}

/// The element type of a storage class of torch.
pub(super) fn storage_element(class: &str) -> Option<ElementType> {
    Some(match class {
        "DoubleStorage" => ElementType::F64,
        "FloatStorage" => ElementType::F32,
        "HalfStorage" => ElementType::F16,
        "BFloat16Storage" => ElementType::BF16,
        "LongStorage" => ElementType::I64,
        "IntStorage" => ElementType::I32,
        "ShortStorage" => ElementType::I16,
        "CharStorage" => ElementType::I8,
        "ByteStorage" => ElementType::U8,
        "BoolStorage" => ElementType::Bool,
        _ => return None,
    })
}

/// The key of a storage: a number as a text. Very many references may share one key, and each is looked up,
/// so a long text is no key.
pub(super) fn storage_key(node: Node<'_>) -> Option<&str> {
    node.text().filter(|key| key.len() <= LONGEST_KEY)
}
