//! Launches of `transformer_stack.cu`.

use super::{Kernel, Launch, arguments, number, slope};
use crate::tensor::Activation;

const WARPS: usize = 8;

/// A kernel of the family: the rows of a block, the widest row, and the steps of 32 k values in the ring of
/// weights.
struct Variant {
    rows: usize,
    widest: usize,
    stages: usize,
}

/// The first variant that fits is the best. With fewer rows, a block computes fewer rows that its neighbours
/// also compute, or there are more blocks. With the same rows, a deeper ring requests the weights earlier.
const VARIANTS: [Variant; 4] = [
    Variant { rows: 32, widest: 64 * 6, stages: 5 },
    Variant { rows: 32, widest: 64 * 6, stages: 3 },
    Variant { rows: 64, widest: 64 * 4, stages: 5 },
    Variant { rows: 64, widest: 64 * 4, stages: 3 },
];

/// The sizes of a stack of transformer layers, and the kernel that runs it.
#[derive(Debug, Clone, Copy)]
pub struct StackSize {
    /// Rows of a block, in the kernel's name: 32 or 64.
    pub rows: usize,
    /// Stages of the ring of weights: 3, or 5 in the kernels whose names end with `_deep`.
    pub stages: usize,
    /// Layers.
    pub layers: usize,
    /// Channels of a row, a multiple of 32.
    pub width: usize,
    /// Channels of the feed-forward, a multiple of 32.
    pub feed_forward: usize,
    /// Heads; if the window is over 1, the channels of a head are a multiple of 16.
    pub heads: usize,
    /// A row sees rows less than this many away.
    pub window: usize,
}

impl StackSize {
    /// The best kernel for a stack on a device whose blocks may have `shared_limit` bytes of shared memory;
    /// the fields `rows` and `stages` of `self` are ignored. `None` if no kernel fits.
    pub fn best(self, shared_limit: usize) -> Option<Self> {
        let fits = |variant: &Variant| {
            let size = Self { rows: variant.rows, stages: variant.stages, ..self };
            // A block must write at least one tile of the matrix units.
            let gives = size.tile().is_some_and(|tile| tile >= 16);
            (gives && size.width <= variant.widest && size.shared() <= shared_limit).then_some(size)
        };
        VARIANTS.iter().find_map(fits)
    }

    /// The rows of a block that it writes. It computes the others only as input of these: a layer reaches
    /// `window - 1` rows to either side. `None` if no row is left.
    pub fn tile(&self) -> Option<usize> {
        let halo = self.window.checked_sub(1)?.checked_mul(self.layers)?;
        self.rows.checked_sub(halo.checked_mul(2)?).filter(|tile| *tile > 0)
    }

    /// Bytes of shared memory of a block: the rows, their queries, keys and values or feed-forward, two
    /// tables of sums, and the ring.
    pub fn shared(&self) -> usize {
        let mixed = if self.window > 1 { 3 * self.width } else { self.width };
        let pitch = |width: usize| size_of::<u16>() * width + 16;
        let row = pitch(self.width) + pitch(mixed.max(self.feed_forward)) + 2 * WARPS * size_of::<f32>();
        self.rows * row + self.stages * WARPS * 512 * self.width.div_ceil(64)
    }
}

/// `transformer_stack_32`, `_64`, each also with `_deep`.
#[derive(Debug, Clone, Copy)]
pub struct TransformerStack {
    /// (rows, width) halves.
    pub y: u64,
    /// (rows, width) halves.
    pub x: u64,
    /// (layers, 12) addresses: weight (out, in) and bias (or null) of qkv and of the projection out; weight
    /// and bias of the first norm; weight and bias of up and of down; weight and bias of the second norm.
    pub layers: u64,
    /// The clips' rows.
    pub offsets: u64,
    /// The sizes. If the blocks of a stack have no rows to write, nothing is launched.
    pub size: StackSize,
    /// The activation of the feed-forward.
    pub activation: Activation,
    /// Added to the variance by the norms.
    pub eps: f32,
    /// Clips.
    pub clips: usize,
    /// Rows of the longest clip.
    pub longest: usize,
}

impl Kernel for TransformerStack {
    fn launch(&self) -> Launch {
        let Self { y, x, layers, offsets, size, activation, eps, clips, longest } = *self;
        let StackSize { width, feed_forward, heads, window, .. } = size;
        let scale = 1.0 / ((width / heads) as f32).sqrt();
        let deep = if size.stages == 5 { "_deep" } else { "" };
        Launch {
            kernel: format!("transformer_stack_{}{deep}", size.rows),
            grid: [size.tile().map_or(0, |tile| longest.div_ceil(tile)), clips, 1],
            threads: 32 * WARPS,
            shared: size.shared(),
            arguments: arguments![
                y,
                x,
                layers,
                offsets,
                size.layers,
                width,
                feed_forward,
                heads,
                window,
                number(activation),
                slope(activation),
                scale,
                eps,
            ],
        }
    }
}
