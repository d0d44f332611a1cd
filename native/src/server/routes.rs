//! The routes, each a few lines: what they answer is decided elsewhere.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use trellis_core::link::message::RepoTag;

use super::accept::{Peer, Shared};
use super::metrics::{Page, Refusal};
use super::{files, upgrade};

const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn router(shared: Arc<Shared>) -> Router {
    let shown = shared.config.files;
    let router = Router::new()
        .route("/healthz", get("ok"))
        .route("/metrics", get(metrics))
        .route("/sync/v1/status", get(status))
        .route("/sync/v1/link", get(link))
        .route("/sync/v1/repos/{tag}/link", get(link_to_repo))
        .route("/sync/v1/exchange", post(exchange))
        .route("/sync/v1/repos/{tag}/exchange", post(exchange_with_repo));
    let with_files = shown
        .iter()
        .fold(router, |router, file| router.route(file.path, get(move || async move { files::answer(file) })));
    with_files.with_state(shared)
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let mut page = Page::default();
    shared.metrics.show(&mut page);
    shared.links.metrics(&mut page);
    ([(CONTENT_TYPE, METRICS)], page.into_text()).into_response()
}

async fn status(State(shared): State<Arc<Shared>>) -> Response {
    json(&shared.links.status().await)
}

async fn link(State(shared): State<Arc<Shared>>, Extension(peer): Extension<Peer>, request: Request) -> Response {
    upgrade::link(&shared, peer, None, request)
}

async fn link_to_repo(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    Path(tag): Path<String>,
    request: Request,
) -> Response {
    match parse_tag(&tag) {
        Some(tag) => upgrade::link(&shared, peer, Some(tag), request),
        None => upgrade::refuse(&shared, &peer, Refusal::Tag),
    }
}

async fn exchange(State(shared): State<Arc<Shared>>, Extension(peer): Extension<Peer>, request: Request) -> Response {
    super::exchange::exchange(&shared, &peer, None, request).await
}

async fn exchange_with_repo(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    Path(tag): Path<String>,
    request: Request,
) -> Response {
    match parse_tag(&tag) {
        Some(tag) => super::exchange::exchange(&shared, &peer, Some(tag), request).await,
        None => upgrade::refuse(&shared, &peer, Refusal::Tag),
    }
}

/// A JSON document as an answer.
pub(super) fn json(document: &serde_json::Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], document.to_string()).into_response()
}

/// 32 digits of hex, in small letters as everywhere.
fn parse_tag(text: &str) -> Option<RepoTag> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 32 || !text.bytes().all(is_digit) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(|number| RepoTag(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_32_digits() {
        let tag = parse_tag("000102030405060708090a0b0c0d0eff").unwrap();
        assert_eq!(tag.0, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        let short = "000102030405060708090a0b0c0d0e0";
        for wrong in
            ["", short, &format!("{short}F"), &format!("{short}00"), &format!("+{short}"), &format!("{short}é")]
        {
            assert_eq!(parse_tag(wrong), None, "{wrong}");
        }
    }
}
