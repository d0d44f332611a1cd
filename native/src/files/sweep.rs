//! The blobs of a store as a whole: whether they are what was kept, and which of them nobody names.

use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::ContentHash;

use super::lease::BlobLease;
use crate::error::{Code, Result};
use crate::progress::Work;
use crate::repo::Repo;
use crate::store::{OpenMode, Store, Swept, WAIT};

/// What became of the blobs that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedBlobs {
    /// How many are what was kept.
    pub sound: usize,
    /// Those that are not.
    pub corrupt: Vec<ContentHash>,
}

impl Repo {
    /// Reads every blob of the store and rehashes it.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn check_blobs(&self) -> Result<CheckedBlobs> {
        let store = Store::open(self.folder().store(), OpenMode::ReadOnly)?;
        let mut checked = CheckedBlobs::default();
        let blobs = store.blobs()?;
        let mut meter = self.watcher().meter(Work::Checking, blobs.iter().map(|blob| blob.size).sum());
        for BlobRef { blob, .. } in blobs {
            let read = store.read_blob(&blob).and_then(|mut content| {
                std::io::copy(&mut meter.reading(&mut content), &mut std::io::sink()).map_err(|_| content.damaged())
            });
            match read {
                Ok(_) => checked.sound += 1,
                Err(error) if error.code() == Code::StorageCorrupt => checked.corrupt.push(blob),
                Err(error) => return Err(error),
            }
        }
        Ok(checked)
    }

    /// Takes out of the store every blob that no body in it names, and gives the disk back what that freed.
    ///
    /// # Errors
    /// `locked` while another process keeps files or writes; what SQLite reports.
    pub fn sweep_blobs(&self) -> Result<Swept> {
        let lease = BlobLease::alone(self.folder())?;
        let mut store = Store::open(self.folder().store(), OpenMode::ReadWrite)?;
        let mut transaction = store.begin(WAIT)?;
        let named = transaction.named_blobs()?;
        let swept = transaction.sweep_blobs(&named)?;
        transaction.commit()?;
        store.shrink()?;
        drop(lease);
        Ok(swept)
    }
}
