//! Launches of `attention.cu` and `attention_over.cu`.

use super::{Kernel, Launch, arguments, tile_halves};

/// Rows of a tile of queries and of a tile of keys.
const TILE: usize = 64;

/// `attention_16`, `_32`, `_48`, `_64`, `_96`: attention of packed clips.
#[derive(Debug, Clone, Copy)]
pub struct Attention {
    /// (rows, heads * width) halves.
    pub y: u64,
    /// (rows, 3 * heads * width) halves: queries of all heads, then keys, then values.
    pub qkv: u64,
    /// The clips' rows.
    pub offsets: u64,
    /// (heads) f32, or null: no bias by distance.
    pub slopes: u64,
    /// Heads.
    pub heads: usize,
    /// Channels of a head: 16, 32, 48, 64 or 96.
    pub width: usize,
    /// A query sees keys less than this many rows away.
    pub window: usize,
    /// The first rows of a clip, which have no bias with any row.
    pub free_rows: usize,
    /// Clips.
    pub clips: usize,
    /// Rows of the longest clip.
    pub longest: usize,
}

impl Attention {
    /// The window in which a query sees every key.
    pub const ALL: usize = i32::MAX as usize;

    /// Groups of four warps that share the keys of a block: two, but one at width 96, where two do not fit
    /// into 99 KiB.
    fn groups(&self) -> usize {
        if self.width == 96 { 1 } else { 2 }
    }
}

impl Kernel for Attention {
    fn launch(&self) -> Launch {
        let groups = self.groups();
        // The queries, and for each group two stages of keys and of values.
        let tiles = 1 + 4 * groups;
        Launch {
            kernel: format!("attention_{}", self.width),
            grid: [self.longest.div_ceil(TILE), self.heads, self.clips],
            threads: 128 * groups,
            shared: tiles * size_of::<u16>() * tile_halves(self.width, TILE),
            arguments: arguments![
                self.y,
                self.qkv,
                self.offsets,
                self.slopes,
                self.heads,
                self.window,
                self.free_rows,
                1.0 / (self.width as f32).sqrt(),
            ],
        }
    }
}

/// `attention_over`: attention of queries over keys and values of other rows; a warp computes one query.
#[derive(Debug, Clone, Copy)]
pub struct AttentionOver {
    /// (queries, heads * width) halves.
    pub y: u64,
    /// (queries, heads * width) halves.
    pub q: u64,
    /// (keys, 2 * heads * width) halves: keys of all heads, then values.
    pub kv: u64,
    /// The rows of the clips of queries.
    pub q_offsets: u64,
    /// The rows of the clips of keys.
    pub kv_offsets: u64,
    /// (heads) f32, or null: no bias by distance.
    pub slopes: u64,
    /// Strides of y, q and kv.
    pub strides: [usize; 3],
    /// Heads.
    pub heads: usize,
    /// Channels of a head: a multiple of 8, at most [`WIDEST`](Self::WIDEST).
    pub width: usize,
    /// The number of keys that a query sees before its own position, and after it.
    pub reach: [usize; 2],
    /// Rows of one step of the bias.
    pub period: usize,
    /// The first rows of a clip, which have no bias with any row.
    pub free_rows: usize,
    /// Clips.
    pub clips: usize,
    /// Queries of the clip with the most queries.
    pub longest: usize,
}

impl AttentionOver {
    /// The most channels of a head.
    pub const WIDEST: usize = 128;
    /// The reach with which a query sees every key.
    pub const ALL: usize = i32::MAX as usize;
}

impl Kernel for AttentionOver {
    fn launch(&self) -> Launch {
        let [y_stride, q_stride, kv_stride] = self.strides;
        let [before, after] = self.reach;
        Launch {
            kernel: "attention_over".into(),
            grid: [self.longest.div_ceil(4), self.heads, self.clips],
            threads: 128,
            shared: 0,
            arguments: arguments![
                self.y,
                self.q,
                self.kv,
                self.q_offsets,
                self.kv_offsets,
                self.slopes,
                y_stride,
                q_stride,
                kv_stride,
                self.heads,
                self.width,
                before,
                after,
                self.period,
                self.free_rows,
                1.0 / (self.width as f32).sqrt(),
            ],
        }
    }
}
