//! The layout of rows in device memory.

/// Channels as they lie in memory: a multiple of eight, so that every row begins at a 16-byte vector.
pub(super) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(8)
}
