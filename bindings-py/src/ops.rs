//! Ops that a program keeps itself: two logs together, the next op of one, and ops as objects that people read.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyType};
use trellis_sync::surface::{self, Json, NewOp, OpsShown};
use trellis_sync::{SignedOp, keys};

use crate::error::raise;
use crate::plain;

/// The class `StoredOp` of `python/trellis_sync/_words.py`.
static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// An op as the package's `StoredOp` has it.
#[derive(FromPyObject)]
pub(crate) struct StoredOp {
    header: PyBackedBytes,
    body: Option<PyBackedBytes>,
    signature: Option<[u8; 64]>,
}

impl From<StoredOp> for SignedOp {
    fn from(op: StoredOp) -> SignedOp {
        SignedOp { header: op.header.to_vec(), body: op.body.map(|body| body.to_vec()), signature: op.signature }
    }
}

/// Ops of Python as the engine's.
pub(crate) fn read_ops(ops: Vec<StoredOp>) -> Vec<SignedOp> {
    ops.into_iter().map(Into::into).collect()
}

/// An op as the package's `StoredOp`.
pub(crate) fn write_op<'py>(py: Python<'py>, op: &SignedOp) -> PyResult<Bound<'py, PyAny>> {
    let bytes = |bytes: &[u8]| PyBytes::new(py, bytes);
    let signature = op.signature.as_ref().map(|signature| bytes(signature));
    let class = CLASS.import(py, "trellis_sync._words", "StoredOp")?;
    class.call1((bytes(&op.header), op.body.as_deref().map(bytes), signature))
}

/// What two sets of ops make together.
#[pyfunction]
pub(crate) fn reconcile(py: Python<'_>, local: Vec<StoredOp>, remote: Vec<StoredOp>) -> PyResult<Bound<'_, PyAny>> {
    let (local, remote) = (read_ops(local), read_ops(remote));
    plain::write(py, &py.detach(|| surface::reconcile(&local, &remote)))
}

/// The first op of a repo, signed.
#[pyfunction]
pub(crate) fn create_repo<'py>(py: Python<'py>, name: &str, identity: &Identity) -> PyResult<Bound<'py, PyAny>> {
    let op = surface::create_repo(name, &identity.0).map_err(|error| raise(py, &error))?;
    write_op(py, &op)
}

/// One op on top of a log, signed. `op` is a `trellis_core::surface::NewOp`.
#[pyfunction]
pub(crate) fn create_op<'py>(
    op: &Bound<'py, PyAny>,
    identity: &Identity,
    after: Vec<StoredOp>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = op.py();
    let (op, after): (NewOp, _) = (plain::read(op)?, read_ops(after));
    let made = py.detach(|| surface::create_op(op, &identity.0, &after)).map_err(|error| raise(py, &error))?;
    write_op(py, &made)
}

/// Ops as objects that people read.
#[pyfunction]
pub(crate) fn ops_shown(py: Python<'_>, ops: Vec<StoredOp>) -> PyResult<Bound<'_, PyAny>> {
    plain::write(py, &OpsShown::of(&read_ops(ops)))
}

/// The op of such an object.
#[pyfunction]
pub(crate) fn op_of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let object: Json = plain::read(object)?;
    let refused = |cause: surface::Unreadable| plain::refused(py, &cause.to_string());
    let op = SignedOp::try_from(surface::op_of(object).map_err(refused)?).map_err(refused)?;
    write_op(py, &op)
}

/// Whether a signature of a message holds under a key: 32 bytes and 64 bytes.
#[pyfunction]
pub(crate) fn is_signed(author: [u8; 32], message: &[u8], signature: [u8; 64]) -> bool {
    surface::is_signed(&author, message, &signature)
}

/// A key in memory. What is shown of it is its public half.
#[pyclass(frozen, module = "trellis_sync")]
pub(crate) struct Identity(pub(crate) keys::Identity);

#[pymethods]
impl Identity {
    /// A new key, from the system's random source.
    #[staticmethod]
    fn generate(py: Python<'_>) -> PyResult<Identity> {
        keys::Identity::generate().map(Identity).map_err(|error| raise(py, &error))
    }

    /// The key of a seed of 32 bytes, the same for ever.
    #[staticmethod]
    fn from_seed(py: Python<'_>, seed: &[u8]) -> PyResult<Identity> {
        let seed = seed.try_into().map_err(|_| plain::refused(py, "A seed is 32 bytes."))?;
        Ok(Identity(keys::Identity::from_seed(seed)))
    }

    /// The public half: 64 hex digits.
    #[getter]
    fn author(&self) -> String {
        self.0.author().to_string()
    }

    /// Signs: 64 bytes.
    fn sign<'py>(&self, py: Python<'py>, message: &[u8]) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.sign(message))
    }

    fn __repr__(&self) -> String {
        format!("<Identity {}>", self.author())
    }
}
