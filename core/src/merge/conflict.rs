//! Conflicts: parts that have not seen one another and say different things of one place.
//!
//! At one place no live overwrite has seen another, so two values there are enough for all of them to conflict. What
//! remains to be asked is who has seen the overwrites above, and the deletes.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::entity::{EntityRef, Shown};
use super::history::History;
use super::live::{Live, LivePlace};
use super::parts::{Overwrite, Written};
use crate::op::cbor::Writer;
use crate::op::id::{Author, CONFLICT_CONTEXT, ConflictId, OpId};
use crate::op::json::Value;
use crate::op::place::{Entity, Place};
use crate::op::pointer::Pointer;
use crate::ordered::Map;
use crate::sort;
use crate::time::Hlc;

/// Writes of which none saw the other, with different values at one place. Its key is (branch, collection, key, path)
/// and stays; its id changes with its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The branch in whose log the writes are.
    pub branch: String,
    /// The collection of the entity.
    pub collection: String,
    /// The key of the entity.
    pub key: String,
    /// The place in the entity.
    pub path: Pointer,
    /// The hash of the key and the members ([`conflict_id`]).
    pub id: ConflictId,
    /// All of them, in `ord` order.
    pub members: Vec<OpId>,
    /// What all members had seen at the path.
    pub base: Shown,
    /// Where what they had seen was itself in conflict at the path: what stood against what, and so on downwards, at most
    /// [`CONFLICT_LEVELS_MAX`](crate::limits::CONFLICT_LEVELS_MAX).
    pub beneath: Vec<Beneath>,
    /// What the first [`CONFLICT_SIDES_MAX`](crate::limits::CONFLICT_SIDES_MAX) members say.
    pub sides: Vec<Side>,
}

/// A conflict in what the members of another one had seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beneath {
    /// What its members had seen.
    pub base: Shown,
    /// What the first [`CONFLICT_SIDES_MAX`](crate::limits::CONFLICT_SIDES_MAX) members say.
    pub sides: Vec<SideValue>,
}

/// What one member of a conflict says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The write.
    pub op: OpId,
    /// Who wrote it.
    pub author: Author,
    /// Its clock.
    pub hlc: Hlc,
    /// What it makes of the place.
    pub value: SideValue,
}

/// What a write makes of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SideValue {
    /// Nothing stands there: it deleted the entity, removed the place, or wrote a value without it.
    Absent,
    /// A value.
    Json(Value),
    /// The whole entity is bytes.
    Bytes(Vec<u8>),
    /// A counter grows by this.
    Add(i64),
    /// A set gains these.
    Insert(Vec<Value>),
}

impl Conflict {
    /// Where it is, for its text form. With the branch this is its key.
    pub fn place(&self) -> Place {
        let entity = Entity { collection: self.collection.clone(), key: self.key.clone() };
        Place { entity, pointer: self.path.clone() }
    }
}

/// The id of the conflict of `members`, in any order, at a place of an entity.
pub fn conflict_id(entity: &EntityRef<'_>, path: &Pointer, members: &[OpId]) -> ConflictId {
    let mut members: Vec<&OpId> = members.iter().collect();
    sort::ascending(&mut members);
    let mut record = Writer::new();
    record.array(5).text(entity.branch).text(entity.collection).text(entity.key).text(&path.to_string());
    record.array(members.len());
    for member in members {
        record.bytes(member.as_bytes());
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(CONFLICT_CONTEXT);
    hasher.update(&record.finish());
    ConflictId(*hasher.finalize().as_bytes())
}

/// What stands against what at one place, by write.
pub(super) struct Contest<'v> {
    pub(super) at: &'v Pointer,
    /// Overwrites that differ.
    pub(super) overwrites: Map<usize, Written<'v>>,
    /// Deletes, and the parts that they have not seen.
    pub(super) deletions: Map<usize, Said<'v>>,
}

/// What a member of a contest says.
#[derive(Clone)]
pub(super) enum Said<'v> {
    Overwrites(Written<'v>),
    Adds(i64),
    Inserts(Vec<&'v Value>),
}

impl<'v> Contest<'v> {
    /// All members, in order.
    pub(super) fn members(&self) -> Map<usize, Said<'v>> {
        let overwrites = self.overwrites.iter().map(|(write, value)| (*write, Said::Overwrites(*value)));
        overwrites.chain(self.deletions.iter().map(|(write, said)| (*write, said.clone()))).collect()
    }

    /// The deletes among the members.
    pub(super) fn deletes(&self) -> impl Iterator<Item = usize> {
        let deletes = self.deletions.iter().filter(|(_, said)| said.is_deletion());
        deletes.map(|(write, _)| *write)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.overwrites.is_empty() && self.deletions.is_empty()
    }
}

