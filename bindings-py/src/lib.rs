//! The native module of the Python package: converts, calls, and converts back. It decides nothing.
//!
//! What people import is `python/trellis_sync`, which is written by hand over this. Nothing here holds the GIL while it
//! waits (`wait.rs`), and whatever goes in or out is plain data (`plain.rs`).
#![deny(unsafe_code)]

mod error;
mod events;
mod host;
mod link;
mod plain;
mod wait;

/// The native half of `trellis_sync`.
#[pyo3::pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::events::Events;
    #[pymodule_export]
    use crate::host::{Host, open};
    #[pymodule_export]
    use crate::link::{Follower, Link};
    #[pymodule_export]
    use crate::wait::Stop;
}
