//! Folders after ops came from elsewhere: what the branch shows now comes into them.

use super::carry::Carried;
use super::settle::Settled;
use super::workspace::{Workspace, shown_branch};
use crate::error::Result;
use crate::repo::Repo;

impl Workspace {
    /// Settles the folder of a repo to which ops came: one that shows a branch, and one that shows nothing yet where the
    /// branch has files. A repo that is used without files stays without an index.
    ///
    /// # Errors
    /// As [`Workspace::open`] and [`Workspace::settle`].
    pub async fn follow(repo: &Repo) -> Result<Option<Settled>> {
        if shown_branch(repo.folder())?.is_none() && repo.files(&[]).await?.tree.files.is_empty() {
            return Ok(None);
        }
        Workspace::open(repo)?.settle().await.map(Some)
    }

    /// Settles the folder of a repo that wrote to its branch, if that is what the folder shows.
    ///
    /// # Errors
    /// As [`Workspace::follow`].
    pub async fn follow_write(repo: &Repo) -> Result<Option<Settled>> {
        match shown_branch(repo.folder())? {
            Some(branch) if branch == repo.branch() => Workspace::open(repo)?.settle().await.map(Some),
            _ => Ok(None),
        }
    }
}

impl Settled {
    /// What became of a folder that was settled once more.
    pub(crate) fn then(mut self, mut later: Settled) -> Settled {
        for (earlier, later) in [(&mut self.written, &mut later.written), (&mut self.removed, &mut later.removed)] {
            earlier.append(later);
            earlier.sort();
            earlier.dedup();
        }
        self.merged.append(&mut later.merged);
        Settled { written: self.written, removed: self.removed, merged: self.merged, ..later }
    }
}

/// The folders of two repos that exchanged ops.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folders {
    /// Of this repo's, what became of it; none where it shows no files.
    pub local: Option<Settled>,
    /// Of the other's.
    pub remote: Option<Settled>,
    /// The blobs that went either way.
    pub carried: Carried,
}
