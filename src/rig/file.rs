//! The face file: safetensors, in which every tensor is required and no other is allowed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use super::Face;
use crate::files::safetensors::{Dtype, Header, Safetensors};
use crate::files::{AtomicFile, Written, read_whole, refuse_wrong_download};
use crate::{Error, Result};

const FORMAT: &str = "deeptalk-rt face";
const VERSION: &str = "1";
/// A face of 5023 vertices takes 25 MB; a larger file than this is not a face.
const LARGEST_FILE: u64 = 1 << 30;
const LARGEST_HEADER: u64 = 1 << 20;
/// Tensors begin at a multiple of this many bytes.
const ALIGNMENT: usize = 8;
const NEXT: &str = crate::Advice::MakeFace.text();

impl Face {
    /// Reads a face file.
    ///
    /// # Errors
    /// A bad input if the file cannot be read or is not a whole, consistent face; it names the tensor, what
    /// was expected and what was found.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_bytes(&read_whole(path, LARGEST_FILE, NEXT)?, path)
    }

    /// Reads the bytes of a face file; errors give `name` as the path.
    ///
    /// # Errors
    /// As [`Face::load`].
    pub fn from_bytes(bytes: &[u8], name: impl AsRef<Path>) -> Result<Self> {
        let mut file = TensorsToRead::open(bytes, name.as_ref())?;
        file.expect("format", FORMAT)?;
        file.expect("format_version", VERSION)?;
        let channels = file.list("channels")?;
        let joint_names = file.list("joints")?;
        let (c, j) = (channels.len(), joint_names.len());

        let v = file.rows("template")?;
        let f = file.rows("faces")?;
        let identities = if file.has("identity_basis") { file.rows("identity_basis")? } else { 0 };
        let mut face = Self {
            name: file.text("name")?,
            edition: file.text("edition")?,
            license: file.text("license")?,
            source: file.text("source")?,
            template: file.floats("template", &[v, 3])?,
            faces: triples(&file.indices("faces", &[f, 3])?),
            expression_basis: file.floats("expression_basis", &[c, v, 3])?,
            joints: file.floats("joints", &[j, 3])?,
            joint_regressor: file.optional("joint_regressor", |file, name| file.floats(name, &[j, v]))?,
            parents: file.signed("parents", &[j])?,
            skinning_weights: file.floats("skinning_weights", &[v, j])?,
            pose_basis: file
                .optional("pose_basis", |file, name| file.floats(name, &[9 * j.saturating_sub(1), v, 3]))?,
            identity_basis: file
                .optional("identity_basis", |file, name| file.floats(name, &[identities, v, 3]))?,
            colors: file.optional("colors", |file, name| Ok(triples(&file.bytes(name, &[v, 3])?)))?,
            gloss: file.optional("gloss", |file, name| file.bytes(name, &[v]))?,
            masks: BTreeMap::new(),
            channels,
            joint_names,
        };
        for tensor in file.names() {
            if let Some(mask) = tensor.strip_prefix("mask.") {
                let n = file.rows(&tensor)?;
                face.masks.insert(mask.into(), file.indices(&tensor, &[n])?);
            }
        }
        file.refuse_the_rest()?;
        face.check(name)?;
        Ok(face)
    }

    /// Writes a face file, floats as f32: whole or not at all. Equal faces give equal bytes.
    ///
    /// # Errors
    /// A bad input if the face is not consistent, an I/O error if the file cannot be written; then no file is
    /// left behind.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<Written> {
        let path = path.as_ref();
        self.check(path)?;
        let tensors = self.tensors();
        AtomicFile::write(path, |file| {
            let header = self.header(&tensors).map_err(std::io::Error::from)?;
            header.write(file, ALIGNMENT, |index, file| Ok(file.write_all(tensors[index].data)?))
        })
    }

    fn header(&self, tensors: &[TensorToWrite<'_>]) -> serde_json::Result<Header> {
        let metadata = [
            ("format", FORMAT.into()),
            ("format_version", VERSION.into()),
            ("name", self.name.clone()),
            ("edition", self.edition.clone()),
            ("channels", serde_json::to_string(&self.channels)?),
            ("joints", serde_json::to_string(&self.joint_names)?),
            ("license", self.license.clone()),
            ("source", self.source.clone()),
        ];
        let metadata = metadata.into_iter().map(|(key, value): (&str, String)| (key.into(), value)).collect();
        let array = |tensor: &TensorToWrite<'_>| (tensor.name.clone(), tensor.dtype, tensor.shape.clone());
        Ok(Header { metadata, arrays: tensors.iter().map(array).collect() })
    }

    fn tensors(&self) -> Vec<TensorToWrite<'_>> {
        let (v, c, j) = (self.vertex_count(), self.channels.len(), self.joint_names.len());
        let float = |name: &str, shape: &[usize], data| {
            TensorToWrite::new(name, Dtype::F32, shape, bytemuck::cast_slice::<f32, u8>(data))
        };
        let mut tensors = vec![
            float("template", &[v, 3], &self.template),
            float("expression_basis", &[c, v, 3], &self.expression_basis),
            float("joints", &[j, 3], &self.joints),
            float("skinning_weights", &[v, j], &self.skinning_weights),
            TensorToWrite::new(
                "faces",
                Dtype::U32,
                &[self.faces.len(), 3],
                bytemuck::cast_slice(&self.faces),
            ),
            TensorToWrite::new("parents", Dtype::I32, &[j], bytemuck::cast_slice(&self.parents)),
        ];
        if let Some(data) = &self.joint_regressor {
            tensors.push(float("joint_regressor", &[j, v], data));
        }
        if let Some(data) = &self.pose_basis {
            tensors.push(float("pose_basis", &[9 * (j - 1), v, 3], data));
        }
        if let Some(data) = &self.identity_basis {
            tensors.push(float("identity_basis", &[self.identity_count(), v, 3], data));
        }
        for (name, mask) in &self.masks {
            tensors.push(TensorToWrite::new(
                &format!("mask.{name}"),
                Dtype::U32,
                &[mask.len()],
                bytemuck::cast_slice(mask),
            ));
        }
        // Bytes last, so that everything before them stays aligned to four.
        if let Some(data) = &self.colors {
            tensors.push(TensorToWrite::new("colors", Dtype::U8, &[v, 3], bytemuck::cast_slice(data)));
        }
        if let Some(data) = &self.gloss {
            tensors.push(TensorToWrite::new("gloss", Dtype::U8, &[v], data));
        }
        tensors
    }
}

