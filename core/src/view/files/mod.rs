//! The files of a branch: what entities of `files` say, and the tree that they make.
//!
//! A file is an entity with a random key, so a rename is an edit of its path and merges with an edit of its content.
//! Several files may claim one path; [`Tree`] shows each under a name of its own and says where they clash. Nothing
//! here knows a disk.

pub mod body;
pub mod path;
pub mod tree;

pub use body::{FileBody, FileChange, FileError, FileMode};
pub use path::{FilePath, PathError, System};
pub use tree::{Clash, File, Placed, Tree};

/// The collection that files are entities of.
pub const FILES: &str = "files";
