//! What a store's rows hold.

use trellis_core::surface::crossing;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{Result, whole};

/// The ids of the ops that a row brings, or completes by a body, in order.
#[wasm_bindgen(js_name = broughtBy)]
pub fn brought_by(seq: u32, headers: &[u8], digest: &str) -> Result<Vec<u8>> {
    Ok(whole(crossing::brought_by(seq, headers, digest)?))
}

/// The ops that the last of some rows brings, or completes by a body, in order.
#[wasm_bindgen(js_name = opsBrought)]
pub fn ops_brought(rows: &str, bytes: Option<Vec<u8>>) -> Result<Vec<u8>> {
    Ok(crossing::ops_brought(rows, bytes.as_deref())?)
}
