//! A log that a program keeps: ops judged once, as they come, and ready to be compared with another log.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::in_place_order;
use super::judge::{Judge, ordered};
use crate::admit::intrinsic::Invalid;
use crate::admit::policy::Policies;
use crate::log::graph::{Branch, Entity, Graph, Node};
use crate::log::row::{Place, StoredOp};
use crate::merge::conflict::Conflict;
use crate::op::body::Content;
use crate::op::header::{Header, REPO_BRANCH};
use crate::op::id::{OpId, RepoId};
use crate::op::kind::Kind;
use crate::op::sign::{Ord40, ShortOp, Unverified};
use crate::ordered::{Map, Set};
use crate::view::deciding::deciding;
use crate::view::state::{Contents, Said, State};

/// A branch, and an entity in its log.
pub(super) type Pair = (Branch, Entity);

/// Ops of one repo, as many as came. Signatures are kept and not looked at.
///
/// Equal sets of ops make equal logs, in whatever order and pieces they came.
#[derive(Clone, Debug)]
pub struct Log {
    repo: RepoId,
    pub(super) judge: Judge,
    /// Every op that came, by number.
    ops: Vec<StoredOp>,
    pub(super) malformed: usize,
    /// By node: how many ops name it as parent or `prev`.
    named: Vec<u32>,
    /// The ops of the graph whose bodies did not come.
    pub(super) bodyless: Set<Node>,
    on_repo: Contents,
    pub(super) state: State,
    /// The open conflicts, where there are any.
    pub(super) open: Map<Pair, Vec<Conflict>>,
    /// Whether ops entered the graph in `ord` order.
    is_in_order: bool,
}

/// What has to be looked at again after ops came.
#[derive(Default)]
struct Stale {
    entities: Set<Entity>,
    /// Branches whose logs took in ops of other branches.
    branches: Set<Branch>,
    is_state: bool,
}

impl Log {
    /// A log without ops. Ops of other repos than this one are `repo_mismatch`.
    pub fn new(repo: RepoId) -> Log {
        Log {
            repo,
            judge: Judge::default(),
            ops: Vec::new(),
            malformed: 0,
            named: Vec::new(),
            bodyless: Set::new(),
            on_repo: Contents::new(),
            state: State::default(),
            open: Map::new(),
            is_in_order: true,
        }
    }

    /// The repo.
    pub fn repo(&self) -> RepoId {
        self.repo
    }

    /// How many ops are valid and have all of their dependencies here.
    pub fn len(&self) -> usize {
        self.judge.graph.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.judge.graph.is_empty()
    }

    /// The op with this id, as it came. One that came in parts has all of them.
    pub fn op(&self, id: &OpId) -> Option<&StoredOp> {
        self.number(id).map(|number| &self.ops[number])
    }

    /// The valid ops whose dependencies are here, in order.
    pub fn merged(&self) -> impl Iterator<Item = OpId> + '_ {
        let nodes = self.in_order();
        (0..self.len()).map(move |at| self.judge.graph.id(nodes.as_ref().map_or(Node::at(at), |nodes| nodes[at])))
    }

    /// The open conflicts, ascending by branch, collection, key and path.
    pub fn conflicts(&self) -> Vec<Conflict> {
        in_place_order(self.open.values().flatten().cloned().collect())
    }

    /// Dependencies that did not come, ascending.
    pub fn missing(&self) -> Vec<OpId> {
        self.judge.missing()
    }

    /// Invalid ops with the reason, ascending.
    pub fn invalid(&self) -> Vec<(OpId, Invalid)> {
        self.judge.invalid()
    }

    /// The graph's ops in order; none where that is the order of their numbers.
    pub(super) fn in_order(&self) -> Option<Vec<Node>> {
        (!self.is_in_order).then(|| ordered(&self.judge.graph, self.judge.graph.nodes().collect()))
    }

    pub(super) fn graph(&self) -> &Graph {
        &self.judge.graph
    }

    /// The key of an op in the total order.
    pub(super) fn ord(&self, node: Node) -> Ord40 {
        self.judge.graph.ord(node)
    }

    pub(super) fn ops(&self) -> &[StoredOp] {
        &self.ops
    }

    /// How many ops name an op of the graph as parent or `prev`.
    pub(super) fn named(&self, node: Node) -> u32 {
        self.named[node.index()]
    }

    fn number(&self, id: &OpId) -> Option<usize> {
        let admitted = self.judge.graph.find(id).map(|node| self.judge.number(node));
        admitted.or_else(|| self.judge.outside(id))
    }

    /// Whether an op came, valid or not.
    pub(super) fn has(&self, id: &OpId) -> bool {
        self.number(id).is_some()
    }

    /// What an op of the graph says.
    pub(super) fn content(&self, node: Node) -> Content {
        let op = &self.ops[self.judge.number(node)];
        let format = Header::decode(&op.header).ok().and_then(|header| header.body).map(|body| body.format);
        Content::decode(self.judge.graph.kind(node), format, op.body.as_deref())
    }
}

