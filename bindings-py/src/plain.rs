//! Values of Python as plain data, and back.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyMapping, PySequence, PyString};
use pythonize::{depythonize, pythonize};
use serde::Serialize;
use trellis_sync::core::limits::{JSON_DEPTH_MAX, SAFE_INTEGER_MAX};
use trellis_sync::surface::{FromPlain, Plain};
use trellis_sync::{Code, TrellisError};

use crate::error::raise;

/// The deepest value that is read: a JSON value, within the levels of a command. A value that holds itself is deeper.
const LEVELS_MAX: usize = JSON_DEPTH_MAX + 16;

/// What a value says.
///
/// # Errors
/// `invalid_argument`.
pub(crate) fn read<T: FromPlain>(value: &Bound<'_, PyAny>) -> PyResult<T> {
    ensure_plain(value, LEVELS_MAX)?;
    let refused = |cause: String| refused(value.py(), &format!("This is not what was asked for: {cause}."));
    let plain: Plain = depythonize(value).map_err(|cause| refused(cause.to_string()))?;
    T::from_plain(plain).map_err(|cause| refused(cause.to_string()))
}

/// Plain data as dictionaries and lists.
pub(crate) fn write<'py>(py: Python<'py>, data: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    Ok(pythonize(py, data)?)
}

/// What is no plain data is refused by words of ours, which hold nothing of the value, and before anything recurses on it.
fn ensure_plain(value: &Bound<'_, PyAny>, levels: usize) -> PyResult<()> {
    let py = value.py();
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyBool>() {
        return Ok(());
    }
    if value.is_instance_of::<PyInt>() {
        let within = value.extract::<i64>().is_ok_and(|integer| integer.unsigned_abs() <= SAFE_INTEGER_MAX);
        return if within { Ok(()) } else { Err(refused(py, "An integer is within 2^53 - 1 of zero.")) };
    }
    let Some(below) = levels.checked_sub(1) else { return Err(refused(py, "A value is at most 64 levels deep.")) };
    if let Ok(entries) = value.cast::<PyDict>() {
        return entries.iter().try_for_each(|(name, value)| ensure_entry(&name, &value, below));
    }
    if let Ok(items) = value.cast::<PySequence>() {
        return items.try_iter()?.try_for_each(|item| ensure_plain(&item?, below));
    }
    if let Ok(entries) = value.cast::<PyMapping>() {
        let items = entries.items()?;
        return items.iter().try_for_each(|item| ensure_entry(&item.get_item(0)?, &item.get_item(1)?, below));
    }
    match value.is_none() || value.extract::<f64>().is_ok() {
        true => Ok(()),
        false => Err(refused(py, "A value is made of dict, list, str, int, float, bool and None.")),
    }
}

fn ensure_entry(name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, levels: usize) -> PyResult<()> {
    match name.is_instance_of::<PyString>() {
        true => ensure_plain(value, levels),
        false => Err(refused(name.py(), "The names in a dict are str.")),
    }
}

/// An argument that is not one.
pub(crate) fn refused(py: Python<'_>, message: &str) -> PyErr {
    raise(py, &TrellisError::new(Code::InvalidArgument, message))
}
