//! Sound for ears, beside a picture.

use super::SAMPLE_RATE;
use super::resample::Resampler;
use crate::Result;

/// 16-bit sound of one or two channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playback {
    /// Samples a second.
    pub rate: u32,
    /// 1 or 2.
    pub channels: u16,
    /// Interleaved; if a sample of the recording is beyond full scale, all are scaled down.
    pub samples: Vec<i16>,
}

impl Playback {
    /// Speech at 16 kHz, mono, at another rate.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) for a rate that the resampler refuses.
    pub fn of_speech(speech: &[f32], rate: u32) -> Result<Self> {
        let mut samples = Vec::new();
        let mut sink = |block: &[f32]| {
            samples.extend_from_slice(block);
            Ok(())
        };
        let mut resampler = Resampler::new(SAMPLE_RATE, rate)?;
        resampler.push(speech, &mut sink)?;
        resampler.finish(&mut sink)?;
        Ok(Self::of_planes(&[samples], rate))
    }

    /// Channels of equal length.
    pub(super) fn of_planes(planes: &[Vec<f32>], rate: u32) -> Self {
        let peak = planes.iter().flatten().fold(1.0f32, |peak, x| peak.max(x.abs()));
        let scale = 32767.0 / peak;
        let frames = planes.iter().map(Vec::len).min().unwrap_or(0);
        let at = |frame: usize| planes.iter().map(move |plane| (plane[frame] * scale).round() as i16);
        Self { rate, channels: planes.len() as u16, samples: (0..frames).flat_map(at).collect() }
    }

    /// Samples of every channel.
    pub fn frames(&self) -> usize {
        self.samples.len() / usize::from(self.channels.max(1))
    }
}