/// Growth.
impl Log {
    /// Takes ops in, in any order and as often as one likes. A known one may bring a body or signature that was absent.
    ///
    /// Total. Costs hashing the ops, sorting them, and the merge of those of their entities where writes stood beside
    /// each other.
    pub fn extend(&mut self, ops: impl IntoIterator<Item = StoredOp>) {
        let mut ops: Vec<StoredOp> = ops.into_iter().collect();
        ops.iter_mut().for_each(drop_foreign_body);
        let first = self.judge.graph.len();
        let (kept, again) = self.judge_all(&ops);
        let mut ops: Vec<Option<StoredOp>> = ops.into_iter().map(Some).collect();
        self.ops.extend(kept.into_iter().filter_map(|at| ops[at].take()));
        let mut stale = Stale::default();
        for (id, at) in again {
            if let Some(op) = ops[at].take() {
                self.complete(&id, op, &mut stale);
            }
        }
        let nodes: Vec<Node> = self.judge.graph.nodes().skip(first).collect();
        nodes.iter().for_each(|node| self.note(*node, &mut stale));
        self.refresh(&nodes, stale);
    }

    /// Judges ops; returns the places of those to be kept, by number, and of those that came before.
    fn judge_all(&mut self, ops: &[StoredOp]) -> (Vec<usize>, Vec<(OpId, usize)>) {
        let mut short: Vec<(ShortOp<'_>, usize)> = Vec::with_capacity(ops.len());
        for (at, op) in ops.iter().enumerate() {
            match (Unverified { body: None, ..op.unverified() }).rehash_in_short() {
                Ok(op) => short.push((op, at)),
                Err(_) => self.malformed += 1,
            }
        }
        short.sort_unstable_by_key(|(op, at)| (op.ord(), *at));
        self.judge.graph.reserve(short.len());
        let known = self.ops.len();
        let (mut kept, mut again): (Vec<(ShortOp<'_>, usize)>, Vec<_>) = Default::default();
        for (op, at) in short {
            if self.judge.knows(&op.id()) {
                again.push((op.id(), at));
                continue;
            }
            let number = (known + kept.len()) as u32;
            kept.push((op, at));
            let read = |number: u32| match (number as usize).checked_sub(known) {
                Some(new) => kept[new].0.read(),
                None => self.ops[number as usize].rehash().ok(),
            };
            if let Some(op) = op.read() {
                self.judge.take(Some(self.repo), (number, &op), read);
            }
        }
        (kept.into_iter().map(|(_, at)| at).collect(), again)
    }

    /// Takes what a known op lacked.
    fn complete(&mut self, id: &OpId, op: StoredOp, stale: &mut Stale) {
        let Some(number) = self.number(id) else { return };
        let known = &mut self.ops[number];
        known.signature = known.signature.or(op.signature);
        if known.body.is_some() || op.body.is_none() {
            return;
        }
        known.body = op.body;
        if let Some(node) = self.judge.graph.find(id).filter(|node| self.bodyless.remove(node)) {
            self.judge.graph.set_body(node, Place { row: 0, header_at: 0, body_at: 0 });
            self.note_content(node, stale);
        }
    }

    /// Keeps the indexes up to date with an op that entered the graph.
    fn note(&mut self, node: Node, stale: &mut Stale) {
        let graph = &self.judge.graph;
        let before = node.index().checked_sub(1).map(Node::at);
        self.is_in_order &= before.is_none_or(|before| graph.ord(before) < graph.ord(node));
        self.named.push(0);
        for parent in named_once(graph, node) {
            self.named[parent.index()] += 1;
        }
        let has_body = self.ops[self.judge.number(node)].body.is_some();
        if !has_body && graph.kind(node) != Kind::Delete {
            self.bodyless.insert(node);
        }
        let branch = graph.branch(node);
        if graph.dependencies(node).any(|named| graph.branch(named) != branch && graph.genesis() != Some(named)) {
            stale.branches.insert(branch);
        }
        self.note_content(node, stale);
    }

    fn note_content(&mut self, node: Node, stale: &mut Stale) {
        stale.entities.insert(self.judge.graph.entity(node));
        if self.judge.graph.is_repo_branch(self.judge.graph.branch(node)) {
            self.on_repo.insert(node, self.content(node));
            stale.is_state = true;
        }
    }

    /// Computes anew what ops have changed: who has effect, and the conflicts of what they touch.
    fn refresh(&mut self, nodes: &[Node], stale: Stale) {
        let is_cut = nodes.iter().any(|node| self.state.authority.is_cut(&self.judge.graph.author(*node)));
        match stale.is_state || is_cut {
            true => self.state = State::of(&self.judge.graph, &self.on_repo, &Policies::default()),
            false => self.state.authority.extend(&self.judge.graph, nodes),
        }
        let is_all = stale.is_state || !self.state.authority.is_by_author();
        for pair in self.stale_pairs(&stale, is_all) {
            let conflicts = self.conflicts_of(pair);
            match conflicts.is_empty() {
                true => self.open.remove(&pair),
                false => self.open.insert(pair, conflicts),
            };
        }
    }

    fn stale_pairs(&self, stale: &Stale, is_all: bool) -> Set<Pair> {
        let graph = &self.judge.graph;
        let is_ordinary = |branch: &Branch| graph.branch_name(*branch) != REPO_BRANCH;
        let mut pairs: Set<Pair> = Set::new();
        if is_all || !stale.branches.is_empty() {
            pairs.extend(graph.contended().filter(|(branch, _)| is_all || stale.branches.contains(branch)));
        }
        for entity in stale.entities.iter().filter(|entity| graph.is_contended(**entity)) {
            pairs.extend(graph.branches().map(|branch| (branch, *entity)));
        }
        pairs.retain(|(branch, _)| is_ordinary(branch));
        pairs
    }

    fn conflicts_of(&self, pair: Pair) -> Vec<Conflict> {
        let graph = &self.judge.graph;
        let is_whole = |node: Node| self.state.is_overwrite(graph, node) && self.content(node) != Content::Void;
        let nodes = deciding(graph.frontier(pair.0, pair.1), |node| graph.base(node), is_whole);
        match nodes.len() {
            0 | 1 => Vec::new(),
            _ => {
                let name = (graph.branch_name(pair.0), pair.1);
                self.state.merged(graph, name, &nodes, |node| Some(Cow::Owned(self.content(node)))).conflicts
            }
        }
    }

    /// The open conflicts of an entity with these writes.
    pub(super) fn conflicts_said(&self, (branch, entity): Pair, said: &[Said<'_>]) -> Vec<Conflict> {
        self.state.meaning(self.graph(), (self.graph().branch_name(branch), entity), said).conflicts
    }
}

/// A body that is not the one that the header names is as good as none.
fn drop_foreign_body(op: &mut StoredOp) {
    let StoredOp { header, body, .. } = op;
    if let Ok(header) = Header::decode(header) {
        *body = body.take().filter(|body| header.names_body(body));
    }
}

/// What an op names as parent or `prev`, each once.
pub(super) fn named_once(graph: &Graph, node: Node) -> impl Iterator<Item = Node> + '_ {
    let prev = graph.prev(node).filter(|prev| !graph.parents(node).any(|parent| parent == *prev));
    graph.parents(node).chain(prev)
}
