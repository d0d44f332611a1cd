//! `trellis sync status`: the whole picture.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use trellis_sync::core::output::{BranchView, Status as Picture};

use crate::cli::context::Context;
use crate::cli::doc::ids;
use crate::cli::fork::ForkDoc;
use crate::cli::page::{Cell, Look, Page};
use crate::cli::report::{Outcome, Told, done};
use crate::cli::words::count;

/// Show the repo's state: ops, branches, open conflicts, what is held
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis sync status --json")]
pub(crate) struct Status {}

impl Status {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let picture = repo.status().await?;
        let conflicts = repo.conflicts().await?.len();
        done(Stood::new(repo.folder().root().into(), repo.branch(), conflicts, &picture))
    }
}

/// The whole picture.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stood {
    #[serde(skip_serializing_if = "Option::is_none")]
    repo: Option<String>,
    path: PathBuf,
    author: String,
    branch: String,
    ops: usize,
    conflicts: usize,
    held: usize,
    missing: Vec<String>,
    branches: Vec<BranchDoc>,
    forks: Vec<ForkDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_behind_ms: Option<u64>,
    links: [(); 0],
}

/// A branch.
#[derive(Serialize)]
pub(crate) struct BranchDoc {
    pub(crate) name: String,
    pub(crate) ops: usize,
    pub(crate) heads: Vec<String>,
    pub(crate) diverged: bool,
}

impl From<&BranchView> for BranchDoc {
    fn from(branch: &BranchView) -> BranchDoc {
        let BranchView { name, ops, heads, is_diverged } = branch;
        BranchDoc { name: name.clone(), ops: *ops, heads: ids(heads), diverged: *is_diverged }
    }
}

impl Stood {
    fn new(path: PathBuf, branch: &str, conflicts: usize, picture: &Picture) -> Stood {
        Stood {
            repo: picture.repo.map(|repo| repo.to_string()),
            path,
            author: picture.author.to_string(),
            branch: branch.into(),
            ops: picture.ops,
            conflicts,
            held: picture.held,
            missing: ids(&picture.missing),
            branches: picture.branches.iter().map(BranchDoc::from).collect(),
            forks: picture.forks.iter().map(|fork| ForkDoc::new(fork, None)).collect(),
            clock_behind_ms: picture.clock_behind.map(|behind| behind.0),
            links: [],
        }
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.conflicts > 0 {
            remarks.push(format!("{} open; see `trellis conflicts`.", count(self.conflicts, "conflict")));
        }
        if self.held > 0 {
            let missing = count(self.missing.len(), "missing op");
            remarks.push(format!("{} held outside the log, for {missing}.", count(self.held, "op")));
        }
        if let Some(behind) = self.clock_behind_ms {
            remarks
                .push(format!("The clock of this machine is {} s behind what is here; set it right.", behind / 1000));
        }
        if !self.forks.is_empty() {
            let forks = count(self.forks.len(), "fork");
            remarks.push(format!("{forks} of chains: a key was used in two places; see `trellis fork list`."));
        }
        remarks
    }
}

impl Told for Stood {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let repo = self.repo.as_deref().map_or_else(|| page_cell("not begun"), |repo| page.id_cell(repo));
        page.table(&[
            vec![Cell::new(Look::Dim, "repo"), repo],
            vec![Cell::new(Look::Dim, "device"), page.id_cell(&self.author)],
            vec![Cell::new(Look::Dim, "ops"), page_cell(&self.ops.to_string())],
        ])?;
        let branch = |branch: &BranchDoc| {
            let state = if branch.diverged { "diverged".into() } else { count(branch.heads.len(), "head") };
            vec![
                Cell::new(Look::Dim, "branch"),
                Cell::new(Look::Name, &branch.name),
                page_cell(&count(branch.ops, "op")),
                page_cell(&state),
            ]
        };
        page.table(&self.branches.iter().map(branch).collect::<Vec<_>>())?;
        self.remarks().iter().try_for_each(|remark| page.line(remark))
    }
}

fn page_cell(text: &str) -> Cell {
    Cell::new(Look::Plain, text)
}
