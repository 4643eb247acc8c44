//! Lanes: a stream and the memory of what runs on it. Every thread has two on a device, so that several sessions share one
//! model without waiting for each other, and so that two branches of a forward can overlap.

use std::any::Any;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::ThreadId;

use cudarc::driver::CudaStream;

use super::arena::{Arena, Buffer};
use super::device::{Argument, Device, Shape, failed};
use super::pinned::Staging;
use super::recording::Keep;
use crate::{Error, Result};

/// A stream and its memory.
#[derive(Debug)]
pub(super) struct Lane {
    /// Whose it is.
    pub thread: ThreadId,
    pub device: Arc<Device>,
    stream: Arc<CudaStream>,
    /// The last thing on the stream is a kernel. Only the lane's own thread puts something on it.
    behind_kernel: AtomicBool,
    pub arena: Arc<Arena>,
    staging: Staging,
    /// While a recording is made: what it keeps alive.
    pub keep: Option<Keep>,
}

impl Lane {
    fn new(device: &Arc<Device>) -> Result<Self> {
        let stream = device.context.new_stream().map_err(|error| failed("make a stream", error))?;
        let thread = std::thread::current().id();
        Ok(Self {
            thread,
            device: device.clone(),
            stream,
            behind_kernel: AtomicBool::new(false),
            arena: Arena::new(device.clone()),
            staging: Staging::default(),
            keep: None,
        })
    }

    /// The stream, for anything but a kernel.
    pub fn stream(&self) -> &Arc<CudaStream> {
        self.interrupt();
        &self.stream
    }

    /// Something else than a kernel goes onto the stream; the next kernel comes behind it whole.
    pub fn interrupt(&self) {
        self.behind_kernel.store(false, Ordering::Relaxed);
    }

    /// [`Device::launch`] on this lane's stream; an empty grid launches nothing.
    ///
    /// # Safety
    /// As there.
    pub unsafe fn launch(&self, kernel: &str, shape: Shape, arguments: &[Argument]) -> Result<()> {
        if shape.grid.contains(&0) {
            return Ok(());
        }
        let behind_kernel = self.behind_kernel.swap(true, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { self.device.launch(&self.stream, behind_kernel, kernel, shape, arguments) }
            .inspect_err(|_| self.interrupt())
    }

    /// A buffer with a copy of these values. Returns when they are taken.
    pub fn upload<T: bytemuck::Pod>(&self, values: &[T]) -> Result<Buffer> {
        let buffer = self.arena.take(size_of_val(values))?;
        let bytes = bytemuck::cast_slice(values);
        // SAFETY: the buffer is as large as the values, and is given to others behind the copy in the stream's order.
        unsafe { self.staging.upload(&self.device, self.stream(), buffer.address(), bytes) }?;
        Ok(buffer)
    }

    /// A recording that is being made will need this.
    pub fn keep_alive(&self, what: impl Any + Send) {
        if let Some(keep) = &self.keep {
            keep.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(what));
        }
    }

