//! Two repos on one machine: what they make together, and the exchange that makes them equal.
//!
//! A preview compares and changes nothing. The exchange needs no comparison: chain ends say in short what a side has,
//! so each side is given exactly what it lacks, whatever the other has written in between.

use trellis_core::log::row::StoredOp;
use trellis_core::op::id::{OpId, RepoId};
use trellis_core::op::sign::Unverified;
use trellis_core::output::ImportReport;
use trellis_core::reconcile::{Reconciled, reconcile};

use crate::error::{Code, Result, TrellisError};
use crate::repo::Repo;

/// Which side's line stays where a linear branch has diverged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// This repo's line.
    Local,
    /// The other repo's line.
    Remote,
}

impl Repo {
    /// Looks at another repo on this machine, and tells what both make together. Changes neither.
    ///
    /// # Errors
    /// `repo_mismatch` for another repo than this one's.
    pub async fn reconcile_preview(&self, remote: &Repo) -> Result<Reconciled> {
        expect_same_repo(self, remote).await?;
        let (ours, theirs) = (every_op(self).await?, every_op(remote).await?);
        let ours: Vec<Unverified<'_>> = ours.iter().map(StoredOp::unverified).collect();
        let theirs: Vec<Unverified<'_>> = theirs.iter().map(StoredOp::unverified).collect();
        Ok(reconcile(&ours, &theirs))
    }

    /// Gives another repo on this machine what it lacks, and takes what this one lacks. Returns what both made together
    /// when it began.
    ///
    /// # Errors
    /// `repo_mismatch` for another repo than this one's. Where it fails half-way, whatever was taken stays, and doing it
    /// again does the rest.
    pub async fn reconcile_with(&self, remote: &Repo, _keep: Option<Keep>) -> Result<Reconciled> {
        let reconciled = self.reconcile_preview(remote).await?;
        take(self, lacking(remote, self).await?).await?;
        take(remote, lacking(self, remote).await?).await?;
        Ok(reconciled)
    }
}

async fn take(repo: &Repo, ops: Vec<StoredOp>) -> Result<ImportReport> {
    match ops.is_empty() {
        true => Ok(ImportReport::default()),
        false => repo.import(ops).await,
    }
}

async fn every_op(repo: &Repo) -> Result<Vec<StoredOp>> {
    match repo.status().await?.repo {
        Some(_) => repo.export(Vec::new()).await,
        None => Ok(Vec::new()),
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
