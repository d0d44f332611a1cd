//! The way in.

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::JSON_DEPTH_MAX;
use crate::op::json::{Number, Value, parse_within};
use crate::surface::{FromPlain, Plain, Unreadable};

/// How deep a value nests that has another one of the deepest in it: a command with what it writes.
const LEVELS_MAX: usize = JSON_DEPTH_MAX + 16;

/// Reads a value.
///
/// # Errors
/// It is of another shape. What is wrong with a text that is no JSON is not told, since that would show the value itself.
pub fn read<T: FromPlain>(text: &str, bytes: Option<&[u8]>) -> Result<T, Unreadable> {
    let value = parse_within(text.as_bytes(), LEVELS_MAX).map_err(|_| unexpected())?;
    T::from_plain(plain(value, bytes).ok_or_else(unexpected)?)
}

#[cold]
pub(super) fn unexpected() -> Unreadable {
    Unreadable::new("", "is not of the shape that is expected here")
}

/// A value with the bytes in place of what stands for them; nothing where something stands for bytes that did not come.
fn plain(value: Value, bytes: Option<&[u8]>) -> Option<Plain> {
    Some(match value {
        Value::Null => Plain::Null,
        Value::Bool(bool) => Plain::Bool(bool),
        Value::Number(number) => numeric(number),
        Value::String(text) => match bytes {
            Some(bytes) => text_or_bytes(text, bytes)?,
            None => Plain::Text(text),
        },
        Value::Array(items) => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                list.push(plain(item, bytes)?);
            }
            Plain::List(list)
        }
        Value::Object(object) => {
            let mut members = Vec::with_capacity(object.len());
            for (name, value) in object {
                members.push((name, plain(value, bytes)?));
            }
            Plain::Members(members)
        }
    })
}

fn numeric(number: Number) -> Plain {
    number.as_integer().map_or(Plain::Double(number.get()), Plain::Integer)
}

fn text_or_bytes(text: String, bytes: &[u8]) -> Option<Plain> {
    Some(match (text.strip_prefix("\0b"), text.strip_prefix("\0t")) {
        (Some(place), _) => Plain::Bytes(slice(bytes, place)?.to_vec()),
        (_, Some(text)) => Plain::Text(text.into()),
        _ => Plain::Text(text),
    })
}

/// The bytes at a place, as in `3,12`: where they begin, and how many they are.
fn slice<'a>(bytes: &'a [u8], place: &str) -> Option<&'a [u8]> {
    let (from, len) = place.split_once(',')?;
    let (from, len): (usize, usize) = (from.parse().ok()?, len.parse().ok()?);
    bytes.get(from..from.checked_add(len)?)
}
