//! The log of a program, as an engine reads it.

use std::sync::{Arc, Mutex, PoisonError};

use trellis_core::log::row::StoredOp;

/// Ops in the order in which the program got them: each stands behind those that it depends on, and the log only grows.
///
/// A closure from a position to the ops behind it is one, and so is a list that is shared.
pub trait OpLog: Send + 'static {
    /// Some of the ops from a position on, `max` at most if that is cheaper; none at the end. It is asked for no position
    /// twice, but for the end.
    fn read(&self, from: usize, max: usize) -> Vec<StoredOp>;
}

impl<F: Fn(usize) -> Vec<StoredOp> + Send + 'static> OpLog for F {
    fn read(&self, from: usize, _max: usize) -> Vec<StoredOp> {
        self(from)
    }
}

impl OpLog for Arc<Mutex<Vec<StoredOp>>> {
    fn read(&self, from: usize, max: usize) -> Vec<StoredOp> {
        let ops = self.lock().unwrap_or_else(PoisonError::into_inner);
        ops.iter().skip(from).take(max).cloned().collect()
    }
}
