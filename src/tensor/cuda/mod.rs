//! The CUDA back end: the network in fp16 on an NVIDIA GPU, through the kernels of `kernels/`. At run time
//! only the driver is needed. Sums, norms, softmax and pooling are f32.
//!
//! `gpu` is the engine, which leases contexts ([`Cuda`]). `device` opens the driver and launches; `lane` is a
//! stream with its memory, and a context has two of them (`lanes`); `arena` divides device memory; `pinned`
//! is the host's side of copies; `recording` makes graphs; `overlap` lets launches begin early; `pack`
//! converts weights into the kernels' form and `weights` loads them; `tiles` divides products into blocks;
//! `ops` implements the operations. The other files are the launchers, which check the requirements of their
//! kernels.
//!
//! No call waits for the device as a whole or for a stream of another context: either would invalidate a
//! recording that another thread makes at that moment.
#![allow(unsafe_code)]

mod arena;
mod attention;
mod codes;
mod conv;
mod device;
mod gpu;
mod lane;
mod lanes;
#[doc(hidden)]
pub mod launch;
mod layout;
mod norm;
mod ops;
mod overlap;
mod pack;
mod pinned;
mod product;
mod recording;
mod rows;
mod skin;
mod spectrum;
mod stack;
mod tensor;
mod tiles;
mod weights;

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use cudarc::driver::CudaStream;

use self::arena::{Arena, Buffer};
use self::device::{Device, failed};
pub use self::gpu::Gpu;
use self::lane::Lane;
use self::lanes::Lanes;
use self::recording::Recordings;
pub use self::tensor::{Codes, Tensor, Weight};
use super::engine::Pooled;
use super::{Clips, Dtype, Role};
use crate::{Error, Result};

/// The most offset and slope tables that are kept: more than any batch size and length distribution in use.
const TABLES: usize = 4096;

/// A context of a GPU: two streams with their memory, and recordings. One thread at a time uses it; [`Gpu`]
/// gives it.
pub struct Cuda {
    /// Different for every context of the process.
    id: u64,
    device: Arc<Device>,
    // The order in which the fields are dropped: graphs before the tables and the memory that they use.
    recordings: RefCell<Recordings>,
    offsets: Tables<Clips>,
    slopes: Tables<Vec<u32>>,
    /// The addresses of the weights of stacks of layers.
    layers: Tables<Vec<u64>>,
    lanes: RefCell<Lanes>,
    /// The stream of weights and tables, which is never captured.
    transfer: Arc<CudaStream>,
    /// The memory of tables.
    tables: Arc<Arena>,
    /// The memory of weights, shared by the contexts of the GPU.
    weights: Arc<Arena>,
    used: RefCell<Used>,
}

/// Weights that running work reads.
#[derive(Default)]
struct Used {
    /// Held until the streams were waited for.
    held: Vec<Arc<Buffer>>,
    /// The weights of the current recording.
    recorded: Vec<Weak<Buffer>>,
    is_recording: bool,
}

/// Small tables that are the same in every forward.
#[derive(Debug)]
struct Tables<K>(RefCell<HashMap<K, Arc<Buffer>>>);

impl<K> Default for Tables<K> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl Drop for Cuda {
    fn drop(&mut self) {
        // A failure is a failure of the device; its next operation returns it.
        drop(self.settle());
    }
}

impl std::fmt::Debug for Cuda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cuda").field("id", &self.id).field("device", &self.device).finish_non_exhaustive()
    }
}

/// The address of an absent operand.
const NULL: u64 = 0;

