//! The CUDA back end: the network in fp16 on an NVIDIA GPU, through the kernels of `kernels/`, with nothing but the driver at run
//! time. Sums, norms, softmax and pooling are f32.
//!
//! `device` opens the driver and launches; `lane` is a stream with its memory, two for every thread; `arena` cuts the memory;
//! `pinned` is the host's side of copies; `recording` makes graphs; `overlap` lets launches begin early; `pack` brings weights into the
//! kernels' form and `weights` takes them over; `tiles` cuts products into blocks; `ops` is the network's side, and the other files
//! are the launchers, which check what their kernels require.
#![allow(unsafe_code)]

mod arena;
mod attention;
mod codes;
mod conv;
mod device;
mod lane;
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

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use self::arena::{Arena, Buffer};
use self::device::{Argument, Device, failed};
use self::lane::Lane;
pub use self::tensor::{Codes, Tensor, Weight};
use super::{Activation, Clips, Dtype, Role};
use crate::{Error, Result};

/// Offset and slope tables that are kept; more than any batch size and length distribution in use.
const TABLES: usize = 4096;

/// A GPU.
///
/// One `Cuda` serves any number of threads. Tensors belong to the thread that made them; another thread may use them, at the
/// price of waiting for both.
#[derive(Debug)]
pub struct Cuda {
    device: Arc<Device>,
    /// Weights and tables.
    shared: Arc<Arena>,
    offsets: Tables<Clips>,
    slopes: Tables<Vec<u32>>,
    /// Where the weights of stacks of layers lie.
    layers: Tables<Vec<u64>>,
}

/// Small tables that are the same in every forward.
#[derive(Debug)]
struct Tables<K> {
    kept: Mutex<HashMap<K, Arc<Buffer>>>,
}

impl<K> Default for Tables<K> {
    fn default() -> Self {
        Self { kept: Mutex::default() }
    }
}

/// The lane of an operation. If an operand is another thread's, the operation is over before this is dropped.
struct Entry {
    lane: Arc<Lane>,
    foreign: bool,
}

impl std::ops::Deref for Entry {
    type Target = Arc<Lane>;
    fn deref(&self) -> &Arc<Lane> {
        &self.lane
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.foreign {
            // A failure is the stream's own and comes back with its next operation.
            let _ = self.lane.stream().synchronize();
        }
    }
}

impl Drop for Cuda {
    fn drop(&mut self) {
        recording::forget(self);
        lane::forget(&self.device);
    }
}

fn address(buffer: &Buffer) -> Argument {
    Argument::Address(buffer.address())
}

fn int(value: usize) -> Argument {
    Argument::Int(value as i32)
}

const NULL: Argument = Argument::Address(0);

/// The number and the slope that the kernels know an activation by.
fn numbers(activation: Activation) -> (Argument, Argument) {
    let (number, slope) = match activation {
        Activation::None => (0, 0.0),
        Activation::Gelu => (1, 0.0),
        Activation::Relu => (2, 0.0),
        Activation::LeakyRelu(slope) => (3, slope),
    };
    (Argument::Int(number), Argument::Float(slope))
}

