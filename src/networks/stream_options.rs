//! The options of a stream, in seconds.

use super::Spec;
use super::Take;
use crate::animation::filter::{FilterSettings, Pipeline};
use crate::audio::{HIGHEST_RATE, LOWEST_RATE, SAMPLE_RATE};
use crate::{Error, Result};

/// The options of a stream. Times are in seconds and are rounded to whole frames of the network.
///
/// The network is not causal: every hop runs it over a window that reaches back by `context` and ahead by
/// `look_ahead`. A frame is given out once all sound up to `look_ahead` after its hop is there, so a player
/// that shows frames at a steady pace is `look_ahead + hop` behind the sound
/// ([`NetworkStream::delay`](super::NetworkStream::delay)); the resampler of a rate other than 16 kHz adds up
/// to 60 ms.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamOptions {
    /// Actor, draws, and an emotion to lend; its [`emotion`](Take::emotion) at share 1 spares the estimate of
    /// the stream's own.
    pub take: Take,
    /// Samples a second of what is pushed: 4,000 to 192,000.
    pub rate: u32,
    /// Sound before a hop that the network hears again: up to 60 s.
    pub context: f32,
    /// Sound after a hop that it waits for: up to 10 s.
    pub look_ahead: f32,
    /// The time from one run of the network to the next: a frame to 10 s.
    pub hop: f32,
    /// The emotion is estimated anew this often: a frame to 600 s.
    pub emotion_every: f32,
    /// The sound that an estimate hears, up to the window's end: 0.4 to 60 s.
    pub emotion_context: f32,
    /// The time constant with which the emotion moves along the sphere to the newest estimate; 0 jumps. Up to
    /// 600 s.
    pub emotion_smoothing: f32,
    /// The loudness below which a frame of sound is silence, as the RMS of its 40 ms less their mean (1 is
    /// full scale): what is quieter is never amplified to speech. Above 0, up to 1.
    pub floor: f32,
    /// The time constant with which loudness is forgotten: 1 to 3,600 s of speech.
    pub forget: f32,
    /// The face comes to rest after so much silence: up to 3,600 s.
    pub rest_after: f32,
    /// Filters over the frames; a time to rest in them counts instead of [`rest_after`](Self::rest_after).
    /// They hold no frame back.
    pub filters: FilterSettings,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            take: Take::default(),
            rate: SAMPLE_RATE,
            context: 4.0,
            look_ahead: 0.4,
            hop: 0.2,
            emotion_every: 1.0,
            emotion_context: 10.0,
            emotion_smoothing: 1.0,
            floor: 0.003,
            forget: 30.0,
            rest_after: 1.0,
            filters: FilterSettings::default(),
        }
    }
}

impl StreamOptions {
    /// Refuses what is out of range, for frames of so many seconds.
    ///
    /// # Errors
    /// [`Error::Usage`], naming the option.
    pub(super) fn check(&self, frame: f32) -> Result<()> {
        for (name, value, least, most) in [
            ("context", self.context, 0.0, 60.0),
            ("look_ahead", self.look_ahead, 0.0, 10.0),
            ("hop", self.hop, frame, 10.0),
            ("emotion_every", self.emotion_every, frame, 600.0),
            ("emotion_context", self.emotion_context, 0.4, 60.0),
            ("emotion_smoothing", self.emotion_smoothing, 0.0, 600.0),
            ("floor", self.floor, 1e-6, 1.0),
            ("forget", self.forget, 1.0, 3600.0),
            ("rest_after", self.rest_after, 0.0, 3600.0),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::Usage(format!(
                    "a stream's {name} is a number from {least} to {most}, not {value}"
                )));
            }
        }
        if !(LOWEST_RATE..=HIGHEST_RATE).contains(&self.rate) {
            return Err(Error::Usage(format!(
                "a stream's rate is {LOWEST_RATE} to {HIGHEST_RATE} samples a second, not {}",
                self.rate
            )));
        }
        Ok(())
    }

    /// The filters over the frames of a network, where the sound of `look_ahead` frames after a frame is
    /// known.
    ///
    /// # Errors
    /// As [`FilterSettings::pipeline`].
    pub(super) fn pipeline(&self, spec: &Spec, look_ahead: usize) -> Result<Pipeline> {
        let rest_after = self.filters.rest_after.or(Some(self.rest_after.into()));
        let settings = FilterSettings { rest_after, ..self.filters.clone() };
        settings.pipeline(spec.parameter_names(), spec.frame_rate, look_ahead, self.take.draw.seed)
    }
}
