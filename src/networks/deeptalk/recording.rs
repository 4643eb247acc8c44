//! Recordings of any length, on the host: samples in, [`Animation`] out.

use super::config::{FPS, FRAMES_PER_BOTTOM_CODE, FRAMES_PER_TOP_CODE, SAMPLES_PER_FRAME};
use super::emotion_head::Distribution;
use super::forward::{Analysis, DeepTalk, check_samples};
use super::motion_prior::MotionCodes;
use super::network::of_recording;
use super::padding::wanted_frames;
use super::predictor::Choice;
use super::windows::{Seams, Window, join_codes, packs, windows};
use super::{STREAM_BOTTOM, STREAM_EMOTION, STREAM_TOP, no_emotion};
use crate::animation::{Animation, EmotionTrack, Extras, Mood, Rate};
use crate::layers::Observer;
use crate::networks::{EmotionVector, Progress, Take};
use crate::tensor::{Clips, Ops, Packed, SampleCodes, noise};
use crate::{Error, Result};

impl<B: Ops> DeepTalk<B> {
    /// The emotion of a recording, as far as the network listens (10 s with the published sizes).
    ///
    /// # Errors
    /// Samples that are not finite.
    pub fn emotion_vector(&self, samples: &[f32]) -> Result<EmotionVector> {
        self.emotion_vector_observed(samples, &())
    }

    pub(super) fn emotion_vector_observed(
        &self,
        samples: &[f32],
        observer: &dyn Observer<B>,
    ) -> Result<EmotionVector> {
        check_samples(samples)?;
        self.download_emotion(&self.emotion_of(&[samples], observer)?)
    }

    /// [`takes_observed`](Self::takes_observed) without an observer.
    ///
    /// # Errors
    /// As there.
    pub fn takes(
        &self,
        samples: &[f32],
        takes: &[Take],
        progress: &mut dyn FnMut(Progress) -> Result<()>,
    ) -> Result<Vec<Animation>> {
        self.takes_observed(samples, &takes.iter().collect::<Vec<_>>(), progress, &())
    }

    /// The motions of a recording of 16 kHz mono samples in [-1, 1], one for each take, `ceil(samples / 640)`
    /// frames each.
    ///
    /// Words are heard once for all takes. Recordings of over a minute go through overlapping windows (see
    /// the source of `windows`): memory does not grow with their length, and the emotion follows the window.
    /// `progress` is told after every step; what it or the observer returns as an error ends the work.
    ///
    /// # Errors
    /// No samples, samples that are not finite, an actor or temperatures that make no sense, and whatever
    /// `progress` says.
    pub fn takes_observed(
        &self,
        samples: &[f32],
        takes: &[&Take],
        progress: &mut dyn FnMut(Progress) -> Result<()>,
        observer: &dyn Observer<B>,
    ) -> Result<Vec<Animation>> {
        check_clip(samples)?;
        takes.iter().try_for_each(|take| self.loaded().spec.check_take(take))?;
        let mut state = Progress { done: 0, total: wanted_frames(samples.len()) * takes.len() };
        let mut unfinished: Vec<_> =
            takes.iter().map(|_| Unfinished::new(self.config().parameters())).collect();
        for window in windows(samples.len()) {
            let analysis = self.analyse(&[&samples[window.samples.clone()]], observer)?;
            progress(state)?;
            for (take, unfinished) in takes.iter().zip(&mut unfinished) {
                let before = unfinished.frames();
                self.animate_windows(&[&window], &analysis, take, &mut [unfinished], observer)?;
                state.done += unfinished.frames() - before;
                progress(state)?;
            }
        }
        Ok(unfinished.into_iter().map(|unfinished| unfinished.finish(self)).collect())
    }

