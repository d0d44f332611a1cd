//! From a signed request to its answer: who may ask, what has to be signed, and how much is taken.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use axum::response::Response;
use tokio::time::timeout;
use trellis_core::link::message::{Form, RepoTag};

use super::accept::{Peer, Shared};
use super::metrics::Refusal;
use super::{Answered, Asked, Declined, upgrade};
use crate::driver::Clock;
use crate::transport::authority;
use crate::transport::exchange::signature::{AnswerParts, Params, Unsigned, Verified, digest, verify_request};
use crate::transport::exchange::{BODY_BYTES_MAX, decode, encode, form_of, media_type};

/// How long a body may take.
const BODY: Duration = Duration::from_secs(30);
/// Bodies that are handled at a time: each may be as long as a body can be.
pub(super) const BODIES_MAX: usize = 32;

/// Answers a request, or says why not.
pub(super) async fn exchange(shared: &Arc<Shared>, peer: &Peer, tag: Option<RepoTag>, request: Request) -> Response {
    match answer(shared, peer, tag, request).await {
        Ok(response) => response,
        Err(refusal) => upgrade::refuse(shared, peer, refusal),
    }
}

async fn answer(
    shared: &Arc<Shared>,
    peer: &Peer,
    tag: Option<RepoTag>,
    request: Request,
) -> Result<Response, Refusal> {
    upgrade::allowed(shared, peer, request.headers())?;
    let form = form(request.headers()).ok_or(Refusal::Body)?;
    let verified = verify(peer, &request).ok_or(Refusal::Signature)?;
    shared.nonces.check_time(verified.params.created, now())?;
    let _room = shared.bodies.try_acquire().map_err(|_| Refusal::Busy)?;
    let body = timeout(BODY, to_bytes(request.into_body(), BODY_BYTES_MAX)).await;
    let body = body.ok().and_then(Result::ok).ok_or(Refusal::Body)?;
    if digest(&body) != verified.digest {
        return Err(Refusal::Signature);
    }
    let frames = decode(&body, form).ok_or(Refusal::Body)?;
    drop(body);
    shared.nonces.take(&verified.params, now())?;
    let asked = Asked { peer: verified.params.key, tag, frames, form, remote: peer.remote };
    let answered = shared.links.exchange(asked).await.map_err(refusal_of)?;
    shared.metrics.count_exchange();
    signed(answered, form, &verified.signature).await.ok_or(Refusal::Trouble)
}

fn form(headers: &HeaderMap) -> Option<Form> {
    form_of(upgrade::single(headers, &CONTENT_TYPE)?)
}

/// Checks everything of a signature but the time and the body. What its query says is not signed, so there is none.
fn verify(peer: &Peer, request: &Request) -> Option<Verified> {
    let named = upgrade::single(request.headers(), &HOST)?;
    let authority = authority(named, peer.exported.is_some())?;
    let path = request.uri().query().is_none().then(|| request.uri().path())?;
    verify_request(request.headers(), &authority, path)
}

/// The answer, signed by the key of the repo.
async fn signed(answered: Answered, form: Form, request: &str) -> Option<Response> {
    let Answered { frames, sign } = answered;
    let body = encode(frames);
    let (digest, request, created) = (digest(&body), request.to_owned(), now());
    let unsigned = {
        let digest = digest.clone();
        move |key| {
            let parts = AnswerParts { status: StatusCode::OK.as_u16(), digest: &digest, request: &request };
            Unsigned::answer(parts, &Params { created, key, nonce: None })
        }
    };
    let message = unsigned.clone();
    let (key, signature) = sign(Box::new(move |key| message(key).message())).await.ok()?;
    let mut response = Response::new(Body::from(body));
    let fields = unsigned(key).fields(&digest, &signature);
    response.headers_mut().extend(fields.into_iter().map(|(name, value)| (Some(name), value)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type(form)));
    Some(response)
}

fn refusal_of(declined: Declined) -> Refusal {
    match declined {
        Declined::Forgotten => Refusal::Forgotten,
        Declined::NotLetIn => Refusal::Guest,
        Declined::OtherRepo => Refusal::Repo,
        Declined::Full => Refusal::Full,
        Declined::Busy => Refusal::Busy,
        Declined::Trouble => Refusal::Trouble,
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    Clock::default().now().0 / 1000
}
