//! Golden files: safetensors with the stages of one forward, and metadata that says of which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Spec, Stage, Stages, Values};
use crate::audio::read_sound;
use crate::files::read_whole;
use crate::files::safetensors::{Dtype, Safetensors};
use crate::{Error, Result};

/// The largest header of a golden file: a few kB are usual.
const LARGEST_HEADER: u64 = 8 << 20;
/// Every stage of a minute at the published sizes takes some 300 MB in f32.
const LARGEST_FILE: u64 = 2 << 30;
const NEXT: &str = "give one of the golden files, or the folder that holds them with their WAVs";

/// One golden file. What its metadata and tensors mean is the network's to say
/// ([`Network::replay`](super::Network::replay)).
#[derive(Debug, Clone)]
pub struct Golden {
    path: PathBuf,
    metadata: BTreeMap<String, String>,
    stages: Stages,
    read: std::cell::RefCell<BTreeSet<String>>,
}

impl Golden {
    /// Reads a file. Dimensions in front of the last one become rows.
    ///
    /// # Errors
    /// [`Error::BadInput`] if it is none.
    pub fn open(path: &Path) -> Result<Self> {
        let bad =
            |what: &str, expected: &str, found: String| Error::bad_input(path, what, expected, found, NEXT);
        let bytes = read_whole(path, LARGEST_FILE, NEXT)?;
        let file = Safetensors::parse(&bytes, LARGEST_HEADER)
            .map_err(|damage| bad("is not a golden file", "a whole safetensors file", damage.to_string()))?;
        let metadata = file.metadata().clone();
        let mut stages = Stages::new();
        for entry in file.entries() {
            let (name, data) = (&entry.name, file.data(entry));
            let shape = match *entry.shape {
                [] => [1, 1],
                [width] if name.starts_with("codes") => [width, 1],
                [width] => [1, width],
                [ref rows @ .., width] => [rows.iter().product(), width],
            };
            let words = data.as_chunks::<4>().0.iter();
            let values = match entry.dtype {
                Dtype::I32 => Values::Codes(words.map(|word| i32::from_le_bytes(*word)).collect()),
                Dtype::F32 => Values::Numbers(words.map(|word| f32::from_le_bytes(*word)).collect()),
                Dtype::F64 => {
                    let doubles = data.as_chunks::<8>().0.iter();
                    Values::Numbers(doubles.map(|double| f64::from_le_bytes(*double) as f32).collect())
                }
                other => return Err(bad(&format!("`{name}`"), "F32, F64 or I32", format!("{other:?}"))),
            };
            stages.insert(name.clone(), Stage { shape, values });
        }
        Ok(Self { path: path.into(), metadata, stages, read: Default::default() })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A value of the metadata.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// A number of the metadata.
    ///
    /// # Errors
    /// A value that is not a finite number.
    pub fn number(&self, key: &str, default: f64) -> Result<f64> {
        let Some(text) = self.text(key) else { return Ok(default) };
        text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| {
            Error::bad_input(&self.path, format!("`{key}` in its metadata"), "a finite number", text, NEXT)
        })
    }

    /// A whole number of the metadata.
    ///
    /// # Errors
    /// A value that is not a whole number of at least 0.
    pub fn whole_number(&self, key: &str, default: u64) -> Result<u64> {
        let Some(text) = self.text(key) else { return Ok(default) };
        text.parse().map_err(|_| {
            let expected = "a whole number of at least 0";
            Error::bad_input(&self.path, format!("`{key}` in its metadata"), expected, text, NEXT)
        })
    }

    /// A tensor that is an input of the forward, not a stage to compare.
    ///
    /// # Errors
    /// [`Error::BadInput`] if it is missing.
    pub fn numbers(&self, name: &str) -> Result<&[f32]> {
        match self.stages.get(name) {
            Some(Stage { values: Values::Numbers(values), .. }) => {
                self.read.borrow_mut().insert(name.into());
                Ok(values)
            }
            _ => {
                let what = format!("`{name}` is missing");
                Err(Error::bad_input(&self.path, what, "a tensor of F32", "none", NEXT))
            }
        }
    }

    /// A WAV beside the file, as 16 kHz mono.
    ///
    /// # Errors
    /// A clip that is missing or unreadable.
    pub fn clip(&self, name: &str) -> Result<Vec<f32>> {
        read_sound(self.path.with_file_name(name), 0.0, None)
    }

    /// All tensors, as they lie in the file.
    pub fn stages(&self) -> &Stages {
        &self.stages
    }

    /// The stages to compare with: all tensors that the forward did not read as inputs, in the layout of the
    /// network's stages.
    ///
    /// # Errors
    /// [`Error::BadInput`] if there are none.
    pub fn reference(&self, spec: &Spec) -> Result<Stages> {
        let read = self.read.borrow();
        let mut stages = Stages::new();
        for (name, stage) in self.stages.iter().filter(|(name, _)| !read.contains(*name)) {
            let turned = spec.stage(name).is_some_and(|stage| stage.channel_major);
            let stage = match (&stage.values, turned) {
                (Values::Numbers(values), true) => {
                    let [channels, rows] = stage.shape;
                    let values =
                        (0..rows * channels).map(|i| values[i % channels * rows + i / channels]).collect();
                    Stage { shape: [rows, channels], values: Values::Numbers(values) }
                }
                _ => stage.clone(),
            };
            stages.insert(name.clone(), stage);
        }
        match stages.is_empty() {
            true => Err(Error::bad_input(&self.path, "has no stages", "tensors to compare", "none", NEXT)),
            false => Ok(stages),
        }
    }
}

/// The golden files at a path: itself, or those of a folder, by name. A folder's golden files are its
/// safetensors with a clip (`wav` in the metadata) or with a motion.
///
/// # Errors
/// A folder that cannot be read or has none.
pub fn golden_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| Error::unreadable(path, error))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|ending| ending == "safetensors"))
        .collect();
    files.sort();
    files.retain(|file| {
        Golden::open(file)
            .is_ok_and(|golden| golden.stages.contains_key("motion") || golden.text("wav").is_some())
    });
    if files.is_empty() {
        let expected = "*.safetensors with stages";
        return Err(Error::bad_input(path, "holds no golden file", expected, "none", NEXT));
    }
    Ok(files)
}
