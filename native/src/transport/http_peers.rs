//! Peers that are asked by signed requests, under names that a program gave them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trellis_core::op::id::Author;

use super::exchange::{Caller, check};
use super::memory::unknown;
use super::ws::ConnectOptions;
use super::{Dialling, Transport, Way};
use crate::error::Result;

/// Peers behind `http://` and `https://` URLs. A clone knows the same peers.
///
/// ```
/// # use std::sync::{Arc, Mutex};
/// # use trellis_sync::link::Welcome;
/// # use trellis_sync::server::{Hub, HubConfig, Server, ServerConfig};
/// use trellis_sync::engine::{HttpSyncTransport, SyncEngine, SyncEngineOptions};
/// # let folder = tempfile::tempdir().unwrap();
/// # let talk = async {
/// # let repo = trellis_sync::Repo::open(folder.path()).await?;
/// # repo.set("todo/1/title", trellis_sync::Value::from("Buy milk")).await?;
/// # let listen = "127.0.0.1:0".parse().unwrap();
/// # let server = Server::bind(ServerConfig { listen, ..ServerConfig::default() }).await?;
/// # let url = format!("http://{}", server.local_addr());
/// # let hub = Hub::one(repo, HubConfig { welcome: Welcome::Anyone, ..HubConfig::default() })?;
/// # tokio::spawn(async move { server.run(Arc::new(hub)).await });
/// # let ops = Arc::new(Mutex::new(Vec::new()));
/// let transport = HttpSyncTransport::new("peer-a");
/// transport.add_peer("peer-b", url)?; // as in http://127.0.0.1:4200
/// let engine = SyncEngine::new(SyncEngineOptions::new("peer-a", transport, Arc::clone(&ops)))?;
/// assert!(engine.pull_from("peer-b").await?.ops_received > 0);
/// # trellis_sync::Result::Ok(())
/// # };
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(talk).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct HttpSyncTransport(Arc<Peers>);

#[derive(Debug)]
struct Peers {
    local_peer_id: String,
    options: ConnectOptions,
    known: Mutex<HashMap<String, Peer>>,
}

#[derive(Clone, Debug)]
struct Peer {
    url: String,
    key: Arc<Mutex<Option<Author>>>,
}

/// A way to a peer that answers requests.
#[derive(Debug)]
pub struct Requests {
    pub(crate) caller: Caller,
    /// The key that answered last.
    pub(crate) key: Arc<Mutex<Option<Author>>>,
}

impl HttpSyncTransport {
    /// A transport that knows nobody.
    pub fn new(local_peer_id: impl Into<String>) -> HttpSyncTransport {
        HttpSyncTransport::with_options(local_peer_id, ConnectOptions::default())
    }

    /// The same, which dials in this way.
    pub fn with_options(local_peer_id: impl Into<String>, options: ConnectOptions) -> HttpSyncTransport {
        let (local_peer_id, known) = (local_peer_id.into(), Mutex::default());
        HttpSyncTransport(Arc::new(Peers { local_peer_id, options, known }))
    }

    /// What this side calls itself.
    pub fn local_peer_id(&self) -> &str {
        &self.0.local_peer_id
    }

    /// Knows a peer by this name from now on. Nothing is sent yet.
    ///
    /// # Errors
    /// `invalid_argument` for what is no `http://` or `https://` URL, `permission_denied` for plain text to another
    /// machine.
    pub fn add_peer(&self, peer: impl Into<String>, url: impl Into<String>) -> Result<()> {
        let url = url.into();
        check(&url, &self.0.options)?;
        self.known().insert(peer.into(), Peer { url, key: Arc::default() });
        Ok(())
    }

    fn open(&self, peer: &str) -> Result<Requests> {
        let Peer { url, key } = self.known().get(peer).cloned().ok_or_else(unknown)?;
        Ok(Requests { caller: Caller::new(&url, &self.0.options)?, key })
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Peer>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for HttpSyncTransport {
    fn dial<'a>(&'a self, peer: &'a str) -> Dialling<'a> {
        Box::pin(async move { self.open(peer).map(Way::Exchange) })
    }
}
