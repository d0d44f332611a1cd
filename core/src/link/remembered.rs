//! What a store remembers of a peer.

use super::message::StateHash;

/// When this replica and a peer last had the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// What it came to.
    pub state: StateHash,
    /// How many ops that was: the first of this replica.
    pub ops: u64,
}
