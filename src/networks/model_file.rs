//! The model file: one safetensors file, memory-mapped, with the configuration in its metadata.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::f16;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::registry::{Architecture, Inspection};
use super::{Network, Spec};
use crate::files::safetensors::{self, Damage, Entry, Safetensors};
use crate::files::{FileMap, hex, refuse_wrong_download};
use crate::layers::Source;
use crate::tensor::{Dtype, OpenDevice, Ops, Role, Stored};
use crate::{Advice, Error, Result};

/// What `format` says in the metadata.
pub const FORMAT: &str = "deeptalk-rt model";
/// The version that this crate writes, and the newest that it reads.
pub const FORMAT_VERSION: &str = "1";
/// A header larger than this is damage, not a model: the published sizes take 60 kB.
const LARGEST_HEADER: u64 = 8 << 20;

const NEXT: &str = Advice::MakeModel.text();

/// What the metadata of a model says besides its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Where it was imported from, with the SHA-256 of each input.
    pub source: String,
    /// Under which licence it may be used.
    pub license: String,
}

/// An opened, checked model.
pub struct ModelFile {
    path: PathBuf,
    owner: Arc<dyn AsRef<[u8]> + Send + Sync>,
    architecture: &'static Architecture,
    config: String,
    inspection: Inspection,
    provenance: Provenance,
    tensors: BTreeMap<String, Stored>,
}

