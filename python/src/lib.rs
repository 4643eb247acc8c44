//! `deeptalk_rt` for Python: NumPy arrays in and out; the interpreter lock is released while the network
//! works.

mod emotion;
mod errors;
mod face;
mod model;
mod motion;
mod session;
mod sound;

use pyo3::prelude::*;

#[pymodule]
fn deeptalk_rt(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    errors::add(module)?;
    module.add_class::<model::Model>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<motion::Motion>()?;
    module.add_class::<emotion::Emotion>()?;
    module.add_class::<face::Face>()?;
    module.add_function(wrap_pyfunction!(sound::read_sound, module)?)?;
    module.add_function(wrap_pyfunction!(sound::resample, module)?)
}
