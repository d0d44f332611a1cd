//! What a store's rows hold.

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use trellis_core::surface::crossing;

use crate::error::Thrown;
use crate::plain::{Given, given};

/// The ids of the ops that a row brings, or completes by a body, in order.
#[napi]
pub fn brought_by(seq: u32, headers: Uint8Array, digest: String) -> napi::Result<Given> {
    given(crossing::brought_by(seq, &headers, &digest))
}

/// The ops that the last of some rows brings, or completes by a body, in order.
#[napi]
pub fn ops_brought(rows: String, bytes: Option<Uint8Array>) -> napi::Result<Uint8Array> {
    Ok(crossing::ops_brought(&rows, bytes.as_deref()).map_err(Thrown::from)?.into())
}
