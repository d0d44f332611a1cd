//! Pieces that the documents of several commands share.
//!
//! An op has the names of the JavaScript surface, so what the command line prints can be given to a program.

use serde::Serialize;
use serde_json::value::RawValue;
use trellis_sync::core::log::row::StoredOp;
use trellis_sync::core::merge::conflict::{Conflict, Side, SideValue};
use trellis_sync::core::merge::entity::Shown;
use trellis_sync::core::op::blob::BlobRef;
use trellis_sync::core::op::hex;
use trellis_sync::core::op::id::OpId;
use trellis_sync::core::op::json::Value;
use trellis_sync::core::output::OpView;
use trellis_sync::core::view::files::FILES;
use trellis_sync::files::About;
use trellis_sync::{Entity, State, conflict_place};

use super::files::FilePaths;
use super::words::{count, json_of, raw, timestamp};

/// Ids as text.
pub(crate) fn ids(ids: &[OpId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// An op.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpDoc {
    pub(crate) hash: String,
    pub(crate) kind: String,
    pub(crate) timestamp: String,
    /// A decimal string: it does not fit a double.
    pub(crate) hlc: String,
    pub(crate) agent_id: String,
    pub(crate) branch: String,
    pub(crate) seq: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous_hash: Option<String>,
    pub(crate) parents: Vec<String>,
    pub(crate) base: Vec<String>,
    pub(crate) collection: String,
    pub(crate) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) actor: Option<String>,
    pub(crate) effective: bool,
    #[serde(flatten)]
    pub(crate) whole: Option<WholeDoc>,
}

/// What only a whole op has.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WholeDoc {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body_len: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
}

impl OpDoc {
    pub(crate) fn new(op: &OpView) -> OpDoc {
        OpDoc {
            hash: op.id.to_string(),
            kind: op.kind.word(),
            timestamp: timestamp(op.hlc),
            hlc: op.hlc.0.to_string(),
            agent_id: op.author.to_string(),
            branch: op.branch.clone(),
            seq: op.seq,
            previous_hash: op.prev.map(|prev| prev.to_string()),
            parents: ids(&op.parents),
            base: ids(&op.base),
            collection: op.collection.clone(),
            key: op.key.clone(),
            actor: op.actor.clone(),
            effective: op.is_effective,
            whole: op.stored.as_ref().and_then(WholeDoc::new),
        }
    }

    /// The entity that the op writes.
    pub(crate) fn entity(&self) -> Entity {
        Entity { collection: self.collection.clone(), key: self.key.clone() }
    }
}

impl WholeDoc {
    fn new(op: &StoredOp) -> Option<WholeDoc> {
        let verified = op.rehash().ok()?;
        let named = verified.header().body;
        Some(WholeDoc {
            format: named.map(|body| body.format.word()),
            body_hash: named.map(|body| body.hash.to_string()),
            body_len: named.map(|body| body.len),
            body: json_of(op).as_ref().and_then(raw),
            signature: op.signature.map(|signature| hex::encode(&signature)),
        })
    }
}

/// A value, or why there is none to show.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ValueDoc {
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Box<RawValue>>,
    /// For people: the same in one line.
    #[serde(skip)]
    pub(crate) line: String,
}

impl ValueDoc {
    pub(crate) fn of_shown(shown: &Shown) -> ValueDoc {
        let state = State::of(shown);
        match shown {
            Shown::Json(value) => ValueDoc::of_value(value),
            Shown::Bytes(bytes) => ValueDoc::without(state.name(), format!("{} bytes", bytes.len())),
            Shown::Absent => ValueDoc::without(state.name(), "nothing".into()),
            _ => ValueDoc::without(state.name(), "its content is not here".into()),
        }
    }

    pub(crate) fn of_value(value: &Value) -> ValueDoc {
        let line = match BlobRef::parse(value) {
            Some(blob) => format!("{}, {}", count(blob.size as usize, "byte"), blob.blob.short()),
            None => super::words::line(value, 60),
        };
        ValueDoc { state: "value", value: raw(value), line }
    }

    fn of_side(side: &SideValue) -> ValueDoc {
        match side {
            SideValue::Absent => ValueDoc::without("absent", "removed".into()),
            SideValue::Json(value) => ValueDoc::of_value(value),
            SideValue::Bytes(bytes) => ValueDoc::without("bytes", format!("{} bytes", bytes.len())),
            SideValue::Add(number) => ValueDoc::without("add", format!("add {number}")),
            SideValue::Insert(values) => ValueDoc::without("insert", format!("insert {} values", values.len())),
        }
    }

    fn without(state: &'static str, line: String) -> ValueDoc {
        ValueDoc { state, value: None, line }
    }
}

/// A conflict.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConflictDoc {
    pub(crate) id: String,
    pub(crate) place: String,
    pub(crate) collection: String,
    pub(crate) key: String,
    pub(crate) path: String,
    /// Of a file where it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// Of a file what it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) about: Option<&'static str>,
    /// Whether it is a file's and merges by lines as soon as the folder is brought up to date.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) merges_by_lines: bool,
    pub(crate) base: ValueDoc,
    pub(crate) sides: Vec<SideDoc>,
    pub(crate) members: usize,
}

/// One side of a conflict. Sides are in order and named A, B, C, ..., on every replica alike.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SideDoc {
    pub(crate) side: String,
    pub(crate) op: String,
    pub(crate) author: String,
    pub(crate) timestamp: String,
    pub(crate) hlc: String,
    #[serde(flatten)]
    pub(crate) value: ValueDoc,
}

impl ConflictDoc {
    pub(crate) fn new(conflict: &Conflict) -> ConflictDoc {
        let sides = conflict.sides.iter().enumerate().map(|(at, side)| SideDoc::new(at, side));
        ConflictDoc {
            id: conflict.id.to_string(),
            place: conflict_place(conflict).to_string(),
            collection: conflict.collection.clone(),
            key: conflict.key.clone(),
            path: conflict.path.to_string(),
            file: None,
            about: None,
            merges_by_lines: false,
            base: ValueDoc::of_shown(&conflict.base),
            sides: sides.collect(),
            members: conflict.members.len(),
        }
    }

    /// The same, with the paths of files by the keys of their entities.
    pub(crate) fn named(conflict: &Conflict, paths: &FilePaths) -> ConflictDoc {
        let path = paths.get(&conflict.key).filter(|_| conflict.collection == FILES);
        ConflictDoc {
            file: path.map(ToString::to_string),
            about: path.map(|_| About::of(conflict).as_str()),
            ..ConflictDoc::new(conflict)
        }
    }

    /// Where people see it.
    pub(crate) fn shown_at(&self) -> &str {
        self.file.as_deref().unwrap_or(&self.place)
    }
}

impl SideDoc {
    fn new(at: usize, side: &Side) -> SideDoc {
        SideDoc {
            side: side_name(at),
            op: side.op.to_string(),
            author: side.author.to_string(),
            timestamp: timestamp(side.hlc),
            hlc: side.hlc.0.to_string(),
            value: ValueDoc::of_side(&side.value),
        }
    }
}

/// A, B, ..., Z, AA, AB, ...
pub(crate) fn side_name(at: usize) -> String {
    let letter = char::from(b'A' + (at % 26) as u8);
    if at < 26 { letter.to_string() } else { format!("{}{letter}", side_name(at / 26 - 1)) }
}

#[cfg(test)]
mod tests {
    use super::side_name;

    #[test]
    fn sides_are_named_like_columns() {
        assert_eq!([0, 1, 25, 26, 31].map(side_name), ["A", "B", "Z", "AA", "AF"]);
    }
}
