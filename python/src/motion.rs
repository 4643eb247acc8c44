//! Python class of the motions of whole recordings.

use std::path::PathBuf;

use deeptalk_rt::export;
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;

use crate::errors::raised;

#[pyclass(frozen, module = "deeptalk_rt")]
pub struct Motion(pub deeptalk_rt::Motion);

/// Row-major values as an array (rows, `width`).
pub fn table<'py>(python: Python<'py>, values: &[f32], width: usize) -> PyResult<Bound<'py, PyArray2<f32>>> {
    PyArray1::from_slice(python, values).reshape([values.len() / width.max(1), width])
}

#[pymethods]
impl Motion {
    #[getter]
    fn values<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        table(python, &self.0.values, self.0.names.len())
    }

    #[getter]
    fn names(&self) -> Vec<String> {
        self.0.names.clone()
    }

    #[getter]
    fn fps(&self) -> f32 {
        self.0.fps
    }

    #[getter]
    fn codes_t<'py>(&self, python: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        PyArray1::from_slice(python, &self.0.codes_t)
    }

    #[getter]
    fn codes_b<'py>(&self, python: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        PyArray1::from_slice(python, &self.0.codes_b)
    }

    #[getter]
    fn emotion_mu<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        table(python, &self.0.emotion_mu, self.0.emotion_width)
    }

    #[getter]
    fn emotion_logvar<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        table(python, &self.0.emotion_logvar, self.0.emotion_width)
    }

    fn write(&self, python: Python<'_>, path: PathBuf) -> PyResult<()> {
        python.detach(|| export::write(path, &self.0, &Default::default())).map_err(raised)?;
        Ok(())
    }

    fn __len__(&self) -> usize {
        self.0.frames()
    }
}
