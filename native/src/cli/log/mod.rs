//! `trellis log`: what was done on a branch, newest first or in lines.

mod entries;
mod graph;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use clap::Args;
use serde::Serialize;
use trellis_sync::core::op::id::OpId;
use trellis_sync::core::op::kind::Kind;
use trellis_sync::core::output::{BranchView, OpView};
use trellis_sync::core::view::files::FILES;
use trellis_sync::{Code, Entity, Repo, Result, TrellisError};

use self::entries::{Entry, entries, in_lines, nodes, only};
use self::graph::{Drawn, Row, draw};
use super::context::Context;
use super::doc::{OpDoc, ids};
use super::files::{FilePaths, file_path, shown_paths};
use super::history::{Record, RecordDoc, records_about, records_among, told_with};
use super::page::{Cell, Look, Page};
use super::report::{Outcome, Told, done};
use super::words::{count, json_of, local_time};

/// Show what was done on the branch, newest first
///
/// A record is one line; every other op is one, too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trellis log
  trellis log notes.txt
  trellis log notes/1 -n 10
  trellis log --graph --all")]
pub(crate) struct Log {
    /// Only what changed files that are or were here, or wrote this entity
    place: Option<String>,
    /// At most so many lines
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 1000)]
    max: usize,
    /// Draw what came after what
    #[arg(long)]
    graph: bool,
    /// Of all branches, not only the present one
    #[arg(long)]
    all: bool,
}

impl Log {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let mut found = self.find(context, &repo).await?;
        if self.graph {
            found.entries = in_lines(only(entries(&found.ops, &found.records), &found.shown()));
        }
        found.entries.truncate(self.max);
        let mut names = Names::of(&repo, &found).await?;
        if self.graph || self.all {
            names.heads = found.heads(&repo.branches().await?);
        }
        done(Logged::new(repo.branch(), found, &names, self.graph))
    }

    async fn find(&self, context: &Context, repo: &Repo) -> Result<Found> {
        let branches = self.branches(repo).await?;
        let wanted = match &self.place {
            Some(place) => Some(wanted(context, repo, &branches, place).await?),
            None => None,
        };
        let found = match (&wanted, self.graph || self.all) {
            (None, false) => return newest(repo, self.max).await,
            (Some(Wanted::Entity(entity)), false) => Found::new(repo.log(Some(entity), self.max).await?, Vec::new()),
            (wanted, _) => Found::among(repo, ops_of(&branches).await?, wanted.as_ref()).await?,
        };
        match &self.place {
            Some(place) if found.entries.is_empty() => Err(nothing_at(place)),
            _ => Ok(found),
        }
    }

    /// The branches that are looked at.
    async fn branches(&self, repo: &Repo) -> Result<Vec<Repo>> {
        if !self.all {
            return Ok(vec![repo.clone()]);
        }
        let branches = repo.branches().await?;
        let names = branches.iter().map(|branch| branch.name.as_str()).filter(|name| !name.starts_with('_'));
        Ok(names.map(|name| repo.on_branch(name)).collect())
    }
}

/// What a place of the command line stands for.
enum Wanted {
    Files(BTreeSet<String>),
    Entity(Entity),
}

impl Wanted {
    fn has(&self, op: &OpView) -> bool {
        match self {
            Wanted::Files(keys) => op.collection == FILES && keys.contains(&op.key),
            Wanted::Entity(Entity { collection, key }) => {
                op.kind != Kind::Merge && op.collection == *collection && op.key == *key
            }
        }
    }
}

/// The files that are or were at a path or below it, whatever their names were before or since; else an entity.
async fn wanted(context: &Context, repo: &Repo, branches: &[Repo], typed: &str) -> Result<Wanted> {
    if let Ok(path) = file_path(context, repo.folder(), Path::new(typed)) {
        let mut keys = BTreeSet::new();
        for branch in branches {
            keys.extend(branch.files_ever(&path).await?);
        }
        if !keys.is_empty() {
            return Ok(Wanted::Files(keys));
        }
    }
    typed.parse().map(Wanted::Entity).map_err(|cause| nothing_at(typed).caused_by(cause))
}

fn nothing_at(place: &str) -> TrellisError {
    let message = format!("No file is or was at {place}, and no op writes an entity of this name. See `trellis ls`.");
    TrellisError::new(Code::NotFound, message)
}

/// The ops of some branches together, the newest first.
async fn ops_of(branches: &[Repo]) -> Result<Vec<OpView>> {
    let mut ops: BTreeMap<_, OpView> = BTreeMap::new();
    for branch in branches {
        ops.extend(branch.log(None, usize::MAX).await?.into_iter().map(|op| ((op.hlc, op.id), op)));
    }
    Ok(ops.into_values().rev().collect())
}

