//! Curves at another frame rate.
//!
//! Monotone cubic interpolation (PCHIP: F. N. Fritsch and R. E. Carlson, SIAM J. Numer. Anal. 17, 1980, with
//! the slopes of Fritsch and Butland, 1984): smooth where the curve is, flat where it turns, so it never
//! leaves the range of the two samples around an instant. A lid that closes to exactly 1 stays at 1, and a
//! mouth at rest does not begin to tremble.

use super::Rate;

/// The number of frames at the rate `to` that last as long as `frames` at `from`, rounded; at least one if
/// there is any.
///
/// ```
/// use deeptalk_rt::animation::{Rate, resample::frame_count};
///
/// assert_eq!(frame_count(250, Rate::whole(25), Rate::whole(60)), 600);
/// ```
pub fn frame_count(frames: usize, from: Rate, to: Rate) -> usize {
    if frames == 0 {
        return 0;
    }
    let (step, steps) = ratio(from, to);
    let rounded = (2 * frames as u128 * steps + step) / (2 * step);
    usize::try_from(rounded).unwrap_or(usize::MAX).max(1)
}

/// Frames at `from` for each frame at `to`, as a fraction.
fn ratio(from: Rate, to: Rate) -> (u128, u128) {
    let wide = u128::from;
    (wide(from.numerator()) * wide(to.denominator()), wide(from.denominator()) * wide(to.numerator()))
}

/// The rows `values` (frames, width) at the rate `from`, interpolated at the rate `to`.
///
/// Returns [`frame_count`] rows. Instants that both rates share get exactly the values that stood there;
/// after the last row it is held.
///
/// ```
/// use deeptalk_rt::animation::{Rate, resample::resample};
///
/// let blink = [0.0, 1.0, 0.0];
/// let twice = resample(&blink, 1, Rate::whole(25), Rate::whole(50));
/// assert_eq!([twice[0], twice[2], twice[4]], blink);
/// assert!(twice.iter().all(|v| (0.0..=1.0).contains(v)));
/// ```
///
/// # Panics
/// If `values` is not a whole number of rows.
pub fn resample(values: &[f32], width: usize, from: Rate, to: Rate) -> Vec<f32> {
    assert!(
        width > 0 && values.len().is_multiple_of(width),
        "{} values are not rows of {width}",
        values.len()
    );
    let frames = values.len() / width;
    let mut out = vec![0.0; frame_count(frames, from, to) * width];
    if frames == 0 {
        return out;
    }
    let (step, steps) = ratio(from, to);
    for column in 0..width {
        let samples: Vec<f64> = values[column..].iter().step_by(width).map(|&v| f64::from(v)).collect();
        let slopes = slopes(&samples);
        for (index, row) in out.chunks_exact_mut(width).enumerate() {
            let instant = (index as u128 * step) as f64 / steps as f64;
            row[column] = at(&samples, &slopes, instant) as f32;
        }
    }
    out
}

/// The curve's value at `instant`, in samples from the first.
fn at(samples: &[f64], slopes: &[f64], instant: f64) -> f64 {
    let left = (instant as usize).min(samples.len() - 1);
    let t = instant - left as f64;
    let Some(&next) = samples.get(left + 1) else { return samples[left] };
    if t == 0.0 {
        return samples[left];
    }
    let (a, b) = (samples[left], next);
    let rise = t * t * (3.0 - 2.0 * t);
    let value = a + (b - a) * rise + t * (1.0 - t) * ((1.0 - t) * slopes[left] - t * slopes[left + 1]);
    // The cubic is monotone between its ends; rounding is not.
    value.clamp(a.min(b), a.max(b))
}

/// The slope at each sample: the harmonic mean of its two chords, 0 at a turning point, and one-sided at the
/// ends.
fn slopes(samples: &[f64]) -> Vec<f64> {
    let chords: Vec<f64> = samples.windows(2).map(|pair| pair[1] - pair[0]).collect();
    (0..samples.len())
        .map(|i| match (i.checked_sub(1).map(|l| chords[l]), chords.get(i)) {
            (Some(l), Some(&r)) if l * r > 0.0 => 2.0 * l * r / (l + r),
            (Some(_), Some(_)) | (None, None) => 0.0,
            (None, Some(&inner)) => end_slope(inner, chords.get(1).copied()),
            (Some(inner), None) => end_slope(inner, chords.len().checked_sub(2).map(|k| chords[k])),
        })
        .collect()
}

