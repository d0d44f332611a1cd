//! What a store needs to know of rows: where records are, and what they hold.

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use trellis_core::surface::{self, crossing};

use crate::plain::{Given, given};

/// How many bytes the head of a record has at most.
#[napi]
pub fn record_bytes_max() -> u32 {
    surface::RECORD_BYTES_MAX as u32
}

/// Reads the record at the start of some bytes of a row's `headers`.
#[napi]
pub fn read_record(bytes: Uint8Array) -> napi::Result<Given> {
    given(crossing::read_record(&bytes))
}

/// The ops and late bodies that a row brings, in order.
#[napi]
pub fn brought_by(seq: u32, headers: Uint8Array, digest: String) -> napi::Result<Given> {
    given(crossing::brought_by(seq, &headers, &digest))
}
