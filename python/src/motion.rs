//! Python class of the motions of whole recordings.

use std::path::PathBuf;

use deeptalk_rt::animation::Animation;
use deeptalk_rt::export;
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;

use crate::errors::raised;

#[pyclass(frozen, module = "deeptalk_rt")]
pub struct Motion(pub Animation);

/// Row-major values as an array (rows, `width`).
pub fn table<'py>(python: Python<'py>, values: &[f32], width: usize) -> PyResult<Bound<'py, PyArray2<f32>>> {
    PyArray1::from_slice(python, values).reshape([values.len() / width.max(1), width])
}

impl Motion {
    /// An extra of integers; empty if the network gave none.
    fn codes<'py>(&self, python: Python<'py>, name: &str) -> Bound<'py, PyArray1<i32>> {
        PyArray1::from_slice(python, self.0.extras.i32(name).unwrap_or_default())
    }

    /// An extra of rows of floats; empty if the network gave none.
    fn rows<'py>(&self, python: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let width = self.0.extras.get(name).and_then(|extra| extra.shape.last().copied());
        table(python, self.0.extras.f32(name).unwrap_or_default(), width.unwrap_or(0))
    }
}

#[pymethods]
impl Motion {
    #[getter]
    fn values<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        table(python, &self.0.rows().map_err(raised)?, self.0.width())
    }

    #[getter]
    fn names(&self) -> PyResult<Vec<String>> {
        Ok(self.0.parameters().map_err(raised)?.names.clone())
    }

    #[getter]
    fn fps(&self) -> f64 {
        self.0.rate.per_second()
    }

    #[getter]
    fn codes_t<'py>(&self, python: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        self.codes(python, "codes_t")
    }

    #[getter]
    fn codes_b<'py>(&self, python: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        self.codes(python, "codes_b")
    }

    #[getter]
    fn emotion_mu<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        self.rows(python, "emotion.mu")
    }

    #[getter]
    fn emotion_logvar<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        self.rows(python, "emotion.logvar")
    }

    fn write(&self, python: Python<'_>, path: PathBuf) -> PyResult<()> {
        python.detach(|| export::write(path, &self.0, &Default::default())).map_err(raised)?;
        Ok(())
    }

    fn __len__(&self) -> usize {
        self.0.frames()
    }
}
