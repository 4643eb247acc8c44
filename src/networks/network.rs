//! The trait of all networks: host types only, object-safe. The generic code over devices ends here.

use std::sync::Arc;

use super::{EmotionVector, Golden, NetworkStream, Probe, Spec, Stages, StreamOptions, Take, Watch};
use crate::Result;
use crate::animation::Animation;

/// One animation that is wanted: a recording and a take of it.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// Mono samples in [-1, 1] at [`Spec::sample_rate`]. Jobs with the very same slice share the work that
    /// depends on the sound alone.
    pub samples: &'a [f32],
    /// Identity, emotion and draws.
    pub take: &'a Take,
}

/// A network with its weights on a device. Any number of threads may use it at once.
pub trait Network: Send + Sync {
    /// What the network reads, what it gives, and which controls it has.
    fn spec(&self) -> &Spec;

    /// Refuses a take that makes no sense for this network.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage), naming the control and what the network has.
    fn check_take(&self, take: &Take) -> Result<()>;

    /// The animation of every job, in order. Recordings of any length; short ones go through the network
    /// together. The result of a job does not depend on its neighbours, up to rounding.
    ///
    /// # Errors
    /// No samples, samples that are not finite, a take that makes no sense; errors of the device; what
    /// `watch` returns.
    fn run(&self, jobs: &[Job<'_>], watch: &Watch<'_, '_>) -> Result<Vec<Animation>>;

    /// The emotion of a recording, to lend to another one.
    ///
    /// # Errors
    /// No samples, or samples that are not finite; a network without emotion vectors.
    fn emotion(&self, samples: &[f32], watch: &Watch<'_, '_>) -> Result<EmotionVector>;

    /// A stream: sound in pieces, frames as soon as they are known.
    ///
    /// # Errors
    /// Options that are out of range; a network that cannot stream.
    fn stream(self: Arc<Self>, options: &StreamOptions) -> Result<Box<dyn NetworkStream>>;

    /// One pass over a batch of clips, each as one window, with the default take: the output of all clips,
    /// row-major. `given` holds the codes of each clip that take the place of chosen ones; a `probe` sees
    /// every stage.
    ///
    /// # Errors
    /// Clips that do not fit through the network; errors of the device and of the probe.
    fn pass(&self, clips: &[&[f32]], given: Option<&[Stages]>, probe: Option<&dyn Probe>)
    -> Result<Vec<f32>>;

    /// The stages of the forward that a golden file describes. Its codes take the place of chosen ones, so
    /// that what follows them is comparable.
    ///
    /// # Errors
    /// A golden file that is not of this network; sound that is missing; errors of the device.
    fn replay(&self, golden: &Golden) -> Result<Stages>;
}
