//! What whoever runs the machine, or keeps its rows, needs beside inputs and outputs.

use alloc::vec::Vec;

use serde::Serialize;

use super::plain::FromPlain;
use super::scalar::{Bytes, Hex, Json, Unreadable};
use crate::admit::policy::Policies;
use crate::limits::HEADER_BYTES_MAX;
use crate::log::row::{self, Place, Record};
use crate::machine::{Config, KeyUse, Machine};
use crate::op::hex;
use crate::op::id::Author;
use crate::output;

/// What stands around a header in its record: a type, lengths and a signature.
const AROUND_HEADER_BYTES_MAX: usize = 128;
/// How many bytes the head of a record has at most.
pub const RECORD_BYTES_MAX: usize = HEADER_BYTES_MAX + AROUND_HEADER_BYTES_MAX;

/// How a machine begins.
#[derive(Clone, Debug, FromPlain)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// The key that this device writes under.
    pub author: Hex<32>,
    /// Whether that key may be in use elsewhere.
    #[serde(default)]
    pub is_copied: bool,
    /// 8 random bytes, new for every machine.
    pub id_key: Hex<8>,
    /// The device's own branch policies, by pattern.
    #[serde(default)]
    pub policies: Option<Json>,
    /// Whether content is somebody else's matter.
    #[serde(default)]
    pub leaves_content: bool,
}

impl Start {
    /// A machine that is about to read its store, and what it asks first.
    ///
    /// # Errors
    /// The policies are none.
    pub fn open(self) -> Result<(Machine, Vec<output::Output>), Unreadable> {
        let policies = match self.policies {
            Some(Json(policies)) => Policies::read(&policies).map_err(|flaw| Unreadable::new("policies", flaw))?,
            None => Policies::default(),
        };
        let key_use = if self.is_copied { KeyUse::Copied } else { KeyUse::Own };
        let id_key = u64::from_ne_bytes(self.id_key.0);
        let (mut machine, first) = Machine::open(Config { author: Author(self.author.0), key_use, id_key, policies });
        if self.leaves_content {
            machine.leave_content();
        }
        Ok((machine, first))
    }
}

/// A record of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredRecord {
    /// The header, where it is an op's record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<Bytes>,
    /// The signature, where the record has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Bytes>,
    /// How many bytes of `bodies` its body has, where the record has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<u32>,
}

/// An op, or the late body of one, that a row brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Brought {
    /// The op.
    pub id: Hex<32>,
    /// Whether the op itself is here, and not its body alone.
    pub is_op: bool,
    /// Where its record begins.
    pub header_at: u32,
    /// Where its body begins.
    pub body_at: u32,
}

/// Reads the record at the start of some bytes of a row's `headers`; [`RECORD_BYTES_MAX`] are enough.
///
/// # Errors
/// There is none.
pub fn read_record(bytes: &[u8]) -> Result<StoredRecord, Unreadable> {
    let place = Place { row: 0, header_at: 0, body_at: 0 };
    let (record, len, _) = row::read_record(place, bytes).ok_or_else(damaged)?;
    Ok(match record {
        Record::Op { op, has_body, .. } => StoredRecord {
            header: Some(Bytes(op.header_bytes().to_vec())),
            signature: op.signature().map(|signature| Bytes(signature.to_vec())),
            body_bytes: has_body.then_some(len),
        },
        Record::Body { .. } => StoredRecord { body_bytes: Some(len), ..StoredRecord::default() },
        Record::Signature(..) => StoredRecord::default(),
    })
}

/// The ops and late bodies that a row brings, in order.
///
/// # Errors
/// The row is not what was written.
pub fn brought_by(seq: u32, headers: &[u8], digest: &str) -> Result<Vec<Brought>, Unreadable> {
    let digest = hex::parse(digest).ok_or_else(damaged)?;
    let mut brought = Vec::new();
    let visit = |record: Record<'_>| match record {
        Record::Op { op, place, .. } => brought.push(at(op.id().0, true, place)),
        Record::Body { id, place, .. } => brought.push(at(id.0, false, place)),
        Record::Signature(..) => {}
    };
    row::read_row(seq, headers, &digest, visit).map_err(|_| damaged())?;
    Ok(brought)
}

fn at(id: [u8; 32], is_op: bool, place: Place) -> Brought {
    Brought { id: Hex(id), is_op, header_at: place.header_at, body_at: place.body_at }
}

fn damaged() -> Unreadable {
    Unreadable::new("row", "is not as it was written")
}
