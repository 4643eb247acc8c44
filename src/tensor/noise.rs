//! Counter-based random numbers: a function of (seed, stream, row, column), so that every device and every
//! order of work draws the same numbers.
//!
//! Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): the counter is
//! (column / 4, row, row >> 32, stream), the key is the seed, and the four words are for four columns.

use std::ops::Range;

use rayon::prelude::*;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// Ten rounds of Philox.
#[inline(always)]
pub fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let b = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// The words of the columns `4 index` to `4 index + 3`.
fn words(seed: u64, stream: u32, row: usize, index: usize) -> [u32; 4] {
    let row = row as u64;
    let counter = [index as u32, row as u32, (row >> 32) as u32, stream];
    philox4x32(counter, [seed as u32, (seed >> 32) as u32])
}

/// A word as a number in the open interval (0, 1).
fn unit(word: u32) -> f32 {
    ((word >> 9) as f32 + 0.5) * (1.0 / (1 << 23) as f32)
}

/// A uniform number in the open interval (0, 1): one of 2^23 values, each exact in f32, without 0 and 1.
pub fn uniform(seed: u64, stream: u32, row: usize, column: usize) -> f32 {
    unit(words(seed, stream, row, column / 4)[column % 4])
}

/// A standard Gumbel number, `-ln(-ln(u))`.
pub fn gumbel(seed: u64, stream: u32, row: usize, column: usize) -> f32 {
    -(-uniform(seed, stream, row, column).ln()).ln()
}

/// `count` standard normal numbers (Box and Muller): row 0 of a stream.
pub fn normal(seed: u64, stream: u32, count: usize) -> Vec<f32> {
    normal_rows(seed, stream, 0..1, count)
}

/// Standard normal numbers (rows, columns), row-major. A number follows from the seed, the stream, its row
/// and its column alone.
pub fn normal_rows(seed: u64, stream: u32, rows: Range<usize>, columns: usize) -> Vec<f32> {
    let mut values = vec![0.0; rows.len() * columns];
    values.par_chunks_mut(columns.max(1)).zip(rows).for_each(|(values, row)| {
        for (index, four) in values.chunks_mut(4).enumerate() {
            let words = words(seed, stream, row, index);
            for (pair, words) in four.chunks_mut(2).zip(words.as_chunks::<2>().0) {
                let [u, turn] = words.map(|word| f64::from(unit(word)));
                let (radius, angle) = ((-2.0 * u.ln()).sqrt(), std::f64::consts::TAU * turn);
                pair.iter_mut()
                    .zip([angle.cos(), angle.sin()])
                    .for_each(|(value, part)| *value = (radius * part) as f32);
            }
        }
    });
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_known_answers_of_its_paper() {
        assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(
            philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
        );
    }

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let x = normal(7, 2, 20_000);
        let mean = x.iter().sum::<f32>() / x.len() as f32;
        let variance = x.iter().map(|v| v * v).sum::<f32>() / x.len() as f32;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    /// Values of an independent NumPy implementation.
    #[test]
    fn normal_rows_are_the_known_ones_and_follow_from_their_own_place() {
        let near = |found: &[f32], expected: &[f32]| {
            found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-7, "{a} {b}"));
        };
        let rows = normal_rows(7, 256, 0..2, 7);
        near(&rows[..4], &[0.461_326_7, 0.404_372_1, 0.382_617_6, -0.081_341_13]);
        near(&rows[7..11], &[0.936_051, 0.422_399_73, -1.257_602_3, 0.972_116_2]);
        near(&normal_rows(7, 259, 1000..1001, 2), &[1.175_415, -1.438_706]);
        assert_eq!(normal_rows(7, 256, 1..2, 7), rows[7..]);
        assert_eq!(normal(7, 256, 7), rows[..7]);
    }

    #[test]
    fn gumbel_noise_is_finite_at_both_ends_and_differs_between_seeds_streams_rows_and_columns() {
        assert!((0.5f32 / (1 << 23) as f32).ln().is_finite());
        assert!((-(-(((1 << 23) - 1) as f32 + 0.5) / (1 << 23) as f32).abs().ln()).ln().is_finite());
        let draws = [
            gumbel(1, 0, 0, 0),
            gumbel(2, 0, 0, 0),
            gumbel(1, 1, 0, 0),
            gumbel(1, 0, 1, 0),
            gumbel(1, 0, 0, 1),
        ];
        for (i, a) in draws.iter().enumerate() {
            assert!(a.is_finite() && draws[..i].iter().all(|b| a != b));
        }
    }
}
