//! What this host tells beside the core's answers, as plain data for bindings: links, receipts, syncs.
//!
//! The words are those of `trellis_core::surface`: ids and keys are lower-case hex, times milliseconds since 1970, and
//! what is absent is left out.

mod engine;
mod link;
mod opening;
mod told;

pub use engine::{EnginePolicy, create_op, create_repo, is_signed, reconcile};
pub use link::{LinkFollower, LinkOptions, LinkStatus, Nacked};
pub use opening::{Joining, OpenOptions};
pub use told::{BundleReport, Changed, Commit, Exported, Safe, Synced, Values, Verified};
pub use trellis_core::surface::*;
