//! Connections that a program makes: two ends in this process, of which each may be a link's or the program's.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::sync::Mutex as Turn;
use trellis_sync::transport::{self, Frame, FrameReceiver, FrameSender, memory};

use crate::plain;
use crate::wait::{Stop, wait};

/// One end.
#[pyclass(frozen, module = "trellis_sync._native")]
pub(crate) struct Connection {
    origin: String,
    binding: Vec<u8>,
    /// Nothing once it was closed, or is a link's.
    sender: Mutex<Option<Arc<FrameSender>>>,
    /// Nothing once it is a link's.
    receiver: Turn<Option<FrameReceiver>>,
}

/// Two ends of which each receives what the other one sends. `origin` and `binding` are what peers sign of the way between
/// them.
#[pyfunction]
pub(crate) fn memory_pair(origin: String, binding: Vec<u8>) -> (Connection, Connection) {
    let (one, other) = memory::pair();
    let end = |end: transport::Connection| Connection {
        origin: origin.clone(),
        binding: binding.clone(),
        sender: Mutex::new(Some(Arc::new(end.sender))),
        receiver: Turn::new(Some(end.receiver)),
    };
    (end(one), end(other))
}

/// A frame as Python has it.
#[derive(FromPyObject, IntoPyObject)]
pub(crate) enum Given<'py> {
    Text(String),
    Bytes(Bound<'py, PyBytes>),
}

#[pymethods]
impl Connection {
    /// What peers sign as the way that was dialled.
    #[getter]
    fn origin(&self) -> &str {
        &self.origin
    }

    /// Hands a frame to the other end, and waits as long as there is no room for it.
    #[pyo3(signature = (frame, stop=None))]
    fn send(&self, py: Python<'_>, frame: Given<'_>, stop: Option<&Stop>) -> PyResult<()> {
        let frame = match frame {
            Given::Text(text) => Frame::Text(text),
            Given::Bytes(bytes) => Frame::Binary(bytes.as_bytes().to_vec()),
        };
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sender = sender.ok_or_else(|| gone(py))?;
        wait(py, stop, sender.send(frame))
    }

    /// The next frame; None after the last one.
    #[pyo3(signature = (stop=None))]
    fn receive<'py>(&self, py: Python<'py>, stop: Option<&Stop>) -> PyResult<Option<Given<'py>>> {
        let next = async {
            match self.receiver.lock().await.as_mut() {
                Some(receiver) => Some(receiver.recv().await.transpose()).transpose(),
                None => Ok(None),
            }
        };
        let frame = wait(py, stop, next)?.ok_or_else(|| gone(py))?;
        Ok(frame.map(|frame| match frame {
            Frame::Text(text) => Given::Text(text),
            Frame::Binary(bytes) => Given::Bytes(PyBytes::new(py, &bytes)),
        }))
    }

    /// Sends no more: the other end receives what was sent, and then None.
    fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Connection {
    /// The end for a link, which has it alone from now on.
    ///
    /// # Errors
    /// `invalid_argument` where it was closed, is in use, or is a link's.
    pub(crate) fn take(&self, py: Python<'_>) -> PyResult<transport::Connection> {
        let receiver = self.receiver.try_lock().ok().and_then(|mut receiver| receiver.take());
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).take().and_then(Arc::into_inner);
        let (sender, receiver) = sender.zip(receiver).ok_or_else(|| gone(py))?;
        Ok(transport::Connection { origin: self.origin.clone(), binding: self.binding.clone(), sender, receiver })
    }
}

fn gone(py: Python<'_>) -> PyErr {
    plain::refused(py, "This end of the connection was closed, or is used already. Make another pair.")
}
