//! Files that a server shows to browsers: a page of its own, beside the links that it opens.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

/// A file that anybody may read.
#[derive(Clone, Copy, Debug)]
pub struct StaticFile {
    /// Where it is, as in `/page.js`.
    pub path: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
}

/// What a page may do: run the scripts that come with it, one of them as a worker, which it names by a policy of that name
/// alone, and talk to the server that it came from. No text can become a script in it, and nobody may show it inside
/// another page.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types worker";

/// The answer that brings a file.
pub(super) fn answer(file: &StaticFile) -> Response {
    let headers = [
        (CONTENT_TYPE, file.media_type),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, file.bytes).into_response()
}