/// The network has a shape that no kernel was made for.
fn unsupported(op: &'static str, what: &str, expected: impl ToString, found: impl ToString) -> Error {
    Error::Shape {
        op,
        what: format!("{what}, which the GPU kernels do not know (the CPU does)"),
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

impl Cuda {
    /// Opens device `ordinal`.
    ///
    /// # Errors
    /// [`Error::Device`], a sentence: no kernels built in, no driver, too old a driver, no such device, too old a device.
    pub fn new(ordinal: usize) -> Result<Self> {
        let device = Device::open(ordinal)?;
        let shared = Arena::new(device.clone());
        let (offsets, slopes, layers) = Default::default();
        Ok(Self { device, shared, offsets, slopes, layers })
    }

    /// Whether the program was built with the GPU kernels; without them [`Cuda::new`] always fails.
    pub fn is_built_in() -> bool {
        device::has_kernels()
    }

    /// How many devices there are.
    ///
    /// # Errors
    /// Why CUDA cannot be used, as [`Cuda::new`] says it.
    pub fn devices() -> Result<usize> {
        device::count()
    }

    /// The device's name and compute capability.
    pub fn name(&self) -> &str {
        &self.device.name
    }

    /// Whether a kernel may begin while the one before it ends: where GPU, driver and the environment variable
    /// `DEEPTALK_LAUNCH_OVERLAP` allow it.
    pub fn launches_overlap(&self) -> bool {
        self.device.overlap.is_on()
    }

    /// Bytes of device memory that weights and the calling thread's activations have from the driver.
    pub fn reserved_memory(&self) -> usize {
        self.shared.reserved() + lane::reserved(&self.device)
    }

    /// How many parts of the network the calling thread replays from a recording.
    pub fn recorded_parts(&self) -> usize {
        recording::count(self)
    }

    /// The lane to work on; waits for operands of other threads.
    fn enter(&self, operands: &[&Arc<Lane>]) -> Result<Entry> {
        let lane = lane::current(&self.device)?;
        let mut foreign = false;
        for operand in operands {
            if operand.thread != lane.thread {
                operand.stream().synchronize().map_err(|error| failed("finish its work", error))?;
                foreign = true;
            }
        }
        Ok(Entry { lane, foreign })
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

    /// Copies to the device, for every thread to use.
    fn share<T: bytemuck::Pod>(&self, values: &[T]) -> Result<Buffer> {
        let buffer = self.shared.take(size_of_val(values))?;
        self.device.context.bind_to_thread().map_err(|error| failed("be selected", error))?;
        // SAFETY: the buffer is as large as the values; both calls work on the driver's own stream.
        unsafe {
            cudarc::driver::result::memcpy_htod_sync(buffer.address(), values)
                // The copy may return when it has read the values; the lanes' streams do not wait for the rest of it.
                .and_then(|()| cudarc::driver::result::stream::synchronize(std::ptr::null_mut()))
        }
        .map_err(|error| failed("take data", error))?;
        Ok(buffer)
    }

    /// Copies to the device for this lane. What a recording uploads is the same at every replay: it goes up once, and stays.
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
        let buffer = self.kept_table(tables, key, values)?;
        lane::current(&self.device)?.keep_alive(buffer.clone());
        Ok(buffer)
    }

    fn kept_table<K: Hash + Eq, T: bytemuck::Pod>(
        &self,
        tables: &Tables<K>,
        key: K,
        values: &[T],
    ) -> Result<Arc<Buffer>> {
        let mut kept = tables.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(buffer) = kept.get(&key) {
            return Ok(buffer.clone());
        }
        if kept.len() >= TABLES {
            // Kernels that are under way may read the tables that go.
            self.device.context.synchronize().map_err(|error| failed("finish its work", error))?;
            kept.clear();
        }
        let buffer = Arc::new(self.share(values)?);
        kept.insert(key, buffer.clone());
        Ok(buffer)
    }

    /// The row offsets of these clips, on the device.
    fn offsets(&self, clips: &Clips) -> Result<Arc<Buffer>> {
        let values: Vec<i32> = clips.offsets().iter().map(|&offset| offset as i32).collect();
        self.table(&self.offsets, clips.clone(), &values)
    }

    /// Where a weight lies that was taken for this.
    fn weight(&self, op: &'static str, weight: &Weight, role: Role) -> Result<Argument> {
        if weight.role == role {
            return Ok(Argument::Address(weight.address));
        }
        Err(Error::Shape {
            op,
            what: format!("{}: what it is used as", weight.name),
            expected: format!("{:?}, as it was loaded", weight.role),
            found: format!("{role:?}"),
        })
    }

    fn bias(&self, op: &'static str, bias: Option<&Weight>) -> Result<Argument> {
        bias.map_or(Ok(NULL), |bias| self.weight(op, bias, Role::Vector))
    }
}

/// Rows of the longest clip.
fn longest(clips: &Clips) -> usize {
    clips.lengths().max().unwrap_or(0)
}
