//! The tiles of matrix products, chosen by an estimate of the time in which the operands move from the
//! second-level cache to the multiprocessors: for a short clip this time, not the matrix units, limits a
//! product.

/// k values of a step, as in the kernels.
pub(super) const STEP: usize = 64;
/// Steps of a segment of a linear layer's sum. If several blocks share a sum, each computes one segment.
pub(super) const SEGMENT: usize = 12;

/// The share of the multiprocessors that the cache can serve at their full rate of 64 bytes a cycle: half of
/// 132 at 1.75 GHz read 7.4 TB/s. Published products on an H100 read 8 TB/s (tiles of 192 x 192 at 780
/// TFLOP/s), a published copy kernel 5.5.
const FED: (usize, usize) = (1, 2);

/// The work of a matrix product: `rows` of the longest of `clips`, in steps of 64 k values; a new sum begins
/// every `segment` steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    pub rows: usize,
    pub clips: usize,
    pub columns: usize,
    pub steps: usize,
    pub segment: usize,
}

/// The rows and columns of a block's tile, and the number of blocks that share the sum over k.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tiling {
    pub tile: (usize, usize),
    pub parts: usize,
}

/// Tiles of `matmul.cu`, and of `matmul_sm90.cu`. The largest has no registers for a second sum, so it
/// supports only one segment.
pub(super) const TILES: [(usize, usize); 2] = [(64, 64), (128, 128)];
pub(super) const HOPPER_TILES: [(usize, usize); 3] = [(64, 64), (128, 128), LARGEST];
const LARGEST: (usize, usize) = (128, 256);

impl Tiling {
    /// The fastest tile if each block computes whole sums.
    pub fn whole(work: Work, tiles: &[(usize, usize)], multiprocessors: usize) -> Self {
        let tiles = tiles.iter().filter(|&&tile| tile != LARGEST || work.steps <= work.segment);
        let tilings = tiles.map(|&tile| Self { tile, parts: 1 });
        tilings.min_by_key(|tiling| tiling.bytes(work, multiprocessors)).expect("there are tiles")
    }

    /// The fastest tiling, either of whole sums or with a block for each segment; the next kernel then adds
    /// the segments.
    pub fn in_parts(work: Work, multiprocessors: usize) -> Self {
        let parts = work.steps.div_ceil(work.segment);
        let split = TILES.map(|tile| Self { tile, parts });
        let whole = Self::whole(work, &HOPPER_TILES, multiprocessors);
        let tilings = [whole].into_iter().chain(split);
        tilings.min_by_key(|tiling| tiling.bytes(work, multiprocessors)).expect("there are tiles")
    }

    pub fn grid(self, work: Work) -> [usize; 3] {
        let parts = if self.parts > 1 { self.parts } else { work.clips };
        [work.rows.div_ceil(self.tile.0), work.columns.div_ceil(self.tile.1), parts]
    }

    /// The estimated time, as the bytes that one multiprocessor reads in it at full rate. The time is the
    /// larger of two: that of the operands or products of the busiest multiprocessor, and that of all
    /// operands at the cache's rate. Parts are written and read once more.
    fn bytes(self, work: Work, multiprocessors: usize) -> usize {
        let (rows, columns) = self.tile;
        let blocks = self.grid(work).iter().product::<usize>();
        let operands = (rows + columns) * STEP * 2;
        // In one cycle a multiprocessor computes 2048 products, or reads 64 bytes.
        let products = rows * columns * STEP / 2048 * 64;
        let steps = if self.parts > 1 { work.segment } else { work.steps };
        let share = |bytes: usize| bytes * FED.1 / (multiprocessors * FED.0).max(1);
        let busiest = blocks.div_ceil(multiprocessors.max(1)) * steps * operands.max(products);
        let all = share(blocks / self.parts * work.steps * operands);
        let parts =
            if self.parts > 1 { self.parts * work.rows * work.columns * 2 * size_of::<f32>() } else { 0 };
        busiest.max(all) + share(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const H200: usize = 132;

    fn linear(rows: usize, inputs: usize, columns: usize) -> Work {
        Work { rows, clips: 1, columns, steps: inputs.div_ceil(STEP), segment: SEGMENT }
    }

    fn whole(work: Work) -> (usize, usize) {
        Tiling::whole(work, &HOPPER_TILES, H200).tile
    }

    #[test]
    fn ten_seconds_take_large_tiles_and_share_long_sums() {
        for rows in [250, 509] {
            assert_eq!(whole(linear(rows, 768, 2304)), (128, 128));
            assert_eq!(
                Tiling::in_parts(linear(rows, 3072, 768), H200),
                Tiling { tile: (128, 128), parts: 4 }
            );
        }
        assert_eq!(Tiling::in_parts(linear(509, 768, 768), H200).parts, 1, "one segment");
    }

    #[test]
    fn a_second_takes_small_tiles_and_shares_long_sums() {
        assert_eq!(whole(linear(50, 768, 2304)), (64, 64));
        assert_eq!(Tiling::in_parts(linear(50, 3072, 768), H200), Tiling { tile: (64, 64), parts: 4 });
    }

    #[test]
    fn batches_take_the_largest_tile_and_do_not_pay_for_parts() {
        let rows = 32 * 509;
        assert_eq!(whole(linear(rows, 768, 3072)), LARGEST);
        // Its sum has several segments, which the largest tile does not support.
        let long = linear(rows, 3072, 768);
        let tiling = Tiling::in_parts(long, H200);
        assert_eq!(tiling, Tiling { tile: (128, 128), parts: 1 });
        assert_eq!(tiling.grid(long), [128, 6, 1]);
    }

    #[test]
    fn convolutions_have_blocks_for_every_clip_and_the_largest_tile_where_they_are_long() {
        let conv = |rows| Work { rows, clips: 3, columns: 512, steps: 24, segment: 24 };
        assert_eq!(Tiling { tile: (64, 64), parts: 1 }.grid(conv(130)), [3, 8, 3]);
        assert_eq!(whole(conv(16_000)), LARGEST);
        assert_eq!(whole(conv(130)), (64, 64));
    }
}
