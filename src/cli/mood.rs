//! Options of the emotion that a face shows.

use std::path::PathBuf;

use clap::Args;
use deeptalk_rt::animation::{EmotionTrack, Mood};
use deeptalk_rt::audio::read_sound;
use deeptalk_rt::networks::Spec;
use deeptalk_rt::runtime::{ModelOptions, Session};
use deeptalk_rt::{Error, Result};

use super::values;

#[derive(Args)]
#[command(next_help_heading = "Emotion and variety")]
pub struct MoodOptions {
    /// Show a mood instead of the one that is heard: a name, `angry:0.7` with a strength from 0 (neutral) to
    /// 2, or several with their times in seconds, "0 neutral, 2.5 angry:0.8, 6 sad"; `heard` is the one that
    /// is heard
    #[arg(long, value_name = "MOOD", conflicts_with_all = ["emotion_track", "emotion_from"])]
    pub emotion: Option<String>,

    /// The moods over time from a CSV file (seconds,mood,strength,easing) or a JSON list of such objects; the
    /// easings are smooth (the last half second before the time), linear and step
    #[arg(long, value_name = "FILE", conflicts_with = "emotion_from")]
    pub emotion_track: Option<PathBuf>,

    /// Scale the emotion, the one that is heard too: 0 is neutral, 1 as it is, 2 the most
    #[arg(long, value_name = "STRENGTH", value_parser = values::strength, allow_negative_numbers = true)]
    pub emotion_strength: Option<f32>,

    /// More moods under names, from `deeptalk-rt emotion learn` [default: the eight moods of the built-in
    /// model]
    #[arg(long, value_name = "FILE")]
    pub emotions: Option<PathBuf>,

    /// Take the emotion of another recording (of its first minute)
    #[arg(long, value_name = "OTHER.wav")]
    pub emotion_from: Option<PathBuf>,

    /// How much of the other's emotion: from 0 (own) to 1 (the other's)
    #[arg(long, value_name = "SHARE", default_value = "1", requires = "emotion_from")]
    #[arg(value_parser = values::share, allow_negative_numbers = true)]
    pub emotion_blend: f32,
}

impl MoodOptions {
    /// The files that are read.
    pub fn reads(&self) -> impl Iterator<Item = &PathBuf> {
        self.emotion_track.iter().chain(&self.emotions).chain(&self.emotion_from)
    }

    /// The sound whose emotion is taken: read before a large model is loaded.
    pub fn lender(&self, spec: &Spec) -> Result<Option<Vec<f32>>> {
        let most = Some(spec.one_pass_seconds as f64);
        self.emotion_from.as_ref().map(|path| read_sound(path, 0.0, most)).transpose()
    }

    /// The options of the model with the file of moods.
    pub fn with_emotions(&self, options: ModelOptions) -> ModelOptions {
        match &self.emotions {
            Some(path) => options.emotions(path),
            None => options,
        }
    }

    /// The emotion of a take.
    pub fn track(&self, session: &mut Session, lender: Option<Vec<f32>>) -> Result<EmotionTrack> {
        let asked = [self.emotion.is_some(), self.emotion_track.is_some(), self.emotion_strength.is_some()];
        if session.model().spec().emotion_width.is_none() && asked.contains(&true) {
            let name = session.model().spec().architecture;
            return Err(Error::Usage(format!("the network {name} has no emotions to choose from")));
        }
        let moods = session.model().emotions();
        let track = match (&self.emotion, &self.emotion_track, lender) {
            (Some(text), _, _) => moods.track(text)?,
            (_, Some(path), _) => moods.track_file(path)?,
            (_, _, Some(samples)) => {
                let emotion = session.emotion(&samples)?;
                EmotionTrack::constant(Mood::Lent { emotion, share: self.emotion_blend })
            }
            (None, None, None) => EmotionTrack::default(),
        };
        session.model().emotion_at_strength(track, self.emotion_strength.unwrap_or(1.0))
    }
}
