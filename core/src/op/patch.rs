//! The body of a `patch` op: which places of an entity it changes, and how.
//!
//! A patch has one meaning in whatever order its parts are taken, because no place of it equals another or lies below
//! it. Reading and writing check the same rules, so what this version writes is never void.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::json::{Number, Object, Value};
use super::pointer::Pointer;
use crate::limits::{JSON_DEPTH_MAX, SAFE_INTEGER_MAX};
use crate::sort;

/// Changes to places of one entity. No place equals another or lies below it; each list is in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// Places that get a value.
    pub set: Vec<(Pointer, Value)>,
    /// Places that lose theirs.
    pub remove: Vec<Pointer>,
    /// Counters that grow by an integer, which may be negative.
    pub add: Vec<(Pointer, i64)>,
    /// Sets that gain values.
    pub insert: Vec<(Pointer, Vec<Value>)>,
    /// Sets that lose values.
    pub discard: Vec<(Pointer, Vec<Value>)>,
}

/// Why changes make no patch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// Two places of which one is the other or lies below it.
    #[error("one patch changes \"{0}\" and the same place, or one below it, again")]
    Overlap(Pointer),
    /// The whole entity would be removed, which is what a `delete` is for.
    #[error("a patch cannot remove the whole entity; delete it instead")]
    RemovesEntity,
    /// The entity would nest deeper than 64 levels.
    #[error("the value at \"{0}\" would nest deeper than 64 levels")]
    TooDeep(Pointer),
    /// A counter would grow by more than 2^53 - 1.
    #[error("the counter at \"{0}\" would change by more than 2^53 - 1")]
    UnsafeInteger(Pointer),
}

impl Patch {
    /// Reads a body's value; none where the body is void: an unknown part, a part of another shape, a text that is no
    /// pointer, an amount that is no integer, or what [`Patch::check`] refuses.
    ///
    /// Parts, and lists of values, that hold nothing say nothing: `{}` and `{"set":{}}` are the patch that changes
    /// nothing. The order of `remove` is free.
    pub fn decode(body: Value) -> Option<Patch> {
        let Value::Object(parts) = body else { return None };
        let mut patch = Patch::default();
        for (name, part) in parts {
            match name.as_str() {
                "set" => patch.set = places(part, Some)?,
                "remove" => patch.remove = removals(part)?,
                "add" => patch.add = places(part, |amount| amount.as_integer())?,
                "insert" => patch.insert = places(part, items)?,
                "discard" => patch.discard = places(part, items)?,
                _ => return None,
            }
        }
        patch.check().ok()?;
        patch.insert.retain(|(_, values)| !values.is_empty());
        patch.discard.retain(|(_, values)| !values.is_empty());
        Some(patch)
    }

    /// The body's value. [`Patch::decode`] reads it as an equal patch.
    ///
    /// # Errors
    /// [`PatchError`], where the body would be void.
    pub fn encode(&self) -> Result<Value, PatchError> {
        self.check()?;
        let mut remove: Vec<&Pointer> = self.remove.iter().collect();
        sort::ascending(&mut remove);
        let parts = [
            ("set", by_place(self.set.iter().map(|(at, value)| (at, value.clone())))),
            ("remove", Value::array(remove.into_iter().map(Pointer::to_string))),
            ("add", by_place(self.add.iter().map(|(at, amount)| (at, Number::saturated((*amount).into()))))),
            ("insert", by_place(filled(&self.insert))),
            ("discard", by_place(filled(&self.discard))),
        ];
        Ok(Value::object(parts.into_iter().filter(|(_, part)| !is_hollow(part))))
    }

    /// Whether this changes nothing at all.
    pub fn is_empty(&self) -> bool {
        self.places().next().is_none()
    }

    /// The places of all parts, in no order.
    pub fn places(&self) -> impl Iterator<Item = &Pointer> {
        let set = self.set.iter().map(|(at, _)| at);
        let add = self.add.iter().map(|(at, _)| at);
        let lists = self.insert.iter().chain(&self.discard).map(|(at, _)| at);
        set.chain(&self.remove).chain(add).chain(lists)
    }

    /// Checks what the types do not: that no place is or lies below another, that the whole entity is not removed, that
    /// what the patch writes nests at most 64 deep from the entity's root, and that amounts lie within ±(2^53 - 1).
    ///
    /// # Errors
    /// [`PatchError`] with the place.
    pub fn check(&self) -> Result<(), PatchError> {
        if self.remove.iter().any(Pointer::is_root) {
            return Err(PatchError::RemovesEntity);
        }
        self.check_overlap()?;
        self.check_depth()?;
        match self.add.iter().find(|(_, amount)| amount.unsigned_abs() > SAFE_INTEGER_MAX) {
            Some((at, _)) => Err(PatchError::UnsafeInteger(at.clone())),
            None => Ok(()),
        }
    }

    fn check_overlap(&self) -> Result<(), PatchError> {
        let mut places: Vec<&Pointer> = self.places().collect();
        sort::ascending(&mut places);
        match places.windows(2).find(|pair| pair[0].is_prefix_of(pair[1])) {
            Some(pair) => Err(PatchError::Overlap(pair[0].clone())),
            None => Ok(()),
        }
    }

    /// A pointer makes one object per token, so a long one is as deep as a deep value.
    fn check_depth(&self) -> Result<(), PatchError> {
        let set = self.set.iter().find(|(at, value)| !fits_depth(at, core::slice::from_ref(value), 0));
        let mut lists = self.insert.iter().chain(&self.discard);
        let list = lists.find(|(at, values)| !fits_depth(at, values, 1));
        let bare = self.places().find(|at| at.0.len() > JSON_DEPTH_MAX);
        match set.map(|(at, _)| at).or(list.map(|(at, _)| at)).or(bare) {
            Some(at) => Err(PatchError::TooDeep(at.clone())),
            None => Ok(()),
        }
    }
}

