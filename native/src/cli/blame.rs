//! `trellis blame`: who wrote which line of a file.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use trellis_sync::core::op::id::{Author, OpId};
use trellis_sync::core::output::OpView;
use trellis_sync::core::time::Hlc;
use trellis_sync::files::{Blame as Blamed, Workspace};
use trellis_sync::{Repo, Result};

use super::context::{Context, heads_named};
use super::doc::ids;
use super::files::file_path;
use super::history::{Record, records_about, told_with};
use super::page::{Cell, Look, Page};
use super::report::{Outcome, Told, done};
use super::words::{count, local_time, timestamp};

/// Show who wrote which line of a file, and when
///
/// Lines are followed through renames, merges and branches.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  trellis blame notes.txt\n  trellis blame --at 7515aab3a2c1 notes.txt")]
pub(crate) struct Blame {
    /// The file
    path: PathBuf,
    /// As it was at this op, or on this branch
    #[arg(long, value_name = "OP")]
    at: Option<String>,
}

impl Blame {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let path = file_path(context, repo.folder(), &self.path)?;
        let at = heads_named(&repo, self.at.as_deref()).await?;
        let blamed = Workspace::look_back(&repo)?.blame(&path, &at).await?;
        let writers = Writers::of(&repo, &at, &blamed).await?;
        let lines = blamed.lines.iter().enumerate().map(|(at, line)| LineDoc {
            line: at + 1,
            op: line.op.map(|op| writers.told(op).to_string()),
            text: String::from_utf8_lossy(line.text.strip_suffix(b"\n").unwrap_or(&line.text)).into_owned(),
        });
        done(Shown {
            branch: repo.branch().into(),
            path: path.to_string(),
            at: ids(&at),
            lines: lines.collect(),
            ops: writers.docs(),
            absent: ids(&blamed.absent),
        })
    }
}

/// Who made the writes that lines come from, and in which records.
struct Writers {
    writes: Vec<OpView>,
    records: Vec<Record>,
    /// By write the note of its record.
    notes: BTreeMap<OpId, OpId>,
    names: BTreeMap<Author, String>,
}

impl Writers {
    async fn of(repo: &Repo, at: &[OpId], blamed: &Blamed) -> Result<Writers> {
        let about: BTreeSet<OpId> = blamed.lines.iter().filter_map(|line| line.op).collect();
        let writes = repo.ops(&about.iter().copied().collect::<Vec<_>>()).await?;
        let mut branches: BTreeSet<String> = repo.ops(at).await?.into_iter().map(|head| head.branch).collect();
        branches.extend(at.is_empty().then(|| repo.branch().to_owned()));
        let mut records = Vec::new();
        for branch in branches {
            let log = repo.on_branch(&branch).log(None, usize::MAX).await?;
            records.append(&mut records_about(repo, &log, &about).await?);
        }
        let names = repo.members().await?.into_iter();
        let names = names.filter_map(|member| Some((member.author, member.name?))).collect();
        Ok(Writers { writes, notes: told_with(&records), records, names })
    }

    /// What people know a write by: its record, or else itself.
    fn told(&self, write: OpId) -> OpId {
        self.notes.get(&write).copied().unwrap_or(write)
    }

    fn docs(&self) -> Vec<WriterDoc> {
        let messages: BTreeMap<OpId, &str> =
            self.records.iter().filter_map(|record| Some((record.note, record.message.as_deref()?))).collect();
        let doc = |write: &OpView| {
            let op = self.told(write.id);
            let author = write.author.to_string();
            let name = self.names.get(&write.author).filter(|name| !name.is_empty()).cloned();
            WriterDoc {
                op: op.to_string(),
                write: write.id.to_string(),
                shown: write.actor.clone().or(name.clone()).unwrap_or_else(|| author.chars().take(8).collect()),
                author,
                name,
                actor: write.actor.clone(),
                timestamp: timestamp(write.hlc),
                message: messages.get(&op).map(|message| (*message).to_owned()),
                hlc: write.hlc,
            }
        };
        let mut docs: Vec<WriterDoc> = self.writes.iter().map(doc).collect();
        docs.sort_by(|left, right| (left.hlc, &left.op).cmp(&(right.hlc, &right.op)));
        docs
    }
}

/// The lines of a file with who wrote them.
#[derive(Serialize)]
struct Shown {
    branch: String,
    path: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    at: Vec<String>,
    lines: Vec<LineDoc>,
    ops: Vec<WriterDoc>,
    /// Writes whose content was needed and is not here.
    absent: Vec<String>,
}

/// A line.
#[derive(Serialize)]
struct LineDoc {
    line: usize,
    op: Option<String>,
    text: String,
}

/// A write that lines come from.
#[derive(Serialize)]
struct WriterDoc {
    op: String,
    write: String,
    author: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// What people call who wrote it.
    #[serde(skip)]
    shown: String,
    #[serde(skip)]
    hlc: Hlc,
}

impl Told for Shown {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let writers: BTreeMap<&str, &WriterDoc> = self.ops.iter().map(|writer| (writer.op.as_str(), writer)).collect();
        let width = self.lines.len().to_string().len();
        let row = |line: &LineDoc| {
            let writer = line.op.as_deref().and_then(|op| writers.get(op));
            let (who, when) =
                writer.map_or_else(Default::default, |writer| (writer.shown.clone(), local_time(writer.hlc)));
            vec![
                writer.map_or_else(|| Cell::new(Look::Bad, "not here"), |writer| page.id_cell(&writer.op)),
                Cell::new(Look::Plain, &who),
                Cell::new(Look::Dim, &when),
                Cell::new(Look::Dim, &format!("{:>width$}", line.line)),
                Cell::new(Look::Plain, &line.text),
            ]
        };
        page.table(&self.lines.iter().map(row).collect::<Vec<_>>())?;
        match self.absent.len() {
            0 => Ok(()),
            writes => {
                let absent: Vec<String> = self.absent.iter().map(|op| page.id(op)).collect();
                let (what, absent) = (count(writes, "write"), absent.join(", "));
                page.remark(format!(
                    "The content of {what} is not on this device, so some lines may be older: {absent}."
                ))
            }
        }
    }
}
