//! The packed batch: the rows of all clips one after another, and a table of the first row of each.

use std::ops::Range;
use std::sync::Arc;

/// Row offsets of packed clips (the variable-length convention of FlashAttention).
///
/// Clip `i` owns rows `offsets[i]..offsets[i + 1]`. There is no padding; a clip may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Clips {
    offsets: Arc<[usize]>,
}

impl Clips {
    /// A batch of one clip.
    pub fn one(rows: usize) -> Self {
        Self::from_lengths([rows])
    }

    /// A batch of clips of these lengths, in this order.
    pub fn from_lengths(lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut offsets = vec![0];
        for length in lengths {
            offsets.push(offsets[offsets.len() - 1] + length);
        }
        Self { offsets: offsets.into() }
    }

    /// The number of clips.
    pub fn count(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The number of rows of all clips.
    pub fn rows(&self) -> usize {
        self.offsets[self.count()]
    }

    /// The offsets: `count() + 1` numbers, the first 0, the last [`rows`](Self::rows).
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// The rows of one clip.
    pub fn range(&self, clip: usize) -> Range<usize> {
        self.offsets[clip]..self.offsets[clip + 1]
    }

    /// The rows of every clip, in order.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = Range<usize>> + '_ {
        (0..self.count()).map(|clip| self.range(clip))
    }

    /// The length of every clip, in order.
    pub fn lengths(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.ranges().map(|range| range.len())
    }

    /// The same clips with other lengths.
    pub fn map(&self, length: impl FnMut(usize) -> usize) -> Self {
        Self::from_lengths(self.lengths().map(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_batch_follow_each_other_and_empty_clips_are_allowed() {
        let clips = Clips::from_lengths([3, 0, 5]);
        assert_eq!(clips.offsets(), [0, 3, 3, 8]);
        assert_eq!(clips.rows(), 8);
        assert_eq!(clips.lengths().collect::<Vec<_>>(), [3, 0, 5]);
        assert_eq!(clips.map(|n| n * 2).range(2), 6..16);
    }
}
