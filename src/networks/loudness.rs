//! The running statistics by which a stream is normalised.
//!
//! A recording is normalised by its own mean and standard deviation, pauses included. A stream has heard only
//! a part, and may be silent for hours. So the mean follows all sound, while the deviation follows speech and
//! its pauses: a frame counts if it is louder than the floor, or within a second of one that is. Both forget
//! with a time constant. The deviation that is used is never below the floor, so that room noise is not
//! amplified to speech.

use crate::animation::filter::rms;

/// A pause of speech that counts as speech, in seconds.
const PAUSE: f64 = 1.0;

#[derive(Debug, Clone)]
pub(super) struct Loudness {
    floor: f64,
    /// Frames of a pause that counts.
    pause: usize,
    /// What is left of the past after a frame.
    keep: f64,
    mean: Average,
    /// Of squared distances to the mean.
    variance: Average,
    /// Frames since the last one above the floor; none yet: `None`.
    quiet: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Average {
    sum: f64,
    weight: f64,
}

impl Average {
    fn add(&mut self, sum: f64, weight: f64, keep: f64) {
        self.sum = self.sum * keep + sum;
        self.weight = self.weight * keep + weight;
    }

    fn value(self) -> f64 {
        if self.weight > 0.0 { self.sum / self.weight } else { 0.0 }
    }
}

impl Loudness {
    /// `floor` as RMS, `forget` in seconds, of frames of so many a second.
    pub fn new(floor: f32, forget: f32, frames_a_second: f64) -> Self {
        let keep = (-1.0 / (f64::from(forget) * frames_a_second)).exp();
        Self {
            floor: floor.into(),
            pause: (PAUSE * frames_a_second).round() as usize,
            keep,
            mean: Average::default(),
            variance: Average::default(),
            quiet: None,
        }
    }

    /// Hears the samples of a frame; gives their RMS, and tells whether it is above the floor.
    pub fn hear(&mut self, frame: &[f32]) -> (f32, bool) {
        let count = frame.len() as f64;
        let sum: f64 = frame.iter().map(|s| f64::from(*s)).sum();
        let around = |mean: f64| frame.iter().map(|s| (f64::from(*s) - mean).powi(2)).sum::<f64>();
        let level = rms(frame);
        let loud = level > self.floor;
        self.quiet = if loud { Some(0) } else { self.quiet.map(|frames| frames.saturating_add(1)) };
        self.mean.add(sum, count, self.keep);
        if self.quiet.is_some_and(|frames| frames <= self.pause) {
            self.variance.add(around(self.mean.value()), count, self.keep);
        }
        (level as f32, loud)
    }

    /// The samples with mean 0 and deviation 1, by what was heard so far.
    pub fn normalize(&self, samples: &[f32], out: &mut Vec<f32>) {
        let mean = self.mean.value();
        let scale = 1.0 / self.variance.value().sqrt().max(self.floor);
        out.extend(samples.iter().map(|s| ((f64::from(*s) - mean) * scale) as f32));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(amplitude: f32, offset: f32) -> Vec<f32> {
        (0..640).map(|i| offset + amplitude * (i as f32 * std::f32::consts::TAU / 64.0).sin()).collect()
    }

    fn deviation_after(loudness: &Loudness, samples: &[f32]) -> f32 {
        let mut out = Vec::new();
        loudness.normalize(samples, &mut out);
        (out.iter().map(|s| s * s).sum::<f32>() / out.len() as f32).sqrt()
    }

    #[test]
    fn speech_is_brought_to_deviation_1_whatever_its_level_and_offset() {
        for (amplitude, offset) in [(0.02, 0.0), (0.5, 0.1), (900.0, -3.0)] {
            let mut loudness = Loudness::new(0.003, 30.0, 25.0);
            assert!((0..50).all(|_| loudness.hear(&tone(amplitude, offset)).1));
            let deviation = deviation_after(&loudness, &tone(amplitude, offset));
            assert!((deviation - 1.0).abs() < 1e-3, "{amplitude} {offset}: {deviation}");
        }
    }

    #[test]
    fn room_noise_stays_small_alone_and_after_an_hour_of_waiting() {
        let noise = tone(0.001, 0.05);
        let mut loudness = Loudness::new(0.003, 30.0, 25.0);
        assert!(!loudness.hear(&noise).1);
        assert!(deviation_after(&loudness, &noise) < 0.3);
        (0..100).for_each(|_| assert!(loudness.hear(&tone(0.3, 0.05)).1));
        let before = deviation_after(&loudness, &tone(0.3, 0.05));
        (0..90_000).for_each(|_| assert!(!loudness.hear(&noise).1));
        assert!(deviation_after(&loudness, &noise) < 0.02);
        let after = deviation_after(&loudness, &tone(0.3, 0.05));
        // A second of pause counts, the rest of the hour does not.
        assert!(before < after && after < 1.15 * before, "{before} {after}");
    }

    #[test]
    fn a_short_pause_counts_as_it_does_in_a_recording() {
        let mut loudness = Loudness::new(0.003, 3600.0, 25.0);
        for _ in 0..20 {
            (0..20).for_each(|_| assert!(loudness.hear(&tone(0.3, 0.0)).1));
            (0..20).for_each(|_| assert!(!loudness.hear(&[0.0; 640]).1));
        }
        let deviation = deviation_after(&loudness, &tone(0.3, 0.0));
        assert!((deviation - std::f32::consts::SQRT_2).abs() < 0.01, "{deviation}");
    }
}
