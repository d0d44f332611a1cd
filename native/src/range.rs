//! What `ls` lists: a collection, or the entities of one whose keys begin alike.

use std::str::FromStr;

use trellis_core::op::pointer::unescape;

use crate::error::{Code, TrellisError};

/// A collection, or the entities of one whose keys begin alike, written `notes` or `notes/2026-`.
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
    /// `invalid_argument` where there is no collection, or more than two names.
    fn from_str(text: &str) -> Result<Range, TrellisError> {
        let names = text.split('/').map(unescape).collect::<Option<Vec<String>>>().unwrap_or_default();
        let (collection, key_prefix) = match names.as_slice() {
            [collection] => (collection, ""),
            [collection, key_prefix] => (collection, key_prefix.as_str()),
            _ => return Err(no_range()),
        };
        match collection.is_empty() {
            true => Err(no_range()),
            false => Ok(Range { collection: Some(collection.clone()), key_prefix: key_prefix.into() }),
        }
    }
}

fn no_range() -> TrellisError {
    let message = "What to list is written collection or collection/prefix, as in notes or notes/2026-; inside a name ~ \
                   is ~0 and / is ~1.";
    TrellisError::new(Code::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_at_most_two_names() {
        let range: Range = "no~1tes/2026-".parse().unwrap();
        assert_eq!((range.collection.as_deref(), range.key_prefix.as_str()), (Some("no/tes"), "2026-"));
        for text in ["", "/1", "notes/1/title", "no~tes"] {
            assert_eq!(text.parse::<Range>().unwrap_err().code(), Code::InvalidArgument, "{text}");
        }
    }
}
