//! A JSON value in the one form that every runtime agrees on.
//!
//! Numbers are IEEE doubles and members stand in JCS order, so comparing two values compares their JCS bytes.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

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

    /// An integer, saturated at ±(2^53 - 1).
    pub fn saturated(value: i128) -> Number {
        let bound = i128::from(SAFE_INTEGER_MAX);
        Number(value.clamp(-bound, bound) as f64)
    }
}

/// Members in JCS order: ascending by the UTF-16 code units of their names, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    members: Vec<(String, Value)>,
}

impl Object {
    /// No members.
    pub fn new() -> Object {
        Object::default()
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.find(name).ok().map(|at| &self.members[at].1)
    }

    /// The value of a member, to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.find(name).ok().map(|at| &mut self.members[at].1)
    }

    /// Sets a member and returns what it was.
    pub fn insert(&mut self, name: String, value: Value) -> Option<Value> {
        match self.find(&name) {
            Ok(at) => Some(core::mem::replace(&mut self.members[at].1, value)),
            Err(at) => {
                self.members.insert(at, (name, value));
                None
            }
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.find(name).ok().map(|at| self.members.remove(at).1)
    }

    /// The members in JCS order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.members.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.members.binary_search_by(|(member, _)| utf16_order(member, name))
    }
}

impl FromIterator<(String, Value)> for Object {
    /// The last of equal names stays; the strict parser refuses them before this.
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Object {
        let mut object = Object::new();
        for (name, value) in members {
            object.insert(name, value);
        }
        object
    }
}

/// RFC 8785 §3.2.3: names are ordered by their UTF-16 code units, which differs from UTF-8 beyond U+D7FF.
fn utf16_order(left: &str, right: &str) -> Ordering {
    left.encode_utf16().cmp(right.encode_utf16())
}
