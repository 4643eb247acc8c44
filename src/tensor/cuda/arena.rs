//! Device memory: a few large chunks from the driver, cut into buffers that return to the arena when they are
//! dropped. After the first forward of a length, no memory is requested from the driver.
//!
//! An arena belongs to one lane (a stream). The order of the stream makes reuse safe: an operation that gets
//! a buffer of an earlier operation runs after it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{CudaStream, result, sys};

use super::device::{Device, failed};
use crate::{Error, Result};

/// Every buffer begins at a multiple of this many bytes; the driver's chunks are aligned to it.
pub(super) const ALIGNMENT: usize = 256;
/// The smallest sizes of a new chunk: of the first chunk, and once the arena has as much as the second.
/// Between them, a new chunk is as large as the arena.
const CHUNKS: [usize; 2] = [2 << 20, 32 << 20];

/// The memory of one lane.
#[derive(Debug)]
pub(super) struct Arena {
    device: Arc<Device>,
    /// The streams whose work uses this memory.
    streams: Vec<Arc<CudaStream>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Chunks of the driver: address and bytes.
    chunks: Vec<(u64, usize)>,
    /// Free pieces: address and bytes. Adjacent free pieces of one chunk are merged.
    free: BTreeMap<u64, usize>,
    /// The driver had no memory left: from then on a chunk returns to the driver as soon as no piece of it is
    /// in use.
    full: bool,
    /// Recordings use this memory even if no piece of it is in use, so no chunk returns to the driver before
    /// the end.
    recorded: bool,
}

/// A piece of device memory, owned until it is dropped.
#[derive(Debug)]
pub(super) struct Buffer {
    address: u64,
    bytes: usize,
    arena: Arc<Arena>,
}

impl Buffer {
    pub fn address(&self) -> u64 {
        self.address
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.arena.give_back(self.address, self.bytes);
    }
}

impl State {
    /// Takes the smallest free piece that is large enough; the rest of the piece stays free.
    fn take(&mut self, bytes: usize) -> Option<u64> {
        let fitting = self.free.iter().filter(|(_, size)| **size >= bytes);
        let (&address, &size) = fitting.min_by_key(|(address, size)| (**size, **address))?;
        self.free.remove(&address);
        if size > bytes {
            self.free.insert(address + bytes as u64, size - bytes);
        }
        Some(address)
    }

    fn chunk_of(&self, address: u64) -> Option<(u64, usize)> {
        self.chunks.iter().copied().find(|&(begin, bytes)| (begin..begin + bytes as u64).contains(&address))
    }

    /// Removes the chunks of which no piece is in use.
    fn take_free_chunks(&mut self) -> Vec<u64> {
        let Self { chunks, free, .. } = self;
        let mut taken = Vec::new();
        chunks.retain(|(address, bytes)| {
            let whole = free.get(address) == Some(bytes);
            if whole {
                free.remove(address);
                taken.push(*address);
            }
            !whole
        });
        taken
    }

    fn put(&mut self, mut address: u64, mut bytes: usize) {
        let chunk = self.chunk_of(address);
        if let Some((&before, &size)) = self.free.range(..address).next_back()
            && before + size as u64 == address
            && self.chunk_of(before) == chunk
        {
            self.free.remove(&before);
            address = before;
            bytes += size;
        }
        let end = address + bytes as u64;
        if let Some(&size) = self.free.get(&end)
            && self.chunk_of(end) == chunk
        {
            self.free.remove(&end);
            bytes += size;
        }
        self.free.insert(address, bytes);
    }
}

impl Arena {
    /// Memory for the work of these streams.
    pub fn new(device: Arc<Device>, streams: &[Arc<CudaStream>]) -> Arc<Self> {
        Arc::new(Self { device, streams: streams.to_vec(), state: Mutex::default() })
    }

    /// As `new`, for recordings, whose addresses are fixed: chunks are freed only with the arena.
    pub fn of_recordings(device: Arc<Device>, streams: &[Arc<CudaStream>]) -> Arc<Self> {
        let state = State { recorded: true, ..State::default() };
        Arc::new(Self { device, streams: streams.to_vec(), state: Mutex::new(state) })
    }

