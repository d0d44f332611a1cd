//! What the writes to one entity mean: its frontier, its value and its conflicts.
//!
//! Everything is a function of the set of writes. The order in which they are given, duplicates and which side is called
//! local change nothing.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::conflict::{Beneath, Conflict, Contest, Side, conflict_id};
use super::history::History;
use super::manifest::{Manifest, Strategy};
use super::strategy::{crdt, graph_merge};
use crate::limits::{CONFLICT_SIDES_MAX, LINKS_MAX};
use crate::op::body::Content;
use crate::op::header::Ids;
use crate::op::id::{Author, OpId};
use crate::op::json::Value;
use crate::sort;
use crate::time::Hlc;

/// Whether a write's author may write (ops.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The write counts.
    Effective,
    /// The write says nothing, but what it has seen counts as seen by who saw it.
    Ineffective,
}

/// The entity that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityRef<'a> {
    /// The branch in whose log the writes are.
    pub branch: &'a str,
    /// The collection.
    pub collection: &'a str,
    /// The key in it.
    pub key: &'a str,
    /// The repo's owner, whom the tiebreak `owner_first` prefers.
    pub owner: Option<Author>,
}

/// One write to an entity.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// Its id. Two writes of one id are the same write.
    pub id: OpId,
    /// Its clock, greater than that of its base.
    pub hlc: Hlc,
    /// Who wrote it.
    pub author: Author,
    /// The writes to the entity that it replaces.
    pub base: Ids<'a>,
    /// Whether it counts.
    pub effect: Effect,
    /// What it says; for a redacted op what [`redacted`](super::redact::redacted) gives.
    pub content: &'a Content,
}

/// What people see of an entity, or of a place in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing is there.
    Absent,
    /// A value.
    Json(Value),
    /// Opaque bytes.
    Bytes(Vec<u8>),
    /// The value cannot be known here, because a body that counts is not here.
    BodyMissing,
}

/// What the writes to an entity mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// The effective writes that no other effective write has seen, in `ord` order.
    pub frontier: Vec<OpId>,
    /// The value; while conflicts are open, the provisional one.
    pub shown: Shown,
    /// The open conflicts, ascending by path. None where the value is [`Shown::BodyMissing`].
    pub conflicts: Vec<Conflict>,
    /// Those that the strategy has settled (`onConflict: auto`), ascending by path.
    pub settled: Vec<Conflict>,
}

impl Entity {
    /// What a write that was made while looking at this names as base: the frontier, of a long one the 32 of smallest
    /// `ord`; ascending as bytes, as headers have it.
    pub fn base(&self) -> Vec<OpId> {
        let mut base: Vec<OpId> = self.frontier.iter().copied().take(LINKS_MAX).collect();
        sort::ascending(&mut base);
        base
    }
}

/// What `writes`, in any order and with duplicates, mean together. Total: a base that is not among the writes, or is not
/// earlier in `ord` order, counts as not named.
///
/// The cost is that of sorting the writes and of the places that they speak of; the length of the history behind a
/// place does not matter.
pub fn merge(entity: EntityRef<'_>, writes: &[Write<'_>], manifest: &Manifest) -> Entity {
    let history = History::of(writes);
    match manifest.strategy {
        Strategy::GraphMerge { on_conflict, tiebreak } => {
            graph_merge::merge(&entity, &history, manifest, on_conflict, tiebreak)
        }
        Strategy::Crdt => crdt::merge(&entity, &history),
    }
}

impl History<'_> {
    /// The ids of writes.
    pub(super) fn ids(&self, writes: impl IntoIterator<Item = usize>) -> Vec<OpId> {
        writes.into_iter().map(|write| self.write(write).id).collect()
    }
}

impl EntityRef<'_> {
    /// The record of a contest, given what its members had seen at the place.
    pub(super) fn conflict(
        &self,
        history: &History<'_>,
        contest: &Contest<'_>,
        (base, beneath): (Shown, Vec<Beneath>),
    ) -> Conflict {
        let members = contest.members();
        let ids = history.ids(members.keys().copied());
        let sides = members.into_iter().take(CONFLICT_SIDES_MAX).map(|(write, said)| {
            let write = history.write(write);
            Side { op: write.id, author: write.author, hlc: write.hlc, value: said.into() }
        });
        Conflict {
            branch: self.branch.to_string(),
            collection: self.collection.to_string(),
            key: self.key.to_string(),
            path: contest.at.clone(),
            id: conflict_id(self, contest.at, &ids),
            members: ids,
            base,
            beneath,
            sides: sides.collect(),
        }
    }
}
