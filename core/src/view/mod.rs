//! What do people see? Entities as the ops that have effect make them.

pub mod deciding;
pub mod state;
