//! `trellis mv`: moves files, and records that they are the same.

use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use super::files::file_path;
use super::record::Done;
use super::report::{Outcome, done};

/// Move a file or folder, and record that it is the same
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  trellis mv notes.txt docs/notes.txt\n\nThe move is recorded at once, and nothing else."
)]
pub(crate) struct Mv {
    /// The file or folder
    from: PathBuf,
    /// Its new place
    to: PathBuf,
}

impl Mv {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let mut workspace = context.workspace().await?;
        let from = file_path(context, workspace.repo().folder(), &self.from)?;
        let to = file_path(context, workspace.repo().folder(), &self.to)?;
        let recorded = workspace.mv(&from, &to).await?;
        done(Done::new(workspace.branch(), &recorded))
    }
}