fn fits_depth(at: &Pointer, values: &[Value], list_levels: usize) -> bool {
    let levels = JSON_DEPTH_MAX.checked_sub(at.0.len() + list_levels);
    levels.is_some_and(|levels| values.iter().all(|value| value.is_within_depth(levels)))
}

fn places<T>(part: Value, read: impl Fn(Value) -> Option<T>) -> Option<Vec<(Pointer, T)>> {
    let Value::Object(part) = part else { return None };
    let read_place = |(at, value): (String, Value)| Some((Pointer::parse(&at).ok()?, read(value)?));
    let mut places = part.into_iter().map(read_place).collect::<Option<Vec<_>>>()?;
    sort::by(&mut places, |(left, _), (right, _)| left.cmp(right));
    Some(places)
}

fn removals(part: Value) -> Option<Vec<Pointer>> {
    let pointers = part.as_array()?.iter().map(|at| Pointer::parse(at.as_str()?).ok());
    let mut pointers = pointers.collect::<Option<Vec<_>>>()?;
    sort::ascending(&mut pointers);
    Some(pointers)
}

fn items(value: Value) -> Option<Vec<Value>> {
    if let Value::Array(items) = value { Some(items) } else { None }
}

fn by_place<'a, V: Into<Value>>(places: impl Iterator<Item = (&'a Pointer, V)>) -> Value {
    Value::object(places.map(|(at, value)| (at.to_string(), value)))
}

fn filled(lists: &[(Pointer, Vec<Value>)]) -> impl Iterator<Item = (&Pointer, Value)> {
    let filled = lists.iter().filter(|(_, values)| !values.is_empty());
    filled.map(|(at, values)| (at, Value::Array(values.clone())))
}

fn is_hollow(part: &Value) -> bool {
    part.as_object().is_some_and(Object::is_empty) || part.as_array().is_some_and(<[Value]>::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Option<Patch> {
        Patch::decode(text.parse().expect("the test's own JSON"))
    }

    fn at(text: &str) -> Pointer {
        Pointer::parse(text).expect("the test's own pointer")
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let text = r#"{"add":{"/n":-3},"discard":{"/t":["x"]},"insert":{"/s":[1,2]},"remove":["/b","/z"],"set":{"/a/b":null}}"#;
        let patch = decode(text).expect("a patch");
        assert_eq!(patch.encode().map(|body| body.to_string()), Ok(text.into()));
        assert_eq!(decode(r#"{"remove":["/z","/b"]}"#).map(|patch| patch.remove), Some([at("/b"), at("/z")].into()));
        let unordered = Patch { remove: [at("/z"), at("/b")].into(), ..Patch::default() };
        assert_eq!(unordered.encode().map(|body| body.to_string()), Ok(r#"{"remove":["/b","/z"]}"#.into()));
    }

    #[test]
    fn parts_without_content_say_nothing() {
        for text in ["{}", r#"{"set":{},"remove":[]}"#, r#"{"insert":{"/a":[]}}"#] {
            assert_eq!(decode(text), Some(Patch::default()), "{text}");
        }
        assert_eq!(Patch::default().encode(), Ok(Value::Object(Object::new())));
    }

    #[test]
    fn places_of_all_parts_lie_apart() {
        for text in [
            r#"{"set":{"/a":1},"remove":["/a"]}"#,
            r#"{"set":{"/a":1,"/a/b":2}}"#,
            r#"{"add":{"/a/b/c":1},"insert":{"/a":[1]}}"#,
            r#"{"insert":{"/a":[1]},"discard":{"/a":[2]}}"#,
            r#"{"remove":["/a","/a"]}"#,
            r#"{"remove":[""]}"#,
            r#"{"set":{"":1,"/a":1}}"#,
            r#"{"set":{"/a":1,"/a/b":1,"/a!":1}}"#,
            r#"{"set":{"/a":1},"insert":{"/a/b":[]}}"#,
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert!(decode(r#"{"set":{"/a":1,"/ab":1,"/a!/b":1}}"#).is_some());
    }

    #[test]
    fn a_long_pointer_is_as_deep_as_a_deep_value() {
        let deep = |tokens: usize, levels: usize| {
            let value: Value = ["[".repeat(levels), "]".repeat(levels)].concat().parse().expect("JSON");
            Patch { set: [(at(&"/a".repeat(tokens)), value)].into(), ..Patch::default() }
        };
        assert!(deep(64, 1).encode().is_err_and(|error| error == PatchError::TooDeep(at(&"/a".repeat(64)))));
        assert!(deep(60, 4).encode().is_ok_and(|body| Patch::decode(body).is_some()));
        let removal = Patch { remove: [at(&"/a".repeat(65))].into(), ..Patch::default() };
        assert!(matches!(removal.check(), Err(PatchError::TooDeep(_))));
    }

    #[test]
    fn amounts_are_safe_integers() {
        assert_eq!(decode(r#"{"add":{"/n":0.5}}"#), None);
        let add = |amount| Patch { add: [(at("/n"), amount)].into(), ..Patch::default() };
        assert_eq!(add(1 << 53).encode(), Err(PatchError::UnsafeInteger(at("/n"))));
        assert!(add(1 - (1 << 53)).encode().is_ok());
    }
}
