//! Who may sweep blobs out, and when: not while somebody keeps content that no op names yet.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::lock;
use crate::error::{Code, Result, TrellisError};
use crate::folder::Folder;

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

fn take(folder: &Folder, how: fn(&File) -> std::result::Result<(), TryLockError>, why_not: &str) -> Result<BlobLease> {
    let path = folder.path().join("blob-lease");
    lock::take(&path, how, |_| locked(&path, why_not)).map(|file| BlobLease { _file: file })
}

fn locked(path: &Path, why_not: &str) -> TrellisError {
    let message = format!("Another process {why_not}. Try again when it is done, or end it.");
    TrellisError::new(Code::Locked, message).at_path(path)
}