/// Enough ops of the branch to fill the lines, with their records.
async fn newest(repo: &Repo, lines_max: usize) -> Result<Found> {
    let mut ops_max = lines_max;
    loop {
        let ops = repo.log(None, ops_max).await?;
        let read = ops.len();
        let records = records_among(repo, &ops).await?;
        let found = Found::new(ops, records);
        let shown: BTreeSet<OpId> = found.entries.iter().take(lines_max).map(|entry| entry.op).collect();
        let is_cut = |record: &Record| record.ops.len() < record.changes && shown.contains(&record.note);
        let is_full = shown.len() == lines_max || found.records.is_empty();
        if read < ops_max || (is_full && !found.records.iter().any(is_cut)) {
            return Ok(found);
        }
        ops_max = ops_max.saturating_mul(4).max(1);
    }
}

/// Ops, the newest first, their records, and the lines of the log.
struct Found {
    ops: Vec<OpView>,
    records: Vec<Record>,
    entries: Vec<Entry>,
}

impl Found {
    fn new(ops: Vec<OpView>, records: Vec<Record>) -> Found {
        let entries = entries(&ops, &records);
        Found { ops, records, entries }
    }

    /// What is wanted of some ops, with the records that it is part of.
    async fn among(repo: &Repo, ops: Vec<OpView>, wanted: Option<&Wanted>) -> Result<Found> {
        let Some(wanted) = wanted else {
            let records = records_among(repo, &ops).await?;
            return Ok(Found::new(ops, records));
        };
        let about: BTreeSet<OpId> = ops.iter().filter(|op| wanted.has(op)).map(|op| op.id).collect();
        let records = records_about(repo, &ops, &about).await?;
        let mut found = Found::new(ops, records);
        let notes: BTreeSet<OpId> = found.records.iter().map(|record| record.note).collect();
        found.entries.retain(|entry| about.contains(&entry.op) || notes.contains(&entry.op));
        Ok(found)
    }

    fn shown(&self) -> BTreeSet<OpId> {
        self.entries.iter().map(|entry| entry.op).collect()
    }

    /// By entry the branches that end in it.
    fn heads(&self, branches: &[BranchView]) -> BTreeMap<OpId, Vec<String>> {
        let told = told_with(&self.records);
        let mut heads: BTreeMap<OpId, Vec<String>> = BTreeMap::new();
        for branch in branches.iter().filter(|branch| !branch.name.starts_with('_')) {
            for head in &branch.heads {
                heads.entry(*told.get(head).unwrap_or(head)).or_default().push(branch.name.clone());
            }
        }
        heads
    }
}

/// What people call what lines are about.
#[derive(Default)]
struct Names {
    /// By entry the branches that end in it.
    heads: BTreeMap<OpId, Vec<String>>,
    /// Why branches were joined.
    messages: BTreeMap<OpId, String>,
    /// Where files are shown that are written outside of records.
    paths: FilePaths,
}

impl Names {
    async fn of(repo: &Repo, found: &Found) -> Result<Names> {
        let shown = found.shown();
        let is_shown = |op: &&OpView| shown.contains(&op.id);
        let joins = found.ops.iter().filter(is_shown).filter(|op| op.kind == Kind::Merge).map(|op| op.id);
        let said = |op: OpView| {
            let said = json_of(op.stored.as_ref()?)?;
            Some((op.id, said.member("message")?.as_str()?.lines().next()?.to_owned()))
        };
        let messages = repo.ops(&joins.collect::<Vec<_>>()).await?.into_iter().filter_map(said).collect();
        let has_files = found.ops.iter().filter(is_shown).any(|op| op.collection == FILES);
        let paths = if has_files { shown_paths(&repo.files(&[]).await?) } else { FilePaths::new() };
        Ok(Names { heads: BTreeMap::new(), messages, paths })
    }

    fn heads_of(&self, entry: OpId) -> &[String] {
        self.heads.get(&entry).map(Vec::as_slice).unwrap_or_default()
    }

    /// What a line is about: an op that is no record.
    fn what(&self, op: &OpView) -> String {
        let path = self.paths.get(&op.key).filter(|_| op.collection == FILES);
        match (op.kind, self.messages.get(&op.id), path) {
            (Kind::Merge, None, _) => format!("{} into {}", op.key, op.branch),
            (Kind::Merge, Some(message), _) => format!("{} into {}: {message}", op.key, op.branch),
            (_, _, Some(path)) => path.to_string(),
            (_, _, None) => Entity { collection: op.collection.clone(), key: op.key.clone() }.to_string(),
        }
    }
}

