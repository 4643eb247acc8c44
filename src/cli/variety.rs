//! The options of a take: identity, emotion, and what is drawn.

use std::path::PathBuf;

use clap::Args;
use deeptalk_rt::Result;
use deeptalk_rt::audio::read_wav;
use deeptalk_rt::networks::Spec;
use deeptalk_rt::runtime::{Draw, EmotionVector, Session, Take};

use super::values::{self, Temperatures};

#[derive(Args)]
#[command(next_help_heading = "Emotion and variety")]
pub struct Variety {
    /// Take the emotion of another recording (of its first minute)
    #[arg(long, value_name = "OTHER.wav")]
    pub emotion_from: Option<PathBuf>,

    /// How much of the other's emotion: from 0 (own) to 1 (the other's)
    #[arg(long, value_name = "SHARE", default_value = "1", requires = "emotion_from")]
    #[arg(value_parser = values::share, allow_negative_numbers = true)]
    emotion_blend: f32,

    /// The seed of all random draws
    #[arg(long, default_value = "0", allow_negative_numbers = true)]
    seed: u64,

    /// Draw the emotion from its distribution, with its log variance times this number (the paper's uncertainty factor); 0 and
    /// negative ones are allowed [default: 1 with several takes; with one, its mean is taken]
    #[arg(long, value_parser = values::finite, allow_hyphen_values = true)]
    alpha: Option<f32>,

    /// Draw the top and the bottom motion codes at these temperatures (one number: both); 0 takes the likeliest
    #[arg(long, value_name = "TOP[,BOTTOM]", default_value = "0", value_parser = values::temperatures)]
    #[arg(allow_negative_numbers = true)]
    temperature: Temperatures,

    /// Denoising steps of a diffusion model [default: the model's own number; `deeptalk-rt info` shows it]
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    steps: Option<usize>,

    /// New noise in every denoising step: from 0 (DDIM) to 1 (DDPM) [default: 0]
    #[arg(long, allow_negative_numbers = true)]
    eta: Option<f32>,

    /// The identity or style whose way of speaking is taken [default: the model's first; `deeptalk-rt info` lists them]
    #[arg(long, value_name = "NAME", visible_alias = "style")]
    pub actor: Option<String>,
}

impl Variety {
    /// The samples of the recording that lends its emotion, as far as the network listens.
    ///
    /// # Errors
    /// A recording that cannot be read.
    pub fn lender(&self, spec: &Spec) -> Result<Option<Vec<f32>>> {
        let lender = self.emotion_from.as_ref();
        lender.map(|path| read_wav(path, 0.0, Some(spec.one_pass_seconds as f64))).transpose()
    }

    /// The takes with the seeds S, S + 1, ...; several ones are drawn where the network can draw emotions.
    ///
    /// # Errors
    /// A control that the network does not have, or a value that makes no sense; errors of the device.
    pub fn takes(
        &self,
        session: &mut Session,
        actor: usize,
        lender: Option<&[f32]>,
        count: u16,
    ) -> Result<Vec<Take>> {
        let lent = lender.map(|samples| session.emotion(samples)).transpose()?;
        let takes: Vec<Take> =
            (0..u64::from(count)).map(|take| self.take(take, actor, lent.clone())).collect();
        let draws_emotion = count > 1 && session.model().spec().emotion_width.is_some();
        let takes = takes.into_iter().map(|take| match (take.draw.alpha, draws_emotion) {
            (None, true) => take.with_alpha(1.0),
            _ => take,
        });
        let takes: Vec<Take> = takes.collect();
        takes.iter().try_for_each(|take| session.model().network().check_take(take))?;
        Ok(takes)
    }

    fn take(&self, take: u64, actor: usize, lent: Option<EmotionVector>) -> Take {
        let Temperatures(temperature) = self.temperature;
        let seed = self.seed.wrapping_add(take);
        Take {
            actor,
            emotion: lent.map(|emotion| (emotion, self.emotion_blend)),
            draw: Draw { seed, alpha: self.alpha, temperature, steps: self.steps, eta: self.eta },
        }
    }
}
