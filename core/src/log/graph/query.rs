//! What the graph knows: of one op, and of branches, chains and entities.

use alloc::vec::Vec;

use super::{BODY_HERE, Branch, Chain, ChainFork, Entity, Graph, NONE, Node, SEALED_HERE, SIGNED};
use crate::limits::SEGMENT_OPS_MAX;
use crate::log::row::Place;
use crate::log::set::Bits;
use crate::op::header::REPO_BRANCH;
use crate::op::id::{Author, OpId};
use crate::op::kind::Kind;
use crate::op::sign::Ord40;
use crate::time::Hlc;

/// What is asked of one op.
impl Graph {
    /// Its id.
    pub fn id(&self, node: Node) -> OpId {
        self.entries[node.index()].id
    }

    /// Its clock.
    pub fn hlc(&self, node: Node) -> Hlc {
        self.entries[node.index()].hlc
    }

    /// The key of the total order.
    pub fn ord(&self, node: Node) -> Ord40 {
        Ord40 { hlc: self.hlc(node), id: self.id(node) }
    }

    /// Who wrote it.
    pub fn author(&self, node: Node) -> Author {
        self.chains[self.entries[node.index()].chain as usize].author
    }

    /// The branch that it stands on.
    pub fn branch(&self, node: Node) -> Branch {
        Branch(self.chains[self.entries[node.index()].chain as usize].branch)
    }

    /// Its place in its author's chain on its branch.
    pub fn seq(&self, node: Node) -> u32 {
        self.entries[node.index()].seq
    }

    /// What it does.
    pub fn kind(&self, node: Node) -> Kind {
        match self.unknown_kinds.get(&node.0) {
            Some(code) => Kind::Unknown(*code),
            None => Kind::from_code(self.entries[node.index()].kind.into()),
        }
    }

    /// The entity that it writes to.
    pub fn entity(&self, node: Node) -> Entity {
        Entity(self.entries[node.index()].entity)
    }

    /// Where it lies in the store.
    pub fn place(&self, node: Node) -> Place {
        self.entries[node.index()].place
    }

    /// Whether its author's signature of it is kept.
    pub fn is_signed(&self, node: Node) -> bool {
        self.entries[node.index()].flags & SIGNED != 0
    }

    /// Whether this store sealed it.
    pub fn is_sealed_here(&self, node: Node) -> bool {
        self.entries[node.index()].flags & SEALED_HERE != 0
    }

    /// Whether its body is in the store.
    pub fn has_body(&self, node: Node) -> bool {
        self.entries[node.index()].flags & BODY_HERE != 0
    }

    /// Ops that name a body which is not here.
    pub fn bodyless(&self) -> impl Iterator<Item = Node> + '_ {
        self.bodyless.iter().copied()
    }

    /// The op before it on its chain.
    pub fn prev(&self, node: Node) -> Option<Node> {
        Some(self.entries[node.index()].prev).filter(|prev| *prev != NONE).map(Node)
    }

    /// The heads that its author saw.
    pub fn parents(&self, node: Node) -> impl Iterator<Item = Node> + '_ {
        let (prev, others) = self.entries[node.index()].parents(&self.links);
        prev.into_iter().chain(others.iter().copied()).map(Node)
    }

    /// The writes to its entity that it replaces.
    pub fn base(&self, node: Node) -> impl Iterator<Item = Node> + '_ {
        let (before, others) = self.entries[node.index()].bases(&self.links);
        before.into_iter().chain(others.iter().copied()).map(Node)
    }

    /// Everything that it names.
    pub fn dependencies(&self, node: Node) -> impl Iterator<Item = Node> + '_ {
        self.parents(node).chain(self.base(node)).chain(self.prev(node))
    }
}

/// What is asked of branches, chains and entities.
impl Graph {
    /// The branch with this name, if an op stands on it.
    pub fn find_branch(&self, name: &str) -> Option<Branch> {
        self.branch_names.find_text(name).map(Branch)
    }

    /// A branch's name.
    pub fn branch_name(&self, branch: Branch) -> &str {
        self.branch_names.get(branch.0)
    }

    /// Every branch, in the order in which they came.
    pub fn branches(&self) -> impl Iterator<Item = Branch> + use<> {
        (0..self.branches.len() as u32).map(Branch)
    }

