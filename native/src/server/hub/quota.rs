//! How much a hub keeps.
//!
//! What counts is what the stores take on the disk: each `store.db` and the write-ahead log beside it, which holds up to
//! 16 MiB of what was written lately. It is looked at before every frame that would add to it, so a repo may pass its
//! quota by what was on its way then. A full repo can be read, and be written by whoever works in its folder; what a
//! peer brings ends its link.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much is kept; nothing is a limit that is not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Repos.
    pub repos: Option<usize>,
    /// Bytes of one repo.
    pub repo_bytes: Option<u64>,
    /// Bytes of all repos.
    pub bytes: Option<u64>,
}

/// What all repos take together.
#[derive(Debug)]
pub(super) struct Total {
    pub(super) quotas: Quotas,
    bytes: AtomicU64,
}

impl Total {
    pub(super) fn new(quotas: Quotas) -> Arc<Total> {
        Arc::new(Total { quotas, bytes: AtomicU64::new(0) })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether there is no room for any byte more.
    pub(super) fn is_full(&self) -> bool {
        self.quotas.bytes.is_some_and(|most| self.bytes() >= most)
    }
}

/// What one repo takes. Dropped, it takes nothing.
#[derive(Debug)]
pub(super) struct Meter {
    store: PathBuf,
    total: Arc<Total>,
    bytes: AtomicU64,
}

impl Meter {
    pub(super) fn new(store: PathBuf, total: Arc<Total>) -> Meter {
        let meter = Meter { store, total, bytes: AtomicU64::new(0) };
        meter.measure();
        meter
    }

    /// Looks at the disk.
    pub(super) fn measure(&self) -> u64 {
        let mut log = self.store.clone().into_os_string();
        log.push("-wal");
        let bytes = size(&self.store) + size(Path::new(&log));
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        // Wraps where it shrank, which comes to the same.
        self.total.bytes.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        bytes
    }

    /// Whether nothing more is taken.
    pub(super) fn is_full(&self) -> bool {
        let quotas = &self.total.quotas;
        if quotas.repo_bytes.is_none() && quotas.bytes.is_none() {
            return false;
        }
        let bytes = self.measure();
        quotas.repo_bytes.is_some_and(|most| bytes >= most) || self.total.is_full()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.total.bytes.fetch_sub(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_the_sum_of_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let total = Total::new(Quotas { repo_bytes: Some(10), bytes: Some(15), ..Quotas::default() });
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        std::fs::write(&one, [0; 9]).unwrap();
        let (first, second) = (Meter::new(one.clone(), Arc::clone(&total)), Meter::new(other, Arc::clone(&total)));
        assert!(!first.is_full() && !second.is_full());
        std::fs::write(folder.path().join("other-wal"), [0; 6]).unwrap();
        assert!(second.is_full() && first.is_full(), "both together are");
        std::fs::write(&one, [0; 4]).unwrap();
        assert!(!first.is_full());
        assert_eq!(total.bytes(), 10);
        drop(second);
        assert_eq!(total.bytes(), 4);
        std::fs::write(&one, [0; 10]).unwrap();
        assert!(first.is_full());
    }
}
