//! A part of a recording, what is read of it, and what one pass over it gives.

use std::path::Path;

use super::mix::Channel;
use super::resample::resampled_length;
#[cfg(feature = "sound")]
use super::{HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS, foreign};
use crate::{Error, Result};

/// The part of a recording that is read, and the channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub offset: f64,
    pub duration: Option<f64>,
    pub channel: Channel,
}

/// Samples and warnings of one pass over a recording.
#[derive(Debug, Default)]
pub(super) struct Pass {
    pub samples: Vec<f32>,
    pub warnings: Vec<String>,
    /// The loudest channel, if the mean of the channels is far quieter than they are.
    pub loudest_of_opposed: Option<u16>,
}

/// Room for the samples at the rate `to` of `frames` frames at `rate`.
///
/// # Errors
/// [`Error::BadInput`] if they do not fit into memory.
pub(super) fn room(path: &Path, frames: u64, rate: u32, to: u32) -> Result<Vec<f32>> {
    let samples = resampled_length(frames, rate, to);
    let mut room = Vec::new();
    match usize::try_from(samples).ok().and_then(|samples| room.try_reserve_exact(samples).ok()) {
        Some(()) => Ok(room),
        None => Err(Error::bad_input(
            path,
            "the sound does not fit into memory",
            "room for it",
            format!("{} bytes at {to} samples a second", samples.saturating_mul(4)),
            "read it in parts, by an offset and a duration",
        )),
    }
}

/// Samples a second and channels of decoded sound.
#[cfg(feature = "sound")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub rate: u32,
    pub channels: u16,
}

#[cfg(feature = "sound")]
impl Form {
    /// Refuses what no recording has.
    pub fn check(self, path: &Path) -> Result<Self> {
        let bad = |what, expected: String, found: String| {
            Err(Error::bad_input(path, what, expected, found, foreign::convert_first(path)))
        };
        if !(LOWEST_RATE..=HIGHEST_RATE).contains(&self.rate) {
            let expected = format!("{LOWEST_RATE} to {HIGHEST_RATE} samples a second");
            return bad("the sample rate is out of range", expected, self.rate.to_string());
        }
        if !(1..=MOST_CHANNELS).contains(&self.channels) {
            let expected = format!("1 to {MOST_CHANNELS}");
            return bad("the number of channels makes no sense", expected, self.channels.to_string());
        }
        Ok(self)
    }
}
