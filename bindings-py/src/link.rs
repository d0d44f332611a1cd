//! Links.

use std::time::Duration;

use pyo3::prelude::*;
use tokio::sync::Mutex;
use trellis_sync::link;
use trellis_sync::surface::LinkFollower;
use trellis_sync::{Code, TrellisError};

use crate::plain;
use crate::wait::{Stop, wait};

/// A link. It is closed by `close`, or when nothing refers to it any more.
#[pyclass(frozen, module = "trellis_sync._native")]
pub(crate) struct Link {
    seen: LinkFollower,
    /// Nothing once it is closed.
    link: Mutex<Option<link::Link>>,
}

impl Link {
    pub(crate) fn new(link: link::Link) -> Link {
        Link { seen: link.follow(), link: Mutex::new(Some(link)) }
    }
}

#[pymethods]
impl Link {
    /// How it stands.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain::write(py, &self.seen.status())
    }

    /// Follows it: the first status is the present one.
    fn follow(&self) -> Follower {
        Follower(Mutex::new(self.seen.clone()))
    }

    /// Waits until both sides have the same, durably.
    #[pyo3(signature = (timeout_ms, stop=None))]
    fn in_sync(&self, py: Python<'_>, timeout_ms: u64, stop: Option<&Stop>) -> PyResult<()> {
        let mut seen = self.seen.clone();
        wait(py, stop, async {
            let reached = tokio::time::timeout(Duration::from_millis(timeout_ms), seen.in_sync());
            reached.await.unwrap_or_else(|_| Err(not_in_time()))
        })
    }

    /// How far it is; None while the peer is not known.
    fn progress<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let progress = wait(py, None, async {
            match self.link.lock().await.as_ref() {
                Some(link) => link.plain_progress().await,
                None => Ok(None),
            }
        })?;
        progress.map(|progress| plain::write(py, &progress)).transpose()
    }

    /// Ends it, and tells the peer.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        wait(py, None, async {
            if let Some(link) = self.link.lock().await.take() {
                link.close().await;
            }
            Ok(())
        })
    }
}

/// How a link stands, change by change.
#[pyclass(frozen, module = "trellis_sync._native")]
pub(crate) struct Follower(Mutex<LinkFollower>);

#[pymethods]
impl Follower {
    /// Waits for the next status, for `timeout_ms` at most where that is given; None once it has ended and that was told,
    /// and where the time is up.
    #[pyo3(signature = (timeout_ms=None, stop=None))]
    fn next<'py>(
        &self,
        py: Python<'py>,
        timeout_ms: Option<u64>,
        stop: Option<&Stop>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let limit = timeout_ms.map_or(Duration::MAX, Duration::from_millis);
        let status = wait(py, stop, async {
            let next = async { self.0.lock().await.next().await };
            Ok(tokio::time::timeout(limit, next).await.ok().flatten())
        })?;
        status.map(|status| plain::write(py, &status)).transpose()
    }
}

fn not_in_time() -> TrellisError {
    TrellisError::new(Code::Timeout, "The two sides do not have the same yet. The link goes on.")
}
