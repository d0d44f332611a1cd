//! An op in JSON: its bytes, and beside them a copy for people that no receiver reads.

use alloc::format;
use alloc::string::{String, ToString};

use super::read::{Members, base64, digits};
use super::write;
use crate::limits::{JSON_DEPTH_MAX, SAFE_INTEGER_MAX};
use crate::link::message::MessageFault;
use crate::link::message::form::{Field, field};
use crate::log::row::StoredOp;
use crate::op::body::Leaf;
use crate::op::cbor::Scalar;
use crate::op::header::{Header, Ids};
use crate::op::json::Value;
use crate::op::kind::Format;
use crate::op::sign::VerifiedOp;
use crate::time::Hlc;

const BYTES: Field = field(0, "bytes");
const BODY: Field = field(1, "body");
const SIGNATURE: Field = field(2, "signature");
const COPY: Field = field(3, "op");

/// How deep a body stands in a message: in the message, its list, the op and the copy.
const LEVELS_ABOVE_BODY: usize = 4;
/// Days from the first of March of the year 0 to the first of January 1970.
const DAYS_TO_1970: u64 = 719_468;
/// Days of 400 years.
const DAYS_OF_ERA: u64 = 146_097;

/// Reads an op.
pub(super) fn take(members: &mut Members) -> Result<StoredOp, MessageFault> {
    members.take(COPY, Some)?;
    Ok(StoredOp {
        header: members.need(BYTES, |value| base64(&value))?,
        body: members.take(BODY, |value| base64(&value))?,
        signature: members.take(SIGNATURE, |value| digits(&value))?,
    })
}

/// Writes an op, with a copy for people or without.
pub(super) fn to_value(op: &VerifiedOp<'_>, readable: bool) -> Value {
    let members = [
        Some((BYTES, write::base64(op.header_bytes()))),
        op.body().map(|body| (BODY, write::base64(body))),
        op.signature().map(|signature| (SIGNATURE, write::digits(signature))),
        readable.then(|| (COPY, copy(op))),
    ];
    Value::object(members.into_iter().flatten().map(|(field, value)| (field.name, value)))
}

/// The copy, by the names of the surface.
fn copy(op: &VerifiedOp<'_>) -> Value {
    let header = op.header();
    let members = [
        Some(("hash", write::digits(&op.id().0))),
        Some(("v", 1.into())),
        header.repo.map(|repo| ("repo", write::digits(&repo.0))),
        Some(("kind", header.kind.word().into())),
        Some(("timestamp", timestamp(header.hlc).into())),
        Some(("hlc", header.hlc.0.to_string().into())),
        Some(("agentId", write::digits(&header.author.0))),
        Some(("branch", header.branch.into())),
        Some(("seq", header.seq.into())),
        header.prev.map(|prev| ("previousHash", write::digits(&prev.0))),
        Some(("parents", ids(header.parents))),
        Some(("base", ids(header.base))),
        Some(("collection", header.collection.into())),
        Some(("key", header.key.into())),
        header.schema.map(|schema| ("schema", number(schema))),
        header.actor.map(|actor| ("actor", actor.into())),
        (!header.extra.is_empty()).then(|| ("extra", extra(&header.extra))),
    ];
    Value::object(members.into_iter().flatten().chain(body(header, op.body())))
}

/// What the header says of a body, and the body itself where JSON can show it.
fn body(header: &Header<'_>, bytes: Option<&[u8]>) -> impl Iterator<Item = (&'static str, Value)> {
    let named = header.body.map(|named| {
        [
            ("format", named.format.word().into()),
            ("bodyHash", write::digits(&named.hash.0)),
            ("bodyLen", named.len.into()),
        ]
    });
    let shown = header.body.zip(bytes).and_then(|(named, bytes)| shown(named.format, bytes));
    named.into_iter().flatten().chain(shown.map(|shown| ("body", shown)))
}

fn shown(format: Format, bytes: &[u8]) -> Option<Value> {
    match Leaf::decode(format, bytes) {
        Some(Leaf::Json(value)) => {
            Some(value).filter(|value| value.is_within_depth(JSON_DEPTH_MAX - LEVELS_ABOVE_BODY))
        }
        _ => Some(write::base64(bytes)),
    }
}

fn ids(ids: Ids<'_>) -> Value {
    Value::array(ids.iter().map(|id| write::digits(&id.0)))
}

fn extra(extra: &[(u8, Scalar<'_>)]) -> Value {
    let value = |value: &Scalar<'_>| match *value {
        Scalar::Uint(value) => number(value),
        Scalar::Bytes(bytes) => write::base64(bytes),
        Scalar::Text(text) => text.into(),
    };
    Value::object(extra.iter().map(|(key, scalar)| (key.to_string(), value(scalar))))
}

/// A number, or its decimal digits where not every reader holds it.
fn number(value: u64) -> Value {
    if value <= SAFE_INTEGER_MAX { write::number(value) } else { value.to_string().into() }
}

/// The wall time of a clock in RFC 3339. A year is counted from March, so that a leap day ends it.
fn timestamp(hlc: Hlc) -> String {
    let ms = hlc.millis().0;
    let (days, ms) = (ms / 86_400_000 + DAYS_TO_1970, ms % 86_400_000);
    let (era, day) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    let (seconds, ms) = (ms / 1_000, ms % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z", era * 400 + year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_calendars_have_it() {
        for (ms, text) in [
            (1, "1970-01-01T00:00:00.001Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_700_000_000_000, "2023-11-14T22:13:20.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(timestamp(Hlc(ms << 16)), text);
        }
        assert_eq!(timestamp(Hlc::MAX), "6429-10-17T02:45:55.327Z");
    }
}
