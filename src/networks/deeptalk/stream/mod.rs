//! A stream: sound in pieces of any size, frames as soon as they can be known.
//!
//! Sound is taken in by whole frames of 640 samples, and a hop runs at the very frame at which it becomes
//! due, however that frame arrived: so nothing depends on how the sound was cut. Hop k gives out frames
//! `k hop .. (k + 1) hop` once `look_ahead` more frames are there. Its window reaches back by `context`, to a
//! whole top code. Codes that were given out are put in place of newly chosen ones ([`Hop::given`]): every
//! frame is decoded from the codes that were given out before it.
//!
//! The emotion is estimated by the first hop and then every `emotion_every`, from the last `emotion_context`,
//! if [`ENOUGH`] frames of sound are in it: in silence the emotion stays. If the first hop did not hear
//! enough, its estimate counts until one that did, which is taken as it is; from then on the emotion moves to
//! the newest estimate, along the sphere.

mod plan;

use std::sync::Arc;

use self::plan::Plan;
use super::config::{FPS, FRAMES_PER_BOTTOM_CODE, FRAMES_PER_TOP_CODE, SAMPLES_PER_FRAME};
use super::{DeepTalkNetwork, Hop, no_emotion};
use crate::Result;
use crate::animation::Mood;
use crate::animation::filter::Pipeline;
use crate::networks::intake::{Hops, Intake};
use crate::networks::loudness::Loudness;
use crate::networks::{EmotionVector, Frames, NetworkStream, Progress, StreamOptions, Take, Watch};
use crate::tensor::{Engine, Ops};

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
    parameters: usize,
    /// Values of a filtered frame.
    columns: usize,
    intake: Intake,
    filters: Pipeline,
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

