//! Which ops are valid, which are effective, and what two sets have to say to each other, read straight from the design.
//!
//! Like the model of values it keeps nothing and looks everything up again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use trellis_core::op::hex;
use trellis_core::op::id::{Author, OpId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::op::pointer::Pointer;

use crate::model::Model;
use crate::model_op::{Op, decode};
use crate::sealed::SealedOp;

/// What the eight rules say of an op. Rule 1, the encoding, is behind us: the op is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It keeps all rules.
    Valid,
    /// It breaks none, but something that it depends on is not here.
    Waits,
    /// It breaks this rule, and none before.
    Breaks(u8),
}

/// The verdict on every op of a set.
pub fn judge(ops: &BTreeMap<OpId, Op>) -> BTreeMap<OpId, Verdict> {
    let mut verdicts: BTreeMap<OpId, Verdict> = BTreeMap::new();
    while verdicts.len() < ops.len() {
        for op in ops.values().filter(|op| !verdicts.contains_key(&op.id)).collect::<Vec<_>>() {
            let here: Vec<&Op> = op.dependencies().iter().filter_map(|id| ops.get(id)).collect();
            if here.iter().all(|other| verdicts.contains_key(&other.id)) {
                verdicts.insert(op.id, verdict(op, ops, &verdicts));
            }
        }
    }
    verdicts
}

/// An invalid dependency weighs more than a missing one; all other rules are asked when every dependency is here.
fn verdict(op: &Op, ops: &BTreeMap<OpId, Op>, verdicts: &BTreeMap<OpId, Verdict>) -> Verdict {
    let found = |ids: &[OpId]| ids.iter().filter_map(|id| ops.get(id)).collect::<Vec<&Op>>();
    let (all, parents, base) = (found(&op.dependencies()), found(&op.parents), found(&op.base));
    let repo = |op: &Op| op.repo.map_or(op.id, |repo| OpId(repo.0));
    let invalid = |dependency: &&Op| matches!(verdicts[&dependency.id], Verdict::Breaks(_));
    if all.iter().any(|dependency| invalid(dependency) || repo(dependency) != repo(op)) {
        return Verdict::Breaks(2);
    }
    if all.len() < op.dependencies().len() || all.iter().any(|other| verdicts[&other.id] == Verdict::Waits) {
        return Verdict::Waits;
    }
    let is_merge = op.kind == Kind::Merge;
    let on = |other: &Op, branch: &str| other.repo.is_none() || other.branch == branch;
    let (own, source) = (|other: &&Op| on(other, &op.branch), |other: &&Op| is_merge && on(other, &op.entity.1));
    let prev = op.prev.map(|prev| &ops[&prev]);
    let follows = |prev: &Op| prev.branch == op.branch && prev.author == op.author && prev.seq + 1 == op.seq;
    let wrote = |write: &&Op| write.entity == op.entity && write.kind != Kind::Merge;
    let kept = [
        (3, prev.map_or(op.seq == 1, follows)),
        (4, parents.iter().all(|op| own(op) || source(op)) && (!is_merge || parents.iter().any(source))),
        (5, is_merge || op.repo.is_none() || parents.iter().any(own)),
        (6, base.iter().all(wrote)),
        (7, all.iter().all(|dependency| dependency.hlc < op.hlc)),
        (8, has_shape(op)),
    ];
    kept.iter().find(|(_, kept)| !kept).map_or(Verdict::Valid, |(rule, _)| Verdict::Breaks(*rule))
}

fn has_shape(op: &Op) -> bool {
    let (collection, key) = (&*op.entity.0, &*op.entity.1);
    let genesis = op.prev.is_none() && op.parents.is_empty() && op.base.is_empty() && op.kind == Kind::Put;
    let of_kind = match op.kind {
        Kind::Append => op.base.is_empty(),
        Kind::Merge => {
            let named = collection == "_branch" && key.len() <= 255;
            named && op.base.is_empty() && !op.parents.is_empty() && op.format == Some(Format::Json)
        }
        Kind::Patch => matches!(op.format, Some(Format::Json | Format::Sealed | Format::SaltedJson)),
        _ => true,
    };
    let of_genesis = genesis && (&*op.branch, collection, key) == ("_repo", "_repo", "genesis");
    of_kind && (op.kind == Kind::Delete) == op.format.is_none() && (op.repo.is_some() || of_genesis)
}

