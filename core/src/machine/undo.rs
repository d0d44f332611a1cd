//! Taking back what this device wrote last to a branch: one write, or a whole record.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Machine;
use super::edits::{said_patch, value_at};
use super::seal::{Draw, RECORDS, Said, Sealing};
use super::write::Ground;
use crate::error::CommandError;
use crate::input::{Note, OWN_RECORD};
use crate::log::graph::{Branch, Entity, Node};
use crate::merge::entity::Shown;
use crate::op::body::{Content, Leaf, encode_json, salt};
use crate::op::hex;
use crate::op::json::Value;
use crate::op::kind::{Format, Kind};
use crate::op::patch::Patch;
use crate::op::pointer::Pointer;
use crate::ordered::{Map, Set};
use crate::sort;
use crate::view::state::Contents;

impl Machine {
    /// Gives back what this device's last write to the branch replaced, those that the engine made itself passed over; where
    /// that is the note of a record, what the whole record replaced. What is written names the writes taken back as its base, so whatever others wrote on top of
    /// them meanwhile is a conflict and not lost.
    pub(super) fn seal_undo(&self, ground: &Ground, sealing: &mut Sealing<'_>) -> Result<(), CommandError> {
        let branch = self.branch(sealing.branch)?;
        let last = self.last_asked_for(branch, &ground.contents).ok_or(CommandError::NothingToUndo)?;
        if !self.is_note(last) {
            return self.seal_giving_back(branch, &[last], ground, sealing);
        }
        let mut writes: Map<Entity, Vec<Node>> = Map::new();
        for node in self.record(last, &ground.contents) {
            writes.entry(self.graph.entity(node)).or_default().push(node);
        }
        if writes.is_empty() {
            return Err(CommandError::NothingToUndo);
        }
        for nodes in writes.values() {
            self.seal_giving_back(branch, nodes, ground, sealing)?;
        }
        sealing.note = Some(undo_note(ground.contents.get(&last), sealing.random));
        Ok(())
    }

    /// Gives an entity back what it was before these writes, of which each saw the one before it.
    fn seal_giving_back(
        &self,
        branch: Branch,
        writes: &[Node],
        ground: &Ground,
        sealing: &mut Sealing<'_>,
    ) -> Result<(), CommandError> {
        let (Some(first), Some(last)) = (writes.first().copied(), writes.last().copied()) else { return Ok(()) };
        let entity = self.graph.entity(first);
        let (collection, key) = self.graph.entity_name(entity);
        self.check_ordinary(collection, sealing)?;
        let before = self.before(branch, entity, first, ground);
        let content = ground.contents.get(&first).ok_or(CommandError::NothingToUndo)?;
        let (kind, body) = match content {
            Content::Patch(patch) if first == last => undoing(patch, &before)?,
            _ => becoming(&before)?,
        };
        let base = alloc::vec![self.graph.id(last)];
        let (collection, key): (String, String) = (collection.into(), key.into());
        self.push(Draw { collection, key, kind, body, base }, sealing)
    }

    /// What an entity was before a write, by all that the write had seen.
    fn before(&self, branch: Branch, entity: Entity, node: Node, ground: &Ground) -> Shown {
        let mut seen = Set::new();
        let mut open: Vec<Node> = self.graph.base(node).collect();
        while let Some(node) = open.pop() {
            if seen.insert(node) {
                open.extend(self.graph.base(node));
            }
        }
        let nodes: Vec<Node> = seen.into_iter().collect();
        self.merged_of(self.graph.branch_name(branch), entity, &nodes, &ground.contents).shown
    }

    /// The writes that an undo looks at: all to the entities that it gives back. Of a record they are known when its note
    /// was read.
    pub(super) fn undo_looks_at(&self, branch: Branch, contents: &Contents) -> Vec<Node> {
        let Some(last) = self.last_asked_for(branch, contents) else { return Vec::new() };
        if !self.is_note(last) {
            return self.writes_in_log(branch, self.graph.entity(last));
        }
        let entities: Set<Entity> =
            self.record(last, contents).into_iter().map(|node| self.graph.entity(node)).collect();
        let writes = entities.into_iter().flat_map(|entity| self.writes_in_log(branch, entity));
        core::iter::once(last).chain(writes).collect()
    }

