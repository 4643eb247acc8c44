//! A stream: sound in pieces of any size, frames as soon as they can be known.
//!
//! Sound is taken in by whole frames of 640 samples, and a hop runs at the very frame at which it becomes due, however that frame
//! arrived: so nothing depends on how the sound was cut. Hop k gives out frames `k hop .. (k + 1) hop` once `look_ahead` more frames
//! are there. Its window reaches back by `context`, to a whole top code. Codes that were given out are put in place of newly chosen ones
//! ([`Hop::given`]): every frame is decoded from the codes that were given out before it.
//!
//! The emotion is estimated by the first hop and then every `emotion_every`, from the last `emotion_context`, if [`ENOUGH`] frames of sound are
//! in it: in silence the emotion stays. If the first hop did not hear enough, its estimate counts until one that did, which is taken as
//! it is; from then on the emotion moves to the newest estimate, along the sphere.

mod plan;

use std::sync::Arc;

use self::plan::Plan;
use super::config::{FPS, FRAMES_PER_BOTTOM_CODE, FRAMES_PER_TOP_CODE, SAMPLES_PER_FRAME};
use super::{DeepTalkNetwork, Hop};
use crate::animation::filter::{Filter as _, Rest};
use crate::audio::{LARGEST_SAMPLE, Resampler, is_usable};
use crate::networks::loudness::Loudness;
use crate::networks::sound::Sound;
use crate::networks::{EmotionVector, Frames, NetworkStream, Progress, StreamOptions, Take, Watch};
use crate::tensor::{Engine, Ops};
use crate::{Error, Result};

/// Frames of sound that an emotion can be told from: 0.4 s.
const ENOUGH: usize = 10;
/// While so many frames wait to be polled, nothing more is taken: ten minutes.
const MOST_WAITING: usize = 600 * FPS;
/// The stages of both books.
const BOOKS: [&str; 2] = ["codes_t", "codes_b"];
const FRAMES_PER_CODE: [usize; 2] = [FRAMES_PER_TOP_CODE, FRAMES_PER_BOTTOM_CODE];

pub(super) struct Stream<E: Engine> {
    network: Arc<DeepTalkNetwork<E>>,
    take: Take,
    plan: Plan,
    rate: u32,
    parameters: usize,
    resampler: Option<Resampler>,
    /// 16 kHz samples that are not heard yet: less than a frame, unless a call was stopped.
    pending: Vec<f32>,
    sound: Sound,
    rest: Rest,
    /// Frames that are given out.
    given: usize,
    /// Their codes, as far back as a window may ask: the index of the first that is kept, and they.
    codes: [(usize, Vec<i32>); 2],
    emotion: Option<Emotion>,
    /// Set by [`finish`](Stream::finish): the frames that there will be.
    end: Option<usize>,
    waiting: Frames,
    /// A window's samples, normalised; kept for its memory.
    window: Vec<f32>,
}

/// What the stream feels.
#[derive(Debug, Clone)]
struct Emotion {
    now: EmotionVector,
    newest: EmotionVector,
    /// Frames heard when the newest estimate was made.
    at: usize,
    /// Whether an estimate heard enough.
    sure: bool,
}

impl<E: Engine<Context: Ops>> Stream<E> {
    pub fn new(network: Arc<DeepTalkNetwork<E>>, options: &StreamOptions) -> Result<Self> {
        let plan = Plan::of(options)?;
        network.loaded().spec.check_take(&options.take)?;
        let resampler = Some(Resampler::new(options.rate)?);
        let parameters = network.loaded().config.parameters();
        Ok(Self {
            network,
            take: options.take.clone(),
            rate: options.rate,
            parameters,
            resampler,
            pending: Vec::new(),
            sound: Sound::new(SAMPLES_PER_FRAME, Loudness::new(options.floor, options.forget, FPS as f64)),
            rest: Rest::new(plan.rest_after, plan.look_ahead),
            plan,
            given: 0,
            codes: Default::default(),
            emotion: None,
            end: None,
            waiting: Frames { parameters, ..Frames::default() },
            window: Vec::new(),
        })
    }

