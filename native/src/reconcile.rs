//! Two repos on one machine: what each lacks, and the exchange that makes them equal.
//!
//! Chain ends say in short what a replica has, so each side gives exactly what the other lacks. A plan changes nothing;
//! applying it takes what is there by then, so nothing is lost that was written in between.

use trellis_core::log::row::StoredOp;
use trellis_core::merge::entity::Conflict;
use trellis_core::op::id::{OpId, RepoId};
use trellis_core::output::ImportReport;

use crate::error::{Code, Result, TrellisError};
use crate::repo::Repo;

/// What an exchange with another repo would bring.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The ops that only this repo has, dependencies first.
    pub only_local: Vec<StoredOp>,
    /// The ops that only the other repo has, dependencies first.
    pub only_remote: Vec<StoredOp>,
}

/// Which side of a linear branch that diverged stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// This repo's line.
    Local,
    /// The other repo's line.
    Remote,
}

/// What an exchange did.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// What this repo took.
    pub taken: ImportReport,
    /// What the other repo took.
    pub given: ImportReport,
    /// The conflicts that are open afterwards, on both sides alike.
    pub conflicts: Vec<Conflict>,
}

impl Repo {
    /// Looks at another repo on this machine and tells what an exchange would bring; changes neither.
    ///
    /// # Errors
    /// `repo_mismatch` for another repo than this one's.
    pub async fn reconcile_plan(&self, remote: &Repo) -> Result<Plan> {
        expect_same_repo(self, remote).await?;
        Ok(Plan { only_local: lacking(self, remote).await?, only_remote: lacking(remote, self).await? })
    }

    /// Gives another repo on this machine what it lacks, and takes what this one lacks.
    ///
    /// # Errors
    /// `repo_mismatch` for another repo than this one's. Where it fails half-way, whatever was taken stays, and doing it
    /// again does the rest.
    pub async fn reconcile_apply(&self, remote: &Repo) -> Result<Applied> {
        let plan = self.reconcile_plan(remote).await?;
        let taken = take(self, plan.only_remote).await?;
        let given = take(remote, plan.only_local).await?;
        Ok(Applied { taken, given, conflicts: self.conflicts_if_any().await? })
    }

    /// The open conflicts; none on a branch that nobody has written to.
    async fn conflicts_if_any(&self) -> Result<Vec<Conflict>> {
        match self.conflicts().await {
            Err(error) if error.code() == Code::NotFound => Ok(Vec::new()),
            conflicts => conflicts,
        }
    }
}

async fn take(repo: &Repo, ops: Vec<StoredOp>) -> Result<ImportReport> {
    match ops.is_empty() {
        true => Ok(ImportReport::default()),
        false => repo.import(ops).await,
    }
}

/// What `asker` lacks of `giver`'s ops.
async fn lacking(giver: &Repo, asker: &Repo) -> Result<Vec<StoredOp>> {
    if giver.status().await?.repo.is_none() {
        return Ok(Vec::new());
    }
    let known: Vec<OpId> = asker.chain_ends().await?.into_iter().map(|end| end.id).collect();
    giver.export(known).await
}

/// A repo without ops takes any other's.
async fn expect_same_repo(local: &Repo, remote: &Repo) -> Result<()> {
    match (local.status().await?.repo, remote.status().await?.repo) {
        (Some(ours), Some(theirs)) if ours != theirs => Err(other_repo(ours, theirs, remote)),
        _ => Ok(()),
    }
}

fn other_repo(ours: RepoId, theirs: RepoId, remote: &Repo) -> TrellisError {
    let path = remote.folder().root();
    let message = format!(
        "{} holds the repo {}, and this is {}. Two repos never merge: clone this one to have a second copy, or export \
         the values of one and set them in the other.",
        path.display(),
        theirs.short(),
        ours.short()
    );
    TrellisError::new(Code::RepoMismatch, message).in_repo(ours).at_path(path)
}
