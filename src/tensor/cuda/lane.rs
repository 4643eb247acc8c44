//! A lane: a stream and the memory of the work on it.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::CudaStream;

use super::arena::{Arena, Buffer};
use super::device::Device;
use super::launch::Kernel;
use super::pinned::Staging;
use crate::{Error, Result};

/// Tables and uploads that a recorded graph reads and that must live as long as the graph.
pub(super) type Keep = Arc<Mutex<Vec<Box<dyn Any + Send>>>>;

/// A stream and its memory.
#[derive(Debug)]
pub(super) struct Lane {
    /// The number of the context that this lane belongs to.
    pub context: u64,
    pub device: Arc<Device>,
    stream: Arc<CudaStream>,
    /// True if the last operation on the stream is a kernel. Only the thread that holds the context adds
    /// operations.
    behind_kernel: AtomicBool,
    pub arena: Arc<Arena>,
    staging: Arc<Staging>,
    /// The values that the current recording keeps alive; none if no recording is made.
    pub keep: Option<Keep>,
}

impl Lane {
    /// A lane on this stream, with its own memory.
    pub fn new(context: u64, device: &Arc<Device>, stream: Arc<CudaStream>, arena: Arc<Arena>) -> Self {
        Self {
            context,
            device: device.clone(),
            stream,
            behind_kernel: AtomicBool::new(false),
            arena,
            staging: Arc::default(),
            keep: None,
        }
    }

    /// A lane on the same stream, with other memory; with `keep` while a recording is made.
    pub fn with_memory(&self, arena: Arc<Arena>, keep: Option<Keep>) -> Self {
        Self {
            context: self.context,
            device: self.device.clone(),
            stream: self.stream.clone(),
            behind_kernel: AtomicBool::new(false),
            arena,
            staging: self.staging.clone(),
            keep,
        }
    }

    /// The stream, for an operation that is not a kernel.
    pub fn stream(&self) -> &Arc<CudaStream> {
        self.interrupt();
        &self.stream
    }

    /// Notes that the next operation on the stream is not a kernel; a kernel after it begins after its end.
    pub fn interrupt(&self) {
        self.behind_kernel.store(false, Ordering::Relaxed);
    }

    /// [`Device::launch`] on this lane's stream; an empty grid launches nothing.
    ///
    /// # Safety
    /// As [`Device::launch`].
    pub unsafe fn launch(&self, kernel: &impl Kernel) -> Result<()> {
        let launch = kernel.launch();
        if launch.grid.contains(&0) {
            return Ok(());
        }
        let behind_kernel = self.behind_kernel.swap(true, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { self.device.launch(&self.stream, behind_kernel, &launch) }.inspect_err(|_| self.interrupt())
    }

    /// A buffer with a copy of these values. Returns when the values are copied out of the slice.
    pub fn upload<T: bytemuck::Pod>(&self, values: &[T]) -> Result<Buffer> {
        let buffer = self.arena.take(size_of_val(values))?;
        let bytes = bytemuck::cast_slice(values);
        // SAFETY: the buffer is as large as the values; other operations get it only after this copy in the
        // stream's order.
        unsafe { self.staging.upload(&self.device, self.stream(), buffer.address(), bytes) }?;
        Ok(buffer)
    }

    /// Keeps a value alive as long as the current recording, if one is made.
    pub fn keep_alive(&self, what: impl Any + Send) {
        if let Some(keep) = &self.keep {
            keep.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(what));
        }
    }

    /// Copies `count` values from a device address to the host and waits for them.
    ///
    /// # Safety
    /// There are `count` values of `T` at the address.
    pub unsafe fn download<T: bytemuck::Pod>(&self, address: u64, count: usize) -> Result<Vec<T>> {
        if self.keep.is_some() {
            return Err(Error::DeviceFailed(
                "a part of the network that is recorded cannot be looked into".into(),
            ));
        }
        let mut values = vec![T::zeroed(); count];
        let bytes = bytemuck::cast_slice_mut(&mut values);
        // SAFETY: the caller's promise.
        unsafe { self.staging.download(&self.device, self.stream(), address, bytes) }?;
        Ok(values)
    }
}
