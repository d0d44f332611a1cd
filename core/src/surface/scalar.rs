//! What values are made of: ids as hex, bytes, JSON, frames.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::input;
use crate::op::hex;
use crate::op::json::{Number, Object, Value};

/// Why a value of a runtime is no input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{at}` {problem}")]
pub struct Unreadable {
    /// The field.
    pub at: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Unreadable {
    /// A field and what is wrong with it.
    pub fn new(at: &'static str, problem: impl ToString) -> Unreadable {
        Unreadable { at, problem: problem.to_string() }
    }
}

/// Bytes that people see as lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hex<N>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = 2 * N;
        hex::parse(&text).map(Hex).ok_or_else(|| D::Error::custom(format_args!("not {digits} lower-case hex digits")))
    }
}

/// Bytes, as a runtime's own kind of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_owned()))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(Bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = items.next_element()? {
            bytes.push(byte);
        }
        Ok(Bytes(bytes))
    }
}

/// A fixed number of bytes.
pub(super) fn exactly<const N: usize>(at: &'static str, bytes: &Bytes) -> Result<[u8; N], Unreadable> {
    let fixed = bytes.0.as_slice().try_into();
    fixed.map_err(|_| Unreadable::new(at, format_args!("is not {N} bytes")))
}

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(pub Value);

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_value(&self.0, serializer)
    }
}

fn serialize_value<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Value::Null => serializer.serialize_unit(),
        Value::Bool(bool) => serializer.serialize_bool(*bool),
        Value::Number(number) => match number.as_integer() {
            Some(integer) => serializer.serialize_i64(integer),
            None => serializer.serialize_f64(number.get()),
        },
        Value::String(text) => serializer.serialize_str(text),
        Value::Array(items) => {
            let mut list = serializer.serialize_seq(Some(items.len()))?;
            items.iter().try_for_each(|item| list.serialize_element(&Borrowed(item)))?;
            list.end()
        }
        Value::Object(object) => {
            let mut map = serializer.serialize_map(Some(object.len()))?;
            object.iter().try_for_each(|(name, value)| map.serialize_entry(name, &Borrowed(value)))?;
            map.end()
        }
    }
}

struct Borrowed<'a>(&'a Value);

impl Serialize for Borrowed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_value(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json(Value::Null))
    }

    fn visit_none<E: Error>(self) -> Result<Json, E> {
        Ok(Json(Value::Null))
    }

    fn visit_bool<E: Error>(self, bool: bool) -> Result<Json, E> {
        Ok(Json(Value::Bool(bool)))
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<Json, E> {
        number(Number::from_integer(integer))
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<Json, E> {
        number(i64::try_from(integer).ok().and_then(Number::from_integer))
    }

    fn visit_f64<E: Error>(self, double: f64) -> Result<Json, E> {
        number(Number::new(double))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json(Value::String(text.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(Json(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Json(Value::Array(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some((name, Json(value))) = entries.next_entry::<String, Json>()? {
            members.push((name, value));
        }
        let object = Object::from_members(members);
        let object = object.map_err(|name| A::Error::custom(format_args!("the member \"{name}\" stands twice")))?;
        Ok(Json(Value::Object(object)))
    }
}

fn number<E: Error>(number: Option<Number>) -> Result<Json, E> {
    let number = number.ok_or_else(|| E::custom("a number is finite, and an integer within 2^53 - 1 of zero"))?;
    Ok(Json(Value::Number(number)))
}

/// A frame of a link: bytes, or text in the JSON form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(pub input::Frame);

impl Serialize for Frame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            input::Frame::Binary(bytes) => serializer.serialize_bytes(bytes),
            input::Frame::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Frame, D::Error> {
        deserializer.deserialize_any(FrameVisitor)
    }
}

struct FrameVisitor;

impl<'de> Visitor<'de> for FrameVisitor {
    type Value = Frame;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or bytes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Frame, E> {
        Ok(Frame(input::Frame::Text(text.into())))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Frame, E> {
        Ok(Frame(input::Frame::Binary(bytes.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Frame, A::Error> {
        BytesVisitor.visit_seq(items).map(|bytes| Frame(input::Frame::Binary(bytes.0)))
    }
}
