//! Ways to peers that a program names.

use pyo3::prelude::*;
use trellis_sync::engine::{self, SyncEngineOptions};
use trellis_sync::transport::ws::ConnectOptions;

use crate::error::raise;
use crate::wait::{Stop, wait};

/// A peer among peers in one process.
#[pyclass(frozen, module = "trellis_sync")]
pub(crate) struct MemoryTransport(engine::MemoryTransport);

#[pymethods]
impl MemoryTransport {
    /// A peer that no other one knows. `id` is what others dial, `name` what people call it.
    #[new]
    #[pyo3(signature = (id, name=None))]
    fn new(id: &str, name: Option<&str>) -> MemoryTransport {
        MemoryTransport(engine::MemoryTransport::new(id, name.unwrap_or(id)))
    }

    /// Makes two peers known to each other.
    #[staticmethod]
    fn link(one: &MemoryTransport, other: &MemoryTransport) {
        engine::MemoryTransport::link(&one.0, &other.0);
    }

    /// What others dial.
    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    /// What people call it.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    fn __repr__(&self) -> String {
        format!("<MemoryTransport {:?}>", self.0.id())
    }
}

/// Peers that are asked by signed requests, under names that a program gives them.
#[pyclass(frozen, module = "trellis_sync")]
pub(crate) struct HttpSyncTransport(engine::HttpSyncTransport);

#[pymethods]
impl HttpSyncTransport {
    /// A transport that knows nobody. Hosts in `allow_plain` may be dialled without TLS although they are other machines.
    #[new]
    #[pyo3(signature = (local_peer_id, *, allow_plain=Vec::new()))]
    fn new(local_peer_id: &str, allow_plain: Vec<String>) -> HttpSyncTransport {
        HttpSyncTransport(engine::HttpSyncTransport::with_options(local_peer_id, dialled(allow_plain)))
    }

    /// What this side calls itself.
    #[getter]
    fn local_peer_id(&self) -> &str {
        self.0.local_peer_id()
    }

    /// Knows a peer by this name from now on. Nothing is sent yet.
    fn add_peer(&self, py: Python<'_>, peer: &str, url: &str) -> PyResult<()> {
        self.0.add_peer(peer, url).map_err(|error| raise(py, &error))
    }

    fn __repr__(&self) -> String {
        format!("<HttpSyncTransport of {:?}>", self.0.local_peer_id())
    }
}

/// Peers that are dialled by WebSocket under names that a program gives them.
#[pyclass(frozen, subclass, module = "trellis_sync._native")]
pub(crate) struct WebSocketSyncTransport(engine::WebSocketSyncTransport);

#[pymethods]
impl WebSocketSyncTransport {
    #[new]
    #[pyo3(signature = (local_peer_id, *, allow_plain=Vec::new()))]
    fn new(local_peer_id: &str, allow_plain: Vec<String>) -> WebSocketSyncTransport {
        WebSocketSyncTransport(engine::WebSocketSyncTransport::with_options(local_peer_id, dialled(allow_plain)))
    }

    /// What this side calls itself.
    #[getter]
    fn local_peer_id(&self) -> &str {
        self.0.local_peer_id()
    }

    /// Connects to a peer, and knows it by this name from now on.
    #[pyo3(signature = (peer, url, stop=None))]
    fn connect_blocking(&self, py: Python<'_>, peer: &str, url: &str, stop: Option<&Stop>) -> PyResult<()> {
        wait(py, stop, self.0.connect(peer, url))
    }

    fn __repr__(&self) -> String {
        format!("<WebSocketSyncTransport of {:?}>", self.0.local_peer_id())
    }
}

fn dialled(allow_plain: Vec<String>) -> ConnectOptions {
    ConnectOptions { allow_plain, ..ConnectOptions::default() }
}

/// Any of them.
#[derive(FromPyObject)]
pub(crate) enum Transport<'py> {
    Memory(PyRef<'py, MemoryTransport>),
    Http(PyRef<'py, HttpSyncTransport>),
    WebSocket(PyRef<'py, WebSocketSyncTransport>),
}

impl Transport<'_> {
    /// The options of an engine that goes this way.
    pub(crate) fn options(&self, local_peer_id: &str, log: impl engine::OpLog) -> SyncEngineOptions {
        match self {
            Transport::Memory(way) => SyncEngineOptions::new(local_peer_id, way.0.clone(), log),
            Transport::Http(way) => SyncEngineOptions::new(local_peer_id, way.0.clone(), log),
            Transport::WebSocket(way) => SyncEngineOptions::new(local_peer_id, way.0.clone(), log),
        }
    }
}
