//! Emotions that are drawn from their distribution.

use crate::animation::EmotionVector;
use crate::tensor::noise;
use crate::{Error, Result};

/// The stream of random numbers that draws an emotion.
pub(super) const STREAM: u32 = 2;

impl EmotionVector {
    /// Drawn from the distribution: the paper's `mu + exp(alpha / 2 * log variance) * noise`, to unit length;
    /// `alpha` is its uncertainty factor. The same seed draws the same.
    ///
    /// # Errors
    /// An `alpha` that is not finite.
    pub fn sample(&self, alpha: f32, seed: u64) -> Result<Self> {
        check_alpha(alpha)?;
        let noise = noise::normal(seed, STREAM, self.mu.len());
        let spread = |logvar: f32| (0.5 * alpha * logvar).clamp(-35.0, 35.0).exp();
        let drawn: Vec<f32> =
            self.mu.iter().zip(&self.logvar).zip(&noise).map(|((mu, v), e)| mu + spread(*v) * e).collect();
        Self::set(&drawn)
    }
}

pub(crate) fn check_alpha(alpha: f32) -> Result<()> {
    match alpha.is_finite() {
        true => Ok(()),
        false => Err(Error::Usage(format!("alpha is a finite number, not {alpha}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_spread_with_the_variance_and_repeat_with_the_seed() {
        let heard = EmotionVector { mu: vec![1.0, 0.0, 0.0], logvar: vec![-2.0; 3] };
        let [one, again, other] = [1, 1, 2].map(|seed| heard.sample(1.0, seed).unwrap().mu);
        assert_eq!(one, again);
        assert_ne!(one, other);
        assert!((one.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(heard.sample(f32::NAN, 1).is_err());
    }

    #[test]
    fn a_set_emotion_draws_nothing_but_itself() {
        let set = EmotionVector::set(&[3.0, 0.0, -4.0]).unwrap();
        let drawn = set.sample(1.0, 7).unwrap();
        assert!(drawn.mu.iter().zip(&set.mu).all(|(got, wanted)| (got - wanted).abs() < 1e-6), "{drawn:?}");
    }
}
