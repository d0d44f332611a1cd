//! WebSocket, the dialling side.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Error as WsError;

use super::address::{Address, Speaks};
use super::tls::{self, Root};
use super::traffic::Traffic;
use super::{Connection, pump};
use crate::error::{Code, Result, TrellisError};

/// How to dial.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Hosts that may be dialled by `ws://`, without TLS, although they are not this machine: names or addresses as they
    /// stand in the URL.
    pub allow_plain: Vec<String>,
    /// Roots to believe beside those of the system, as for a private relay.
    pub roots: Vec<Root>,
    /// How long all of it may take, from looking up the name to the answer of the server.
    pub limit: Duration,
}

impl Default for ConnectOptions {
    fn default() -> ConnectOptions {
        ConnectOptions { allow_plain: Vec::new(), roots: Vec::new(), limit: Duration::from_secs(10) }
    }
}

/// Dials a `ws://` or `wss://` URL. Without a path it means `/sync/v1/link`, which is open to any repo.
///
/// The connection is kept going by a task of the present tokio runtime.
///
/// # Errors
/// - `invalid_argument`: what was given is no such URL.
/// - `permission_denied`: `ws://` to another machine that is not in `allow_plain`, or the server does not let us in.
/// - `offline`, `timeout`, `rate_limited`: nobody answers, or not in time, or not now.
/// - `auth_failed`: the server did not prove to be who was dialled.
/// - `not_found`, `version_mismatch`: what answers there is no such server.
pub async fn connect(url: &str, options: &ConnectOptions) -> Result<Connection> {
    let address = Address::parse(url, Speaks::Link)?;
    ensure_allowed(&address, options)?;
    timeout(options.limit, dial(&address, options)).await.unwrap_or_else(|_| Err(too_slow(&address, options.limit)))
}

/// Whether a URL can be dialled at all.
///
/// # Errors
/// As [`connect`], before anything is dialled.
pub(crate) fn check(url: &str, options: &ConnectOptions) -> Result<()> {
    ensure_allowed(&Address::parse(url, Speaks::Link)?, options)
}

pub(super) fn ensure_allowed(address: &Address, options: &ConnectOptions) -> Result<()> {
    let host = &address.host;
    let is_named = options.allow_plain.iter().any(|named| named.eq_ignore_ascii_case(host));
    if address.is_secret || address.is_loopback() || is_named {
        return Ok(());
    }
    let [plain, secret] = address.schemes();
    let message = format!(
        "{host} was not dialled: {plain}:// sends everything in plain text. Use {secret}://, or allow plain text for \
         {host} by name."
    );
    Err(TrellisError::new(Code::PermissionDenied, message))
}

async fn dial(address: &Address, options: &ConnectOptions) -> Result<Connection> {
    let socket = open_socket(address, options).await?;
    if !address.is_secret {
        return upgrade(socket, address, address.origin().into_bytes()).await;
    }
    let stream = tls::dial(socket, &address.host, &options.roots).await?;
    let binding = tls::exported(stream.get_ref().1)?;
    upgrade(stream, address, binding).await
}

pub(super) async fn open_socket(address: &Address, options: &ConnectOptions) -> Result<TcpStream> {
    let unreachable = |cause| unreachable(address, cause);
    let mut found: Vec<SocketAddr> =
        lookup_host((address.host.as_str(), address.port)).await.map_err(unreachable)?.collect();
    if !address.is_secret && !options.allow_plain.iter().any(|named| named.eq_ignore_ascii_case(&address.host)) {
        // What is called localhost is not everywhere this machine.
        found.retain(|place| place.ip().to_canonical().is_loopback());
    }
    let socket = first_open(&found, share(options.limit, found.len())).await.map_err(unreachable)?;
    socket.set_nodelay(true).map_err(unreachable)?;
    Ok(socket)
}

/// What each of so many places may take, so that one that swallows everything leaves time for the next, and for TLS.
fn share(limit: Duration, places: usize) -> Duration {
    limit / u32::try_from(places).unwrap_or(u32::MAX).saturating_add(1)
}

async fn first_open(places: &[SocketAddr], each: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for place in places {
        failure = match timeout(each, TcpStream::connect(place)).await {
            Ok(Ok(socket)) => return Ok(socket),
            Ok(Err(cause)) => cause,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
    }
    Err(failure)
}

async fn upgrade<S>(stream: S, address: &Address, binding: Vec<u8>) -> Result<Connection>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = client_async_with_config(address.url(), stream, Some(pump::config())).await;
    let (socket, _) = answer.map_err(|cause| refused(address, cause))?;
    let (connection, work) = pump::open(socket, address.origin(), binding, Arc::new(Traffic::default()));
    tokio::spawn(work);
    Ok(connection)
}

fn unreachable(address: &Address, cause: io::Error) -> TrellisError {
    let code = if cause.kind() == io::ErrorKind::TimedOut { Code::Timeout } else { Code::Offline };
    let message = format!("{} cannot be reached. Look whether it runs, and whether you are online.", address.origin());
    TrellisError::new(code, message).caused_by(cause)
}

pub(super) fn too_slow(address: &Address, limit: Duration) -> TrellisError {
    let message = format!("{} did not answer within {limit:?}.", address.origin());
    TrellisError::new(Code::Timeout, message)
}

fn refused(address: &Address, cause: WsError) -> TrellisError {
    let origin = address.origin();
    let (code, why) = match &cause {
        WsError::Http(answer) => by_status(answer.status()),
        WsError::Io(_) => (Code::Offline, "it closed the connection before it answered".to_owned()),
        WsError::Protocol(tokio_tungstenite::tungstenite::error::ProtocolError::HandshakeIncomplete) => {
            (Code::Offline, "it closed the connection before it answered".to_owned())
        }
        _ => (Code::VersionMismatch, "it does not speak WebSocket".to_owned()),
    };
    TrellisError::new(code, format!("There is no link to {origin}: {why}.")).caused_by(cause)
}

/// What the status of an answer means that is not the one hoped for. A redirect is not followed: the origin that was
/// dialled is part of what the handshake signs.
fn by_status(status: StatusCode) -> (Code, String) {
    let (code, why) = match status.as_u16() {
        300..=399 => (Code::InvalidArgument, "it sends elsewhere; dial the address that it moved to"),
        401 | 403 => (Code::PermissionDenied, "it does not let this client in"),
        404 | 410 => (Code::NotFound, "nothing to sync with is at this path"),
        408 | 500 | 502..=504 => (Code::Offline, "it is in trouble; try again later"),
        421 => (Code::InvalidArgument, "it does not know itself by this name; its settings list the names"),
        429 => (Code::RateLimited, "it has too many connections; try again later"),
        _ => (Code::VersionMismatch, "it does not speak WebSocket at this path"),
    };
    (code, format!("{why} (HTTP {})", status.as_u16()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_place_that_does_not_answer_leaves_time_for_the_next() {
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = open.local_addr().unwrap();
        let closed = "127.0.0.1:1".parse().unwrap();
        let each = Duration::from_secs(10);
        assert_eq!(first_open(&[closed, place], each).await.unwrap().peer_addr().unwrap(), place);
        assert!(first_open(&[closed, closed], each).await.is_err());
        assert!(first_open(&[], each).await.is_err());
        // None of three takes the time of the others, nor all of them all of it.
        assert!(share(each, 3) * 3 < each);
    }
}
