//! What do people see? Entities as the ops that have effect make them, the tree of files, and what
//! joining a branch would change.

pub mod deciding;
pub mod files;
pub mod plan;
pub mod state;
