//! An emotion as numbers: a direction, and how sure it is.

use crate::{Error, Result};

/// The log variance of an emotion that is set, not heard: nothing is left to draw.
const CERTAIN: f32 = -60.0;
/// Nearly parallel (or opposite) vectors have no well-defined great circle between them.
const PARALLEL: f64 = 1e-4;
/// The largest angle to neutral that a strength above 1 reaches, in radians (135 degrees): beyond it the
/// circle leads back.
const FARTHEST: f64 = 0.75 * std::f64::consts::PI;

/// The distribution of an emotion: a direction, and how sure it is in each dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct EmotionVector {
    /// The mean, of unit length.
    pub mu: Vec<f32>,
    /// The log variance.
    pub logvar: Vec<f32>,
}

impl EmotionVector {
    /// An emotion that is set by its direction; the length does not matter. There is nothing to draw from it:
    /// every sample is its mean, to rounding.
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

    /// `share` of the way to another emotion: means along the great circle, log variances straight. 0 is this
    /// one, 1 the other.
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
        Ok(self.along(other, f64::from(share)))
    }

    /// The point at `share` of the great circle from this mean to the other; above 1 it is beyond the other
    /// one.
    fn along(&self, other: &Self, share: f64) -> Self {
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
        let straight = share.min(1.0);
        let logvar = sum(&self.logvar, &other.logvar, 1.0 - straight, straight);
        // Half way between opposites there is no direction: the own one stays.
        Self { mu: Self::set(&mu).map_or_else(|_| self.mu.clone(), |set| set.mu), logvar }
    }

    /// This emotion at a strength: 0 is `neutral`, 1 this one, and above 1 the same great circle goes on, to
    /// an angle of 135 degrees at most.
    pub(super) fn at_strength(&self, neutral: &Self, strength: f32) -> Self {
        let dot: f64 = self.mu.iter().zip(&neutral.mu).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let angle = dot.clamp(-1.0, 1.0).acos();
        let most = if angle > 0.0 { (FARTHEST / angle).max(1.0) } else { 1.0 };
        neutral.along(self, f64::from(strength).min(most))
    }

    /// The emotion of several clips: their mean direction, and for each dimension their own variances plus
    /// the variance between them.
    ///
    /// # Errors
    /// No clips, clips of different widths, or clips whose directions cancel each other out.
    pub fn of_clips(clips: &[Self]) -> Result<Self> {
        let width = clips.first().map_or(0, |clip| clip.mu.len());
        clips.iter().try_for_each(|clip| clip.check(width))?;
        let count = clips.len() as f64;
        let mean = |column: usize| clips.iter().map(|clip| f64::from(clip.mu[column])).sum::<f64>() / count;
        let spread = |column: usize| {
            let middle = mean(column);
            let of = |clip: &Self| {
                f64::from(clip.logvar[column]).exp() + (f64::from(clip.mu[column]) - middle).powi(2)
            };
            clips.iter().map(of).sum::<f64>() / count
        };
        let means: Vec<f32> = (0..width).map(|column| mean(column) as f32).collect();
        let logvar = (0..width).map(|column| spread(column).ln().max(f64::from(CERTAIN)) as f32).collect();
        Ok(Self { logvar, ..Self::set(&means)? })
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

pub(super) fn check_share(share: f32) -> Result<()> {
    match (0.0..=1.0).contains(&share) {
        true => Ok(()),
        false => Err(Error::Usage(format!("an emotion's share is a number from 0 to 1, not {share}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(v: &[f32]) -> f32 {
        v.iter().map(|v| v * v).sum::<f32>().sqrt()
    }

    #[test]
    fn a_set_emotion_is_a_direction() {
        let set = EmotionVector::set(&[3.0, 0.0, -4.0]).unwrap();
        assert!(
            set.mu.iter().zip([0.6, 0.0, -0.8]).all(|(got, wanted): (&f32, f32)| (got - wanted).abs() < 1e-6),
            "{set:?}"
        );
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
    fn a_strength_leads_from_neutral_through_the_emotion_and_beyond() {
        let [neutral, glad] = [[1.0, 0.0], [0.6, 0.8]].map(|v| EmotionVector::set(&v).unwrap());
        let angle = |strength: f32| {
            let mu = glad.at_strength(&neutral, strength).mu;
            assert!((length(&mu) - 1.0).abs() < 1e-6);
            mu[1].atan2(mu[0])
        };
        let whole = 0.8f32.atan2(0.6);
        for strength in [0.0, 0.5, 1.0, 1.5, 2.0] {
            assert!((angle(strength) - strength * whole).abs() < 1e-5, "{strength}");
        }
        let far = EmotionVector::set(&[-0.1, 1.0]).unwrap();
        assert!((far.at_strength(&neutral, 2.0).mu[0] - FARTHEST.cos() as f32).abs() < 1e-5);
        assert_eq!(neutral.at_strength(&neutral, 2.0).mu, neutral.mu);
    }

    #[test]
    fn clips_give_their_mean_direction_and_both_spreads() {
        let clip = |mu: [f32; 2]| EmotionVector {
            logvar: vec![0.01f32.ln(); 2],
            ..EmotionVector::set(&mu).unwrap()
        };
        let learned = EmotionVector::of_clips(&[clip([0.8, 0.6]), clip([0.8, -0.6])]).unwrap();
        assert_eq!(learned.mu, [1.0, 0.0]);
        for (found, expected) in learned.logvar.iter().zip([0.01, 0.37]) {
            assert!((found.exp() - expected).abs() < 1e-4, "{found}");
        }
        assert!(EmotionVector::of_clips(&[]).is_err());
        assert!(EmotionVector::of_clips(&[clip([1.0, 0.0]), clip([-1.0, 0.0])]).is_err());
    }
}
