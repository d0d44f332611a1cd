//! What a store needs to know of rows: where records are, and what they hold.

use serde::Serialize;
use trellis_core::limits::HEADER_BYTES_MAX;
use trellis_core::log::row::{Place, Record, read_record, read_row};
use trellis_core::op::hex;
use trellis_core::surface::{Bytes, Hex};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{Result, Thrown, give};

/// What stands around a header in its record: a type, lengths and a signature.
const AROUND_HEADER_BYTES_MAX: usize = 128;

/// A record of a row.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    /// The header, where it is an op's record.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Bytes>,
    /// The signature, where the record has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Bytes>,
    /// How many bytes of `bodies` its body has, where the record has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_bytes: Option<u32>,
}

/// An op, or the late body of one, that a row brings.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Brought {
    id: Hex<32>,
    /// Whether the op itself is here, and not its body alone.
    is_op: bool,
    header_at: u32,
    body_at: u32,
}

/// How many bytes the head of a record has at most.
#[wasm_bindgen(js_name = recordBytesMax)]
pub fn record_bytes_max() -> usize {
    HEADER_BYTES_MAX + AROUND_HEADER_BYTES_MAX
}

/// Reads the record at the start of some bytes of a row's `headers`.
#[wasm_bindgen(js_name = readRecord)]
pub fn record(bytes: &[u8]) -> Result<JsValue> {
    let place = Place { row: 0, header_at: 0, body_at: 0 };
    let (record, len, _) = read_record(place, bytes).ok_or_else(damaged)?;
    give(&match record {
        Record::Op { op, has_body, .. } => Kept {
            header: Some(Bytes(op.header_bytes().to_vec())),
            signature: op.signature().map(|signature| Bytes(signature.to_vec())),
            body_bytes: has_body.then_some(len),
        },
        Record::Body { .. } => Kept { body_bytes: Some(len), ..Kept::default() },
        Record::Signature(..) => Kept::default(),
    })
}

/// The ops and late bodies that a row brings, in order.
#[wasm_bindgen(js_name = broughtBy)]
pub fn brought_by(seq: u32, headers: &[u8], digest: &str) -> Result<JsValue> {
    let digest = hex::parse(digest).ok_or_else(damaged)?;
    let mut brought = Vec::new();
    let visit = |record: Record<'_>| match record {
        Record::Op { op, place, .. } => brought.push(at(op.id().0, true, place)),
        Record::Body { id, place, .. } => brought.push(at(id.0, false, place)),
        Record::Signature(..) => {}
    };
    read_row(seq, headers, &digest, visit).map_err(|_| damaged())?;
    give(&brought)
}

fn at(id: [u8; 32], is_op: bool, place: Place) -> Brought {
    Brought { id: Hex(id), is_op, header_at: place.header_at, body_at: place.body_at }
}

fn damaged() -> Thrown {
    Thrown::bad("this is no row as it was written")
}
