//! Which writes to an entity decide what it is.
//!
//! A write that replaces the whole entity, and that every other write has seen or was seen by, leaves nothing of what
//! it has seen: neither values nor conflicts nor what members of conflicts had in common. So only it and what came
//! after it have to be read, however long the history before it is.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;

/// The writes down to the last one that replaces the whole entity and stands beside no other; all, where there is none.
/// The greatest comes first.
///
/// `heads` are some of the writes, among them all that no other names as base. A write is greater than those in its
/// `base`. `is_whole` tells whether a write has effect and replaces the whole entity.
///
/// Where one write alone is left to be looked at, all others that are left were seen by it, and all that were looked at
/// have seen it, unless one of them named nothing as base.
pub fn deciding<W: Copy + Ord, B: IntoIterator<Item = W>>(
    heads: impl IntoIterator<Item = W>,
    base: impl Fn(W) -> B,
    is_whole: impl Fn(W) -> bool,
) -> Vec<W> {
    let mut open: BinaryHeap<W> = heads.into_iter().collect();
    let mut deciding = Vec::new();
    let mut is_all_seen = true;
    while let Some(write) = open.pop() {
        while open.peek() == Some(&write) {
            open.pop();
        }
        deciding.push(write);
        if open.is_empty() && is_all_seen && is_whole(write) {
            break;
        }
        let before = open.len();
        open.extend(base(write));
        is_all_seen &= open.len() > before;
    }
    deciding
}
