//! What a store needs to know of rows: where records are, and what they hold.

use trellis_core::surface::{self, crossing};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{Result, whole};

/// How many bytes the head of a record has at most.
#[wasm_bindgen(js_name = recordBytesMax)]
pub fn record_bytes_max() -> usize {
    surface::RECORD_BYTES_MAX
}

/// Reads the record at the start of some bytes of a row's `headers`.
#[wasm_bindgen(js_name = readRecord)]
pub fn record(bytes: &[u8]) -> Result<Vec<u8>> {
    Ok(whole(crossing::read_record(bytes)?))
}

/// The ops and late bodies that a row brings, in order.
#[wasm_bindgen(js_name = broughtBy)]
pub fn brought_by(seq: u32, headers: &[u8], digest: &str) -> Result<Vec<u8>> {
    Ok(whole(crossing::brought_by(seq, headers, digest)?))
}
