//! The lines of a log as a history: each entry is a record or an op of its own, and came after others.

use std::collections::{BTreeSet, HashMap};

use trellis_sync::core::op::id::OpId;
use trellis_sync::core::output::OpView;

use super::graph::Node;
use crate::cli::history::{Record, told_with};

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The op of it; of a record its note.
    pub(super) op: OpId,
    /// The entries that it came after: that of its author's op before it first, then those of its own branch.
    pub(super) parents: Vec<OpId>,
}

/// The entries of ops, which are the newest first. Parents that are not among the ops are left out.
pub(super) fn entries(ops: &[OpView], records: &[Record]) -> Vec<Entry> {
    let told = told_with(records);
    let by_id: HashMap<OpId, &OpView> = ops.iter().map(|op| (op.id, op)).collect();
    let parts: HashMap<OpId, &[OpId]> = records.iter().map(|record| (record.note, record.ops.as_slice())).collect();
    let entry = |op: &OpView| {
        let parts = parts.get(&op.id).copied().unwrap_or_default().iter().filter_map(|part| by_id.get(part).copied());
        let named = parts.chain([op]).flat_map(|part| parents_in_order(part, &by_id));
        let mut parents: Vec<OpId> = Vec::new();
        for parent in named.map(|parent| told.get(&parent).copied().unwrap_or(parent)) {
            if parent != op.id && !parents.contains(&parent) {
                parents.push(parent);
            }
        }
        Entry { op: op.id, parents }
    };
    ops.iter().filter(|op| !told.contains_key(&op.id)).map(entry).collect()
}

/// The parents of an op, which its header has in the order of their ids, as people look for them.
fn parents_in_order(op: &OpView, by_id: &HashMap<OpId, &OpView>) -> Vec<OpId> {
    let mut parents: Vec<&OpView> = op.parents.iter().filter_map(|id| by_id.get(id).copied()).collect();
    parents.sort_by_key(|parent| {
        let is_before = op.prev == Some(parent.id);
        (!is_before, parent.branch != op.branch, std::cmp::Reverse((parent.hlc, parent.id)))
    });
    parents.iter().map(|parent| parent.id).collect()
}

/// Those entries that are shown, each with the nearest shown ones that it came after.
pub(super) fn only(entries: Vec<Entry>, shown: &BTreeSet<OpId>) -> Vec<Entry> {
    let mut nearest: HashMap<OpId, Vec<OpId>> = HashMap::new();
    let mut kept: Vec<Entry> = Vec::new();
    for entry in in_lines(entries).into_iter().rev() {
        let mut parents: Vec<OpId> = Vec::new();
        for parent in entry.parents.iter().flat_map(|parent| nearest.get(parent).into_iter().flatten()) {
            if !parents.contains(parent) {
                parents.push(*parent);
            }
        }
        match shown.contains(&entry.op) {
            true => {
                nearest.insert(entry.op, vec![entry.op]);
                kept.push(Entry { parents, ..entry });
            }
            false => drop(nearest.insert(entry.op, parents)),
        }
    }
    kept.reverse();
    without_detours(kept)
}

/// Entries without those parents that another parent came after anyway.
fn without_detours(mut entries: Vec<Entry>) -> Vec<Entry> {
    let parents: HashMap<OpId, Vec<OpId>> = entries.iter().map(|entry| (entry.op, entry.parents.clone())).collect();
    let places: HashMap<OpId, usize> = entries.iter().enumerate().map(|(at, entry)| (entry.op, at)).collect();
    for entry in entries.iter_mut().filter(|entry| entry.parents.len() > 1) {
        let last = entry.parents.iter().filter_map(|parent| places.get(parent)).max().copied();
        let is_near = |op: &OpId| places.get(op).copied() <= last;
        let before = |of: &OpId| parents.get(of).into_iter().flatten().copied().filter(is_near);
        let mut reached: BTreeSet<OpId> = BTreeSet::new();
        let mut open: Vec<OpId> = entry.parents.iter().flat_map(before).collect();
        while let Some(op) = open.pop() {
            if reached.insert(op) {
                open.extend(before(&op));
            }
        }
        entry.parents.retain(|parent| !reached.contains(parent));
    }
    entries
}

/// The entries in lines: each before its parents, and a line of entries together as far as that allows. Of several that
/// may be next the one stands first whose line was begun last; entries without children come as they are given.
pub(super) fn in_lines(entries: Vec<Entry>) -> Vec<Entry> {
    let mut children: HashMap<OpId, usize> = HashMap::new();
    for parent in entries.iter().flat_map(|entry| &entry.parents) {
        *children.entry(*parent).or_default() += 1;
    }
    let is_last = |entry: &&Entry| !children.contains_key(&entry.op);
    let mut next: Vec<OpId> = entries.iter().filter(is_last).map(|entry| entry.op).collect();
    next.reverse();
    let mut by_op: HashMap<OpId, Entry> = entries.into_iter().map(|entry| (entry.op, entry)).collect();
    let mut ordered = Vec::new();
    while let Some(entry) = next.pop().and_then(|op| by_op.remove(&op)) {
        for parent in &entry.parents {
            let left = children.get_mut(parent).map(|left| {
                *left -= 1;
                *left
            });
            if left == Some(0) && by_op.contains_key(parent) {
                next.push(*parent);
            }
        }
        ordered.push(entry);
    }
    ordered
}

/// The entries as what is drawn.
pub(super) fn nodes(entries: &[Entry]) -> Vec<Node> {
    let mut numbers: HashMap<OpId, usize> = HashMap::new();
    let mut number = |op: &OpId| {
        let next = numbers.len();
        *numbers.entry(*op).or_insert(next)
    };
    let mut nodes = Vec::new();
    for entry in entries {
        nodes.push(Node { id: number(&entry.op), parents: entry.parents.iter().map(&mut number).collect() });
    }
    nodes
}
