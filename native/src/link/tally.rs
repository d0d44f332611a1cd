//! What went over a connection.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Frames' bytes by direction, and how often the direction turned.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sent: AtomicU64,
    received: AtomicU64,
    rounds: AtomicU64,
    /// Whether this side spoke last.
    has_spoken: AtomicBool,
}

impl Tally {
    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        self.has_spoken.store(true, Ordering::Relaxed);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        if self.has_spoken.swap(false, Ordering::Relaxed) {
            self.rounds.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Bytes that went, bytes that came, and how often this side spoke and was answered.
    pub(super) fn read(&self) -> (u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.sent), read(&self.received), read(&self.rounds))
    }
}