/// A tensor that a face file is written from.
struct TensorToWrite<'a> {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    data: &'a [u8],
}

impl<'a> TensorToWrite<'a> {
    fn new(name: &str, dtype: Dtype, shape: &[usize], data: &'a [u8]) -> Self {
        Self { name: name.into(), dtype, shape: shape.into(), data }
    }
}

/// The tensors of an opened face file; each must be read exactly once.
struct TensorsToRead<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    file: Safetensors<&'a [u8]>,
    unread: Vec<String>,
}

impl<'a> TensorsToRead<'a> {
    fn open(bytes: &'a [u8], path: &'a Path) -> Result<Self> {
        refuse_wrong_download(path, bytes)?;
        // A safetensors file begins with the length of its header, which may look like anything, and the
        // header with a brace.
        let is_safetensors = bytes.get(8) == Some(&b'{');
        if !is_safetensors && [&[0x80][..], b"(d", b"PK"].iter().any(|begin| bytes.starts_with(begin)) {
            let found = "a Python pickle or an archive, such as FLAME's own files";
            return Err(Error::bad_input(path, "is not a face file", "a safetensors file", found, NEXT));
        }
        let file = Safetensors::parse(bytes, LARGEST_HEADER).map_err(|damage| {
            Error::bad_input(path, "is not a face file", "a safetensors file", damage.to_string(), NEXT)
        })?;
        let mut unread: Vec<String> = file.entries().iter().map(|entry| entry.name.clone()).collect();
        unread.sort();
        Ok(Self { path, bytes, file, unread })
    }

    fn wrong(&self, what: String, expected: impl Into<String>, found: impl Into<String>) -> Error {
        Error::bad_input(self.path, what, expected, found, NEXT)
    }

