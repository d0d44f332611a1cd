//! `trellis branch`: the branches, and new ones.

use std::io;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::doc::ids;
use super::page::{Cell, Look, Page, clean};
use super::report::{Outcome, Told, done};
use super::sync::BranchDoc;
use super::words::count;

/// List the branches, or begin one from the present branch
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis branch draft && trellis --branch draft set notes/1/title Storm")]
pub(crate) struct Branch {
    /// The branch to begin
    name: Option<String>,
}

impl Branch {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        match self.name {
            Some(name) => {
                let receipt = repo.begin_branch(&name).await?;
                done(Begun { ops: ids(receipt.ops()), branch: name, from: repo.branch().into() })
            }
            None => {
                let branches = repo.branches().await?.iter().map(BranchDoc::from).collect();
                done(Branches { branch: repo.branch().into(), branches })
            }
        }
    }
}

/// A branch that is new.
#[derive(Serialize)]
struct Begun {
    ops: Vec<String>,
    branch: String,
    from: String,
}

impl Told for Begun {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        page.remark(format!("Began the branch {} from {}.", clean(&self.branch), clean(&self.from)))
    }
}

/// The branches.
#[derive(Serialize)]
struct Branches {
    branch: String,
    branches: Vec<BranchDoc>,
}

impl Told for Branches {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let row = |branch: &BranchDoc| {
            let look = if branch.name == self.branch { Look::Name } else { Look::Plain };
            vec![
                Cell::new(look, &branch.name),
                Cell::new(Look::Plain, &count(branch.ops, "op")),
                Cell::new(Look::Plain, &count(branch.heads.len(), "head")),
                Cell::new(Look::Bad, if branch.diverged { "diverged" } else { "" }),
            ]
        };
        page.table(&self.branches.iter().map(row).collect::<Vec<_>>())
    }
}
