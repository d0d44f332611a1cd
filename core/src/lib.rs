//! The trellis-sync protocol as a state machine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod admit;
pub mod limits;
pub mod log;
pub mod op;
pub mod time;
