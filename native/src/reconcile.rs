//! Two repos on one machine: what they make together, and the exchange that makes them equal.
//!
//! A preview compares and changes nothing. The exchange needs no comparison: chain ends say in short what a side has,
//! so each side is given exactly what it lacks, whatever the other has written in between.

use std::collections::BTreeSet;

use trellis_core::log::row::StoredOp;
use trellis_core::merge::conflict::Conflict;
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::{OpId, RepoId};
use trellis_core::op::sign::Unverified;
use trellis_core::output::ImportReport;
use trellis_core::reconcile::{Reconciled, reconcile, reconcile_with_files};
use trellis_core::view::files::Tree;

use crate::error::{Code, Result, TrellisError};
use crate::files::{BlobLease, Carried, Folders, Settled, Workspace, named_blobs};
use crate::repo::{Repo, conflict_place};

/// Which side's line stays where a linear branch has diverged; the other side's ops are written anew on top of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// This repo's line.
    Local,
    /// The other repo's line.
    Remote,
}

/// What an exchange did.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// What both sides made together before anything was written anew, and the conflicts that are open now.
    pub reconciled: Reconciled,
    /// The ops that were written anew on top of the line that stays.
    pub rebased: Vec<OpId>,
    /// Linear branches that still have two lines: nobody writes to them before one of the lines gives way.
    pub diverged: Vec<String>,
    /// What became of both folders.
    pub folders: Folders,
}

impl Repo {
    /// Looks at another repo on this machine, and tells what both make together, and what files this one's branch has then.
    /// Changes neither.
    ///
    /// # Errors
    /// `repo_mismatch` for another repo than this one's.
    pub async fn reconcile_preview(&self, remote: &Repo) -> Result<(Reconciled, Tree)> {
        let (ours, theirs) = ops_of_both(self, remote).await?;
        Ok(reconcile_with_files(&unverified(&ours), &unverified(&theirs), self.branch()))
    }

    /// Gives another repo on this machine what it lacks, and takes what this one lacks, and brings both folders to what
    /// their branches show then. Where linear branches have
    /// diverged and `keep` says whose line stays, the other side's device writes its ops anew on top of it.
    ///
    /// # Errors
    /// `repo_mismatch` for another repo than this one's. Where it fails half-way, whatever was taken stays, and doing it
    /// again does the rest.
    pub async fn reconcile_with(&self, remote: &Repo, keep: Option<Keep>) -> Result<Exchange> {
        let leases = (BlobLease::share(self.folder())?, BlobLease::share(remote.folder())?);
        let (mut reconciled, named) = compare(self, remote).await?;
        let mut carried = self.carry_named(remote, named.clone())?.and(remote.carry_named(self, named)?);
        carried = carried.and(exchange(self, remote).await?);
        let rebased = match keep {
            Some(Keep::Local) => give_way(remote).await?,
            Some(Keep::Remote) => give_way(self).await?,
            None => Vec::new(),
        };
        if !rebased.is_empty() {
            carried = carried.and(exchange(self, remote).await?);
        }
        let folders = settle_both(self, remote, carried).await?;
        drop(leases);
        reconciled.conflict_records = every_conflict(self).await?;
        reconciled.conflicts = entities(&reconciled.conflict_records);
        Ok(Exchange { reconciled, rebased, diverged: diverged(self).await?, folders })
    }
}

/// What two repos make together, and every blob that their ops name: an op may have come without its blob before.
async fn compare(local: &Repo, remote: &Repo) -> Result<(Reconciled, Vec<BlobRef>)> {
    let (ours, theirs) = ops_of_both(local, remote).await?;
    let mut named = named_blobs(&ours);
    named.append(&mut named_blobs(&theirs));
    named.sort();
    named.dedup();
    Ok((reconcile(&unverified(&ours), &unverified(&theirs)), named))
}

async fn ops_of_both(local: &Repo, remote: &Repo) -> Result<(Vec<StoredOp>, Vec<StoredOp>)> {
    expect_same_repo(local, remote).await?;
    Ok((every_op(local).await?, every_op(remote).await?))
}

