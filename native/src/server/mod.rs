//! The server: HTTP on one port, and from it connections to whoever handles links.
//!
//! It moves bytes and counts them. Who a peer is, which repos there are and what is said about them is the business of
//! the [`Links`] that it is run with. What it decides itself is what nobody needs to know a peer for: how many may be
//! connected, how long they may take to say what they want, which pages and which names of this server they may come by.
//!
//! | route | answers |
//! |---|---|
//! | `GET /sync/v1/link` | WebSocket: a link to the repo that the peer's first frame names |
//! | `GET /sync/v1/repos/<tag>/link` | the same, for the repo with this tag |
//! | `POST /sync/v1/repos/<tag>/exchange` | a signed request with frames: a signed answer with frames |
//! | `POST /sync/v1/exchange` | the same, for the one repo that is served |
//! | `GET /sync/v1/status` | what [`Links::status`] says, as JSON |
//! | `GET /healthz` | `ok` |
//! | `GET /metrics` | counters, for Prometheus |
//! | `GET` of a path in [`ServerConfig::files`] | that file |
//!
//! [`Hub`] serves repos, as `trellis serve` does. A server that sends every frame back, and a client of it:
//!
//! ```
//! use std::net::SocketAddr;
//! use std::sync::Arc;
//!
//! use futures_util::future::{BoxFuture, FutureExt};
//! use trellis_sync::server::{Arrived, Links, Page, Server, ServerConfig, Stopped};
//! use trellis_sync::transport::ws::{ConnectOptions, connect};
//! use trellis_sync::transport::{Connection, Frame};
//!
//! struct Echo;
//!
//! impl Links for Echo {
//!     fn arrived(&self, arrived: Arrived) -> BoxFuture<'static, ()> {
//!         async move {
//!             let Connection { sender, mut receiver, .. } = arrived.connection;
//!             while let Some(Some(Ok(frame))) = arrived.stop.run_until_cancelled(receiver.recv()).await {
//!                 if sender.send(frame).await.is_err() {
//!                     break;
//!                 }
//!             }
//!         }
//!         .boxed()
//!     }
//!
//!     fn status(&self) -> BoxFuture<'static, serde_json::Value> {
//!         std::future::ready(serde_json::json!({ "v": 1 })).boxed()
//!     }
//!
//!     fn metrics(&self, _page: &mut Page) {}
//! }
//!
//! # let talk = async {
//! let listen = SocketAddr::from(([127, 0, 0, 1], 0));
//! let server = Server::bind(ServerConfig { listen, ..ServerConfig::default() }).await?;
//! let (address, stopper) = (server.local_addr(), server.stopper());
//! let running = tokio::spawn(server.run(Arc::new(Echo)));
//!
//! let mut peer = connect(&format!("ws://{address}"), &ConnectOptions::default()).await?;
//! peer.sender.send(Frame::Binary(vec![1, 2, 3])).await?;
//! assert_eq!(peer.receiver.recv().await.transpose()?, Some(Frame::Binary(vec![1, 2, 3])));
//!
//! stopper.stop();
//! assert!(peer.receiver.recv().await.is_none(), "the server has closed the link");
//! drop(peer);
//! assert_eq!(running.await.unwrap(), Stopped::Cleanly);
//! # trellis_sync::Result::Ok(())
//! # };
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(talk).unwrap();
//! ```
//!
//! The WebSocket handshake is tungstenite's, on the socket that hyper hands over, and not axum's extractor: so client and
//! server are one implementation, and a peer that is refused in mid-message can be told why.

mod accept;
mod admission;
mod config;
mod exchange;
mod files;
mod hub;
mod metrics;
mod nonces;
mod routes;
mod tls;
mod upgrade;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use trellis_core::link::message::{Form, Frame, RepoTag};
use trellis_core::op::id::Author;
use trellis_core::op::sign::Signature;

use crate::error::{Code, Result, TrellisError};
use crate::transport::Connection;
pub use admission::Newcomer;
pub use config::ServerConfig;
pub use files::StaticFile;
pub use hub::{Hub, HubConfig, Quotas, log_events};
pub use metrics::Page;
pub use tls::TlsConfig;

/// A peer that has connected and said nothing yet.
#[derive(Debug)]
#[non_exhaustive]
pub struct Arrived {
    /// The way to it.
    pub connection: Connection,
    /// The repo that the URL names, if it does.
    pub tag: Option<RepoTag>,
    /// Where it is.
    pub remote: SocketAddr,
    /// Its place among those who have not proven who they are, of which an address has few. Drop it as soon as the peer
    /// has; whoever keeps it keeps the place.
    pub newcomer: Newcomer,
    /// Cancelled when the server stops: finish, and close the connection.
    pub stop: CancellationToken,
}

