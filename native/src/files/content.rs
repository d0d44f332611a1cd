//! What a file of the folder holds: hashed, kept in the store, or read as text.

use std::io::{self, Read};

use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::ContentHash;
use trellis_core::view::files::{FileMode, FilePath};

use super::disk::Disk;
use super::stat::{Kind, Seen};
use crate::error::{Code, Result, TrellisError, from_io};
use crate::progress::Meter;
use crate::store::Transaction;

/// How often a file that changes while it is read is read again.
const TRIES: usize = 8;

/// The kind of file that something of the folder is; none for what is no file.
pub(super) fn mode_of(kind: Kind) -> Option<FileMode> {
    match kind {
        Kind::File => Some(FileMode::File),
        Kind::Exec => Some(FileMode::Exec),
        Kind::Link => Some(FileMode::Link),
        Kind::Folder | Kind::Other => None,
    }
}

/// The name that the content of a file has now, and the stamps of the file that was read.
///
/// # Errors
/// What the system reports; `aborted` for a file that never stands still.
pub(super) fn hash(disk: &Disk, path: &FilePath) -> Result<(BlobRef, Seen)> {
    stably(disk, path, |content| {
        let mut hasher = blake3::Hasher::new();
        let size = io::copy(content, &mut hasher).map_err(|cause| from_io("read", &disk.path_of(path), cause))?;
        Ok(BlobRef { blob: ContentHash(*hasher.finalize().as_bytes()), size })
    })
}

/// Keeps the content of a file in the store.
///
/// # Errors
/// As [`hash`] and [`Transaction::put_blob`].
pub(super) fn keep(
    disk: &Disk,
    path: &FilePath,
    store: &mut Transaction<'_>,
    meter: &mut Meter,
) -> Result<(BlobRef, Seen)> {
    stably(disk, path, |content| store.put_blob(meter.reading(content), &disk.path_of(path)))
}

/// Reads a file whose stamps before and after are the same; one that changes meanwhile is read again.
fn stably(
    disk: &Disk,
    path: &FilePath,
    mut read: impl FnMut(&mut dyn Read) -> Result<BlobRef>,
) -> Result<(BlobRef, Seen)> {
    for _ in 0..TRIES {
        let before = disk.seen(path)?.ok_or_else(|| gone(disk, path))?;
        let blob = match before.kind {
            Kind::Link => read(&mut disk.read_link(path)?.as_slice())?,
            _ => read(&mut disk.open_file(path)?)?,
        };
        if disk.seen(path)? == Some(before) {
            return Ok((blob, before));
        }
    }
    let message = format!("{path} changes faster than it can be read. Stop the program that writes it and try again.");
    Err(TrellisError::new(Code::Aborted, message).at_path(disk.path_of(path)))
}

fn gone(disk: &Disk, path: &FilePath) -> TrellisError {
    let message = format!("{path} went away while the folder was read. Try again.");
    TrellisError::new(Code::Aborted, message).at_path(disk.path_of(path))
}