/// The three-point slope at an end, held inside what keeps the first piece monotone.
fn end_slope(inner: f64, next: Option<f64>) -> f64 {
    let Some(next) = next else { return inner };
    let slope = 1.5 * inner - 0.5 * next;
    if slope * inner <= 0.0 {
        0.0
    } else if inner * next <= 0.0 && slope.abs() > 3.0 * inner.abs() {
        3.0 * inner
    } else {
        slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAL: Rate = Rate::whole(25);

    proptest! {
        #[test]
        fn a_resampled_curve_stays_between_its_neighbours(
            values in prop::collection::vec(-1e3f32..1e3, 1..40),
            to in prop::sample::select(vec![1u32, 24, 25, 30, 50, 60, 61, 120]),
        ) {
            let out = resample(&values, 1, PAL, Rate::whole(to));
            prop_assert_eq!(out.len(), frame_count(values.len(), PAL, Rate::whole(to)));
            for (j, &v) in out.iter().enumerate() {
                let left = (j * 25 / to as usize).min(values.len() - 1);
                let right = (left + 1).min(values.len() - 1);
                let (low, high) = (values[left].min(values[right]), values[left].max(values[right]));
                prop_assert!((low..=high).contains(&v), "{v} is not in {low}..{high} at {j}");
            }
        }

        #[test]
        fn shared_instants_keep_their_values_to_the_bit(values in prop::collection::vec(-2f32..2.0, 1..60)) {
            for (to, every, step) in [(30, 5, 6), (60, 5, 12), (50, 1, 2), (25, 1, 1)] {
                let out = resample(&values, 1, PAL, Rate::whole(to));
                for (k, v) in values.iter().step_by(every).enumerate() {
                    prop_assert_eq!(out[k * step], *v, "{} of {}", k, to);
                }
            }
        }
    }

    #[test]
    fn a_straight_line_stays_straight() {
        let line: Vec<f32> = (0..19).map(|i| 0.25 * i as f32).collect();
        let out = resample(&line, 1, PAL, Rate::whole(60));
        for (j, v) in out.iter().enumerate() {
            let expected = (j as f32 * 5.0 / 12.0).min(18.0) * 0.25;
            assert!((v - expected).abs() < 1e-6, "{v} {expected} at {j}");
        }
    }

    #[test]
    fn an_hour_at_a_rate_of_ntsc_has_every_frame_at_its_time() {
        let ntsc = Rate::new(30_000, 1_001).unwrap();
        let seconds: Vec<f32> = (0..=90_000).map(|i| PAL.seconds(i) as f32).collect();
        let out = resample(&seconds, 1, PAL, ntsc);
        assert_eq!(out.len(), 107_893);
        for (j, v) in out.iter().enumerate().step_by(977) {
            assert!((f64::from(*v) - ntsc.seconds(j)).abs() < 3e-4, "{v} at {j}");
        }
        assert_eq!(out[107_892], 3600.0f32.min(ntsc.seconds(107_892) as f32));
    }

    #[test]
    fn columns_do_not_touch_each_other() {
        let rows = [0.0, 5.0, 1.0, 5.0, 0.0, 5.0];
        let out = resample(&rows, 2, PAL, Rate::whole(60));
        assert_eq!(out.len(), 7 * 2);
        assert!(out.iter().skip(1).step_by(2).all(|&v| v == 5.0));
        assert!(out.iter().step_by(2).any(|&v| v > 0.5));
    }

    #[test]
    fn one_frame_and_no_frame_are_fine() {
        assert_eq!(resample(&[0.5], 1, PAL, Rate::whole(60)), [0.5, 0.5]);
        assert_eq!(resample(&[0.5], 1, PAL, Rate::whole(1)), [0.5]);
        assert!(resample(&[], 3, PAL, Rate::whole(60)).is_empty());
    }
}