/// Marks in the model what has no effect, for branches whose policy is linear as for the others.
pub fn mark_ineffective(model: &mut Model, linear: &BTreeSet<String>) {
    let own = ["_repo", "_members", "_manifests", "_review"];
    let misplaced = |op: &&Op| own.contains(&&*op.entity.0) != (op.branch == "_repo") && op.kind != Kind::Merge;
    let mut ineffective: BTreeSet<OpId> = model.ops.values().filter(misplaced).map(|op| op.id).collect();
    ineffective.extend(Members::of(model, &ineffective).forbidden(model));
    for branch in linear {
        ineffective.extend(withdrawn(model, branch));
    }
    model.ineffective = ineffective;
}

/// Who may write, as far as it was found out.
#[derive(Clone, Debug, PartialEq)]
struct Members {
    owner: Author,
    /// None: everybody.
    roles: Option<BTreeMap<String, String>>,
    /// Removals that stand: whom, and what stays accepted.
    removals: BTreeMap<OpId, (String, BTreeSet<OpId>)>,
}

impl Members {
    /// Begins with the owner alone, and asks again who may say what until nothing changes.
    fn of(model: &Model, misplaced: &BTreeSet<OpId>) -> Members {
        let owner = model.ops.values().find(|op| op.repo.is_none()).expect("a genesis").author;
        let mut members = Members { owner, roles: None, removals: BTreeMap::new() };
        let is_about = |op: &&Op| op.entity.0 == "_members" && !misplaced.contains(&op.id) && op.kind != Kind::Merge;
        let about: Vec<&Op> = model.ops.values().filter(is_about).collect();
        if !about.iter().any(|op| op.author == owner) {
            return members;
        }
        members.roles = Some(BTreeMap::new());
        for _ in 0..2 * about.len() + 2 {
            let said: Vec<&Op> =
                about.iter().copied().filter(|op| members.is_owner(op) && !members.is_cut(op)).collect();
            let next = Members { roles: Some(roles(model, &said)), removals: standing(model, owner, &said), owner };
            if next == members {
                break;
            }
            members = next;
        }
        members
    }

    fn role(&self, op: &Op) -> Option<&str> {
        if op.author == self.owner {
            Some("owner")
        } else {
            self.roles.as_ref()?.get(&op.author.to_string()).map(String::as_str)
        }
    }

    fn is_owner(&self, op: &Op) -> bool {
        self.role(op) == Some("owner")
    }

    fn is_cut(&self, op: &Op) -> bool {
        self.removals.values().any(|(whom, kept)| *whom == op.author.to_string() && !kept.contains(&op.id))
    }

    /// The ops of those who may not write, and what is said of members by others than owners.
    fn forbidden(&self, model: &Model) -> BTreeSet<OpId> {
        let may = |op: &Op| match (&self.roles, &*op.entity.0) {
            (None, "_members") => op.author == self.owner,
            (None, _) => true,
            (Some(_), "_members") => self.is_owner(op) && !self.is_cut(op),
            (Some(_), _) => matches!(self.role(op), Some("owner" | "writer")) && !self.is_cut(op),
        };
        model.ops.values().filter(|op| !may(op)).map(|op| op.id).collect()
    }
}

fn is_removal(op: &Op) -> bool {
    op.kind == Kind::Put && op.json.as_ref().is_some_and(|body| body["role"] == "removed")
}

/// The role of everybody by what was said, removals aside.
fn roles(model: &Model, said: &[&Op]) -> BTreeMap<String, String> {
    let counts = |id: &OpId| said.iter().any(|op| op.id == *id && !is_removal(op));
    let ineffective = model.ops.keys().copied().filter(|id| !counts(id)).collect();
    let mut model = model.clone();
    model.ineffective = ineffective;
    let role = |whom: &String| Some(model.entity("_repo", "_members", whom).value?.get("role")?.as_str()?.to_string());
    said.iter().map(|op| &op.entity.1).filter_map(|whom| Some((whom.clone(), role(whom)?))).collect()
}

