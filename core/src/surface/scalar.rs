//! What values are made of: ids as hex, bytes, JSON, frames.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::plain::{FromPlain, Plain, from_format};
use crate::input;
use crate::op::hex;
use crate::op::json::{Number, Object, Value};

/// Why a value of a runtime is no input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {problem}", Named(at))]
pub struct Unreadable {
    /// The field; empty for the value as a whole.
    pub at: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Unreadable {
    /// A field and what is wrong with it.
    pub fn new(at: &'static str, problem: impl ToString) -> Unreadable {
        Unreadable { at, problem: problem.to_string() }
    }

    /// What is wrong with a value whose name is not known here.
    #[cold]
    pub(super) fn of(problem: &str) -> Unreadable {
        Unreadable { at: "", problem: problem.into() }
    }

    /// The `type` of a value is none of those that there are.
    #[cold]
    pub fn word(at: &'static str) -> Unreadable {
        Unreadable::new(at, "is none of those that mean something here")
    }

    /// The same of a value that is a field, or in one.
    #[cold]
    pub(super) fn inside(mut self, at: &'static str) -> Unreadable {
        if self.at.is_empty() {
            self.at = at;
        }
        self
    }
}

struct Named<'a>(&'a str);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => f.write_str("the value"),
            name => write!(f, "`{name}`"),
        }
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

impl<const N: usize> FromPlain for Hex<N> {
    fn from_plain(plain: Plain) -> Result<Hex<N>, Unreadable> {
        let text = String::from_plain(plain)?;
        let digits = 2 * N;
        hex::parse(&text)
            .map(Hex)
            .ok_or_else(|| Unreadable::new("", format_args!("is not {digits} lower-case hex digits")))
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

impl FromPlain for Bytes {
    fn from_plain(plain: Plain) -> Result<Bytes, Unreadable> {
        let byte = |item: Plain| u64::from_plain(item).ok().and_then(|byte| u8::try_from(byte).ok());
        let bytes = match plain {
            Plain::Bytes(bytes) => Some(bytes),
            Plain::List(items) => items.into_iter().map(byte).collect(),
            _ => None,
        };
        bytes.map(Bytes).ok_or_else(|| Unreadable::of("is not made of bytes"))
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

/// Writes a JSON value.
pub(super) fn serialize_value<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
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

impl FromPlain for Json {
    const HOLDS_NULL: bool = true;

    fn from_plain(plain: Plain) -> Result<Json, Unreadable> {
        value_of(plain).map(Json)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        from_format(deserializer)
    }
}

fn value_of(plain: Plain) -> Result<Value, Unreadable> {
    Ok(match plain {
        Plain::Null => Value::Null,
        Plain::Bool(bool) => Value::Bool(bool),
        Plain::Integer(integer) => number(Number::from_integer(integer))?,
        Plain::Double(double) => number(Number::new(double))?,
        Plain::Text(text) => Value::String(text),
        Plain::Bytes(_) => return Err(Unreadable::of("has bytes, which are no JSON")),
        Plain::List(items) => Value::Array(items.into_iter().map(value_of).collect::<Result<_, _>>()?),
        Plain::Members(members) => {
            let members = members.into_iter().map(|(name, plain)| Ok((name, value_of(plain)?)));
            let object = Object::from_members(members.collect::<Result<_, _>>()?);
            Value::Object(object.map_err(|_| Unreadable::of("has an object with a name that stands twice"))?)
        }
    })
}

fn number(number: Option<Number>) -> Result<Value, Unreadable> {
    let bounds = "has a number that is not finite, or an integer beyond 2^53 - 1";
    number.map(Value::Number).ok_or_else(|| Unreadable::of(bounds))
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

impl FromPlain for Frame {
    fn from_plain(plain: Plain) -> Result<Frame, Unreadable> {
        match plain {
            Plain::Text(text) => Ok(Frame(input::Frame::Text(text))),
            plain => Bytes::from_plain(plain).map(|bytes| Frame(input::Frame::Binary(bytes.0))),
        }
    }
}
