//! The options of a take: identity, emotion, and what is drawn.

use clap::Args;
use deeptalk_rt::Result;
use deeptalk_rt::runtime::{Draw, EmotionTrack, Session, Take};

use super::mood::MoodOptions;
use super::values::{self, Temperatures};

#[derive(Args)]
#[command(next_help_heading = "Emotion and variety")]
pub struct Variety {
    #[command(flatten)]
    pub mood: MoodOptions,

    /// The seed of all random draws
    #[arg(long, default_value = "0", allow_negative_numbers = true)]
    seed: u64,

    /// Draw the emotion from its distribution, with its log variance times this number (the paper's
    /// uncertainty factor); 0 and negative ones are allowed [default: 1 with several takes; with one, its
    /// mean is taken]
    #[arg(long, value_parser = values::finite, allow_hyphen_values = true)]
    alpha: Option<f32>,

    /// Draw the top and the bottom motion codes at these temperatures (one number: both); 0 takes the
    /// likeliest
    #[arg(long, value_name = "TOP[,BOTTOM]", default_value = "0", value_parser = values::temperatures)]
    #[arg(allow_negative_numbers = true)]
    temperature: Temperatures,

    /// Denoising steps of a diffusion model [default: the model's own number; `deeptalk-rt info` shows it]
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    steps: Option<usize>,

    /// New noise in every denoising step: from 0 (DDIM) to 1 (DDPM) [default: 0]
    #[arg(long, allow_negative_numbers = true)]
    eta: Option<f32>,

    /// The identity or style whose way of speaking is taken [default: the model's first; `deeptalk-rt info`
    /// lists them]
    #[arg(long, value_name = "NAME", visible_alias = "style")]
    pub actor: Option<String>,
}

impl Variety {
    /// The takes with the seeds S, S + 1, ...; several ones are drawn where the network can draw emotions.
    ///
    /// # Errors
    /// A control that the network does not have, or a value that makes no sense; errors of the device.
    pub fn takes(
        &self,
        session: &mut Session,
        actor: usize,
        lender: Option<Vec<f32>>,
        count: u16,
    ) -> Result<Vec<Take>> {
        let emotion = self.mood.track(session, lender)?;
        let takes: Vec<Take> =
            (0..u64::from(count)).map(|take| self.take(take, actor, emotion.clone())).collect();
        let draws_emotion = count > 1 && session.model().spec().emotion_width.is_some();
        let takes = takes.into_iter().map(|take| match (take.draw.alpha, draws_emotion) {
            (None, true) => take.with_alpha(1.0),
            _ => take,
        });
        let takes: Vec<Take> = takes.collect();
        takes.iter().try_for_each(|take| session.model().network().check_take(take))?;
        Ok(takes)
    }

    fn take(&self, take: u64, actor: usize, emotion: EmotionTrack) -> Take {
        let Temperatures(temperature) = self.temperature;
        let seed = self.seed.wrapping_add(take);
        Take {
            actor,
            emotion,
            draw: Draw { seed, alpha: self.alpha, temperature, steps: self.steps, eta: self.eta },
        }
    }
}
