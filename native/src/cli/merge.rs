//! `trellis merge`: joins another branch into the present one.

use std::io;

use clap::Args;
use serde::Serialize;
use trellis_sync::files::Workspace;

use super::branch::expect_branch;
use super::complete;
use super::conflicts::{exit_with, open_conflicts, print_left};
use super::context::Context;
use super::doc::{ConflictDoc, ids};
use super::files::SettledDoc;
use super::page::{Page, clean};
use super::report::{Exit, Outcome, Told, done};

/// Join another branch into the present one
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  trellis merge draft -m 'Take the draft'\n\nExit code 2 says that conflicts are open."
)]
pub(crate) struct Merge {
    /// The branch to take from
    #[arg(add = complete::branches())]
    source: String,
    /// Why, for people
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
}

impl Merge {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        expect_branch(&repo, &self.source, "").await?;
        let mut workspace = Workspace::open_shown(&repo)?;
        if let Some(workspace) = &workspace {
            workspace.expect_room_for(&self.source).await?;
        }
        let receipt = repo.merge(&self.source, self.message.as_deref()).await?;
        let settled = match &mut workspace {
            Some(workspace) => Some(workspace.settle().await?),
            None => None,
        };
        let (conflicts, _) = open_conflicts(&repo).await?;
        done(Merged {
            ops: ids(receipt.ops()),
            branch: repo.branch().into(),
            source: self.source,
            conflicts,
            folder: settled.as_ref().map(SettledDoc::new),
        })
    }
}

/// What was joined.
#[derive(Serialize)]
struct Merged {
    ops: Vec<String>,
    branch: String,
    source: String,
    conflicts: Vec<ConflictDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<SettledDoc>,
}

impl Told for Merged {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let (source, branch) = (clean(&self.source), clean(&self.branch));
        match self.ops.is_empty() {
            true => page.remark(format!("{branch} has all of {source} already; nothing was written."))?,
            false => page.remark(format!("Merged {source} into {branch}."))?,
        }
        print_left(&self.conflicts, self.folder.as_ref(), page)
    }

    fn exit(&self) -> Exit {
        exit_with(&self.conflicts, self.folder.as_ref())
    }
}
