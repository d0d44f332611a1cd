//! An op as an object that people read, and that comes back as the same bytes.
//!
//! The fields have the surface's own names (api.md). `timestamp` restates `hlc` for people and is passed over when an object
//! is read. `hash` is checked against the fields of the header, so an object of which one was changed is no op; whether the
//! signature holds is for whoever takes the op in.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::convert::Infallible;

use base64ct::{Base64UrlUnpadded, Encoding};

use super::cbor::Scalar;
use super::header::{BodyRef, Header, Ids};
use super::hex;
use super::id::{Author, ContentHash, OpId, RepoId};
use super::json::{Number, Object, Value, parse_canonical};
use super::kind::{Format, Kind};
use super::sign::VerifiedOp;
use super::stored::StoredOp;
use crate::limits::SAFE_INTEGER_MAX;
use crate::sort;
use crate::time::Hlc;

/// In a value of a later version's key: it is bytes, as base64url.
const BYTES: &str = "bytes";
/// In a value of a later version's key: it is an integer beyond 2^53, as decimal digits.
const UINT: &str = "uint";
/// Days from the first of March of the year 0 to the first of January 1970.
const DAYS_TO_1970: u64 = 719_468;
/// Days of 400 years.
const DAYS_OF_ERA: u64 = 146_097;

/// Why an object is no op.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlainError {
    /// It is no object.
    #[error("an op is an object")]
    NoObject,
    /// A field is absent or is not what it has to be.
    #[error("the field `{0}` of the op is absent or is not what it has to be")]
    Field(&'static str),
    /// The fields make another op than the one that `hash` names.
    #[error("the fields of the op do not make `hash`: one of them was changed")]
    Hash,
}

/// How many members an op's object has at most.
pub const MEMBERS_MAX: usize = 22;