/// The error for a shape of the network for which there is no kernel.
fn unsupported(op: &'static str, what: &str, expected: impl ToString, found: impl ToString) -> Error {
    Error::Shape {
        op,
        what: format!("{what}, which the GPU kernels do not know (the CPU does)"),
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

impl Cuda {
    fn new(device: &Arc<Device>, weights: &Arc<Arena>) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let transfer = device.context.new_stream().map_err(|error| failed("make a stream", error))?;
        let lanes = Lanes::new(id, device)?;
        let (offsets, slopes, layers) = Default::default();
        Ok(Self {
            id,
            device: device.clone(),
            recordings: RefCell::default(),
            offsets,
            slopes,
            layers,
            // Tables are uploaded while a recording is made, when no stream can be waited for: their memory
            // is not returned.
            tables: Arena::of_recordings(device.clone(), &lanes.streams_and(&transfer)),
            lanes: RefCell::new(lanes),
            transfer,
            weights: weights.clone(),
            used: RefCell::default(),
        })
    }

    /// True if a kernel may begin while the one before it ends ([`Gpu::launches_overlap`]).
    pub fn launches_overlap(&self) -> bool {
        self.device.overlap.is_on()
    }

    /// Bytes of device memory of the GPU's weights and of this context.
    pub fn reserved_memory(&self) -> usize {
        self.weights.reserved() + self.tables.reserved() + self.lanes.borrow().reserved()
    }

    /// The number of parts of networks that this context replays from a recording.
    pub fn recorded_parts(&self) -> usize {
        self.recordings.borrow().count()
    }

    /// The current lane.
    ///
    /// # Errors
    /// An operand of another context.
    fn enter(&self, operands: &[&Arc<Lane>]) -> Result<Arc<Lane>> {
        if operands.iter().all(|operand| operand.context == self.id) {
            return Ok(self.lane());
        }
        Err(Error::DeviceFailed(
            "a tensor of another context of the GPU was given to an operation: download it there and upload it here".into(),
        ))
    }

    /// Holds these weights until the streams were waited for.
    fn hold(&self, weights: &Arc<Buffer>) {
        let mut used = self.used.borrow_mut();
        if !used.held.iter().any(|held| Arc::ptr_eq(held, weights)) {
            used.held.push(weights.clone());
        }
        if used.is_recording && !used.recorded.iter().any(|other| std::ptr::eq(other.as_ptr(), &**weights)) {
            used.recorded.push(Arc::downgrade(weights));
        }
    }

    /// Runs `body`, and returns its result with the weights that its operations read.
    fn noting_weights<R>(&self, body: impl FnOnce() -> R) -> (R, Vec<Weak<Buffer>>) {
        self.used.borrow_mut().is_recording = true;
        let result = body();
        let mut used = self.used.borrow_mut();
        used.is_recording = false;
        (result, std::mem::take(&mut used.recorded))
    }

    /// An uninitialised tensor in fp16.
    fn tensor(&self, lane: &Arc<Lane>, clips: Clips, channels: usize) -> Result<Tensor> {
        self.tensor_of(lane, clips, channels, Dtype::F16)
    }

    /// An uninitialised tensor.
    fn tensor_of(&self, lane: &Arc<Lane>, clips: Clips, channels: usize, dtype: Dtype) -> Result<Tensor> {
        let row = tensor::stride(dtype, channels) * dtype.size();
        let buffer = Arc::new(lane.arena.take(clips.rows() * row)?);
        Ok(Tensor { clips, channels, dtype, buffer, lane: lane.clone() })
    }

    /// Copies values to the device for all lanes of this context; returns when the copy is complete.
    fn share<T: bytemuck::Pod>(&self, values: &[T]) -> Result<Buffer> {
        let buffer = self.tables.take(size_of_val(values))?;
        self.device.context.bind_to_thread().map_err(|error| failed("be selected", error))?;
        // SAFETY: the buffer is as large as the values, which live until the stream was waited for.
        unsafe {
            cudarc::driver::result::memcpy_htod_async(buffer.address(), values, self.transfer.cu_stream())
                .and_then(|()| self.transfer.synchronize())
        }
        .map_err(|error| failed("take data", error))?;
        Ok(buffer)
    }

    /// Copies values to the device for this lane. A recording needs the same values at each replay: they are
    /// uploaded once and kept.
    fn upload_values<T: bytemuck::Pod>(&self, lane: &Lane, values: &[T]) -> Result<Arc<Buffer>> {
        if lane.keep.is_none() {
            return Ok(Arc::new(lane.upload(values)?));
        }
        let buffer = Arc::new(self.share(values)?);
        lane.keep_alive(buffer.clone());
        Ok(buffer)
    }

    fn table<K: Hash + Eq, T: bytemuck::Pod>(
        &self,
        tables: &Tables<K>,
        key: K,
        values: &[T],
    ) -> Result<Arc<Buffer>> {
        let lane = self.lane();
        let mut kept = tables.0.borrow_mut();
        if let Some(buffer) = kept.get(&key) {
            lane.keep_alive(buffer.clone());
            return Ok(buffer.clone());
        }
        // While a recording is made no stream can be waited for, so the tables are freed later.
        if kept.len() >= TABLES && lane.keep.is_none() {
            // Running kernels may read the tables that are freed.
            self.lanes.borrow().wait()?;
            kept.clear();
        }
        let buffer = Arc::new(self.share(values)?);
        kept.insert(key, buffer.clone());
        lane.keep_alive(buffer.clone());
        Ok(buffer)
    }

    /// The row offsets of these clips, on the device.
    fn offsets(&self, clips: &Clips) -> Result<Arc<Buffer>> {
        let values: Vec<i32> = clips.offsets().iter().map(|&offset| offset as i32).collect();
        self.table(&self.offsets, clips.clone(), &values)
    }

    /// The address of a weight that was loaded for this role.
    fn weight(&self, op: &'static str, weight: &Weight, role: Role) -> Result<u64> {
        if weight.role == role {
            self.hold(&weight.block);
            return Ok(weight.address);
        }
        Err(Error::Shape {
            op,
            what: format!("{}: what it is used as", weight.name),
            expected: format!("{:?}, as it was loaded", weight.role),
            found: format!("{role:?}"),
        })
    }

    fn bias(&self, op: &'static str, bias: Option<&Weight>) -> Result<u64> {
        bias.map_or(Ok(NULL), |bias| self.weight(op, bias, Role::Vector))
    }
}

impl Pooled for Cuda {
    fn settle(&self) -> Result<()> {
        self.lanes.borrow().wait()?;
        self.transfer.synchronize().map_err(|error| failed("finish its work", error))?;
        self.used.borrow_mut().held.clear();
        Ok(())
    }
}

/// Rows of the longest clip.
fn longest(clips: &Clips) -> usize {
    clips.lengths().max().unwrap_or(0)
}
