//! What an op's body says, once its bytes are here.
//!
//! Reading is total: whatever the bytes are, they say something, if only that they say nothing ([`Content::Void`]).
//! So a body can never keep an op out of the graph.

use alloc::vec::Vec;

use super::json::{Object, Value, parse_canonical};
use super::kind::{Format, Kind};
use super::patch::{Patch, PatchError};
use crate::limits::{BODY_BYTES_MAX, JSON_DEPTH_MAX};

/// The random bytes before the JSON of a salted body.
pub const SALT_BYTES: usize = 16;
/// What stands before a transaction's random bytes when the salt of one of its ops is hashed.
const SALT_CONTEXT: &[u8] = b"trellis/salt/1\n";

/// What one op says of its entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The whole entity is this.
    Put(Leaf),
    /// Places of the entity change.
    Patch(Patch),
    /// The entity is gone.
    Delete,
    /// A record.
    Append(Leaf),
    /// Branches join or begin; no entity changes.
    Merge(Object),
    /// A body that is not canonical, too deep or not of its kind's shape, or a kind or format that this version does
    /// not know: it sets and overwrites nothing, and counts in the frontier and in `seen`.
    Void,
    /// A body that is not here, or is sealed.
    Missing(Kind),
}

/// A whole value, or opaque bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// JSON.
    Json(Value),
    /// A body of format `bytes`.
    Bytes(Vec<u8>),
}

/// Why a value makes no body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Arrays and objects nest deeper than 64.
    #[error("the value nests deeper than 64 levels")]
    TooDeep,
    /// More than [`BODY_BYTES_MAX`] bytes.
    #[error("the body has {0} bytes, and at most 262144 fit; put larger content into a blob")]
    TooLong(usize),
    /// Changes that make no patch.
    #[error(transparent)]
    Patch(#[from] PatchError),
}

impl Content {
    /// What an op of this kind and format says by `body`, which is none where the bytes are not here. The format is
    /// none where the header has no body.
    ///
    /// A sealed body says [`Content::Missing`] and not [`Content::Void`]: its entity must not read as an older value.
    pub fn decode(kind: Kind, format: Option<Format>, body: Option<&[u8]>) -> Content {
        match (kind, format, body) {
            (Kind::Delete, None, _) => Content::Delete,
            (Kind::Delete | Kind::Unknown(_), ..) | (_, None | Some(Format::Unknown(_)), _) => Content::Void,
            (_, Some(Format::Sealed), _) | (.., None) => Content::Missing(kind),
            (_, Some(format), Some(body)) => {
                Leaf::decode(format, body).map_or(Content::Void, |leaf| of_kind(kind, leaf))
            }
        }
    }
}

fn of_kind(kind: Kind, leaf: Leaf) -> Content {
    match (kind, leaf) {
        (Kind::Put, leaf) => Content::Put(leaf),
        (Kind::Append, leaf) => Content::Append(leaf),
        (Kind::Patch, Leaf::Json(body)) => Patch::decode(body).map_or(Content::Void, Content::Patch),
        (Kind::Merge, Leaf::Json(Value::Object(body))) => Content::Merge(body),
        _ => Content::Void,
    }
}

impl Leaf {
    /// Reads the bytes of a body; none where they are not canonical, too deep, sealed or of an unknown format.
    pub fn decode(format: Format, body: &[u8]) -> Option<Leaf> {
        match format {
            Format::Json => parse_canonical(body).map(Leaf::Json),
            Format::Bytes => Some(Leaf::Bytes(body.to_vec())),
            Format::SaltedJson => body.get(SALT_BYTES..).and_then(parse_canonical).map(Leaf::Json),
            Format::Sealed | Format::Unknown(_) => None,
        }
    }
}

/// The body of a value in format [`Format::Json`].
///
/// # Errors
/// [`BodyError::TooDeep`] and [`BodyError::TooLong`].
pub fn encode_json(value: &Value) -> Result<Vec<u8>, BodyError> {
    match value.is_within_depth(JSON_DEPTH_MAX) {
        true => within_bounds(value.to_jcs()),
        false => Err(BodyError::TooDeep),
    }
}