impl ModelFile {
    /// Maps a file into memory and checks everything but the numbers: format, version, configuration, and
    /// that the tensors are exactly those that the configuration asks for, each of its shape. The numbers are
    /// checked when they are loaded.
    ///
    /// # Errors
    /// [`Error::BadInput`], naming what is wrong.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_owner(path, Arc::new(FileMap::open(path)?))
    }

    /// The same for a model in memory; `name` stands for the path in complaints.
    pub fn from_bytes(bytes: Vec<u8>, name: &str) -> Result<Self> {
        Self::from_owner(Path::new(name), Arc::new(bytes))
    }

    pub(crate) fn from_owner(path: &Path, owner: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Result<Self> {
        let bytes = (*owner).as_ref();
        refuse_wrong_download(path, bytes)?;
        let bad =
            |what: &str, expected: &str, found: String| Error::bad_input(path, what, expected, found, NEXT);
        let opened = Safetensors::parse(bytes, LARGEST_HEADER).map_err(|damage| match damage {
            Damage::Short(_) => bad("is not a model", "a safetensors file", damage.to_string()),
            Damage::Header { .. } if bytes.starts_with(b"PK") || bytes.starts_with(&[0x80]) => {
                let (what, next) = ("is a checkpoint, not a model", Advice::ImportCheckpoint.text());
                Error::bad_input(path, what, "a model file", "a PyTorch archive", next)
            }
            Damage::Header { length, most } => {
                let what = "is damaged: the length of its header";
                bad(what, &format!("at most {most}"), format!("{length} bytes"))
            }
            _ => bad("is damaged", "a whole safetensors file", damage.to_string()),
        })?;
        let say = |key: &str| opened.metadata().get(key).cloned().unwrap_or_else(|| "nothing".into());
        let unknown = |key: &str, expected: &str| {
            bad(&format!("is not a model that this program knows: `{key}`"), expected, say(key))
        };
        for (key, expected) in [("format", FORMAT), ("format_version", FORMAT_VERSION)] {
            if say(key) != expected {
                return Err(unknown(key, expected));
            }
        }
        let known = super::ARCHITECTURES.iter().find(|known| known.name == say("architecture"));
        let architecture = known.copied().ok_or_else(|| {
            let names: Vec<&str> = super::ARCHITECTURES.iter().map(|known| known.name).collect();
            unknown("architecture", &names.join(" or "))
        })?;
        let config = say("config");
        let inspection = (architecture.inspect)(&config).map_err(|(what, expected, found)| {
            bad(&format!("has a configuration that {what}"), &expected, found)
        })?;
        let mut tensors = BTreeMap::new();
        for Entry { name, dtype, shape, range } in opened.entries() {
            let dtype = match dtype {
                safetensors::Dtype::F32 => Dtype::F32,
                safetensors::Dtype::F16 => Dtype::F16,
                safetensors::Dtype::I32 => Dtype::I32,
                other => {
                    return Err(bad(
                        &format!("the tensor `{name}` has the wrong type"),
                        "F32, F16 or I32",
                        format!("{other:?}"),
                    ));
                }
            };
            let (shape, range) = (shape.clone(), range.clone());
            tensors.insert(
                name.clone(),
                Stored { name: name.clone(), shape, dtype, owner: owner.clone(), range },
            );
        }
        let provenance = Provenance { source: say("source"), license: say("license") };
        let path = path.into();
        let file = Self { path, owner: owner.clone(), architecture, config, inspection, provenance, tensors };
        file.check_tensors()?;
        Ok(file)
    }

    /// Exactly the tensors of the configuration, each of its shape.
    fn check_tensors(&self) -> Result<()> {
        let expected = &self.inspection.shapes;
        for (name, shape) in expected {
            let Some(stored) = self.tensors.get(name) else {
                return Err(self.bad(
                    &format!("the tensor `{name}` is missing"),
                    format!("{shape:?}"),
                    "nothing",
                ));
            };
            if stored.shape != *shape {
                let found = format!("{:?}", stored.shape);
                return Err(self.bad(
                    &format!("the tensor `{name}` has the wrong shape"),
                    format!("{shape:?}"),
                    found,
                ));
            }
            let is_table = self.inspection.tables.contains(name);
            if is_table != (stored.dtype == Dtype::I32) {
                let expected = if is_table { "I32" } else { "F32 or F16" };
                let found = format!("{:?}", stored.dtype);
                return Err(self.bad(&format!("the tensor `{name}` has the wrong type"), expected, found));
            }
        }
        let known: BTreeSet<&String> = expected.iter().map(|(name, _)| name).collect();
        match self.tensors.keys().find(|name| !known.contains(name)) {
            Some(name) => {
                let expected = "only tensors of the configuration";
                Err(self.bad(&format!("the tensor `{name}` is unknown"), expected, format!("`{name}`")))
            }
            None => Ok(()),
        }
    }

    fn bad(&self, what: &str, expected: impl Into<String>, found: impl Into<String>) -> Error {
        Error::bad_input(&self.path, what, expected, found, NEXT)
    }

    /// The architecture of the model.
    pub fn architecture(&self) -> &'static Architecture {
        self.architecture
    }

    /// The description of the network.
    pub fn spec(&self) -> &Spec {
        &self.inspection.spec
    }

    /// Properties of the network for people, by name.
    pub fn facts(&self) -> &[(&'static str, serde_json::Value)] {
        &self.inspection.facts
    }

    /// The configuration, JSON of the architecture's own form.
    pub fn config(&self) -> &str {
        &self.config
    }

    /// Source and licence.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the whole file.
    pub fn bytes(&self) -> usize {
        (*self.owner).as_ref().len()
    }

    /// The hash of the whole file.
    pub fn sha256(&self) -> String {
        hex(Sha256::new_with_prefix((*self.owner).as_ref()))
    }

    /// Every tensor, by name.
    pub fn tensors(&self) -> impl Iterator<Item = &Stored> {
        self.tensors.values()
    }

    /// Takes the network to a device.
    ///
    /// # Errors
    /// A number that is not finite, by tensor and index; errors of the device.
    pub fn open_on(&self, device: &OpenDevice) -> Result<Arc<dyn Network>> {
        (self.architecture.open)(self, device)
    }

    /// Takes all tensors to a back end at once. The network asks for them twice, in the same order: `list`
    /// names them, `build` puts them in place.
    ///
    /// # Errors
    /// A number that is not finite, by tensor and index; errors of the device.
    pub fn weights<B: Ops, T>(
        &self,
        ops: &B,
        list: impl FnOnce(&mut Listing<'_>) -> Result<()>,
        build: impl FnOnce(&mut Loaded<'_, B::Weight>) -> Result<T>,
    ) -> Result<T> {
        self.check_numbers()?;
        let mut listing = Listing { file: self, tensors: Vec::new() };
        list(&mut listing)?;
        let weights = ops.load_all(listing.tensors)?;
        build(&mut Loaded { file: self, weights: weights.into_iter() })
    }

    fn check_numbers(&self) -> Result<()> {
        let tensors: Vec<&Stored> = self.tensors.values().collect();
        let bad = tensors.par_iter().find_map_first(|stored| Some((*stored, first_not_finite(stored)?)));
        match bad {
            None => Ok(()),
            Some((stored, (index, value))) => Err(self.bad(
                &format!("the tensor `{}` holds something that is not a number", stored.name),
                "finite numbers",
                format!("{value} at element {index}"),
            )),
        }
    }

    fn stored(&self, name: &str) -> Result<&Stored> {
        self.tensors
            .get(name)
            .ok_or_else(|| self.bad(&format!("the tensor `{name}` is missing"), "it", "nothing"))
    }

    fn table(&self, name: &str, bound: usize) -> Result<Vec<u32>> {
        let integers = self.stored(name)?.bytes().as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b));
        let index = |(at, integer): (usize, i32)| {
            u32::try_from(integer).ok().filter(|&index| (index as usize) < bound).ok_or_else(|| {
                let what = format!("the table `{name}` names what does not exist");
                self.bad(&what, format!("indices from 0 to {}", bound - 1), format!("{integer} at {at}"))
            })
        };
        integers.enumerate().map(index).collect()
    }
}

