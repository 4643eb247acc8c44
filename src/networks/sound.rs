//! The last seconds of a stream of sound, in whole frames.

use super::loudness::Loudness;
use crate::animation::filter;

#[derive(Debug)]
pub(super) struct Sound {
    /// The number of the oldest frame that is kept.
    first: usize,
    /// Samples of a frame.
    frame: usize,
    samples: Vec<f32>,
    /// The RMS of each kept frame, and whether it is above the floor.
    levels: Vec<(f32, bool)>,
    loudness: Loudness,
}

impl Sound {
    /// Frames of so many samples.
    pub fn new(frame: usize, loudness: Loudness) -> Self {
        Self { first: 0, frame, samples: Vec::new(), levels: Vec::new(), loudness }
    }

    /// The next frame: its samples, fewer than a frame's only at the stream's end, where silence fills it up.
    pub fn hear(&mut self, frame: &[f32]) {
        self.levels.push(self.loudness.hear(frame));
        self.samples.extend_from_slice(frame);
        self.samples.resize(self.levels.len() * self.frame, 0.0);
    }

    /// Frames heard since the beginning.
    pub fn heard(&self) -> usize {
        self.first + self.levels.len()
    }

    pub fn is_loud(&self, frame: usize) -> bool {
        self.at(frame).is_some_and(|(_, loud)| *loud)
    }

    fn at(&self, frame: usize) -> Option<&(f32, bool)> {
        frame.checked_sub(self.first).and_then(|index| self.levels.get(index))
    }

    /// Loud frames among those from `begin` to the newest.
    pub fn loud_frames(&self, begin: usize) -> usize {
        (begin..self.heard()).filter(|frame| self.is_loud(*frame)).count()
    }

    /// The frames from `begin` to the newest, normalised, in `out`.
    pub fn normalized(&self, begin: usize, out: &mut Vec<f32>) {
        out.clear();
        self.loudness.normalize(&self.samples[(begin - self.first) * self.frame..], out);
    }

    /// Frames before `begin` are not asked for any more.
    pub fn forget(&mut self, begin: usize) {
        let gone = begin.saturating_sub(self.first).min(self.levels.len());
        self.samples.drain(..gone * self.frame);
        self.levels.drain(..gone);
        self.first += gone;
    }
}

impl filter::Sound for Sound {
    fn is_loud(&self, frame: usize) -> bool {
        Sound::is_loud(self, frame)
    }

    fn level(&self, frame: usize) -> f32 {
        self.at(frame).map_or(0.0, |(level, _)| *level)
    }
}
