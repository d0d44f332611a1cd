//! Local-first sync: a repo on this device, its store, its keys and its peers.
//!
//! What an op means and who has it is decided in `trellis-core`; this crate moves bytes, tells the time, signs and
//! waits.
#![forbid(unsafe_code)]

pub mod config;
pub mod error;
pub mod keys;
pub mod store;
mod whole_file;

pub use error::{Code, TrellisError};
