//! Who has it? Frames, messages, and bundles.
//!
//! Nothing here knows what an op means: it moves ids, ranges and bytes.

pub mod blob;
pub(crate) mod bucket;
pub mod bundle;
pub mod compress;
pub mod frame;
pub mod handshake;
pub mod interest;
pub mod message;
pub mod ops;
mod pack;
pub mod reach;
pub mod remembered;
mod runs;
pub mod session;
mod table;
mod theirs;