    /// Waits only for the streams of this arena: a wait for the whole device would invalidate the recordings
    /// that other threads make at that moment. Errors are returned by the next call that selects the device.
    fn wait(&self) {
        for stream in &self.streams {
            self.device.context.record_err(stream.synchronize());
        }
    }

    fn free(&self, address: u64) {
        self.device.context.record_err(self.device.context.bind_to_thread());
        // SAFETY: a chunk came from the driver, no piece of it is in use, and the streams that used it were
        // waited for.
        self.device.context.record_err(unsafe { result::free_sync(address) });
    }

    /// A buffer of at least `bytes` bytes, uninitialised.
    pub fn take(self: &Arc<Self>, bytes: usize) -> Result<Buffer> {
        let bytes = bytes.max(1).next_multiple_of(ALIGNMENT);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let address = match state.take(bytes) {
            Some(address) => address,
            None => {
                let has: usize = state.chunks.iter().map(|(_, bytes)| bytes).sum();
                let mut size = bytes.max(has.clamp(CHUNKS[0], CHUNKS[1]));
                let mut begin = self.allocate(size, bytes);
                if begin.is_err() {
                    self.return_chunks(&mut state);
                    size = bytes;
                    begin = self.allocate(size, bytes);
                }
                state.full = begin.is_err();
                let begin = begin?;
                state.chunks.push((begin, size));
                if size > bytes {
                    state.put(begin + bytes as u64, size - bytes);
                }
                begin
            }
        };
        Ok(Buffer { address, bytes, arena: self.clone() })
    }

    /// Bytes that this arena has from the driver.
    pub fn reserved(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).chunks.iter().map(|(_, bytes)| bytes).sum()
    }

    fn allocate(&self, bytes: usize, wanted: usize) -> Result<u64> {
        self.device.context.bind_to_thread().map_err(|error| failed("be selected", error))?;
        // SAFETY: only this arena knows the memory; its `drop` frees it.
        unsafe { result::malloc_sync(bytes) }.map_err(|error| {
            if error.0 != sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY {
                return failed("allocate memory", error);
            }
            let free = result::mem_get_info().map_or("an unknown amount".into(), |(free, _)| megabytes(free));
            Error::DeviceFailed(format!(
                "the GPU's memory is full: {} more were needed for a tensor of {}, {free} were free; use shorter clips or smaller \
                 batches, or {}",
                megabytes(bytes),
                megabytes(wanted),
                crate::Advice::UseCpu.text()
            ))
        })
    }

    fn give_back(&self, address: u64, bytes: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.put(address, bytes);
        if state.full {
            self.return_chunks(&mut state);
        }
    }

    /// Returns chunks that are completely free to the driver.
    fn return_chunks(&self, state: &mut State) {
        if state.recorded {
            return;
        }
        let chunks = state.take_free_chunks();
        if !chunks.is_empty() {
            self.wait();
        }
        chunks.into_iter().for_each(|chunk| self.free(chunk));
    }
}

fn megabytes(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

impl Drop for Arena {
    fn drop(&mut self) {
        // Every buffer holds the arena, so no buffer is left.
        self.wait();
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (address, _) in std::mem::take(&mut state.chunks) {
            self.free(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn pieces_that_come_back_join_their_neighbours() {
        let mut state = State::default();
        state.chunks.push((1 << 20, 4096));
        state.chunks.push(((1 << 20) + 4096, 4096));
        state.put(1 << 20, 4096);
        state.put((1 << 20) + 4096, 4096);
        assert_eq!(state.free.len(), 2, "chunks that touch stay apart");
        let pieces: Vec<u64> = (0..4).map(|_| state.take(1024).unwrap()).collect();
        assert_eq!(pieces[3], (1 << 20) + 3072);
        for i in [1, 3, 2, 0] {
            state.put(pieces[i], 1024);
        }
        assert_eq!(state.free, [(1 << 20, 4096), ((1 << 20) + 4096, 4096)].into());
        assert!(state.take(5000).is_none());
        let held = state.take(4096).unwrap();
        assert_eq!(state.take_free_chunks(), [(1 << 20) + 4096]);
        state.put(held, 4096);
        assert_eq!((state.take_free_chunks(), state.chunks.len()), (vec![1 << 20], 0));
    }
}
