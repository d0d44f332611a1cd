//! Writing the members of a message.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::link::message::form::{Field, Name, Sink};
use crate::link::message::words::Word;
use crate::link::message::{BlobWant, Range, Reason, Tip, TipId, Without};
use crate::op::hex;
use crate::op::id::OpId;
use crate::op::json::{Number, Object, Value};

/// What `heads` says in full, where a branch has several.
pub(super) const ALL_HEADS: &str = "allHeads";

/// Members that were written.
#[derive(Default)]
pub(super) struct Written {
    members: Vec<(String, Value)>,
}

impl Written {
    /// The text.
    pub(super) fn finish(self) -> String {
        Value::Object(self.members.into_iter().collect::<Object>()).to_string()
    }

    /// Any value.
    pub(super) fn insert(&mut self, field: Field, value: Value) {
        self.members.push((field.name.into(), value));
    }

    /// A list, unless it is empty.
    fn list<T>(&mut self, field: Field, items: &[T], value: impl Fn(&T) -> Value) {
        if !items.is_empty() {
            self.insert(field, Value::array(items.iter().map(value)));
        }
    }
}

/// A number that every JSON reader holds: all numbers of messages are such.
pub(super) fn number(value: u64) -> Value {
    Number::saturated(value.into()).into()
}

/// Lower-case hex digits.
pub(super) fn digits(bytes: &[u8]) -> Value {
    hex::encode(bytes).into()
}

/// Base64url without padding.
pub(super) fn base64(bytes: &[u8]) -> Value {
    Base64UrlUnpadded::encode_string(bytes).into()
}

fn names<N: Name>(names: &[N]) -> Value {
    Value::array(names.iter().map(|name| digits(name.bytes())))
}

fn tip(Tip { branch, author, seq, id }: &Tip) -> Value {
    let id = match id {
        TipId::Short(half) => digits(half),
        TipId::Full(id) => digits(&id.0),
    };
    Value::object([
        ("branch", branch.as_str().into()),
        ("author", digits(&author.0)),
        ("seq", (*seq).into()),
        ("id", id),
    ])
}

fn range(Range { branch, author, from, to }: &Range) -> Value {
    let ends = [("from", Value::from(*from)), ("to", Value::from(*to))];
    Value::object([("branch", branch.as_str().into()), ("author", digits(&author.0))].into_iter().chain(ends))
}

impl Sink for Written {
    fn uint(&mut self, field: Field, value: u64) {
        self.insert(field, number(value));
    }

    fn flag(&mut self, field: Field, value: bool) {
        if value {
            self.insert(field, value.into());
        }
    }

    fn text(&mut self, field: Field, value: &str) {
        if !value.is_empty() {
            self.insert(field, value.into());
        }
    }

    fn name(&mut self, field: Field, value: &[u8]) {
        self.insert(field, digits(value));
    }

    fn content(&mut self, field: Field, value: &[u8]) {
        if !value.is_empty() {
            self.insert(field, base64(value));
        }
    }

    fn word<W: Word>(&mut self, field: Field, value: W) {
        self.insert(field, value.word().into());
    }

    fn uints(&mut self, field: Field, values: &[u64]) {
        self.list(field, values, |value| number(*value));
    }

    fn texts(&mut self, field: Field, values: &[String]) {
        self.list(field, values, |value| value.as_str().into());
    }

    fn names<N: Name>(&mut self, field: Field, values: &[N]) {
        self.list(field, values, |name| digits(name.bytes()));
    }

    fn tips(&mut self, field: Field, tips: &[Tip]) {
        self.list(field, tips, tip);
    }

    fn ranges(&mut self, field: Field, ranges: &[Range]) {
        self.list(field, ranges, range);
    }

    fn heads(&mut self, field: Field, heads: &[(String, Vec<OpId>)]) {
        if heads.is_empty() {
            return;
        }
        let first = |(branch, ids): &(String, Vec<OpId>)| Some((branch.clone(), digits(&ids.first()?.0)));
        self.insert(field, Value::object(heads.iter().filter_map(first)));
        if heads.iter().any(|(_, ids)| ids.len() > 1) {
            let all = heads.iter().map(|(branch, ids)| (branch.clone(), names(ids)));
            self.members.push((ALL_HEADS.into(), Value::object(all)));
        }
    }

    fn blob_wants(&mut self, field: Field, blobs: &[BlobWant]) {
        self.list(field, blobs, |BlobWant { blob, from }| {
            let from = (*from > 0).then(|| ("from", number(*from)));
            Value::object([("hash", digits(&blob.0))].into_iter().chain(from))
        });
    }

    fn refused(&mut self, field: Field, ops: &[(OpId, Reason)]) {
        self.list(field, ops, |(id, reason)| Value::object([("id", digits(&id.0)), ("reason", reason.word().into())]));
    }

    fn without(&mut self, field: Field, without: &Without) {
        let ops = (!without.ops.is_empty()).then(|| ("ops", names(&without.ops)));
        let blobs = (!without.blobs.is_empty()).then(|| ("blobs", names(&without.blobs)));
        if ops.is_some() || blobs.is_some() {
            self.insert(field, Value::object(ops.into_iter().chain(blobs)));
        }
    }
}
