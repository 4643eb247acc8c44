//! Errors of the library as Python exceptions.

use deeptalk_rt::Error;
use pyo3::create_exception;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

create_exception!(deeptalk_rt, UsageError, PyValueError, "Invalid arguments.");
create_exception!(
    deeptalk_rt,
    BadInputError,
    PyValueError,
    "A file that is missing, damaged or of the wrong kind."
);
create_exception!(deeptalk_rt, DeviceError, PyRuntimeError, "The device is not usable.");
create_exception!(
    deeptalk_rt,
    FailedError,
    PyRuntimeError,
    "The operating system refused a request, or the work failed."
);
create_exception!(deeptalk_rt, CancelledError, PyRuntimeError, "The progress callback returned False.");

pub fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let python = module.py();
    module.add("UsageError", python.get_type::<UsageError>())?;
    module.add("BadInputError", python.get_type::<BadInputError>())?;
    module.add("DeviceError", python.get_type::<DeviceError>())?;
    module.add("FailedError", python.get_type::<FailedError>())?;
    module.add("CancelledError", python.get_type::<CancelledError>())
}

pub fn raised(error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::Usage(_) | Error::Shape { .. } => UsageError::new_err(text),
        Error::BadInput(_) => BadInputError::new_err(text),
        Error::Device(_) => DeviceError::new_err(text),
        Error::Cancelled => CancelledError::new_err(text),
        _ => FailedError::new_err(text),
    }
}

pub fn usage(text: impl Into<String>) -> PyErr {
    UsageError::new_err(text.into())
}
