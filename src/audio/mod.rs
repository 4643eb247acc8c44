//! Recordings in, 16 kHz mono f32 out.
//!
//! [`read_sound`] is all that most callers need. [`Sound`] chooses a channel and tells what was wrong with the
//! recording; [`resample`] serves those who have samples rather than a file.

mod chunks;
#[cfg(feature = "sound")]
mod coded;
mod foreign;
mod format;
mod g711;
mod mix;
#[cfg(feature = "sound")]
mod opus;
mod part;
mod playback;
#[cfg(feature = "sound")]
mod priming;
mod resample;
mod sound;
mod span;
mod wav;

use std::path::Path;

use crate::Result;

pub use foreign::named_kind;
pub use mix::Channel;

pub use playback::Playback;
pub use resample::resample;
pub(crate) use resample::{Resampler, is_usable};
pub use sound::{Heard, Sound};

/// Samples a second of everything that the network hears.
pub const SAMPLE_RATE: u32 = 16_000;

/// The lowest rate that is accepted: below it there is no speech left to hear.
pub const LOWEST_RATE: u32 = 4_000;

/// The highest rate that is accepted: the highest that sound hardware offers.
pub const HIGHEST_RATE: u32 = 192_000;

/// The most channels that are mixed down: more is a damaged header rather than a recording.
pub const MOST_CHANNELS: u16 = 64;

/// The largest sample that is accepted, where 1 is full scale.
///
/// Float files may go beyond full scale, and some hold unscaled integers (up to 2^31). Past this limit
/// squares and sums would leave the range of f32.
pub const LARGEST_SAMPLE: f32 = 1e12;

/// Reads a recording as 16 kHz mono, f32, full scale = 1: all of it, or `duration` seconds from `offset` on.
///
/// Integers of `b` bits are divided by `2^(b - 1)`, channels are mixed down by their mean ([`Sound::read`] has the
/// exception), and any other rate is resampled. A 16 kHz mono WAV passes bit for bit. A duration that reaches past
/// the end stops at the end. [`Sound::FORMATS`] names the formats.
///
/// # Errors
///
/// [`Error::BadInput`](crate::Error::BadInput) for a file that is missing, empty, in another format or codec,
/// without samples, or with samples that are not finite; and for an offset or a duration that is not in it.
///
/// ```no_run
/// let samples = deeptalk_rt::audio::read_sound("speech.wav", 0.0, None)?;
/// println!("{} s", samples.len() as f64 / f64::from(deeptalk_rt::audio::SAMPLE_RATE));
/// # Ok::<(), deeptalk_rt::Error>(())
/// ```
pub fn read_sound(path: impl AsRef<Path>, offset: f64, duration: Option<f64>) -> Result<Vec<f32>> {
    Ok(Sound::open(path)?.read(offset, duration)?.samples)
}
