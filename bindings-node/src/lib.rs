//! The addon of the npm package for Node: converts, calls, and converts back. It decides nothing.
//!
//! What people import is `bindings-js/ts`, which is written once over this and over the WebAssembly module. Values cross as
//! JSON text with their bytes beside it (`plain.rs`), what takes time runs on threads of our own and is answered by one
//! message (`port.rs`), and a failure is thrown as the text of an object (`error.rs`).

// A build for tests registers nothing with Node.
#![cfg_attr(test, allow(dead_code))]

mod channel;
mod clock;
mod engine;
mod error;
mod federation;
mod host;
mod link;
mod machine;
mod plain;
mod port;
mod rows;
mod wire;
