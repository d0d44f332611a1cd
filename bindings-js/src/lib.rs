//! The core for JavaScript: convert, call, convert back. Nothing is decided here.

mod convert;
mod engine;
mod federation;
mod machine;
mod rows;

pub use convert::{Result, Thrown};
pub use engine::{
    Log, bundle, create_genesis, is_signed, of_bundle, of_objects, op_id, public_key, reconcile, repo_tag, shown, sign,
};
pub use federation::{collections, format, linked_repos, links_to, parse};
pub use machine::Machine;
pub use rows::{brought_by, ops_brought};
