//! One window of a stream: samples that are normalised already, and codes that are given out already.

use super::deeptalk::DeepTalk;
use super::emotion_vector::EmotionVector;
use super::recording::{Take, draws};
use super::stages::{Observer, Part};
use crate::Result;
use crate::tensor::{Clips, Ops, Packed, noise};

/// What goes into a window.
#[derive(Debug)]
pub struct Hop<'a> {
    /// 16 kHz mono, normalised; whole top codes of 4 frames.
    pub samples: &'a [f32],
    /// The window's first frame in the stream: a multiple of 4.
    pub first_frame: usize,
    /// The top and bottom codes of the window's beginning that are given out already: they stay.
    pub given: [&'a [i32]; 2],
    /// The emotion to speak with, before anything is drawn from it.
    pub emotion: &'a EmotionVector,
    /// Actor and draws; its emotion is not looked at.
    pub take: &'a Take,
}

/// What comes out of a window.
#[derive(Debug)]
pub struct Hopped {
    /// (frames, parameters).
    pub motion: Vec<f32>,
    /// Top and bottom codes, those that were given in front.
    pub codes: [Vec<i32>; 2],
}

impl<B: Ops> DeepTalk<B> {
    /// One window of a stream.
    ///
    /// # Errors
    /// Whatever the device or the observer says.
    pub fn hop(&self, hop: &Hop<'_>, observer: &dyn Observer<B>) -> Result<Hopped> {
        let ops = self.ops();
        let content = self.content_of_normalized(hop.samples, observer)?;
        let vector = match hop.take.draw.alpha {
            None => self.upload_vector(&hop.emotion.mu)?,
            Some(alpha) => {
                let noise = noise::normal(hop.take.draw.seed, noise::STREAM_EMOTION, hop.emotion.mu.len());
                let [mu, logvar] = [&hop.emotion.mu, &hop.emotion.logvar].map(|row| self.upload_vector(row));
                ops.sample_gaussian(&mu?, &logvar?, &self.upload_vector(&noise)?, alpha)?
            }
        };
        let [top, bottom] = draws(hop.take, &[hop.first_frame]);
        let sample = [top.as_ref(), bottom.as_ref()];
        let keeping = Keeping { ops, given: hop.given, observer };
        let animated = self.animate(&content, &vector, &[hop.take.actor], sample, &keeping)?;
        let codes = [ops.download_codes(&animated.codes.top)?, ops.download_codes(&animated.codes.bottom)?];
        Ok(Hopped { motion: ops.download(&animated.motion)?, codes })
    }

    /// The emotion of samples that are normalised already, at least a frame of them.
    ///
    /// # Errors
    /// Whatever the device or the observer says.
    pub fn emotion_vector_of_normalized(
        &self,
        samples: &[f32],
        observer: &dyn Observer<B>,
    ) -> Result<EmotionVector> {
        self.download_emotion(&self.emotion_of_normalized(samples, observer)?)
    }

    fn upload_vector(&self, row: &[f32]) -> Result<B::Tensor> {
        self.ops().upload(&Clips::one(1), row.len(), row)
    }
}

/// Puts the codes that are given out in place of newly chosen ones, before anything follows from these.
struct Keeping<'a, B: Ops> {
    ops: &'a B,
    given: [&'a [i32]; 2],
    observer: &'a dyn Observer<B>,
}

impl<B: Ops> Observer<B> for Keeping<'_, B> {
    fn stage(&self, name: &'static str, x: &B::Tensor) -> Result<()> {
        self.observer.stage(name, x)
    }

    fn codes(&self, name: &'static str, codes: B::Codes) -> Result<B::Codes> {
        let given = if name == "codes_t" { self.given[0] } else { self.given[1] };
        if given.is_empty() {
            return Ok(codes);
        }
        let mut all = self.ops.download_codes(&codes)?;
        all[..given.len()].copy_from_slice(given);
        self.ops.upload_codes(codes.clips(), &all)
    }

    fn took(&self, part: Part, time: std::time::Duration) {
        self.observer.took(part, time);
    }

    /// A recording knows nothing of the codes that are given.
    fn looks(&self) -> bool {
        true
    }
}