fn unverified(ops: &[StoredOp]) -> Vec<Unverified<'_>> {
    ops.iter().map(StoredOp::unverified).collect()
}

/// The open conflicts of every branch, under the policies and manifests that hold here.
async fn every_conflict(repo: &Repo) -> Result<Vec<Conflict>> {
    let mut conflicts = Vec::new();
    for branch in repo.branches().await? {
        conflicts.append(&mut repo.on_branch(&branch.name).conflicts().await?);
    }
    Ok(conflicts)
}

/// Their entities, each once.
fn entities(conflicts: &[Conflict]) -> Vec<String> {
    let names = conflicts.iter().map(|conflict| conflict_place(conflict).entity.to_string());
    names.collect::<BTreeSet<String>>().into_iter().collect()
}

/// Brings both folders up to date. Where that merges contents by lines, the other side gets the ops that say so.
async fn settle_both(local: &Repo, remote: &Repo, carried: Carried) -> Result<Folders> {
    let mut folders = Folders { local: Workspace::follow(local).await?, remote: None, carried };
    if has_merged(&folders.local) {
        exchange(local, remote).await?;
    }
    folders.remote = Workspace::follow(remote).await?;
    if has_merged(&folders.remote) {
        exchange(local, remote).await?;
        let later = Workspace::follow(local).await?;
        folders.local = folders.local.into_iter().chain(later).reduce(Settled::then);
    }
    Ok(folders)
}

fn has_merged(settled: &Option<Settled>) -> bool {
    settled.as_ref().is_some_and(|settled| !settled.merged.is_empty())
}

async fn exchange(local: &Repo, remote: &Repo) -> Result<Carried> {
    let taken = take(local, remote).await?;
    Ok(taken.and(take(remote, local).await?))
}

/// Takes what a repo lacks of another's: first the blobs, then the ops that name them.
async fn take(repo: &Repo, from: &Repo) -> Result<Carried> {
    let ops = lacking(from, repo).await?;
    if ops.is_empty() {
        return Ok(Carried::default());
    }
    let carried = repo.carry_blobs(from, &ops)?;
    let report = repo.import(ops).await?;
    expect_all(&report).map(|()| carried)
}

/// What a repo gives was admitted there, so it is admitted everywhere.
fn expect_all(report: &ImportReport) -> Result<()> {
    match report.refused.first().map(|(op, _)| *op).or(report.dropped.first().copied()) {
        None => Ok(()),
        Some(op) => {
            let message = format!("The other repo gave the op {}, which no replica admits. Verify it.", op.short());
            Err(TrellisError::new(Code::InvalidOp, message).about_op(op))
        }
    }
}

/// Writes this device's ops on every diverged branch anew, on top of the other line.
async fn give_way(repo: &Repo) -> Result<Vec<OpId>> {
    let mut rebased = Vec::new();
    for branch in diverged(repo).await? {
        let repo = repo.on_branch(&branch);
        if let Some(onto) = other_line(&repo, &branch).await? {
            rebased.extend_from_slice(repo.rebase(onto).await?.ops());
        }
    }
    Ok(rebased)
}

/// The head of the line that is not this device's, if there is exactly one.
async fn other_line(repo: &Repo, branch: &str) -> Result<Option<OpId>> {
    let status = repo.status().await?;
    let mut others = Vec::new();
    for head in status.branches.iter().filter(|view| view.name == branch).flat_map(|view| &view.heads) {
        if repo.op(*head).await?.author != status.author {
            others.push(*head);
        }
    }
    Ok(if let [one] = others.as_slice() { Some(*one) } else { None })
}

async fn diverged(repo: &Repo) -> Result<Vec<String>> {
    let branches = repo.branches().await?.into_iter();
    Ok(branches.filter(|branch| branch.is_diverged).map(|branch| branch.name).collect())
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
        "{} holds the repo {}, and this is {}. Two repos never merge: clone this one to have a second copy of it.",
        path.display(),
        theirs.short(),
        ours.short()
    );
    TrellisError::new(Code::RepoMismatch, message).in_repo(ours).at_path(path)
}
