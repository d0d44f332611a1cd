//! What a set of ops means, read straight from the design: slow, small, and without a thought for anything but that.
//!
//! Nothing is kept between questions. Every answer walks the whole set again, so there is no order of arrival here that
//! could matter. Who may write is told from outside, by `ineffective`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trellis_core::op::id::OpId;
use trellis_core::op::kind::Kind;
use trellis_core::op::pointer::Pointer;

use crate::json::jcs;
use crate::model_op::{Act, Conflict, Entity, Op, add, at, below, decode, insert, merge_lines, write};
use crate::sealed::SealedOp;

/// A part of a write: who, where, what.
type Part<'a> = (&'a Op, &'a Pointer, &'a Act);

/// What stands against what at one path, with what each puts there.
#[derive(Default)]
struct Contest {
    /// Overwrites that differ.
    overwrites: BTreeMap<OpId, Option<Value>>,
    /// Deletes, and live parts that they have not seen.
    deletions: BTreeMap<OpId, Option<Value>>,
}

impl Contest {
    fn all(&self) -> BTreeMap<OpId, Option<Value>> {
        self.overwrites.clone().into_iter().chain(self.deletions.clone()).collect()
    }
}

/// A set of valid ops, with what is known about them from outside.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The set.
    pub ops: BTreeMap<OpId, Op>,
    seen: BTreeMap<OpId, BTreeSet<OpId>>,
    /// Those whose authors may not write, as the rules say.
    pub ineffective: BTreeSet<OpId>,
    /// Paths that are declared `text`.
    pub text: BTreeSet<Pointer>,
    /// The strategy is `crdt` and not `graph_merge`.
    pub crdt: bool,
}

impl Model {
    /// The set of these ops, every one effective. It must be closed under dependencies.
    pub fn new(ops: &[SealedOp]) -> Model {
        Model::of(ops.iter().map(|op| (op.id, decode(op))).collect())
    }

    /// The same of decoded ops.
    pub fn of(ops: BTreeMap<OpId, Op>) -> Model {
        let mut model = Model { ops, ..Model::default() };
        let seen = |op: &Op| (op.id, model.reach(op.base.clone(), |op| op.base.clone()));
        model.seen = model.ops.values().map(seen).collect();
        model
    }

    /// Ids in the total order.
    pub fn order(&self, ids: impl IntoIterator<Item = OpId>) -> Vec<OpId> {
        let mut ids: Vec<OpId> = ids.into_iter().collect();
        ids.sort_by_key(|id| [self.ops[id].hlc.to_be_bytes().as_slice(), &id.0].concat());
        ids
    }

    /// These ops and all that they reach by the links that `next` gives.
    pub fn reach(&self, from: impl IntoIterator<Item = OpId>, next: fn(&Op) -> Vec<OpId>) -> BTreeSet<OpId> {
        let (mut reached, mut todo) = (BTreeSet::new(), from.into_iter().collect::<Vec<_>>());
        while let Some(id) = todo.pop() {
            if reached.insert(id) {
                todo.extend(next(&self.ops[&id]));
            }
        }
        reached
    }

    /// The ops of a branch and their causal past.
    pub fn log(&self, branch: &str) -> BTreeSet<OpId> {
        let on = self.ops.values().filter(|op| op.branch == branch).map(|op| op.id);
        self.reach(on, Op::dependencies)
    }

    /// In order. The genesis is a head where the branch has no other op.
    pub fn heads(&self, branch: &str) -> Vec<OpId> {
        let on = || self.ops.values().filter(|op| op.branch == branch && op.repo.is_some());
        let named: BTreeSet<OpId> = on().flat_map(|op| op.parents.iter().chain(&op.prev)).copied().collect();
        let heads: Vec<OpId> = on().map(|op| op.id).filter(|id| !named.contains(id)).collect();
        let genesis = self.ops.values().filter(|op| op.repo.is_none()).map(|op| op.id);
        if heads.is_empty() { genesis.collect() } else { self.order(heads) }
    }

    /// Everything reached by `base`, the op itself not.
    pub fn seen(&self, op: &Op) -> &BTreeSet<OpId> {
        &self.seen[&op.id]
    }