/// Frames of a peer that proved by its signature that it sent them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Asked {
    /// The key that signed.
    pub peer: Author,
    /// The repo that the URL names, if it does.
    pub tag: Option<RepoTag>,
    /// The frames.
    pub frames: Vec<Frame>,
    /// The form of both the request and its answer.
    pub form: Form,
    /// Where the peer is.
    pub remote: SocketAddr,
}

/// Makes what is to be signed of the key that signs it.
pub type ToSign = Box<dyn FnOnce(Author) -> Vec<u8> + Send>;
/// Signs, and tells by which key.
pub type Sign = Box<dyn FnOnce(ToSign) -> BoxFuture<'static, Result<(Author, Signature)>> + Send>;

/// What is answered to a request.
pub struct Answered {
    /// The frames.
    pub frames: Vec<Frame>,
    /// Signs the answer.
    pub sign: Sign,
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answered").field("frames", &self.frames).finish_non_exhaustive()
    }
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declined {
    /// It goes on with a session that is not known here: the peer has to begin anew.
    Forgotten,
    /// The peer is not let in, or there is no such repo.
    NotLetIn,
    /// Another repo is here, and the peer may know that.
    OtherRepo,
    /// There is no more room for it.
    Full,
    /// Too much is going on.
    Busy,
    /// The repo cannot be had.
    Trouble,
}

/// What a server hands its links to, and asks for what it shows.
pub trait Links: Send + Sync + 'static {
    /// Handles a link from its first frame to its last. It counts as open until this is done.
    fn arrived(&self, arrived: Arrived) -> BoxFuture<'static, ()>;

    /// Answers a request; what is answered is durable. Nobody is let in where this is not written.
    fn exchange(&self, _asked: Asked) -> BoxFuture<'static, std::result::Result<Answered, Declined>> {
        Box::pin(std::future::ready(Err(Declined::NotLetIn)))
    }

    /// What `/sync/v1/status` shows, to anybody who asks.
    fn status(&self) -> BoxFuture<'static, serde_json::Value>;

    /// Adds to what `/metrics` shows, to anybody who asks.
    fn metrics(&self, page: &mut Page);
}

/// A server that listens. Connections wait until it runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    config: ServerConfig,
    stop: CancellationToken,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).field("config", &self.config).finish_non_exhaustive()
    }
}

/// Stops a server, from wherever it is called.
#[derive(Clone, Debug)]
pub struct Stopper(CancellationToken);

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every link was finished.
    Cleanly,
    /// Some took longer than `stop_limit`, and their connections were cut.
    ByCutting,
}

impl Server {
    /// Listens where the configuration says; port 0 takes a free one.
    ///
    /// # Errors
    /// `permission_denied` where it would talk in plain text to other machines and is not allowed to, or the system does
    /// not allow the port; `already_exists` where something listens there; `invalid_argument` where a setting means
    /// nothing, or the files of TLS do not.
    pub async fn bind(config: ServerConfig) -> Result<Server> {
        config.ensure_valid()?;
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let unavailable = |cause| unavailable(config.listen, cause);
        let listener = TcpListener::bind(config.listen).await.map_err(unavailable)?;
        let address = listener.local_addr().map_err(unavailable)?;
        Ok(Server { listener, address, tls, config, stop: CancellationToken::new() })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// Serves until it is stopped, then waits for its links, up to `stop_limit`.
    pub async fn run(self, links: Arc<dyn Links>) -> Stopped {
        accept::run(self, links).await
    }
}

impl Stopper {
    /// Takes no more connections and tells every link to finish.
    pub fn stop(&self) {
        self.0.cancel();
    }
}

fn unavailable(address: SocketAddr, cause: std::io::Error) -> TrellisError {
    use std::io::ErrorKind;
    let (code, why) = match cause.kind() {
        ErrorKind::AddrInUse => (Code::AlreadyExists, "something else does already; choose another port"),
        ErrorKind::PermissionDenied => (Code::PermissionDenied, "the system does not allow it; choose a higher port"),
        ErrorKind::AddrNotAvailable => (Code::InvalidArgument, "this machine does not have that address"),
        _ => (Code::Offline, "the system does not let it"),
    };
    TrellisError::new(code, format!("The server cannot listen on {address}: {why}.")).caused_by(cause)
}
