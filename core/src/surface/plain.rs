//! Plain data as it comes from another language, and how a type is read from it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Writes [`FromPlain`](trait@FromPlain) for a structure, or for an enum with a `type`, and serde's `Deserialize` by it.
pub use trellis_derive::FromPlain;

use super::scalar::Unreadable;
use crate::ordered::Map;

/// A value of another language.
#[derive(Clone, Debug, PartialEq)]
pub enum Plain {
    /// Nothing.
    Null,
    /// A truth.
    Bool(bool),
    /// A number that its language holds as an integer.
    Integer(i64),
    /// Any other number.
    Double(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<Plain>),
    /// Values by name, in the order in which they came.
    Members(Vec<(String, Plain)>),
}

/// What is read from plain data. `derive` writes it for structures and for enums with a `type`.
pub trait FromPlain: Sized {
    /// Whether null is one of its values, so that it does not say that there is none.
    const HOLDS_NULL: bool = false;

    /// Reads a value.
    ///
    /// # Errors
    /// It is of another shape; the error shows nothing of the value.
    fn from_plain(plain: Plain) -> Result<Self, Unreadable>;

    /// What stands for a member that was left out, if it may be.
    fn absent() -> Option<Self> {
        None
    }
}

/// Reads a value of a format.
///
/// # Errors
/// As the format has them; [`Unreadable`] for another shape.
pub fn from_format<'de, D: Deserializer<'de>, T: FromPlain>(deserializer: D) -> Result<T, D::Error> {
    T::from_plain(Plain::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// The members of a structure, to be taken one after the other.
#[derive(Debug)]
pub struct Members(Vec<(String, Plain)>);

impl Members {
    /// The members of a value.
    ///
    /// # Errors
    /// It has none.
    pub fn of(plain: Plain) -> Result<Members, Unreadable> {
        match plain {
            Plain::Members(members) => Ok(Members(members)),
            _ => Err(Unreadable::of("is no object of names and values")),
        }
    }

    /// Takes the member that says which of several kinds this is.
    ///
    /// # Errors
    /// It is not there, or no text.
    pub fn tag(&mut self, name: &'static str) -> Result<String, Unreadable> {
        self.take(name)
    }

    /// Takes a member.
    ///
    /// # Errors
    /// It is not there, or of another shape.
    pub fn take<T: FromPlain>(&mut self, name: &'static str) -> Result<T, Unreadable> {
        match self.remove(name) {
            Some(plain) => T::from_plain(plain).map_err(|error| error.inside(name)),
            None => T::absent().ok_or_else(|| Unreadable::new(name, "is absent")),
        }
    }

    /// Takes a member that may be left out.
    ///
    /// # Errors
    /// It is of another shape.
    pub fn take_or<T: FromPlain>(&mut self, name: &'static str, default: fn() -> T) -> Result<T, Unreadable> {
        match self.remove(name) {
            Some(plain) => T::from_plain(plain).map_err(|error| error.inside(name)),
            None => Ok(default()),
        }
    }

    /// Sees that everything was taken.
    ///
    /// # Errors
    /// There is a member of a name that means nothing here.
    pub fn ensure_empty(&self) -> Result<(), Unreadable> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Unreadable::of("has a member of a name that means nothing here")),
        }
    }

    fn remove(&mut self, name: &str) -> Option<Plain> {
        let at = self.0.iter().position(|(member, _)| member == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

impl FromPlain for String {
    fn from_plain(plain: Plain) -> Result<String, Unreadable> {
        match plain {
            Plain::Text(text) => Ok(text),
            _ => Err(Unreadable::of("is no text")),
        }
    }
}

impl FromPlain for bool {
    fn from_plain(plain: Plain) -> Result<bool, Unreadable> {
        match plain {
            Plain::Bool(bool) => Ok(bool),
            _ => Err(Unreadable::of("is neither true nor false")),
        }
    }
}

impl FromPlain for i64 {
    fn from_plain(plain: Plain) -> Result<i64, Unreadable> {
        match plain {
            Plain::Integer(integer) => Ok(integer),
            _ => Err(Unreadable::of("is no integer")),
        }
    }
}

impl FromPlain for u64 {
    fn from_plain(plain: Plain) -> Result<u64, Unreadable> {
        let integer = i64::from_plain(plain)?;
        u64::try_from(integer).map_err(|_| Unreadable::of("is below zero"))
    }
}

impl FromPlain for u32 {
    fn from_plain(plain: Plain) -> Result<u32, Unreadable> {
        let integer = u64::from_plain(plain)?;
        u32::try_from(integer).map_err(|_| Unreadable::of("is above 2^32 - 1"))
    }
}

impl<T: FromPlain> FromPlain for Option<T> {
    fn from_plain(plain: Plain) -> Result<Option<T>, Unreadable> {
        match plain {
            Plain::Null if !T::HOLDS_NULL => Ok(None),
            plain => T::from_plain(plain).map(Some),
        }
    }

    fn absent() -> Option<Option<T>> {
        Some(None)
    }
}

impl<T: FromPlain> FromPlain for Vec<T> {
    fn from_plain(plain: Plain) -> Result<Vec<T>, Unreadable> {
        match plain {
            Plain::List(items) => items.into_iter().map(T::from_plain).collect(),
            _ => Err(Unreadable::of("is no list")),
        }
    }
}

impl<T: FromPlain> FromPlain for Map<String, T> {
    fn from_plain(plain: Plain) -> Result<Map<String, T>, Unreadable> {
        let mut by_name = Map::new();
        for (name, plain) in Members::of(plain)?.0 {
            by_name.insert(name, T::from_plain(plain)?);
        }
        Ok(by_name)
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Plain, D::Error> {
        deserializer.deserialize_any(PlainVisitor)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("plain data")
    }

    fn visit_unit<E: Error>(self) -> Result<Plain, E> {
        Ok(Plain::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Plain, E> {
        Ok(Plain::Null)
    }

    fn visit_bool<E: Error>(self, bool: bool) -> Result<Plain, E> {
        Ok(Plain::Bool(bool))
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<Plain, E> {
        Ok(Plain::Integer(integer))
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<Plain, E> {
        i64::try_from(integer).map(Plain::Integer).map_err(|_| E::custom("an integer is within 2^53 - 1 of zero"))
    }

    fn visit_f64<E: Error>(self, double: f64) -> Result<Plain, E> {
        Ok(Plain::Double(double))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Plain, E> {
        Ok(Plain::Text(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Plain, E> {
        Ok(Plain::Text(text))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Plain, E> {
        Ok(Plain::Bytes(bytes.into()))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Plain, E> {
        Ok(Plain::Bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Plain, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Plain::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Plain, A::Error> {
        let mut members = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            members.push(entry);
        }
        Ok(Plain::Members(members))
    }
}
