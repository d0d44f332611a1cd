//! `reconcile`: what two sets of ops make together, as a pure function.
//!
//! All ops of both sides are judged in one order, `ord`, and appended to one graph; which side an op came from is one
//! bit. Structure is judged and signatures are not. Conflicts are looked for only where writes ever stood beside each
//! other, and what each side shows alone is computed only where the union shows conflicts.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use hashbrown::HashMap;

use crate::admit::cover;
use crate::admit::intrinsic::{self, Invalid};
use crate::admit::policy::Policies;
use crate::log::graph::{Branch, Entity, Graph, Keeping, Node, Presence};
use crate::log::row::{Origin, Place};
use crate::merge::conflict::Conflict;
use crate::merge::entity;
use crate::op::body::Content;
use crate::op::header::REPO_BRANCH;
use crate::op::id::{ConflictId, OpId, RepoId};
use crate::op::place;
use crate::op::pointer::Pointer;
use crate::op::sign::{Refused, Unverified, VerifiedOp};
use crate::view::state::{Contents, State};

/// How the two sides relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Both have the same ops.
    Equal,
    /// The remote side has all that the local one has, and more.
    Behind,
    /// The local side has all that the remote one has, and more.
    Ahead,
    /// Each has ops that the other lacks.
    Diverged,
}

/// What two sets of ops make together.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconciled {
    /// Every valid op of both whose dependencies are there, in order.
    pub merged: Vec<OpId>,
    /// The last of the common ops in order.
    pub fork_point: Option<OpId>,
    /// The common ops that no other common op names as parent or `prev`, in order.
    pub fork_heads: Vec<OpId>,
    /// Merged ops that only the local side has, in order.
    pub only_local: Vec<OpId>,
    /// Merged ops that only the remote side has, in order.
    pub only_remote: Vec<OpId>,
    /// The entities of the conflicts, in text form, each once, ascending.
    pub conflicts: Vec<String>,
    /// The open conflicts of the union, ascending by branch, collection, key and path.
    pub conflict_records: Vec<Conflict>,
    /// Those of them that are open in neither side alone.
    pub new_conflicts: Vec<Conflict>,
    /// How the sides relate.
    pub relation: Relation,
    /// Whether there are no new conflicts.
    pub clean: bool,
    /// Dependencies that neither set has, ascending.
    pub missing: Vec<OpId>,
    /// Invalid ops with the reason, ascending; ops of another repo than that of the op first in order among them.
    pub invalid: Vec<(OpId, Invalid)>,
    /// How many inputs were no ops at all, or had a body that is not theirs.
    pub malformed: usize,
}

/// Reconciles two sets of ops, given in any order and as often as one likes. Signatures are not looked at.
///
/// Total. Costs hashing every op, sorting, and the merge of entities where writes stood beside each other.
pub fn reconcile(local: &[Unverified<'_>], remote: &[Unverified<'_>]) -> Reconciled {
    let mut union = Union::default();
    union.take(local, LOCAL);
    union.take(remote, REMOTE);
    union.judge();
    union.report()
}

const LOCAL: u8 = 1;
const REMOTE: u8 = 2;
const BOTH: u8 = LOCAL | REMOTE;

#[derive(Default)]
struct Union<'a> {
    ops: Vec<VerifiedOp<'a>>,
    sides: Vec<u8>,
    index: HashMap<OpId, usize>,
    malformed: usize,
    graph: Graph,
    /// By node: which of `ops` it is.
    node_ops: Vec<usize>,
    refused: BTreeMap<OpId, Invalid>,
    missing: BTreeSet<OpId>,
}

