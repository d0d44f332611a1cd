//! The engine, for programs that keep their ops themselves.

use pyo3::prelude::*;
use pyo3::types::PyList;
use trellis_sync::core::admit::policy::BranchPolicy;
use trellis_sync::engine::{self, OpLog, SyncEngineOptions};
use trellis_sync::surface::{EnginePolicy, Reconciled, Synced};
use trellis_sync::{Code, Result, SignedOp, TrellisError};

use crate::calls::with_python;
use crate::error::raise;
use crate::ops::{Identity, StoredOp, read_ops, write_op};
use crate::plain;
use crate::transport::Transport;
use crate::wait::{Stop, runtime, wait};

/// Keeps a program's ops equal to those of its peers.
#[pyclass(frozen, module = "trellis_sync._native")]
pub(crate) struct SyncEngine(engine::SyncEngine);

#[pymethods]
impl SyncEngine {
    #[new]
    fn new(
        py: Python<'_>,
        local_peer_id: &str,
        transport: Transport<'_>,
        get_local_ops: Py<PyAny>,
        on_ops_received: Py<PyAny>,
        branch_policy: &Bound<'_, PyAny>,
        identity: Option<&Identity>,
    ) -> PyResult<SyncEngine> {
        let policy: EnginePolicy = plain::read(branch_policy)?;
        let options = SyncEngineOptions {
            on_ops_received: Box::new(move |ops| take(&on_ops_received, &ops)),
            branch_policy: BranchPolicy::from(policy),
            identity: identity.map(|identity| identity.0.clone()),
            ..transport.options(local_peer_id, ProgramLog(get_local_ops))
        };
        let runtime = runtime().map_err(|error| raise(py, &error))?;
        let begun = py.detach(|| {
            let _entered = runtime.enter();
            engine::SyncEngine::new(options)
        });
        begun.map(SyncEngine).map_err(|error| raise(py, &error))
    }

    /// The key that it proves to peers.
    #[getter]
    fn author(&self) -> String {
        self.0.author().to_string()
    }

    /// What this side calls itself.
    #[getter]
    fn local_peer_id(&self) -> &str {
        self.0.local_peer_id()
    }

    /// Gives a peer what it lacks, and takes what is lacking here.
    #[pyo3(signature = (peer, stop=None))]
    fn push_to<'py>(&self, py: Python<'py>, peer: &str, stop: Option<&Stop>) -> PyResult<Bound<'py, PyAny>> {
        let synced = wait(py, stop, self.0.push_to(peer))?;
        plain::write(py, &Synced::from(synced))
    }

    /// The same.
    #[pyo3(signature = (peer, stop=None))]
    fn pull_from<'py>(&self, py: Python<'py>, peer: &str, stop: Option<&Stop>) -> PyResult<Bound<'py, PyAny>> {
        let synced = wait(py, stop, self.0.pull_from(peer))?;
        plain::write(py, &Synced::from(synced))
    }

    /// What the ops here and these make together.
    #[pyo3(signature = (ops, stop=None))]
    fn reconcile_with<'py>(
        &self,
        py: Python<'py>,
        ops: Vec<StoredOp>,
        stop: Option<&Stop>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let ops = read_ops(ops);
        let made = wait(py, stop, self.0.reconcile_with(&ops))?;
        plain::write(py, &Reconciled::from(made))
    }
}

/// A function of the program that returns a sequence of `StoredOp`s, of which only the growth is read.
struct ProgramLog(Py<PyAny>);

impl OpLog for ProgramLog {
    fn read(&self, from: usize, max: usize) -> Vec<SignedOp> {
        with_python(|py| {
            self.page(py, from, max).unwrap_or_else(|error| {
                error.write_unraisable(py, Some(self.0.bind(py)));
                Vec::new()
            })
        })
        .unwrap_or_default()
    }
}

impl ProgramLog {
    fn page(&self, py: Python<'_>, from: usize, max: usize) -> PyResult<Vec<SignedOp>> {
        let ops = self.0.bind(py).call0()?;
        let ops = ops.cast::<pyo3::types::PySequence>()?;
        let end = ops.len()?.min(from.saturating_add(max));
        let page: Vec<StoredOp> = if from < end { ops.get_slice(from, end)?.extract()? } else { Vec::new() };
        Ok(read_ops(page))
    }
}

/// Hands ops over. Where the program raises, none of them count as safe.
fn take(on_ops: &Py<PyAny>, ops: &[SignedOp]) -> Result<()> {
    let taken = with_python(|py| {
        let ops = ops.iter().map(|op| write_op(py, op)).collect::<PyResult<Vec<_>>>();
        let taken = ops.and_then(|ops| on_ops.call1(py, (PyList::new(py, ops)?,)));
        taken.map(drop).map_err(|error| not_taken(py, &error))
    });
    taken.unwrap_or_else(|| Err(TrellisError::new(Code::Aborted, "The program ends, and takes no more ops.")))
}

fn not_taken(py: Python<'_>, error: &PyErr) -> TrellisError {
    let code = error.value(py).getattr("code").and_then(|code| code.extract::<String>());
    let code = code.ok().and_then(|word| Code::ALL.iter().find(|code| code.as_str() == word).copied());
    let message = "The function that takes ops raised an exception, so they are not taken. Mend it, and sync again.";
    TrellisError::new(code.unwrap_or(Code::Aborted), message).caused_by(error.get_type(py).to_string())
}
