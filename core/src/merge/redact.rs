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
    places.sort_unstable();
    let mut outermost: Vec<Pointer> = Vec::new();
    for at in places {
        if !outermost.last().is_some_and(|last| last.is_prefix_of(&at)) {
            outermost.push(at);
        }
    }
    outermost
}
