//! Page-locked host memory, which the copy engine reads and writes while the host works.

use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{CudaStream, result};

use super::device::{Device, failed};
use crate::Result;

/// Copies begin at multiples of this many bytes, which is aligned for every type of number.
const ALIGNMENT: usize = 64;
/// The smallest allocation: the samples of 10 s, or a motion of a minute.
const LEAST: usize = 1 << 20;

/// A piece of page-locked memory.
#[derive(Debug)]
pub(super) struct Pinned {
    device: Arc<Device>,
    /// The stream of the copies from and to this memory.
    stream: Arc<CudaStream>,
    pointer: *mut u8,
    length: usize,
}

// SAFETY: only this value knows the memory; the driver accepts it from any thread.
unsafe impl Send for Pinned {}

impl Pinned {
    pub fn new(device: &Arc<Device>, stream: &Arc<CudaStream>, length: usize) -> Result<Self> {
        let no = |error| failed("lock host memory", error);
        device.context.bind_to_thread().map_err(no)?;
        // SAFETY: freed in `drop`; zeroed below, before it is read as bytes.
        let pointer = unsafe { result::malloc_host(length, 0) }.map_err(no)?.cast::<u8>();
        // SAFETY: the memory has `length` bytes.
        unsafe { pointer.write_bytes(0, length) };
        Ok(Self { device: device.clone(), stream: stream.clone(), pointer, length })
    }

    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: `length` bytes, zeroed, borrowed as `self` is. The copy engine writes them only while
        // `download` waits for it.
        unsafe { std::slice::from_raw_parts_mut(self.pointer, self.length) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Running copies must end first. Errors are returned by the next call that selects the device.
        let context = &self.device.context;
        context.record_err(self.stream.synchronize());
        // SAFETY: the pointer came from `malloc_host` and is freed once.
        context.record_err(unsafe { result::free_host(self.pointer.cast()) });
    }
}

/// The page-locked memory of a stream, through which all copies to and from the device pass. It grows to the
/// largest copy and is not reduced.
#[derive(Debug, Default)]
pub(super) struct Staging {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pinned: Option<Pinned>,
    /// Bytes whose copies may still be running.
    used: usize,
}

impl State {
    /// Room for `length` bytes.
    fn room(&mut self, device: &Arc<Device>, stream: &Arc<CudaStream>, length: usize) -> Result<&mut [u8]> {
        let capacity = self.pinned.as_ref().map_or(0, |pinned| pinned.length);
        if self.used + length > capacity {
            stream.synchronize().map_err(|error| failed("finish its work", error))?;
            self.used = 0;
        }
        let at = self.used;
        self.used = (at + length).next_multiple_of(ALIGNMENT);
        if length > capacity {
            self.pinned = Some(Pinned::new(device, stream, length.next_power_of_two().max(LEAST))?);
        }
        let Some(pinned) = &mut self.pinned else { return Ok(&mut []) };
        Ok(&mut pinned.bytes()[at..at + length])
    }
}

impl Staging {
    /// Copies to a device address; returns when the values are copied out of the slice.
    ///
    /// # Safety
    /// The address has room for as many bytes, until the stream has passed this copy.
    pub unsafe fn upload(
        &self,
        device: &Arc<Device>,
        stream: &Arc<CudaStream>,
        to: u64,
        values: &[u8],
    ) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let room = state.room(device, stream, values.len())?;
        room.copy_from_slice(values);
        device.context.bind_to_thread().map_err(|error| failed("be selected", error))?;
        // SAFETY: the caller's promise; this part of the staging memory is reused only after the stream has
        // been waited for.
        unsafe { result::memcpy_htod_async(to, room, stream.cu_stream()) }
            .map_err(|error| failed("take data", error))
    }

    /// Copies from a device address to the host and waits for the values.
    ///
    /// # Safety
    /// There are as many bytes at the address.
    pub unsafe fn download(
        &self,
        device: &Arc<Device>,
        stream: &Arc<CudaStream>,
        from: u64,
        values: &mut [u8],
    ) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let room = state.room(device, stream, values.len())?;
        device.context.bind_to_thread().map_err(|error| failed("be selected", error))?;
        // SAFETY: the caller's promise; the staging memory is not freed or moved before the stream has been
        // waited for.
        unsafe { result::memcpy_dtoh_async(room, from, stream.cu_stream()) }
            .map_err(|error| failed("give data back", error))?;
        stream.synchronize().map_err(|error| failed("finish its work", error))?;
        values.copy_from_slice(room);
        state.used = 0;
        Ok(())
    }
}
