//! Looking into the network while it runs.

use std::time::{Duration, Instant};

use crate::Result;
use crate::tensor::Ops;

/// The parts of a forward that are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Words: samples to content features.
    Content,
    /// Feeling: samples to the emotion's distribution.
    Emotion,
    /// Content and emotion to codes.
    Codes,
    /// Codes to motion.
    Motion,
}

/// Sees every named stage of a forward, and may put other codes in place of the chosen ones: where a code differs,
/// everything after it differs, so a comparison goes on with the reference's codes.
///
/// The names are those of the published model's parts: `wav2vec2.output`, `predictor.logits_t`, `motion` ...
pub trait Observer<B: Ops> {
    /// A stage is there.
    fn stage(&self, name: &'static str, x: &B::Tensor) -> Result<()>;

    /// Codes were chosen; those that come back are used.
    fn codes(&self, _name: &'static str, codes: B::Codes) -> Result<B::Codes> {
        Ok(codes)
    }

    /// A part of a forward took so long on the host; a device that works on while the host goes on, or that replays a recording,
    /// tells less than it took.
    fn took(&self, _part: Part, _time: Duration) {}

    /// Whether it wants to see anything: a device may record and replay what nobody looks into. (Who only counts time and stages
    /// looks away.)
    fn looks(&self) -> bool {
        true
    }
}

/// Runs a part and tells what it took.
pub(super) fn timed<B: Ops, T>(
    observer: &dyn Observer<B>,
    part: Part,
    body: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let begun = Instant::now();
    let outcome = body();
    observer.took(part, begun.elapsed());
    outcome
}

/// Looks away.
impl<B: Ops> Observer<B> for () {
    fn stage(&self, _: &'static str, _: &B::Tensor) -> Result<()> {
        Ok(())
    }

    fn looks(&self) -> bool {
        false
    }
}
