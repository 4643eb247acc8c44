//! Python class of sessions: whole recordings and streams.

use std::sync::{Mutex, MutexGuard};

use deeptalk_rt::Error;
use deeptalk_rt::animation::filter::FilterSettings;
use deeptalk_rt::animation::{EmotionTrack, Mood};
use deeptalk_rt::runtime::Take;
use deeptalk_rt::runtime::{self, Control, Step, StreamOptions};
use numpy::{PyArray2, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::emotion::Emotion;
use crate::errors::{raised, usage};
use crate::model::Model;
use crate::motion::{Motion, table};
use crate::sound::samples;

#[pyclass(frozen, module = "deeptalk_rt")]
pub struct Session(Mutex<runtime::Session>);

/// The emotion arguments of a call.
struct Feeling<'a> {
    emotion: Option<&'a Emotion>,
    share: f32,
    mood: Option<&'a str>,
    strength: f32,
}

fn take(
    model: &runtime::Model,
    actor: Option<&str>,
    feeling: Feeling<'_>,
    alpha: Option<f32>,
    temperature: (f32, f32),
    seed: u64,
    (steps, eta): (Option<usize>, Option<f32>),
) -> PyResult<Take> {
    let actor = actor.map_or(Ok(0), |name| model.actor(name)).map_err(raised)?;
    let mut take =
        Take::default().with_actor(actor).with_seed(seed).with_temperature(temperature.0, temperature.1);
    take.draw.alpha = alpha;
    (take.draw.steps, take.draw.eta) = (steps, eta);
    take.emotion = match (feeling.emotion, feeling.mood) {
        (Some(_), Some(_)) => return Err(usage("both emotion and mood are given: give one of them")),
        (Some(emotion), None) => {
            EmotionTrack::constant(Mood::Lent { emotion: emotion.0.clone(), share: feeling.share })
        }
        (None, Some(text)) => model.emotions().track(text).map_err(raised)?,
        (None, None) => EmotionTrack::default(),
    };
    take.emotion = model.emotion_at_strength(take.emotion, feeling.strength).map_err(raised)?;
    Ok(take)
}

impl Session {
    fn free(&self) -> PyResult<MutexGuard<'_, runtime::Session>> {
        self.0
            .try_lock()
            .map_err(|_| usage("the session is in use by another call: make one for every thread"))
    }
}

/// Runs work without the interpreter lock. Ctrl-C and a progress callback that returns False or raises stop
/// it.
fn under<T: Send>(
    python: Python<'_>,
    progress: Option<Py<PyAny>>,
    work: impl FnOnce(&mut Control<'_>) -> deeptalk_rt::Result<T> + Send,
) -> PyResult<T> {
    let mut raised_inside: Option<PyErr> = None;
    let mut tell = |step: Step| {
        let outcome = Python::attach(|python| -> PyResult<bool> {
            python.check_signals()?;
            let Some(progress) = &progress else { return Ok(true) };
            let answer = progress.call1(python, (step.stage, step.done, step.total))?;
            Ok(answer.is_none(python) || answer.is_truthy(python)?)
        });
        match outcome {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::Cancelled),
            Err(error) => {
                raised_inside = Some(error);
                Err(Error::Cancelled)
            }
        }
    };
    let outcome = python.detach(|| work(&mut Control::new().progress(&mut tell)));
    match (outcome, raised_inside) {
        (Ok(result), _) => Ok(result),
        (Err(_), Some(error)) => Err(error),
        (Err(error), None) => Err(raised(error)),
    }
}

#[pymethods]
impl Session {
    #[new]
    fn new(model: &Model) -> Self {
        Self(Mutex::new(runtime::Session::new(&model.0)))
    }

