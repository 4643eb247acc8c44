//! All tensors of a model, part by part. The order of the parts is the order of the tensors in a model file.

use super::config::Config;
use super::content::Content;
use super::emotion::Emotion;
use super::emotion_head::Head;
use super::motion_emotion::MotionEmotion;
use super::motion_prior::MotionPrior;
use super::predictor::{Predictor, Style};
use crate::Result;
use crate::layers::{Scope, Source};
use crate::networks::shapes_of;
use crate::tensor::Activation;

/// All tensors of a model.
#[derive(Debug)]
pub struct Weights<W> {
    pub(super) content: Content<W>,
    pub(super) emotion: Emotion<W>,
    pub(super) emotion_head: Head<W>,
    pub(super) style: Style<W>,
    pub(super) predictor: Predictor<W>,
    pub(super) motion_prior: MotionPrior<W>,
    pub(super) motion_emotion: Option<MotionEmotion<W>>,
}

impl<W> Weights<W> {
    /// Asks `source` for every tensor that a model of these sizes has, always in the same order.
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load(config: &Config, source: &mut impl Source<Weight = W>) -> Result<Self> {
        let mut root = Scope::root(source);
        let (head, parameters) = (&config.emotion_head, config.parameters());
        Ok(Self {
            content: Content::load(&mut root.at("content"), &config.content)?,
            emotion: Emotion::load(&mut root.at("emotion"), &config.emotion)?,
            emotion_head: Head::load(
                &mut root.at("emotion_head"),
                head,
                config.emotion.hidden,
                Activation::Relu,
            )?,
            style: Style::load(&mut root.at("style"), config)?,
            predictor: Predictor::load(&mut root.at("predictor"), config)?,
            motion_prior: MotionPrior::load(&mut root.at("motion_prior"), &config.motion_prior, parameters)?,
            motion_emotion: match &config.motion_emotion {
                Some(motion) => {
                    Some(MotionEmotion::load(&mut root.at("motion_emotion"), motion, parameters)?)
                }
                None => None,
            },
        })
    }
}

/// Name and shape of every tensor that a model of these sizes has, in the order of the model file.
///
/// # Errors
/// None for a configuration that is free of contradictions.
pub fn tensor_shapes(config: &Config) -> Result<Vec<(String, Vec<usize>)>> {
    shapes_of(|source| Weights::load(config, source).map(drop))
}
