//! Values of Python as plain data, and back.
//!
//! On the way out they are one JSON text, which Python parses faster than objects can be built for it one by one. Bytes
//! stand in it as `NaN`, which no number of ours is, and are handed to the parser one after the other as it meets them.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::vec::IntoIter;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyBool, PyBytes, PyDict, PyInt, PyMapping, PySequence, PyString};
use pythonize::depythonize;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
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
///
/// # Errors
/// `invalid_argument` for what says while it is written that it cannot be, as ops do whose bytes are none.
pub(crate) fn write<'py>(py: Python<'py>, data: &(impl Serialize + Sync)) -> PyResult<Bound<'py, PyAny>> {
    static PARSE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let (text, beside) = py.detach(|| written(data)).map_err(|cause| refused(py, &cause.to_string()))?;
    let parse = PARSE.import(py, "json", "loads")?;
    match beside.is_empty() {
        true => parse.call1((text,)),
        false => {
            parse.call((text,), Some(&[("parse_constant", Beside(Mutex::new(beside.into_iter())))].into_py_dict(py)?))
        }
    }
}

/// A JSON text, and the bytes that belong in it, in order.
fn written(data: &impl Serialize) -> serde_json::Result<(String, Vec<Vec<u8>>)> {
    let (mut text, mut aside) = (Vec::new(), Aside(Vec::new()));
    data.serialize(&mut Serializer::with_formatter(&mut text, &mut aside))?;
    Ok((String::from_utf8(text).map_err(serde::ser::Error::custom)?, aside.0))
}

/// Writes JSON, and keeps bytes aside.
struct Aside(Vec<Vec<u8>>);

impl Formatter for &mut Aside {
    fn write_byte_array<W: io::Write + ?Sized>(&mut self, writer: &mut W, bytes: &[u8]) -> io::Result<()> {
        self.0.push(bytes.to_vec());
        writer.write_all(b"NaN")
    }
}

/// Gives the parser of a text what stands beside it.
#[pyclass(frozen, module = "trellis_sync._native")]
struct Beside(Mutex<IntoIter<Vec<u8>>>);

#[pymethods]
impl Beside {
    /// The next bytes.
    fn __call__<'py>(&self, py: Python<'py>, _constant: &Bound<'py, PyAny>) -> Option<Bound<'py, PyBytes>> {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).next();
        next.map(|bytes| PyBytes::new(py, &bytes))
    }
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