    #[pyo3(signature = (samples, *, actor=None, emotion=None, share=1.0, mood=None, strength=1.0, alpha=None, temperature=(0.0, 0.0), seed=0, steps=None, eta=None, progress=None))]
    #[allow(clippy::too_many_arguments)]
    fn animate(
        &self,
        python: Python<'_>,
        samples: PyReadonlyArray1<'_, f32>,
        actor: Option<&str>,
        emotion: Option<&Emotion>,
        share: f32,
        mood: Option<&str>,
        strength: f32,
        alpha: Option<f32>,
        temperature: (f32, f32),
        seed: u64,
        steps: Option<usize>,
        eta: Option<f32>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Motion> {
        let mut session = self.free()?;
        let feeling = Feeling { emotion, share, mood, strength };
        let take = take(session.model(), actor, feeling, alpha, temperature, seed, (steps, eta))?;
        let (samples, session) = (self::samples(&samples)?, &mut *session);
        let motions = under(python, progress, |control| session.takes(samples, &[take], control))?;
        motions.into_iter().next().map(Motion).ok_or_else(|| usage("no motion came of a take"))
    }

    #[pyo3(signature = (recordings, *, actor=None, emotion=None, share=1.0, mood=None, strength=1.0, alpha=None, temperature=(0.0, 0.0), seed=0, steps=None, eta=None, progress=None))]
    #[allow(clippy::too_many_arguments)]
    fn batch(
        &self,
        python: Python<'_>,
        recordings: Vec<PyReadonlyArray1<'_, f32>>,
        actor: Option<&str>,
        emotion: Option<&Emotion>,
        share: f32,
        mood: Option<&str>,
        strength: f32,
        alpha: Option<f32>,
        temperature: (f32, f32),
        seed: u64,
        steps: Option<usize>,
        eta: Option<f32>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Vec<Motion>> {
        let mut session = self.free()?;
        let feeling = Feeling { emotion, share, mood, strength };
        let take = take(session.model(), actor, feeling, alpha, temperature, seed, (steps, eta))?;
        let recordings: PyResult<Vec<&[f32]>> = recordings.iter().map(samples).collect();
        let (recordings, session) = (recordings?, &mut *session);
        let motions = under(python, progress, |control| session.batch(&recordings, &take, control))?;
        Ok(motions.into_iter().map(Motion).collect())
    }

    fn emotion(&self, python: Python<'_>, samples: PyReadonlyArray1<'_, f32>) -> PyResult<Emotion> {
        let mut session = self.free()?;
        let (samples, session) = (self::samples(&samples)?, &mut *session);
        python.detach(|| session.emotion(samples)).map(Emotion).map_err(raised)
    }

    #[getter]
    fn timings<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let timings = self.free()?.timings();
        let table = PyDict::new(python);
        for (name, time) in [
            ("content", timings.part("content")),
            ("emotion", timings.part("emotion")),
            ("codes", timings.part("codes")),
            ("motion", timings.part("motion")),
            ("total", timings.total),
        ] {
            table.set_item(name, time.as_secs_f64())?;
        }
        Ok(table)
    }

    #[pyo3(signature = (*, rate=16000, context=4.0, look_ahead=0.4, hop=0.2, emotion_every=1.0, emotion_context=10.0, emotion_smoothing=1.0, floor=0.003,
        forget=30.0, rest_after=1.0, filters="", actor=None, emotion=None, share=1.0, mood=None, strength=1.0, alpha=None, temperature=(0.0, 0.0), seed=0, steps=None,
        eta=None))]
    #[allow(clippy::too_many_arguments)]
    fn begin(
        &self,
        rate: u32,
        context: f32,
        look_ahead: f32,
        hop: f32,
        emotion_every: f32,
        emotion_context: f32,
        emotion_smoothing: f32,
        floor: f32,
        forget: f32,
        rest_after: f32,
        filters: &str,
        actor: Option<&str>,
        emotion: Option<&Emotion>,
        share: f32,
        mood: Option<&str>,
        strength: f32,
        alpha: Option<f32>,
        temperature: (f32, f32),
        seed: u64,
        steps: Option<usize>,
        eta: Option<f32>,
    ) -> PyResult<f64> {
        let mut session = self.free()?;
        let feeling = Feeling { emotion, share, mood, strength };
        let take = take(session.model(), actor, feeling, alpha, temperature, seed, (steps, eta))?;
        let options = StreamOptions {
            take,
            rate,
            context,
            look_ahead,
            hop,
            emotion_every,
            emotion_context,
            emotion_smoothing,
            floor,
            forget,
            rest_after,
            filters: FilterSettings::from_toml(filters).map_err(raised)?,
        };
        session.begin(&options).map_err(raised)?;
        Ok(session.delay())
    }

    fn set_mood(&self, mood: &str) -> PyResult<()> {
        self.free()?.set_mood(mood).map_err(raised)
    }

    fn push(&self, python: Python<'_>, samples: PyReadonlyArray1<'_, f32>) -> PyResult<usize> {
        let mut session = self.free()?;
        let (samples, session) = (self::samples(&samples)?, &mut *session);
        under(python, None, |control| session.push_with(samples, control))
    }

    fn poll<'py>(&self, python: Python<'py>) -> PyResult<(usize, Bound<'py, PyArray2<f32>>)> {
        let frames = self.free()?.poll();
        Ok((frames.first, table(python, &frames.values, frames.parameters)?))
    }

    fn finish(&self, python: Python<'_>) -> PyResult<usize> {
        let mut session = self.free()?;
        let session = &mut *session;
        under(python, None, |control| session.finish_with(control))
    }
}
