//! Launches of `attention.cu`.

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

    /// Groups of four warps that share the keys of a block. Two groups of 96 would not fit into 99 KiB.
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
