//! Speech as life hears it: speaking or silent, where pauses begin and end, and how loud against the seconds
//! before.

use super::super::filter::Sound;

/// The silence that is a pause: 0.2 s. A stop consonant is shorter.
const PAUSE: f64 = 0.2;
/// The time before a frame's own at which its accent is read, if the sound is known so far ahead.
const LEAD: f64 = 0.18;
/// The time constant of the mean loudness that an accent is told from.
const MEMORY: f64 = 1.5;
/// Decibels above the mean at which an accent begins, and at which it is whole.
const ACCENT: [f64; 2] = [0.0, 8.0];

/// Features of the sound at a frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Heard {
    /// True while somebody speaks, short pauses of at most 0.2 s included.
    pub speaks: bool,
    /// True at the first frame of a pause.
    pub pauses: bool,
    /// True at the first frame of speech after a pause.
    pub resumes: bool,
    /// How much louder than the last seconds: from 0 to 1.
    pub accent: f64,
}

/// The state of what was heard.
#[derive(Debug, Clone)]
pub(super) struct Prosody {
    look_ahead: usize,
    lead: usize,
    /// Frames that a pause has at least.
    pause: usize,
    /// The factor by which the mean loudness decays in a frame.
    keep: f64,
    /// Quiet frames up to the last one.
    quiet: usize,
    speaks: bool,
    /// The mean loudness of loud frames in decibels.
    mean: Option<f64>,
}

impl Prosody {
    /// At so many frames a second, with sound known so many frames ahead.
    pub fn new(frames_a_second: f64, look_ahead: usize) -> Self {
        let frames = |seconds: f64| (seconds * frames_a_second).round() as usize;
        Self {
            look_ahead,
            lead: frames(LEAD).min(look_ahead),
            pause: frames(PAUSE).max(1),
            keep: (-1.0 / (MEMORY * frames_a_second)).exp(),
            quiet: frames(PAUSE).max(1),
            speaks: false,
            mean: None,
        }
    }

    /// Hears the next frame.
    pub fn next(&mut self, frame: usize, sound: &dyn Sound) -> Heard {
        self.quiet = if sound.is_loud(frame) { 0 } else { self.quiet.saturating_add(1) };
        let ahead = self.look_ahead.min(self.pause);
        let coming = (frame + 1..=frame + ahead).take_while(|frame| !sound.is_loud(*frame)).count();
        let silent = self.quiet > 0 && self.quiet.saturating_add(coming) >= self.pause;
        // The last frames before the first word count as speech: the breath before it.
        let speaks = !silent || coming < ahead && !self.speaks;
        let before = std::mem::replace(&mut self.speaks, speaks);
        let accent = self.accent(frame + self.lead, sound);
        Heard { speaks, pauses: before && !speaks, resumes: speaks && !before, accent }
    }

    fn accent(&mut self, frame: usize, sound: &dyn Sound) -> f64 {
        if !sound.is_loud(frame) {
            return 0.0;
        }
        let decibels = 20.0 * f64::from(sound.level(frame).max(1e-6)).log10();
        let mean = self.mean.get_or_insert(decibels);
        *mean += (1.0 - self.keep) * (decibels - *mean);
        let [least, whole] = ACCENT;
        ((decibels - *mean - least) / (whole - least)).clamp(0.0, 1.0)
    }
}
