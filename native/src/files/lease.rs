//! Who may sweep blobs out, and when: not while somebody keeps content that no op names yet.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Code, Result, TrellisError, from_io};
use crate::folder::Folder;
use crate::store::WAIT;

/// How often a lease is asked for while another process has it.
const POLL: Duration = Duration::from_millis(20);

/// A hold on the blobs of a repo's store, until it is dropped or the process ends.
///
/// Whoever keeps content *shares* the lease, with any number of others, until the ops that name the content are on the
/// disk too. Whoever sweeps has it *alone*.
#[derive(Debug)]
pub(crate) struct BlobLease {
    _file: File,
}

impl BlobLease {
    /// # Errors
    /// `locked` while another process sweeps; what the system reports.
    pub(crate) fn share(folder: &Folder) -> Result<BlobLease> {
        take(folder, File::try_lock_shared, "is sweeping the store")
    }

    /// # Errors
    /// `locked` while another process keeps content; what the system reports.
    pub(crate) fn alone(folder: &Folder) -> Result<BlobLease> {
        take(folder, File::try_lock, "is keeping files in the store")
    }
}

fn take(folder: &Folder, lock: fn(&File) -> std::result::Result<(), TryLockError>, why_not: &str) -> Result<BlobLease> {
    let path = &folder.path().join("blob-lease");
    let failed = |cause| from_io("lock the store's blobs", path, cause);
    let file = File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(failed)?;
    let until = Instant::now() + WAIT;
    loop {
        match lock(&file) {
            Ok(()) => return Ok(BlobLease { _file: file }),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => return Err(locked(path, why_not)),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
    }
}

fn locked(path: &Path, why_not: &str) -> TrellisError {
    let message = format!("Another process {why_not}. Try again when it is done, or end it.");
    TrellisError::new(Code::Locked, message).at_path(path)
}
