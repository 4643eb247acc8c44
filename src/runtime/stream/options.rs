//! How a stream is heard, in seconds for people and in frames for the work.

use crate::audio::{HIGHEST_RATE, LOWEST_RATE, SAMPLE_RATE};
use crate::networks::deeptalk::Take;
use crate::networks::deeptalk::config::FPS;
use crate::{Error, Result};

/// How a stream is heard. Times are in seconds and are rounded to whole frames of 1/25 s.
///
/// The network is not causal: every hop runs it over a window that reaches back by `context` and ahead by `look_ahead`. A frame is given
/// out once all sound up to `look_ahead` after its hop is there, so a player that shows frames at a steady pace is
/// `look_ahead + hop` behind the sound ([`delay`](Self::delay)); the resampler of a rate other than 16 kHz adds up to 60 ms.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamOptions {
    /// Actor, draws, and an emotion to lend; its [`emotion`](Take::emotion) at share 1 spares the estimate of the stream's own.
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
    /// The time constant with which the emotion moves along the sphere to the newest estimate; 0 jumps. Up to 600 s.
    pub emotion_smoothing: f32,
    /// The loudness below which a frame of sound is silence, as the RMS of its 40 ms less their mean (1 is full scale): what is quieter
    /// is never amplified to speech. Above 0, up to 1.
    pub floor: f32,
    /// The time constant with which loudness is forgotten: 1 to 3,600 s of speech.
    pub forget: f32,
    /// The face comes to rest after so much silence: up to 3,600 s.
    pub rest_after: f32,
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
        }
    }
}

impl StreamOptions {
    /// How far steady play is behind the sound, in seconds: look-ahead plus hop.
    ///
    /// ```
    /// assert_eq!(deeptalk_rt::runtime::StreamOptions::default().delay(), 0.6);
    /// ```
    pub fn delay(&self) -> f64 {
        (frames_of(self.look_ahead) + frames_of(self.hop).max(1)) as f64 / FPS as f64
    }
}

/// The options in frames.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub context: usize,
    pub look_ahead: usize,
    pub hop: usize,
    pub emotion_every: usize,
    pub emotion_context: usize,
    /// The share of the way to the newest estimate that a hop goes.
    pub emotion_share: f32,
    pub rest_after: usize,
}

impl Plan {
    /// # Errors
    /// [`Error::Usage`] for what is out of range.
    pub fn of(options: &StreamOptions) -> Result<Self> {
        const FRAME: f32 = 1.0 / FPS as f32;
        for (name, value, least, most) in [
            ("context", options.context, 0.0, 60.0),
            ("look_ahead", options.look_ahead, 0.0, 10.0),
            ("hop", options.hop, FRAME, 10.0),
            ("emotion_every", options.emotion_every, FRAME, 600.0),
            ("emotion_context", options.emotion_context, 0.4, 60.0),
            ("emotion_smoothing", options.emotion_smoothing, 0.0, 600.0),
            ("floor", options.floor, 1e-6, 1.0),
            ("forget", options.forget, 1.0, 3600.0),
            ("rest_after", options.rest_after, 0.0, 3600.0),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::Usage(format!(
                    "a stream's {name} is a number from {least} to {most}, not {value}"
                )));
            }
        }
        if !(LOWEST_RATE..=HIGHEST_RATE).contains(&options.rate) {
            return Err(Error::Usage(format!(
                "a stream's rate is {LOWEST_RATE} to {HIGHEST_RATE} samples a second, not {}",
                options.rate
            )));
        }
        let hop = frames_of(options.hop);
        let emotion_share = match options.emotion_smoothing {
            0.0 => 1.0,
            seconds => 1.0 - (-(hop as f32) / (seconds * FPS as f32)).exp(),
        };
        Ok(Self {
            context: frames_of(options.context),
            look_ahead: frames_of(options.look_ahead),
            hop,
            emotion_every: frames_of(options.emotion_every),
            emotion_context: frames_of(options.emotion_context),
            emotion_share,
            rest_after: frames_of(options.rest_after),
        })
    }
}

fn frames_of(seconds: f32) -> usize {
    (seconds * FPS as f32).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_whole_frames_and_every_option_is_checked() {
        let plan = Plan::of(&StreamOptions::default()).unwrap();
        assert_eq!((plan.context, plan.look_ahead, plan.hop, plan.emotion_every), (100, 10, 5, 25));
        for (name, spoil) in [
            ("context", (|o| o.context = -1.0) as fn(&mut StreamOptions)),
            ("look_ahead", |o| o.look_ahead = f32::NAN),
            ("hop", |o| o.hop = 0.0),
            ("emotion_every", |o| o.emotion_every = 1e9),
            ("emotion_context", |o| o.emotion_context = 0.1),
            ("emotion_smoothing", |o| o.emotion_smoothing = -0.5),
            ("floor", |o| o.floor = 0.0),
            ("forget", |o| o.forget = f32::INFINITY),
            ("rest_after", |o| o.rest_after = -1.0),
            ("rate", |o| o.rate = 3_999),
        ] {
            let mut options = StreamOptions::default();
            spoil(&mut options);
            let error = Plan::of(&options).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(name), "{error}");
        }
    }
}
