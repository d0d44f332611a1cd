//! `trellis switch`: brings the folder to another branch.

use std::io;

use clap::Args;
use serde::Serialize;

use super::branch::expect_branch;
use super::complete;
use super::context::Context;
use super::files::SettledDoc;
use super::page::{Look, Page, clean};
use super::report::{Exit, Outcome, Told, done};

/// Bring the folder to another branch
///
/// All commands in the folder work on that branch from then on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trellis switch draft
  trellis switch --create draft

Changes that are not recorded are never overwritten.")]
pub(crate) struct Switch {
    /// The branch
    #[arg(add = complete::branches())]
    branch: String,
    /// Begin it from the present one
    #[arg(short, long)]
    create: bool,
}

impl Switch {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let mut workspace = context.workspace().await?;
        match self.create {
            true => drop(workspace.repo().begin_branch(&self.branch).await?),
            false => {
                let advice = format!(" `trellis switch --create {}` begins it.", self.branch);
                expect_branch(workspace.repo(), &self.branch, &advice).await?;
            }
        }
        let settled = workspace.switch(&self.branch).await?;
        done(Switched { branch: self.branch, settled: SettledDoc::new(&settled) })
    }
}

/// Where the folder is.
#[derive(Serialize)]
struct Switched {
    branch: String,
    #[serde(flatten)]
    settled: SettledDoc,
}

impl Told for Switched {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        page.remark(format!("On the branch {}.", page.paint(Look::Name, &clean(&self.branch))))?;
        self.settled.print(page)
    }

    fn exit(&self) -> Exit {
        if self.settled.file_conflicts.is_empty() { Exit::Done } else { Exit::ConflictsOpen }
    }
}
