//! `trellis restore`: gives files back.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::{Context, heads_named};
use super::files::file_paths;
use super::page::{Page, clean};
use super::report::{Outcome, Told, done};
use super::words::count;

/// Give files back what was recorded of them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trellis restore notes.txt
  trellis restore --from 7515aab3a2c1 docs

What is not recorded of these files is lost.")]
pub(crate) struct Restore {
    /// The files, and folders with all that is tracked in them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// What they were at this op or on this branch, instead of what was recorded last
    #[arg(long, value_name = "OP", visible_alias = "at")]
    from: Option<String>,
}

impl Restore {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let mut workspace = context.workspace().await?;
        let paths = file_paths(context, workspace.repo().folder(), &self.paths)?;
        let from = heads_named(workspace.repo(), self.from.as_deref()).await?;
        let restored = workspace.restore(&paths, &from).await?;
        done(Restored { restored: restored.iter().map(ToString::to_string).collect() })
    }
}

/// Files that were given back.
#[derive(Serialize)]
struct Restored {
    restored: Vec<String>,
}

impl Told for Restored {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        self.restored.iter().try_for_each(|path| page.line(format!("  {}", clean(path))))?;
        match self.restored.len() {
            0 => page.remark("Nothing to give back: these files are so already."),
            files => page.remark(format!("Gave back {}.", count(files, "file"))),
        }
    }
}
