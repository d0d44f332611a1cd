//! What was imported before: the notes that name commits, of whatever branch and device.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gix::ObjectId;
use trellis_core::input::Command;
use trellis_core::op::id::OpId;
use trellis_core::op::kind::Kind;
use trellis_core::output::{Answer, OpView};

use super::history::{At, History};
use crate::driver::Group;
use crate::error::Result;
use crate::repo::{explain, no_answer};

/// The collection of the notes about records.
const RECORDS: &str = "_records";
/// What the key of a note about a commit begins with.
const NOTE: &str = "git-";

/// The key of the note about a commit.
pub(super) fn note_key(commit: &ObjectId) -> String {
    format!("{NOTE}{commit}")
}

/// The key of a note that a branch was brought to a commit which is written elsewhere. `before` is the branch's last
/// op.
pub(super) fn move_key(commit: &ObjectId, branch: &str, before: Option<&OpId>) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(branch.as_bytes()).update(&[0]);
    if let Some(op) = before {
        hasher.update(&op.0);
    }
    let digits = hasher.finalize().to_hex();
    format!("{NOTE}{commit}-{}", &digits[..16])
}

/// A commit that is written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub branch: String,
    /// The notes about it on that branch: one, or several where several devices imported it.
    pub ops: Vec<OpId>,
}

/// Where a branch is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The commit that it shows; none where the git repository has that no more.
    pub at: Option<At>,
    /// The op that says so.
    pub op: OpId,
}

/// What was imported before.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub commits: BTreeMap<At, Written>,
    notes: HashMap<OpId, Option<At>>,
    heads: HashMap<String, Vec<OpId>>,
}

impl Known {
    /// Reads what the repo has.
    pub(super) fn read(group: &mut Group<'_>, history: &History) -> Result<Known> {
        let mut known = Known::default();
        for view in notes(group)? {
            let Some((commit, is_own)) = parse(&view.key) else { continue };
            let at = history.find(&commit);
            known.notes.insert(view.id, at);
            if let (Some(at), true) = (at, is_own) {
                known.add(at, view);
            }
        }
        let status = match run(group, Command::Status, "read the status")? {
            Answer::Status(status) => status,
            _ => return Err(no_answer()),
        };
        known.heads = status.branches.into_iter().map(|branch| (branch.name, branch.heads)).collect();
        Ok(known)
    }

    fn add(&mut self, at: At, view: OpView) {
        let written =
            self.commits.entry(at).or_insert_with(|| Written { branch: view.branch.clone(), ops: Vec::new() });
        if written.branch == view.branch {
            written.ops.push(view.id);
        }
    }

    /// The branches that are there.
    pub(super) fn branches(&self) -> BTreeSet<String> {
        self.heads.keys().cloned().collect()
    }

    /// Where a branch is: at the commit that its last note or merge names. None for a branch on which there is no such
    /// op.
    pub(super) fn place(&self, group: &mut Group<'_>, branch: &str, history: &History) -> Result<Option<Place>> {
        let mut found: Option<Place> = None;
        for head in self.heads.get(branch).into_iter().flatten() {
            let place = self.place_behind(group, *head, history)?;
            found = match (found, place) {
                (Some(one), Some(other)) if other.at <= one.at => Some(one),
                (one, other) => other.or(one),
            };
        }
        Ok(found)
    }

    fn place_behind(&self, group: &mut Group<'_>, head: OpId, history: &History) -> Result<Option<Place>> {
        let (mut next, mut joined) = (Some(head), Vec::new());
        let mut found = None;
        while let Some(op) = next {
            if let Some(at) = self.notes.get(&op) {
                found = Some(Place { at: *at, op });
                break;
            }
            let view = op_view(group, op)?;
            let is_own = |parent: &&OpId| Some(**parent) == view.prev;
            if view.kind == Kind::Merge {
                let named = view.parents.iter().filter(|parent| !is_own(parent));
                joined.extend(named.filter_map(|op| Some(Place { at: Some((*self.notes.get(op)?)?), op: *op })));
            }
            next = view.prev;
        }
        // A merge of a commit that descends from the place before it brought the branch there.
        while let Some(Place { at: Some(at), op }) = joined.pop() {
            let is_behind = |place: &Place| place.at.is_some_and(|before| !history.reaches(at, before));
            if !found.as_ref().is_some_and(is_behind) {
                found = Some(Place { at: Some(at), op });
            }
        }
        Ok(found)
    }

    /// The last op of a branch, if it has one.
    pub(super) fn last_op(&self, branch: &str) -> Option<&OpId> {
        self.heads.get(branch)?.last()
    }
}

/// Every note about a commit that has effect.
fn notes(group: &mut Group<'_>) -> Result<Vec<OpView>> {
    let command = Command::Writes { collection: RECORDS.into(), key_prefix: NOTE.into() };
    match run(group, command, "look for commits")? {
        Answer::Log(views) => {
            let is_note = |view: &OpView| view.kind == Kind::Append && view.is_effective;
            Ok(views.into_iter().filter(is_note).collect())
        }
        _ => Err(no_answer()),
    }
}

fn op_view(group: &mut Group<'_>, op: OpId) -> Result<OpView> {
    match run(group, Command::Show(vec![op]), "read the op")? {
        Answer::Log(views) => views.into_iter().next().ok_or_else(no_answer),
        _ => Err(no_answer()),
    }
}

/// Has a command carried out. `what` says what was tried.
pub(super) fn run(group: &mut Group<'_>, command: Command, what: &str) -> Result<Answer> {
    group.run(command).map_err(|failure| explain(failure, what))
}

/// The commit that a note's key names, and whether it is the note about the commit itself.
fn parse(key: &str) -> Option<(ObjectId, bool)> {
    let rest = key.strip_prefix(NOTE)?;
    let (hex, is_own) = rest.split_once('-').map_or((rest, true), |(hex, _)| (hex, false));
    Some((ObjectId::from_hex(hex.as_bytes()).ok()?, is_own))
}
