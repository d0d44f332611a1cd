//! How a server is told to end.

use trellis_sync::Result;
#[cfg(unix)]
use trellis_sync::{Code, TrellisError};

/// Waits for SIGINT and SIGTERM, or for what stands for them.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// From now on these signals end nothing by themselves.
    #[cfg(unix)]
    pub(super) fn listen() -> Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt()).map_err(deaf)?;
        Ok(Signals { interrupt, terminate: signal(SignalKind::terminate()).map_err(deaf)? })
    }

    #[cfg(not(unix))]
    pub(super) fn listen() -> Result<Signals> {
        Ok(Signals {})
    }

    /// The next of them.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
fn deaf(cause: std::io::Error) -> TrellisError {
    let message = "The system does not tell this program when to end.";
    TrellisError::new(Code::Unsupported, message).caused_by(cause)
}