impl Said<'_> {
    fn is_deletion(&self) -> bool {
        matches!(self, Said::Overwrites(value) if value.is_deletion())
    }
}

impl From<Said<'_>> for SideValue {
    fn from(said: Said<'_>) -> SideValue {
        match said {
            Said::Overwrites(Written::Json(value)) => SideValue::Json(value.clone()),
            Said::Overwrites(Written::Bytes(bytes)) => SideValue::Bytes(bytes.to_vec()),
            Said::Overwrites(Written::Nothing | Written::Deleted | Written::Bodyless) => SideValue::Absent,
            Said::Adds(amount) => SideValue::Add(amount),
            Said::Inserts(values) => SideValue::Insert(values.into_iter().cloned().collect()),
        }
    }
}

/// Every place where live parts stand against one another, ascending.
pub(super) fn contests<'v>(history: &History<'_>, live: &Live<'v>) -> Vec<Contest<'v>> {
    let mut above: Vec<&LivePlace<'_>> = Vec::new();
    let mut contests = Vec::new();
    for place in &live.places {
        while above.last().is_some_and(|outer| !outer.at.is_prefix_of(place.at)) {
            above.pop();
        }
        let contest = contest(history, &above, place);
        contests.extend((!contest.is_empty()).then_some(contest));
        if !place.overwrites.is_empty() {
            above.push(place);
        }
    }
    contests
}

fn contest<'v>(history: &History<'_>, above: &[&LivePlace<'v>], place: &LivePlace<'v>) -> Contest<'v> {
    let mut contest = Contest { at: place.at, overwrites: Map::new(), deletions: Map::new() };
    let here: Vec<(usize, Written<'_>)> =
        undeleted(place).map(|overwrite| (overwrite.write, overwrite.value)).collect();
    if here.iter().any(|(_, value)| *value != here[0].1) || planted!(EqualValuesConflict) && here.len() > 1 {
        contest.overwrites.extend(here.iter().copied());
    }
    let outer = above.iter().flat_map(|outer| {
        let names = &place.at.0[outer.at.0.len()..];
        undeleted(outer).map(|overwrite| (overwrite.write, overwrite.value.at(names)))
    });
    let outer: Vec<(usize, Written<'_>)> = outer.collect();
    contest
        .overwrites
        .extend(standing(&here, &outer, |inner, outer| inner.1 != outer.1 && !history.has_seen(inner.0, outer.0)));
    let root = above.first().copied().unwrap_or(place);
    let deletes = root.overwrites.iter().filter(|overwrite| overwrite.value.is_deletion());
    let deletes: Vec<(usize, Said<'_>)> =
        deletes.map(|delete| (delete.write, Said::Overwrites(delete.value))).collect();
    let parts = if deletes.is_empty() { Vec::new() } else { said(place) };
    contest.deletions.extend(standing(&parts, &deletes, |part, delete| !history.has_seen(part.0, delete.0)));
    contest
}

/// Those of both lists that stand against one of the other.
fn standing<T: Clone>(inner: &[T], outer: &[T], is_against: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let inner_standing = inner.iter().filter(|inner| outer.iter().any(|outer| is_against(inner, outer)));
    let outer_standing = outer.iter().filter(|outer| inner.iter().any(|inner| is_against(inner, outer)));
    inner_standing.chain(outer_standing).cloned().collect()
}

fn undeleted<'p, 'v>(place: &'p LivePlace<'v>) -> impl Iterator<Item = &'p Overwrite<'v>> {
    place.overwrites.iter().filter(|overwrite| !overwrite.value.is_deletion())
}

/// What live parts other than deletes say of a place. A delete conflicts with each that has not seen it, of whatever
/// value; it has seen none, since what it has seen is not live.
fn said<'v>(place: &LivePlace<'v>) -> Vec<(usize, Said<'v>)> {
    let overwrites = undeleted(place).map(|overwrite| (overwrite.write, Said::Overwrites(overwrite.value)));
    let adds = place.adds.iter().map(|(write, amount)| (*write, Said::Adds(*amount)));
    overwrites.chain(adds).chain(inserted(place)).collect()
}

/// The values that each write inserts here.
fn inserted<'p, 'v>(place: &'p LivePlace<'v>) -> impl Iterator<Item = (usize, Said<'v>)> + use<'p, 'v> {
    place.inserts.chunk_by(|left, right| left.write == right.write).map(|inserts| {
        let values = inserts.iter().map(|insert| insert.value).collect();
        (inserts[0].write, Said::Inserts(values))
    })
}