/// The removals that no later `put` has lifted and that none which goes before them has cut.
fn standing(model: &Model, owner: Author, said: &[&Op]) -> BTreeMap<OpId, (String, BTreeSet<OpId>)> {
    let lifted = |op: &Op| said.iter().any(|put| put.kind == Kind::Put && model.seen(put).contains(&op.id));
    let is_open = |op: &&&Op| is_removal(op) && op.entity.1 != owner.to_string() && !lifted(op);
    let removals: Vec<&Op> = said.iter().filter(is_open).copied().collect();
    let kept = |op: &Op| {
        model.reach(cut(op).into_iter().filter(|id| model.ops.contains_key(id)), |op| op.prev.into_iter().collect())
    };
    let cuts = |by: &Op, op: &Op| by.entity.1 == op.author.to_string() && !kept(by).contains(&op.id);
    let distances = distances(owner, said);
    let first = |op: &Op| (distances.get(&op.author.to_string()).copied().unwrap_or(usize::MAX), op.hlc, op.id);
    let falls = |op: &Op| removals.iter().any(|by| cuts(by, op) && !(cuts(op, by) && first(op) < first(by)));
    let stand = removals.iter().filter(|op| !falls(op));
    stand.map(|op| (op.id, (op.entity.1.clone(), kept(op)))).collect()
}

fn cut(removal: &Op) -> Vec<OpId> {
    let body = removal.json.as_ref().unwrap_or(&Value::Null);
    let ids = body["cut"].as_object().into_iter().flat_map(|cut| cut.values());
    ids.filter_map(|id| hex::parse(id.as_str()?).map(OpId)).collect()
}

/// How many invitations lie between the owner and each member.
fn distances(owner: Author, said: &[&Op]) -> BTreeMap<String, usize> {
    let mut distances = BTreeMap::from([(owner.to_string(), 0)]);
    for _ in 0..said.len() {
        for op in said.iter().filter(|op| !is_removal(op)) {
            if let Some(distance) = distances.get(&op.author.to_string()).copied() {
                let known = distances.entry(op.entity.1.clone()).or_insert(distance + 1);
                *known = (*known).min(distance + 1);
            }
        }
    }
    distances
}

/// The ops of a linear branch that their authors took back, or that the owner dropped.
pub fn withdrawn(model: &Model, branch: &str) -> BTreeSet<OpId> {
    let parents = |op: &Op| model.reach(op.parents.clone(), |op| op.parents.clone());
    let chain = |op: &Op| model.reach(op.prev, |op| op.prev.into_iter().collect());
    let mut withdrawn = BTreeSet::new();
    for id in model.order(model.ops.keys().copied()).into_iter().rev().filter(|id| model.ops[id].branch == branch) {
        let taken_back = model.ops.values().any(|later| chain(later).contains(&id) && !parents(later).contains(&id));
        let other = |op: &&Op| op.author != model.ops[&id].author && !withdrawn.contains(&op.id);
        if taken_back && !model.ops.values().filter(other).any(|op| parents(op).contains(&id)) {
            withdrawn.insert(id);
        }
    }
    withdrawn
}

/// A conflict's key, and its members.
pub type Open = BTreeMap<(String, String, String, Pointer), BTreeSet<OpId>>;

/// What `reconcile` answers; see the design's table.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Reconciled {
    pub merged: Vec<OpId>,
    pub fork_point: Option<OpId>,
    pub fork_heads: Vec<OpId>,
    pub only_local: Vec<OpId>,
    pub only_remote: Vec<OpId>,
    pub conflicts: Open,
    pub new_conflicts: Open,
    pub relation: &'static str,
    pub missing: BTreeSet<OpId>,
    /// With the rule that is broken; 0 for another repo.
    pub invalid: BTreeMap<OpId, u8>,
}

