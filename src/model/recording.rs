//! One recording of any length, on the host: samples in, [`Motion`] out.

use super::deeptalk::{Analysis, DeepTalk, check_samples};
use super::emotion::Distribution;
use super::predictor::MotionCodes;
use super::windows::{Seams, Window, join_codes, windows};
use crate::audio::wanted_frames;
use crate::backend::{Clips, Ops, SampleCodes, noise};
use crate::model::config::{FPS, FRAMES_PER_BOTTOM_CODE, FRAMES_PER_TOP_CODE, SAMPLES_PER_FRAME};
use crate::{Error, Motion, Result};

/// The distribution of an emotion, as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct EmotionVector {
    /// The mean, of unit length.
    pub mu: Vec<f32>,
    /// The log variance.
    pub logvar: Vec<f32>,
}

/// How a motion is drawn instead of taken at its likeliest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draw {
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// Draws the emotion vector: the paper's uncertainty factor alpha, which multiplies the log variance. Nothing: the mean.
    pub alpha: Option<f32>,
    /// Temperatures of the top and the bottom codes; 0 takes the likeliest.
    pub temperature: [f32; 2],
}

/// One motion that is wanted of a recording.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Take {
    /// Index of the identity.
    pub actor: usize,
    /// An emotion to use instead of the recording's own, and how much of it: 0 none, 1 all.
    pub emotion: Option<(EmotionVector, f32)>,
    /// What is drawn.
    pub draw: Draw,
}

/// How far a work is: frames of a recording, tensors of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is done, over all takes.
    pub done: usize,
    /// What there will be.
    pub total: usize,
}

impl<B: Ops> DeepTalk<B> {
    /// The emotion of a recording, as far as the network listens (10 s with the published sizes).
    ///
    /// # Errors
    /// Samples that are not finite.
    pub fn emotion_vector(&self, samples: &[f32]) -> Result<EmotionVector> {
        check_samples(samples)?;
        self.download_emotion(&self.emotion_of(&[samples], &())?)
    }

    /// The motions of a recording of 16 kHz mono samples in [-1, 1], one for each take, `ceil(samples / 640)` frames each.
    ///
    /// Words are heard once for all takes. Recordings of over a minute go through overlapping windows (see the source of
    /// `model::windows`): memory does not grow with their length, and the emotion follows the window. `progress` is told after every
    /// step; what it returns as an error ends the work.
    ///
    /// # Errors
    /// No samples, samples that are not finite, an actor or temperatures that make no sense, and whatever `progress` says.
    pub fn takes(
        &self,
        samples: &[f32],
        takes: &[Take],
        progress: &mut dyn FnMut(Progress) -> Result<()>,
    ) -> Result<Vec<Motion>> {
        check_samples(samples)?;
        if samples.is_empty() {
            return Err(Error::Usage("there are no samples to animate: at least one is needed".into()));
        }
        takes.iter().try_for_each(check)?;
        let frames = wanted_frames(samples.len());
        let mut state = Progress { done: 0, total: frames * takes.len() };
        let mut unfinished: Vec<_> =
            takes.iter().map(|_| Unfinished::new(self.config().parameters())).collect();
        for window in windows(samples.len()) {
            let analysis = self.analyse(&[&samples[window.samples.clone()]], &())?;
            progress(state)?;
            for (take, unfinished) in takes.iter().zip(&mut unfinished) {
                let before = unfinished.frames();
                self.animate_window(&window, &analysis, take, unfinished)?;
                state.done += unfinished.frames() - before;
                progress(state)?;
            }
        }
        Ok(unfinished.into_iter().map(|unfinished| unfinished.finish(self)).collect())
    }

