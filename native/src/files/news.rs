//! What the branch says that the folder does not show yet.

use super::conflicts::{FileConflict, file_conflicts};
use super::workspace::Workspace;
use crate::error::Result;

/// What a look at the branch tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// The conflicts of files that are open, by where they are shown, without their records.
    pub conflicts: Vec<FileConflict>,
    /// How many files are different on the branch by now from what the folder was brought to.
    pub differing: usize,
}

impl Workspace {
    /// What the branch says now. Where nothing was written since the folder was brought to it, the repo is not read.
    ///
    /// # Errors
    /// What reading fails with.
    pub async fn news(&self) -> Result<News> {
        if self.index.row == self.store.last_seq()? && self.index.branch.is_some() {
            return Ok(News { conflicts: self.index.conflicts.clone(), differing: 0 });
        }
        let view = self.repo.files(&[]).await?;
        let conflicts = file_conflicts(&view).into_iter().map(FileConflict::without_record).collect();
        Ok(News { conflicts, differing: self.differing(&view)? })
    }
}
