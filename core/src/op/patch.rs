//! The body of a `patch` op: which places of an entity it changes, and how.

use alloc::vec::Vec;

use super::json::Value;
use super::pointer::Pointer;

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
