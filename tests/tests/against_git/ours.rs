//! Our side: two copies of a repo with real folders, recorded and reconciled.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use trellis_core::merge::conflict::SideValue;
use trellis_core::op::json::Value;
use trellis_sync::files::{About, FileConflict, Workspace, file_conflicts};
use trellis_sync::{Missing, Repo, Result};

use crate::tree::{self, Tree};

/// A copy of a repo, and what its folder holds.
pub(crate) struct Copy {
    repo: Repo,
    folder: PathBuf,
    held: Tree,
}

/// A conflict of files that is open after merging.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Open {
    pub(crate) path: String,
    pub(crate) about: About,
    /// Every path that it is about, or that a file of it is shown at.
    pub(crate) paths: BTreeSet<String>,
}

/// What reconciling left in both folders.
pub(crate) struct Merged {
    pub(crate) tree: Tree,
    pub(crate) conflicts: Vec<Open>,
}

impl Copy {
    /// A new repo that holds this tree, recorded.
    pub(crate) async fn new(folder: &Path, tree: &Tree) -> Result<Copy> {
        let repo = Repo::create(folder, "against git").await?;
        let mut copy = Copy { repo, folder: folder.into(), held: Tree::new() };
        copy.record(tree).await?;
        Ok(copy)
    }

    /// Another copy of this repo.
    pub(crate) async fn copied(&self, folder: &Path) -> Result<Copy> {
        let repo = Repo::options().missing(Missing::Create).create(folder).await?;
        let ops = self.repo.export(Vec::new()).await?;
        repo.carry_blobs(&self.repo, &ops)?;
        repo.import(ops).await?;
        Workspace::follow(&repo).await?;
        let held = tree::read(folder);
        assert_eq!(held, self.held);
        Ok(Copy { repo, folder: folder.into(), held })
    }

    /// Makes the folder hold this tree, and records it.
    pub(crate) async fn record(&mut self, tree: &Tree) -> Result<()> {
        tree::write(&self.folder, &self.held, tree);
        self.held = tree.clone();
        let recorded = Workspace::open(&self.repo)?.with_index().await?.record(&[], None).await?;
        assert!(recorded.changes.skipped.is_empty());
        self.expect_settled().await
    }

    /// Where each file is, by its entity.
    pub(crate) async fn places(&self) -> Result<BTreeMap<String, String>> {
        let files = self.repo.files(&[]).await?.tree.files;
        Ok(files.into_iter().map(|(path, placed)| (placed.file.key, path.to_string())).collect())
    }

    /// Exchanges everything with another copy. Both folders are then the same, and nothing in them is unrecorded.
    pub(crate) async fn reconcile(&mut self, other: &mut Copy) -> Result<Merged> {
        self.repo.reconcile_with(&other.repo, None).await?;
        for copy in [&mut *self, &mut *other] {
            copy.held = tree::read(&copy.folder);
            copy.expect_settled().await?;
        }
        assert_eq!(self.held, other.held, "both folders hold the same");
        let conflicts = file_conflicts(&self.repo.files(&[]).await?);
        assert_eq!(conflicts, file_conflicts(&other.repo.files(&[]).await?), "both list the same conflicts");
        Ok(Merged { tree: self.held.clone(), conflicts: conflicts.iter().map(Open::of).collect() })
    }

    /// The folder is what the branch shows.
    async fn expect_settled(&self) -> Result<()> {
        let workspace = Workspace::look(&self.repo)?;
        let changes = workspace.changes()?;
        assert!(changes.files.is_empty() && changes.in_conflict.is_empty(), "not recorded: {changes:?}");
        assert_eq!(workspace.news().await?.differing, 0);
        Ok(())
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.repo.close().await
    }
}

impl Open {
    fn of(conflict: &FileConflict) -> Open {
        let path = conflict.path.to_string();
        let mut paths: BTreeSet<String> = conflict.shown.iter().map(ToString::to_string).collect();
        paths.insert(path.clone());
        for side in conflict.record.iter().flat_map(|record| &record.sides) {
            if let (About::Path, SideValue::Json(Value::String(other))) = (conflict.about, &side.value) {
                paths.insert(other.to_string());
            }
        }
        Open { path, about: conflict.about, paths }
    }
}
