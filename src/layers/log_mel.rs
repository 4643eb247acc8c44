//! Log-mel spectrograms: the energy of each frequency band of a window, bands spaced by the mel scale.
//!
//! A window of normalised samples is multiplied by a periodic Hann window and transformed into `fft / 2 + 1`
//! frequencies, as a convolution whose taps are the windowed cosines and sines. The energies of the
//! frequencies are summed in triangular bands whose centres are evenly spaced on the mel scale of HTK. Both
//! are tensors of the model file, defined here.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use super::{Scope, Source};
use crate::Result;
use crate::tensor::{Activation, Conv1d, Ops, Role};

/// Samples a second that the bands are defined for.
const SAMPLE_RATE: usize = 16_000;

/// The lowest and the highest frequency of the bands, in Hz.
const RANGE: [f64; 2] = [40.0, 8000.0];

/// Added to an energy before its logarithm is taken.
const ENERGY_FLOOR: f32 = 1e-3;

/// The sizes of a log-mel spectrogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogMelConfig {
    /// Samples of a window: the taps of its basis.
    pub window: usize,
    /// Samples from one window to the next.
    pub hop: usize,
    /// Points of the Fourier transform: `fft / 2 + 1` frequencies.
    pub fft: usize,
    /// The number of bands.
    pub bands: usize,
}

impl LogMelConfig {
    /// The frequencies of a window.
    pub fn bins(&self) -> usize {
        self.fft / 2 + 1
    }
}

/// The tensors of a log-mel spectrogram.
#[derive(Debug, Clone)]
pub struct LogMel<W> {
    /// (2 * bins, window, 1): a window's cosines, then its sines.
    basis: Conv1d<W>,
    /// (bands, bins).
    bands: W,
}

impl<W> LogMel<W> {
    /// `basis` and `bands` of a place.
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, config: &LogMelConfig) -> Result<Self> {
        let basis = at.tensor("basis", &[2 * config.bins(), config.window, 1], Role::Conv { groups: 1 })?;
        let basis = Conv1d::unpadded(basis, config.hop);
        Ok(Self { basis, bands: at.tensor("bands", &[config.bands, config.bins()], Role::Rows)? })
    }

    /// Normalised samples (rows, 1) to log energies (windows, bands).
    ///
    /// # Errors
    /// Clips shorter than a window; errors of the device.
    pub fn forward<B: Ops<Weight = W>>(&self, ops: &B, samples: &B::Tensor) -> Result<B::Tensor> {
        ops.log_bands(&ops.conv1d(samples, &self.basis, Activation::None)?, &self.bands, ENERGY_FLOOR)
    }
}

/// The taps of the transform, (2 * bins, window): `hann[n] cos(TAU f n / fft)` for every frequency `f`, then
/// `hann[n] sin(TAU f n / fft)`; `hann[n] = 0.5 - 0.5 cos(TAU n / window)`.
pub fn basis(config: &LogMelConfig) -> Vec<f32> {
    let LogMelConfig { window, fft, .. } = *config;
    let hann = |n: usize| 0.5 - 0.5 * (TAU * n as f64 / window as f64).cos();
    // Whole steps of the circle, so that high frequencies lose no digits.
    let angle = |f: usize, n: usize| TAU * (f * n % fft) as f64 / fft as f64;
    let rows = |wave: fn(f64) -> f64| {
        (0..config.bins()).flat_map(move |f| (0..window).map(move |n| (hann(n) * wave(angle(f, n))) as f32))
    };
    rows(f64::cos).chain(rows(f64::sin)).collect()
}

/// The triangles, (bands, bins): 0 at the centre of the band below, 1 at the band's own centre, 0 at the
/// centre of the band above.
pub fn bands(config: &LogMelConfig) -> Vec<f32> {
    let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    let hertz = |mel: f64| 700.0 * (10f64.powf(mel / 2595.0) - 1.0);
    let [low, high] = RANGE.map(mel);
    let edge = |i: usize| hertz(low + (high - low) * i as f64 / (config.bands + 1) as f64);
    let triangle = |band: usize, bin: usize| {
        let frequency = bin as f64 * SAMPLE_RATE as f64 / config.fft as f64;
        let [below, centre, above] = [edge(band), edge(band + 1), edge(band + 2)];
        let height = ((frequency - below) / (centre - below)).min((above - frequency) / (above - centre));
        height.max(0.0) as f32
    };
    (0..config.bands).flat_map(|band| (0..config.bins()).map(move |bin| triangle(band, bin))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: LogMelConfig = LogMelConfig { window: 320, hop: 160, fft: 512, bands: 80 };

    /// Energies of a cosine of this frequency and amplitude.
    fn energies(hertz: f64, amplitude: f64) -> Vec<f64> {
        let basis = basis(&CONFIG);
        let sum = |row: usize| -> f64 {
            let wave = |n: usize| amplitude * (TAU * hertz * n as f64 / SAMPLE_RATE as f64).cos();
            basis[row * 320..(row + 1) * 320].iter().enumerate().map(|(n, b)| f64::from(*b) * wave(n)).sum()
        };
        (0..257).map(|f| sum(f).powi(2) + sum(257 + f).powi(2)).collect()
    }

    #[test]
    fn a_tone_has_its_energy_at_its_frequency() {
        let energies = energies(1000.0, 2.0);
        let loudest = (0..257).max_by(|a, b| energies[*a].total_cmp(&energies[*b])).unwrap();
        assert_eq!(loudest, 32, "1000 Hz of 31.25 Hz a bin");
        // Half the amplitude times the window's sum, which is half its length.
        assert!((energies[32] - (2.0 / 2.0 * 160.0f64).powi(2)).abs() < 1.0, "{}", energies[32]);
        assert!(energies[40..].iter().all(|energy| *energy < 1e-4 * energies[32]));
    }

    #[test]
    fn bands_are_triangles_that_sum_to_one_between_the_first_and_the_last_centre() {
        let bands = bands(&CONFIG);
        let frequency = |bin: usize| bin as f64 * 31.25;
        let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
        let step = (mel(8000.0) - mel(40.0)) / 81.0;
        let mut covered = 0;
        for bin in 0..257 {
            let column: Vec<f32> = (0..80).map(|band| bands[band * 257 + bin]).collect();
            assert!(column.iter().all(|height| (0.0..=1.0).contains(height)));
            let place = (mel(frequency(bin)) - mel(40.0)) / step;
            if (1.0..80.0).contains(&place) {
                assert!((column.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{bin}: {column:?}");
                covered += 1;
            }
        }
        assert!(covered > 200, "{covered}");
        assert!(bands[..2].iter().all(|height| *height == 0.0), "nothing below 40 Hz");
    }
}
