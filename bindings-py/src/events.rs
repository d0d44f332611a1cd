//! What happens in a repo and nobody asked for.

use std::time::Duration;

use pyo3::prelude::*;
use tokio::sync::Mutex;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc::UnboundedReceiver;
use trellis_sync::core::output;
use trellis_sync::surface::Event;
use trellis_sync::{Code, Result, TrellisError};

use crate::plain;
use crate::wait::{Stop, wait};

/// Events that wait for whoever is slow; of more the oldest are lost.
const WAITING_MAX: usize = 256;

/// Where the events of a repo go, to everybody who listens.
#[derive(Clone)]
pub(crate) struct Told(broadcast::WeakSender<Event>);

impl Told {
    /// Hands on what a repo tells until the repo is gone. Needs a tokio runtime.
    pub(crate) fn from(mut repo: UnboundedReceiver<output::Event>) -> Told {
        let (heard, _) = broadcast::channel(WAITING_MAX);
        let told = Told(heard.downgrade());
        tokio::spawn(async move {
            while let Some(event) = repo.recv().await {
                // Where nobody listens it is lost.
                let _ = heard.send(event.into());
            }
        });
        told
    }

    /// What is told from now on; nothing where the repo is gone.
    pub(crate) fn listen(&self) -> Events {
        Events(Mutex::new(self.0.upgrade().map(|heard| heard.subscribe())))
    }
}

/// The events of a repo from the moment that this was made.
#[pyclass(frozen, module = "trellis_sync._native")]
pub(crate) struct Events(Mutex<Option<broadcast::Receiver<Event>>>);

#[pymethods]
impl Events {
    /// The next event, or None where none comes in `timeout_ms`; fails with `aborted` once the repo is closed.
    #[pyo3(signature = (timeout_ms, stop=None))]
    fn next<'py>(&self, py: Python<'py>, timeout_ms: u64, stop: Option<&Stop>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let limit = Duration::from_millis(timeout_ms);
        let event = wait(py, stop, async { tokio::time::timeout(limit, self.take()).await.ok().transpose() })?;
        event.map(|event| plain::write(py, &event)).transpose()
    }
}

impl Events {
    /// Waits for an event. Whoever is slow misses what came in between.
    async fn take(&self) -> Result<Event> {
        let mut heard = self.0.lock().await;
        let heard = heard.as_mut().ok_or_else(closed)?;
        loop {
            match heard.recv().await {
                Ok(event) => return Ok(event),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Err(closed()),
            }
        }
    }
}

fn closed() -> TrellisError {
    TrellisError::new(Code::Aborted, "The repo was closed.")
}
