//! DEE's motion encoder: the emotion that a motion shows: `docs/networks/deeptalk.md` section 8.

use super::config::MotionEmotionConfig;
use super::emotion_head::{Distribution, Head};
use crate::Result;
use crate::layers::{Observer, Scope, Source};
use crate::tensor::{Activation, Linear, Ops};

/// The slope of the expression network's leaky units: PyTorch's default.
const FEATURES_SLOPE: f32 = 0.01;

/// The tensors of the motion encoder.
#[derive(Debug)]
pub struct MotionEmotion<W> {
    /// The expression network (FER).
    features: Vec<Linear<W>>,
    /// To the transformer's width.
    input: Linear<W>,
    head: Head<W>,
    /// The constant of a match's logit.
    match_shift: f32,
    /// The factor of a distance in a match's logit, before the minus sign.
    match_negative_scale: f32,
}

impl<W> MotionEmotion<W> {
    pub(super) fn load<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        config: &MotionEmotionConfig,
        parameters: usize,
    ) -> Result<Self> {
        let mut input = parameters;
        let mut features = Vec::new();
        for (index, &width) in config.features.iter().enumerate() {
            features.push(Linear::load(&mut at.at("features").at(index), width, input)?);
            input = width;
        }
        Ok(Self {
            features,
            input: Linear::load(&mut at.at("input"), config.hidden, input)?,
            head: Head::load(&mut at.at("head"), &config.head, config.hidden, Activation::Relu)?,
            match_shift: at.host("match_shift", &[1])?[0],
            match_negative_scale: at.host("match_negative_scale", &[1])?[0],
        })
    }

    /// The distribution of the emotion that a motion (frames, parameters) shows, read from as many frames as
    /// the position table has rows, from the start.
    pub(super) fn forward<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        motion: &B::Tensor,
        observer: &dyn Observer<B>,
    ) -> Result<Distribution<B::Tensor>> {
        let mut features = None;
        let last = self.features.len() - 1;
        for (index, linear) in self.features.iter().enumerate() {
            let activation =
                if index == last { Activation::None } else { Activation::LeakyRelu(FEATURES_SLOPE) };
            features = Some(ops.linear(features.as_ref().unwrap_or(motion), linear, activation)?);
        }
        let features = features.as_ref().unwrap_or(motion);
        observer.stage("fer.features", features)?;
        let x = ops.linear(features, &self.input, Activation::None)?;
        let emotion = self.head.forward(ops, &x, 0, "dee.motion_encoder", observer)?;
        observer.stage("dee.motion_mu", &emotion.mu)?;
        observer.stage("dee.motion_logvar", &emotion.logvar)?;
        Ok(emotion)
    }

    /// The probability that a motion goes with a speech, from the distributions (mu, log variance) of their
    /// emotions: `sigmoid(shift - scale * (|mu_a - mu_m|^2 + sum(exp logvar_a + exp logvar_m)))`.
    pub(super) fn match_probability(&self, audio: (&[f32], &[f32]), motion: (&[f32], &[f32])) -> f32 {
        let between: f32 = audio.0.iter().zip(motion.0).map(|(a, m)| (a - m) * (a - m)).sum();
        let spread: f32 = audio.1.iter().chain(motion.1).map(|v| v.exp()).sum();
        let logit = self.match_shift - self.match_negative_scale * (between + spread);
        1.0 / (1.0 + (-logit).exp())
    }
}