    /// The motions of many recordings, one for each: short ones go through the network together, up to a
    /// minute of sound at a time. Each is what [`takes`](Self::takes) makes of it alone, up to rounding.
    ///
    /// # Errors
    /// As [`takes`](Self::takes); a complaint about a recording says which.
    pub fn batch_observed(
        &self,
        recordings: &[&[f32]],
        take: &Take,
        progress: &mut dyn FnMut(Progress) -> Result<()>,
        observer: &dyn Observer<B>,
    ) -> Result<Vec<Animation>> {
        self.loaded().spec.check_take(take)?;
        for (index, samples) in recordings.iter().enumerate() {
            check_clip(samples).map_err(of_recording(index))?;
        }
        let mut state = Progress { done: 0, total: recordings.iter().map(|r| wanted_frames(r.len())).sum() };
        let mut unfinished: Vec<_> =
            recordings.iter().map(|_| Unfinished::new(self.config().parameters())).collect();
        for pack in packs(recordings) {
            let clips: Vec<&[f32]> =
                pack.iter().map(|(owner, window)| &recordings[*owner][window.samples.clone()]).collect();
            let analysis = self.analyse(&clips, observer)?;
            progress(state)?;
            // A pack has one window of a recording at most.
            let mut of_pack: Vec<_> = unfinished
                .iter_mut()
                .enumerate()
                .filter_map(|(owner, one)| pack.iter().any(|(other, _)| *other == owner).then_some(one))
                .collect();
            let before: usize = of_pack.iter().map(|one| one.frames()).sum();
            let windows: Vec<&Window> = pack.iter().map(|(_, window)| window).collect();
            self.animate_windows(&windows, &analysis, take, &mut of_pack, observer)?;
            state.done += of_pack.iter().map(|one| one.frames()).sum::<usize>() - before;
            progress(state)?;
        }
        Ok(unfinished.into_iter().map(|unfinished| unfinished.finish(self)).collect())
    }

    /// A window each of several recordings, in their order.
    fn animate_windows(
        &self,
        windows: &[&Window],
        analysis: &Analysis<B::Tensor>,
        take: &Take,
        unfinished: &mut [&mut Unfinished],
        observer: &dyn Observer<B>,
    ) -> Result<()> {
        let ops = self.ops();
        let made;
        let emotion = match take.emotion.whole_mood() {
            Some(Mood::Heard) => &analysis.emotion,
            Some(Mood::Lent { emotion, share }) => {
                made = self.blend(&analysis.emotion, emotion, *share, windows.len())?;
                &made
            }
            None => {
                made = self.follow(&take.emotion, windows, analysis)?;
                &made
            }
        };
        let drawn;
        let vector = match take.draw.alpha {
            None => &emotion.mu,
            Some(alpha) => {
                let width = self.config().emotion_head.width;
                let noise = noise::normal(take.draw.seed, STREAM_EMOTION, width);
                let rows = emotion.mu.clips();
                let noise = ops.upload(rows, width, &noise.repeat(rows.rows()))?;
                drawn = ops.sample_gaussian(&emotion.mu, &emotion.logvar, &noise, alpha)?;
                &drawn
            }
        };
        let first_frames: Vec<usize> = windows.iter().map(|window| window.first_frame).collect();
        let [top, bottom] = draws(take, &first_frames);
        let actors = vec![take.actor; emotion.mu.clips().rows()];
        let choice = Choice { sample: [top.as_ref(), bottom.as_ref()], ..Choice::default() };
        let animated = self.animate(&analysis.content, vector, &actors, &choice, observer)?;

        let parameters = self.config().parameters();
        let motion = ops.download(&animated.motion)?;
        let MotionCodes { top, bottom } = animated.codes;
        let (codes_t, codes_b) = (ops.download_codes(&top)?, ops.download_codes(&bottom)?);
        let EmotionVector { mu, logvar } = self.download_emotion(emotion)?;
        let width = self.config().emotion_head.width;
        for (clip, (window, unfinished)) in windows.iter().zip(unfinished).enumerate() {
            let begin = animated.motion.clips().range(clip).start * parameters;
            let frames = window.samples.len().div_ceil(SAMPLES_PER_FRAME);
            unfinished.motion.add(window.first_frame, &motion[begin..begin + frames * parameters]);
            let codes = [
                (&mut unfinished.codes_t, &codes_t[top.clips().range(clip)], FRAMES_PER_TOP_CODE),
                (&mut unfinished.codes_b, &codes_b[bottom.clips().range(clip)], FRAMES_PER_BOTTOM_CODE),
            ];
            for (all, codes, frames_per_code) in codes {
                join_codes(all, window.first_frame / frames_per_code, codes);
            }
            let rows = emotion.mu.clips().range(clip);
            let rows = match take.emotion.is_constant() {
                true => rows,
                false => {
                    // A row for each frame; those that windows share are the newer window's.
                    unfinished.emotion_mu.truncate(window.first_frame * width);
                    unfinished.emotion_logvar.truncate(window.first_frame * width);
                    rows.start..rows.start + frames
                }
            };
            let rows = rows.start * width..rows.end * width;
            unfinished.emotion_mu.extend(&mu[rows.clone()]);
            unfinished.emotion_logvar.extend(&logvar[rows]);
        }
        Ok(())
    }

    /// The same row for every clip.
    fn upload_row(&self, row: &[f32], clips: usize) -> Result<B::Tensor> {
        self.ops().upload(&Clips::from_lengths(vec![1; clips]), row.len(), &row.repeat(clips))
    }

