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
use crate::model_op::{Act, Op, decode};
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
    let own = ["_repo", "_members", "_invitations", "_manifests", "_review"];
    let misplaced = |op: &&Op| own.contains(&&*op.entity.0) != (op.branch == "_repo") && op.kind != Kind::Merge;
    let mut ineffective: BTreeSet<OpId> = model.ops.values().filter(misplaced).map(|op| op.id).collect();
    ineffective.extend(Members::of(model, &ineffective).forbidden());
    for branch in linear {
        ineffective.extend(withdrawn(model, branch));
    }
    model.ineffective = ineffective;
}

/// Who may write: acts are decided from the owner outwards, so that nobody decides about who made them an owner.
struct Members<'a> {
    model: &'a Model,
    owner: Author,
    /// The acts that count so far.
    acts: Vec<&'a Op>,
    /// Those of them that count by an invitation.
    invited: BTreeSet<OpId>,
}

impl<'a> Members<'a> {
    fn of(model: &'a Model, misplaced: &BTreeSet<OpId>) -> Members<'a> {
        let owner = model.ops.values().find(|op| op.repo.is_none()).expect("a genesis").author;
        let mut members = Members { model, owner, acts: Vec::new(), invited: BTreeSet::new() };
        let removes_owner = |op: &Op| role(op) == Some("removed") && op.entity.1 == owner.to_string();
        let is_put = |op: &Op| op.entity.0 == "_members" && op.kind == Kind::Put;
        let is_act = |op: &&Op| is_put(op) && role(op).is_some() && !removes_owner(op);
        let acts: Vec<&Op> = model.ops.values().filter(is_act).filter(|op| !misplaced.contains(&op.id)).collect();
        let mut nearer = BTreeSet::new();
        let mut level = BTreeSet::from([owner.to_string()]);
        while !level.is_empty() {
            let of_level: Vec<&Op> = acts.iter().copied().filter(|op| level.contains(&op.author.to_string())).collect();
            let may: Vec<&Op> = of_level
                .iter()
                .copied()
                .filter(|op| members.role_of(op) == Some("owner") && !members.is_cut(op))
                .collect();
            let removals = members.standing(&may);
            let stands = |op: &&Op| !removals.iter().any(|by| members.cuts(by, op));
            let stand: Vec<&Op> = may.into_iter().filter(stands).collect();
            members.acts.extend(stand);
            nearer.extend(level);
            let owners = of_level.iter().filter(|op| role(op) == Some("owner")).map(|op| op.entity.1.clone());
            level = owners.filter(|author| !nearer.contains(author)).collect();
        }
        members.let_in(acts);
        members
    }

    /// Of the acts that nobody gave effect to, those that show an invitation, the earliest first.
    fn let_in(&mut self, mut acts: Vec<&'a Op>) {
        acts.retain(|op| invitation(op).is_some() && !self.acts.iter().any(|act| act.id == op.id));
        acts.sort_by_key(|op| (op.hlc, op.id));
        for op in acts {
            if self.is_let_in(op) {
                self.acts.push(op);
                self.invited.insert(op.id);
            }
        }
    }

    fn is_let_in(&self, op: &Op) -> bool {
        let past = self.model.reach(op.dependencies(), Op::dependencies);
        let is_known = past.iter().any(|id| self.acts.iter().any(|act| act.id == *id && act.entity.1 == op.entity.1));
        let offers: Vec<&Op> =
            past.iter().map(|id| &self.model.ops[id]).filter(|offer| self.is_offer(offer, op)).collect();
        let allows = |offer: &&Op| offer.kind == Kind::Put && allows(offer, op);
        !is_known
            && (op.entity.1 != self.owner.to_string())
            && !offers.is_empty()
            && offers.iter().all(allows)
            && matches!(self.role_of(op), Some("owner" | "writer"))
            && !self.is_cut(op)
            && is_proven(op)
    }

    /// Whether an op states or revokes the invitation that another shows.
    fn is_offer(&self, offer: &Op, shown: &Op) -> bool {
        let is_of =
            offer.branch == "_repo" && offer.entity.0 == "_invitations" && Some(&*offer.entity.1) == invitation(shown);
        let is_statement = matches!(offer.kind, Kind::Put | Kind::Delete);
        is_of && is_statement && self.role_of(offer) == Some("owner") && !self.is_cut(offer)
    }

    /// What the latest grant says that no other grant has seen.
    fn role_of(&self, op: &Op) -> Option<&'a str> {
        if op.author == self.owner {
            return Some("owner");
        }
        let grants: Vec<&Op> = self.about(&op.author).into_iter().filter(|act| role(act) != Some("removed")).collect();
        let open = grants.iter().filter(|act| !grants.iter().any(|other| self.model.seen(other).contains(&act.id)));
        open.max_by_key(|act| (!self.invited.contains(&act.id), act.hlc, act.id)).and_then(|act| role(act))
    }

    /// Whether a removal that no later grant has lifted cuts the op off.
    fn is_cut(&self, op: &Op) -> bool {
        let about = self.about(&op.author);
        let lifted = |removal: &Op| {
            about.iter().any(|act| role(act) != Some("removed") && self.model.seen(act).contains(&removal.id))
        };
        op.author != self.owner && about.iter().any(|act| self.cuts(act, op) && !lifted(act))
    }

