//! One voice.

use std::sync::Arc;

use super::{Control, EmotionVector, Frames, Model, StreamOptions, Take, Timings};
use crate::animation::Animation;
use crate::networks::{Job, NetworkStream, Watch};
use crate::rig::Rig;
use crate::{Error, Result};

/// One voice: whole recordings, or a stream of sound. It owns everything that changes while it works; one
/// thread at a time uses it, and a model serves any number of sessions at once.
///
/// A call that fails leaves the session usable.
pub struct Session {
    model: Model,
    /// Begun by the first push, if [`begin`](Self::begin) was not called.
    stream: Option<Box<dyn NetworkStream>>,
    timings: Timings,
    /// The names of the values of the stream's frames; none for vertices.
    columns: Vec<String>,
}

impl Session {
    /// A session with nothing heard yet; its stream has the default options.
    pub fn new(model: &Model) -> Self {
        Self {
            model: model.clone(),
            stream: None,
            timings: Timings::default(),
            columns: model.parameter_names(),
        }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What the last call took.
    pub fn timings(&self) -> Timings {
        self.timings.clone()
    }

    /// The animation of a recording of mono samples at the network's sample rate: the frames that begin
    /// within it ([`Spec::frames_for`](super::Spec::frames_for)). Of any length: long recordings go through
    /// overlapping windows.
    ///
    /// # Errors
    /// No samples, samples that are not finite, a take that makes no sense, whatever the device says.
    pub fn animate(&mut self, samples: &[f32], take: &Take) -> Result<Animation> {
        let motions = self.takes(samples, std::slice::from_ref(take), &mut Control::new())?;
        motions.into_iter().next().ok_or_else(|| Error::Usage("no take was asked for".into()))
    }

    /// Several takes of a recording, with a hold on the work. Words are heard once for all.
    ///
    /// # Errors
    /// As [`animate`](Self::animate); [`Error::Cancelled`], or what the callback returned.
    pub fn takes(
        &mut self,
        samples: &[f32],
        takes: &[Take],
        control: &mut Control<'_>,
    ) -> Result<Vec<Animation>> {
        let jobs: Vec<Job<'_>> = takes.iter().map(|take| Job { samples, take }).collect();
        self.watched(control, |model, watch| model.network().run(&jobs, watch))
    }

    /// The motions of many recordings. Short ones go through the network together; each result is that of
    /// [`animate`](Self::animate) up to rounding.
    ///
    /// # Errors
    /// As [`takes`](Self::takes); complaints say which recording.
    pub fn batch(
        &mut self,
        recordings: &[&[f32]],
        take: &Take,
        control: &mut Control<'_>,
    ) -> Result<Vec<Animation>> {
        let jobs: Vec<Job<'_>> = recordings.iter().map(|samples| Job { samples, take }).collect();
        self.watched(control, |model, watch| model.network().run(&jobs, watch))
    }

    /// The emotion of a recording, to lend to another: as far as the network listens (its first 10 s with the
    /// published sizes).
    ///
    /// # Errors
    /// No samples, or samples that are not finite.
    pub fn emotion(&mut self, samples: &[f32]) -> Result<EmotionVector> {
        self.watched(&mut Control::new(), |model, watch| model.network().emotion(samples, watch))
    }

    /// Vertices (frames, V, 3) of a motion.
    ///
    /// # Errors
    /// As [`Rig::vertices`].
    pub fn vertices(&mut self, rig: &Rig, motion: &Animation) -> Result<Vec<f32>> {
        let begun = std::time::Instant::now();
        let vertices = rig.vertices(motion);
        let took = begun.elapsed();
        self.timings = Timings { vertices: took, total: took, ..Timings::default() };
        vertices
    }

    /// Begins a new stream; what the old one still held is forgotten.
    ///
    /// # Errors
    /// [`Error::Usage`] for options that make no sense.
    pub fn begin(&mut self, options: &StreamOptions) -> Result<()> {
        let mut options = options.clone();
        let neutral = &mut options.take.emotion.neutral;
        *neutral = neutral.take().or_else(|| self.model.emotions().neutral().cloned());
        self.stream = Some(Arc::clone(self.model.network()).stream(&options)?);
        self.columns = options.filters.columns(self.model.spec().parameter_names());
        Ok(())
    }

    /// A name for every value of the stream's frames: those of the model, and those that life adds
    /// ([`FilterSettings::columns`](crate::animation::filter::FilterSettings::columns)); none for vertices.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How far steady play of the stream is behind its sound, in seconds; 0 if no stream was begun.
    pub fn delay(&self) -> f64 {
        self.stream.as_ref().map_or(0.0, |stream| stream.delay())
    }

    /// Changes the mood of the stream: `NAME[:STRENGTH]` of the moods that the model knows
    /// ([`Model::emotions`]), or `heard`. In effect from the first frame that is not computed yet, smoothly
    /// within half a second.
    ///
    /// # Errors
    /// [`Error::Usage`]: an unknown name, with the known ones; a strength out of range. The stream goes on as
    /// before.
    pub fn set_mood(&mut self, text: &str) -> Result<()> {
        let (mood, strength) = self.model.emotions().change(text)?;
        if self.stream.is_none() {
            self.begin(&StreamOptions::default())?;
        }
        self.stream.as_deref_mut().map_or(Ok(()), |stream| stream.change_mood(mood, strength))
    }

    /// Sound of the stream, mono, at its rate, in pieces of any size: what comes out does not depend on how
    /// it was cut. Every hop that is due is computed before this returns; gives the number of frames that
    /// wait for [`poll`](Self::poll).
    ///
    /// # Errors
    /// - [`Error::Usage`] for a sample that is not finite or absurdly large, for sound after
    ///   [`finish`](Self::finish), and while ten minutes of frames wait to be polled. Nothing of the piece is
    ///   taken then.
    /// - Whatever the device says: the piece is taken, and what is due is tried again by the next call.
    pub fn push(&mut self, samples: &[f32]) -> Result<usize> {
        self.push_with(samples, &mut Control::new())
    }

    /// [`push`](Self::push) with a hold on the work.
    ///
    /// # Errors
    /// As there; when it is stopped, the piece is taken, and what is due is done by the next call.
    pub fn push_with(&mut self, samples: &[f32], control: &mut Control<'_>) -> Result<usize> {
        self.stream_watched(control, |stream, watch| stream.push(samples, watch))
    }

    /// The frames that are ready, each once; none if none are.
    pub fn poll(&mut self) -> Frames {
        match &mut self.stream {
            Some(stream) => stream.poll(),
            None => Frames { parameters: self.model.spec().width(), ..Frames::default() },
        }
    }

    /// The end of the stream's sound: the frames that still waited for look-ahead are computed. Gives the
    /// number of frames that wait for [`poll`](Self::poll). Once more does no harm. [`begin`](Self::begin)
    /// starts anew.
    ///
    /// # Errors
    /// Whatever the device says; it can be called again.
    pub fn finish(&mut self) -> Result<usize> {
        self.finish_with(&mut Control::new())
    }

    /// [`finish`](Self::finish) with a hold on the work.
    ///
    /// # Errors
    /// As there.
    pub fn finish_with(&mut self, control: &mut Control<'_>) -> Result<usize> {
        self.stream_watched(control, |stream, watch| stream.finish(watch))
    }

    fn watched<T: Send>(
        &mut self,
        control: &mut Control<'_>,
        work: impl FnOnce(&Model, &Watch<'_, '_>) -> Result<T> + Send,
    ) -> Result<T> {
        let model = &self.model;
        let (outcome, timings) = model.run(|| {
            let watch = Watch::new(control);
            (work(model, &watch), watch.timings())
        });
        self.timings = timings;
        outcome
    }

    /// Gives the number of frames that wait to be polled.
    fn stream_watched(
        &mut self,
        control: &mut Control<'_>,
        work: impl FnOnce(&mut dyn NetworkStream, &Watch<'_, '_>) -> Result<()> + Send,
    ) -> Result<usize> {
        if self.stream.is_none() {
            self.begin(&StreamOptions::default())?;
        }
        let Some(stream) = self.stream.as_deref_mut() else { return Ok(0) };
        let (outcome, timings) = self.model.run(|| {
            let watch = Watch::new(control);
            (work(stream, &watch), watch.timings())
        });
        self.timings = timings;
        outcome?;
        Ok(stream.waiting())
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("model", &self.model).finish_non_exhaustive()
    }
}
