//! The options of a stream in frames.

use crate::Result;
use crate::networks::StreamOptions;
use crate::networks::deeptalk::config::FPS;

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
}

impl Plan {
    /// # Errors
    /// [`Error::Usage`] for what is out of range.
    pub fn of(options: &StreamOptions) -> Result<Self> {
        options.check(1.0 / FPS as f32)?;
        let frames = |seconds: f32| (seconds * FPS as f32).round() as usize;
        let hop = frames(options.hop);
        let emotion_share = match options.emotion_smoothing {
            0.0 => 1.0,
            seconds => 1.0 - (-(hop as f32) / (seconds * FPS as f32)).exp(),
        };
        Ok(Self {
            context: frames(options.context),
            look_ahead: frames(options.look_ahead),
            hop,
            emotion_every: frames(options.emotion_every),
            emotion_context: frames(options.emotion_context),
            emotion_share,
        })
    }
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
