//! The engine, for programs that bring their own store: give it the ops that there are, and it makes them and a peer's
//! equal.
//!
//! The program keeps its ops where it likes, in the order in which it got them. The engine reads that log once and from
//! then on only what was added, and hands over what a peer had that was new. What a peer is told to be safe here the
//! program has taken before.
//!
//! ```
//! # let talk = async {
//! use std::sync::{Arc, Mutex};
//!
//! use trellis_sync::engine::{MemoryTransport, SyncEngine, SyncEngineOptions};
//! use trellis_sync::{SignedOp, Result};
//!
//! type Log = Arc<Mutex<Vec<SignedOp>>>;
//!
//! fn engine(name: &str, transport: MemoryTransport, log: &Log) -> Result<SyncEngine> {
//!     let kept = Arc::clone(log);
//!     SyncEngine::new(SyncEngineOptions {
//!         on_ops_received: Box::new(move |ops| {
//!             kept.lock().unwrap().extend(ops); // keep them, then say that they are kept
//!             Ok(())
//!         }),
//!         ..SyncEngineOptions::new(name, transport, Arc::clone(log))
//!     })
//! }
//!
//! let (alice, bob) = (MemoryTransport::new("peer-a", "Alice"), MemoryTransport::new("peer-b", "Bob"));
//! MemoryTransport::link(&alice, &bob);
//! let (log_a, log_b) = (Log::default(), Log::default());
//! let engine_a = engine("peer-a", alice, &log_a)?;
//! let engine_b = engine("peer-b", bob, &log_b)?;
//! # let folder = tempfile::tempdir().unwrap();
//! # let repo = trellis_sync::Repo::open(folder.path()).await?;
//! # repo.set("todo/1/title", trellis_sync::Value::from("Buy milk")).await?;
//! # log_a.lock().unwrap().extend(repo.export(Vec::new()).await?);
//!
//! let synced = engine_a.push_to("peer-b").await?;
//! assert_eq!(*log_a.lock().unwrap(), *log_b.lock().unwrap());
//! assert_eq!(synced.ops_sent, log_b.lock().unwrap().len() as u64);
//! assert_eq!(engine_b.pull_from("peer-a").await?.ops_received, 0);
//! # Result::Ok(())
//! # };
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(talk).unwrap();
//! ```

mod log;
mod options;

use std::fmt;
use std::sync::{Arc, PoisonError};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;
use trellis_core::input::Command;
use trellis_core::log::row::StoredOp;
use trellis_core::op::id::Author;
use trellis_core::op::sign::Unverified;
use trellis_core::output::Answer;
use trellis_core::reconcile::{Reconciled, reconcile};

pub use self::log::OpLog;
pub use self::options::{OnOps, SyncEngineOptions};
use crate::driver::{Handle, Lent, Refusal};
use crate::error::Result;
use crate::keys::Identity;
use crate::link::{Carried, Nacked, answer, once};
use crate::repo::explain;
#[cfg(feature = "http")]
pub use crate::transport::HttpSyncTransport;
use crate::transport::{Connection, Transport};
pub use crate::transport::{MemoryTransport, WebSocketSyncTransport};

/// Keeps a program's ops equal to those of its peers.
///
/// It answers peers for as long as it lives; for that it needs the tokio runtime in which it was made. Its own work is
/// done on a thread of its own, which also calls what the options name.
pub struct SyncEngine {
    local_peer_id: String,
    author: Author,
    driver: Handle,
    transport: Arc<dyn Transport>,
    refusal: Refusal,
    /// Cancelled when the engine is dropped.
    stop: CancellationToken,
}

/// What a sync did. Afterwards both sides have the same ops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// The peer's key.
    pub peer: Author,
    /// Ops that went to the peer.
    pub ops_sent: u64,
    /// Ops that came from it.
    pub ops_received: u64,
    /// How often this side spoke and was answered, with the proofs of who they are.
    pub rounds: u64,
    /// Bytes of all frames that went.
    pub bytes_sent: u64,
    /// Bytes of all frames that came.
    pub bytes_received: u64,
    /// What the peer refused of what went to it, or gives no effect: where it serialises a linear branch, with
    /// `not_fast_forward` and the head of the line that was there first.
    pub nacked: Option<Nacked>,
    /// The linear branches that stand on several lines now, ascending. Nothing is written to them until somebody gives way.
    pub diverged: Vec<String>,
}

