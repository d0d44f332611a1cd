//! A server whose links the test holds in its hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use trellis_sync::server::{Arrived, Links, Page, Server, ServerConfig, Stopped, Stopper};
use trellis_sync::transport::ws::{ConnectOptions, connect};
use trellis_sync::transport::{Connection, Frame};

/// Waits for something that happens in a moment, or never.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), what).await.expect("it should have happened long ago")
}

/// A link at the server. The server counts it as open until this is dropped.
pub(crate) struct Visit {
    pub(crate) arrived: Arrived,
    _done: oneshot::Sender<()>,
}

struct Hand(mpsc::UnboundedSender<Visit>);

impl Links for Hand {
    fn arrived(&self, arrived: Arrived) -> BoxFuture<'static, ()> {
        let (done, over) = oneshot::channel();
        self.0.send(Visit { arrived, _done: done }).ok();
        over.map(|_| ()).boxed()
    }

    fn status(&self) -> BoxFuture<'static, serde_json::Value> {
        std::future::ready(serde_json::json!({ "v": 1, "repos": 0 })).boxed()
    }

    fn metrics(&self, page: &mut Page) {
        page.gauge("trellis_repos", "Repos that are open.", &[(&[], 0)]);
    }
}

/// A running server.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) stopper: Stopper,
    pub(crate) running: JoinHandle<Stopped>,
    visits: mpsc::UnboundedReceiver<Visit>,
}

impl Host {
    pub(crate) async fn start(config: ServerConfig) -> Host {
        let server = Server::bind(config).await.unwrap();
        let (address, stopper) = (server.local_addr(), server.stopper());
        let (hand, visits) = mpsc::unbounded_channel();
        let running = tokio::spawn(server.run(Arc::new(Hand(hand))));
        Host { address, stopper, running, visits }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// The next link that arrives.
    pub(crate) async fn visit(&mut self) -> Visit {
        soon(self.visits.recv()).await.unwrap()
    }

    /// Whether no link can arrive any more.
    pub(crate) async fn is_over(&mut self) -> bool {
        soon(self.visits.recv()).await.is_none()
    }

    /// A link, from both its ends.
    pub(crate) async fn link(&mut self) -> (Connection, Visit) {
        let client = soon(connect(&self.url(), &ConnectOptions::default())).await.unwrap();
        (client, self.visit().await)
    }

    /// A socket that has said nothing yet.
    pub(crate) async fn socket(&self) -> TcpStream {
        soon(TcpStream::connect(self.address)).await.unwrap()
    }

    /// What the server answers to these lines, up to the end of the connection.
    pub(crate) async fn ask(&self, request: &str) -> String {
        let mut socket = self.socket().await;
        let request = format!("{}\r\n\r\n", request.replace('\n', "\r\n"));
        socket.write_all(request.as_bytes()).await.unwrap();
        read_to_end(&mut socket).await
    }

    /// What a plain GET of a page answers.
    pub(crate) async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\nhost: {}\nconnection: close", self.address)).await
    }

    /// Waits until a line stands on the page of metrics.
    pub(crate) async fn until_metrics_say(&self, line: &str) {
        soon(async {
            while !self.get("/metrics").await.lines().any(|found| found == line) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// What comes until the other side ends the connection, in whatever way.
pub(crate) async fn read_to_end(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A server that turns somebody away may reset the connection.
    soon(socket.read_to_end(&mut answer)).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Any free port of this machine.
pub(crate) fn loopback() -> ServerConfig {
    ServerConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..ServerConfig::default() }
}

/// The next frame of a connection that is not at its end.
pub(crate) async fn next(connection: &mut Connection) -> Frame {
    soon(connection.receiver.recv()).await.expect("a frame, not the end").unwrap()
}