/// Two sets of ops, compared and joined.
pub fn reconcile(local: &[SealedOp], remote: &[SealedOp]) -> Reconciled {
    let decoded = |ops: &[SealedOp]| ops.iter().map(|op| (op.id, decode(op))).collect::<BTreeMap<_, _>>();
    let (ours, theirs) = (decoded(local), decoded(remote));
    let mut both = [local, remote].concat();
    both.sort_by_key(|op| op.body.is_some());
    let mut all = decoded(&both);
    let repo = |op: &Op| op.repo.map_or(op.id, |repo| OpId(repo.0));
    let first = all.values().min_by_key(|op| (op.hlc, op.id)).map(repo);
    let mut invalid: BTreeMap<OpId, u8> =
        all.values().filter(|op| Some(repo(op)) != first).map(|op| (op.id, 0)).collect();
    for (id, verdict) in judge(&all) {
        if let Verdict::Breaks(rule) = verdict {
            invalid.entry(id).or_insert(rule);
        }
    }
    let wanting = all.values().filter(|op| !invalid.contains_key(&op.id));
    let missing = wanting.flat_map(Op::dependencies).filter(|id| !all.contains_key(id)).collect();
    let good = valid(&all, first);
    all.retain(|id, _| good.contains(id));
    let union = open(&all);
    let sides = [open(&keep(&ours, &valid(&ours, first))), open(&keep(&theirs, &valid(&theirs, first)))];
    let model = Model::of(all.clone());
    let merged = model.order(good.iter().copied());
    let only =
        |other: &BTreeMap<OpId, Op>| merged.iter().copied().filter(|id| !other.contains_key(id)).collect::<Vec<_>>();
    let (only_local, only_remote) = (only(&theirs), only(&ours));
    let common: Vec<OpId> =
        merged.iter().copied().filter(|id| ours.contains_key(id) && theirs.contains_key(id)).collect();
    let new = union.iter().filter(|(key, members)| !sides.iter().any(|side| side.get(*key) == Some(*members)));
    Reconciled {
        fork_point: common.last().copied(),
        fork_heads: fork_heads(&model, &common),
        relation: match (only_local.is_empty(), only_remote.is_empty()) {
            (true, true) => "equal",
            (true, false) => "behind",
            (false, true) => "ahead",
            (false, false) => "diverged",
        },
        new_conflicts: new.map(|(key, members)| (key.clone(), members.clone())).collect(),
        conflicts: union.clone(),
        only_local,
        only_remote,
        merged,
        missing,
        invalid,
    }
}

/// The valid ops of this repo.
fn valid(ops: &BTreeMap<OpId, Op>, repo: Option<OpId>) -> BTreeSet<OpId> {
    let ours = |op: &&Op| Some(op.repo.map_or(op.id, |repo| OpId(repo.0))) == repo;
    let verdicts = judge(ops);
    ops.values().filter(ours).map(|op| op.id).filter(|id| verdicts[id] == Verdict::Valid).collect()
}

fn keep(ops: &BTreeMap<OpId, Op>, ids: &BTreeSet<OpId>) -> BTreeMap<OpId, Op> {
    ops.iter().filter(|(id, _)| ids.contains(id)).map(|(id, op)| (*id, op.clone())).collect()
}

/// The ops of a set that no other op of it names as parent or `prev`.
fn fork_heads(model: &Model, common: &[OpId]) -> Vec<OpId> {
    let named = |id: &OpId| {
        common.iter().any(|other| model.ops[other].parents.contains(id) || model.ops[other].prev == Some(*id))
    };
    common.iter().copied().filter(|id| !named(id)).collect()
}

/// The open conflicts of a set of valid ops, on every branch.
pub fn open(ops: &BTreeMap<OpId, Op>) -> Open {
    let mut model = Model::of(ops.clone());
    if ops.is_empty() {
        return Open::new();
    }
    mark_ineffective(&mut model, &BTreeSet::new());
    let branches: BTreeSet<String> = ops.values().map(|op| op.branch.clone()).collect();
    let entities: BTreeSet<(String, String)> = ops.values().map(|op| op.entity.clone()).collect();
    let mut open = Open::new();
    for branch in &branches {
        for (collection, key) in &entities {
            for (path, conflict) in model.entity(branch, collection, key).conflicts {
                let members = conflict.members.into_keys().collect();
                open.insert((branch.clone(), collection.clone(), key.clone(), path), members);
            }
        }
    }
    open
}
