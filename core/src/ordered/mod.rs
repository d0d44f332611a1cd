//! Maps and sets in the order of their keys, small in code.
//!
//! Every pair of a key's and a value's type makes a map of its own in a program. The tree of the standard library is
//! large and the core has a hundred such pairs, so here a map is a list of sorted chunks, of which small maps have one.
//! The names are those of `Map` and `Set`.
//!
//! With n entries, `c` of them in a chunk at most (64 to 256, about 2 KiB):
//!
//! - a look-up compares O(log n) keys;
//! - an insertion or a removal also moves up to `c` entries, and every `c/2` of them, at most, the list of the up to
//!   `2n/c` chunks: in practice near constant, up to millions of entries. Appending behind the last key moves nothing;
//! - iteration is O(n), and a range is found like two keys. How many are left is known only in part.
//!
//! Chunks that become empty are taken out; those that become small stay.

mod entry;
mod iter;
mod map;
mod set;

pub use entry::Entry;
pub use iter::{IntoIter, Iter};
pub use map::Map;
pub use set::{Set, SetIntoIter, SetIter};

#[cfg(test)]
mod tests;
