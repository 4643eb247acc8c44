//! Poses that are held, as in drawn animation.

use super::{Filter, Sound};

/// Shows every `frames`-th row for so many frames ("on twos" with 2). Latency: 0 frames are held back; a row
/// is shown up to `frames - 1` frames long after its time.
#[derive(Debug, Clone)]
pub struct Hold {
    frames: usize,
    shown: Vec<f32>,
}

impl Hold {
    /// Each pose for `frames` frames, at least 1.
    pub fn new(frames: usize) -> Self {
        Self { frames: frames.max(1), shown: Vec::new() }
    }
}

impl Filter for Hold {
    fn push(&mut self, frame: usize, _: &dyn Sound, row: &mut [f32]) -> bool {
        if frame.is_multiple_of(self.frames) {
            self.shown = row.to_vec();
        }
        row.copy_from_slice(&self.shown);
        true
    }
}
