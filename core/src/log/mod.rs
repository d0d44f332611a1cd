//! What has happened? The graph of ops, chains and their ends, the hold, and the rows that a store keeps.
//!
//! Nothing here knows what an op means or who sent it.

pub mod fork;
pub mod graph;
pub mod hold;
pub mod names;
pub mod row;
pub mod rows;
pub mod set;
