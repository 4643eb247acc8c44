//! Observers of a network's stages.

use std::time::{Duration, Instant};

use crate::Result;
use crate::tensor::Ops;

/// Receives the named stages of a forward. An observer must not change the computation.
///
/// Names and order of the stages are in the description of each network
/// ([`Spec::stages`](crate::networks::Spec::stages)).
pub trait Observer<B: Ops> {
    /// Receives a tensor.
    ///
    /// # Errors
    /// An error ends the forward, which returns it.
    fn stage(&self, name: &'static str, x: &B::Tensor) -> Result<()>;

    /// Receives codes after they are chosen.
    ///
    /// # Errors
    /// As [`stage`](Self::stage).
    fn codes(&self, _name: &'static str, _codes: &B::Codes) -> Result<()> {
        Ok(())
    }

    /// Receives the host's time for a part of a forward. For a device that works asynchronously or replays a
    /// recorded graph, this is less than the time of the work.
    fn took(&self, _part: &'static str, _time: Duration) {}

    /// True if this observer reads tensors; if false, the device may replay a recorded graph.
    fn reads(&self) -> bool {
        true
    }
}

/// Runs a part of a forward and reports its time.
///
/// # Errors
/// Those of `body`.
pub fn timed<B: Ops, T>(
    observer: &dyn Observer<B>,
    part: &'static str,
    body: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let begun = Instant::now();
    let outcome = body();
    observer.took(part, begun.elapsed());
    outcome
}

/// Ignores all stages.
impl<B: Ops> Observer<B> for () {
    fn stage(&self, _: &'static str, _: &B::Tensor) -> Result<()> {
        Ok(())
    }

    fn reads(&self) -> bool {
        false
    }
}