/// What a member of an op's object is.
pub enum Part<'a> {
    /// A text.
    Text(&'a str),
    /// Bytes, whose lower-case hex digits stand there.
    Digits(&'a [u8]),
    /// Ids, whose digits stand there.
    Ids(Ids<'a>),
    /// Anything else.
    Value(Value),
}

impl From<Part<'_>> for Value {
    fn from(part: Part<'_>) -> Value {
        match part {
            Part::Text(text) => text.into(),
            Part::Digits(bytes) => hex::encode(bytes).into(),
            Part::Ids(ids) => Value::array(ids.iter().map(|id| hex::encode(&id.0))),
            Part::Value(value) => value,
        }
    }
}

/// The object of an op, as [`each_member`] has its members.
pub fn write(op: &VerifiedOp<'_>, body_levels_max: usize) -> Value {
    let mut members = Vec::new();
    let Ok(()) = each_member(op, body_levels_max, |name, part| -> Result<(), Infallible> {
        members.push((name, Value::from(part)));
        Ok(())
    });
    Value::object(members)
}

/// Hands over the members of an op's object, one after the other. A body that JSON can show and give back stands there as
/// it is, any other as base64url. A value may nest `body_levels_max` levels.
///
/// # Errors
/// What `take` fails with.
pub fn each_member<E>(
    op: &VerifiedOp<'_>,
    body_levels_max: usize,
    mut take: impl FnMut(&'static str, Part<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let header = op.header();
    take("hash", Part::Digits(&op.id().0))?;
    take("v", Part::Value(1.into()))?;
    header.repo.map_or(Ok(()), |repo| take("repo", Part::Digits(&repo.0)))?;
    take("kind", Part::Value(header.kind.word().into()))?;
    take("timestamp", Part::Text(&timestamp(header.hlc)))?;
    take("hlc", Part::Text(&header.hlc.0.to_string()))?;
    take("agentId", Part::Digits(&header.author.0))?;
    take("branch", Part::Text(header.branch))?;
    take("seq", Part::Value(header.seq.into()))?;
    header.prev.map_or(Ok(()), |prev| take("previousHash", Part::Digits(&prev.0)))?;
    take("parents", Part::Ids(header.parents))?;
    take("base", Part::Ids(header.base))?;
    take("collection", Part::Text(header.collection))?;
    take("key", Part::Text(header.key))?;
    header.schema.map_or(Ok(()), |schema| take("schema", Part::Value(number(schema))))?;
    header.actor.map_or(Ok(()), |actor| take("actor", Part::Text(actor)))?;
    if !header.extra.is_empty() {
        take("extra", Part::Value(extra(&header.extra)))?;
    }
    op.signature().map_or(Ok(()), |signature| take("signature", Part::Digits(signature)))?;
    let Some(named) = header.body else { return Ok(()) };
    take("format", Part::Value(named.format.word().into()))?;
    take("bodyHash", Part::Digits(&named.hash.0))?;
    take("bodyLen", Part::Value(named.len.into()))?;
    op.body().map_or(Ok(()), |bytes| take("body", Part::Value(shown(named.format, bytes, body_levels_max))))
}

/// The op of an object.
///
/// # Errors
/// [`PlainError`], which names the field where one alone is wrong.
pub fn read(value: &Value) -> Result<StoredOp, PlainError> {
    let fields = Fields(value.as_object().ok_or(PlainError::NoObject)?);
    fields.need("v", |value| value.as_integer().filter(|version| *version == 1))?;
    let (parents, base) = (fields.ids("parents")?, fields.ids("base")?);
    let body = fields.body()?;
    let header = Header {
        repo: fields.name("repo")?.map(RepoId),
        branch: fields.text("branch")?,
        author: fields.name("agentId")?.map(Author).ok_or(PlainError::Field("agentId"))?,
        seq: fields.need("seq", |value| u32::try_from(value.as_integer()?).ok())?,
        prev: fields.name("previousHash")?.map(OpId),
        hlc: fields.need("hlc", |value| value.as_str()?.parse().ok().map(Hlc))?,
        parents: Ids::Slice(&parents),
        collection: fields.text("collection")?,
        key: fields.text("key")?,
        base: Ids::Slice(&base),
        kind: fields.need("kind", |value| kind(value.as_str()?))?,
        body: body.as_ref().map(|body| body.named),
        schema: fields.take("schema", as_number)?,
        actor: fields.take("actor", Value::as_str)?,
        extra: Vec::new(),
    };
    let extra = fields.extra()?;
    let header = Header { extra: extra.iter().map(|(key, scalar)| (*key, scalar.borrowed())).collect(), ..header };
    let bytes = header.encode().map_err(|_| PlainError::Hash)?;
    match fields.name("hash")?.map(OpId) {
        Some(id) if id == OpId::of_header(&bytes) => {
            let signature = fields.take("signature", |value| hex::parse(value.as_str()?))?;
            Ok(StoredOp { header: bytes, body: body.and_then(|body| body.bytes), signature })
        }
        _ => Err(PlainError::Hash),
    }
}

/// The members of an op's object.
struct Fields<'a>(&'a Object);

impl<'a> Fields<'a> {
    /// A field that may be absent.
    fn take<T>(&self, name: &'static str, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<Option<T>, PlainError> {
        self.0.get(name).map(|value| read(value).ok_or(PlainError::Field(name))).transpose()
    }

    fn need<T>(&self, name: &'static str, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<T, PlainError> {
        self.take(name, read)?.ok_or(PlainError::Field(name))
    }

    fn text(&self, name: &'static str) -> Result<&'a str, PlainError> {
        self.need(name, Value::as_str)
    }

    /// 32 bytes as hex digits.
    fn name(&self, name: &'static str) -> Result<Option<[u8; 32]>, PlainError> {
        self.take(name, |value| hex::parse(value.as_str()?))
    }

    fn ids(&self, name: &'static str) -> Result<Vec<OpId>, PlainError> {
        self.need(name, |value| {
            let id = |value: &Value| hex::parse(value.as_str()?).map(OpId);
            value.as_array()?.iter().map(id).collect()
        })
    }

    fn body(&self) -> Result<Option<Body>, PlainError> {
        let Some(format) = self.take("format", |value| format_of(value.as_str()?))? else { return Ok(None) };
        let hash = self.name("bodyHash")?.map(ContentHash).ok_or(PlainError::Field("bodyHash"))?;
        let len = self.need("bodyLen", |value| u32::try_from(value.as_integer()?).ok())?;
        let is_named = |bytes: &Vec<u8>| ContentHash::of(bytes) == hash && bytes.len() == len as usize;
        let bytes = self.take("body", |value| {
            let shown = (format == Format::Json).then(|| value.to_jcs()).filter(is_named);
            shown.or_else(|| Base64UrlUnpadded::decode_vec(value.as_str()?).ok().filter(is_named))
        })?;
        Ok(Some(Body { named: BodyRef { format, hash, len }, bytes }))
    }

    fn extra(&self) -> Result<Vec<(u8, Owned)>, PlainError> {
        let read = |value: &Value| {
            let members = value.as_object()?.iter();
            let mut list: Vec<(u8, Owned)> =
                members.map(|(key, value)| Some((key.parse().ok()?, Owned::read(value)?))).collect::<Option<_>>()?;
            sort::by_key(&mut list, |(key, _)| *key);
            Some(list)
        };
        Ok(self.take("extra", read)?.unwrap_or_default())
    }
}

/// What an object says of a body.
struct Body {
    named: BodyRef,
    bytes: Option<Vec<u8>>,
}

/// The value of a header key of a later version.
enum Owned {
    Uint(u64),
    Bytes(Vec<u8>),
    Text(String),
}

impl Owned {
    fn read(value: &Value) -> Option<Owned> {
        match value {
            Value::String(text) => Some(Owned::Text(text.clone())),
            Value::Object(object) => match (object.get(BYTES), object.get(UINT)) {
                (Some(bytes), None) => Base64UrlUnpadded::decode_vec(bytes.as_str()?).ok().map(Owned::Bytes),
                (None, Some(digits)) => digits.as_str()?.parse().ok().map(Owned::Uint),
                _ => None,
            },
            value => as_number(value).map(Owned::Uint),
        }
    }

    fn borrowed(&self) -> Scalar<'_> {
        match self {
            Owned::Uint(value) => Scalar::Uint(*value),
            Owned::Bytes(bytes) => Scalar::Bytes(bytes),
            Owned::Text(text) => Scalar::Text(text),
        }
    }
}

fn shown(format: Format, bytes: &[u8], levels_max: usize) -> Value {
    let json = if format == Format::Json { parse_canonical(bytes) } else { None };
    json.filter(|value| value.is_within_depth(levels_max)).unwrap_or_else(|| base64(bytes))
}

fn extra(extra: &[(u8, Scalar<'_>)]) -> Value {
    let value = |value: &Scalar<'_>| match *value {
        Scalar::Uint(value) if value > SAFE_INTEGER_MAX => Value::object([(UINT, value.to_string())]),
        Scalar::Uint(value) => number(value),
        Scalar::Bytes(bytes) => Value::object([(BYTES, base64(bytes))]),
        Scalar::Text(text) => text.into(),
    };
    Value::object(extra.iter().map(|(key, scalar)| (key.to_string(), value(scalar))))
}

/// A number, or its decimal digits where not every reader holds it.
fn number(value: u64) -> Value {
    match value <= SAFE_INTEGER_MAX {
        true => Number::saturated(value.into()).into(),
        false => value.to_string().into(),
    }
}

fn as_number(value: &Value) -> Option<u64> {
    match value {
        Value::String(digits) => digits.parse().ok(),
        value => u64::try_from(value.as_integer()?).ok(),
    }
}

fn base64(bytes: &[u8]) -> Value {
    Base64UrlUnpadded::encode_string(bytes).into()
}

fn kind(word: &str) -> Option<Kind> {
    let known = [Kind::Put, Kind::Patch, Kind::Delete, Kind::Append, Kind::Merge];
    let later = || word.parse().ok().map(Kind::from_code).filter(|kind| matches!(kind, Kind::Unknown(_)));
    known.into_iter().find(|kind| kind.name() == word).or_else(later)
}

fn format_of(word: &str) -> Option<Format> {
    let known = [Format::Json, Format::Bytes, Format::Sealed, Format::SaltedJson];
    let later = || word.parse().ok().map(Format::from_code).filter(|format| matches!(format, Format::Unknown(_)));
    known.into_iter().find(|format| format.word() == word).or_else(later)
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
