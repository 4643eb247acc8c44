//! An emotion as numbers: where it comes from, and what can be done with it before it is lent to a face.

use crate::tensor::noise;
use crate::{Error, Result};

/// The stream of random numbers that draws an emotion.
pub(super) const STREAM: u32 = 2;
/// The log variance of an emotion that is set, not heard: nothing is left to draw.
const CERTAIN: f32 = -60.0;
/// Nearly parallel (or opposite) vectors have no well-defined great circle between them.
const PARALLEL: f64 = 1e-4;

/// The distribution of an emotion: a direction, and how sure it is in each dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct EmotionVector {
    /// The mean, of unit length.
    pub mu: Vec<f32>,
    /// The log variance.
    pub logvar: Vec<f32>,
}

impl EmotionVector {
    /// An emotion that is set by its direction; the length does not matter. There is nothing to draw from it: every sample is its
    /// mean, to rounding.
    ///
    /// # Errors
    /// A vector that is empty, not finite, or has no direction.
    pub fn set(direction: &[f32]) -> Result<Self> {
        let length = direction.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
        if !(length.is_finite() && length > 0.0) {
            return Err(Error::Usage(format!(
                "an emotion vector is a direction: expected finite numbers that are not all 0, found {} numbers of length {length}",
                direction.len()
            )));
        }
        let mu = direction.iter().map(|v| (f64::from(*v) / length) as f32).collect();
        Ok(Self { mu, logvar: vec![CERTAIN; direction.len()] })
    }

    /// `share` of the way to another emotion: means along the great circle, log variances straight. 0 is this one, 1 the other.
    ///
    /// # Errors
    /// Vectors of different widths, and a share outside 0 to 1.
    pub fn blend(&self, other: &Self, share: f32) -> Result<Self> {
        if self.mu.len() != other.mu.len() {
            return Err(Error::Usage(format!(
                "two emotions of different models cannot be blended: one is {} wide, the other {}",
                self.mu.len(),
                other.mu.len()
            )));
        }
        check_share(share)?;
        let share = f64::from(share);
        let dot: f64 = self.mu.iter().zip(&other.mu).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let angle = dot.clamp(-1.0, 1.0).acos();
        let (own, others) = if angle.sin() < PARALLEL {
            (1.0 - share, share)
        } else {
            (((1.0 - share) * angle).sin() / angle.sin(), (share * angle).sin() / angle.sin())
        };
        let sum = |a: &[f32], b: &[f32], wa: f64, wb: f64| -> Vec<f32> {
            a.iter().zip(b).map(|(a, b)| (wa * f64::from(*a) + wb * f64::from(*b)) as f32).collect()
        };
        let mu = sum(&self.mu, &other.mu, own, others);
        let logvar = sum(&self.logvar, &other.logvar, 1.0 - share, share);
        // Half way between opposites there is no direction: the own one stays.
        Ok(Self { mu: Self::set(&mu).map_or_else(|_| self.mu.clone(), |set| set.mu), logvar })
    }

    /// Drawn from the distribution: the paper's `mu + exp(alpha / 2 * log variance) * noise`, to unit length; `alpha` is its uncertainty
    /// factor. The same seed draws the same.
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

    /// Refuses an emotion that a model whose vectors are `width` wide cannot take.
    pub(crate) fn check(&self, width: usize) -> Result<()> {
        if self.mu.len() != width || self.logvar.len() != width {
            return Err(Error::Usage(format!(
                "an emotion vector of this model is {width} wide, found a mean of {} and log variances of {}",
                self.mu.len(),
                self.logvar.len()
            )));
        }
        match self.mu.iter().chain(&self.logvar).find(|v| !v.is_finite()) {
            Some(found) => Err(Error::Usage(format!("an emotion vector has finite numbers, found {found}"))),
            None => Ok(()),
        }
    }
}

pub(crate) fn check_share(share: f32) -> Result<()> {
    match (0.0..=1.0).contains(&share) {
        true => Ok(()),
        false => Err(Error::Usage(format!("an emotion's share is a number from 0 to 1, not {share}"))),
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

    fn length(v: &[f32]) -> f32 {
        v.iter().map(|v| v * v).sum::<f32>().sqrt()
    }

    #[test]
    fn a_set_emotion_is_a_direction_and_draws_nothing_but_itself() {
        let set = EmotionVector::set(&[3.0, 0.0, -4.0]).unwrap();
        for mu in [&set.mu, &set.sample(1.0, 7).unwrap().mu] {
            assert!(
                mu.iter().zip([0.6, 0.0, -0.8]).all(|(got, wanted): (&f32, f32)| (got - wanted).abs() < 1e-6),
                "{mu:?}"
            );
        }
        for bad in [&[][..], &[0.0, 0.0], &[f32::NAN], &[f32::INFINITY, 1.0]] {
            assert_eq!(EmotionVector::set(bad).unwrap_err().exit_code(), 2, "{bad:?}");
        }
    }

    #[test]
    fn a_blend_walks_the_sphere_from_one_end_to_the_other() {
        let [a, b] = [[1.0, 0.0], [0.0, 2.0]].map(|v| EmotionVector::set(&v).unwrap());
        assert_eq!(a.blend(&b, 0.0).unwrap().mu, a.mu);
        assert_eq!(a.blend(&b, 1.0).unwrap().mu, b.mu);
        let half = a.blend(&b, 0.5).unwrap().mu;
        assert!((half[0] - half[1]).abs() < 1e-6 && (length(&half) - 1.0).abs() < 1e-6);
        let opposite = EmotionVector::set(&[-1.0, 0.0]).unwrap();
        assert!((length(&a.blend(&opposite, 0.5).unwrap().mu) - 1.0).abs() < 1e-6);
        assert!(a.blend(&b, 1.5).is_err() && a.blend(&b, f32::NAN).is_err());
        assert!(a.blend(&EmotionVector::set(&[1.0]).unwrap(), 0.5).is_err());
    }

    #[test]
    fn samples_spread_with_the_variance_and_repeat_with_the_seed() {
        let heard = EmotionVector { mu: vec![1.0, 0.0, 0.0], logvar: vec![-2.0; 3] };
        let [one, again, other] = [1, 1, 2].map(|seed| heard.sample(1.0, seed).unwrap().mu);
        assert_eq!(one, again);
        assert_ne!(one, other);
        assert!((length(&one) - 1.0).abs() < 1e-6);
        assert!(heard.sample(f32::NAN, 1).is_err());
    }
}
