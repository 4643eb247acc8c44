//! Reused memory of tensors: memory that an operation frees serves the next operations. Fresh memory costs
//! more than most passes over it, because the system first clears each of its pages.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// The most numbers that are kept for reuse, over all threads: 256 MiB. A forward of 10 s of the published
/// sizes has as many in use at once.
const KEPT: usize = 64 << 20;
/// Smaller buffers are left to the allocator.
const SMALL: usize = 16 << 10;

/// The buffers that are kept, in the order in which they were freed.
static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// The numbers of a tensor.
#[derive(Debug, Default)]
pub struct Buffer {
    values: Vec<f32>,
    /// True if the buffer returns to [`FREE`]. A buffer made from a vector does not: it was not taken from
    /// there, and such buffers would pile up.
    is_pooled: bool,
}

impl Buffer {
    /// An uninitialised buffer of `count` numbers; the caller must write all of them.
    pub fn unwritten(count: usize) -> Self {
        if count < SMALL {
            return Self { values: vec![0.0; count], is_pooled: false };
        }
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |values: &Vec<f32>| (count..=count + count / 2).contains(&values.capacity());
        let found = (0..free.len()).filter(|&i| fits(&free[i])).min_by_key(|&i| free[i].capacity());
        let found = found.map(|index| free.remove(index));
        drop(free);
        let values = match found {
            // Old values stay as they are; numbers that the buffer lacks (it was once shorter) become 0.
            Some(mut values) => {
                values.resize(count, 0.0);
                values
            }
            None => vec![0.0; count],
        };
        Self { values, is_pooled: true }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if !self.is_pooled {
            return;
        }
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(std::mem::take(&mut self.values));
        let mut kept: usize = free.iter().map(Vec::capacity).sum();
        // The oldest buffers are freed first: their size is the least likely to be needed.
        let gone = free.iter().take_while(|values| {
            let over = kept > KEPT;
            if over {
                kept -= values.capacity();
            }
            over
        });
        let gone = gone.count();
        let gone: Vec<Vec<f32>> = free.drain(..gone).collect();
        drop(free);
        drop(gone);
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut copy = Self::unwritten(self.len());
        copy.copy_from_slice(self);
        copy
    }
}

impl From<Vec<f32>> for Buffer {
    fn from(values: Vec<f32>) -> Self {
        Self { values, is_pooled: false }
    }
}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.values
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_freed_is_used_again_for_the_same_size_and_not_for_a_much_smaller_one() {
        const COUNT: usize = 1_234_567;
        let place = |buffer: &Buffer| buffer.as_ptr() as usize;
        let first = Buffer::unwritten(COUNT);
        let (length, at) = (first.len(), place(&first));
        drop(first);
        let small = Buffer::unwritten(COUNT / 10);
        assert_ne!(place(&small), at);
        // Tensors of other tests, which run at the same time, have other sizes and cannot take this buffer.
        let second = Buffer::unwritten(COUNT - 5);
        assert_eq!((length, second.len()), (COUNT, COUNT - 5));
        assert_eq!(place(&second), at);
    }
}
