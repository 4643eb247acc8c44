//! Import of the published checkpoints: several files of named tensors in, one model file out.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{ARCHITECTURE, Config};
use crate::files::{FileMap, Tensors, hex, open_tensors};
use crate::networks::{ImportReport, Progress, Provenance, Published, Recipes, write_model};
use crate::tensor::Dtype;
use crate::{Error, Result};

/// What the published weights say about their use.
const LICENSE: &str = "as the authors of DEEPTalk published them, for research; not for redistribution";

/// The published files: a tensor that only this one has, and where its tensors stand among those of
/// `DEEPTalk.pth`.
const FILES: [(&str, &str, &str); 4] = [
    ("DEEPTalk.pth", "sequence_encoder.linear.weight", ""),
    ("DEE.pt", "criterion.negative_scale", "sequence_decoder.DEE."),
    ("TH-VQVAE.pth", "quantize_t.codebook.weight", "sequence_decoder.motion_prior."),
    ("FER.pth", "in_fc.weight", "fer."),
];

struct Input {
    path: PathBuf,
    prefix: &'static str,
    tensors: Box<dyn Tensors>,
}

impl Input {
    fn open(path: &Path) -> Result<Self> {
        let tensors = open_tensors(path)?;
        match FILES.iter().find(|(_, mark, _)| tensors.shape(mark).is_some()) {
            Some((_, _, prefix)) => Ok(Self { path: path.into(), prefix, tensors }),
            None => {
                let marks: Vec<String> =
                    FILES.iter().map(|(file, mark, _)| format!("`{mark}` ({file})")).collect();
                let names = tensors.names();
                let some: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
                Err(Error::bad_input(
                    path,
                    "is not one of DEEPTalk's checkpoints",
                    format!("a tensor named {}", marks.join(" or ")),
                    format!("{} tensors such as `{}`", names.len(), some.join("`, `")),
                    "give DEEPTalk.pth as the authors published it",
                ))
            }
        }
    }
}

/// The inputs, asked by the names that `DEEPTalk.pth` gives.
struct Inputs {
    inputs: Vec<Input>,
    used: RefCell<BTreeSet<(usize, String)>>,
}

impl Inputs {
    fn find(&self, name: &str) -> Option<(usize, &Input, String)> {
        self.inputs.iter().enumerate().find_map(|(index, input)| {
            let local = name.strip_prefix(input.prefix)?;
            input.tensors.shape(local)?;
            Some((index, input, local.to_owned()))
        })
    }

    fn has_file(&self, prefix: &str) -> bool {
        self.inputs.iter().any(|input| input.prefix == prefix)
    }

    /// Finite numbers may still fold to something else: a norm over zeros, a negative variance.
    fn check_folded(&self, name: &str, values: Vec<f32>) -> Result<Vec<f32>> {
        let Some(at) = values.iter().position(|value| !value.is_finite()) else { return Ok(values) };
        let whole = self.inputs.iter().find(|input| input.prefix == FILES[0].2);
        Err(Error::bad_input(
            whole.map_or_else(PathBuf::new, |input| input.path.clone()),
            format!("the tensors that `{name}` is made of give something that is not a number"),
            "variances above 0, and weights that are not all 0",
            format!("{} at element {at}", values[at]),
            "get the checkpoint again",
        ))
    }

    fn dropped(&self) -> Vec<(String, &'static str)> {
        let used = self.used.borrow();
        let mut dropped = Vec::new();
        for (index, input) in self.inputs.iter().enumerate() {
            for name in input.tensors.names() {
                if !used.contains(&(index, name.clone())) {
                    let whole = format!("{}{name}", input.prefix);
                    let again = used.iter().any(|(other, local)| {
                        *other != index && format!("{}{local}", self.inputs[*other].prefix) == whole
                    });
                    let reason = if again { "the same tensor is in another file" } else { reason(&whole) };
                    dropped.push((name, reason));
                }
            }
        }
        dropped
    }
}

