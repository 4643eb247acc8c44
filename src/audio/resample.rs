//! Any rate to 16 kHz, by the FFT resampler of the `rubato` crate.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

use super::{HIGHEST_RATE, LARGEST_SAMPLE, LOWEST_RATE, SAMPLE_RATE};
use crate::{Error, Result};

/// The least length of the anti-aliasing filter, in samples of the lower rate: long enough to leave speech up
/// to 0.9 of that rate's half alone, short enough not to smear a plosive by more than 16 ms either way.
const FILTER_SAMPLES: u32 = 512;

/// Resamples a mono clip to 16 kHz: `round(samples * 16000 / from_rate)` samples, at least 1 for any clip
/// that is not empty. Nothing is delayed: what was at `t` seconds stays at `t`. A clip at 16 kHz comes back
/// as it is.
///
/// Tones up to 0.9 of half the lower rate pass, those above the half are stopped, each to 1e-5 of full scale.
///
/// # Errors
///
/// [`Error::Usage`] for a rate outside [`LOWEST_RATE`] to [`HIGHEST_RATE`] and for samples that are not
/// finite or beyond [`LARGEST_SAMPLE`].
pub fn resample(samples: &[f32], from_rate: u32) -> Result<Vec<f32>> {
    if !(LOWEST_RATE..=HIGHEST_RATE).contains(&from_rate) {
        return Err(Error::Usage(format!(
            "cannot resample from {from_rate} samples a second: give a rate from {LOWEST_RATE} to {HIGHEST_RATE}"
        )));
    }
    if let Some(index) = samples.iter().position(|&sample| !is_usable(sample)) {
        let value = samples[index];
        return Err(Error::Usage(format!(
            "cannot resample: sample {index} is {value}: give finite samples, 1 being full scale"
        )));
    }
    let mut result =
        Vec::with_capacity(resampled_length(samples.len() as u64, from_rate, SAMPLE_RATE) as usize);
    let mut sink = |block: &[f32]| {
        result.extend_from_slice(block);
        Ok(())
    };
    let mut resampler = Resampler::new(from_rate, SAMPLE_RATE)?;
    resampler.push(samples, &mut sink)?;
    resampler.finish(&mut sink)?;
    Ok(result)
}

/// Whether a sample can be worked with.
pub(crate) fn is_usable(sample: f32) -> bool {
    sample.is_finite() && sample.abs() <= LARGEST_SAMPLE
}

/// `round(samples * to / from)`, but never nothing from something.
pub(super) fn resampled_length(samples: u64, from: u32, to: u32) -> u64 {
    let from = u128::from(from);
    let rounded = (u128::from(samples) * u128::from(to) + from / 2) / from;
    u64::try_from(rounded).unwrap_or(u64::MAX).max(u64::from(samples > 0))
}

/// A stream on its way to another rate. The result does not depend on how the stream is cut into pushes.
pub(crate) struct Resampler {
    from: u32,
    to: u32,
    /// `None` if the rates are equal, where samples pass untouched.
    fft: Option<Fft<f32>>,
    /// Samples that do not fill a block of the transform yet.
    pending: Vec<f32>,
    /// One block of the result.
    output: Vec<f32>,
    /// Samples of the result still to be dropped: the filter's delay.
    to_drop: usize,
    received: u64,
    emitted: u64,
}

impl Resampler {
    /// A resampler between rates within the limits.
    pub fn new(from: u32, to: u32) -> Result<Self> {
        let fft = (from != to).then(|| build(from, to)).transpose()?;
        let (to_drop, output) = match &fft {
            Some(fft) => (fft.output_delay(), vec![0.0; fft.fft_size_out()]),
            None => (0, Vec::new()),
        };
        Ok(Self { from, to, fft, pending: Vec::new(), output, to_drop, received: 0, emitted: 0 })
    }

    /// Takes samples in, and hands out what is ready.
    pub fn push(&mut self, samples: &[f32], sink: &mut impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
        self.received += samples.len() as u64;
        let Some(fft) = &self.fft else {
            self.emitted += samples.len() as u64;
            return sink(samples);
        };
        let block = fft.fft_size_in();
        let mut rest = samples;
        while self.pending.len() + rest.len() >= block {
            let (now, later) = rest.split_at(block - self.pending.len());
            self.pending.extend_from_slice(now);
            rest = later;
            self.process_pending(u64::MAX, sink)?;
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// Hands out the rest: the clip is followed by silence until its last sample has passed the filter.
    pub fn finish(mut self, sink: &mut impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let wanted = resampled_length(self.received, self.from, self.to);
        while self.emitted < wanted {
            self.process_pending(wanted - self.emitted, sink)?;
        }
        Ok(())
    }

    /// Sends the pending samples, padded to a block, through the transform; hands out `most` samples at most.
    fn process_pending(&mut self, most: u64, sink: &mut impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let Some(fft) = &mut self.fft else { return Ok(()) };
        self.pending.resize(fft.fft_size_in(), 0.0);
        let frames = self.output.len();
        let input = SequentialSlice::new(&self.pending, 1, self.pending.len()).map_err(refused)?;
        let mut output = SequentialSlice::new_mut(&mut self.output, 1, frames).map_err(refused)?;
        fft.process_into_buffer(&input, &mut output, None).map_err(refused)?;
        self.pending.clear();
        let dropped = self.to_drop.min(frames);
        self.to_drop -= dropped;
        let ready = &self.output[dropped..];
        let ready = &ready[..usize::try_from(most).map_or(ready.len(), |most| most.min(ready.len()))];
        self.emitted += ready.len() as u64;
        if ready.is_empty() { Ok(()) } else { sink(ready) }
    }
}

/// The transform's blocks are multiples of the two rates over their common divisor. The number of multiples
/// is even, so that half a block, the filter's delay, is a whole number of samples at both rates.
fn build(from: u32, to: u32) -> Result<Fft<f32>> {
    let divisor = common_divisor(from, to);
    let (least_in, least_out) = (from / divisor, to / divisor);
    let multiples = FILTER_SAMPLES.div_ceil(least_in.min(least_out)).next_multiple_of(2);
    let block = (multiples * least_in) as usize;
    let window = WindowFunction::BlackmanHarris2;
    Fft::new_custom(from as usize, to as usize, block, 1, 1, window, FixedSync::Both).map_err(refused)
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::Usage(format!("the resampler refused the samples: {error}"))
}