/// The emotion of the speech so far.
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
        let loudness = Loudness::new(options.floor, options.forget, FPS as f64);
        let intake = Intake::new(options.rate, SAMPLES_PER_FRAME, loudness)?;
        let parameters = network.loaded().config.parameters();
        let spec = &network.loaded().spec;
        let filters = options.pipeline(spec, plan.look_ahead)?;
        let columns = options.filters.columns(spec.parameter_names()).len();
        Ok(Self {
            network,
            take: options.take.clone(),
            parameters,
            columns,
            intake,
            filters,
            plan,
            given: 0,
            codes: Default::default(),
            emotion: None,
            end: None,
            waiting: Frames { parameters: columns, ..Frames::default() },
            window: Vec::new(),
        })
    }

    /// The emotion for a hop that has heard so many frames; none where a lent one takes its place.
    fn feel(&mut self, heard: usize, watch: &Watch<'_, '_>) -> Result<Option<Emotion>> {
        if !self.take.emotion.needs_heard() {
            return Ok(None);
        }
        let mut emotion = self.emotion.clone();
        let begin = heard.saturating_sub(self.plan.emotion_context);
        let enough = self.intake.sound.loud_frames(begin) >= ENOUGH;
        let is_due = match &emotion {
            None => true,
            Some(old) => enough && (!old.sure || heard >= old.at + self.plan.emotion_every),
        };
        if is_due {
            self.intake.sound.normalized(begin, &mut self.window);
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

    /// The emotion of the window: one vector if it is the same in every frame of it, else one for each frame.
    fn emotions(&self, first_frame: usize, heard: Option<&EmotionVector>) -> Result<Vec<EmotionVector>> {
        let track = &self.take.emotion;
        let at = |frame: usize| track.at(frame as f64 / FPS as f64, heard).ok_or_else(no_emotion);
        let end = first_frame + self.window.len() / SAMPLES_PER_FRAME;
        let seconds = |frame: usize| frame as f64 / FPS as f64;
        if track.holds(seconds(first_frame), seconds(end)) {
            return Ok(vec![at(first_frame)?]);
        }
        (first_frame..end).map(at).collect()
    }

    /// The first frame of the window of a hop from `frame` on.
    fn window_begin(&self, frame: usize) -> usize {
        frame.saturating_sub(self.plan.context) / FRAMES_PER_TOP_CODE * FRAMES_PER_TOP_CODE
    }

    /// Drops what no later hop asks for.
    fn forget(&mut self) {
        let window = self.window_begin(self.given);
        let felt = self.intake.sound.heard().saturating_sub(self.plan.emotion_context);
        let rested = self.given.saturating_sub(self.filters.reach());
        self.intake.sound.forget(window.min(felt).min(rested));
        for (book, (first, codes)) in self.codes.iter_mut().enumerate() {
            let gone = (window / FRAMES_PER_CODE[book] - *first).min(codes.len());
            codes.drain(..gone);
            *first += gone;
        }
    }
}

impl<E: Engine<Context: Ops>> Hops for Stream<E> {
    fn intake(&mut self) -> &mut Intake {
        &mut self.intake
    }

    fn is_due(&self) -> bool {
        let (heard, wanted) = (self.intake.sound.heard(), self.given + self.plan.hop + self.plan.look_ahead);
        match self.end {
            Some(end) => self.given < end && heard >= wanted.min(end),
            None => heard >= wanted,
        }
    }

    fn hop(&mut self, watch: &Watch<'_, '_>) -> Result<()> {
        let heard = self.intake.sound.heard();
        // The last window shows everything that is left.
        let is_last = heard < self.given + self.plan.hop + self.plan.look_ahead;
        let count = if is_last { heard - self.given } else { self.plan.hop };
        let to = self.given + count;
        watch.advance(Progress { done: self.given, total: to })?;

        let emotion = self.feel(heard, watch)?;
        let first_frame = self.window_begin(self.given);
        self.intake.sound.normalized(first_frame, &mut self.window);
        // As a recording is padded: to whole top codes, and at the end by a frame at least.
        let frames = heard - first_frame + usize::from(is_last);
        self.window.resize(frames.next_multiple_of(FRAMES_PER_TOP_CODE) * SAMPLES_PER_FRAME, 0.0);
        let emotions = self.emotions(first_frame, emotion.as_ref().map(|emotion| &emotion.now))?;
        let given = std::array::from_fn(|book| {
            let (first, codes) = &self.codes[book];
            &codes[first_frame / FRAMES_PER_CODE[book] - first..]
        });
        let hop = Hop { samples: &self.window, first_frame, given, emotions: &emotions, take: &self.take };
        let hopped = self.network.lease()?.hop(&hop, watch)?;

        let mut frames = Frames { first: self.given, parameters: self.columns, ..Frames::default() };
        let begin = (self.given - first_frame) * self.parameters;
        for row in hopped.motion[begin..].chunks_exact(self.parameters).take(count) {
            let begin = frames.values.len();
            frames.values.extend_from_slice(row);
            frames.values.resize(begin + self.columns, 0.0);
            let is_given = self.filters.push(&self.intake.sound, &mut frames.values[begin..]);
            debug_assert!(is_given, "no filter of the settings holds rows back");
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

    fn ended(&mut self, samples: usize) {
        self.end = Some(samples.div_ceil(SAMPLES_PER_FRAME));
    }

    fn waiting_of_most(&self) -> [usize; 2] {
        [self.waiting.count(), MOST_WAITING]
    }
}

impl<E: Engine<Context: Ops>> NetworkStream for Stream<E> {
    fn delay(&self) -> f64 {
        (self.plan.look_ahead + self.plan.hop) as f64 / FPS as f64
    }

    fn waiting(&self) -> usize {
        self.waiting.count()
    }

    fn change_mood(&mut self, mood: Mood, strength: f32) -> Result<()> {
        let seconds = |frame: usize| frame as f64 / FPS as f64;
        let heard = self.emotion.as_ref().map(|emotion| &emotion.now);
        let mut track = self.take.emotion.clone();
        let forget = seconds(self.window_begin(self.given));
        track.change(seconds(self.given), forget, mood, strength, heard);
        track.check(self.network.loaded().config.emotion_head.width)?;
        self.take.emotion = track;
        Ok(())
    }

    fn poll(&mut self) -> Frames {
        let nothing = Frames { first: self.given, parameters: self.columns, ..Frames::default() };
        std::mem::replace(&mut self.waiting, nothing)
    }

    fn push(&mut self, samples: &[f32], watch: &Watch<'_, '_>) -> Result<()> {
        self.take_in(samples, watch)
    }

    fn finish(&mut self, watch: &Watch<'_, '_>) -> Result<()> {
        self.end(watch)
    }
}