    /// What an entity is on a branch.
    pub fn entity(&self, branch: &str, collection: &str, key: &str) -> Entity {
        let log = self.log(branch);
        let is_write = |op: &&Op| (&*op.entity.0, &*op.entity.1) == (collection, key) && op.kind != Kind::Merge;
        let effective = |op: &&Op| log.contains(&op.id) && !self.ineffective.contains(&op.id);
        let writes: Vec<&Op> = self.ops.values().filter(is_write).filter(effective).collect();
        let is_frontier = |op: &&&Op| !writes.iter().any(|other| self.seen(other).contains(&op.id));
        let frontier = self.order(writes.iter().filter(is_frontier).map(|op| op.id));
        let read = || Some((self.read(&writes, &Pointer::ROOT)?, self.conflicts(&writes)?));
        let Some((value, mut conflicts)) = read() else {
            return Entity { frontier, body_missing: true, ..Entity::default() };
        };
        if collection == "_links" {
            let deletes = |id: &OpId| self.ops[id].kind == Kind::Delete;
            conflicts.retain(|_, conflict| !conflict.members.keys().any(deletes));
        }
        Entity { frontier, body_missing: false, value, conflicts }
    }

    /// The value, as if the deletes that stand in a conflict had not been written; none where a body that it takes is
    /// missing. It is right at and below `around`, and nothing else is asked for.
    fn read(&self, writes: &[&Op], around: &Pointer) -> Option<Option<Value>> {
        let contests = self.contests(writes);
        let stands = |op: &Op| contests.values().any(|contest| contest.deletions.contains_key(&op.id));
        let written = |op: &&Op| !(op.kind == Kind::Delete && stands(op));
        self.value(&writes.iter().copied().filter(written).collect::<Vec<_>>(), around)
    }

    fn conflicts(&self, writes: &[&Op]) -> Option<BTreeMap<Pointer, Conflict>> {
        let mut contests = self.contests(writes);
        self.merge_texts(writes, &Pointer::ROOT, &mut contests)?;
        let record = |(path, contest): (Pointer, Contest)| {
            let members = contest.all();
            let base = self.read(&self.seen_by_all(writes, &members), &path).map(|value| below(value, &path));
            (path, Conflict { members, base })
        };
        Some(contests.into_iter().map(record).collect())
    }

