//! Progress and cancellation of running work.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::layers::Observer;
use crate::tensor::Ops;
use crate::{Error, Result};

/// The progress of work, in frames of a recording or tensors of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Finished, over all takes.
    pub done: usize,
    /// To be finished in all.
    pub total: usize,
}

/// Where the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What was finished last: a stage of the network by its name (`wav2vec2.output`, `predictor.logits_t`,
    /// `motion` ...), or `frames` when a window of the recording is through.
    pub stage: &'static str,
    /// Frames that are done.
    pub done: usize,
    /// Frames that there will be; of a stream, those that are due now.
    pub total: usize,
}

impl Step {
    /// The stage that tells of finished frames.
    pub const FRAMES: &'static str = "frames";
}

type Callback<'a> = &'a mut (dyn FnMut(Step) -> Result<()> + Send);

/// A caller's hold on running work: told of every step, able to stop it.
///
/// The callback runs on the thread that works (one of the model's own, if it has any) while the caller waits,
/// never twice at once. What it returns as an error ends the work; [`Error::Cancelled`] is the word for a
/// wish to stop. The flag of [`cancel`](Self::cancel) may be set by any thread. Both are heeded after every
/// stage; on a GPU that replays recorded work, after every part.
///
/// ```
/// use deeptalk_rt::runtime::Control;
///
/// let mut stages = Vec::new();
/// let mut callback = |step: deeptalk_rt::runtime::Step| {
///     stages.push(step.stage);
///     Ok(())
/// };
/// let mut control = Control::new().progress(&mut callback);
/// # let _ = &mut control;
/// ```
#[derive(Default)]
pub struct Control<'a> {
    progress: Option<Callback<'a>>,
    cancel: Option<&'a AtomicBool>,
}

impl<'a> Control<'a> {
    /// Nobody is told, nothing stops.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells `callback` of every step.
    pub fn progress(self, callback: Callback<'a>) -> Self {
        Self { progress: Some(callback), ..self }
    }

    /// Stops once `flag` is set.
    pub fn cancel(self, flag: &'a AtomicBool) -> Self {
        Self { cancel: Some(flag), ..self }
    }

    fn step(&mut self, step: Step) -> Result<()> {
        if self.cancel.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Err(Error::Cancelled);
        }
        self.progress.as_mut().map_or(Ok(()), |progress| progress(step))
    }
}

/// The times of one call, on the host's clock. A GPU works on while the host goes on, so on a GPU only the
/// total counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timings {
    /// The parts of the forward, by the names of [`Spec::parts`](super::Spec::parts).
    pub parts: Vec<(&'static str, Duration)>,
    /// Motion to vertices.
    pub vertices: Duration,
    /// The whole call.
    pub total: Duration,
}

impl Timings {
    /// The time of a part of the forward; zero if the part did not run.
    pub fn part(&self, name: &str) -> Duration {
        self.parts.iter().find(|(known, _)| *known == name).map_or(Duration::ZERO, |(_, time)| *time)
    }
}

/// The state of one call under a [`Control`]: progress so far, and times.
pub struct Watch<'c, 'a> {
    control: RefCell<&'c mut Control<'a>>,
    progress: Cell<Progress>,
    timings: RefCell<Timings>,
    begun: Instant,
}

impl<'c, 'a> Watch<'c, 'a> {
    /// The start of a call.
    pub fn new(control: &'c mut Control<'a>) -> Self {
        Self {
            control: RefCell::new(control),
            progress: Cell::new(Progress { done: 0, total: 0 }),
            timings: RefCell::default(),
            begun: Instant::now(),
        }
    }

    /// Reports that frames were finished, or that more are due.
    ///
    /// # Errors
    /// [`Error::Cancelled`], or what the callback returns.
    pub fn advance(&self, progress: Progress) -> Result<()> {
        self.progress.set(progress);
        self.step(Step::FRAMES)
    }

    /// Reports that a stage was finished.
    ///
    /// # Errors
    /// As [`advance`](Self::advance).
    pub fn step(&self, stage: &'static str) -> Result<()> {
        let Progress { done, total } = self.progress.get();
        match self.control.try_borrow_mut() {
            Ok(mut control) => control.step(Step { stage, done, total }),
            Err(_) => {
                Err(Error::Usage("a progress callback may not call the session that it belongs to".into()))
            }
        }
    }

    /// The times so far.
    pub fn timings(&self) -> Timings {
        Timings { total: self.begun.elapsed(), ..self.timings.borrow().clone() }
    }
}

impl<B: Ops> Observer<B> for Watch<'_, '_> {
    fn stage(&self, name: &'static str, _: &B::Tensor) -> Result<()> {
        self.step(name)
    }

    fn took(&self, part: &'static str, time: Duration) {
        let mut timings = self.timings.borrow_mut();
        match timings.parts.iter_mut().find(|(known, _)| *known == part) {
            Some((_, sum)) => *sum += time,
            None => timings.parts.push((part, time)),
        }
    }

    fn reads(&self) -> bool {
        false
    }
}
