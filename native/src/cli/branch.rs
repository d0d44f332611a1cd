//! `trellis branch`: the branches, and new ones.

use std::io;

use clap::Args;
use serde::Serialize;
use strsim::jaro_winkler;
use trellis_sync::core::op::id::OpId;
use trellis_sync::{Code, Repo, Result, TrellisError};

use super::complete;
use super::context::Context;
use super::doc::ids;
use super::page::{Cell, Detail, Look, Page, clean};
use super::report::{Outcome, Told, done};
use super::sync::BranchDoc;
use super::words::count;

/// List the branches, or begin one from the present branch
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis branch draft && trellis --branch draft set notes/1/title Storm")]
pub(crate) struct Branch {
    /// The branch to begin
    name: Option<String>,
    /// Begin it from what there was at this op, instead of the present branch as it is
    #[arg(long, value_name = "OP", requires = "name", add = complete::branches())]
    at: Option<String>,
}

impl Branch {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        match (self.name, self.at) {
            (Some(name), None) => {
                let receipt = repo.begin_branch(&name).await?;
                done(Begun { ops: ids(receipt.ops()), branch: name, from: repo.branch().into() })
            }
            (Some(name), Some(at)) => {
                let receipt = repo.begin_branch_at(&name, one_head(&repo, &at).await?).await?;
                done(Begun { ops: ids(receipt.ops()), branch: name, from: at })
            }
            (None, _) => {
                let branches = repo.branches().await?.iter().map(BranchDoc::from).collect();
                done(Branches { branch: repo.branch().into(), branches })
            }
        }
    }
}

/// The op that is meant, or the only head of the branch that is.
async fn one_head(repo: &Repo, typed: &str) -> Result<OpId> {
    match repo.find_heads(typed).await?.as_slice() {
        [op] => Ok(*op),
        _ => Err(TrellisError::new(
            Code::InvalidArgument,
            format!("The branch {typed} has several heads. Name one of them: `trellis branch --json` shows them."),
        )),
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

/// Refuses a branch that is not there. `advice` is what else may be done.
///
/// # Errors
/// `not_found`, with the name that is most like it; `invalid_argument` for the engine's own branches.
pub(crate) async fn expect_branch(repo: &Repo, name: &str, advice: &str) -> Result<()> {
    if name.starts_with('_') {
        let message = format!("The branch {name} is the engine's own. `trellis branch` lists the others.");
        return Err(TrellisError::new(Code::InvalidArgument, message));
    }
    let branches = repo.branches().await?;
    let mut names = branches.iter().map(|branch| branch.name.as_str());
    if name == "main" || names.any(|known| known == name) {
        return Ok(());
    }
    let mut near: Vec<(f64, &str)> =
        branches.iter().map(|branch| (jaro_winkler(name, &branch.name), branch.name.as_str())).collect();
    near.retain(|(likeness, known)| *likeness > LIKE && !known.starts_with('_'));
    near.sort_by(|left, right| right.0.total_cmp(&left.0));
    let near = match near.first() {
        Some((_, known)) => format!("Did you mean {known}?"),
        None => "`trellis branch` lists those that there are.".into(),
    };
    Err(TrellisError::new(Code::NotFound, format!("There is no branch {name}. {near}{advice}")))
}

/// How alike names are, at least, of which one may be meant for the other.
const LIKE: f64 = 0.8;

impl Told for Branches {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let row = |branch: &BranchDoc| {
            let is_present = branch.name == self.branch;
            let look = if is_present { Look::Name } else { Look::Plain };
            vec![
                Cell::new(look, if is_present { "*" } else { "" }),
                Cell::new(look, &branch.name),
                Cell::new(Look::Plain, &count(branch.ops, "op")),
                Cell::new(Look::Plain, &count(branch.heads.len(), "head")),
                Cell::new(Look::Bad, if branch.diverged { "diverged" } else { "" }),
            ]
        };
        // The engine's own branches are not for people, unless they want to know all.
        let is_told = |branch: &&BranchDoc| page.detail() == Detail::Verbose || !branch.name.starts_with('_');
        let rows: Vec<Vec<Cell>> = self.branches.iter().filter(is_told).map(row).collect();
        page.table(&rows)
    }
}
