//! Waiting: on one runtime that all threads share, without the GIL, and so that Ctrl-C is heard.

use std::pin::{Pin, pin};
use std::process;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use trellis_sync::{Code, Result, TrellisError};

use crate::error::raise;

/// How long a signal may have to wait until Python hears of it.
const SLICE: Duration = Duration::from_millis(50);
/// Threads that carry links. What takes long has a thread of its own.
const WORKERS: usize = 2;

/// The runtime of this process. It lives as long as the process: nothing on it touches Python but what an engine calls.
static RUNTIME: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);

/// The runtime of this process; a fork, which inherits none of its threads, begins another.
///
/// # Errors
/// `quota_exceeded` where the system gives no thread.
pub(crate) fn runtime() -> Result<&'static Runtime> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    match *runtime {
        Some((process, running)) if process == process::id() => Ok(running),
        _ => {
            let begun = Builder::new_multi_thread().worker_threads(WORKERS).thread_name("trellis").enable_all().build();
            let begun: &'static Runtime = Box::leak(Box::new(begun.map_err(no_thread)?));
            *runtime = Some((process::id(), begun));
            Ok(begun)
        }
    }
}

fn no_thread(cause: std::io::Error) -> TrellisError {
    TrellisError::new(Code::QuotaExceeded, "The system does not give this program another thread.").caused_by(cause)
}

/// Ends a wait that goes on in another thread.
#[pyclass(frozen, module = "trellis_sync._native")]
#[derive(Default)]
pub(crate) struct Stop(CancellationToken);

#[pymethods]
impl Stop {
    #[new]
    fn new() -> Stop {
        Stop::default()
    }

    /// Ends every wait that was given this, and those that will be.
    fn set(&self) {
        self.0.cancel();
    }
}

/// What came of a slice of a wait.
enum Turn {
    /// It is over: done, or stopped.
    Over,
    Look,
}

/// Waits for something, without the GIL.
///
/// # Errors
/// What it fails with; `aborted` once `stop` is set; what a handler of a signal raises.
pub(crate) fn wait<T: Send>(
    py: Python<'_>,
    stop: Option<&Stop>,
    work: impl Future<Output = Result<T>> + Send,
) -> PyResult<T> {
    let mut done = Err(TrellisError::new(Code::Aborted, "The wait was ended."));
    wait_until_done(py, stop, pin!(async { done = work.await }))?;
    done.map_err(|error| raise(py, &error))
}

/// Returns when it is done, or `stop` is set. One for whatever is waited for, since what waits in slices is much code.
fn wait_until_done(
    py: Python<'_>,
    stop: Option<&Stop>,
    mut work: Pin<&mut (dyn Future<Output = ()> + Send)>,
) -> PyResult<()> {
    let runtime = runtime().map_err(|error| raise(py, &error))?;
    let never = CancellationToken::new();
    let stop = stop.map_or(&never, |stop| &stop.0);
    loop {
        match py.detach(|| runtime.block_on(turn(work.as_mut(), stop))) {
            Turn::Over => return Ok(()),
            Turn::Look => py.check_signals()?,
        }
    }
}

async fn turn(work: Pin<&mut (dyn Future<Output = ()> + Send)>, stop: &CancellationToken) -> Turn {
    let looked = async {
        tokio::select! {
            () = work => Turn::Over,
            () = stop.cancelled() => Turn::Over,
        }
    };
    tokio::time::timeout(SLICE, looked).await.unwrap_or(Turn::Look)
}
