//! From sockets to HTTP: takes connections within their caps, speaks TLS, and stops gracefully.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use super::admission::{Admission, Newcomer, Seat};
use super::metrics::{Metrics, Refusal};
use super::nonces::Nonces;
use super::{Links, Server, ServerConfig, Stopped, exchange, routes};
use crate::transport::tls::exported;

/// What a request's header may hold; the least that hyper takes.
const HEADER_BYTES_MAX: usize = 8 * 1024;
/// How long nothing is accepted after the system had no room for one more.
const PAUSE: Duration = Duration::from_millis(100);

/// What all connections of a running server share.
pub(super) struct Shared {
    pub(super) config: ServerConfig,
    pub(super) links: Arc<dyn Links>,
    pub(super) metrics: Arc<Metrics>,
    /// Signed requests that were seen.
    pub(super) nonces: Nonces,
    /// Places of bodies that are being handled.
    pub(super) bodies: Semaphore,
    /// Cancelled when the server is asked to stop.
    pub(super) stop: CancellationToken,
    /// Everything that runs for a connection.
    tasks: TaskTracker,
    /// Cancelled when it has waited for them long enough.
    cut: CancellationToken,
}

/// Who is at the other end of a connection. Every request of it carries this.
#[derive(Clone)]
pub(super) struct Peer {
    pub(super) remote: SocketAddr,
    pub(super) local: SocketAddr,
    /// What TLS exports, where there is TLS.
    pub(super) exported: Option<Vec<u8>>,
    pub(super) newcomer: Newcomer,
    /// Kept for as long as the connection is open.
    pub(super) seat: Arc<Seat>,
}

impl Shared {
    /// Runs something for a connection, until it is done or the server cuts it.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone();
        // In a box, since every future around it would have room for it once more.
        let work = Box::pin(work);
        self.tasks.spawn(async move {
            cut.run_until_cancelled_owned(work).await;
        });
    }

    pub(super) fn refuse(&self, remote: SocketAddr, refusal: Refusal) {
        self.metrics.refuse(refusal);
        tracing::info!(%remote, reason = refusal.word(), "refused");
    }
}

pub(super) async fn run(server: Server, links: Arc<dyn Links>) -> Stopped {
    let Server { listener, address, tls, config, stop } = server;
    let admission = Admission::new(config.connections_max, config.newcomers_per_address_max);
    let metrics = Arc::new(Metrics::default());
    let (tasks, cut) = (TaskTracker::new(), CancellationToken::new());
    let (nonces, bodies) = (Nonces::new(exchange::now()), Semaphore::new(exchange::BODIES_MAX));
    let shared = Arc::new(Shared { config, links, metrics, nonces, bodies, stop, tasks, cut });
    let router = routes::router(Arc::clone(&shared));
    tracing::info!(%address, tls = tls.is_some(), "listening");
    while let Some(accepted) = shared.stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((socket, remote)) => match admission.admit(remote.ip()) {
                Ok(places) => {
                    let work = connection(Arc::clone(&shared), router.clone(), tls.clone(), socket, remote, places);
                    shared.spawn(work);
                }
                Err(refusal) => shared.refuse(remote, refusal),
            },
            Err(cause) => after_failed_accept(cause).await,
        }
    }
    drop(listener);
    finish(&shared).await
}

/// A peer that is gone again is no matter; a system without room for one more socket gets time to find some.
async fn after_failed_accept(cause: io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(cause.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%cause, "no connection could be accepted");
        sleep(PAUSE).await;
    }
}

async fn finish(shared: &Shared) -> Stopped {
    tracing::info!(tasks = shared.tasks.len(), "stopping");
    shared.tasks.close();
    let stopped = match timeout(shared.config.stop_limit, shared.tasks.wait()).await {
        Ok(()) => Stopped::Cleanly,
        Err(_) => {
            tracing::warn!(tasks = shared.tasks.len(), "cutting what has not finished");
            shared.cut.cancel();
            shared.tasks.wait().await;
            Stopped::ByCutting
        }
    };
    tracing::info!("stopped");
    stopped
}

async fn connection(
    shared: Arc<Shared>,
    router: Router,
    tls: Option<TlsAcceptor>,
    socket: TcpStream,
    remote: SocketAddr,
    (seat, newcomer): (Seat, Newcomer),
) {
    let Ok(local) = socket.local_addr() else { return };
    // It only makes small frames slower where it fails.
    let _ = socket.set_nodelay(true);
    let mut peer = Peer { remote, local, exported: None, newcomer, seat: Arc::new(seat) };
    let Some(tls) = tls else { return serve(&shared, router, socket, peer).await };
    let accepting = timeout(shared.config.header_limit, tls.accept(socket));
    let Some(accepted) = shared.stop.run_until_cancelled(accepting).await else { return };
    let Ok(Ok(stream)) = accepted else { return shared.refuse(remote, Refusal::Tls) };
    match exported(stream.get_ref().1) {
        Ok(exported) => peer.exported = Some(exported),
        Err(_) => return shared.refuse(remote, Refusal::Tls),
    }
    serve(&shared, router, stream, peer).await;
}

/// Answers the requests of one connection, until one of them makes it a WebSocket.
async fn serve<S>(shared: &Shared, router: Router, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let remote = peer.remote;
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        router.clone().call(request.map(Body::new))
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(shared.config.header_limit).max_buf_size(HEADER_BYTES_MAX);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let served = tokio::select! {
        served = &mut serving => served,
        () = shared.stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if served.is_err_and(|cause| cause.is_timeout() || cause.is_parse()) {
        shared.refuse(remote, Refusal::Request);
    }
}
