//! How the writes to an entity become its value: one file per strategy.

pub(super) mod crdt;
pub(super) mod graph_merge;