/// The source that lists the tensors of a network.
pub struct Listing<'a> {
    file: &'a ModelFile,
    tensors: Vec<(Stored, Role)>,
}

impl Source for Listing<'_> {
    type Weight = ();

    fn tensor(&mut self, name: &str, _: &[usize], role: Role) -> Result<()> {
        self.tensors.push((self.file.stored(name)?.clone(), role));
        Ok(())
    }
    fn host(&mut self, name: &str, _: &[usize]) -> Result<Vec<f32>> {
        Ok(self.file.stored(name)?.to_f32())
    }
    fn table(&mut self, name: &str, _: &[usize], bound: usize) -> Result<Vec<u32>> {
        self.file.table(name, bound)
    }
}

/// The source of tensors that are on the device.
pub struct Loaded<'a, W> {
    file: &'a ModelFile,
    weights: std::vec::IntoIter<W>,
}

impl<W> Source for Loaded<'_, W> {
    type Weight = W;

    fn tensor(&mut self, name: &str, _: &[usize], _: Role) -> Result<W> {
        let missing = || Error::Usage(format!("the device did not load the tensor `{name}`"));
        self.weights.next().ok_or_else(missing)
    }
    fn host(&mut self, name: &str, _: &[usize]) -> Result<Vec<f32>> {
        Ok(self.file.stored(name)?.to_f32())
    }
    fn table(&mut self, name: &str, _: &[usize], bound: usize) -> Result<Vec<u32>> {
        self.file.table(name, bound)
    }
}

/// A number is not finite if all bits of its exponent are set.
fn first_not_finite(stored: &Stored) -> Option<(usize, f32)> {
    const CHUNK: usize = 1 << 16;
    let bytes = stored.bytes();
    let size = stored.dtype.size();
    let number = |bytes: &[u8]| match stored.dtype {
        Dtype::F32 => f32::from_le_bytes(bytes.try_into().unwrap_or_default()),
        Dtype::F16 => f16::from_le_bytes(bytes.try_into().unwrap_or_default()).to_f32(),
        Dtype::I32 => 0.0,
    };
    bytes.par_chunks(CHUNK * size).enumerate().find_map_first(|(chunk, bytes)| {
        let clean = match stored.dtype {
            Dtype::F32 => {
                bytes.as_chunks::<4>().0.iter().all(|b| u32::from_le_bytes(*b) & 0x7F80_0000 != 0x7F80_0000)
            }
            Dtype::F16 => bytes.as_chunks::<2>().0.iter().all(|b| u16::from_le_bytes(*b) & 0x7C00 != 0x7C00),
            Dtype::I32 => true,
        };
        if clean {
            return None;
        }
        let at = bytes.chunks_exact(size).position(|bytes| !number(bytes).is_finite())?;
        Some((chunk * CHUNK + at, number(&bytes[at * size..(at + 1) * size])))
    })
}