    fn animate_window(
        &self,
        window: &Window,
        analysis: &Analysis<B::Tensor>,
        take: &Take,
        unfinished: &mut Unfinished,
    ) -> Result<()> {
        let ops = self.ops();
        let blended;
        let emotion = match &take.emotion {
            None => &analysis.emotion,
            Some((other, share)) => {
                blended = self.blend(&analysis.emotion, other, *share)?;
                &blended
            }
        };
        let drawn;
        let vector = match take.draw.alpha {
            None => &emotion.mu,
            Some(alpha) => {
                let width = self.config().emotion_head.width;
                let noise = noise::normal(take.draw.seed, noise::STREAM_EMOTION, width);
                let noise = ops.upload(&Clips::one(1), width, &noise)?;
                drawn = ops.sample_gaussian(&emotion.mu, &emotion.logvar, &noise, alpha)?;
                &drawn
            }
        };
        let draw = |book: usize, stream, frames_per_code| {
            let temperature = take.draw.temperature[book];
            let first_rows = vec![window.first_frame / frames_per_code];
            (temperature > 0.0).then(|| SampleCodes {
                temperature,
                seeds: vec![take.draw.seed],
                stream,
                first_rows,
            })
        };
        let top = draw(0, noise::STREAM_TOP, FRAMES_PER_TOP_CODE);
        let bottom = draw(1, noise::STREAM_BOTTOM, FRAMES_PER_BOTTOM_CODE);
        let sample = [top.as_ref(), bottom.as_ref()];
        let animated = self.animate(&analysis.content, vector, &[take.actor], sample, &())?;

        let frames = window.samples.len().div_ceil(SAMPLES_PER_FRAME);
        let motion = ops.download(&animated.motion)?;
        let MotionCodes { top, bottom } = animated.codes;
        unfinished.motion.add(window.first_frame, &motion[..frames * self.config().parameters()]);
        join_codes(
            &mut unfinished.codes_t,
            window.first_frame / FRAMES_PER_TOP_CODE,
            &ops.download_codes(&top)?,
        );
        join_codes(
            &mut unfinished.codes_b,
            window.first_frame / FRAMES_PER_BOTTOM_CODE,
            &ops.download_codes(&bottom)?,
        );
        let EmotionVector { mu, logvar } = self.download_emotion(emotion)?;
        unfinished.emotion_mu.extend(mu);
        unfinished.emotion_logvar.extend(logvar);
        Ok(())
    }

    /// `share` of the way from one emotion to another: means on the sphere, log variances straight.
    fn blend(
        &self,
        own: &Distribution<B::Tensor>,
        other: &EmotionVector,
        share: f32,
    ) -> Result<Distribution<B::Tensor>> {
        let (ops, width) = (self.ops(), self.config().emotion_head.width);
        let mu = ops.upload(&Clips::one(1), width, &other.mu)?;
        let logvar = ops.upload(&Clips::one(1), width, &other.logvar)?;
        Ok(Distribution {
            mu: ops.slerp(&own.mu, &mu, share)?,
            logvar: ops.lerp(&own.logvar, &logvar, share)?,
        })
    }

    fn download_emotion(&self, emotion: &Distribution<B::Tensor>) -> Result<EmotionVector> {
        Ok(EmotionVector {
            mu: self.ops().download(&emotion.mu)?,
            logvar: self.ops().download(&emotion.logvar)?,
        })
    }
}

fn check(take: &Take) -> Result<()> {
    let Draw { alpha, temperature, .. } = &take.draw;
    if let Some(temperature) = temperature.iter().find(|t| !t.is_finite() || **t < 0.0) {
        return Err(Error::Usage(format!("a temperature is a number of at least 0, not {temperature}")));
    }
    if let Some(alpha) = alpha.filter(|alpha| !alpha.is_finite()) {
        return Err(Error::Usage(format!("alpha is a finite number, not {alpha}")));
    }
    match &take.emotion {
        Some((_, share)) if !(0.0..=1.0).contains(share) => {
            Err(Error::Usage(format!("an emotion's share is a number from 0 to 1, not {share}")))
        }
        _ => Ok(()),
    }
}

/// A take while its windows come in.
struct Unfinished {
    motion: Seams,
    codes_t: Vec<i32>,
    codes_b: Vec<i32>,
    emotion_mu: Vec<f32>,
    emotion_logvar: Vec<f32>,
}

impl Unfinished {
    fn new(parameters: usize) -> Self {
        Self {
            motion: Seams::new(parameters),
            codes_t: Vec::new(),
            codes_b: Vec::new(),
            emotion_mu: Vec::new(),
            emotion_logvar: Vec::new(),
        }
    }

    fn frames(&self) -> usize {
        self.motion.frames()
    }

    fn finish<B: Ops>(self, model: &DeepTalk<B>) -> Motion {
        Motion {
            fps: FPS as f32,
            names: model.config().parameter_names(),
            values: self.motion.finish(),
            codes_t: self.codes_t,
            codes_b: self.codes_b,
            emotion_mu: self.emotion_mu,
            emotion_logvar: self.emotion_logvar,
            emotion_width: model.config().emotion_head.width,
        }
    }
}
