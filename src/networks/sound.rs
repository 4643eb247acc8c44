//! The last seconds of a stream of sound, in whole frames.

use super::loudness::Loudness;

#[derive(Debug)]
pub(super) struct Sound {
    /// The number of the oldest frame that is kept.
    first: usize,
    /// Samples of a frame.
    frame: usize,
    samples: Vec<f32>,
    /// Whether each kept frame is louder than the floor.
    loud: Vec<bool>,
    loudness: Loudness,
}

impl Sound {
    /// Frames of so many samples.
    pub fn new(frame: usize, loudness: Loudness) -> Self {
        Self { first: 0, frame, samples: Vec::new(), loud: Vec::new(), loudness }
    }

    /// The next frame: its samples, fewer than a frame's only at the stream's end, where silence fills it up.
    pub fn hear(&mut self, frame: &[f32]) {
        self.loud.push(self.loudness.hear(frame));
        self.samples.extend_from_slice(frame);
        self.samples.resize(self.loud.len() * self.frame, 0.0);
    }

    /// Frames heard since the beginning.
    pub fn heard(&self) -> usize {
        self.first + self.loud.len()
    }

    pub fn is_loud(&self, frame: usize) -> bool {
        frame.checked_sub(self.first).and_then(|index| self.loud.get(index)).is_some_and(|loud| *loud)
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
        let gone = begin.saturating_sub(self.first).min(self.loud.len());
        self.samples.drain(..gone * self.frame);
        self.loud.drain(..gone);
        self.first += gone;
    }
}
