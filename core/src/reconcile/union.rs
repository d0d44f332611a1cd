//! Two lists of ops, judged together in one graph. Which side an op came from is one bit.
//!
//! Conflicts are looked for only where writes ever stood beside each other. What a side shows alone is asked only where
//! the union shows conflicts and the side lacks something, and is read from the same graph unless the sides disagree
//! about who has effect.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::judge::{Judge, repo_of};
use super::{Reconciled, Relation, in_place_order, names};
use crate::admit::policy::Policies;
use crate::log::graph::{Branch, Entity, Graph, Node};
use crate::log::set::Bits;
use crate::merge::conflict::Conflict;
use crate::op::body::Content;
use crate::op::header::{Header, REPO_BRANCH};
use crate::op::id::{ConflictId, OpId, RepoId};
use crate::op::kind::Kind;
use crate::op::sign::{ShortOp, Unverified};
use crate::ordered::{Map, Set};
use crate::view::deciding::deciding;
use crate::view::files::{FILES, File, Tree};
use crate::view::state::{Contents, State};

const LOCAL: u8 = 1;
const REMOTE: u8 = 2;
const BOTH: u8 = LOCAL | REMOTE;

/// The ops of both sides, each once.
#[derive(Default)]
pub(super) struct Union<'a> {
    ops: Vec<ShortOp<'a>>,
    /// By op: the sides that have it.
    sides: Vec<u8>,
    /// By op: what came as its body, by side. Whether it is that is asked when it is read.
    bodies: Vec<[Option<&'a [u8]>; 2]>,
    /// Ops by a quick hash of their headers' bytes, beside that hash: an op that comes twice is named once.
    by_header: HashTable<(u64, u32)>,
    hasher: DefaultHashBuilder,
    malformed: usize,
    judge: Judge,
}

/// The open conflicts of one entity in one branch's log.
type Open = (Branch, Entity, Vec<Conflict>);

