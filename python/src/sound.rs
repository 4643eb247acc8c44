//! Python functions for sound: NumPy arrays to samples and back.

use std::path::PathBuf;

use deeptalk_rt::audio;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::errors::{raised, usage};

/// The samples of a NumPy array: float32, one dimension, contiguous.
pub fn samples<'a>(array: &'a PyReadonlyArray1<'_, f32>) -> PyResult<&'a [f32]> {
    array.as_slice().map_err(|_| {
        usage("samples: expected a contiguous array, found one with gaps: use numpy.ascontiguousarray")
    })
}

#[pyfunction]
#[pyo3(signature = (path, offset=0.0, duration=None))]
pub fn read_sound(
    python: Python<'_>,
    path: PathBuf,
    offset: f64,
    duration: Option<f64>,
) -> PyResult<Bound<'_, PyArray1<f32>>> {
    let samples = python.detach(|| audio::read_sound(path, offset, duration)).map_err(raised)?;
    Ok(samples.into_pyarray(python))
}

#[pyfunction]
pub fn resample<'py>(
    python: Python<'py>,
    samples: PyReadonlyArray1<'py, f32>,
    rate: u32,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let samples = self::samples(&samples)?;
    let result = python.detach(|| audio::resample(samples, rate)).map_err(raised)?;
    Ok(result.into_pyarray(python))
}
