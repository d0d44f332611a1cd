//! `trellis import`: takes what a bundle holds.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use trellis_sync::core::output::ImportReport;
use trellis_sync::files::{Carried, Workspace};
use trellis_sync::{Code, TrellisError};

use super::context::Context;
use super::doc::ids;
use super::files::{SettledDoc, missing_blobs, print_missing};
use super::import_git::ImportGit;
use super::page::Page;
use super::report::{ErrorDoc, Exit, Outcome, Told, done};
use super::words::count;

/// Take what is in a file that `trellis export` wrote, or the history of a git repository
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples:
  trellis import notes.bundle
  trellis import git ../project

To begin a repo from such a file, clone it. A file whose name is git is ./git here.")]
pub(crate) struct Import {
    /// The file
    #[arg(required = true)]
    file: Option<PathBuf>,
    #[command(subcommand)]
    from: Option<From>,
}

/// What else can be imported.
#[derive(Debug, Subcommand)]
enum From {
    Git(ImportGit),
}

impl Import {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        match (self.from, self.file) {
            (Some(From::Git(git)), _) => git.run(context).await,
            (None, file) => Import::bundle(&file.unwrap_or_default(), context).await,
        }
    }

    async fn bundle(file: &Path, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let (report, carried) = repo.import_bundle(context.path(file)).await?;
        let imported = Imported::new(report, &carried);
        let folder = Workspace::follow(&repo).await?.as_ref().map(SettledDoc::new);
        done(Imported { folder, ..imported })
    }
}

/// What became of ops from elsewhere.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    admitted: usize,
    known: usize,
    blobs: usize,
    missing_blobs: Vec<String>,
    held: Vec<String>,
    refused: Vec<RefusedDoc>,
    dropped: Vec<String>,
    malformed: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<SettledDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorDoc>,
}

#[derive(Serialize)]
struct RefusedDoc {
    op: String,
    reason: String,
}

impl Imported {
    fn new(report: ImportReport, carried: &Carried) -> Imported {
        let refused = report.refused.iter();
        let refused = refused.map(|(op, reason)| RefusedDoc { op: op.to_string(), reason: reason.to_string() });
        let mut imported = Imported {
            admitted: report.admitted.len(),
            known: report.known,
            blobs: carried.blobs.len(),
            missing_blobs: missing_blobs(carried),
            held: ids(&report.held),
            refused: refused.collect(),
            dropped: ids(&report.dropped),
            malformed: report.malformed,
            folder: None,
            error: None,
        };
        imported.error = (imported.bad() > 0).then(|| ErrorDoc::from(&imported.refusal()));
        imported
    }

    fn bad(&self) -> usize {
        self.refused.len() + self.dropped.len() + self.malformed
    }

    fn refusal(&self) -> TrellisError {
        let bad = count(self.bad(), "op");
        TrellisError::new(
            Code::InvalidOp,
            format!("{bad} of the file break the rules and were not taken; the others were."),
        )
    }
}

impl Told for Imported {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        page.remark(format!("Took {}; {} were here already.", count(self.admitted, "op"), self.known))?;
        if !self.held.is_empty() {
            page.line(format!("{} wait for ops that are not here.", count(self.held.len(), "op")))?;
        }
        self.refused.iter().try_for_each(|refused| {
            let op = page.id(&refused.op);
            page.line(format!("  {op} is refused: {}", refused.reason))
        })?;
        print_missing(&self.missing_blobs, page)?;
        self.folder.as_ref().map_or(Ok(()), |folder| folder.print(page))?;
        if self.error.is_some() { page.line(self.refusal().message()) } else { Ok(()) }
    }

    fn exit(&self) -> Exit {
        match (&self.error, &self.folder) {
            (Some(_), _) => Exit::Error,
            (None, folder) => folder.as_ref().map_or(Exit::Done, SettledDoc::exit),
        }
    }
}
