//! Python class of emotions: estimated from speech, set, blended, sampled.

use deeptalk_rt::runtime::EmotionVector;
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::errors::raised;
use crate::sound::samples;

#[pyclass(frozen, module = "deeptalk_rt")]
pub struct Emotion(pub EmotionVector);

#[pymethods]
impl Emotion {
    #[staticmethod]
    fn set(direction: PyReadonlyArray1<'_, f32>) -> PyResult<Self> {
        EmotionVector::set(samples(&direction)?).map(Self).map_err(raised)
    }

    #[getter]
    fn mu<'py>(&self, python: Python<'py>) -> Bound<'py, PyArray1<f32>> {
        PyArray1::from_slice(python, &self.0.mu)
    }

    #[getter]
    fn logvar<'py>(&self, python: Python<'py>) -> Bound<'py, PyArray1<f32>> {
        PyArray1::from_slice(python, &self.0.logvar)
    }

    fn blend(&self, other: &Self, share: f32) -> PyResult<Self> {
        self.0.blend(&other.0, share).map(Self).map_err(raised)
    }

    fn sample(&self, alpha: f32, seed: u64) -> PyResult<Self> {
        self.0.sample(alpha, seed).map(Self).map_err(raised)
    }
}
