//! Exchanges: frames that go in signed requests and come in signed answers, where no connection stays open.
//!
//! This is the side that asks. It follows no redirect, and believes no answer that is not signed for its very request.

mod body;
pub(crate) mod signature;

use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use trellis_core::link::message::{Form, Frame, RepoTag};
use trellis_core::op::hex;
use trellis_core::op::id::Author;
use trellis_core::op::sign::Signature;

pub(crate) use self::body::{BODY_BYTES_MAX, BODY_FRAMES_MAX, decode, encode, form_of, media_type, room};
use self::signature::{Params, RequestParts, Unsigned, digest, verify_answer};
use super::address::{Address, Speaks};
use super::tls;
use super::ws::{ConnectOptions, ensure_allowed, open_socket, too_slow};
use crate::error::{Code, Result, TrellisError};

/// How long an answer may take, with everything that has to be stored before it.
const ANSWER: Duration = Duration::from_secs(60);

/// A peer that answers requests.
#[derive(Debug)]
pub(crate) struct Caller {
    address: Address,
    options: ConnectOptions,
    /// The connection that the last request went over, if it may take another one.
    wire: Option<SendRequest<Full<Bytes>>>,
}

/// A request that is not signed yet.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) head: Head,
    body: Vec<u8>,
}

/// What of a request is signed.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    authority: String,
    path: String,
    digest: String,
}

/// What an answer says.
#[derive(Debug)]
pub(crate) enum Answer {
    /// These frames, by this key.
    Frames(Author, Vec<Frame>),
    /// Nothing is known of what went before: begin anew.
    Forgotten,
}

/// Whether a URL can be asked at all.
///
/// # Errors
/// `invalid_argument` for what is no `http://` or `https://` URL, `permission_denied` for plain text to another machine.
pub(crate) fn check(url: &str, options: &ConnectOptions) -> Result<()> {
    ensure_allowed(&Address::parse(url, Speaks::Exchange)?, options)
}

impl Head {
    /// What the signature is made of.
    pub(crate) fn unsigned(&self, params: &Params) -> Unsigned {
        let Head { authority, path, digest } = self;
        Unsigned::request(RequestParts { authority, path, digest }, params)
    }
}

impl Caller {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// As [`check`].
    pub(crate) fn new(url: &str, options: &ConnectOptions) -> Result<Caller> {
        let address = Address::parse(url, Speaks::Exchange)?;
        ensure_allowed(&address, options)?;
        Ok(Caller { address, options: options.clone(), wire: None })
    }

