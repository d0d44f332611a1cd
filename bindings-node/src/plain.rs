//! Values as they cross: JSON text, which JavaScript parses faster than objects can be built for it, and bytes beside it.
//!
//! On the way out, bytes stand in the text as a string that no text of ours can be: half of a character, where they begin,
//! and how many they are. On the way in, they stand as a string behind a NUL and a `b`; then every other string that begins
//! with a NUL has a NUL and a `t` before it. A value without bytes is plain JSON both ways.

use std::io;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use serde::Serialize;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use crate::error::{Result, Thrown};

/// A value on its way out.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct Given {
    /// The JSON text.
    pub text: String,
    /// The bytes that it refers to; left out where it has none.
    pub bytes: Option<Uint8Array>,
}

/// Gives a value.
pub(crate) fn give(value: &(impl Serialize + ?Sized)) -> Result<Given> {
    let (mut text, mut beside) = (Vec::new(), Beside::default());
    value.serialize(&mut Serializer::with_formatter(&mut text, &mut beside)).map_err(Thrown::bad)?;
    let text = String::from_utf8(text).map_err(Thrown::bad)?;
    Ok(Given { text, bytes: beside.is_used.then(|| beside.bytes.into()) })
}

/// Writes JSON, and bytes beside it.
#[derive(Default)]
struct Beside {
    bytes: Vec<u8>,
    is_used: bool,
}

impl Formatter for &mut Beside {
    fn write_byte_array<W: io::Write + ?Sized>(&mut self, writer: &mut W, bytes: &[u8]) -> io::Result<()> {
        self.is_used = true;
        write!(writer, "\"\\ud800{},{}\"", self.bytes.len(), bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn write_f64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        CompactFormatter.write_f64(writer, value)
    }
}

/// Reads a value. What is wrong with it is not told, since that would show the value itself.
pub(crate) fn read<T: DeserializeOwned>(text: &str, bytes: Option<&[u8]>) -> Result<T> {
    let read = match bytes {
        None => serde_json::from_str(text),
        Some(bytes) => serde_json::from_str(text).and_then(|value| T::deserialize(Taken { value, bytes })),
    };
    read.map_err(|_| Thrown::bad("this is not of the shape that is expected here"))
}

/// A value on its way in, and all bytes that came with it.
struct Taken<'a> {
    value: Value,
    bytes: &'a [u8],
}

impl<'a> Taken<'a> {
    /// The bytes that a string stands for.
    fn slice(&self, place: &str) -> Option<&'a [u8]> {
        let (from, len) = place.split_once(',')?;
        let (from, len): (usize, usize) = (from.parse().ok()?, len.parse().ok()?);
        self.bytes.get(from..from.checked_add(len)?)
    }
}

impl<'de> IntoDeserializer<'de, serde_json::Error> for Taken<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Taken<'_> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        let bytes = self.bytes;
        let taken = |value| Taken { value, bytes };
        match self.value {
            Value::String(ref text) if let Some(place) = text.strip_prefix("\0b") => {
                visitor.visit_bytes(self.slice(place).ok_or_else(|| Error::custom("no bytes"))?)
            }
            Value::String(text) => match text.strip_prefix("\0t") {
                Some(text) => visitor.visit_str(text),
                None => visitor.visit_string(text),
            },
            Value::Array(items) => SeqDeserializer::new(items.into_iter().map(taken)).deserialize_any(visitor),
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| (name, taken(value)));
                MapDeserializer::new(members).deserialize_any(visitor)
            }
            value => value.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        self.value.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
