//! What programs with a store of their own ask for, as plain data: what two logs make together, the next op of a log, and
//! ops as objects.

use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::{Error, SerializeStruct};
use serde::{Serialize, Serializer};

use super::answer::{Refused, hex, hexes};
use super::command::ids;
use super::op::StoredOp;
use super::plain::FromPlain;
use super::scalar::{Bytes, Hex, Json, Unreadable, serialize_value};
use super::shown::Conflict;
use crate::input::Base;
use crate::limits::JSON_DEPTH_MAX;
use crate::log::row;
use crate::op::body::Leaf;
use crate::op::draft;
use crate::op::hex::encode;
use crate::op::kind::Kind;
use crate::op::plain::{self, PlainError};
use crate::reconcile;

/// What two sets of ops make together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reconciled {
    /// Every valid op of both whose dependencies are there, in order.
    pub merged: Vec<Hex<32>>,
    /// The last of the common ops in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork_point: Option<Hex<32>>,
    /// The heads of the common ops, in order.
    pub fork_heads: Vec<Hex<32>>,
    /// Merged ops that only the local side has, in order.
    pub only_local: Vec<Hex<32>>,
    /// Merged ops that only the remote side has, in order.
    pub only_remote: Vec<Hex<32>>,
    /// The entities of the conflicts, as `collection/key`, each once, ascending.
    pub conflicts: Vec<String>,
    /// The open conflicts of the union, ascending by branch, collection, key and path.
    pub conflict_records: Vec<Conflict>,
    /// Those of them that are open in neither side alone.
    pub new_conflicts: Vec<Conflict>,
    /// `equal`, `behind`, `ahead` or `diverged`: how the local side stands to the remote one.
    pub relation: &'static str,
    /// Whether there are no new conflicts.
    pub clean: bool,
    /// Dependencies that neither side has, ascending.
    pub missing: Vec<Hex<32>>,
    /// Invalid ops with the reason, ascending.
    pub invalid: Vec<Refused>,
    /// How many inputs were no ops at all.
    pub malformed: usize,
}

impl From<reconcile::Reconciled> for Reconciled {
    fn from(made: reconcile::Reconciled) -> Reconciled {
        let conflicts = |conflicts: Vec<crate::merge::conflict::Conflict>| -> Vec<Conflict> {
            conflicts.into_iter().map(Into::into).collect()
        };
        let invalid = made.invalid.into_iter();
        Reconciled {
            merged: hexes(made.merged),
            fork_point: made.fork_point.map(hex),
            fork_heads: hexes(made.fork_heads),
            only_local: hexes(made.only_local),
            only_remote: hexes(made.only_remote),
            conflicts: made.conflicts,
            conflict_records: conflicts(made.conflict_records),
            new_conflicts: conflicts(made.new_conflicts),
            relation: made.relation.word(),
            clean: made.clean,
            missing: hexes(made.missing),
            invalid: invalid.map(|(op, reason)| Refused { op: hex(op), reason: reason.code() }).collect(),
            malformed: made.malformed,
        }
    }
}

/// What an author wants an op to say.
#[derive(Clone, Debug, PartialEq, Serialize, FromPlain)]
#[serde(deny_unknown_fields)]
pub struct NewOp {
    /// The branch; `main` where it is left out.
    #[serde(default = "main")]
    pub branch: String,
    /// The collection.
    pub collection: String,
    /// The key.
    pub key: String,
    /// `put`, `patch`, `delete` or `append`; `put` where it is left out.
    #[serde(default = "put")]
    pub kind: String,
    /// The body, if it is JSON; of a patch `set`, `remove`, `add`, `insert` and `discard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Json>,
    /// The body, if it is bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Bytes>,
    /// The writes that it replaces; left out for those that the log shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Vec<Hex<32>>>,
    /// On whose behalf, if not the author's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

fn main() -> String {
    "main".into()
}

fn put() -> String {
    Kind::Put.word()
}

impl TryFrom<NewOp> for reconcile::NewOp {
    type Error = Unreadable;