    /// `share` of the way from one emotion to another: means on the sphere, log variances straight.
    fn blend(
        &self,
        own: &Distribution<B::Tensor>,
        other: &EmotionVector,
        share: f32,
        clips: usize,
    ) -> Result<Distribution<B::Tensor>> {
        let ops = self.ops();
        let (mu, logvar) = (self.upload_row(&other.mu, clips)?, self.upload_row(&other.logvar, clips)?);
        Ok(Distribution {
            mu: ops.slerp(&own.mu, &mu, share)?,
            logvar: ops.lerp(&own.logvar, &logvar, share)?,
        })
    }

    /// The emotions of a track: a row for each window if it is constant, else a row for each frame of the
    /// content.
    fn follow(
        &self,
        track: &EmotionTrack,
        windows: &[&Window],
        analysis: &Analysis<B::Tensor>,
    ) -> Result<Distribution<B::Tensor>> {
        let width = self.config().emotion_head.width;
        let heard = track.needs_heard().then(|| self.download_emotion(&analysis.emotion)).transpose()?;
        let content = analysis.content.clips();
        let (mut mu, mut logvar, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for (clip, window) in windows.iter().enumerate() {
            let row = clip * width..(clip + 1) * width;
            let heard = heard.as_ref().map(|all| EmotionVector {
                mu: all.mu[row.clone()].to_vec(),
                logvar: all.logvar[row].to_vec(),
            });
            let count = if track.is_constant() { 1 } else { content.range(clip).len() };
            for frame in window.first_frame..window.first_frame + count {
                let emotion = track.at(frame as f64 / FPS as f64, heard.as_ref()).ok_or_else(no_emotion)?;
                mu.extend(emotion.mu);
                logvar.extend(emotion.logvar);
            }
            counts.push(count);
        }
        let rows = Clips::from_lengths(counts);
        Ok(Distribution {
            mu: self.ops().upload(&rows, width, &mu)?,
            logvar: self.ops().upload(&rows, width, &logvar)?,
        })
    }

    pub(super) fn download_emotion(&self, emotion: &Distribution<B::Tensor>) -> Result<EmotionVector> {
        Ok(EmotionVector {
            mu: self.ops().download(&emotion.mu)?,
            logvar: self.ops().download(&emotion.logvar)?,
        })
    }
}

fn check_clip(samples: &[f32]) -> Result<()> {
    check_samples(samples)?;
    match samples.is_empty() {
        true => Err(Error::Usage("there are no samples to animate: at least one is needed".into())),
        false => Ok(()),
    }
}

/// The draws of the top and the bottom codes, for clips that begin at these frames of their recordings.
pub(super) fn draws(take: &Take, first_frames: &[usize]) -> [Option<SampleCodes>; 2] {
    let books = [(STREAM_TOP, FRAMES_PER_TOP_CODE), (STREAM_BOTTOM, FRAMES_PER_BOTTOM_CODE)];
    std::array::from_fn(|book| {
        let (stream, frames_per_code) = books[book];
        let temperature = take.draw.temperature[book];
        (temperature > 0.0).then(|| SampleCodes {
            temperature,
            seeds: vec![take.draw.seed; first_frames.len()],
            stream,
            first_rows: first_frames.iter().map(|frame| frame / frames_per_code).collect(),
        })
    })
}

/// A take while its windows come in.
struct Unfinished {
    motion: Seams,
    codes_t: Vec<i32>,
    codes_b: Vec<i32>,
    emotion_mu: Vec<f32>,
    emotion_logvar: Vec<f32>,
}

impl Unfinished {
    fn new(parameters: usize) -> Self {
        Self {
            motion: Seams::new(parameters),
            codes_t: Vec::new(),
            codes_b: Vec::new(),
            emotion_mu: Vec::new(),
            emotion_logvar: Vec::new(),
        }
    }

    fn frames(&self) -> usize {
        self.motion.frames()
    }

    fn finish<B: Ops>(self, model: &DeepTalk<B>) -> Animation {
        let names = model.config().parameter_names();
        let width = model.config().emotion_head.width;
        let rows = [self.emotion_mu.len() / width.max(1), width];
        // Top codes are one for four frames, bottom codes one for two; the emotion has a row for each window,
        // or for each frame if it follows a track.
        let extras = Extras::new()
            .with("codes_t", [self.codes_t.len()], self.codes_t)
            .with("codes_b", [self.codes_b.len()], self.codes_b)
            .with("emotion.mu", rows, self.emotion_mu)
            .with("emotion.logvar", rows, self.emotion_logvar);
        Animation::from_parameters(Rate::whole(FPS as u32), names, self.motion.finish()).with_extras(extras)
    }
}
