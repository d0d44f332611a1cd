//! Locks between processes, on files that hold nothing else.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Result, TrellisError, from_io};
use crate::store::WAIT;

/// How often a lock is asked for while another process has it.
const POLL: Duration = Duration::from_millis(20);

/// Takes a lock, which is held until the file is closed. Waits for others as long as the store does; `locked` says then what
/// they do.
///
/// # Errors
/// What `locked` says; what the system reports.
pub(super) fn take(
    path: &Path,
    lock: fn(&File) -> std::result::Result<(), TryLockError>,
    locked: impl FnOnce(&mut File) -> TrellisError,
) -> Result<File> {
    let failed = |cause| from_io("lock the folder", path, cause);
    let mut file = File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(failed)?;
    let until = Instant::now() + WAIT;
    loop {
        match lock(&file) {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => return Err(locked(&mut file)),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
    }
}
