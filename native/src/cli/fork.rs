//! `trellis fork`: chains with two ops in one place, and what shows that to others.

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use trellis_sync::core::op::hex;
use trellis_sync::core::op::id::OpId;
use trellis_sync::core::output::{Fork as Found, ForkProof};
use trellis_sync::{Code, Repo, Result, TrellisError, read_fork_proof};

use super::context::Context;
use super::doc::ids;
use super::page::{Cell, Look, Page, clean};
use super::report::{Outcome, Told, done};

/// Show where one key wrote two ops into one place of its chain, and prove it
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Example:\n  trellis fork list\n\n\
                        Both ops stay readable. A restored backup can cause a fork, and so can a key that somebody copied.")]
pub(crate) struct Fork {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every fork: both ops and whose they are
    #[command(after_help = "Example:\n  trellis fork list")]
    List,
    /// Write the proof of a fork to a file, for somebody who has none of the ops
    #[command(after_help = "Example:\n  trellis fork export 7515aab3a2c1 fork.proof")]
    Export {
        /// One of the two ops: its id, or the first digits of it
        op: String,
        /// The new file
        file: PathBuf,
    },
    /// Check a proof and say what it proves; no repo is needed
    #[command(after_help = "Example:\n  trellis fork check fork.proof")]
    Check {
        /// The file
        file: PathBuf,
    },
}

impl Fork {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        match self.command {
            Command::List => list(&context.repo().await?).await,
            Command::Export { op, file } => export(context, &op, file).await,
            Command::Check { file } => {
                let (fork, proof) = read_fork_proof(context.path(&file))?;
                let forks = vec![ForkDoc::new(&fork, Some(&proof))];
                done(Forks { forks, file: Some(file), did: Did::Checked })
            }
        }
    }
}

async fn list(repo: &Repo) -> Outcome {
    let mut forks = Vec::new();
    for fork in repo.forks().await? {
        forks.push(ForkDoc::new(&fork, proof(repo, fork.ops).await?.as_ref()));
    }
    done(Forks { forks, file: None, did: Did::Listed })
}

/// The proof, unless it would be larger than one may be.
async fn proof(repo: &Repo, ops: [OpId; 2]) -> Result<Option<ForkProof>> {
    match repo.fork_proof(ops).await {
        Err(error) if error.code() == Code::PayloadTooLarge => Ok(None),
        proof => proof.map(Some),
    }
}

async fn export(context: &Context, op: &str, file: PathBuf) -> Outcome {
    let repo = context.repo().await?;
    let op = repo.find_op(op).await?;
    let fork = repo.forks().await?.into_iter().find(|fork| fork.ops.contains(&op)).ok_or_else(|| no_fork(op))?;
    repo.export_fork_proof(context.path(&file), fork.ops).await?;
    let forks = vec![ForkDoc::new(&fork, proof(&repo, fork.ops).await?.as_ref())];
    done(Forks { forks, file: Some(file), did: Did::Exported })
}

fn no_fork(op: OpId) -> TrellisError {
    let message = format!("Op {} has its place in its chain for itself; see `trellis fork list`.", op.short());
    TrellisError::new(Code::NotFound, message).about_op(op)
}

/// Forks, and the file that one was written to or read from.
#[derive(Serialize)]
struct Forks {
    forks: Vec<ForkDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip)]
    did: Did,
}

enum Did {
    Listed,
    Exported,
    Checked,
}

/// A fork.
#[derive(Serialize)]
pub(crate) struct ForkDoc {
    repo: String,
    branch: String,
    author: String,
    seq: u32,
    ops: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
}

impl ForkDoc {
    /// A fork, with its proof where that was asked for.
    pub(crate) fn new(fork: &Found, proof: Option<&ForkProof>) -> ForkDoc {
        ForkDoc {
            repo: fork.repo.to_string(),
            branch: fork.branch.clone(),
            author: fork.author.to_string(),
            seq: fork.seq,
            ops: ids(&fork.ops),
            proof: proof.map(|proof| hex::encode(&proof.encode())),
        }
    }

    /// The other op, if this is one of the two.
    pub(crate) fn other_than(&self, op: &str) -> Option<&str> {
        let other = self.ops.iter().find(|other| *other != op)?;
        self.ops.iter().any(|of| of == op).then_some(other)
    }

    /// Says it in a line.
    pub(crate) fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        page.table(&[self.row(page)])
    }

    fn row(&self, page: &Page<'_>) -> Vec<Cell> {
        let place = format!("op {} of the chain of", self.seq);
        let mut row = vec![Cell::new(Look::Bad, "fork")];
        row.extend(self.ops.iter().map(|op| page.id_cell(op)));
        row.extend([Cell::new(Look::Plain, &place), page.id_cell(&self.author)]);
        row.extend([Cell::new(Look::Plain, "on"), Cell::new(Look::Name, &self.branch)]);
        row
    }
}

impl Told for Forks {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let rows: Vec<_> = self.forks.iter().map(|fork| fork.row(page)).collect();
        page.table(&rows)?;
        let file = self.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        match self.did {
            Did::Listed if rows.is_empty() => page.remark("No chain has forked."),
            Did::Listed => page.remark("Both ops of a fork stay readable; `trellis show` shows one."),
            Did::Exported => page.remark(format!("Wrote the proof to {}.", clean(&file))),
            Did::Checked => page.remark("The proof holds: this key signed both ops."),
        }
    }
}
