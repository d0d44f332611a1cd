//! `trellis export`: a repo as a file.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use trellis_sync::Exported;

use super::context::Context;
use super::files::print_missing;
use super::page::{Page, clean};
use super::report::{Outcome, Told, done};
use super::words::count;

/// Write the repo to a file, to carry it by hand
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
        let exported = repo.export_bundle(context.path(&self.file), known).await?;
        done(ExportDoc::new(exported, self.file))
    }
}

/// A bundle that was written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportDoc {
    ops: usize,
    blobs: usize,
    missing_blobs: Vec<String>,
    file: PathBuf,
}

impl ExportDoc {
    fn new(exported: Exported, file: PathBuf) -> ExportDoc {
        let missing = exported.missing.iter().map(|blob| blob.blob.to_string());
        ExportDoc { ops: exported.ops, blobs: exported.blobs, missing_blobs: missing.collect(), file }
    }
}

impl Told for ExportDoc {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let file = self.file.display().to_string();
        let blobs = if self.blobs > 0 { format!(" and {}", count(self.blobs, "blob")) } else { String::new() };
        page.remark(format!("Wrote {}{blobs} to {}.", count(self.ops, "op"), clean(&file)))?;
        print_missing(&self.missing_blobs, page)
    }
}