/// What was done.
#[derive(Serialize)]
struct Logged {
    branch: String,
    ops: Vec<OpDoc>,
    records: Vec<RecordDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<Vec<EntryDoc>>,
    #[serde(skip)]
    lines: Vec<Line>,
}

/// A line of a log that is drawn: what it came after, and the branches that end in it.
#[derive(Serialize)]
struct EntryDoc {
    op: String,
    parents: Vec<String>,
    heads: Vec<String>,
}

/// What people read of an entry.
struct Line {
    op: String,
    time: String,
    author: String,
    does: String,
    what: String,
    is_effective: bool,
    drawn: Option<Drawn>,
}

impl Logged {
    fn new(branch: &str, found: Found, names: &Names, is_drawn: bool) -> Logged {
        let Found { mut ops, mut records, entries } = found;
        let shown: BTreeSet<OpId> = entries.iter().map(|entry| entry.op).collect();
        records.retain(|record| shown.contains(&record.note));
        let told = told_with(&records);
        ops.retain(|op| shown.contains(&op.id) || told.contains_key(&op.id));
        let by_id: BTreeMap<OpId, &OpView> = ops.iter().map(|op| (op.id, op)).collect();
        let by_note: BTreeMap<OpId, &Record> = records.iter().map(|record| (record.note, record)).collect();
        let line = |(entry, drawn): (&Entry, Option<Drawn>)| {
            let op = by_id.get(&entry.op)?;
            Some(Line { drawn, ..Line::new(op, by_note.get(&entry.op).copied(), names) })
        };
        let drawn: Vec<Option<Drawn>> = match is_drawn {
            true => draw(&nodes(&entries)).into_iter().map(Some).collect(),
            false => entries.iter().map(|_| None).collect(),
        };
        let entry_doc = |entry: &Entry| EntryDoc {
            op: entry.op.to_string(),
            parents: ids(&entry.parents),
            heads: names.heads_of(entry.op).to_vec(),
        };
        Logged {
            branch: branch.into(),
            ops: ops.iter().map(OpDoc::new).collect(),
            records: records.iter().map(RecordDoc::new).collect(),
            lines: entries.iter().zip(drawn).filter_map(line).collect(),
            entries: is_drawn.then(|| entries.iter().map(entry_doc).collect()),
        }
    }
}

impl Line {
    fn new(op: &OpView, record: Option<&Record>, names: &Names) -> Line {
        let (does, what) = match record {
            Some(record) => ("record".into(), format!("{} ({})", record.title(), count(record.changes, "change"))),
            None => (OpDoc::new(op).kind, names.what(op)),
        };
        let heads = match names.heads_of(op.id) {
            [] => String::new(),
            heads => format!("({}) ", heads.join(", ")),
        };
        Line {
            op: op.id.to_string(),
            time: local_time(op.hlc),
            author: op.author.to_string().chars().take(8).collect(),
            does,
            what: format!("{heads}{what}"),
            is_effective: op.is_effective,
            drawn: None,
        }
    }

    fn row(&self, page: &Page<'_>) -> Vec<Cell> {
        let look = if self.is_effective { Look::Plain } else { Look::Dim };
        vec![
            page.id_cell(&self.op),
            Cell::new(Look::Dim, &self.time),
            Cell::new(Look::Dim, &self.author),
            Cell::new(look, &self.does),
            Cell::new(look, &self.what),
            Cell::new(Look::Bad, if self.is_effective { "" } else { "without effect" }),
        ]
    }
}

impl Told for Logged {
    fn is_long(&self) -> bool {
        true
    }

    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let rows: Vec<Vec<Cell>> = self.lines.iter().map(|line| line.row(page)).collect();
        let texts = page.aligned(&rows);
        for (line, text) in self.lines.iter().zip(texts) {
            let Some(drawn) = &line.drawn else {
                page.line(text)?;
                continue;
            };
            let gap = " ".repeat(drawn.width - drawn.own.len() + 1);
            page.line(format!("{}{gap}{text}", painted(&drawn.own, page)))?;
            drawn.below.iter().try_for_each(|row| page.line(painted(row, page)))?;
        }
        Ok(())
    }
}

/// A row of the drawing, each lane in its colour.
fn painted(row: &Row, page: &Page<'_>) -> String {
    let sign = |sign: &graph::Sign| match sign.sign {
        ' ' => " ".into(),
        drawn => page.paint(Look::Lane(sign.colour), drawn.encode_utf8(&mut [0; 4])),
    };
    row.iter().map(sign).collect()
}
