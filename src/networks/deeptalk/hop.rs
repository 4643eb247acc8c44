//! One window of a stream: samples that are normalised already, and codes that are given out already.

use super::config::{FRAMES_PER_BOTTOM_CODE, FRAMES_PER_TOP_CODE, SAMPLES_PER_FRAME};
use super::forward::DeepTalk;
use super::predictor::Choice;
use super::recording::draws;
use crate::Result;
use crate::layers::Observer;
use crate::networks::{EmotionVector, Take};
use crate::tensor::{Clips, Ops, noise};

/// What goes into a window.
#[derive(Debug)]
pub struct Hop<'a> {
    /// 16 kHz mono, normalised; whole top codes of 4 frames.
    pub samples: &'a [f32],
    /// The window's first frame in the stream: a multiple of 4.
    pub first_frame: usize,
    /// The top and bottom codes of the window's beginning that are given out already: they stay.
    pub given: [&'a [i32]; 2],
    /// The emotion to speak with, before anything is drawn from it: one, or one for each frame of the window.
    pub emotions: &'a [EmotionVector],
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
        let (rows, width) = (Clips::one(hop.emotions.len()), self.config().emotion_head.width);
        let of = |part: fn(&EmotionVector) -> &Vec<f32>| {
            let values: Vec<f32> = hop.emotions.iter().flat_map(part).copied().collect();
            ops.upload(&rows, width, &values)
        };
        let mu = of(|emotion| &emotion.mu)?;
        let vector = match hop.take.draw.alpha {
            None => mu,
            Some(alpha) => {
                let noise = noise::normal(hop.take.draw.seed, super::STREAM_EMOTION, width);
                let noise = ops.upload(&rows, width, &noise.repeat(rows.rows()))?;
                ops.sample_gaussian(&mu, &of(|emotion| &emotion.logvar)?, &noise, alpha)?
            }
        };
        let [top, bottom] = draws(hop.take, &[hop.first_frame]);
        let frames = hop.samples.len() / SAMPLES_PER_FRAME;
        let given = |book: usize, frames_per_code: usize| {
            let rows = frames / frames_per_code;
            let mut codes: Vec<f32> = hop.given[book].iter().map(|code| *code as f32).collect();
            codes.resize(rows, -1.0);
            ops.upload_f32(&Clips::one(rows), 1, &codes)
        };
        let given = [given(0, FRAMES_PER_TOP_CODE)?, given(1, FRAMES_PER_BOTTOM_CODE)?];
        let choice = Choice { sample: [top.as_ref(), bottom.as_ref()], given: given.each_ref().map(Some) };
        let animated =
            self.animate(&content, &vector, &vec![hop.take.actor; rows.rows()], &choice, observer)?;
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
}