    fn text(&self, key: &str) -> Result<String> {
        let text = self.file.metadata().get(key).map_or("", String::as_str).trim();
        if text.is_empty() {
            return Err(self.wrong(format!("the metadata lacks `{key}`"), "a text", "none"));
        }
        Ok(text.into())
    }

    fn expect(&self, key: &str, value: &str) -> Result<()> {
        match self.text(key)? {
            found if found == value => Ok(()),
            found => Err(self.wrong(
                format!("the metadata's `{key}` is wrong"),
                format!("`{value}`"),
                format!("`{found}`"),
            )),
        }
    }

    fn list(&self, key: &str) -> Result<Vec<String>> {
        let text = self.text(key)?;
        serde_json::from_str(&text).map_err(|error| {
            self.wrong(
                format!("the metadata's `{key}` cannot be read"),
                "a JSON list of names",
                error.to_string(),
            )
        })
    }

    fn names(&self) -> Vec<String> {
        self.unread.clone()
    }

    fn has(&self, name: &str) -> bool {
        self.file.entry(name).is_some()
    }

    /// The first dimension of a tensor: the number of its rows.
    fn rows(&self, name: &str) -> Result<usize> {
        match self.file.entry(name) {
            Some(entry) => match &entry.shape[..] {
                [rows, ..] if *rows > 0 => Ok(*rows),
                other => Err(self.wrong(
                    format!("the tensor `{name}` has the wrong shape"),
                    "at least one row",
                    format!("{other:?}"),
                )),
            },
            None => {
                Err(self.wrong(format!("the tensor `{name}` is missing"), "it", "no tensor of this name"))
            }
        }
    }

    fn take(&mut self, name: &str, dtypes: &[Dtype], shape: &[usize]) -> Result<(Dtype, &'a [u8])> {
        self.rows(name)?;
        let entry = self.file.entry(name).expect("it has rows");
        let (dtype, data) = (entry.dtype, &self.bytes[entry.range.clone()]);
        if !dtypes.contains(&dtype) {
            let expected: Vec<String> = dtypes.iter().map(|d| format!("{d:?}")).collect();
            return Err(self.wrong(
                format!("the tensor `{name}` has the wrong type"),
                expected.join(" or "),
                format!("{dtype:?}"),
            ));
        }
        if entry.shape != shape {
            return Err(self.wrong(
                format!("the tensor `{name}` has the wrong shape"),
                format!("{shape:?}"),
                format!("{:?}", entry.shape),
            ));
        }
        self.unread.retain(|other| other != name);
        Ok((dtype, data))
    }

    fn optional<T>(&mut self, name: &str, read: impl Fn(&mut Self, &str) -> Result<T>) -> Result<Option<T>> {
        self.has(name).then(|| read(self, name)).transpose()
    }

    fn floats(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        Ok(match self.take(name, &[Dtype::F32, Dtype::F16], shape)? {
            (Dtype::F32, data) => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            (_, data) => data.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect(),
        })
    }

    fn indices(&mut self, name: &str, shape: &[usize]) -> Result<Vec<u32>> {
        Ok(match self.take(name, &[Dtype::U32, Dtype::U16], shape)? {
            (Dtype::U32, data) => data.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect(),
            (_, data) => data.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b).into()).collect(),
        })
    }

    fn signed(&mut self, name: &str, shape: &[usize]) -> Result<Vec<i32>> {
        let (_, data) = self.take(name, &[Dtype::I32], shape)?;
        Ok(data.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b)).collect())
    }

    fn bytes(&mut self, name: &str, shape: &[usize]) -> Result<Vec<u8>> {
        Ok(self.take(name, &[Dtype::U8], shape)?.1.to_vec())
    }

    fn refuse_the_rest(&self) -> Result<()> {
        match self.unread.first() {
            None => Ok(()),
            Some(name) => {
                Err(self.wrong(format!("the tensor `{name}` is unknown"), "only tensors of a face", "it"))
            }
        }
    }
}

fn triples<T: Copy>(values: &[T]) -> Vec<[T; 3]> {
    values.as_chunks().0.to_vec()
}
