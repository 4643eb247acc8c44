//! The description of a network: what programs may ask of it, and the names of its stages.

use crate::animation::Rate;
use crate::{Error, Result};

/// What a network reads, what it gives, and which controls it has.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The name of the architecture, as in the metadata of a model file.
    pub architecture: &'static str,
    /// Samples a second that the network reads, mono.
    pub sample_rate: u32,
    /// Frames a second of its output.
    pub frame_rate: Rate,
    /// What a frame is.
    pub output: Output,
    /// The speaker identities or styles, in the order of their indices.
    pub identities: Vec<String>,
    /// Width of an emotion vector, for a network that is given one.
    pub emotion_width: Option<usize>,
    /// The codebooks whose codes can be drawn, in the order of
    /// [`Draw::temperature`](super::Draw::temperature).
    pub codebooks: &'static [&'static str],
    /// The denoising steps, for a network that makes motion by diffusion.
    pub sampling: Option<Sampling>,
    /// The longest recording that goes through the network in one pass, in seconds; longer ones go in
    /// overlapping windows.
    pub one_pass_seconds: usize,
    /// The timed parts of a forward ([`Timings::part`](super::Timings::part)).
    pub parts: &'static [&'static str],
    /// The named stages of a forward, in its order.
    pub stages: &'static [StageSpec],
}

/// The denoising steps of a diffusion network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// Steps of the training: the most that can be run.
    pub most: usize,
    /// Steps that are run where a take does not say.
    pub usual: usize,
}

/// What a frame of a network's output is.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Face parameters with these names.
    Parameters(Vec<String>),
    /// This many vertices, x, y, z each.
    Vertices(usize),
}

/// One named stage of a forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageSpec {
    /// Its name.
    pub name: &'static str,
    /// For a stage of codes: the stage of the logits that they are chosen from, if there is one.
    pub logits: Option<&'static str>,
    /// True if golden files hold this stage as (channels, rows).
    pub channel_major: bool,
}

impl StageSpec {
    /// A stage of numbers, (rows, channels).
    pub const fn rows(name: &'static str) -> Self {
        Self { name, logits: None, channel_major: false }
    }

    /// A stage of numbers that golden files hold as (channels, rows).
    pub const fn channel_major(name: &'static str) -> Self {
        Self { name, logits: None, channel_major: true }
    }

    /// A stage of codes.
    pub const fn codes(name: &'static str, logits: &'static str) -> Self {
        Self { name, logits: Some(logits), channel_major: false }
    }
}

impl Spec {
    /// Frames of a recording: those that begin within it.
    pub fn frames_for(&self, samples: usize) -> usize {
        self.frame_rate.frames_for(samples, self.sample_rate)
    }

    /// Values of a frame.
    pub fn width(&self) -> usize {
        match &self.output {
            Output::Parameters(names) => names.len(),
            Output::Vertices(count) => 3 * count,
        }
    }

    /// A name for every value of a frame; none for vertices.
    pub fn parameter_names(&self) -> &[String] {
        match &self.output {
            Output::Parameters(names) => names,
            Output::Vertices(_) => &[],
        }
    }

    /// The index of an identity.
    ///
    /// # Errors
    /// [`Error::Usage`] with the names that are known.
    pub fn identity(&self, name: &str) -> Result<usize> {
        self.identities.iter().position(|identity| identity == name).ok_or_else(|| {
            let known = self.identities.join(", ");
            Error::Usage(format!("there is no actor `{name}`: this model knows {known}"))
        })
    }

    /// The place of a stage in the order of the forward; unknown stages come last.
    pub fn place(&self, stage: &str) -> usize {
        self.stages.iter().position(|known| known.name == stage).unwrap_or(self.stages.len())
    }

    /// The description of a stage.
    pub fn stage(&self, name: &str) -> Option<&'static StageSpec> {
        self.stages.iter().find(|known| known.name == name)
    }
}
