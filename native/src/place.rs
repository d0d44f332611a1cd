//! Where something stands: an entity, or a place inside one, as people write it.
//!
//! `todo/1` is the entity `1` of the collection `todo`, and `todo/1/title` the place `/title` in it. Inside a name `/`
//! is written `~1` and `~` is written `~0`, as in RFC 6901, so a place is an entity with a pointer behind it.

use std::fmt;
use std::str::FromStr;

use trellis_core::op::pointer::{Pointer, escape, unescape};

use crate::error::{Code, TrellisError};

/// An entity, or a place inside one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The collection.
    pub collection: String,
    /// The key in the collection.
    pub key: String,
    /// The place inside the entity; the root is the whole of it.
    pub pointer: Pointer,
}

impl Place {
    /// The whole of an entity.
    pub fn entity(collection: impl Into<String>, key: impl Into<String>) -> Place {
        Place { collection: collection.into(), key: key.into(), pointer: Pointer::ROOT }
    }

    /// A place inside an entity.
    pub fn new(collection: &str, key: &str, pointer: &Pointer) -> Place {
        Place { collection: collection.into(), key: key.into(), pointer: pointer.clone() }
    }

    /// Whether this is a whole entity.
    pub fn is_entity(&self) -> bool {
        self.pointer.is_root()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", escape(&self.collection), escape(&self.key), self.pointer)
    }
}

impl FromStr for Place {
    type Err = TrellisError;

    /// # Errors
    /// `invalid_argument` where there is no key, a name is empty, or a `~` stands alone.
    fn from_str(text: &str) -> Result<Place, TrellisError> {
        let mut names = parse_names(text)?.into_iter();
        match (names.next(), names.next()) {
            (Some(collection), Some(key)) if !collection.is_empty() && !key.is_empty() => {
                Ok(Place { collection, key, pointer: Pointer(names.collect()) })
            }
            _ => Err(invalid("A place is written collection/key or collection/key/field, as in notes/1/title.")),
        }
    }
}

/// A collection, or the entities of one whose keys begin alike: what `ls` lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The collection; none means all.
    pub collection: Option<String>,
    /// What the keys begin with.
    pub key_prefix: String,
}

impl FromStr for Range {
    type Err = TrellisError;

    /// # Errors
    /// `invalid_argument` where a name is empty or there are more than two.
    fn from_str(text: &str) -> Result<Range, TrellisError> {
        let mut names = parse_names(text)?.into_iter();
        match (names.next(), names.next(), names.next()) {
            (Some(collection), key_prefix, None) if !collection.is_empty() => {
                Ok(Range { collection: Some(collection), key_prefix: key_prefix.unwrap_or_default() })
            }
            _ => Err(invalid("A range is written collection or collection/prefix, as in notes or notes/2026-.")),
        }
    }
}

fn parse_names(text: &str) -> Result<Vec<String>, TrellisError> {
    let names = text.split('/').map(unescape).collect::<Option<Vec<String>>>();
    names.ok_or_else(|| invalid("Inside a name, ~ is written ~0 and / is written ~1; a ~ before anything else is an error."))
}

fn invalid(message: &str) -> TrellisError {
    TrellisError::new(Code::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_read_back() {
        for text in ["notes/1", "notes/1/title", "a~1b/c~0d/e~1f/g", "notes/1/", "日本/鍵"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["", "notes", "/1", "notes/", "a~b/c", "notes/1/~2"] {
            assert_eq!(text.parse::<Place>().unwrap_err().code(), Code::InvalidArgument, "{text}");
        }
    }

    #[test]
    fn a_range_has_at_most_two_names() {
        let range: Range = "notes/2026-".parse().unwrap();
        assert_eq!((range.collection.as_deref(), range.key_prefix.as_str()), (Some("notes"), "2026-"));
        assert!("notes/1/title".parse::<Range>().is_err());
        assert!("".parse::<Range>().is_err());
    }
}