impl<'a> Union<'a> {
    fn take(&mut self, ops: &[Unverified<'a>], side: u8) {
        self.index.reserve(ops.len());
        for op in ops {
            match op.rehash() {
                Ok(op) => self.take_one(op, side),
                Err(Refused::Header(_) | Refused::Body) => self.malformed += 1,
            }
        }
    }

    fn take_one(&mut self, op: VerifiedOp<'a>, side: u8) {
        let at = *self.index.entry(op.id()).or_insert(self.ops.len());
        if at == self.ops.len() {
            self.ops.push(op);
            self.sides.push(side);
        } else {
            self.sides[at] |= side;
            if self.ops[at].body().is_none() {
                self.ops[at] = op;
            }
        }
    }

    /// Judges every op after its dependencies. Where a clock is wrong that is not `ord` order, so an op waits for all
    /// of its dependencies that are still to be judged.
    fn judge(&mut self) {
        let mut order: Vec<usize> = (0..self.ops.len()).collect();
        order.sort_unstable_by_key(|at| self.ops[*at].ord());
        let repo = order.first().map(|at| self.repo_of(*at));
        let mut waiting: HashMap<OpId, Vec<usize>> = HashMap::new();
        for at in order {
            for dependency in self.judge_one(at, repo) {
                waiting.entry(dependency).or_default().push(at);
            }
            let mut open = alloc::vec![at];
            while let Some(judged) = open.pop().filter(|at| self.is_judged(*at)) {
                let waiters = waiting.remove(&self.ops[judged].id()).unwrap_or_default();
                open.extend(
                    waiters.into_iter().filter(|at| !self.is_judged(*at) && self.judge_one(*at, repo).is_empty()),
                );
            }
        }
        let is_wanted = |ops: &Vec<usize>| ops.iter().any(|at| !self.is_judged(*at));
        let wanted = waiting.iter().filter(|(id, ops)| !self.index.contains_key(*id) && is_wanted(ops));
        self.missing = wanted.map(|(id, _)| *id).collect();
    }

    fn is_judged(&self, at: usize) -> bool {
        let id = self.ops[at].id();
        self.refused.contains_key(&id) || self.graph.find(&id).is_some()
    }

    fn repo_of(&self, at: usize) -> RepoId {
        self.ops[at].header().repo.unwrap_or_else(|| self.ops[at].id().into())
    }

    /// Appends or refuses an op, or returns the dependencies that are not judged or not there.
    fn judge_one(&mut self, at: usize, repo: Option<RepoId>) -> Vec<OpId> {
        let op = &self.ops[at];
        let verdict = if Some(self.repo_of(at)) != repo {
            Err(Invalid::RepoMismatch)
        } else if op.header().dependencies().any(|id| self.refused.contains_key(&id)) {
            Err(Invalid::Dependency)
        } else {
            match cover::ancestry_in(&self.graph, op.header()) {
                Err(_) => return op.header().dependencies().filter(|id| self.graph.find(id).is_none()).collect(),
                Ok(ancestry) => intrinsic::judge(op.header(), &ancestry),
            }
        };
        match verdict {
            Err(reason) => {
                self.refused.insert(op.id(), reason);
            }
            Ok(()) => {
                let body = if op.body().is_some() { Presence::Here } else { Presence::Absent };
                let place = Place { row: 0, header_at: 0, body_at: 0 };
                self.graph.append(op, Keeping { place, body, origin: Origin::Remote });
                self.node_ops.push(at);
            }
        }
        Vec::new()
    }

    fn side(&self, node: Node) -> u8 {
        self.sides[self.node_ops[node.index()]]
    }

    fn report(self) -> Reconciled {
        let merged: Vec<Node> = self.in_order(|_| true);
        let ids = |nodes: &[Node]| nodes.iter().map(|node| self.graph.id(*node)).collect::<Vec<_>>();
        let common = self.in_order(|side| side == BOTH);
        let (only_local, only_remote) = (self.in_order(|side| side == LOCAL), self.in_order(|side| side == REMOTE));
        let conflict_records = self.view().conflicts();
        let new_conflicts = self.new_conflicts(&conflict_records);
        Reconciled {
            merged: ids(&merged),
            fork_point: common.last().map(|node| self.graph.id(*node)),
            fork_heads: ids(&self.heads_of(&common)),
            conflicts: names(&conflict_records),
            relation: match (only_local.is_empty(), only_remote.is_empty()) {
                (true, true) => Relation::Equal,
                (true, false) => Relation::Behind,
                (false, true) => Relation::Ahead,
                (false, false) => Relation::Diverged,
            },
            only_local: ids(&only_local),
            only_remote: ids(&only_remote),
            clean: new_conflicts.is_empty(),
            conflict_records,
            new_conflicts,
            missing: self.missing.into_iter().collect(),
            invalid: self.refused.into_iter().collect(),
            malformed: self.malformed,
        }
    }

    fn in_order(&self, is_wanted: impl Fn(u8) -> bool) -> Vec<Node> {
        let mut nodes: Vec<Node> = self.graph.nodes().filter(|node| is_wanted(self.side(*node))).collect();
        if !nodes.is_sorted_by_key(|node| self.graph.ord(*node)) {
            nodes.sort_unstable_by_key(|node| self.graph.ord(*node));
        }
        nodes
    }

    fn heads_of(&self, common: &[Node]) -> Vec<Node> {
        let named = |node: &Node| self.graph.parents(*node).chain(self.graph.prev(*node)).collect::<Vec<_>>();
        let inner: BTreeSet<Node> = common.iter().flat_map(named).collect();
        common.iter().copied().filter(|node| !inner.contains(node)).collect()
    }

    fn new_conflicts(&self, all: &[Conflict]) -> Vec<Conflict> {
        if all.is_empty() {
            return Vec::new();
        }
        let alone = [LOCAL, REMOTE].into_iter().flat_map(|side| self.side_conflicts(side));
        let known: BTreeSet<ConflictId> = alone.collect();
        all.iter().filter(|conflict| !known.contains(&conflict.id)).cloned().collect()
    }

    /// The conflicts that one side shows alone: of a graph of its own, since the logs of its branches are smaller.
    fn side_conflicts(&self, side: u8) -> Vec<ConflictId> {
        let mut alone = Union::default();
        for node in self.graph.nodes().filter(|node| self.side(*node) & side != 0) {
            alone.take_one(self.ops[self.node_ops[node.index()]].clone(), BOTH);
        }
        alone.judge();
        alone.view().conflicts().into_iter().map(|conflict| conflict.id).collect()
    }

    fn view(&self) -> View<'_, 'a> {
        let on_repo = self.graph.nodes().filter(|node| self.graph.is_repo_branch(self.graph.branch(*node)));
        let contents: Contents = on_repo.map(|node| (node, self.content(node))).collect();
        View { union: self, state: State::of(&self.graph, &contents, &Policies::default()) }
    }

    fn content(&self, node: Node) -> Content {
        let op = &self.ops[self.node_ops[node.index()]];
        Content::decode(op.header().kind, op.header().body.map(|body| body.format), op.body())
    }
}

/// What the graph means.
struct View<'u, 'a> {
    union: &'u Union<'a>,
    state: State,
}

impl View<'_, '_> {
    fn conflicts(&self) -> Vec<Conflict> {
        let graph = &self.union.graph;
        let branches = graph.branches().filter(|branch| graph.branch_name(*branch) != REPO_BRANCH);
        let contended: Vec<Entity> = graph.entities().filter(|entity| graph.is_contended(*entity)).collect();
        let mut conflicts: Vec<Conflict> = branches
            .flat_map(|branch| contended.iter().map(move |entity| (branch, *entity)))
            .flat_map(|(branch, entity)| self.merged(branch, entity).conflicts)
            .collect();
        conflicts.sort_by(|left, right| place_of(left).cmp(&place_of(right)));
        conflicts
    }

    fn merged(&self, branch: Branch, entity: Entity) -> entity::Entity {
        let graph = &self.union.graph;
        let nodes: Vec<Node> = graph.writes(entity).filter(|node| graph.is_in_log(*node, branch)).collect();
        self.state.merged(graph, (branch, entity), &nodes, |node| Some(Cow::Owned(self.union.content(node))))
    }
}

fn place_of(conflict: &Conflict) -> (&str, &str, &str, &Pointer) {
    (&conflict.branch, &conflict.collection, &conflict.key, &conflict.path)
}

fn names(conflicts: &[Conflict]) -> Vec<String> {
    let name = |conflict: &Conflict| {
        place::Entity { collection: conflict.collection.clone(), key: conflict.key.clone() }.to_string()
    };
    conflicts.iter().map(name).collect::<BTreeSet<_>>().into_iter().collect()
}
