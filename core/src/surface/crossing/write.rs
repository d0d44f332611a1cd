//! The way out: a serializer of JSON that keeps bytes beside the text.

use alloc::string::{String, ToString};
use core::fmt::{self, Write};

use serde::ser::{self, Serialize};

use super::Given;
use crate::op::json;
use crate::surface::Problem;

/// Why a value cannot be given: it says so itself, while it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritable(pub String);

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Unwritable {}

impl From<Unwritable> for Problem {
    fn from(error: Unwritable) -> Problem {
        Problem::bad(error)
    }
}

impl ser::Error for Unwritable {
    fn custom<T: fmt::Display>(message: T) -> Unwritable {
        Unwritable(message.to_string())
    }
}

/// Gives a value.
///
/// # Errors
/// What the value itself says.
pub fn give(value: &(impl Serialize + ?Sized)) -> Result<Given, Unwritable> {
    let mut given = Given::default();
    value.serialize(&mut given)?;
    Ok(given)
}

type Done = Result<(), Unwritable>;

impl Given {
    fn push(&mut self, text: &str) -> Done {
        self.text.push_str(text);
        Ok(())
    }

    fn display(&mut self, value: impl fmt::Display) -> Done {
        // A `String` takes whatever it is given.
        let _ = write!(self.text, "{value}");
        Ok(())
    }

    fn open(&mut self, sign: char, close: char) -> Open<'_> {
        self.text.push(sign);
        Open { given: self, is_begun: false, close: [close, '}'], closes: 1 }
    }

    /// A value under the name of a variant: `{"name":`, and what closes it.
    fn variant(&mut self, name: &str, sign: char, close: char) -> Open<'_> {
        self.text.push('{');
        json::push_string(&mut self.text, name);
        self.text.push(':');
        Open { closes: 2, ..self.open(sign, close) }
    }
}

/// A list or an object that is being written.
pub struct Open<'g> {
    given: &'g mut Given,
    is_begun: bool,
    /// What closes it, and what closes the variant around it.
    close: [char; 2],
    closes: usize,
}

impl Open<'_> {
    fn next(&mut self) -> &mut Given {
        if self.is_begun {
            self.given.text.push(',');
        }
        self.is_begun = true;
        self.given
    }

    fn item(&mut self, value: &(impl Serialize + ?Sized)) -> Done {
        value.serialize(self.next())
    }

    fn member(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> Done {
        value.serialize(self.named(name))
    }

    /// Where a member of a structure is written. The names of our fields have nothing that is escaped.
    fn named(&mut self, name: &'static str) -> &mut Given {
        let given = self.next();
        for part in ["\"", name, "\":"] {
            given.text.push_str(part);
        }
        given
    }

    fn finish(self) -> Done {
        self.given.text.extend(&self.close[..self.closes]);
        Ok(())
    }
}

/// Numbers that are written as they are shown.
macro_rules! shown {
    ($($name:ident: $type:ty),*) => {
        $(fn $name(self, value: $type) -> Done {
            self.display(value)
        })*
    };
}

impl<'g> ser::Serializer for &'g mut Given {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Open<'g>;
    type SerializeTuple = Open<'g>;
    type SerializeTupleStruct = Open<'g>;
    type SerializeTupleVariant = Open<'g>;
    type SerializeMap = Open<'g>;
    type SerializeStruct = Open<'g>;
    type SerializeStructVariant = Open<'g>;

    shown! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    }

    fn serialize_f32(self, value: f32) -> Done {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Done {
        match value.is_finite() {
            true => self.push(ryu_js::Buffer::new().format_finite(value)),
            false => self.push("null"),
        }
    }

    fn serialize_char(self, value: char) -> Done {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Done {
        json::push_string(&mut self.text, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        let bytes = self.bytes.get_or_insert_default();
        let from = bytes.len();
        bytes.extend_from_slice(value);
        self.display(format_args!("\"\\ud800{from},{}\"", value.len()))
    }

    fn serialize_none(self) -> Done {
        self.push("null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.push("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.push("null")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        let mut open = self.open('{', '}');
        open.member(variant, value)?;
        open.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Open<'g>, Unwritable> {
        Ok(self.open('[', ']'))
    }

    fn serialize_tuple(self, _: usize) -> Result<Open<'g>, Unwritable> {
        Ok(self.open('[', ']'))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Open<'g>, Unwritable> {
        Ok(self.open('[', ']'))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Open<'g>, Unwritable> {
        Ok(self.variant(variant, '[', ']'))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Open<'g>, Unwritable> {
        Ok(self.open('{', '}'))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Open<'g>, Unwritable> {
        Ok(self.open('{', '}'))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Open<'g>, Unwritable> {
        Ok(self.variant(variant, '{', '}'))
    }
}

/// Each of the kinds of lists, which differ in the name of one function.
macro_rules! list {
    ($($trait:ident::$function:ident),*) => {
        $(impl ser::$trait for Open<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn $function<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
                self.item(value)
            }

            fn end(self) -> Done {
                self.finish()
            }
        })*
    };
}

list!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// Both kinds of structures.
macro_rules! structure {
    ($($trait:ident),*) => {
        $(impl ser::$trait for Open<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Done {
                self.member(name, value)
            }

            fn end(self) -> Done {
                self.finish()
            }
        })*
    };
}

structure!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Open<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        self.item(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.given.text.push(':');
        value.serialize(&mut *self.given)
    }

    fn end(self) -> Done {
        self.finish()
    }
}
