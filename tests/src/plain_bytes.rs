//! Bytes in JSON, of which it has no own kind.
//!
//! The core's JSON has them as lists of numbers. Lines to other runtimes have them as `{"$bytes": base64}`, so that these
//! make their own kind of bytes of them, as a host in that language does.

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

const MARK: &str = "$bytes";

/// Bytes as lines have them.
pub fn marked(bytes: &[u8]) -> Value {
    json!({ MARK: Base64::encode_string(bytes) })
}

/// Bytes of either kind.
///
/// # Panics
/// These are none.
pub fn read(value: &Value) -> Vec<u8> {
    let byte = |item: &Value| item.as_u64().and_then(|byte| u8::try_from(byte).ok()).expect("a byte");
    match value.get(MARK) {
        Some(text) => Base64::decode_vec(text.as_str().expect("base64")).expect("base64"),
        None => value.as_array().expect("bytes").iter().map(byte).collect(),
    }
}

/// A value whose bytes are all lists of numbers.
///
/// # Panics
/// A mark stands at what is no base64.
pub fn listed(value: Value) -> Value {
    match value {
        Value::Object(members) if members.len() == 1 && members.contains_key(MARK) => {
            read(&Value::Object(members)).into()
        }
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, listed(value))).collect(),
        Value::Array(items) => items.into_iter().map(listed).collect(),
        other => other,
    }
}
