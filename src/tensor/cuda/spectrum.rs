//! The launcher of `spectrum.cu`.

use super::launch::LogBands;
use super::{Cuda, Tensor, Weight, unsupported};
use crate::Result;
use crate::tensor::shapes::{self, Shaped};
use crate::tensor::{Packed, Role};

/// The most frequencies: the energies of a block fit into the shared memory of every device.
const BINS: usize = 1536;

pub(super) fn log_bands(cuda: &Cuda, spectrum: &Tensor, bands: &Weight, floor: f32) -> Result<Tensor> {
    let count = shapes::log_bands(spectrum, bands)?;
    let bins = bands.shape()[1];
    if bins > BINS || count == 1 {
        let expected = format!("at least 2 bands of up to {BINS} frequencies");
        return Err(unsupported("log_bands", "bands", expected, format!("{count} of {bins}")));
    }
    let table = cuda.weight("log_bands", bands, Role::Rows)?;
    let lane = cuda.enter(&[&spectrum.lane])?;
    let y = cuda.tensor(&lane, spectrum.clips().clone(), count)?;
    let rows = spectrum.clips().rows();
    let bands = LogBands { y: y.address(), x: spectrum.address(), bands: table, rows, bins, count, floor };
    // SAFETY: the spectrum has `rows` rows of `2 * bins` halves, `stride` apart, y as many rows of `count`
    // halves; the table has `count` rows of `bins` halves, padded to a multiple of eight; shared memory holds
    // the energies of eight rows.
    unsafe { lane.launch(&bands) }?;
    Ok(y)
}
