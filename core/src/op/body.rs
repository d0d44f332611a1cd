//! What an op's body says, once its bytes are here.

use alloc::vec::Vec;

use super::json::Value;
use super::kind::Kind;
use super::patch::Patch;

/// What one op says of its entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The whole entity is this.
    Put(Leaf),
    /// Places of the entity change.
    Patch(Patch),
    /// The entity is gone.
    Delete,
    /// A record.
    Append(Leaf),
    /// A body that is not canonical, too deep or not of its kind's shape, or a kind or format that this version does
    /// not know: it sets and overwrites nothing, and counts in the frontier and in `seen`.
    Void,
    /// A body that is not here.
    Missing(Kind),
}

/// A whole value, or opaque bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// JSON.
    Json(Value),
    /// A body of format `bytes`.
    Bytes(Vec<u8>),
}
