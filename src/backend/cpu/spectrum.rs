//! Spectra.

use rayon::prelude::*;

use super::product::{BLOCK, Matrix, all_threads, product};
use super::{Tensor, Weight};
use crate::backend::{ENERGY_FLOOR, Packed};

pub(super) fn log_bands(spectrum: &Tensor, bands: &Weight, count: usize) -> Tensor {
    let bins = spectrum.channels() / 2;
    let mut energies = vec![0.0; spectrum.clips().rows() * bins];
    energies.par_chunks_mut(bins.max(1)).zip(spectrum.data.par_chunks(2 * bins.max(1))).for_each(
        |(energies, row)| {
            let (real, imaginary) = row.split_at(bins);
            let parts = real.iter().zip(imaginary);
            energies.iter_mut().zip(parts).for_each(|(e, (re, im))| *e = re * re + im * im);
        },
    );
    let mut y = Tensor::zeros(spectrum.clips().clone(), count);
    let (a, b) = (Matrix::rows(&energies, bins), Matrix::transposed(bands.values(), bins));
    product((spectrum.clips().rows(), count, bins), 1.0, a, b, &mut y.data, count, false, all_threads());
    y.data.par_chunks_mut(BLOCK).for_each(|y| y.iter_mut().for_each(|y| *y = (ENERGY_FLOOR + *y).ln()));
    y
}
