//! Files as they were: what a branch showed when some ops were its heads.

use std::io::Read;

use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::OpId;
use trellis_core::view::files::{FileMode, FilePath};

use super::workspace::Workspace;
use crate::error::{Code, Result, TrellisError};

/// A file as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastFile {
    /// Where it was shown.
    pub path: FilePath,
    /// What kind of file it was.
    pub mode: FileMode,
    /// What it held.
    pub content: BlobRef,
}

impl Workspace {
    /// The files that there were at a path or below it when the ops `at` were the heads, ascending by path; without a
    /// path all of them.
    ///
    /// # Errors
    /// `not_found` where there was none, or an op is not here.
    pub async fn files_then(&self, path: Option<&FilePath>, at: &[OpId]) -> Result<Vec<PastFile>> {
        let files = self.files_at(at).await?.into_iter();
        let files = files.filter(|(found, _)| path.is_none_or(|folder| found.is_below(folder)));
        let files: Vec<PastFile> =
            files.map(|(path, entry)| PastFile { path, mode: entry.mode, content: entry.content }).collect();
        match path.filter(|_| files.is_empty()) {
            None => Ok(files),
            Some(path) => Err(no_file(path, at)),
        }
    }

    /// What a file held.
    ///
    /// # Errors
    /// `body_missing` where that is not on this device; `storage_corrupt`.
    pub fn read(&self, file: &PastFile) -> Result<impl Read + '_> {
        if self.store.blob_size(&file.content.blob)?.is_none() {
            let message = format!("What {} held is not on this device. Sync with a copy that has it.", file.path);
            return Err(TrellisError::new(Code::BodyMissing, message));
        }
        self.store.read_blob(&file.content.blob)
    }
}

/// That there is no file at a path, or was none.
pub(super) fn no_file(path: &FilePath, at: &[OpId]) -> TrellisError {
    let message = match at {
        [] => format!("No file is recorded at {path}. See `trellis ls files`."),
        [op, ..] => {
            format!("No file was at {path} at {}. `trellis show {}:` lists those that were.", op.short(), op.short())
        }
    };
    TrellisError::new(Code::NotFound, message)
}
