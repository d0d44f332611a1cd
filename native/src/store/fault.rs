//! What SQLite says, as errors of ours.
//!
//! Every failure of the store passes here, so a full disk has one code and one sentence wherever it is met.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::{Code, TrellisError};

/// A failure of SQLite as an error: `what` says what was tried, as in "write to".
pub(super) fn from_sqlite(what: &str, path: &Path, cause: rusqlite::Error) -> TrellisError {
    let (code, advice) = explain(cause.sqlite_error_code());
    let message = format!("Could not {what} the store {}: {advice}.", path.display());
    TrellisError::new(code, message).at_path(path).caused_by(cause)
}

fn explain(code: Option<ErrorCode>) -> (Code, &'static str) {
    match code {
        Some(ErrorCode::DiskFull) => {
            (Code::StorageFull, "the disk is full; nothing was changed; free some space and try again")
        }
        Some(ErrorCode::ReadOnly) => {
            (Code::PermissionDenied, "it is read-only here; check the permissions of the file and its folder")
        }
        Some(ErrorCode::PermissionDenied | ErrorCode::CannotOpen | ErrorCode::AuthorizationForStatementDenied) => (
            Code::PermissionDenied,
            "the system does not let it be opened; check the permissions of the file and its folder",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            (Code::Locked, "another process is using it; try again when it is done")
        }
        Some(ErrorCode::SystemIoFailure) => (
            Code::StorageCorrupt,
            "the disk reported a failure; check the disk and your quota, then open the repo again",
        ),
        Some(ErrorCode::DatabaseCorrupt) => {
            (Code::StorageCorrupt, "the file is damaged; keep a copy of it, and clone the repo again from a peer")
        }
        Some(ErrorCode::NotADatabase) => (
            Code::StorageCorrupt,
            "the file is no store, or its first bytes are damaged; restore it from a peer or a backup",
        ),
        Some(ErrorCode::TooBig) => (Code::PayloadTooLarge, "this is more than one row may hold; write less at once"),
        Some(ErrorCode::OutOfMemory) => (Code::QuotaExceeded, "there is not enough memory; close other programs"),
        _ => (Code::StorageCorrupt, "the file does not have the form of a store; restore it from a peer or a backup"),
    }
}
