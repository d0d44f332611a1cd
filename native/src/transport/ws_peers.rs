//! Peers that are dialled by WebSocket under names that a program gave them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::memory::unknown;
use super::ws::{ConnectOptions, connect};
use super::{Connection, Dialling, Transport, Way};
use crate::error::Result;

/// How long a connection may have been open without a word. A server ends one where nobody proves a key in time.
const SILENT_MAX: Duration = Duration::from_secs(5);

/// Peers behind `ws://` and `wss://` URLs. A clone knows the same peers.
///
/// ```
/// # use std::sync::{Arc, Mutex};
/// # use trellis_sync::link::Welcome;
/// # use trellis_sync::server::{Hub, HubConfig, Server, ServerConfig};
/// use trellis_sync::engine::{WebSocketSyncTransport, SyncEngine, SyncEngineOptions};
/// # let folder = tempfile::tempdir().unwrap();
/// # let talk = async {
/// # let repo = trellis_sync::Repo::open(folder.path()).await?;
/// # repo.set("todo/1/title", trellis_sync::Value::from("Buy milk")).await?;
/// # let listen = "127.0.0.1:0".parse().unwrap();
/// # let server = Server::bind(ServerConfig { listen, ..ServerConfig::default() }).await?;
/// # let url = format!("ws://{}", server.local_addr());
/// # let hub = Hub::one(repo, HubConfig { welcome: Welcome::Anyone, ..HubConfig::default() })?;
/// # tokio::spawn(async move { server.run(Arc::new(hub)).await });
/// # let ops = Arc::new(Mutex::new(Vec::new()));
/// let transport = WebSocketSyncTransport::new("peer-a");
/// transport.connect("peer-b", url).await?; // as in ws://127.0.0.1:4200
/// let engine = SyncEngine::new(SyncEngineOptions::new("peer-a", transport, Arc::clone(&ops)))?;
/// assert!(engine.pull_from("peer-b").await?.ops_received > 0);
/// # trellis_sync::Result::Ok(())
/// # };
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(talk).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct WebSocketSyncTransport(Arc<Peers>);

#[derive(Debug)]
struct Peers {
    local_peer_id: String,
    options: ConnectOptions,
    known: Mutex<HashMap<String, Peer>>,
}

#[derive(Debug)]
struct Peer {
    url: String,
    /// A connection on which nothing was said yet, and since when.
    open: Option<(Connection, Instant)>,
}

impl WebSocketSyncTransport {
    /// A transport that knows nobody.
    pub fn new(local_peer_id: impl Into<String>) -> WebSocketSyncTransport {
        WebSocketSyncTransport::with_options(local_peer_id, ConnectOptions::default())
    }

    /// The same, which dials in this way.
    pub fn with_options(local_peer_id: impl Into<String>, options: ConnectOptions) -> WebSocketSyncTransport {
        let (local_peer_id, known) = (local_peer_id.into(), Mutex::default());
        WebSocketSyncTransport(Arc::new(Peers { local_peer_id, options, known }))
    }

    /// What this side calls itself.
    pub fn local_peer_id(&self) -> &str {
        &self.0.local_peer_id
    }

    /// Connects to a peer, and knows it by this name from now on: it is dialled again when that is needed.
    ///
    /// # Errors
    /// As [`connect`](super::ws::connect); the peer is not known then.
    pub async fn connect(&self, peer: impl Into<String>, url: impl Into<String>) -> Result<()> {
        let url = url.into();
        let open = Some((connect(&url, &self.0.options).await?, Instant::now()));
        self.known().insert(peer.into(), Peer { url, open });
        Ok(())
    }

    async fn open(&self, peer: &str) -> Result<Connection> {
        let (url, open) = match self.known().get_mut(peer) {
            Some(peer) => (peer.url.clone(), peer.open.take()),
            None => return Err(unknown()),
        };
        match open.filter(|(_, since)| since.elapsed() < SILENT_MAX) {
            Some((connection, _)) => Ok(connection),
            None => connect(&url, &self.0.options).await,
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Peer>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for WebSocketSyncTransport {
    fn dial<'a>(&'a self, peer: &'a str) -> Dialling<'a> {
        Box::pin(async move { self.open(peer).await.map(Way::Link) })
    }
}