impl Published for Inputs {
    fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let path = |input: Option<&Input>| input.map_or_else(PathBuf::new, |input| input.path.clone());
        let Some((index, input, local)) = self.find(name) else {
            return Err(Error::bad_input(
                path(self.inputs.first()),
                format!("the tensor `{name}` is missing"),
                format!("a tensor of shape {shape:?}"),
                "no tensor of this name",
                "give the checkpoint as it was published, whole",
            ));
        };
        let found = input.tensors.shape(&local).unwrap_or_default();
        if found != shape {
            return Err(Error::bad_input(
                path(Some(input)),
                format!("the tensor `{local}` has the wrong shape"),
                format!("{shape:?}"),
                format!("{found:?}"),
                "this is another model's checkpoint, or of another size: give the published one",
            ));
        }
        let values = input.tensors.read_f32(&local)?;
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::bad_input(
                path(Some(input)),
                format!("the tensor `{local}` holds something that is not a number"),
                "finite numbers",
                format!("{} at element {at}", values[at]),
                "get the checkpoint again",
            ));
        }
        self.used.borrow_mut().insert((index, local));
        Ok(values)
    }
}

/// Why a tensor of `DEEPTalk.pth` is not in a model.
fn reason(name: &str) -> &'static str {
    const TEMPLATES: [&str; 6] = [
        ".audio_encoder_layer.",
        ".audio_mean_layer.",
        ".audio_uncertainty_layer.",
        ".exp_encoder_layer.",
        ".exp_mean_layer.",
        ".exp_uncertainty_layer.",
    ];
    const NEVER_RUN: [&str; 5] =
        ["masked_spec_embed", ".obj_vector.", ".post_transformer_linear.", ".ema_", "fer."];
    if name.starts_with("sequence_decoder.DEE_audio.") {
        "another name of a tensor of `sequence_decoder.DEE`"
    } else if name.ends_with("num_batches_tracked") {
        "counts batches of the training"
    } else if TEMPLATES.iter().any(|part| name.contains(part)) {
        "a template that layers were copied from"
    } else if NEVER_RUN.iter().any(|part| name.contains(part)) {
        "is never run"
    } else if name.contains(".DEE.exp_encoder.") || name.contains(".DEE.criterion.") {
        "the emotion of a motion needs FER.pth too"
    } else {
        "is unknown"
    }
}

/// Makes one model file of published checkpoints: `DEEPTalk.pth`, and `FER.pth` if the emotion of a motion is
/// wanted; `DEE.pt` and `TH-VQVAE.pth` stand in for what a `DEEPTalk.pth` lacks. Which file is which is seen
/// by what it holds. One tensor at a time is in memory. `progress` is told before every tensor; what it
/// returns as an error ends the work.
///
/// # Errors
/// [`Error::BadInput`] for a file that is none of these, lacks a tensor, or has one of another shape or with
/// NaN in it; whatever `progress` says.
pub fn import_deeptalk(
    paths: &[PathBuf],
    target: &Path,
    config: &Config,
    dtype: Dtype,
    progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<ImportReport> {
    let inputs: Vec<Input> = paths.iter().map(|path| Input::open(path)).collect::<Result<_>>()?;
    let inputs = Inputs { inputs, used: RefCell::default() };
    if !inputs.has_file(FILES[0].2) {
        return Err(Error::Usage(format!("{} is needed: the other checkpoints are parts of it", FILES[0].0)));
    }
    let motion_emotion = inputs.has_file(FILES[3].2);
    let config =
        Config { motion_emotion: config.motion_emotion.clone().filter(|_| motion_emotion), ..config.clone() };
    let provenance = Provenance { source: source(paths)?, license: LICENSE.into() };
    let recipes = Recipes::deeptalk(&config);
    let mut state = Progress { done: 0, total: recipes.len() };
    let written =
        write_model(target, &ARCHITECTURE, &config.to_json(), &provenance, dtype, |name, shape| {
            progress(state)?;
            state.done += 1;
            inputs.check_folded(name, recipes.make(name, shape, &inputs)?)
        })?;
    let used = inputs.used.borrow().len();
    let note = match motion_emotion {
        true => "the emotion of a motion: yes",
        false => "the emotion of a motion: no, for that give FER.pth too (animating speech does not need it)",
    };
    Ok(ImportReport { written, notes: vec![note], used, dropped: inputs.dropped() })
}

/// The names of the inputs, each with its SHA-256.
fn source(paths: &[PathBuf]) -> Result<String> {
    let describe = |path: &PathBuf| {
        let map = FileMap::open(path)?;
        const PIECE: usize = 8 << 20;
        let mut hash = Sha256::new();
        for (piece, bytes) in map.chunks(PIECE).enumerate() {
            hash.update(bytes);
            map.release(piece * PIECE..piece * PIECE + bytes.len());
        }
        let hash = hex(hash);
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Ok(format!("{name} (SHA-256 {hash})"))
    };
    Ok(paths.iter().map(describe).collect::<Result<Vec<_>>>()?.join(", "))
}