    /// `count` values from a device address; waits for them.
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

/// A thread's lanes on a device.
struct Lanes {
    device: Arc<Device>,
    main: Arc<Lane>,
    side: Arc<Lane>,
    on_side: bool,
    /// The memory of recordings, on the main and on the side stream.
    recordings: [Arc<Arena>; 2],
}

thread_local! {
    static LANES: RefCell<Vec<Lanes>> = const { RefCell::new(Vec::new()) };
}

fn with_lanes<R>(device: &Arc<Device>, body: impl FnOnce(&mut Lanes) -> R) -> Result<R> {
    LANES.with_borrow_mut(|all| {
        if let Some(lanes) = all.iter_mut().find(|lanes| Arc::ptr_eq(&lanes.device, device)) {
            return Ok(body(lanes));
        }
        let lane = || Lane::new(device).map(Arc::new);
        let recordings = [Arena::of_recordings(device.clone()), Arena::of_recordings(device.clone())];
        let mut lanes =
            Lanes { device: device.clone(), main: lane()?, side: lane()?, on_side: false, recordings };
        let result = body(&mut lanes);
        all.push(lanes);
        Ok(result)
    })
}

/// The lane that the calling thread works on now.
pub(super) fn current(device: &Arc<Device>) -> Result<Arc<Lane>> {
    with_lanes(device, |lanes| if lanes.on_side { lanes.side.clone() } else { lanes.main.clone() })
}

/// Whether the calling thread is inside the second part of [`branches`].
pub(super) fn is_branch(device: &Arc<Device>) -> Result<bool> {
    with_lanes(device, |lanes| lanes.on_side)
}

/// The calling thread's streams with the memory of recordings; with `keep` while one is made.
pub(super) fn recording_lanes(device: &Arc<Device>, keep: Option<&Keep>) -> Result<[Arc<Lane>; 2]> {
    with_lanes(device, |lanes| {
        let lane = |own: &Lane, arena: &Arc<Arena>| {
            let (stream, arena, keep) = (own.stream.clone(), arena.clone(), keep.cloned());
            let (device, staging, behind_kernel) =
                (device.clone(), Staging::default(), AtomicBool::new(false));
            Arc::new(Lane { thread: own.thread, device, stream, behind_kernel, arena, staging, keep })
        };
        [lane(&lanes.main, &lanes.recordings[0]), lane(&lanes.side, &lanes.recordings[1])]
    })
}

/// Bytes that the calling thread has from the driver.
pub(super) fn reserved(device: &Arc<Device>) -> usize {
    with_lanes(device, |lanes| {
        let [main, side] = &lanes.recordings;
        [&lanes.main.arena, &lanes.side.arena, main, side].map(|arena| arena.reserved()).iter().sum()
    })
    .unwrap_or(0)
}

/// Runs `body` with these lanes in the place of the thread's own.
pub(super) fn on_lanes<R>(
    device: &Arc<Device>,
    main: Arc<Lane>,
    side: Arc<Lane>,
    body: impl FnOnce() -> Result<R>,
) -> Result<R> {
    let swap = |main: Arc<Lane>, side: Arc<Lane>| {
        with_lanes(device, |lanes| {
            (std::mem::replace(&mut lanes.main, main), std::mem::replace(&mut lanes.side, side))
        })
    };
    let (own_main, own_side) = swap(main, side)?;
    let result = body();
    swap(own_main, own_side)?;
    result
}

/// Forgets the calling thread's lanes on a device that it will not use again.
pub(super) fn forget(device: &Arc<Device>) {
    // The thread may be ending, its lanes with it.
    let _ = LANES.try_with(|lanes| lanes.borrow_mut().retain(|lanes| !Arc::ptr_eq(&lanes.device, device)));
}

/// Runs the first part on the main lane and the second on the side lane, which begins where the main lane stands and which the
/// main lane waits for. Inside a branch both run one after the other.
pub(super) fn branches<A, B>(
    device: &Arc<Device>,
    first: impl FnOnce() -> Result<A>,
    second: impl FnOnce() -> Result<B>,
) -> Result<(A, B)> {
    let (main, side, nested) =
        with_lanes(device, |lanes| (lanes.main.clone(), lanes.side.clone(), lanes.on_side))?;
    if nested {
        return Ok((first()?, second()?));
    }
    let join = |to: &Lane, from: &Lane| {
        to.stream().join(from.stream()).map_err(|error| failed("join streams", error))
    };
    join(&side, &main)?;
    let first = first();
    with_lanes(device, |lanes| lanes.on_side = true)?;
    let second = second();
    with_lanes(device, |lanes| lanes.on_side = false)?;
    // Also after an error: what the side lane still does must be over before its memory is used again.
    join(&main, &side)?;
    Ok((first?, second?))
}
