//! Random numbers of a seed: the same on every machine, however often a stream is cut.

/// A sequence of random numbers (SplitMix64: Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The sequence of a part of the face: different parts of one seed have nothing in common.
    pub fn new(seed: u64, part: u64) -> Self {
        Self(mixed(seed).wrapping_add(mixed(!part)))
    }

    /// The next number, from 0 up to but not 1.
    pub fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (mixed(self.0) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next number, evenly distributed from `low` to `high`.
    pub fn within(&mut self, [low, high]: [f64; 2]) -> f64 {
        low + (high - low) * self.share()
    }

    /// True in this share of all calls.
    pub fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// The next number of a normal distribution of mean 0 and deviation 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.share()).cos()
    }
}

fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_as_they_should_be_and_differ_by_seed_and_part() {
        let mut random = Random::new(0, 0);
        let shares: Vec<f64> = (0..20_000).map(|_| random.share()).collect();
        let normals: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        assert!(shares.iter().all(|share| (0.0..1.0).contains(share)) && (mean(&shares) - 0.5).abs() < 0.01);
        let squares: Vec<f64> = normals.iter().map(|normal| normal * normal).collect();
        assert!(mean(&normals).abs() < 0.03 && (mean(&squares) - 1.0).abs() < 0.03);
        let first = |seed, part| Random::new(seed, part).share();
        assert!(first(0, 0) != first(1, 0) && first(0, 0) != first(0, 1) && first(1, 0) != first(0, 1));
    }
}
