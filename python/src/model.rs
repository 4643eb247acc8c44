//! Python class of models.

use std::path::PathBuf;

use deeptalk_rt::runtime::{self, Device, ModelOptions};
use pyo3::prelude::*;

use crate::errors::{raised, usage};

#[pyclass(frozen, module = "deeptalk_rt")]
pub struct Model(pub runtime::Model);

fn options(device: &str, threads: Option<usize>, emotions: Option<PathBuf>) -> PyResult<ModelOptions> {
    let device: Device =
        device.parse().map_err(|expected| usage(format!("device `{device}`: {expected}")))?;
    let options = ModelOptions::new().device(device);
    let options = emotions.map_or(options.clone(), |path| options.emotions(path));
    Ok(threads.map_or(options.clone(), |count| options.threads(count)))
}

#[pymethods]
impl Model {
    #[staticmethod]
    #[pyo3(signature = (path, *, device="cpu", threads=None, emotions=None))]
    fn load(
        python: Python<'_>,
        path: PathBuf,
        device: &str,
        threads: Option<usize>,
        emotions: Option<PathBuf>,
    ) -> PyResult<Self> {
        let options = options(device, threads, emotions)?;
        python.detach(|| options.load(path)).map(Self).map_err(raised)
    }

    #[staticmethod]
    #[pyo3(signature = (data, *, device="cpu", threads=None, emotions=None))]
    fn from_bytes(
        python: Python<'_>,
        data: Vec<u8>,
        device: &str,
        threads: Option<usize>,
        emotions: Option<PathBuf>,
    ) -> PyResult<Self> {
        let options = options(device, threads, emotions)?;
        python.detach(|| options.from_bytes(data)).map(Self).map_err(raised)
    }

    #[staticmethod]
    #[pyo3(signature = (*, device="cpu", threads=None, emotions=None))]
    fn builtin(
        python: Python<'_>,
        device: &str,
        threads: Option<usize>,
        emotions: Option<PathBuf>,
    ) -> PyResult<Self> {
        let options = options(device, threads, emotions)?;
        python.detach(|| options.builtin()).map(Self).map_err(raised)
    }

    #[getter]
    fn parameter_names(&self) -> Vec<String> {
        self.0.parameter_names()
    }

    #[getter]
    fn actors(&self) -> Vec<String> {
        self.0.spec().identities.clone()
    }

    #[getter]
    fn emotion_width(&self) -> usize {
        self.0.spec().emotion_width.unwrap_or(0)
    }

    #[getter]
    fn moods(&self) -> Vec<String> {
        self.0.emotions().names().map(String::from).collect()
    }

    #[getter]
    fn device(&self) -> &str {
        self.0.device()
    }
}
