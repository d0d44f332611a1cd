//! What stands for a body that was redacted.
//!
//! The places that the redactions name stand for the whole body, whether or not it is still here, so every replica
//! reads the same.

use alloc::vec::Vec;

use crate::op::body::{Content, Leaf};
use crate::op::json::Value;
use crate::op::kind::Kind;
use crate::op::patch::Patch;
use crate::op::pointer::Pointer;
use crate::sort;

/// The value of a redacted place: `{"$redacted":true}`.
pub fn redacted_value() -> Value {
    Value::object([("$redacted", true)])
}

/// What a redacted op says: `places` are those that any redaction of it names, in any order, and matter to a patch
/// only, whose every other part is gone. A place below another named one is part of it.
pub fn redacted(kind: Kind, places: &[Pointer]) -> Content {
    match kind {
        Kind::Put => Content::Put(Leaf::Json(redacted_value())),
        Kind::Append => Content::Append(Leaf::Json(redacted_value())),
        Kind::Patch => {
            let set = outermost(places).into_iter().map(|at| (at, redacted_value()));
            Content::Patch(Patch { set: set.collect(), ..Patch::default() })
        }
        Kind::Delete => Content::Delete,
        Kind::Merge | Kind::Unknown(_) => Content::Void,
    }
}

fn outermost(places: &[Pointer]) -> Vec<Pointer> {
    let mut places = places.to_vec();
    sort::ascending(&mut places);
    let mut outermost: Vec<Pointer> = Vec::new();
    for at in places {
        if !outermost.last().is_some_and(|last| last.is_prefix_of(&at)) {
            outermost.push(at);
        }
    }
    outermost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_keeps_what_it_overwrites() {
        let value = || Leaf::Json(redacted_value());
        assert_eq!(redacted(Kind::Put, &[]), Content::Put(value()));
        assert_eq!(redacted(Kind::Append, &[]), Content::Append(value()));
        assert_eq!(redacted(Kind::Delete, &[]), Content::Delete);
        assert_eq!(redacted(Kind::Unknown(9), &[]), Content::Void);
        assert_eq!(redacted(Kind::Patch, &[]), Content::Patch(Patch::default()));
    }

    #[test]
    fn redactions_of_one_patch_add_up() {
        let at = |text| Pointer::parse(text).expect("the test's own pointer");
        let Content::Patch(patch) = redacted(Kind::Patch, &[at("/b/c"), at("/ab"), at("/a"), at("/b"), at("/a")])
        else {
            panic!("a patch stays a patch");
        };
        let places: Vec<_> = patch.set.iter().map(|(at, _)| at.clone()).collect();
        assert_eq!(places, [at("/a"), at("/ab"), at("/b")]);
        assert_eq!(patch.check(), Ok(()));
    }
}
