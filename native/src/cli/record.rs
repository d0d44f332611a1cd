//! `trellis record`: makes the folder's changes ops.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use trellis_sync::files::Recorded;

use super::context::Context;
use super::doc::ids;
use super::files::{ChangeDoc, SettledDoc, file_paths, note_bad_rules, print_changes};
use super::page::{Page, clean};
use super::report::{Exit, Outcome, Told, done};
use super::words::count;

/// Record what changed in the folder
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trellis record -m 'Mend the table'
  trellis record -m 'Only the docs' docs

What `.trellisignore` files name is not recorded. Exit code 2 says that conflicts are open.")]
pub(crate) struct Record {
    /// Only these files, and what lies below these folders
    paths: Vec<PathBuf>,
    /// What was done, and why
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
}

impl Record {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let mut workspace = context.workspace().await?;
        let paths = file_paths(context, workspace.repo().folder(), &self.paths)?;
        let recorded = workspace.record(&paths, self.message.as_deref()).await?;
        note_bad_rules(context, &recorded.changes);
        done(Done::new(workspace.branch(), &recorded))
    }
}

/// What was recorded.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Done {
    branch: String,
    changes: Vec<ChangeDoc>,
    ops: Vec<String>,
    in_conflict: Vec<String>,
    #[serde(flatten)]
    settled: SettledDoc,
}

impl Done {
    pub(crate) fn new(branch: &str, recorded: &Recorded) -> Done {
        Done {
            branch: branch.into(),
            changes: ChangeDoc::all(&recorded.changes),
            ops: ids(&recorded.ops),
            in_conflict: recorded.changes.in_conflict.keys().map(ToString::to_string).collect(),
            settled: SettledDoc::new(&recorded.settled),
        }
    }
}

impl Told for Done {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        match self.ops.last() {
            None => page.remark("Nothing changed since the last record.")?,
            Some(op) => {
                print_changes(&self.changes, page)?;
                let (op, changes) = (page.id(op), count(self.changes.len(), "change"));
                page.remark(format!("Recorded {changes} on {} ({op}).", clean(&self.branch)))?;
            }
        }
        for path in &self.in_conflict {
            let path = clean(path);
            page.line(format!("  {path} is in conflict and was left out; resolve it: `trellis resolve {path}`"))?;
        }
        self.settled.print(page)
    }

    fn exit(&self) -> Exit {
        if self.settled.file_conflicts.is_empty() { Exit::Done } else { Exit::ConflictsOpen }
    }
}
