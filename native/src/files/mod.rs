//! The working folder: real files beside the repo that they are recorded in.
//!
//! The folder is compared with an index of what it held last, changes become ops, and what the branch shows is written
//! back. What files mean is decided in `trellis_core::view::files`; here bytes are read, kept and moved.

mod blame;
mod carry;
mod changes;
mod conflicts;
mod content;
mod crew;
mod diff;
mod disk;
mod follow;
mod index;
mod lease;
pub mod lines;
mod listing;
mod lock;
mod merge;
mod news;
mod past;
mod record;
pub(crate) mod rename;
mod resolve;
mod restore;
mod rules;
mod scan;
mod settle;
mod stat;
mod sweep;
mod walk;
mod workspace;

pub use blame::{Blame, BlamedLine};
pub use carry::{Carried, named_blobs};
pub(crate) use changes::COMPARED_BYTES_MAX;
pub use changes::{Change, Changes};
pub use conflicts::{About, FileConflict, clashes, file_conflicts};
pub use diff::{FileDiff, Side};
pub use disk::{repo_path, system_path};
pub use follow::Folders;
pub(crate) use lease::BlobLease;
pub use merge::merging_by_lines;
pub use news::News;
pub use past::PastFile;
pub use record::Recorded;
pub use resolve::{FileChoice, resolve_removal};
pub use rules::{BadRule, IGNORE};
pub use settle::Settled;
pub use sweep::CheckedBlobs;
pub use walk::Skipped;
pub use workspace::Workspace;
pub(crate) use workspace::shown_branch;
