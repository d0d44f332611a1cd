//! Who has it? Frames, messages, and bundles.
//!
//! Nothing here knows what an op means: it moves ids, ranges and bytes.

pub mod blob;
pub mod bundle;
pub mod frame;
pub mod handshake;
pub mod message;
pub mod ops;
mod pack;
mod runs;
pub mod session;
mod table;
mod theirs;
