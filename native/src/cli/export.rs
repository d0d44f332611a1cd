//! `trellis export`: a repo as a file.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use trellis_sync::files::named_blobs;
use trellis_sync::write_bundle;

use super::context::Context;
use super::page::{Page, clean};
use super::report::{Outcome, Told, done};
use super::words::count;

/// Write the repo's ops to a file, to carry them by hand
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis export notes.bundle")]
pub(crate) struct Export {
    /// The new file
    file: PathBuf,
    /// Leave out this op and all that its author had seen; may be given several times
    #[arg(long, value_name = "OP")]
    known: Vec<String>,
}

impl Export {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let mut known = Vec::new();
        for op in &self.known {
            known.push(repo.find_op(op).await?);
        }
        let ops = repo.export(known).await?;
        let left_out = named_blobs(&ops);
        let ops = write_bundle(context.path(&self.file), ops)?;
        if !left_out.is_empty() {
            let files = count(left_out.len(), "file");
            context
                .note(&format!("The content of {files} is not in it; clone or reconcile with the folder carries it."));
        }
        done(Exported { ops, left_out: left_out.len(), file: self.file })
    }
}

/// A bundle that was written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    ops: usize,
    /// Blobs that the ops name and that the file does not hold.
    left_out: usize,
    file: PathBuf,
}

impl Told for Exported {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let file = self.file.display().to_string();
        page.remark(format!("Wrote {} to {}.", count(self.ops, "op"), clean(&file)))
    }
}
