//! What `log`, `show` and `blame` know of records: the note, and the ops that it speaks of.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use trellis_sync::core::op::id::OpId;
use trellis_sync::core::op::json::Value;
use trellis_sync::core::output::OpView;
use trellis_sync::{Repo, Result};

use super::doc::ids;
use super::words::json_of;

/// The collection of the notes about records.
const RECORDS: &str = "_records";

/// A record.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The note about it.
    pub(crate) note: OpId,
    pub(crate) message: Option<String>,
    pub(crate) time: Option<String>,
    /// How many ops it is made of.
    pub(crate) changes: usize,
    /// Those ops, oldest first; the oldest are left out where nobody asked for so many.
    pub(crate) ops: Vec<OpId>,
}

impl Record {
    /// What people read about it in one line.
    pub(crate) fn title(&self) -> &str {
        self.message.as_deref().and_then(|message| message.lines().next()).unwrap_or("(no message)")
    }
}

/// A record in a document.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RecordDoc {
    pub(crate) op: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
    pub(crate) changes: usize,
    pub(crate) ops: Vec<String>,
}

impl RecordDoc {
    pub(crate) fn new(record: &Record) -> RecordDoc {
        RecordDoc {
            op: record.note.to_string(),
            message: record.message.clone(),
            time: record.time.clone(),
            changes: record.changes,
            ops: ids(&record.ops),
        }
    }
}

/// Whether an op is the note about a record.
pub(crate) fn is_note(op: &OpView) -> bool {
    op.collection == RECORDS
}

/// The records whose notes are among some ops.
pub(crate) async fn records_among(repo: &Repo, ops: &[OpView]) -> Result<Vec<Record>> {
    let notes = ops.iter().filter(|op| is_note(op)).map(|op| op.id);
    records_of_notes(repo, ops, notes.collect()).await
}

/// The records among some ops that are about any of these. What is looked for is between a note and the one before it
/// on its chain, so the other notes are not read.
pub(crate) async fn records_about(repo: &Repo, ops: &[OpView], about: &BTreeSet<OpId>) -> Result<Vec<Record>> {
    let by_id: HashMap<OpId, &OpView> = ops.iter().map(|op| (op.id, op)).collect();
    let may_be_about = |note: &&OpView| {
        let before = |op: &&OpView| op.prev.and_then(|prev| by_id.get(&prev).copied());
        let chain = std::iter::successors(before(note), before).take_while(|op| !is_note(op));
        about.contains(&note.id) || chain.into_iter().any(|op| about.contains(&op.id))
    };
    let notes = ops.iter().filter(|op| is_note(op)).filter(may_be_about).map(|op| op.id).collect();
    let mut records = records_of_notes(repo, ops, notes).await?;
    records.retain(|record| about.contains(&record.note) || record.ops.iter().any(|op| about.contains(op)));
    Ok(records)
}

async fn records_of_notes(repo: &Repo, ops: &[OpView], notes: Vec<OpId>) -> Result<Vec<Record>> {
    let by_id: HashMap<OpId, &OpView> = ops.iter().map(|op| (op.id, op)).collect();
    let mut records = Vec::new();
    for note in repo.ops(&notes).await? {
        let record = read_note(&note);
        let known = |id: &OpId| by_id.get(id).and_then(|op| op.prev);
        let chain = std::iter::successors(note.prev, known).take(record.changes).filter(|id| by_id.contains_key(id));
        let mut made: Vec<OpId> = chain.collect();
        made.reverse();
        records.push(Record { ops: made, ..record });
    }
    Ok(records)
}

/// One record, whole, and what the author of its first op saw.
pub(crate) async fn record_of(repo: &Repo, note: &OpView) -> Result<(Record, Vec<OpId>)> {
    let record = read_note(note);
    let (mut made, mut parents, mut at) = (Vec::new(), note.parents.clone(), note.prev);
    while let Some(id) = at.filter(|_| made.len() < record.changes) {
        let op = repo.op(id).await?;
        made.push(id);
        (parents, at) = (op.parents, op.prev);
    }
    made.reverse();
    Ok((Record { ops: made, ..record }, parents))
}

/// By op the note of the record that it is part of.
pub(crate) fn told_with(records: &[Record]) -> BTreeMap<OpId, OpId> {
    records.iter().flat_map(|record| record.ops.iter().map(|op| (*op, record.note))).collect()
}

/// What a note says, without the ops that it speaks of.
fn read_note(note: &OpView) -> Record {
    let said = note.stored.as_ref().and_then(json_of);
    let text = |name: &str| said.as_ref()?.member(name)?.as_str().map(ToOwned::to_owned);
    let changes = said.as_ref().and_then(|said| said.member("ops")).and_then(Value::as_integer);
    let changes = changes.and_then(|changes| usize::try_from(changes).ok()).unwrap_or_default();
    Record { note: note.id, message: text("message"), time: text("time"), changes, ops: Vec::new() }
}