impl SyncEngine {
    /// An engine that answers peers from now on.
    ///
    /// # Errors
    /// `unsupported` where the system gives no random bytes for a key, `quota_exceeded` where it gives no thread.
    pub fn new(options: SyncEngineOptions) -> Result<SyncEngine> {
        let SyncEngineOptions { local_peer_id, transport, get_local_ops, on_ops_received, .. } = options;
        let identity = options.identity.map_or_else(Identity::generate, Ok)?;
        let (author, refusal) = (identity.author(), Refusal::default());
        let policies = options::policies(&options.branch_policy);
        let (log, on_ops) = (get_local_ops, on_ops_received);
        let driver = Lent { identity, policies, log, on_ops, refusal: Arc::clone(&refusal) }.start()?;
        let stop = CancellationToken::new();
        if let Some(arrivals) = transport.arrivals() {
            tokio::spawn(receive(arrivals, driver.clone(), stop.clone()));
        }
        Ok(SyncEngine { local_peer_id, author, driver, transport, refusal, stop })
    }

    /// What this side calls itself.
    pub fn local_peer_id(&self) -> &str {
        &self.local_peer_id
    }

    /// The key that it proves to peers.
    pub fn author(&self) -> Author {
        self.author
    }

    /// Gives a peer what it lacks, and takes what is lacking here: afterwards both have the same.
    ///
    /// # Errors
    /// `not_found` for a peer that the transport does not know, `offline` for one that does not answer; what the peer
    /// refuses this one for, as `auth_failed` and `repo_mismatch`; what `on_ops_received` fails with. What came before
    /// that stays.
    pub async fn push_to(&self, peer: &str) -> Result<Synced> {
        self.sync(peer).await
    }

    /// The same, for those who are more interested in what the peer has.
    ///
    /// # Errors
    /// As [`SyncEngine::push_to`].
    pub async fn pull_from(&self, peer: &str) -> Result<Synced> {
        self.sync(peer).await
    }

    /// What the ops here and these make together. Changes nothing.
    ///
    /// # Errors
    /// `aborted` where the engine has ended.
    pub async fn reconcile_with(&self, ops: &[StoredOp]) -> Result<Reconciled> {
        let asked = self.driver.run(Command::Export { known: Vec::new() }).await;
        let local = match asked.map_err(|failure| explain(failure, "read the ops"))? {
            Answer::Ops(local) => local,
            _ => Vec::new(),
        };
        Ok(reconcile(&unverified(&local), &unverified(ops)))
    }

    async fn sync(&self, peer: &str) -> Result<Synced> {
        self.take_refusal();
        let way = self.transport.dial(peer).await?;
        match once(&self.driver, way).await {
            Ok(carried) => Ok(Synced::of(carried, self.diverged().await?)),
            Err(error) => Err(self.take_refusal().unwrap_or(error)),
        }
    }

    async fn diverged(&self) -> Result<Vec<String>> {
        let asked = self.driver.run(Command::Status).await;
        let branches = match asked.map_err(|failure| explain(failure, "look at the branches"))? {
            Answer::Status(status) => status.branches,
            _ => Vec::new(),
        };
        Ok(branches.into_iter().filter(|branch| branch.is_diverged).map(|branch| branch.name).collect())
    }

    /// Why the program did not take what came, if that is why a link ended.
    fn take_refusal(&self) -> Option<crate::error::TrellisError> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Synced {
    fn of(carried: Carried, diverged: Vec<String>) -> Synced {
        let Carried { peer, ops_sent, ops_received, rounds, bytes_sent, bytes_received, nacked } = carried;
        Synced { peer, ops_sent, ops_received, rounds, bytes_sent, bytes_received, nacked, diverged }
    }
}

impl Drop for SyncEngine {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for SyncEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncEngine").field("author", &self.author).finish_non_exhaustive()
    }
}

fn unverified(ops: &[StoredOp]) -> Vec<Unverified<'_>> {
    ops.iter().map(StoredOp::unverified).collect()
}

/// Answers those who come, until the engine is gone.
async fn receive(mut arrivals: UnboundedReceiver<Connection>, driver: Handle, stop: CancellationToken) {
    while let Some(Some(connection)) = stop.run_until_cancelled(arrivals.recv()).await {
        let (driver, stop) = (driver.clone(), stop.clone());
        tokio::spawn(async move { answer(&driver, connection, &stop).await });
    }
}
