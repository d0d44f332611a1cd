//! The text forms of entities and of places in them, as people type and read them.
//!
//! An entity is `collection/key` and a place in it is that and an RFC 6901 pointer, so a text splits at its first two
//! slashes; a slash inside a name is `~1`, a tilde `~0`.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use super::header::is_plain;
use super::pointer::{Pointer, escape, unescape};
use crate::limits::{KEY_BYTES_MAX, NAME_BYTES_MAX};

/// What an op writes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    /// The collection: 1 to 255 bytes without control characters.
    pub collection: String,
    /// The key in it: 1 to 1,024 bytes without control characters.
    pub key: String,
}

/// A place in an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The entity.
    pub entity: Entity,
    /// Where in its value; the root for the whole.
    pub pointer: Pointer,
}

/// Why a text names no entity or place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// There is no `/`.
    #[error("a record is written as collection/key, with a '/' between them")]
    NoKey,
    /// Nothing before the first `/`, or more than 255 bytes.
    #[error("a collection has 1 to 255 bytes")]
    CollectionLength,
    /// Nothing behind the first `/`, or more than 1,024 bytes.
    #[error("a key has 1 to 1024 bytes; write a '/' in it as '~1'")]
    KeyLength,
    /// U+0000 to U+001F or U+007F in a name.
    #[error("a collection or key has no control characters")]
    ControlCharacter,
    /// A `~` that is not `~0` or `~1`.
    #[error("'~' is written as '~0', and '/' inside a name as '~1'")]
    Escape,
    /// More than an entity, where one is wanted.
    #[error("this is a place inside a record; write a '/' in the key as '~1'")]
    NotAnEntity,
}

impl Entity {
    /// The entity with these names.
    ///
    /// # Errors
    /// [`PlaceError`] for names that no header may carry.
    pub fn new(collection: &str, key: &str) -> Result<Entity, PlaceError> {
        match (collection.len(), key.len()) {
            (1..=NAME_BYTES_MAX, 1..=KEY_BYTES_MAX) if is_plain(collection) && is_plain(key) => {
                Ok(Entity { collection: collection.into(), key: key.into() })
            }
            (1..=NAME_BYTES_MAX, 1..=KEY_BYTES_MAX) => Err(PlaceError::ControlCharacter),
            (1..=NAME_BYTES_MAX, _) => Err(PlaceError::KeyLength),
            _ => Err(PlaceError::CollectionLength),
        }
    }
}

/// Reads `collection/key`.
impl FromStr for Entity {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Entity, PlaceError> {
        let place: Place = text.parse()?;
        if place.pointer.is_root() { Ok(place.entity) } else { Err(PlaceError::NotAnEntity) }
    }
}

/// Reads `collection/key` or `collection/key/and/a/pointer`.
impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Place, PlaceError> {
        let (collection, rest) = text.split_once('/').ok_or(PlaceError::NoKey)?;
        let (key, pointer) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let name = |text| unescape(text).ok_or(PlaceError::Escape);
        let entity = Entity::new(&name(collection)?, &name(key)?)?;
        let pointer = Pointer::parse(pointer).map_err(|_| PlaceError::Escape)?;
        Ok(Place { entity, pointer })
    }
}

/// Writes `collection/key`.
impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", escape(&self.collection), escape(&self.key))
    }
}

/// Writes the entity and the pointer.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.entity, self.pointer)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_text_splits_at_its_first_two_slashes() {
        for (text, collection, key, tokens) in [
            ("notes/1", "notes", "1", &[][..]),
            ("notes/1/title", "notes", "1", &["title"]),
            ("notes/1/", "notes", "1", &[""]),
            ("a~1b/~0c~1d/e~1f/~0", "a/b", "~c/d", &["e/f", "~"]),
        ] {
            let place: Place = text.parse().expect(text);
            assert_eq!((place.entity.collection.as_str(), place.entity.key.as_str()), (collection, key));
            assert_eq!(place.pointer.0, tokens);
            assert_eq!(place.to_string(), text);
        }
    }

    #[test]
    fn a_text_that_names_nothing_says_why() {
        let long = "x".repeat(1025);
        for (text, error) in [
            ("notes", PlaceError::NoKey),
            ("/1", PlaceError::CollectionLength),
            (&alloc::format!("{}/1", &long[..256]), PlaceError::CollectionLength),
            ("notes/", PlaceError::KeyLength),
            ("notes//title", PlaceError::KeyLength),
            (&alloc::format!("notes/{long}"), PlaceError::KeyLength),
            ("no\ntes/1", PlaceError::ControlCharacter),
            ("notes/\u{7f}", PlaceError::ControlCharacter),
            ("no~tes/1", PlaceError::Escape),
            ("notes/1/~2", PlaceError::Escape),
        ] {
            assert_eq!(text.parse::<Place>(), Err(error), "{text:?}");
        }
        assert_eq!("notes/1/title".parse::<Entity>(), Err(PlaceError::NotAnEntity));
        assert!(alloc::format!("{}/{}", &long[..255], &long[..1024]).parse::<Entity>().is_ok());
    }
}