    fn about(&self, author: &Author) -> Vec<&'a Op> {
        self.acts.iter().copied().filter(|act| act.entity.1 == author.to_string()).collect()
    }

    fn cuts(&self, by: &Op, op: &Op) -> bool {
        let here = cut(by).into_iter().filter(|id| self.model.ops.contains_key(id));
        let removes = role(by) == Some("removed") && by.entity.1 == op.author.to_string() && op.author != self.owner;
        removes && !self.model.reach(here, |op| op.prev.into_iter().collect()).contains(&op.id)
    }

    /// What a standing removal cuts falls, and what only fallen ones cut stands. Where they cut one another in a
    /// circle, the one of smallest `ord` stands.
    fn standing(&self, acts: &[&'a Op]) -> Vec<&'a Op> {
        let mut open: Vec<&Op> = acts.iter().copied().filter(|op| role(op) == Some("removed")).collect();
        open.sort_by_key(|op| (op.hlc, op.id));
        let cut: BTreeMap<OpId, BTreeSet<OpId>> = open.iter().map(|by| (by.id, self.cut_by(by, &open))).collect();
        let mut standing = Vec::new();
        while !open.is_empty() {
            let cutters = |op: &Op| open.iter().filter(|by| cut[&by.id].contains(&op.id)).collect::<Vec<_>>();
            let reached = |from: &Op| {
                let mut reached = BTreeSet::from([from.id]);
                for _ in &open {
                    let further = open.iter().filter(|by| reached.contains(&by.id)).flat_map(|by| cut[&by.id].clone());
                    reached.extend(further.filter(|id| open.iter().any(|op| op.id == *id)).collect::<Vec<_>>());
                }
                reached
            };
            let is_first =
                |op: &&&Op| cutters(op).is_empty() || cutters(op).iter().all(|by| reached(op).contains(&by.id));
            let next = *open.iter().find(is_first).expect("circles that cut one another in turn have a first");
            standing.push(next);
            open.retain(|op| op.id != next.id && !cut[&next.id].contains(&op.id));
        }
        standing
    }

    fn cut_by(&self, by: &Op, open: &[&Op]) -> BTreeSet<OpId> {
        open.iter().filter(|op| self.cuts(by, op)).map(|op| op.id).collect()
    }

    /// The ops of those who may not write.
    fn forbidden(&self) -> BTreeSet<OpId> {
        let is_open = !self.acts.iter().any(|act| act.author == self.owner);
        let may = |op: &Op| match &*op.entity.0 {
            "_members" => self.acts.iter().any(|act| act.id == op.id),
            "_repo" | "_invitations" | "_manifests" => self.role_of(op) == Some("owner") && !self.is_cut(op),
            _ => is_open || matches!(self.role_of(op), Some("owner" | "writer")) && !self.is_cut(op),
        };
        self.model.ops.values().filter(|op| !may(op)).map(|op| op.id).collect()
    }
}

/// What a write to `_members` makes of somebody; none where it is no such write. Without its body it might say
/// anything: until that is here it removes, and leaves nothing.
fn role(op: &Op) -> Option<&str> {
    if op.says.parts.iter().any(|(_, act)| *act == Act::MissingPut) {
        return Some("removed");
    }
    let role = op.json.as_ref()?.get("role")?.as_str()?;
    ["owner", "writer", "reader", "removed"].contains(&role).then_some(role)
}

/// The public key of the invitation that an act shows.
fn invitation(act: &Op) -> Option<&str> {
    act.json.as_ref()?.get("invitation")?.as_str()
}

/// Whether the terms of an invitation allow what an act gives, when it does.
fn allows(offer: &Op, act: &Op) -> bool {
    let body = offer.json.as_ref().unwrap_or(&Value::Null);
    let roles: &[&str] = if body["role"] == "writer" { &["writer", "reader"] } else { &["reader"] };
    let is_sound = matches!(body["role"].as_str(), Some("writer" | "reader")) && body["uses"].as_u64() > Some(0);
    is_sound && body["until"].as_u64() >= Some(act.hlc >> 16) && role(act).is_some_and(|role| roles.contains(&role))
}

/// Whether the invitation's key signed for who joins.
fn is_proven(act: &Op) -> bool {
    let parts =
        (invitation(act).and_then(hex::parse), act.json.as_ref().and_then(|body| hex::parse(body["proof"].as_str()?)));
    let ((Some(key), Some(proof)), Some(repo), Some(joiner)) = (parts, act.repo, hex::parse::<32>(&act.entity.1))
    else {
        return false;
    };
    let message = [&b"trellis/invited/1\n"[..], &repo.0, &joiner].concat();
    let key = ed25519_dalek::VerifyingKey::from_bytes(&key);
    key.is_ok_and(|key| key.verify_strict(&message, &ed25519_dalek::Signature::from_bytes(&proof)).is_ok())
}

fn cut(removal: &Op) -> Vec<OpId> {
    let body = removal.json.as_ref().unwrap_or(&Value::Null);
    let ids = body["cut"].as_object().into_iter().flat_map(|cut| cut.values());
    ids.filter_map(|id| hex::parse(id.as_str()?).map(OpId)).collect()
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

/// The open conflicts of a set of valid ops, on every branch but the engine's own, where rules settle them.
pub fn open(ops: &BTreeMap<OpId, Op>) -> Open {
    let mut model = Model::of(ops.clone());
    if ops.is_empty() {
        return Open::new();
    }
    mark_ineffective(&mut model, &BTreeSet::new());
    let branches: BTreeSet<String> = ops.values().map(|op| op.branch.clone()).filter(|name| name != "_repo").collect();
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
