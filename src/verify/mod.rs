//! Is this the published model? Every stage of a forward against a reference: a golden file (the published code's own
//! numbers), or another device's run of the same input.

mod compare;
mod golden;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

pub use compare::{Limits, Report, Row, compare};
pub use golden::{Golden, against_golden, golden_files};

use crate::Result;
use crate::networks::deeptalk::stages::Observer;
use crate::networks::deeptalk::{Analysis, DeepTalk};
use crate::tensor::{Ops, Packed};

/// The numbers of a stage.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Of a tensor.
    Numbers(Vec<f32>),
    /// Of chosen codes.
    Codes(Vec<i32>),
}

/// A stage: (rows, channels), row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Rows and channels.
    pub shape: [usize; 2],
    /// The numbers.
    pub values: Values,
}

/// The stages of a forward, by name.
pub type Stages = BTreeMap<String, Stage>;

/// What goes into a forward that is compared.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// The words: 16 kHz mono.
    pub samples: Vec<f32>,
    /// Another clip's emotion, if not that of the words.
    pub emotion: Option<Vec<f32>>,
    /// Noise and control of a sampled emotion, if it is not the mean.
    pub draw: Option<(Vec<f32>, f32)>,
    /// The identity.
    pub actor: usize,
}

/// Runs a forward and keeps its stages. Where the reference has codes, they take the place of the chosen ones, so that
/// everything after them is comparable.
///
/// # Errors
/// Whatever the device says.
pub fn capture<B: Ops>(model: &DeepTalk<B>, input: &Input, reference: Option<&Stages>) -> Result<Stages> {
    let recorder = Recorder { ops: model.ops(), reference, stages: RefCell::default() };
    let Analysis { content, mut emotion } = model.analyse(&[&input.samples], &recorder)?;
    if let Some(samples) = &input.emotion {
        emotion = model.emotion_of(&[samples], &recorder)?;
    }
    let drawn = match &input.draw {
        None => None,
        Some((noise, control)) => {
            let noise = model.ops().upload(emotion.mu.clips(), emotion.mu.channels(), noise)?;
            Some(model.ops().sample_gaussian(&emotion.mu, &emotion.logvar, &noise, *control)?)
        }
    };
    let vector = drawn.as_ref().unwrap_or(&emotion.mu);
    let animated = model.animate(&content, vector, &[input.actor], [None, None], &recorder)?;
    model.emotion_of_motion(&animated.motion, &recorder)?;
    Ok(recorder.stages.into_inner())
}

struct Recorder<'a, B> {
    ops: &'a B,
    reference: Option<&'a Stages>,
    stages: RefCell<Stages>,
}

impl<B: Ops> Observer<B> for Recorder<'_, B> {
    fn stage(&self, name: &'static str, x: &B::Tensor) -> Result<()> {
        let stage =
            Stage { shape: [x.clips().rows(), x.channels()], values: Values::Numbers(self.ops.download(x)?) };
        self.stages.borrow_mut().insert(name.into(), stage);
        Ok(())
    }

    fn codes(&self, name: &'static str, codes: B::Codes) -> Result<B::Codes> {
        let rows = codes.clips().rows();
        let stage = Stage { shape: [rows, 1], values: Values::Codes(self.ops.download_codes(&codes)?) };
        self.stages.borrow_mut().insert(name.into(), stage);
        match self.reference.and_then(|reference| reference.get(name)) {
            Some(Stage { values: Values::Codes(expected), .. }) if expected.len() == rows => {
                self.ops.upload_codes(codes.clips(), expected)
            }
            _ => Ok(codes),
        }
    }
}

/// Names that are in one and not in the other.
fn only_in(these: &Stages, those: &Stages) -> BTreeSet<String> {
    these.keys().filter(|name| !those.contains_key(*name)).cloned().collect()
}
