//! Attention biases: ALiBi's slopes (Press et al., ICLR 2022), and scales of the slopes.

use crate::tensor::AttentionBias;

/// ALiBi's slopes (Press et al., ICLR 2022): `2^(-8 i / heads)` if the number of heads is a power of two;
/// otherwise the slopes of the next smaller power, then every second one of the next larger power.
pub fn slopes(heads: usize) -> Vec<f32> {
    let geometric = |count: usize| (1..=count).map(move |i| 2f64.powf(-8.0 * i as f64 / count as f64) as f32);
    if heads.is_power_of_two() {
        return geometric(heads).collect();
    }
    let smaller = heads.next_power_of_two() / 2;
    geometric(smaller).chain(geometric(2 * smaller).step_by(2)).take(heads).collect()
}

/// A bias with which rows `i` and `j` see each other only if `|i - j| < rows`.
pub fn near(rows: usize) -> AttentionBias {
    AttentionBias::Window { rows }
}

/// `-slope * max(scale, 0) * |i - j|` between frames, and no bias to or from the first `tokens` rows.
pub fn scaled_distance(scale: &[f32], tokens: usize) -> AttentionBias {
    let slopes = slopes(scale.len()).iter().zip(scale).map(|(slope, scale)| slope * scale.max(0.0)).collect();
    AttentionBias::Distance { slopes, free_rows: tokens }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_of_8_and_of_12_heads_are_the_published_ones() {
        assert_eq!(slopes(8), [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625]);
        let twelve = slopes(12);
        assert_eq!(twelve[..8], slopes(8));
        for (slope, exponent) in twelve[8..].iter().zip([-0.5f32, -1.5, -2.5, -3.5]) {
            assert!((slope - exponent.exp2()).abs() < 1e-7);
        }
        assert_eq!(slopes(2), [0.0625, 0.00390625]);
    }
}
