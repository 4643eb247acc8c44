//! Products of bf16 with sums in f32, on processors with AVX512_BF16: half the bytes of f32, and twice the
//! multiplications of f32 in one instruction. The tile is that of `tile.rs`, with pairs of numbers in place
//! of numbers.
//!
//! `VDPBF16PS` adds the products of two pairs to a sum, rounding to the nearest; numbers below 1e-38 count as
//! 0.

use super::tile::Block;

/// True if this processor has these products.
pub(super) fn is_available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Computes a block whose panels are bf16. Only processors with the instructions make such panels.
pub(super) fn compute(block: Block<'_>) {
    assert!(is_available(), "bf16 panels on a processor without bf16 products");
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the processor has the instructions; the line above checked it.
    #[allow(unsafe_code)]
    unsafe {
        x86::compute(block);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = block;
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m512, __m512bh, __m512i, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps, _mm512_set1_epi32,
        _mm512_setzero_ps,
    };
    use std::mem::transmute;

    use super::super::pairs::{PAIR, WIDTH};
    use super::super::tile::{Block, Tile};

    /// The inner dimension of a block at most: a block of a panel is 64 KiB, as in f32.
    const DEPTH: usize = 1024;
    /// Rows of a tile: 24 of 32 registers hold sums.
    const HEIGHT: usize = 12;
    /// Numbers of a vector.
    const LANES: usize = 32;

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]
    pub fn compute(block: Block<'_>) {
        block.tiles::<_, HEIGHT>(Bf16, DEPTH);
    }

    /// The instructions of AVX512_BF16. Only [`compute`] makes a value, where the processor has them; the
    /// methods are inlined into that function.
    #[derive(Clone, Copy)]
    struct Bf16;

    // SAFETY of all blocks below: only `compute` calls them, in a function with the features enabled; the
    // vectors that are transmuted have the same size, and any bits are valid numbers.
    #[allow(unsafe_code)]
    impl Tile for Bf16 {
        type Word = u32;
        const NUMBERS: usize = PAIR;

        #[inline(always)]
        fn width(self) -> usize {
            WIDTH
        }

        #[inline(always)]
        fn gather<const HEIGHT: usize>(self, row: &[f32], slot: usize, target: &mut [[u32; HEIGHT]]) {
            let (whole, rest) = row.as_chunks::<LANES>();
            let mut last = [0.0; LANES];
            last[..rest.len()].copy_from_slice(rest);
            let rows = whole.iter().chain((!rest.is_empty()).then_some(&last));
            for (target, row) in target.chunks_mut(LANES / PAIR).zip(rows) {
                // SAFETY: see above.
                let words: [u32; LANES / PAIR] = unsafe {
                    let [low, high] = transmute::<[f32; LANES], [__m512; 2]>(*row);
                    transmute(_mm512_cvtne2ps_pbh(high, low))
                };
                target.iter_mut().zip(words).for_each(|(target, word)| target[slot] = word);
            }
        }

        /// Loops over indices, so that the compiler keeps each sum in a register.
        #[inline(always)]
        #[allow(clippy::needless_range_loop)]
        fn multiply<const HEIGHT: usize>(
            self,
            a: &[[u32; HEIGHT]],
            b: &[u32],
            mut emit: impl FnMut(usize, &[f32]),
        ) {
            let (b, _) = b.as_chunks::<WIDTH>();
            // SAFETY: see above.
            let sums: [[f32; WIDTH]; HEIGHT] = unsafe {
                let mut sums = [[_mm512_setzero_ps(); 2]; HEIGHT];
                for (a, b) in a.iter().zip(b) {
                    let b = transmute::<[u32; WIDTH], [__m512bh; 2]>(*b);
                    for row in 0..HEIGHT {
                        let a = transmute::<__m512i, __m512bh>(_mm512_set1_epi32(a[row] as i32));
                        for vector in 0..2 {
                            sums[row][vector] = _mm512_dpbf16_ps(sums[row][vector], a, b[vector]);
                        }
                    }
                }
                sums.map(|sums| transmute::<[__m512; 2], [f32; WIDTH]>(sums))
            };
            for (row, sums) in sums.iter().enumerate() {
                emit(row, sums);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::operands::{Finish, Matrix};
    use super::super::panels::{Format, Panels};
    use super::*;

    #[test]
    fn a_nan_stays_one_and_the_infinite_infinite() {
        if !is_available() {
            return;
        }
        let panels = Panels::from_transposed(&[1.0, 0.5], 2, 1, 2, Format::Bf16);
        let product = |a: [f32; 2]| {
            let mut out = [0.0];
            let (a, finish) = (Matrix::rows(&a, 2), Finish::NONE);
            Block { a, rows: 1, b: &panels, out: &mut out, stride: 1, finish }.compute();
            out[0]
        };
        assert_eq!(product([1.0, 2.0]), 2.0);
        assert!(product([f32::NAN, 1.0]).is_nan());
        assert_eq!(product([1.0, f32::INFINITY]), f32::INFINITY);
    }
}
