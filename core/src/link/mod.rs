//! Who has it? Frames, and bundles of them.
//!
//! Nothing here knows what an op means: it moves ids, ranges and bytes.

pub mod blob;
pub mod bundle;
pub mod frame;
pub mod ops;
mod runs;
