//! The layout of rows in device memory.

/// The padded number of channels in memory: a multiple of eight, so that each row begins at a 16-byte vector.
pub(super) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(8)
}
