//! The part of a recording that is wanted.

use std::path::Path;

use crate::{Error, Result};

/// An offset and a length in frames (one sample of every channel).
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    start: u64,
    /// None: all the rest.
    frames: Option<u64>,
    offset: f64,
    rate: u32,
}

impl Span {
    /// # Errors
    /// [`Error::BadInput`] for times that make no sense.
    pub fn new(path: &Path, offset: f64, duration: Option<f64>, rate: u32) -> Result<Self> {
        let bad = |what, expected: &str, found: f64, next| {
            Err(Error::bad_input(path, what, expected, format!("{found:?} s"), next))
        };
        if !(offset >= 0.0 && offset.is_finite()) {
            return bad("the offset makes no sense", "0 s or more", offset, "give another offset");
        }
        if let Some(duration) = duration
            && !(duration > 0.0 && duration.is_finite())
        {
            return bad("the duration makes no sense", "more than 0 s", duration, "give another duration");
        }
        let frames_of = |seconds: f64| (seconds * f64::from(rate)).round() as u64;
        let frames = duration.map(|duration| frames_of(duration).max(1));
        Ok(Self { start: frames_of(offset), frames, offset, rate })
    }

    /// The first frame and the number of frames of a recording of `frames` frames: at least one.
    ///
    /// # Errors
    /// [`Error::BadInput`] for an offset past the end.
    pub fn within(&self, path: &Path, frames: u64) -> Result<(u64, u64)> {
        if self.start >= frames {
            return Err(self.past_the_end(path, frames));
        }
        let rest = frames - self.start;
        Ok((self.start, self.frames.map_or(rest, |frames| frames.min(rest))))
    }

    /// The complaint about an offset that is not in a recording of `frames` frames.
    pub fn past_the_end(&self, path: &Path, frames: u64) -> Error {
        let seconds = frames as f64 / f64::from(self.rate);
        let expected = format!("an offset below {seconds:?} s");
        let found = format!("{:?} s", self.offset);
        Error::bad_input(path, "the offset is past the end", expected, found, "give a smaller offset")
    }

    /// The frames from `first` on, of which there are `count`, that are in the span: (to skip, to take).
    #[cfg(feature = "sound")]
    pub fn overlap(&self, first: u64, count: u64) -> (u64, u64) {
        let begin = self.start.max(first);
        let end = self.end().min(first + count);
        (begin.min(first + count) - first, end.saturating_sub(begin))
    }

    /// The frame behind the last one that is wanted.
    #[cfg(feature = "sound")]
    pub fn end(&self) -> u64 {
        self.frames.map_or(u64::MAX, |frames| self.start.saturating_add(frames))
    }
}