    /// Hears what is pending, and runs every hop at its frame.
    fn advance(&mut self, watch: &Watch<'_, '_>) -> Result<()> {
        let mut heard = 0;
        let outcome = loop {
            if self.is_due() {
                if let Err(error) = self.hop(watch) {
                    break Err(error);
                }
                continue;
            }
            let rest = &self.pending[heard..];
            let frame = &rest[..rest.len().min(SAMPLES_PER_FRAME)];
            let whole = frame.len() == SAMPLES_PER_FRAME || self.end.is_some();
            if frame.is_empty() || !whole {
                break Ok(());
            }
            self.sound.hear(frame);
            heard += frame.len();
        };
        self.pending.drain(..heard);
        outcome
    }

    /// Whether everything that the next hop hears is there.
    fn is_due(&self) -> bool {
        let wanted = self.given + self.plan.hop + self.plan.look_ahead;
        match self.end {
            Some(end) => self.given < end && self.sound.heard() >= wanted.min(end),
            None => self.sound.heard() >= wanted,
        }
    }

    /// Nothing of the stream's state changes before the network has run.
    fn hop(&mut self, watch: &Watch<'_, '_>) -> Result<()> {
        let heard = self.sound.heard();
        // The last window shows everything that is left.
        let is_last = heard < self.given + self.plan.hop + self.plan.look_ahead;
        let count = if is_last { heard - self.given } else { self.plan.hop };
        let to = self.given + count;
        watch.advance(Progress { done: self.given, total: to })?;

        let emotion = self.feel(heard, watch)?;
        let spoken = emotion.as_ref().map(|emotion| &emotion.now);
        let spoken = match (&self.take.emotion, spoken) {
            (None, Some(own)) => own.clone(),
            (Some((lent, share)), Some(own)) => own.blend(lent, *share)?,
            (Some((lent, _)), None) => lent.clone(),
            (None, None) => unreachable!("without a lent emotion there is an estimate"),
        };
        let first_frame = self.window_begin(self.given);
        self.sound.normalized(first_frame, &mut self.window);
        // As a recording is padded: to whole top codes, and at the end by a frame at least.
        let frames = heard - first_frame + usize::from(is_last);
        self.window.resize(frames.next_multiple_of(FRAMES_PER_TOP_CODE) * SAMPLES_PER_FRAME, 0.0);
        let given = std::array::from_fn(|book| {
            let (first, codes) = &self.codes[book];
            &codes[first_frame / FRAMES_PER_CODE[book] - first..]
        });
        let hop = Hop { samples: &self.window, first_frame, given, emotion: &spoken, take: &self.take };
        let hopped = self.network.lease()?.hop(&hop, watch)?;

        let mut frames = Frames { first: self.given, parameters: self.parameters, ..Frames::default() };
        let begin = (self.given - first_frame) * self.parameters;
        for (frame, row) in (self.given..to).zip(hopped.motion[begin..].chunks_exact(self.parameters)) {
            let begin = frames.values.len();
            frames.values.extend_from_slice(row);
            self.rest.push(frame, &|frame: usize| self.sound.is_loud(frame), &mut frames.values[begin..]);
        }
        for (book, (first, kept)) in self.codes.iter_mut().enumerate() {
            let offset = first_frame / FRAMES_PER_CODE[book] - *first;
            let shown = to.div_ceil(FRAMES_PER_CODE[book]) - *first;
            let new = &hopped.codes[book][kept.len() - offset..shown - offset];
            kept.extend(new);
            frames.codes.push((BOOKS[book], new.to_vec()));
        }
        self.waiting.append(frames);
        self.emotion = emotion;
        self.given = to;
        self.forget();
        watch.advance(Progress { done: to, total: to })
    }

