//! What a caller sees of running work, and how it is stopped.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::networks::deeptalk::Progress;
use crate::networks::deeptalk::stages::{Observer, Part};
use crate::tensor::Ops;
use crate::{Error, Result};

/// Where the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What was finished last: a stage of the network by its name (`wav2vec2.output`, `predictor.logits_t`, `motion` ...), or `frames`
    /// when a window of the recording is through.
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
/// The callback runs on the thread that works (one of the model's own, if it has any) while the caller waits, never twice at once. What
/// it returns as an error ends the work; [`Error::Cancelled`] is the word for a wish to stop. The flag of [`cancel`](Self::cancel) may be set
/// by any thread. Both are heeded after every stage; on a GPU that replays recorded work, after every part.
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

/// What the last call of a session took, on the host's clock. A GPU works on while the host goes on, so there only the total counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// Words: samples to content features.
    pub content: Duration,
    /// Feeling: samples to the emotion's distribution.
    pub emotion: Duration,
    /// Content and emotion to codes.
    pub codes: Duration,
    /// Codes to motion.
    pub motion: Duration,
    /// Motion to vertices.
    pub vertices: Duration,
    /// The whole call.
    pub total: Duration,
}

/// Looks after one call.
pub(super) struct Watch<'c, 'a> {
    control: RefCell<&'c mut Control<'a>>,
    progress: Cell<Progress>,
    timings: Cell<Timings>,
    begun: Instant,
}

impl<'c, 'a> Watch<'c, 'a> {
    pub fn new(control: &'c mut Control<'a>) -> Self {
        Self {
            control: RefCell::new(control),
            progress: Cell::new(Progress { done: 0, total: 0 }),
            timings: Cell::default(),
            begun: Instant::now(),
        }
    }

    /// Frames were finished, or more are due.
    pub fn advance(&self, progress: Progress) -> Result<()> {
        self.progress.set(progress);
        self.step(Step::FRAMES)
    }

    pub fn step(&self, stage: &'static str) -> Result<()> {
        let Progress { done, total } = self.progress.get();
        match self.control.try_borrow_mut() {
            Ok(mut control) => control.step(Step { stage, done, total }),
            Err(_) => {
                Err(Error::Usage("a progress callback may not call the session that it belongs to".into()))
            }
        }
    }

    pub fn timings(&self) -> Timings {
        Timings { total: self.begun.elapsed(), ..self.timings.get() }
    }
}

impl<B: Ops> Observer<B> for Watch<'_, '_> {
    fn stage(&self, name: &'static str, _: &B::Tensor) -> Result<()> {
        self.step(name)
    }

    fn took(&self, part: Part, time: Duration) {
        let mut timings = self.timings.get();
        *match part {
            Part::Content => &mut timings.content,
            Part::Emotion => &mut timings.emotion,
            Part::Codes => &mut timings.codes,
            Part::Motion => &mut timings.motion,
        } += time;
        self.timings.set(timings);
    }

    fn looks(&self) -> bool {
        false
    }
}