    /// The ops of a branch that no other op of it names as parent or `prev`. A branch without ops has the genesis.
    pub fn heads(&self, branch: &str) -> Vec<Node> {
        match self.find_branch(branch) {
            Some(branch) => self.branches[branch.0 as usize].heads.iter().collect(),
            None => self.genesis().into_iter().collect(),
        }
    }

    /// Whether an op belongs to a branch's log: it stands on the branch, or an op of the branch reaches it.
    pub fn is_in_log(&self, node: Node, branch: Branch) -> bool {
        self.is_on(node, branch.0) || self.branches[branch.0 as usize].foreign.contains(node) || node.0 == 0
    }

    /// How many ops of other branches belong to a branch's log.
    pub fn foreign_count(&self, branch: Branch) -> usize {
        self.branches[branch.0 as usize].foreign.count()
    }

    /// Every op of a branch's log, in the order of arrival.
    pub fn log(&self, branch: Branch) -> impl Iterator<Item = Node> + '_ {
        self.nodes().filter(move |node| self.is_in_log(*node, branch))
    }

    /// The last ops of an author's chain on a branch: one, or several where it forked.
    pub fn chain_ends(&self, branch: &str, author: &Author) -> Vec<Node> {
        let branch = self.branch_names.find_text(branch);
        let chain = branch.and_then(|branch| self.chain_index.get(&(branch, *author)));
        chain.map_or_else(Vec::new, |chain| self.chains[*chain as usize].ends.iter().collect())
    }

    /// Every chain: its branch, its author and its ends, in the order in which chains came.
    pub fn chains(&self) -> impl Iterator<Item = (Branch, Author, Vec<Node>)> + '_ {
        self.chains.iter().map(|chain| (Branch(chain.branch), chain.author, chain.ends.iter().collect()))
    }

    /// The chain that an op stands in.
    pub fn chain(&self, node: Node) -> Chain {
        Chain(self.entries[node.index()].chain)
    }

    /// The chain of an author on a branch, if an op stands in it.
    pub fn find_chain(&self, branch: &str, author: &Author) -> Option<Chain> {
        let branch = self.branch_names.find_text(branch)?;
        self.chain_index.get(&(branch, *author)).copied().map(Chain)
    }

    /// Every chain, in the order in which they came.
    pub fn all_chains(&self) -> impl Iterator<Item = Chain> + use<> {
        (0..self.chains.len() as u32).map(Chain)
    }

    /// The last ops of a chain: one, or several where it forked.
    pub fn ends(&self, chain: Chain) -> impl Iterator<Item = Node> + '_ {
        self.chains[chain.0 as usize].ends.iter()
    }

    /// Whether an op is another one of the same chain, or stands before it there.
    pub fn leads_to(&self, node: Node, later: Node) -> bool {
        if self.chain(node) != self.chain(later) || self.seq(node) > self.seq(later) {
            return false;
        }
        let is_forked = self.chains[self.entries[node.index()].chain as usize].ends.len() > 1;
        !is_forked || self.back_to(later, self.seq(node)) == Some(node)
    }

    /// The op at a place of the chain that ends in `last`.
    pub fn back_to(&self, last: Node, seq: u32) -> Option<Node> {
        let mut behind = core::iter::successors(Some(last), |node| self.prev(*node));
        behind.find(|node| self.seq(*node) <= seq).filter(|node| self.seq(*node) == seq)
    }

    /// Ops that no signature at or after them on their chain vouches for; empty unless something was left out.
    pub fn uncovered(&self) -> Vec<Node> {
        let mut covered = Bits::default();
        let mut uncovered = Vec::new();
        for node in self.nodes().rev() {
            if self.is_signed(node) || covered.contains(node) {
                covered.insert(node);
                self.prev(node).map(|prev| covered.insert(prev));
            } else {
                uncovered.push(node);
            }
        }
        uncovered
    }

    /// Some ops and everything that they reach.
    pub fn past(&self, of: impl Iterator<Item = Node>) -> Bits {
        let mut past = Bits::default();
        let mut open: Vec<Node> = of.collect();
        while let Some(node) = open.pop() {
            if past.insert(node) {
                open.extend(self.dependencies(node));
            }
        }
        past
    }

    /// An op and everything that it reaches by parents alone.
    pub fn parents_past(&self, of: Node) -> Bits {
        let mut past = Bits::default();
        let mut open = alloc::vec![of];
        while let Some(node) = open.pop() {
            if past.insert(node) {
                open.extend(self.parents(node));
            }
        }
        past
    }

    /// The greatest clock of all ops.
    pub fn latest(&self) -> Option<Hlc> {
        self.latest
    }

    /// How many ops stand on a branch.
    pub fn ops_on(&self, branch: Branch) -> usize {
        self.branches[branch.0 as usize].ops as usize
    }

    /// Whether a write to an entity ever stood beside another that it did not replace. Where none did there is no
    /// conflict.
    pub fn is_contended(&self, entity: Entity) -> bool {
        self.entities[entity.0 as usize].is_contended
    }

    /// Those forks whose later op is among the last `count` to arrive.
    pub fn forks_since(&self, count: usize) -> impl Iterator<Item = ChainFork> + '_ {
        let first = self.entries.len().saturating_sub(count);
        let before = self.forks.partition_point(|fork| fork.second.index() < first);
        self.forks[before..].iter().copied()
    }

    /// Where chains forked, in the order in which that was seen.
    pub fn forks(&self) -> impl Iterator<Item = ChainFork> + '_ {
        self.forks.iter().copied()
    }

    /// Whether two ops have one place in an author's chain.
    pub fn is_fork(&self, one: Node, other: Node) -> bool {
        let place = |node: Node| (self.entries[node.index()].chain, self.seq(node));
        one != other && place(one) == place(other)
    }

    /// An op and those behind it on its chain, up to one whose signature is kept: what vouches for it. Stops one op
    /// beyond what one signature may vouch for.
    pub fn covering(&self, node: Node) -> Vec<Node> {
        let mut covering = alloc::vec![node];
        let mut last = node;
        for next in node.0 + 1..self.entries.len() as u32 {
            if self.is_signed(last) || covering.len() > SEGMENT_OPS_MAX {
                break;
            }
            if self.entries[next as usize].prev == last.0 {
                last = Node(next);
                covering.push(last);
            }
        }
        covering
    }

    /// The entity with this name, if an op names it.
    pub fn find_entity_named(&self, collection: &str, key: &str) -> Option<Entity> {
        let collection = self.collections.find_text(collection)?;
        self.find_entity(collection, key).map(Entity)
    }

    /// An entity's collection and key.
    pub fn entity_name(&self, entity: Entity) -> (&str, &str) {
        let entity = &self.entities[entity.0 as usize];
        (self.collections.get(entity.collection), &entity.key)
    }

    /// Every entity of a collection, in the order in which they came.
    pub fn entities_in(&self, collection: &str) -> impl Iterator<Item = Entity> + '_ {
        let collection = self.collections.find_text(collection);
        let entities = collection.map(|collection| &self.in_collection[collection as usize]);
        entities.into_iter().flatten().map(|entity| Entity(*entity))
    }

    /// Every entity, in the order in which they came.
    pub fn entities(&self) -> impl Iterator<Item = Entity> + use<> {
        (0..self.entities.len() as u32).map(Entity)
    }

    /// Every op that names the entity, the last to arrive first.
    pub fn writes(&self, entity: Entity) -> impl Iterator<Item = Node> + '_ {
        let first = self.entities[entity.0 as usize].last;
        let some = |at: u32| (at != NONE).then_some(Node(at));
        core::iter::successors(some(first), move |node| some(self.entries[node.index()].entity_before))
    }

    /// The writes to an entity in a branch's log that no other op of that log names as base, whoever wrote it.
    pub fn frontier(&self, branch: Branch, entity: Entity) -> Vec<Node> {
        let at = &self.entities[entity.0 as usize];
        let frontier = match at.home == branch.0 {
            true => Some(&at.frontier),
            false => self.frontiers.get(&(branch.0, entity.0)),
        };
        frontier.map_or_else(Vec::new, |frontier| frontier.iter().collect())
    }

    /// Every branch and entity in its log where [`Graph::is_contended`] holds, in no order.
    pub fn contended(&self) -> impl Iterator<Item = (Branch, Entity)> + '_ {
        let at_home = self.entities.iter().enumerate().map(|(at, entity)| (entity.home, at as u32));
        let everywhere = at_home.filter(|(home, _)| *home != NONE).chain(self.frontiers.keys().copied());
        let contended = everywhere.filter(|(_, entity)| self.entities[*entity as usize].is_contended);
        contended.map(|(branch, entity)| (Branch(branch), Entity(entity)))
    }

    /// Whether the engine's own branch has this number.
    pub fn is_repo_branch(&self, branch: Branch) -> bool {
        self.branch_name(branch) == REPO_BRANCH
    }
}
