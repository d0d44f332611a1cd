//! Bundles as files: a repo carried by hand, with the content of its files.
//!
//! A bundle proves itself, so a file is taken as a whole or not at all: it is read once to see that it is whole, and
//! what it holds is taken in a second reading. No blob is ever in memory as a whole.

mod read;
mod write;

pub use read::Bundle;
pub use write::Exported;

use std::path::Path;

use trellis_core::output::ImportReport;

use crate::error::Result;
use crate::files::{BlobLease, Carried};
use crate::repo::{Repo, other_repo};

impl Repo {
    /// Takes the blobs and the ops of a bundle's file. Into a repo without ops they bring the repo that they belong to.
    ///
    /// # Errors
    /// As [`Bundle::read`] and [`Repo::take_bundle`].
    pub async fn import_bundle(&self, path: impl AsRef<Path>) -> Result<(ImportReport, Carried)> {
        self.take_bundle(Bundle::read(path)?).await
    }

    /// Takes what a bundle that was read holds.
    ///
    /// # Errors
    /// `repo_mismatch`; what reading the file again and writing to the disk fail with.
    pub async fn take_bundle(&self, bundle: Bundle) -> Result<(ImportReport, Carried)> {
        let own = self.status().await?.repo;
        if own.zip(bundle.repo()).is_some_and(|(own, other)| own != other) {
            return Err(other_repo());
        }
        let lease = BlobLease::share(self.folder())?;
        let carried = bundle.carry_to(self)?;
        let report = self.import(bundle.into_ops()).await?;
        drop(lease);
        Ok((report, carried))
    }
}
