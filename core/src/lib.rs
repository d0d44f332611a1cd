//! The trellis-sync protocol as a state machine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "surface")]
extern crate self as trellis_core;

#[macro_use]
mod planted;

pub mod admit;
pub mod error;
pub mod federation;
pub mod input;
pub mod limits;
pub mod link;
pub mod log;
pub mod machine;
pub mod merge;
pub mod op;
pub mod ordered;
pub mod output;
pub mod reconcile;
mod sort;
#[cfg(feature = "surface")]
pub mod surface;
mod ticket;
pub mod time;
pub mod view;
