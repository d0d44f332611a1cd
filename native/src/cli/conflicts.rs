//! `trellis conflicts`: what stands against what.

use std::io;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::doc::ConflictDoc;
use super::page::{Cell, Look, Page, clean};
use super::report::{Exit, Outcome, Told, done};
use super::words::count;

/// Show the open conflicts of the branch, with every side
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis conflicts\n\nExit code 2 says that there are some.")]
pub(crate) struct Conflicts {}

impl Conflicts {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let conflicts = repo.conflicts().await?.iter().map(ConflictDoc::new).collect();
        done(Open { branch: repo.branch().into(), conflicts })
    }
}

/// Conflicts.
#[derive(Serialize)]
struct Open {
    branch: String,
    conflicts: Vec<ConflictDoc>,
}

impl Told for Open {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        if self.conflicts.is_empty() {
            return page.remark("No open conflicts.");
        }
        print_conflicts(&self.conflicts, page)?;
        let one = clean(&self.conflicts[0].place).into_owned();
        page.remark(format!(
            "{} open. Choose a side: trellis resolve {one} --take A",
            count(self.conflicts.len(), "conflict")
        ))
    }

    fn exit(&self) -> Exit {
        exit_of(&self.conflicts)
    }
}

/// Exit code 2 where conflicts are open.
pub(crate) fn exit_of(conflicts: &[ConflictDoc]) -> Exit {
    if conflicts.is_empty() { Exit::Done } else { Exit::ConflictsOpen }
}

/// Each place with what was there and what every side says.
pub(crate) fn print_conflicts(conflicts: &[ConflictDoc], page: &mut Page<'_>) -> io::Result<()> {
    conflicts.iter().try_for_each(|conflict| {
        page.line(page.paint(Look::Name, &clean(&conflict.place)))?;
        let mut rows = vec![vec![Cell::new(Look::Dim, "  was"), Cell::new(Look::Plain, &conflict.base.line)]];
        rows.extend(conflict.sides.iter().map(|side| {
            vec![
                Cell::new(Look::Name, &format!("  {}", side.side)),
                Cell::new(Look::Plain, &side.value.line),
                Cell::new(Look::Dim, &format!("by {}", side.author.get(..8).unwrap_or_default())),
                page.id_cell(&side.op),
            ]
        }));
        page.table(&rows)
    })
}
