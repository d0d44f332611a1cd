//! `trellis show`: one op, whole, or a file as it was.

mod file;

use std::io;

use clap::Args;
use serde::Serialize;
use trellis_sync::core::op::id::OpId;
use trellis_sync::core::output::OpView;
use trellis_sync::files::{FileDiff, Workspace};
use trellis_sync::{Code, Repo, Result, TrellisError};

use crate::cli::context::Context;
use crate::cli::diff::DiffDoc;
use crate::cli::doc::OpDoc;
use crate::cli::fork::ForkDoc;
use crate::cli::history::{RecordDoc, is_note, record_of};
use crate::cli::page::{Cell, Look, Page};
use crate::cli::report::{Outcome, Told, done};
use crate::cli::words::{count, local_time, pretty_body};
use file::show_files;

/// Show one op with its content, a record with what it changed, or a file as it was
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trellis show 7515aab3a2c1
  trellis show 7515aab3a2c1:docs/notes.txt
  trellis show draft:docs")]
pub(crate) struct Show {
    /// An op: the first digits of its id, or the branch that ends in it; and behind a colon a file or folder
    #[arg(value_name = "OP[:PATH]")]
    what: String,
}

impl Show {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        match self.what.split_once(':') {
            Some((op, path)) => show_files(context, op, path).await,
            None => self.show_op(context).await,
        }
    }

    async fn show_op(&self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let view = repo.op(one_head(&repo, &self.what).await?).await?;
        let content = view.stored.as_ref().map(pretty_body).unwrap_or_default();
        let op = OpDoc::new(&view);
        let forks = repo.forks().await?;
        let forks = forks.iter().filter(|fork| fork.ops.contains(&view.id)).map(|fork| ForkDoc::new(fork, None));
        let record = match is_note(&view) {
            true => Some(recorded(&repo, &view).await?),
            false => None,
        };
        done(Shown { op, forks: forks.collect(), record, time: local_time(view.hlc), content })
    }
}

/// The op that a name stands for.
async fn one_head(repo: &Repo, name: &str) -> Result<OpId> {
    match repo.find_heads(name).await?.as_slice() {
        [head] => Ok(*head),
        heads => {
            let heads: Vec<String> = heads.iter().map(|head| head.short()).collect();
            let message = format!("The branch {name} has several heads. Show one of them: {}.", heads.join(", "));
            Err(TrellisError::new(Code::InvalidArgument, message))
        }
    }
}

/// A record, and what it changed in files.
async fn recorded(repo: &Repo, note: &OpView) -> Result<RecordShown> {
    let (record, before) = record_of(repo, note).await?;
    let mut files = Vec::new();
    let visit = |diff: FileDiff| {
        files.push(DiffDoc::new(&diff));
        Ok(())
    };
    Workspace::look(&repo.on_branch(&note.branch))?.diff_record(&before, note.id, visit).await?;
    Ok(RecordShown { record: RecordDoc::new(&record), files })
}

/// A record with what it changed.
#[derive(Serialize)]
struct RecordShown {
    #[serde(flatten)]
    record: RecordDoc,
    files: Vec<DiffDoc>,
}

/// An op.
#[derive(Serialize)]
struct Shown {
    op: OpDoc,
    forks: Vec<ForkDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<RecordShown>,
    #[serde(skip)]
    time: String,
    #[serde(skip)]
    content: String,
}

impl Told for Shown {
    fn is_long(&self) -> bool {
        true
    }

    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let op = &self.op;
        let ids = |name: &str, ids: &[String], page: &Page<'_>| {
            let name = name.to_owned();
            ids.iter().map(|id| vec![Cell::new(Look::Dim, &name), page.id_cell(id)]).collect::<Vec<_>>()
        };
        let said = |name: &str, text: &str| vec![Cell::new(Look::Dim, name), Cell::new(Look::Plain, text)];
        let mut rows = vec![
            vec![Cell::new(Look::Dim, "op"), Cell::new(Look::Id, &op.hash)],
            match &self.record {
                Some(shown) => said("records", &count(shown.record.changes, "change")),
                None => said("does", &format!("{} {}", op.kind, op.entity())),
            },
            said("branch", &op.branch),
            said("time", &self.time),
            said("author", &format!("{}, op {} of its chain", op.agent_id, op.seq)),
        ];
        rows.extend(op.actor.iter().map(|actor| said("for", actor)));
        rows.extend(ids("after", &op.parents, page));
        rows.extend(ids("replaces", &op.base, page));
        let siblings = self.forks.iter().filter_map(|fork| fork.other_than(&op.hash));
        rows.extend(siblings.map(|other| vec![Cell::new(Look::Bad, "forked with"), page.id_cell(other)]));
        if !op.effective {
            rows.push(vec![Cell::new(Look::Bad, "without effect")]);
        }
        page.table(&rows)?;
        if let Some(shown) = &self.record {
            page.line("")?;
            if let Some(message) = &shown.record.message {
                page.value(&format!("{message}\n"))?;
            }
            return shown.files.iter().try_for_each(|file| file.print(page));
        }
        if self.content.is_empty() { Ok(()) } else { page.value(&format!("\n{}", self.content)) }
    }
}
