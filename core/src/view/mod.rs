//! What do people see? Entities as the ops that have effect make them, and the tree of files.

pub mod deciding;
pub mod files;
pub mod state;
