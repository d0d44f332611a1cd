//! The machine itself, for whoever is the host: inputs in, outputs out, by plain data.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyList;
use trellis_sync::core::admit::policy::Policies;
use trellis_sync::core::op::id::Author;
use trellis_sync::core::time::Millis;
use trellis_sync::core::{input, machine, output};
use trellis_sync::surface::{Hex, Input, Output};

use crate::plain;

/// One repo's engine: no clock, no keys, no disk.
#[pyclass(frozen, module = "trellis_sync._native")]
pub(crate) struct Machine(Mutex<machine::Machine>);

#[pymethods]
impl Machine {
    /// A machine that writes under a key, and what it asks first. `id_key` is random per process; `is_copied` says that
    /// the key is in use elsewhere.
    #[staticmethod]
    #[pyo3(signature = (author, *, id_key=0, is_copied=false))]
    fn open<'py>(author: &Bound<'py, PyAny>, id_key: u64, is_copied: bool) -> PyResult<(Machine, Bound<'py, PyList>)> {
        let key: Hex<32> = plain::read(author)?;
        let key_use = if is_copied { machine::KeyUse::Copied } else { machine::KeyUse::Own };
        let config = machine::Config { author: Author(key.0), key_use, id_key, policies: Policies::default() };
        let (machine, outputs) = machine::Machine::open(config);
        Ok((Machine(Mutex::new(machine)), written(author.py(), outputs)?))
    }

    /// Takes one input at a time, in milliseconds since 1970, and returns the outputs.
    fn step<'py>(&self, input: &Bound<'py, PyAny>, now: u64) -> PyResult<Bound<'py, PyList>> {
        let py = input.py();
        let input: Input = plain::read(input)?;
        let refused = |cause: &dyn std::error::Error| plain::refused(py, &format!("This is no input: {cause}."));
        let input = input::Input::try_from(input).map_err(|cause| refused(&cause))?;
        let outputs = py.detach(|| self.machine().step(input, Millis(now)));
        written(py, outputs.map_err(|cause| refused(&cause))?)
    }

    /// When it wants to be told the time, in milliseconds since 1970; None while it waits for nothing.
    fn deadline(&self, py: Python<'_>) -> Option<u64> {
        py.detach(|| self.machine().deadline().map(|deadline| deadline.0))
    }
}

impl Machine {
    fn machine(&self) -> std::sync::MutexGuard<'_, machine::Machine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn written(py: Python<'_>, outputs: Vec<output::Output>) -> PyResult<Bound<'_, PyList>> {
    let outputs = outputs.into_iter().map(|output| plain::write(py, &Output::from(output)));
    PyList::new(py, outputs.collect::<PyResult<Vec<_>>>()?)
}
