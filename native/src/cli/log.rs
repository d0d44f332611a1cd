//! `trellis log`: what was done on a branch, newest first.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use clap::Args;
use serde::Serialize;
use trellis_sync::core::output::OpView;
use trellis_sync::core::time::Hlc;
use trellis_sync::core::view::files::FILES;
use trellis_sync::{Entity, Repo, Result};

use super::context::Context;
use super::doc::OpDoc;
use super::files::file_path;
use super::history::{RecordDoc, records_among, told_with};
use super::page::{Cell, Look, Page};
use super::report::{Outcome, Told, done};
use super::words::{count, local_time};

/// Show what was done on the branch, newest first
///
/// A record is one line; every other op is one, too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  trellis log\n  trellis log notes.txt\n  trellis log notes/1 -n 10")]
pub(crate) struct Log {
    /// Only what changed this file, or wrote this entity
    place: Option<String>,
    /// At most so many lines
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 1000)]
    max: usize,
}

impl Log {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let (mut ops, mut records) = match &self.place {
            None => everything(&repo, self.max).await?,
            Some(place) => match file_entity(context, &repo, place).await? {
                Some(file) => of_file(&repo, &file).await?,
                None => (repo.log(Some(&place.parse()?), self.max).await?, Vec::new()),
            },
        };
        let lines = lines(&ops, &records, self.max);
        let is_shown = |record: &RecordDoc| lines.contains(&record.op);
        records.retain(is_shown);
        let shown: BTreeSet<&str> = told_with(&records).into_iter().chain(lines.iter().map(String::as_str)).collect();
        ops.retain(|op| shown.contains(op.id.to_string().as_str()));
        let times = ops.iter().map(|op| op.hlc).collect();
        done(Logged { branch: repo.branch().into(), ops: ops.iter().map(OpDoc::new).collect(), records, lines, times })
    }
}

/// Enough ops of the branch to fill the lines, with their records.
async fn everything(repo: &Repo, lines_max: usize) -> Result<(Vec<OpView>, Vec<RecordDoc>)> {
    let mut ops_max = lines_max;
    loop {
        let ops = repo.log(None, ops_max).await?;
        let records = records_among(repo, &ops).await?;
        let shown = lines(&ops, &records, lines_max);
        let is_cut = |record: &RecordDoc| record.ops.len() < record.changes && shown.contains(&record.op);
        let is_full = shown.len() == lines_max || told_with(&records).is_empty();
        if ops.len() < ops_max || (is_full && !records.iter().any(is_cut)) {
            return Ok((ops, records));
        }
        ops_max = ops_max.saturating_mul(4).max(1);
    }
}

/// The entity of a file that the branch shows at a path of the folder.
async fn file_entity(context: &Context, repo: &Repo, typed: &str) -> Result<Option<Entity>> {
    let Ok(path) = file_path(context, repo.folder(), Path::new(typed)) else { return Ok(None) };
    let view = repo.files(&[]).await?;
    let key = view.tree.files.get(&path).map(|placed| placed.file.key.clone());
    Ok(key.map(|key| Entity { collection: FILES.into(), key }))
}

/// The ops that write a file, and the records that they are part of.
async fn of_file(repo: &Repo, file: &Entity) -> Result<(Vec<OpView>, Vec<RecordDoc>)> {
    let mut ops = repo.log(None, usize::MAX).await?;
    let is_of_file = |op: &OpView| op.collection == file.collection && op.key == file.key;
    let writes: BTreeSet<String> = ops.iter().filter(|op| is_of_file(op)).map(|op| op.id.to_string()).collect();
    let mut records = records_among(repo, &ops).await?;
    records.retain(|record| record.ops.iter().any(|op| writes.contains(op)));
    let notes: BTreeSet<&str> = records.iter().map(|record| record.op.as_str()).collect();
    ops.retain(|op| is_of_file(op) || notes.contains(op.id.to_string().as_str()));
    Ok((ops, records))
}

/// The ops that get a line: notes, and those that are part of no record.
fn lines(ops: &[OpView], records: &[RecordDoc], lines_max: usize) -> BTreeSet<String> {
    let told = told_with(records);
    let ids = ops.iter().map(|op| op.id.to_string());
    ids.filter(|op| !told.contains(op.as_str())).take(lines_max).collect()
}

/// What was done.
#[derive(Serialize)]
struct Logged {
    branch: String,
    ops: Vec<OpDoc>,
    records: Vec<RecordDoc>,
    #[serde(skip)]
    lines: BTreeSet<String>,
    #[serde(skip)]
    times: Vec<Hlc>,
}

impl Told for Logged {
    fn is_long(&self) -> bool {
        true
    }

    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let records: BTreeMap<&str, &RecordDoc> =
            self.records.iter().map(|record| (record.op.as_str(), record)).collect();
        let row = |(op, time): (&OpDoc, &Hlc)| {
            let look = if op.effective { Look::Plain } else { Look::Dim };
            let (does, what) = match records.get(op.hash.as_str()) {
                Some(record) => ("record", format!("{} ({})", record.title(), count(record.changes, "change"))),
                None => (op.kind.as_str(), op.entity().to_string()),
            };
            vec![
                page.id_cell(&op.hash),
                Cell::new(Look::Dim, &local_time(*time)),
                Cell::new(Look::Dim, op.agent_id.get(..8).unwrap_or_default()),
                Cell::new(look, does),
                Cell::new(look, &what),
                Cell::new(Look::Bad, if op.effective { "" } else { "without effect" }),
            ]
        };
        let told = self.ops.iter().zip(&self.times).filter(|(op, _)| self.lines.contains(&op.hash));
        let rows: Vec<_> = told.map(row).collect();
        page.table(&rows)
    }
}
