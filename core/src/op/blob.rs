//! Blobs: content that is larger than a body, named by its hash.
//!
//! A body names a blob as `{"blob": hash, "size": bytes}`, anywhere in it. The hash is of the whole content, so equal
//! content is one blob, whoever wrote it.

use alloc::vec::Vec;

use super::hex;
use super::id::ContentHash;
use super::json::{Number, Value};
use crate::limits::BLOB_BYTES_MAX;

/// What stands before the hash in every body that names a blob: JSON bodies are canonical. A body without these bytes
/// names none.
pub const BEFORE_HASH: &[u8] = b"\"blob\":\"";

/// The name of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobRef {
    /// BLAKE3-256 of all of it.
    pub blob: ContentHash,
    /// How many bytes: at most [`BLOB_BYTES_MAX`].
    pub size: u64,
}

impl BlobRef {
    /// The name of this content.
    pub fn of(content: &[u8]) -> BlobRef {
        BlobRef { blob: ContentHash::of(content), size: content.len() as u64 }
    }

    /// `{"blob", "size"}`.
    pub fn to_value(self) -> Value {
        let size = Number::saturated(self.size.into());
        Value::object([("blob", Value::String(hex::encode(self.blob.as_bytes()))), ("size", size.into())])
    }

    /// Reads `{"blob", "size"}`. Members beside them are passed over.
    pub fn parse(value: &Value) -> Option<BlobRef> {
        let blob = value.member("blob")?.as_str().and_then(hex::parse)?;
        let size = value.member("size")?.as_integer().and_then(|size| u64::try_from(size).ok())?;
        (size <= BLOB_BYTES_MAX).then_some(BlobRef { blob: ContentHash(blob), size })
    }

    /// Every blob that a value names, in whatever depth, in the order in which they stand.
    pub fn all_in(value: &Value) -> Vec<BlobRef> {
        let mut found = Vec::new();
        let mut open = alloc::vec![value];
        while let Some(value) = open.pop() {
            found.extend(BlobRef::parse(value));
            match value {
                Value::Array(items) => open.extend(items.iter().rev()),
                Value::Object(members) => {
                    let mut values: Vec<&Value> = members.iter().map(|(_, value)| value).collect();
                    values.reverse();
                    open.append(&mut values);
                }
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_from_its_value() {
        let blob = BlobRef::of(b"abc");
        assert_eq!(BlobRef::parse(&blob.to_value()), Some(blob));
        let large = BlobRef { size: BLOB_BYTES_MAX + 1, ..blob };
        assert_eq!(BlobRef::parse(&large.to_value()), None);
        assert_eq!(BlobRef::parse(&"abc".into()), None);
    }

    #[test]
    fn names_are_found_wherever_they_stand() {
        let [a, b, c] = [b"a", b"b", b"c"].map(|content| BlobRef::of(content));
        let inner = Value::object([("x", Value::array([b.to_value(), 1.into()])), ("y", c.to_value())]);
        let value = Value::array([a.to_value(), inner]);
        assert_eq!(BlobRef::all_in(&value), [a, b, c]);
        assert_eq!(BlobRef::all_in(&Value::Null), []);
    }
}