/// A body of format [`Format::Json`] as one of format [`Format::SaltedJson`].
///
/// # Errors
/// [`BodyError::TooLong`].
pub fn salted(salt: [u8; SALT_BYTES], json: &[u8]) -> Result<Vec<u8>, BodyError> {
    within_bounds([&salt, json].concat())
}

/// The salt of the `nth` op of a transaction, from 0: secret where `random` is, and another for every op.
pub fn salt(random: &[u8; 32], nth: u32) -> [u8; SALT_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(SALT_CONTEXT).update(random).update(&nth.to_be_bytes());
    let mut salt = [0; SALT_BYTES];
    hasher.finalize_xof().fill(&mut salt);
    salt
}

fn within_bounds(body: Vec<u8>) -> Result<Vec<u8>, BodyError> {
    if body.len() > BODY_BYTES_MAX { Err(BodyError::TooLong(body.len())) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(kind: Kind, body: &str) -> Content {
        Content::decode(kind, Some(Format::Json), Some(body.as_bytes()))
    }

    #[test]
    fn each_kind_reads_its_own_shape() {
        assert_eq!(json(Kind::Put, "[1]"), Content::Put(Leaf::Json(Value::array([1]))));
        assert_eq!(json(Kind::Append, "null"), Content::Append(Leaf::Json(Value::Null)));
        assert_eq!(json(Kind::Patch, "{}"), Content::Patch(Patch::default()));
        assert_eq!(json(Kind::Patch, "[]"), Content::Void);
        assert_eq!(json(Kind::Patch, r#"{"test":{}}"#), Content::Void);
        assert_eq!(json(Kind::Merge, r#"{"message":"m"}"#), Content::Merge(Object::from_iter([("message", "m")])));
        assert_eq!(json(Kind::Merge, "1"), Content::Void);
        assert_eq!(json(Kind::Delete, "{}"), Content::Void);
        assert_eq!(Content::decode(Kind::Delete, None, None), Content::Delete);
        assert_eq!(Content::decode(Kind::Put, None, None), Content::Void);
    }

    #[test]
    fn what_is_not_canonical_is_void() {
        for body in ["", "{ }", "1.0", r#"{"b":1,"a":1}"#, &"[".repeat(65)] {
            assert_eq!(json(Kind::Put, body), Content::Void, "{body}");
        }
    }

    #[test]
    fn absent_and_sealed_bodies_are_missing_and_unknown_ones_void() {
        assert_eq!(Content::decode(Kind::Put, Some(Format::SaltedJson), None), Content::Missing(Kind::Put));
        assert_eq!(Content::decode(Kind::Patch, Some(Format::Sealed), Some(b"1")), Content::Missing(Kind::Patch));
        assert_eq!(Content::decode(Kind::Put, Some(Format::Unknown(9)), None), Content::Void);
        assert_eq!(Content::decode(Kind::Unknown(9), Some(Format::Json), None), Content::Void);
        assert_eq!(Content::decode(Kind::Unknown(9), Some(Format::Json), Some(b"1")), Content::Void);
    }

    #[test]
    fn a_salt_is_no_part_of_the_value() {
        let body = salted([b'"'; SALT_BYTES], b"\"x\"").expect("a body");
        assert_eq!(body, b"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"x\"");
        let content = |body: &[u8]| Content::decode(Kind::Put, Some(Format::SaltedJson), Some(body));
        assert_eq!(content(&body), Content::Put(Leaf::Json("x".into())));
        assert_eq!(content(&body[..15]), Content::Void);
        assert_eq!(content(&body[..16]), Content::Void);
    }

    #[test]
    fn bodies_have_bounds() {
        let longest = Value::from("x".repeat(BODY_BYTES_MAX - 2));
        assert_eq!(encode_json(&longest).map(|body| body.len()), Ok(BODY_BYTES_MAX));
        assert_eq!(salted([0; 16], &longest.to_jcs()), Err(BodyError::TooLong(BODY_BYTES_MAX + 16)));
        let nested = (0..65).fold(Value::Null, |value, _| Value::array([value]));
        assert_eq!(encode_json(&nested), Err(BodyError::TooDeep));
    }
}
