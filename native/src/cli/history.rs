//! What `log` and `show` know of records: the note, and the ops that it speaks of.

use std::collections::{BTreeMap, BTreeSet};

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
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordDoc {
    /// The note about it.
    pub(crate) op: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
    /// How many ops it is made of.
    pub(crate) changes: usize,
    /// Those ops, oldest first; the oldest are left out where nobody asked for so many.
    pub(crate) ops: Vec<String>,
}

impl RecordDoc {
    /// What people read about it in one line.
    pub(crate) fn title(&self) -> &str {
        self.message.as_deref().and_then(|message| message.lines().next()).unwrap_or("(no message)")
    }
}

/// Whether an op is the note about a record.
pub(crate) fn is_note(op: &OpView) -> bool {
    op.collection == RECORDS
}

/// The records whose notes are among some ops.
pub(crate) async fn records_among(repo: &Repo, ops: &[OpView]) -> Result<Vec<RecordDoc>> {
    let by_id: BTreeMap<OpId, &OpView> = ops.iter().map(|op| (op.id, op)).collect();
    let mut records = Vec::new();
    for note in ops.iter().filter(|op| is_note(op)) {
        let record = read_note(repo, note.id).await?;
        let known = |id: &OpId| by_id.get(id).and_then(|op| op.prev);
        let chain = std::iter::successors(note.prev, known).take(record.changes).filter(|id| by_id.contains_key(id));
        let mut made: Vec<OpId> = chain.collect();
        made.reverse();
        records.push(RecordDoc { ops: ids(&made), ..record });
    }
    Ok(records)
}

/// One record, whole, and what the author of its first op saw.
pub(crate) async fn record_of(repo: &Repo, note: &OpView) -> Result<(RecordDoc, Vec<OpId>)> {
    let record = read_note(repo, note.id).await?;
    let (mut made, mut parents, mut at) = (Vec::new(), note.parents.clone(), note.prev);
    while let Some(id) = at.filter(|_| made.len() < record.changes) {
        let op = repo.op(id).await?;
        made.push(id);
        (parents, at) = (op.parents, op.prev);
    }
    made.reverse();
    Ok((RecordDoc { ops: ids(&made), ..record }, parents))
}

/// Ops that are told with the records that they are part of.
pub(crate) fn told_with(records: &[RecordDoc]) -> BTreeSet<&str> {
    records.iter().flat_map(|record| record.ops.iter().map(String::as_str)).collect()
}

/// What a note says.
async fn read_note(repo: &Repo, note: OpId) -> Result<RecordDoc> {
    let said = repo.op(note).await?.stored.as_ref().and_then(json_of);
    let text = |name: &str| said.as_ref()?.member(name)?.as_str().map(ToOwned::to_owned);
    let changes = said.as_ref().and_then(|said| said.member("ops")).and_then(Value::as_integer);
    let changes = changes.and_then(|changes| usize::try_from(changes).ok()).unwrap_or_default();
    let (message, time) = (text("message"), text("time"));
    Ok(RecordDoc { op: note.to_string(), message, time, changes, ops: Vec::new() })
}
