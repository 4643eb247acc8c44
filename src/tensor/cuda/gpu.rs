//! The engine: a GPU, the weights on it, and the pool of its contexts.

use std::sync::Arc;

use super::Cuda;
use super::arena::Arena;
use super::device::{self, Device};
use crate::Result;
use crate::tensor::engine::{Engine, Lease, Pool};

/// A GPU. Clones share the GPU, its weights and its contexts.
#[derive(Debug, Clone)]
pub struct Gpu {
    device: Arc<Device>,
    weights: Arc<Arena>,
    contexts: Arc<Pool<Cuda>>,
}

impl Gpu {
    /// The largest number of contexts of a GPU, unless [`with_contexts`](Self::with_contexts) sets another.
    /// Each context keeps the memory of its largest work and up to 16 recordings.
    pub const CONTEXTS: usize = 4;

    /// Opens device `ordinal`.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) with the reason: no kernels built in, no driver, driver too
    /// old, no such device, device too old.
    pub fn new(ordinal: usize) -> Result<Self> {
        Self::with_contexts(ordinal, Self::CONTEXTS)
    }

    /// As [`new`](Self::new), with at most `limit` contexts (at least one): this many threads work at the
    /// same time, other threads wait.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_contexts(ordinal: usize, limit: usize) -> Result<Self> {
        let device = Device::open(ordinal)?;
        // No stream is waited for before weights are freed: a context holds the weights that its running work
        // reads.
        let weights = Arena::new(device.clone(), &[]);
        Ok(Self { device, weights, contexts: Pool::new(limit) })
    }

    /// True if the program was built with the GPU kernels; without them [`Gpu::new`] always fails.
    pub fn is_built_in() -> bool {
        device::has_kernels()
    }

    /// The number of devices.
    ///
    /// # Errors
    /// The reason why CUDA cannot be used, as in the error of [`Gpu::new`].
    pub fn devices() -> Result<usize> {
        device::count()
    }

    /// The device's name and compute capability.
    pub fn name(&self) -> &str {
        &self.device.name
    }

    /// Bytes of device memory of the weights and of one context: the one that was used last.
    ///
    /// # Errors
    /// As [`Engine::lease`].
    pub fn reserved_memory(&self) -> Result<usize> {
        Ok(self.lease()?.reserved_memory())
    }

    /// True if a kernel may begin before the previous one has ended: GPU and driver support it, and the
    /// environment variable `DEEPTALK_LAUNCH_OVERLAP` does not forbid it.
    pub fn launches_overlap(&self) -> bool {
        self.device.overlap.is_on()
    }
}

impl Engine for Gpu {
    type Context = Cuda;

    fn lease(&self) -> Result<Lease<Cuda>> {
        self.contexts.lease(|| Cuda::new(&self.device, &self.weights))
    }
}
