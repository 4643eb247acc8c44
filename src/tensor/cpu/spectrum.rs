//! Spectra.

use rayon::prelude::*;

use super::operands::{Finish, Matrix};
use super::product::{BLOCK, in_blocks, product};
use super::{Tensor, Weight};
use crate::tensor::Packed;

pub(super) fn log_bands(spectrum: &Tensor, bands: &Weight, count: usize, floor: f32) -> Tensor {
    let bins = spectrum.channels() / 2;
    let mut energies = vec![0.0; spectrum.clips().rows() * bins];
    energies.par_chunks_mut(bins.max(1)).zip(spectrum.data.par_chunks(2 * bins.max(1))).for_each(
        |(energies, row)| {
            let (real, imaginary) = row.split_at(bins);
            let parts = real.iter().zip(imaginary);
            energies.iter_mut().zip(parts).for_each(|(e, (re, im))| *e = re * re + im * im);
        },
    );
    let mut y = Tensor::unwritten(spectrum.clips().clone(), count);
    product(Matrix::rows(&energies, bins), &bands.panels(count, 1)[0], &mut y.data, Finish::NONE);
    in_blocks(&mut y.data, BLOCK, |_, y| y.iter_mut().for_each(|y| *y = (floor + *y).ln()));
    y
}