impl<'a> Union<'a> {
    /// Both lists, judged. `repo` is the repo; where it is not known, that of the op first in order.
    pub(super) fn of(local: &[Unverified<'a>], remote: &[Unverified<'a>], repo: Option<RepoId>) -> Union<'a> {
        let ops = local.len().max(remote.len());
        let mut union = Union::with_capacity(ops + ops / 4);
        union.take(local, LOCAL);
        union.take(remote, REMOTE);
        union.judge(repo);
        union
    }

    fn with_capacity(ops: usize) -> Union<'a> {
        Union {
            ops: Vec::with_capacity(ops),
            sides: Vec::with_capacity(ops),
            bodies: Vec::with_capacity(ops),
            by_header: HashTable::with_capacity(ops),
            judge: Judge::with_capacity(ops),
            ..Union::default()
        }
    }

    fn take(&mut self, ops: &[Unverified<'a>], side: u8) {
        for op in ops {
            let hash = self.hasher.hash_one(op.header);
            let is_same =
                |(other, at): &(u64, u32)| *other == hash && self.ops[*at as usize].header_bytes() == op.header;
            match self.by_header.find(hash, is_same) {
                Some((_, at)) => self.take_again(*at as usize, op, side),
                None => self.take_new(hash, op, side),
            }
        }
    }

    fn take_new(&mut self, hash: u64, op: &Unverified<'a>, side: u8) {
        match (Unverified { body: None, ..*op }).rehash_in_short() {
            Ok(short) => {
                self.by_header.insert_unique(hash, (hash, self.ops.len() as u32), |(hash, _)| *hash);
                self.push(short, side, bodies(op.body, side));
            }
            Err(_) => self.malformed += 1,
        }
    }

    fn push(&mut self, op: ShortOp<'a>, side: u8, bodies: [Option<&'a [u8]>; 2]) {
        self.sides.push(side);
        self.bodies.push(bodies);
        self.ops.push(op);
    }

    /// Takes an op that came before. Of two bodies of one side the one that is the op's stays.
    fn take_again(&mut self, at: usize, op: &Unverified<'a>, side: u8) {
        self.sides[at] |= side;
        let known = self.bodies[at][slot(side)];
        let is_better = |body| known.is_none() || known != Some(body) && self.fits(at, body);
        if op.body.is_some_and(is_better) {
            self.bodies[at][slot(side)] = op.body;
        }
    }

    fn fits(&self, at: usize, body: &[u8]) -> bool {
        Header::decode(self.ops[at].header_bytes()).is_ok_and(|header| header.names_body(body))
    }

    /// An op's body, if a side has it.
    fn body(&self, at: usize, side: u8) -> Option<&'a [u8]> {
        let of_sides = [LOCAL, REMOTE].into_iter().filter(|of| side & of != 0);
        of_sides.filter_map(|of| self.bodies[at][slot(of)]).find(|body| self.fits(at, body))
    }

    /// Judges every op after its dependencies. Where a clock is wrong that is not `ord` order.
    fn judge(&mut self, repo: Option<RepoId>) {
        let mut order: Vec<(u64, u32)> = (0..).zip(&self.ops).map(|(at, op)| (op.ord().hlc.0, at)).collect();
        let id = |at: u32| self.ops[at as usize].id();
        order.sort_unstable_by(|(left, at), (right, other)| left.cmp(right).then_with(|| id(*at).cmp(&id(*other))));
        let read = |at: u32| self.ops.get(at as usize).and_then(ShortOp::read);
        let first = || order.first().and_then(|(_, at)| read(*at)).map(|op| repo_of(&op));
        let repo = repo.or_else(first);
        for (_, at) in order {
            if let Some(op) = read(at) {
                self.judge.take(repo, (at, &op), read);
            }
        }
    }

    fn side(&self, node: Node) -> u8 {
        self.sides[self.judge.number(node)]
    }

    /// What both sides make together.
    pub(super) fn report(&self) -> Reconciled {
        let graph = &self.judge.graph;
        let ids = |nodes: &[Node]| nodes.iter().map(|node| graph.id(*node)).collect::<Vec<_>>();
        let merged = self.judge.in_order(|_| true);
        let of_side = |side| merged.iter().copied().filter(|node| self.side(*node) == side).collect::<Vec<_>>();
        let (common, only_local, only_remote) = (of_side(BOTH), of_side(LOCAL), of_side(REMOTE));
        let view = self.view(BOTH);
        let open = view.open();
        let new_conflicts = self.new_conflicts(&view, &open);
        let conflict_records = in_place_order(open.into_iter().flat_map(|(_, _, conflicts)| conflicts).collect());
        Reconciled {
            merged: ids(&merged),
            fork_point: common.last().map(|node| graph.id(*node)),
            fork_heads: ids(&heads_of(graph, &common)),
            conflicts: names(&conflict_records),
            relation: Relation::of(only_local.is_empty(), only_remote.is_empty()),
            only_local: ids(&only_local),
            only_remote: ids(&only_remote),
            clean: new_conflicts.is_empty(),
            conflict_records,
            new_conflicts,
            missing: self.judge.missing(),
            invalid: self.judge.invalid(),
            malformed: self.malformed,
        }
    }

    /// The files of a branch as both sides make them together.
    pub(super) fn tree(&self, branch: &str) -> Tree {
        let graph = &self.judge.graph;
        let Some(branch) = graph.find_branch(branch) else { return Tree::default() };
        let view = self.view(BOTH);
        let files = graph.entities_in(FILES).filter_map(|entity| {
            let is_write = |node: &Node| graph.kind(*node) != Kind::Merge && graph.is_in_log(*node, branch);
            let nodes: Vec<Node> = graph.writes(entity).filter(is_write).collect();
            let created = nodes.iter().map(|node| graph.ord(*node)).min()?;
            let content = |node| Some(Cow::Owned(self.content(node, BOTH)));
            let merged = view.state.merged(graph, (graph.branch_name(branch), entity), &nodes, content);
            File::shown(graph.entity_name(entity).1, created, &merged)?.ok()
        });
        Tree::of(files.collect())
    }

    fn new_conflicts(&self, view: &View<'_, 'a>, open: &[Open]) -> Vec<Conflict> {
        if open.is_empty() {
            return Vec::new();
        }
        let known: Set<ConflictId> =
            [LOCAL, REMOTE].into_iter().flat_map(|side| self.known_alone(side, view, open)).collect();
        let all = open.iter().flat_map(|(_, _, conflicts)| conflicts);
        in_place_order(all.filter(|conflict| !known.contains(&conflict.id)).cloned().collect())
    }

    /// Of the open conflicts those that one side shows alone, and perhaps others.
    fn known_alone(&self, side: u8, view: &View<'_, 'a>, open: &[Open]) -> Vec<ConflictId> {
        let alone = self.alone(side);
        let on_repo = |node: &Node| self.judge.graph.is_repo_branch(self.judge.graph.branch(*node));
        let mut on_repo = self.judge.graph.nodes().filter(on_repo);
        if !on_repo.all(|node| alone.has_whole(node)) || !view.state.authority.is_by_author() {
            return self.judged_alone(side);
        }
        let branches: Set<Branch> = open.iter().map(|(branch, ..)| *branch).collect();
        let logs: Map<Branch, Bits> = branches.into_iter().map(|branch| (branch, alone.log(branch))).collect();
        let conflicts = open.iter().flat_map(|open| alone.conflicts(view, open, &logs[&open.0]));
        conflicts.map(|conflict| conflict.id).collect()
    }

    /// What one side shows, judged as a repo of its own.
    fn judged_alone(&self, side: u8) -> Vec<ConflictId> {
        let mut alone = Union::default();
        for (at, op) in self.ops.iter().enumerate().filter(|(at, _)| self.sides[*at] & side != 0) {
            alone.push(*op, BOTH, bodies(self.bodies[at][slot(side)], LOCAL));
        }
        alone.judge(self.judge.graph.repo());
        let open = alone.view(BOTH).open();
        open.into_iter().flat_map(|(_, _, conflicts)| conflicts).map(|conflict| conflict.id).collect()
    }

    fn alone(&self, side: u8) -> Alone<'_, 'a> {
        let mut nodes = Bits::default();
        for node in self.judge.graph.nodes().filter(|node| self.side(*node) & side != 0) {
            if self.judge.graph.dependencies(node).all(|dependency| nodes.contains(dependency)) {
                nodes.insert(node);
            }
        }
        Alone { union: self, side, nodes }
    }

    fn view(&self, side: u8) -> View<'_, 'a> {
        let graph = &self.judge.graph;
        let on_repo = graph.nodes().filter(|node| graph.is_repo_branch(graph.branch(*node)));
        let contents: Contents = on_repo.map(|node| (node, self.content(node, side))).collect();
        View { union: self, state: State::of(graph, &contents, &Policies::default()) }
    }

    /// What an op says to a side.
    fn content(&self, node: Node, side: u8) -> Content {
        let number = self.judge.number(node);
        let header = Header::decode(self.ops[number].header_bytes());
        header.map_or(Content::Void, |header| {
            Content::decode(header.kind, header.body.map(|body| body.format), self.body(number, side))
        })
    }
}