    fn try_from(op: NewOp) -> Result<reconcile::NewOp, Unreadable> {
        let kinds = [Kind::Put, Kind::Patch, Kind::Delete, Kind::Append];
        let kind = kinds.into_iter().find(|kind| kind.name() == op.kind);
        let body = match (op.body, op.bytes) {
            (Some(_), Some(_)) => return Err(Unreadable::new("bytes", "stands beside a body of JSON")),
            (json, bytes) => json.map(|json| Leaf::Json(json.0)).or(bytes.map(|bytes| Leaf::Bytes(bytes.0))),
        };
        Ok(reconcile::NewOp {
            branch: op.branch,
            collection: op.collection,
            key: op.key,
            kind: kind.ok_or_else(|| Unreadable::new("kind", "is put, patch, delete or append"))?,
            body,
            base: op.base.map_or(Base::Shown, |base| Base::Ops(ids(base))),
            actor: op.actor,
        })
    }
}

/// An op that still lacks its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SealedOp {
    /// Its id.
    pub id: Hex<32>,
    /// Its header and its body.
    pub op: StoredOp,
    /// What its author has to sign.
    pub message: Bytes,
}

impl From<draft::SealedOp> for SealedOp {
    fn from(op: draft::SealedOp) -> SealedOp {
        let stored = StoredOp { header: Bytes(op.header), body: op.body.map(Bytes), signature: None };
        SealedOp { id: hex(op.id), op: stored, message: Bytes(Vec::from(op.id.signed_message())) }
    }
}

/// An op as an object that people read and that comes back by [`op_of`].
///
/// # Errors
/// [`Unreadable`] where the bytes are no op.
pub fn op_shown(op: StoredOp) -> Result<Json, Unreadable> {
    let op = row::StoredOp::try_from(op)?;
    let verified = op.rehash().map_err(|refused| Unreadable::new("header", refused))?;
    Ok(Json(plain::write(&verified, JSON_DEPTH_MAX)))
}

/// Ops' bytes as the objects that [`op_shown`] makes, written as they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct OpsShown<'a>(&'a [row::StoredOp]);

impl<'a> OpsShown<'a> {
    /// The objects of these ops. Writing them fails where the bytes are no op.
    pub fn of(ops: &'a [row::StoredOp]) -> OpsShown<'a> {
        OpsShown(ops)
    }
}

impl Serialize for OpsShown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(OneShown))
    }
}

struct OneShown<'a>(&'a row::StoredOp);

impl Serialize for OneShown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let verified = self.0.rehash().map_err(|refused| S::Error::custom(Unreadable::new("header", refused)))?;
        let mut members = serializer.serialize_struct("Op", plain::MEMBERS_MAX)?;
        plain::each_member(&verified, JSON_DEPTH_MAX, |name, part| members.serialize_field(name, &PartShown(part)))?;
        members.end()
    }
}

struct PartShown<'a>(plain::Part<'a>);

impl Serialize for PartShown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            plain::Part::Text(text) => serializer.serialize_str(text),
            plain::Part::Digits(bytes) => serializer.serialize_str(&encode(bytes)),
            plain::Part::Ids(ids) => serializer.collect_seq(ids.iter().map(|id| Hex(id.0))),
            plain::Part::Value(value) => serialize_value(value, serializer),
        }
    }
}

/// The op of an object. It proves nothing until a machine has verified it.
///
/// # Errors
/// [`Unreadable`], which names the field where one alone is wrong.
pub fn op_of(Json(object): Json) -> Result<StoredOp, Unreadable> {
    let at = |error: &PlainError| match error {
        PlainError::NoObject => "op",
        PlainError::Field(field) => field,
        PlainError::Hash => "hash",
    };
    plain::read(&object).map(Into::into).map_err(|error| Unreadable::new(at(&error), error))
}
