//! A JSON value in the one form that every runtime agrees on.
//!
//! Numbers are IEEE doubles and members stand in JCS order, so comparing two values compares their JCS bytes.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::{JsonError, Object, jcs, parse};
use crate::limits::SAFE_INTEGER_MAX;

/// A JSON value that a body may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// Text without lone surrogates.
    String(String),
    /// Values in order.
    Array(Vec<Value>),
    /// Members with distinct names.
    Object(Object),
}

/// A finite double; where its value is integral it lies within ±(2^53 - 1), and zero is positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(f64);

impl Eq for Number {}

impl Number {
    /// The number, unless it is not finite or is integral beyond ±(2^53 - 1). Every double beyond that is integral.
    pub fn new(value: f64) -> Option<Number> {
        let fits = value.is_finite() && value.abs() <= SAFE_INTEGER_MAX as f64;
        fits.then_some(Number(if value == 0.0 { 0.0 } else { value }))
    }

    /// The double.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The integer, if the value is integral.
    pub fn as_integer(self) -> Option<i64> {
        let integer = self.0 as i64;
        (integer as f64 == self.0).then_some(integer)
    }

    /// The integer, unless it lies beyond ±(2^53 - 1).
    pub fn from_integer(value: i64) -> Option<Number> {
        (value.unsigned_abs() <= SAFE_INTEGER_MAX).then_some(Number(value as f64))
    }

    /// An integer, saturated at ±(2^53 - 1).
    pub fn saturated(value: i128) -> Number {
        let bound = i128::from(SAFE_INTEGER_MAX);
        Number(value.clamp(-bound, bound) as f64)
    }
}

impl Value {
    /// An object with these members; the last of equal names stays.
    pub fn object<N: Into<String>, V: Into<Value>>(members: impl IntoIterator<Item = (N, V)>) -> Value {
        Value::Object(members.into_iter().collect())
    }

    /// An array of these values.
    pub fn array<V: Into<Value>>(items: impl IntoIterator<Item = V>) -> Value {
        Value::Array(items.into_iter().map(Into::into).collect())
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = self { Some(text) } else { None }
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self { Some(*value) } else { None }
    }

    /// The number, if this is one.
    pub fn as_number(&self) -> Option<Number> {
        if let Value::Number(number) = self { Some(*number) } else { None }
    }

    /// The integer, if this is an integral number.
    pub fn as_integer(&self) -> Option<i64> {
        self.as_number().and_then(Number::as_integer)
    }

    /// The items, if this is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        if let Value::Array(items) = self { Some(items) } else { None }
    }

    /// The members, if this is an object.
    pub fn as_object(&self) -> Option<&Object> {
        if let Value::Object(object) = self { Some(object) } else { None }
    }

    /// The value of a member, if this is an object that has it.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.as_object().and_then(|object| object.get(name))
    }

    /// Whether arrays and objects nest at most `levels` deep here: 0 for a scalar, 1 for `[]`. Looks no deeper than
    /// that, so it is safe to ask of any value.
    pub fn is_within_depth(&self, levels: usize) -> bool {
        match (self, levels.checked_sub(1)) {
            (Value::Array(items), Some(levels)) => items.iter().all(|item| item.is_within_depth(levels)),
            (Value::Object(object), Some(levels)) => object.iter().all(|(_, value)| value.is_within_depth(levels)),
            (Value::Array(_) | Value::Object(_), None) => false,
            _ => true,
        }
    }

    /// The RFC 8785 bytes.
    pub fn to_jcs(&self) -> Vec<u8> {
        jcs::write(self)
    }
}

/// Reads strictly, as [`parse`] does.
impl FromStr for Value {
    type Err = JsonError;

    fn from_str(text: &str) -> Result<Value, JsonError> {
        parse(text.as_bytes())
    }
}

/// Writes RFC 8785 text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&jcs::text(self))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Value {
        Value::Number(Number(value.into()))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Value {
        Value::Number(Number(value.into()))
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Value {
        Value::Number(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::Array(items)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Value {
        Value::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_zero_and_two_bounds() {
        assert_eq!(Number::new(-0.0).map(|zero| zero.get().to_bits()), Some(0));
        let bound = SAFE_INTEGER_MAX as i64;
        for integer in [bound, -bound] {
            assert_eq!(Number::new(integer as f64), Number::from_integer(integer));
            assert_eq!(Number::from_integer(integer).and_then(Number::as_integer), Some(integer));
            assert_eq!(Number::saturated(i128::from(integer) * 2).as_integer(), Some(integer));
            assert_eq!(Number::from_integer(integer + integer.signum()), None);
        }
        for beyond in [SAFE_INTEGER_MAX as f64 + 1.0, f64::MIN, f64::INFINITY, f64::NAN] {
            assert_eq!(Number::new(beyond), None);
        }
        assert_eq!(Number::new(0.5).and_then(Number::as_integer), None);
    }
}