/// What the graph means.
struct View<'u, 'a> {
    union: &'u Union<'a>,
    state: State,
}

impl View<'_, '_> {
    fn open(&self) -> Vec<Open> {
        let graph = &self.union.judge.graph;
        let contended = graph.contended().filter(|(branch, _)| graph.branch_name(*branch) != REPO_BRANCH);
        let open = contended.map(|(branch, entity)| {
            let conflicts = self.conflicts(branch, entity, graph.frontier(branch, entity), BOTH);
            (branch, entity, conflicts)
        });
        open.filter(|(_, _, conflicts)| !conflicts.is_empty()).collect()
    }

    /// The conflicts of the writes that `heads` lead to, as far as a side has their bodies.
    fn conflicts(&self, branch: Branch, entity: Entity, heads: Vec<Node>, side: u8) -> Vec<Conflict> {
        let graph = &self.union.judge.graph;
        let content = |node: Node| self.union.content(node, side);
        let is_whole = |node: Node| self.state.is_overwrite(graph, node) && content(node) != Content::Void;
        let nodes = deciding(heads, |node| graph.base(node), is_whole);
        match nodes.len() {
            0 | 1 => Vec::new(),
            _ => {
                let name = (graph.branch_name(branch), entity);
                self.state.merged(graph, name, &nodes, |node| Some(Cow::Owned(content(node)))).conflicts
            }
        }
    }
}

/// One side by itself.
struct Alone<'u, 'a> {
    union: &'u Union<'a>,
    side: u8,
    /// The ops that the side has with all that they reach.
    nodes: Bits,
}

impl Alone<'_, '_> {
    fn has_whole(&self, node: Node) -> bool {
        let number = self.union.judge.number(node);
        let has_body = |side| self.union.body(number, side).is_some();
        self.nodes.contains(node) && (has_body(self.side) || !has_body(BOTH))
    }

    /// What this side shows alone of an entity that the union shows in conflict; perhaps less, where it has not all
    /// members of any of those conflicts and so shows none of them.
    fn conflicts(&self, view: &View<'_, '_>, (branch, entity, open): &Open, log: &Bits) -> Vec<Conflict> {
        let graph = &self.union.judge.graph;
        let has = |id: &OpId| graph.find(id).is_some_and(|node| log.contains(node));
        if !open.iter().any(|conflict| conflict.members.iter().all(has)) {
            return Vec::new();
        }
        let in_union: Vec<Node> = graph.writes(*entity).filter(|node| graph.is_in_log(*node, *branch)).collect();
        let writes: Vec<Node> = in_union.iter().copied().filter(|node| log.contains(*node)).collect();
        if writes.len() == in_union.len() && writes.iter().all(|node| self.has_whole(*node)) {
            return open.clone();
        }
        view.conflicts(*branch, *entity, heads_among(graph, writes), self.side)
    }

    /// The log of a branch.
    fn log(&self, branch: Branch) -> Bits {
        let graph = &self.union.judge.graph;
        let of_side = |node: &Node| self.nodes.contains(*node);
        let on_branch = graph.nodes().filter(|node| graph.branch(*node) == branch).filter(of_side);
        graph.past(on_branch)
    }
}

/// The place of a side among both.
fn slot(side: u8) -> usize {
    usize::from(side == REMOTE)
}

fn bodies(body: Option<&[u8]>, side: u8) -> [Option<&[u8]>; 2] {
    if side == REMOTE { [None, body] } else { [body, None] }
}

/// Those of some writes that no other of them names as base.
fn heads_among(graph: &Graph, writes: Vec<Node>) -> Vec<Node> {
    let mut named = Bits::default();
    for base in writes.iter().flat_map(|write| graph.base(*write)) {
        named.insert(base);
    }
    writes.into_iter().filter(|write| !named.contains(*write)).collect()
}

/// Those of some ops that no other of them names as parent or `prev`.
fn heads_of(graph: &Graph, nodes: &[Node]) -> Vec<Node> {
    let mut inner = Bits::default();
    for named in nodes.iter().flat_map(|node| graph.parents(*node).chain(graph.prev(*node))) {
        inner.insert(named);
    }
    nodes.iter().copied().filter(|node| !inner.contains(*node)).collect()
}
