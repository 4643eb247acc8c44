//! Golden files: safetensors with the stages of one forward, and metadata that says of which.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use super::compare::{Limits, Report, compare};
use super::{Input, Stage, Stages, Values, capture};
use crate::audio::read_wav;
use crate::networks::deeptalk::DeepTalk;
use crate::networks::deeptalk::predictor::MotionCodes;
use crate::tensor::{Clips, Ops};
use crate::{Error, Result};

/// Stages that golden files hold as (channels, rows).
const CHANNEL_MAJOR: [&str; 3] = ["wav2vec2.conv_features", "emotion2vec.conv_features", "vq.upsample_t"];
const NEXT: &str = "give one of the golden files, or the folder that holds them with their WAVs";

/// One golden file.
///
/// Of speech: `wav` in the metadata names the clip (beside the file), `emotion` another clip whose emotion is used, `actor` the
/// identity (0), `sample` and `control` that the emotion is drawn with the noise in `eps`. Without `wav` it is a round trip:
/// `motion` to `codes_t` and `codes_b`, and those to `reconstruction`.
#[derive(Debug, Clone)]
pub struct Golden {
    path: PathBuf,
    metadata: HashMap<String, String>,
    stages: Stages,
}

impl Golden {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::BadInput`] if it is none.
    pub fn open(path: &Path) -> Result<Self> {
        let bad =
            |what: &str, expected: &str, found: String| Error::bad_input(path, what, expected, found, NEXT);
        let bytes = std::fs::read(path).map_err(|error| Error::unreadable(path, error))?;
        let whole = |error: safetensors::SafeTensorError| {
            bad("is not a golden file", "a whole safetensors file", error.to_string())
        };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(whole)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let file = SafeTensors::deserialize(&bytes).map_err(whole)?;
        let mut stages = Stages::new();
        for (name, view) in file.tensors() {
            let shape = match *view.shape() {
                [width] if name.starts_with("codes") => [width, 1],
                [width] => [1, width],
                [rows, width] => [rows, width],
                _ => {
                    return Err(bad(
                        &format!("`{name}`"),
                        "one or two dimensions",
                        format!("{:?}", view.shape()),
                    ));
                }
            };
            let words = view.data().as_chunks::<4>().0.iter();
            let (shape, values) = match view.dtype() {
                Dtype::I32 => (shape, Values::Codes(words.map(|word| i32::from_le_bytes(*word)).collect())),
                Dtype::F32 => {
                    let values: Vec<f32> = words.map(|word| f32::from_le_bytes(*word)).collect();
                    if CHANNEL_MAJOR.contains(&name.as_str()) {
                        let [channels, rows] = shape;
                        let turned = (0..rows * channels)
                            .map(|i| values[i % channels * rows + i / channels])
                            .collect();
                        ([rows, channels], Values::Numbers(turned))
                    } else {
                        (shape, Values::Numbers(values))
                    }
                }
                other => return Err(bad(&format!("`{name}`"), "F32 or I32", format!("{other:?}"))),
            };
            stages.insert(name, Stage { shape, values });
        }
        Ok(Self { path: path.into(), metadata, stages })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn numbers(&self, name: &str) -> Result<&[f32]> {
        match self.stages.get(name) {
            Some(Stage { values: Values::Numbers(values), .. }) => Ok(values),
            _ => Err(Error::bad_input(
                &self.path,
                format!("`{name}` is missing"),
                "a tensor of F32",
                "none",
                NEXT,
            )),
        }
    }

    fn input(&self, wav: &str) -> Result<Input> {
        let clip = |name: &str| read_wav(self.path.with_file_name(name), 0.0, None);
        let number = |key: &str, default: f32| match self.metadata.get(key) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| {
                Error::bad_input(&self.path, format!("`{key}` in its metadata"), "a number", text, NEXT)
            }),
        };
        let draw = match self.metadata.contains_key("sample") {
            true => Some((self.numbers("eps")?.to_vec(), number("control", 1.0)?)),
            false => None,
        };
        Ok(Input {
            samples: clip(wav)?,
            emotion: self.metadata.get("emotion").map(|name| clip(name)).transpose()?,
            draw,
            actor: number("actor", 0.0)? as usize,
        })
    }

    /// Compares a model with it.
    ///
    /// # Errors
    /// A WAV that is missing; whatever the device says.
    pub fn verify<B: Ops>(&self, model: &DeepTalk<B>, limits: Limits) -> Result<Report> {
        let mut reference = self.stages.clone();
        let stages = match self.metadata.get("wav") {
            Some(wav) => {
                reference.remove("eps");
                capture(model, &self.input(wav)?, Some(&reference))?
            }
            None => {
                let stages = self.round_trip(model)?;
                reference.remove("motion");
                stages
            }
        };
        Ok(compare(&stages, &reference, limits))
    }

    fn round_trip<B: Ops>(&self, model: &DeepTalk<B>) -> Result<Stages> {
        let ops = model.ops();
        let parameters = model.config().parameters();
        let motion = self.numbers("motion")?;
        let motion = ops.upload(&Clips::one(motion.len() / parameters), parameters, motion)?;
        let codes = model.encode_motion(&motion)?;
        let mut stages = Stages::new();
        let mut keep_codes = |name: &str, codes: &B::Codes| -> Result<Option<B::Codes>> {
            let chosen = ops.download_codes(codes)?;
            let rows = chosen.len();
            stages.insert(name.into(), Stage { shape: [rows, 1], values: Values::Codes(chosen) });
            match self.stages.get(name) {
                Some(Stage { values: Values::Codes(expected), .. }) => {
                    Ok(Some(ops.upload_codes(&Clips::one(expected.len()), expected)?))
                }
                _ => Ok(None),
            }
        };
        let top = keep_codes("codes_t", &codes.top)?.unwrap_or(codes.top);
        let bottom = keep_codes("codes_b", &codes.bottom)?.unwrap_or(codes.bottom);
        let codes = MotionCodes { top, bottom };
        let (top, bottom) = model.code_vectors(&codes)?;
        let motion = model.decode_codes(&codes)?;
        for (name, tensor) in [("quant_t", &top), ("quant_b", &bottom), ("reconstruction", &motion)] {
            use crate::tensor::Packed;
            let shape = [tensor.clips().rows(), tensor.channels()];
            stages.insert(name.into(), Stage { shape, values: Values::Numbers(ops.download(tensor)?) });
        }
        Ok(stages)
    }
}

/// The golden files at a path: itself, or those in a folder that are of speech or a round trip, by name.
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
    files.retain(|file| Golden::open(file).is_ok_and(|golden| golden.stages.contains_key("motion")));
    if files.is_empty() {
        return Err(Error::bad_input(
            path,
            "holds no golden file",
            "*.safetensors with stages",
            "none",
            NEXT,
        ));
    }
    Ok(files)
}

/// Compares a model with one golden file, f32 against f32.
///
/// # Errors
/// As [`Golden::open`] and [`Golden::verify`].
pub fn against_golden<B: Ops>(model: &DeepTalk<B>, path: &Path) -> Result<Report> {
    Golden::open(path)?.verify(model, Limits::F32)
}
