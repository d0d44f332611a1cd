//! From a request to a link: who may ask for one, and the handshake of WebSocket.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{self, HOST, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, Version};
use axum::response::Response;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::Role;
use trellis_core::link::message::RepoTag;

use super::accept::{Peer, Shared};
use super::config::{ANY, Origin};
use super::metrics::Refusal;
use super::routes::json;
use super::{Arrived, Links};
use crate::error::Code;
use crate::transport::{self, authority, is_loopback_name, with_port};

/// Opens a link, or says why not.
pub(super) fn link(shared: &Arc<Shared>, peer: Peer, tag: Option<RepoTag>, mut request: Request) -> Response {
    match allowed(shared, &peer, request.headers()).and_then(|allowed| Ok((allowed, handshake(&mut request)?))) {
        Ok((allowed, (response, upgrade))) => {
            shared.spawn(run(Arc::clone(shared), peer, tag, allowed, upgrade));
            response
        }
        Err(refusal) => refuse(shared, &peer, refusal),
    }
}

/// Counts, logs, and answers with a code and a sentence.
pub(super) fn refuse(shared: &Shared, peer: &Peer, refusal: Refusal) -> Response {
    shared.refuse(peer.remote, refusal);
    let (status, code, message) = answer(refusal);
    let body = serde_json::json!({ "code": code.as_str(), "message": message });
    let mut response = json(&body);
    *response.status_mut() = status;
    if status == StatusCode::UPGRADE_REQUIRED {
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    response
}

fn answer(refusal: Refusal) -> (StatusCode, Code, &'static str) {
    match refusal {
        Refusal::Connections | Refusal::Newcomers => {
            (StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, "There are too many connections; try again later.")
        }
        Refusal::Tls | Refusal::Request => {
            (StatusCode::BAD_REQUEST, Code::InvalidArgument, "This is no request that can be answered.")
        }
        Refusal::Name => (
            StatusCode::MISDIRECTED_REQUEST,
            Code::InvalidArgument,
            "This server is not known by the name that was dialled; add it to its public origins.",
        ),
        Refusal::Page => (
            StatusCode::FORBIDDEN,
            Code::PermissionDenied,
            "Pages of this origin may not open links; add it to the server's allowed origins.",
        ),
        Refusal::Handshake => {
            (StatusCode::UPGRADE_REQUIRED, Code::InvalidArgument, "A link is opened by a WebSocket handshake.")
        }
        Refusal::Tag => (StatusCode::NOT_FOUND, Code::NotFound, "There is no such repo here."),
        Refusal::Body => (
            StatusCode::BAD_REQUEST,
            Code::InvalidArgument,
            "The body holds no frames in a known form, or is too long, or did not come in time.",
        ),
        Refusal::Signature => (
            StatusCode::UNAUTHORIZED,
            Code::AuthFailed,
            "The request is not signed as it has to be, or not at this time.",
        ),
        Refusal::Replay => (StatusCode::UNAUTHORIZED, Code::AuthFailed, "This request has come before."),
        Refusal::Early => (
            StatusCode::SERVICE_UNAVAILABLE,
            Code::Offline,
            "The request was signed before this server began; sign it anew.",
        ),
        Refusal::Guest => (StatusCode::FORBIDDEN, Code::AuthFailed, "This key is not let in."),
        Refusal::Repo => (StatusCode::UNPROCESSABLE_ENTITY, Code::RepoMismatch, "Another repo is here."),
        Refusal::Forgotten => {
            (StatusCode::CONFLICT, Code::Aborted, "Nothing is known of what went before; begin anew with all you have.")
        }
        Refusal::Full => (StatusCode::INSUFFICIENT_STORAGE, Code::QuotaExceeded, "There is no more room."),
        Refusal::Busy => {
            (StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, "There is too much to do; try again later.")
        }
        Refusal::Trouble => {
            (StatusCode::SERVICE_UNAVAILABLE, Code::Offline, "The repo cannot be had now; try again later.")
        }
    }
}

/// What a link is bound to.
pub(super) struct Bound {
    origin: String,
    binding: Vec<u8>,
}

/// Whether this name of the server and this page may be used.
pub(super) fn allowed(shared: &Shared, peer: &Peer, headers: &HeaderMap) -> Result<Bound, Refusal> {
    let is_secret = peer.exported.is_some();
    let named = single(headers, &HOST).and_then(|host| authority(host, is_secret)).ok_or(Refusal::Name)?;
    let own = own_origin(shared, peer, &named).ok_or(Refusal::Name)?;
    let origin = format!("{}://{}", own.scheme, own.authority);
    if !headers.contains_key(header::ORIGIN) {
        let binding = peer.exported.clone().unwrap_or_else(|| origin.clone().into_bytes());
        return Ok(Bound { origin, binding });
    }
    let page = single(headers, &header::ORIGIN).ok_or(Refusal::Page)?;
    if !is_page_allowed(&shared.config.allowed_origins, page, &own) {
        return Err(Refusal::Page);
    }
    // A browser does not let its pages see what TLS exports. Who adds this field to a program's request gains nothing:
    // the program binds itself to what TLS exports, and the two ends differ.
    Ok(Bound { binding: origin.clone().into_bytes(), origin })
}

/// The value of a field that must not come twice.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// The origin by which the server was dialled, if it is one of its own.
///
/// A name that anybody could point here is none: a page of such a name would pass for the server's own, and whoever
/// passes a handshake on would choose the origin that it is bound to.
fn own_origin(shared: &Shared, peer: &Peer, named: &str) -> Option<Origin> {
    let scheme = if peer.exported.is_some() { "wss" } else { "ws" };
    let dialled = Origin { scheme: scheme.to_owned(), authority: named.to_owned() };
    let public = &shared.config.public_origins;
    // A proxy that ends TLS passes the name on, and the scheme is then the public one.
    if let Some(known) = public.iter().filter_map(|text| Origin::parse(text)).find(|own| own.authority == named) {
        return Some(known);
    }
    let is_own = public.iter().any(|text| text == ANY) || is_arrival(peer, &dialled);
    is_own.then_some(dialled)
}

/// Whether a name is the address that the connection arrived at, or a name of this machine where it came from there.
fn is_arrival(peer: &Peer, dialled: &Origin) -> bool {
    let usual = if dialled.scheme == "wss" { 443 } else { 80 };
    let port = Some(peer.local.port()).filter(|port| *port != usual);
    let address = peer.local.ip().to_canonical();
    if dialled.authority == with_port(&address.to_string(), port) {
        return true;
    }
    let host = match port {
        Some(port) => dialled.authority.strip_suffix(&format!(":{port}")),
        None => Some(dialled.authority.as_str()),
    };
    let is_here = |host: &str| is_loopback_name(host.trim_start_matches('[').trim_end_matches(']'));
    address.is_loopback() && host.is_some_and(is_here)
}

/// Whether a page may open links: one of the server's own, or one that the settings name.
fn is_page_allowed(allowed: &[String], page: &str, own: &Origin) -> bool {
    let Some(page) = Origin::parse(page) else { return allowed.iter().any(|text| text == ANY) };
    let own_scheme = if own.scheme == "wss" { "https" } else { "http" };
    let is_own = page.scheme == own_scheme && page.authority == own.authority;
    is_own || allowed.iter().any(|text| text == ANY || Origin::parse(text).as_ref() == Some(&page))
}

/// The answer that agrees to WebSocket, and the socket to come.
fn handshake(request: &mut Request) -> Result<(Response, OnUpgrade), Refusal> {
    if request.version() != Version::HTTP_11 {
        return Err(Refusal::Handshake);
    }
    let response = create_response_with_body(request, Body::empty).map_err(|_| Refusal::Handshake)?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or(Refusal::Handshake)?;
    Ok((response, upgrade))
}

async fn run(shared: Arc<Shared>, peer: Peer, tag: Option<RepoTag>, bound: Bound, upgrade: OnUpgrade) {
    // Fails only where the peer is gone before it has the answer.
    let Ok(upgraded) = upgrade.await else { return };
    let Peer { remote, newcomer, seat, .. } = peer;
    let socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(transport::config())).await;
    let traffic = Arc::clone(&shared.metrics.traffic);
    let (connection, work) = transport::open(socket, bound.origin, bound.binding, traffic);
    shared.spawn(async move {
        work.await;
        drop(seat);
    });
    let _open = shared.metrics.open_link();
    tracing::info!(%remote, "link opened");
    let stop = shared.stop.clone();
    let links: &dyn Links = &*shared.links;
    links.arrived(Arrived { connection, tag, remote, newcomer, stop }).await;
    tracing::info!(%remote, "link closed");
}
