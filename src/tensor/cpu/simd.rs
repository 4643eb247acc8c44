//! The size of a tile of sums on this processor.

use pulp::{Simd, WithSimd};

/// Vectors across a panel.
pub(super) const VECTORS: usize = 2;
/// Columns of a panel on this machine.
pub(super) fn width() -> usize {
    struct Width;
    impl WithSimd for Width {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            VECTORS * S::F32_LANES
        }
    }
    pulp::Arch::new().dispatch(Width)
}

/// Rows of a tile: the most whose sums fit into the registers.
pub(super) fn height() -> usize {
    struct Height;
    impl WithSimd for Height {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            if S::REGISTER_COUNT >= 32 { 12 } else { 6 }
        }
    }
    pulp::Arch::new().dispatch(Height)
}
