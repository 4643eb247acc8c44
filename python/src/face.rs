//! Python class of faces: rows of parameters to vertices.

use std::path::PathBuf;

use deeptalk_rt::rig::{self, Rig};
use numpy::{PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::errors::{raised, usage};
use crate::model::Model;

#[pyclass(frozen, module = "deeptalk_rt")]
pub struct Face(Rig<'static>);

fn rig(
    python: Python<'_>,
    face: impl FnOnce() -> deeptalk_rt::Result<rig::Face> + Send,
    model: Option<&Model>,
) -> PyResult<Face> {
    let load = || match model {
        None => Ok(Rig::new(face()?)),
        Some(model) => model.0.rig(face()?),
    };
    python.detach(load).map(Face).map_err(raised)
}

#[pymethods]
impl Face {
    #[staticmethod]
    #[pyo3(signature = (path, model=None))]
    fn load(python: Python<'_>, path: PathBuf, model: Option<&Model>) -> PyResult<Self> {
        rig(python, || rig::Face::load(path), model)
    }

    #[staticmethod]
    #[pyo3(signature = (model=None))]
    fn builtin(python: Python<'_>, model: Option<&Model>) -> PyResult<Self> {
        rig(python, rig::Face::builtin, model)
    }

    #[getter]
    fn triangles<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyArray2<u32>>> {
        let faces = &self.0.face().faces;
        PyArray1::from_slice(python, faces.as_flattened()).reshape([faces.len(), 3])
    }

    #[getter]
    fn parameter_names(&self) -> Vec<String> {
        self.0.columns().to_vec()
    }

    fn vertices<'py>(
        &self,
        python: Python<'py>,
        rows: PyReadonlyArray2<'py, f32>,
    ) -> PyResult<Bound<'py, PyArray3<f32>>> {
        let width = self.0.columns().len();
        if rows.shape()[1] != width {
            return Err(usage(format!("rows: expected {width} columns, found {}", rows.shape()[1])));
        }
        let values =
            rows.as_slice().map_err(|_| usage("rows: expected a contiguous array, found one with gaps"))?;
        let vertices = python.detach(|| self.0.vertices_of_rows(values)).map_err(raised)?;
        PyArray1::from_vec(python, vertices).reshape([rows.shape()[0], self.0.face().vertex_count(), 3])
    }
}