    /// The emotion for a hop that has heard so many frames; none where a lent one takes its place.
    fn feel(&mut self, heard: usize, watch: &Watch<'_, '_>) -> Result<Option<Emotion>> {
        if matches!(self.take.emotion, Some((_, 1.0))) {
            return Ok(None);
        }
        let mut emotion = self.emotion.clone();
        let begin = heard.saturating_sub(self.plan.emotion_context);
        let enough = self.sound.loud_frames(begin) >= ENOUGH;
        let is_due = match &emotion {
            None => true,
            Some(old) => enough && (!old.sure || heard >= old.at + self.plan.emotion_every),
        };
        if is_due {
            self.sound.normalized(begin, &mut self.window);
            let newest = self.network.lease()?.emotion_vector_of_normalized(&self.window, watch)?;
            let now = match &emotion {
                Some(old) if old.sure => old.now.clone(),
                _ => newest.clone(),
            };
            emotion = Some(Emotion { now, newest, at: heard, sure: enough });
        }
        if let Some(emotion) = &mut emotion {
            emotion.now = emotion.now.blend(&emotion.newest, self.plan.emotion_share)?;
        }
        Ok(emotion)
    }

    /// The first frame of the window of a hop from `frame` on.
    fn window_begin(&self, frame: usize) -> usize {
        frame.saturating_sub(self.plan.context) / FRAMES_PER_TOP_CODE * FRAMES_PER_TOP_CODE
    }

    /// Drops what no later hop asks for.
    fn forget(&mut self) {
        let window = self.window_begin(self.given);
        let felt = self.sound.heard().saturating_sub(self.plan.emotion_context);
        let rested = self.given.saturating_sub(self.plan.rest_after);
        self.sound.forget(window.min(felt).min(rested));
        for (book, (first, codes)) in self.codes.iter_mut().enumerate() {
            let gone = (window / FRAMES_PER_CODE[book] - *first).min(codes.len());
            codes.drain(..gone);
            *first += gone;
        }
    }
}

impl<E: Engine<Context: Ops>> NetworkStream for Stream<E> {
    fn delay(&self) -> f64 {
        (self.plan.look_ahead + self.plan.hop) as f64 / FPS as f64
    }

    fn waiting(&self) -> usize {
        self.waiting.count()
    }

    fn poll(&mut self) -> Frames {
        let nothing = Frames { first: self.given, parameters: self.parameters, ..Frames::default() };
        std::mem::replace(&mut self.waiting, nothing)
    }

    fn push(&mut self, samples: &[f32], watch: &Watch<'_, '_>) -> Result<()> {
        if let Some(index) = samples.iter().position(|sample| !is_usable(*sample)) {
            return Err(Error::Usage(format!(
                "sample {index} of this piece is {}: expected a finite number of at most {LARGEST_SAMPLE:e}; nothing of the piece was \
                 taken, push it again without that sample",
                samples[index]
            )));
        }
        if self.waiting.count() >= MOST_WAITING {
            return Err(Error::Usage(format!(
                "{} frames wait to be polled: poll them before more sound is pushed",
                self.waiting.count()
            )));
        }
        if self.resampler.is_none() && !samples.is_empty() {
            return Err(Error::Usage(
                "this stream is finished: begin a new one before more sound is pushed".into(),
            ));
        }
        // A second at a time, so that a long piece needs no memory of its own length.
        let mut outcome = self.advance(watch);
        for piece in samples.chunks(self.rate as usize) {
            if let Some(resampler) = &mut self.resampler {
                let pending = &mut self.pending;
                resampler.push(piece, &mut |block| {
                    pending.extend_from_slice(block);
                    Ok(())
                })?;
            }
            // What was taken before an error stays; the rest is kept for the next call.
            if outcome.is_ok() {
                outcome = self.advance(watch);
            }
        }
        outcome
    }

    fn finish(&mut self, watch: &Watch<'_, '_>) -> Result<()> {
        if let Some(resampler) = self.resampler.take() {
            let pending = &mut self.pending;
            resampler.finish(&mut |block| {
                pending.extend_from_slice(block);
                Ok(())
            })?;
            self.end = Some(self.sound.heard() + self.pending.len().div_ceil(SAMPLES_PER_FRAME));
        }
        self.advance(watch)
    }
}
