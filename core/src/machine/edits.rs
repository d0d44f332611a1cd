//! Edits that build on what was written before: closing a conflict, joining branches.

use alloc::string::String;
use alloc::vec::Vec;

use super::Machine;
use super::plan::Join;
use super::seal::{Draw, Said, Sealing};
use super::write::Ground;
use crate::error::CommandError;
use crate::input::Choice;
use crate::limits::LINKS_MAX;
use crate::log::graph::{Branch, Node};
use crate::merge::conflict::{Conflict, SideValue};
use crate::merge::entity::{self, Shown};
use crate::op::body::encode_json;
use crate::op::header::{BRANCH_COLLECTION, REPO_BRANCH};
use crate::op::id::{ConflictId, OpId, PlanId};
use crate::op::json::{Object, Value};
use crate::op::kind::{Format, Kind};
use crate::op::patch::Patch;
use crate::op::pointer::Pointer;
use crate::sort;

impl Machine {
    pub(super) fn seal_resolve(
        &self,
        (collection, key): (&str, &str),
        conflict: ConflictId,
        choice: &Choice,
        ground: &Ground,
        sealing: &mut Sealing<'_>,
    ) -> Result<(), CommandError> {
        self.check_ordinary(collection, sealing)?;
        let moved = CommandError::ConflictMoved(conflict);
        let branch = self.branch(sealing.branch)?;
        let entity = self.graph.find_entity_named(collection, key).ok_or(moved.clone())?;
        let merged = self.merged(branch, entity, &ground.contents);
        let open = merged.conflicts.iter().find(|open| open.id == conflict).ok_or(moved)?;
        let (kind, body) = match self.overruling(open, choice, &merged) {
            Some(patch) => said_patch(&patch)?,
            None => self.closing(open, choice, &merged.shown)?,
        };
        let base = self.shown_base(collection, key, sealing.branch);
        self.push(Draw { collection: collection.into(), key: key.into(), kind, body, base }, sealing)
    }

    /// The op that closes a conflict.
    fn closing(&self, conflict: &Conflict, choice: &Choice, shown: &Shown) -> Result<Said, CommandError> {
        let side = match choice {
            Choice::Absent => return said_at(&conflict.path, None),
            Choice::Value(value) => return said_at(&conflict.path, Some(value)),
            Choice::Side(op) => {
                let is_chosen = |side: &&crate::merge::conflict::Side| side.op == *op;
                conflict.sides.iter().find(is_chosen).ok_or(CommandError::NoSuchSide(*op))?
            }
        };
        match &side.value {
            SideValue::Absent if self.is_delete(&side.op) => Ok((Kind::Delete, None)),
            SideValue::Absent => said_at(&conflict.path, None),
            SideValue::Json(value) => said_at(&conflict.path, Some(value)),
            SideValue::Bytes(bytes) => Ok((Kind::Put, Some((Format::Bytes, bytes.clone())))),
            SideValue::Add(_) | SideValue::Insert(_) => said_at(&conflict.path, value_at(shown, &conflict.path)),
        }
    }

    /// The patch that keeps an entity which one side deleted: it says the value that was chosen, and again whatever
    /// stands at no place in conflict, for the deletion has replaced that. Other places stay in conflict.
    fn overruling(&self, conflict: &Conflict, choice: &Choice, merged: &entity::Entity) -> Option<Patch> {
        let value = match choice {
            Choice::Absent => return None,
            Choice::Value(value) => value,
            Choice::Side(op) => match &conflict.sides.iter().find(|side| side.op == *op)?.value {
                SideValue::Json(value) => value,
                SideValue::Add(_) | SideValue::Insert(_) => value_at(&merged.shown, &conflict.path)?,
                SideValue::Absent | SideValue::Bytes(_) => return None,
            },
        };
        let is_about_deletion = !conflict.path.is_root() && conflict.members.iter().any(|op| self.is_delete(op));
        let Shown::Json(shown) = merged.shown.clone() else { return None };
        let mut set = alloc::vec![(conflict.path.clone(), value.clone())];
        let disputed: Vec<&Pointer> = merged.conflicts.iter().map(|conflict| &conflict.path).collect();
        undisputed(shown, Pointer::ROOT, &disputed, &mut set);
        sort::by(&mut set, |left, right| left.0.cmp(&right.0));
        is_about_deletion.then_some(Patch { set, ..Patch::default() })
    }

