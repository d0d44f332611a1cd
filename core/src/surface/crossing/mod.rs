//! Values as they cross into JavaScript and back: JSON text, which JavaScript parses faster than objects can be built for it,
//! and bytes beside it.
//!
//! On the way out, bytes stand in the text as a string that no text of ours can be: half of a character, where they begin,
//! and how many they are. On the way in, they stand as a string behind a NUL and a `b`; then every other string that begins
//! with a NUL has a NUL and a `t` before it. A value without bytes is plain JSON both ways.

mod calls;
mod ops;
mod read;
mod write;

use alloc::string::String;
use alloc::vec::Vec;

pub use calls::{
    brought_by, bundle_of, create_genesis, create_op, federation_collections, format_reference, is_signed,
    linked_repos, links_to, op_id, ops_brought, ops_of, ops_of_bundle, ops_shown, outputs, parse_reference, reconcile,
    repo_log, repo_tag, start, step,
};
pub use ops::{give_ops, read_ops};
pub use read::read;
pub use write::{Unwritable, give};

/// A value on its way out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The JSON text.
    pub text: String,
    /// The bytes that it refers to; none where it refers to none.
    pub bytes: Option<Vec<u8>>,
}
