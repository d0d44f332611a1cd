//! Counters of what went through connections.

use std::sync::atomic::{AtomicU64, Ordering};

/// Frames and their bytes, by direction. They only grow.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) received: Flow,
    pub(crate) sent: Flow,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    frames: AtomicU64,
    bytes: AtomicU64,
}

impl Flow {
    pub(super) fn count(&self, frame_bytes: usize) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(frame_bytes as u64, Ordering::Relaxed);
    }
}

#[cfg(feature = "http")]
impl Flow {
    pub(crate) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