    /// A request with these frames. It goes to the URL's path, or else to that of the repo.
    pub(crate) fn draft(&self, tag: Option<RepoTag>, frames: Vec<Frame>) -> Draft {
        let path = match (self.address.path.as_str(), tag) {
            ("", Some(tag)) => format!("/sync/v1/repos/{}/exchange", hex::encode(&tag.0)),
            ("", None) => "/sync/v1/exchange".to_owned(),
            (path, _) => path.to_owned(),
        };
        let body = encode(frames);
        Draft { head: Head { authority: self.address.authority(), path, digest: digest(&body) }, body }
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// `offline` and `timeout` where there is none; `auth_failed` where it is not signed, or not for this request; what
    /// the server refuses it for.
    pub(crate) async fn send(&mut self, draft: Draft, params: &Params, signature: &Signature) -> Result<Answer> {
        let Draft { head, body } = draft;
        let mut request = Request::new(Full::from(body));
        (*request.method_mut(), *request.uri_mut()) = (Method::POST, head.path.parse().map_err(|_| no_request())?);
        let fields = head.unsigned(params).fields(&head.digest, signature);
        let asked = fields.last().and_then(|(_, value)| value.to_str().ok()).unwrap_or_default().to_owned();
        request.headers_mut().extend(fields.into_iter().map(|(name, value)| (Some(name), value)));
        let media_type = media_type(Form::Binary);
        for (name, value) in [(HOST, head.authority.as_str()), (CONTENT_TYPE, media_type)] {
            request.headers_mut().insert(name, value.parse().map_err(|_| no_request())?);
        }
        let answer = timeout(ANSWER, self.exchange(request));
        let response = answer.await.unwrap_or_else(|_| Err(too_slow(&self.address, ANSWER)))?;
        self.read(response, &asked)
    }

    /// Lets go of the connection: nothing is sent for a while.
    pub(crate) fn rest(&mut self) {
        self.wire = None;
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>> {
        let mut wire = match self.wire.take().filter(SendRequest::is_ready) {
            Some(wire) => wire,
            None => timeout(self.options.limit, self.dial())
                .await
                .unwrap_or_else(|_| Err(too_slow(&self.address, self.options.limit)))?,
        };
        let response = wire.send_request(request).await.map_err(|cause| self.cut(cause))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|cause| self.cut(cause))?;
        // Ready again once the answer is read to its end, unless the server has closed.
        if wire.ready().await.is_ok() {
            self.wire = Some(wire);
        }
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    async fn dial(&self) -> Result<SendRequest<Full<Bytes>>> {
        let socket = open_socket(&self.address, &self.options).await?;
        match self.address.is_secret {
            true => self.speak(tls::dial(socket, &self.address.host, &self.options.roots).await?).await,
            false => self.speak(socket).await,
        }
    }

    async fn speak<S>(&self, stream: S) -> Result<SendRequest<Full<Bytes>>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (wire, work) = handshake(TokioIo::new(stream)).await.map_err(|cause| self.cut(cause))?;
        tokio::spawn(async move {
            // What broke a connection the request on it hears.
            let _ = work.await;
        });
        Ok(wire)
    }

    fn read(&self, response: Response<Bytes>, asked: &str) -> Result<Answer> {
        let status = response.status();
        if status == StatusCode::CONFLICT {
            return Ok(Answer::Forgotten);
        }
        if status != StatusCode::OK {
            return Err(self.refused(status));
        }
        let proved = verify_answer(response.headers(), status.as_u16(), asked);
        let proved = proved.filter(|proved| digest(response.body()) == proved.digest).ok_or_else(|| self.unproved())?;
        let form = response.headers().get(CONTENT_TYPE).and_then(|value| form_of(value.to_str().ok()?));
        let frames = form.filter(|form| *form == Form::Binary).and_then(|form| decode(response.body(), form));
        frames.map(|frames| Answer::Frames(proved.params.key, frames)).ok_or_else(|| self.refused(status))
    }

    fn cut(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TrellisError {
        let message = format!("{} closed the connection before it answered. Try again.", self.address.origin());
        TrellisError::new(Code::Offline, message).caused_by(cause)
    }

    fn unproved(&self) -> TrellisError {
        let message = format!("{} did not sign its answer, or signed another one.", self.address.origin());
        TrellisError::new(Code::AuthFailed, message)
    }

    fn refused(&self, status: StatusCode) -> TrellisError {
        let (code, why) = by_status(status);
        let message = format!("{} took no request: {why} (HTTP {}).", self.address.origin(), status.as_u16());
        TrellisError::new(code, message)
    }
}

/// What the status of an answer means that is not the one hoped for.
fn by_status(status: StatusCode) -> (Code, &'static str) {
    match status.as_u16() {
        300..=399 => (Code::InvalidArgument, "it sends elsewhere; ask at the address that it moved to"),
        401 => (Code::AuthFailed, "it does not believe the signature; look whether both clocks are right"),
        403 => (Code::AuthFailed, "it does not let this device in; ask an owner of the repo to make it a member"),
        404 | 410 => (Code::NotFound, "nothing to sync with is at this path"),
        408 | 500 | 502..=504 => (Code::Offline, "it is in trouble; try again later"),
        413 => (Code::PayloadTooLarge, "it takes no body of this length"),
        421 => (Code::InvalidArgument, "it does not know itself by this name; its settings list the names"),
        422 => (Code::RepoMismatch, "it has another repo, and two repos never merge"),
        429 => (Code::RateLimited, "it has too much to do; try again later"),
        507 => (Code::QuotaExceeded, "the repo has no more room there"),
        _ => (Code::VersionMismatch, "it does not answer as a peer does"),
    }
}

fn no_request() -> TrellisError {
    TrellisError::new(Code::InvalidArgument, "This address cannot be asked: no request can name it.")
}