    /// This device's last write to a branch that somebody asked for: records that the engine made itself are passed over. A
    /// note that is not read yet is the answer until it is.
    fn last_asked_for(&self, branch: Branch, contents: &Contents) -> Option<Node> {
        let mut last = self.last_own_write(branch)?;
        while self.is_note(last) && contents.get(&last).and_then(noted).is_some_and(is_own_record) {
            let ops = contents.get(&last).and_then(noted_ops).unwrap_or_default();
            let mut before = core::iter::successors(Some(last), |node| self.graph.prev(*node)).skip(ops + 1);
            last = before.find(|node| self.graph.kind(*node) != Kind::Merge)?;
        }
        Some(last)
    }

    fn is_note(&self, node: Node) -> bool {
        self.graph.entity_name(self.graph.entity(node)).0 == RECORDS
    }

    /// The writes of a record, oldest first, as its note says how many they are; none while the note is not read.
    fn record(&self, note: Node, contents: &Contents) -> Vec<Node> {
        let ops = contents.get(&note).and_then(noted_ops).unwrap_or_default();
        let chain = core::iter::successors(self.graph.prev(note), |node| self.graph.prev(*node));
        let mut nodes: Vec<Node> = chain.take(ops).filter(|node| self.graph.kind(*node) != Kind::Merge).collect();
        nodes.reverse();
        nodes
    }
}

fn noted(content: &Content) -> Option<&Value> {
    match content {
        Content::Append(Leaf::Json(value)) => Some(value),
        _ => None,
    }
}

/// How many ops a note says that its record has.
fn noted_ops(content: &Content) -> Option<usize> {
    usize::try_from(noted(content)?.member("ops")?.as_integer()?).ok()
}

fn is_own_record(note: &Value) -> bool {
    let (system, name) = OWN_RECORD;
    note.member("from").and_then(|from| from.member(system)?.as_str()) == Some(name)
}

/// The note of the record that takes a record back. No op of a transaction has the salt that its key is.
fn undo_note(taken_back: Option<&Content>, random: &[u8; 32]) -> Note {
    let message = taken_back.and_then(noted).and_then(|noted| noted.member("message")?.as_str());
    let first = message.and_then(|message| message.lines().next());
    let message = match first.map(|first| (first, first.strip_prefix("Undo: "))) {
        None => "Undo a record".to_string(),
        Some((_, Some(undone))) => format!("Redo: {undone}"),
        Some((first, None)) => format!("Undo: {}", first.strip_prefix("Redo: ").unwrap_or(first)),
    };
    Note { key: hex::encode(&salt(random, u32::MAX)), message: Some(message), ..Note::default() }
}

/// The op that takes a patch back.
fn undoing(patch: &Patch, before: &Shown) -> Result<Said, CommandError> {
    match before {
        Shown::Json(_) => said_patch(&inverse(patch, before)),
        _ => becoming(before),
    }
}

/// The op that makes an entity what it was.
fn becoming(before: &Shown) -> Result<Said, CommandError> {
    match before {
        Shown::Json(value) => Ok((Kind::Put, Some((Format::Json, encode_json(value)?)))),
        Shown::Bytes(bytes) => Ok((Kind::Put, Some((Format::Bytes, bytes.clone())))),
        Shown::Absent => Ok((Kind::Delete, None)),
        Shown::BodyMissing => Err(CommandError::BodyMissing(Pointer::ROOT)),
    }
}

/// The patch that takes a patch back: places get what stood there, counters go back, sets lose what they gained.
fn inverse(patch: &Patch, before: &Shown) -> Patch {
    let mut inverse = Patch::default();
    for path in patch.set.iter().map(|(path, _)| path).chain(&patch.remove) {
        match value_at(before, path) {
            Some(value) => inverse.set.push((path.clone(), value.clone())),
            None => inverse.remove.push(path.clone()),
        }
    }
    inverse.add = patch.add.iter().map(|(path, count)| (path.clone(), count.saturating_neg())).collect();
    let had = |path: &Pointer, value: &Value| matches!(value_at(before, path), Some(Value::Array(all)) if all.contains(value));
    for (path, values) in &patch.insert {
        let gained = values.iter().filter(|value| !had(path, value)).cloned().collect();
        inverse.discard.push((path.clone(), gained));
    }
    for (path, values) in &patch.discard {
        let lost = values.iter().filter(|value| had(path, value)).cloned().collect();
        inverse.insert.push((path.clone(), lost));
    }
    sort::by(&mut inverse.set, |left, right| left.0.cmp(&right.0));
    sort::ascending(&mut inverse.remove);
    inverse
}