    /// The parts of `writes` that none of `writes` has replaced.
    fn live<'a>(&'a self, writes: &'a [&'a Op]) -> Vec<Part<'a>> {
        let parts = writes.iter().flat_map(|op| op.says.parts.iter().map(|(path, act)| (*op, path, act)));
        parts.filter(|part| !self.is_replaced(writes, *part)).collect()
    }

    fn is_replaced(&self, writes: &[&Op], (op, path, act): Part) -> bool {
        let mut seen_by = writes.iter().filter(|other| self.seen(other).contains(&op.id));
        seen_by.any(|other| {
            let overwrites = other.says.parts.iter().any(|(place, other_act)| {
                let whole = matches!(other.kind, Kind::Put | Kind::Delete);
                other_act.is_overwrite() && place.is_prefix_of(path) && (*act != Act::MissingPatch || whole)
            });
            let discards = |(place, gone): &(Pointer, Value)| place == path && *act == Act::Insert(gone.clone());
            overwrites || other.says.discards.iter().any(discards)
        })
    }

    /// The live overwrites in order, then texts, counters and sets; none where a live body is missing.
    fn value(&self, writes: &[&Op], around: &Pointer) -> Option<Option<Value>> {
        let mut value = None;
        let mut live = self.live(writes);
        let merged = self.merge_texts(writes, around, &mut self.contests(writes))?;
        live.sort_by_key(|(op, path, _)| (op.hlc, op.id, *path));
        for (op, path, act) in &live {
            if let Act::Set(new) = act {
                write(&mut value, path, self.without_discarded(writes, op, path, new.clone()));
            }
        }
        merged.iter().for_each(|(path, text)| write(&mut value, path, Some(text.clone())));
        live.sort_by_key(|(_, path, _)| *path);
        let is_add = |act: &Act| matches!(act, Act::Add(_));
        for path in live.iter().filter(|(.., act)| is_add(act)).map(|(_, path, _)| *path).collect::<BTreeSet<_>>() {
            let amount = |(_, place, act): &Part| if let (true, Act::Add(n)) = (*place == path, act) { *n } else { 0 };
            add(&mut value, path, live.iter().map(amount).sum());
        }
        for (_, path, act) in live {
            if let Act::Insert(item) = act {
                insert(&mut value, path, item);
            }
        }
        Some(value)
    }

    /// What `op` writes at `path`, without the elements that writes which saw it have discarded.
    fn without_discarded(&self, writes: &[&Op], op: &Op, path: &Pointer, mut value: Option<Value>) -> Option<Value> {
        for other in writes.iter().filter(|other| self.seen(other).contains(&op.id)) {
            for (place, gone) in other.says.discards.iter().filter(|(place, _)| path.is_prefix_of(place)) {
                let mut below = place.0[path.0.len()..].iter();
                let array = below.try_fold(value.as_mut(), |value, token| Some(value?.as_object_mut()?.get_mut(token)));
                if let Some(Some(Value::Array(items))) = array {
                    items.retain(|item| jcs(item) != jcs(gone));
                }
            }
        }
        value
    }

    fn contests(&self, writes: &[&Op]) -> BTreeMap<Pointer, Contest> {
        let live = if self.crdt { Vec::new() } else { self.live(writes) };
        let concurrent =
            |x: &Op, y: &Op| !self.seen(x).contains(&y.id) && !self.seen(y).contains(&x.id) && x.id != y.id;
        let mut contests: BTreeMap<Pointer, Contest> = BTreeMap::new();
        for (x, p, act) in &live {
            for (y, q, other) in live.iter().filter(|(y, q, _)| concurrent(x, y) && q.is_prefix_of(p)) {
                let sides = [(x.id, at(act, p, p)), (y.id, at(other, q, p))];
                let differ = act.is_overwrite()
                    && other.is_overwrite()
                    && sides[0].1.as_ref().map(jcs) != sides[1].1.as_ref().map(jcs);
                match (x.kind == Kind::Delete, y.kind == Kind::Delete) {
                    (false, false) if differ => contests.entry((*p).clone()).or_default().overwrites.extend(sides),
                    (true, false) | (false, true) => contests.entry((*p).clone()).or_default().deletions.extend(sides),
                    _ => {}
                }
            }
        }
        contests
    }

    fn seen_by_all<'a>(&self, writes: &[&'a Op], members: &BTreeMap<OpId, Option<Value>>) -> Vec<&'a Op> {
        let by_all = |op: &&Op| members.keys().all(|member| self.seen(&self.ops[member]).contains(&op.id));
        writes.iter().copied().filter(by_all).collect()
    }

    /// Takes what merges by lines at text fields out of the contests, and returns what it merges to.
    fn merge_texts(
        &self,
        writes: &[&Op],
        around: &Pointer,
        contests: &mut BTreeMap<Pointer, Contest>,
    ) -> Option<BTreeMap<Pointer, Value>> {
        if self.live(writes).iter().any(|(.., act)| act.is_missing()) {
            return None;
        }
        let mut merged = BTreeMap::new();
        let is_text =
            |path: &Pointer| self.text.contains(path) && (around.is_prefix_of(path) || path.is_prefix_of(around));
        for (path, contest) in contests.iter_mut().filter(|(path, _)| is_text(path)) {
            let sides = &contest.overwrites;
            let texts = self.order(sides.keys().copied()).into_iter().map(|id| sides[&id].as_ref()?.as_str());
            let Some(texts) = texts.collect::<Option<Vec<_>>>().filter(|texts| !texts.is_empty()) else { continue };
            let base = below(self.read(&self.seen_by_all(writes, sides), path)?, path).unwrap_or(json!(""));
            if let Some(text) = base.as_str().and_then(|base| merge_lines(base, &texts)) {
                merged.insert(path.clone(), json!(text));
                contest.overwrites.clear();
            }
        }
        contests.retain(|_, contest| !contest.all().is_empty());
        Some(merged)
    }
}