    fn is_delete(&self, op: &OpId) -> bool {
        self.graph.find(op).is_some_and(|node| self.graph.kind(node) == Kind::Delete)
    }

    /// Joins ops of the source, or begins this branch from them, if that still does what the plan says. Writes nothing where
    /// all of them are here already.
    pub(super) fn seal_merge(
        &self,
        join: &Join,
        plan: Option<PlanId>,
        message: Option<&str>,
        ground: &Ground,
        sealing: &mut Sealing<'_>,
    ) -> Result<(), CommandError> {
        let source = join.source.as_str();
        if [source, sealing.branch].contains(&REPO_BRANCH) || source == sealing.branch {
            return Err(CommandError::Reserved);
        }
        let own = self.graph.find_branch(sealing.branch);
        let heads = self.joined(source, &join.at, own)?;
        if !self.state.authority.may_write(&sealing.author, own) {
            return Err(CommandError::NotPermitted);
        }
        if heads.is_empty() {
            return Ok(());
        }
        if let Some(plan) = plan {
            self.check_plan(join, plan, &ground.contents)?;
        }
        self.add_parents(&heads, own, sealing);
        let body = message.map(|message| (String::from("message"), Value::String(message.into())));
        let body = encode_json(&Value::Object(body.into_iter().collect::<Object>()))?;
        let draw = Draw {
            collection: BRANCH_COLLECTION.into(),
            key: source.into(),
            kind: Kind::Merge,
            body: Some((Format::Json, body)),
            base: Vec::new(),
        };
        self.push(draw, sealing)
    }

    fn add_parents(&self, heads: &[Node], own: Option<Branch>, sealing: &mut Sealing<'_>) {
        if own.is_none() {
            sealing.parents.clear();
        }
        sealing.parents.truncate(LINKS_MAX - heads.len());
        sealing.parents.extend(heads.iter().map(|head| self.graph.id(*head)));
        sealing.clock = heads.iter().map(|head| Some(self.graph.hlc(*head))).fold(sealing.clock, Option::max);
    }
}

/// What stands in a value at places that neither are disputed nor lie above or below such a place.
fn undisputed(value: Value, at: Pointer, disputed: &[&Pointer], found: &mut Vec<(Pointer, Value)>) {
    if disputed.iter().any(|place| place.is_prefix_of(&at)) {
        return;
    }
    match value {
        Value::Object(members) if disputed.iter().any(|place| at.is_prefix_of(place)) => {
            for (name, value) in members {
                let mut below = at.clone();
                below.0.push(name);
                undisputed(value, below, disputed, found);
            }
        }
        value => found.push((at, value)),
    }
}

/// The op that makes a place this value, or nothing.
fn said_at(path: &Pointer, value: Option<&Value>) -> Result<Said, CommandError> {
    let patch = match (path.is_root(), value) {
        (true, None) => return Ok((Kind::Delete, None)),
        (true, Some(value)) => return Ok((Kind::Put, Some((Format::Json, encode_json(value)?)))),
        (false, None) => Patch { remove: alloc::vec![path.clone()], ..Patch::default() },
        (false, Some(value)) => Patch { set: alloc::vec![(path.clone(), value.clone())], ..Patch::default() },
    };
    said_patch(&patch)
}

pub(super) fn said_patch(patch: &Patch) -> Result<Said, CommandError> {
    Ok((Kind::Patch, Some((Format::Json, encode_json(&patch.encode()?)?))))
}

pub(super) fn value_at<'a>(shown: &'a Shown, path: &Pointer) -> Option<&'a Value> {
    let Shown::Json(root) = shown else { return None };
    path.0.iter().try_fold(root, |value, name| match value {
        Value::Object(members) => members.get(name),
        _ => None,
    })
}
