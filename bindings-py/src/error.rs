//! Failures as exceptions.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyType};
use trellis_sync::TrellisError;

/// The exception that `python/trellis_sync/_errors.py` defines.
static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// A failure as the package's one exception.
pub(crate) fn raise(py: Python<'_>, error: &TrellisError) -> PyErr {
    exception(py, error).unwrap_or_else(|broken| broken)
}

fn exception(py: Python<'_>, error: &TrellisError) -> PyResult<PyErr> {
    let class = CLASS.import(py, "trellis_sync._errors", "TrellisError")?;
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let named = [
        ("code", Some(error.code().as_str().to_owned())),
        ("repo", error.repo().map(|repo| repo.to_string())),
        ("op", error.op().map(|op| op.to_string())),
        ("path", error.path().map(|path| path.display().to_string())),
        ("cause", cause),
    ];
    let named = named.into_py_dict(py)?;
    named.set_item("retryable", error.is_retryable())?;
    Ok(PyErr::from_value(class.call((error.message(),), Some(&named))?))
}
