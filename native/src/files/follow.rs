//! Folders after ops came from elsewhere: what the branch shows now comes into them.

use trellis_core::op::id::OpId;

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
        match Workspace::open_shown(repo)? {
            Some(mut workspace) => workspace.settle().await.map(Some),
            None => Ok(None),
        }
    }

    /// Opens the folder of a repo, if it shows the repo's branch.
    ///
    /// # Errors
    /// As [`Workspace::open`].
    pub fn open_shown(repo: &Repo) -> Result<Option<Workspace>> {
        match shown_branch(repo.folder())? {
            Some(branch) if branch == repo.branch() => Workspace::open(repo).map(Some),
            _ => Ok(None),
        }
    }

    /// Refuses where bringing the folder to what its branch and another one make together would meet changes that are
    /// not recorded. Where there is no such branch there is nothing to meet.
    ///
    /// # Errors
    /// `unrecorded_changes`, with the files; what reading fails with.
    pub async fn expect_room_for(&self, source: &str) -> Result<()> {
        let branches = self.repo.branches().await?;
        let heads = |name: &str| branches.iter().find(|branch| branch.name == name).map(|branch| &branch.heads);
        let Some(theirs) = heads(source) else { return Ok(()) };
        let at: Vec<OpId> = heads(self.branch()).into_iter().chain([theirs]).flatten().copied().collect();
        self.expect_recorded(&self.repo.files(&at).await?)
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
