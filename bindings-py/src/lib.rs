//! The native module of the Python package: converts, calls, and converts back. It decides nothing.
//!
//! What people import is `python/trellis_sync`, which is written by hand over this. Nothing here holds the GIL while it
//! waits (`wait.rs`), and whatever goes in or out is plain data (`plain.rs`).

mod calls;
mod connection;
mod engine;
mod error;
mod events;
mod federation;
mod host;
mod link;
mod machine;
mod ops;
mod plain;
mod transport;
mod wait;

/// The native half of `trellis_sync`.
#[pyo3::pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::calls::end_calls;
    #[pymodule_export]
    use crate::connection::{Connection, memory_pair};
    #[pymodule_export]
    use crate::engine::SyncEngine;
    #[pymodule_export]
    use crate::events::Events;
    #[pymodule_export]
    use crate::federation::{Repos, format_reference, parse_reference};
    #[pymodule_export]
    use crate::host::{Host, open};
    #[pymodule_export]
    use crate::link::{Follower, Link};
    #[pymodule_export]
    use crate::machine::Machine;
    #[pymodule_export]
    use crate::ops::{Identity, create_op, create_repo, is_signed, op_of, ops_shown, reconcile};
    #[pymodule_export]
    use crate::transport::{HttpSyncTransport, MemoryTransport, WebSocketSyncTransport};
    #[pymodule_export]
    use crate::wait::Stop;
}
