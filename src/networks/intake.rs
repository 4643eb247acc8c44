//! The sound of a stream on its way to a network, and the loop that runs the hops.
//!
//! Sound is taken in by units of equal length, and a hop runs at the very unit at which it becomes due, so
//! nothing depends on how the sound was cut.

use super::Watch;
use super::loudness::Loudness;
use super::sound::Sound;
use crate::audio::{LARGEST_SAMPLE, Resampler, SAMPLE_RATE, is_usable};
use crate::{Error, Result};

/// Pushed sound, resampled to 16 kHz and heard unit by unit.
pub(super) struct Intake {
    /// The units that were heard and are still kept.
    pub sound: Sound,
    rate: u32,
    /// Samples of a unit.
    unit: usize,
    /// None once the sound has ended.
    resampler: Option<Resampler>,
    /// 16 kHz samples, of which the first `taken` are heard.
    pending: Vec<f32>,
    taken: usize,
    /// All 16 kHz samples since the beginning.
    samples: usize,
}

impl Intake {
    /// Sound at `rate` samples a second, in units of `unit` samples at 16 kHz.
    ///
    /// # Errors
    /// As [`Resampler::new`].
    pub fn new(rate: u32, unit: usize, loudness: Loudness) -> Result<Self> {
        let sound = Sound::new(unit, loudness);
        let resampler = Some(Resampler::new(rate, SAMPLE_RATE)?);
        Ok(Self { sound, rate, unit, resampler, pending: Vec::new(), taken: 0, samples: 0 })
    }

    fn check(&self, samples: &[f32]) -> Result<()> {
        if let Some(index) = samples.iter().position(|sample| !is_usable(*sample)) {
            return Err(Error::Usage(format!(
                "sample {index} of this piece is {}: expected a finite number of at most {LARGEST_SAMPLE:e}; nothing of the piece was \
                 taken, push it again without that sample",
                samples[index]
            )));
        }
        if self.resampler.is_none() && !samples.is_empty() {
            return Err(Error::Usage(
                "this stream is finished: begin a new one before more sound is pushed".into(),
            ));
        }
        Ok(())
    }

    fn add(&mut self, piece: &[f32]) -> Result<()> {
        let Self { resampler: Some(resampler), pending, samples, .. } = self else { return Ok(()) };
        resampler.push(piece, &mut |block| {
            pending.extend_from_slice(block);
            *samples += block.len();
            Ok(())
        })
    }

    /// Ends the sound: the number of 16 kHz samples in all; none if it had ended before.
    fn end(&mut self) -> Result<Option<usize>> {
        let Some(resampler) = self.resampler.take() else { return Ok(None) };
        let Self { pending, samples, .. } = self;
        resampler.finish(&mut |block| {
            pending.extend_from_slice(block);
            *samples += block.len();
            Ok(())
        })?;
        Ok(Some(self.samples))
    }

    /// Hears the next unit; false if there is no whole one. The last one of a stream may be shorter.
    fn hear(&mut self) -> bool {
        let rest = &self.pending[self.taken..];
        let unit = &rest[..rest.len().min(self.unit)];
        if unit.is_empty() || unit.len() < self.unit && self.resampler.is_some() {
            self.pending.drain(..self.taken);
            self.taken = 0;
            return false;
        }
        self.sound.hear(unit);
        self.taken += unit.len();
        true
    }
}

/// A stream that runs its network in hops.
pub(super) trait Hops {
    /// The sound.
    fn intake(&mut self) -> &mut Intake;

    /// True if all sound that the next hop reads is heard.
    fn is_due(&self) -> bool;

    /// Runs the next hop. The state of the stream changes only after the network has run.
    fn hop(&mut self, watch: &Watch<'_, '_>) -> Result<()>;

    /// Takes note of the end of the sound, after this many samples at 16 kHz.
    fn ended(&mut self, samples: usize);

    /// The number of frames that wait to be polled, and the number at which no more sound is taken.
    fn waiting_of_most(&self) -> [usize; 2];

    /// [`NetworkStream::push`](super::NetworkStream::push).
    fn take_in(&mut self, samples: &[f32], watch: &Watch<'_, '_>) -> Result<()> {
        self.intake().check(samples)?;
        let [waiting, most] = self.waiting_of_most();
        if waiting >= most {
            return Err(Error::Usage(format!(
                "{waiting} frames wait to be polled: poll them before more sound is pushed"
            )));
        }
        // A second at a time, so that a long piece needs no memory of its own length.
        let second = self.intake().rate as usize;
        let mut outcome = self.advance(watch);
        for piece in samples.chunks(second) {
            self.intake().add(piece)?;
            // What was taken before an error stays; the rest is kept for the next call.
            if outcome.is_ok() {
                outcome = self.advance(watch);
            }
        }
        outcome
    }

    /// [`NetworkStream::finish`](super::NetworkStream::finish).
    fn end(&mut self, watch: &Watch<'_, '_>) -> Result<()> {
        if let Some(samples) = self.intake().end()? {
            self.ended(samples);
        }
        self.advance(watch)
    }

    /// Hears what is pending, and runs every hop that becomes due.
    fn advance(&mut self, watch: &Watch<'_, '_>) -> Result<()> {
        loop {
            if self.is_due() {
                self.hop(watch)?;
            } else if !self.intake().hear() {
                return Ok(());
            }
        }
    }
}
