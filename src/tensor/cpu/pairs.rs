//! Pairs of bf16 numbers, as panels hold them and as `VDPBF16PS` multiplies them.

use super::math::vectorised;

/// Numbers that one instruction multiplies and adds to one sum.
pub(super) const PAIR: usize = 2;
/// Columns of a panel: two vectors of 16 sums.
pub(super) const WIDTH: usize = 32;

/// Two numbers (or one number and 0) as a word of a panel.
#[inline(always)]
pub(super) fn word(pair: &[f32]) -> u32 {
    bits(pair[0]) | pair.get(1).map_or(0, |second| bits(*second)) << 16
}

/// The word of each column of two rows.
pub(super) fn words(first: &[f32], second: Option<&[f32]>, words: &mut [u32]) {
    vectorised(
        #[inline(always)]
        || {
            words.iter_mut().zip(first).for_each(|(word, first)| *word = bits(*first));
            let second = second.into_iter().flatten();
            words.iter_mut().zip(second).for_each(|(word, second)| *word |= bits(*second) << 16);
        },
    );
}

/// The nearest bf16, ties to even; no branch, so that loops become vectors.
#[inline(always)]
fn bits(value: f32) -> u32 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    // A NaN with all its set bits in the removed half would become infinite.
    (if value.is_nan() { bits | 0x40_0000 } else { rounded }) >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_as_the_half_crate_does() {
        let special =
            [0.0, -0.0, 1e-40, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0x7f80_0001)];
        let ties = (0..64).map(|i| f32::from_bits(0x3f80_0000 + i * 0x4000));
        for value in ties.chain(special) {
            let expected = half::bf16::from_f32(value).to_bits();
            assert_eq!(bits(value), u32::from(expected), "{value}");
        }
    }
}
