//! The graph of admitted ops, as an index in memory: about a hundred bytes an op, and no bodies.
//!
//! An op is a number, given in the order of arrival, which is an order of dependencies too: whatever an op names has a
//! smaller number. Everything that is asked often (heads, chain ends, frontiers) is kept up to date by
//! [`Graph::append`], the only way in.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

mod query;

use super::names::Names;
use super::row::Place;
use super::set::{Bits, FewNodes};
use crate::op::header::Header;
use crate::op::id::{Author, OpId, RepoId};
use crate::op::kind::Kind;
use crate::op::sign::{Signature, VerifiedOp};
use crate::ordered::Set;
use crate::time::Hlc;

/// An op of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(pub(super) u32);

impl Node {
    /// The op that was the one at `index` to arrive, from 0.
    pub(crate) fn at(index: usize) -> Node {
        Node(index as u32)
    }

    /// Its place in the order of arrival, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The number of a branch of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch(u32);

/// The number of an entity of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity(u32);

/// The number of a chain of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain(u32);

/// What a store knows of an op beside its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Where it lies.
    pub place: Place,
    /// Whether its body is there.
    pub body: Presence,
    /// Whether this store sealed it.
    pub origin: super::row::Origin,
}

/// Whether a body is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Here,
    /// It was not fetched, or is withheld.
    Absent,
}

const NONE: u32 = u32::MAX;
const SIGNED: u8 = 1;
const CONTINUED: u8 = 2;
const SEALED_HERE: u8 = 4;
const BODY_HERE: u8 = 8;
/// The op's one parent is its `prev`, and stands nowhere else.
const PARENT_IS_PREV: u8 = 16;
/// The op's one base is the write to its entity that came before it, and stands nowhere else.
const BASE_IS_BEFORE: u8 = 32;

#[derive(Clone, Debug)]
struct Entry {
    id: OpId,
    hlc: Hlc,
    chain: u32,
    seq: u32,
    prev: u32,
    entity: u32,
    entity_before: u32,
    links_at: u32,
    place: Place,
    parents: u8,
    bases: u8,
    kind: u8,
    flags: u8,
}

impl Entry {
    /// The parents: `prev`, where it is the one parent, and all others.
    fn parents<'l>(&self, links: &'l [u32]) -> (Option<u32>, &'l [u32]) {
        let at = self.links_at as usize;
        let prev = (self.flags & PARENT_IS_PREV != 0).then_some(self.prev);
        (prev, &links[at..at + usize::from(self.parents)])
    }

    /// The bases: the write before, where it is the one base, and all others.
    fn bases<'l>(&self, links: &'l [u32]) -> (Option<u32>, &'l [u32]) {
        let at = self.links_at as usize + usize::from(self.parents);
        let before = (self.flags & BASE_IS_BEFORE != 0).then_some(self.entity_before);
        (before, &links[at..at + usize::from(self.bases)])
    }
}

/// What a graph knew of an op beforehand: whether it is there, and the first of its bases.
#[derive(Clone, Copy, Debug)]
pub struct Hint {
    is_here: bool,
    base: Option<Node>,
}

/// Where the names of a header lead: its `prev`, and where its parents and bases begin among the links.
#[derive(Clone, Copy)]
struct Links {
    at: u32,
    prev: u32,
    /// Whether everything that it names is here.
    is_whole: bool,
}

#[derive(Clone, Debug)]
struct EntityEntry {
    collection: u32,
    key: Box<str>,
    last: u32,
    /// Whether a write to it ever stood beside another that it did not replace.
    is_contended: bool,
    /// The branch that it was first written on; most entities are written on no other.
    home: u32,
    /// Its frontier there.
    frontier: FewNodes,
}

#[derive(Clone, Debug, Default)]
struct BranchEntry {
    heads: FewNodes,
    /// Ops of other branches that ops of this branch reach.
    foreign: Bits,
    ops: u32,
}

#[derive(Clone, Debug)]
struct ChainEntry {
    branch: u32,
    author: Author,
    ends: FewNodes,
}

/// Two admitted ops with one place in a chain: an honest crash, a restored backup, or a lie. Both are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainFork {
    /// The one that came first here.
    pub first: Node,
    /// The one that came after it.
    pub second: Node,
}

/// The index of all admitted ops of one repo.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    entries: Vec<Entry>,
    links: Vec<u32>,
    by_id: HashTable<u32>,
    id_key: u64,
    branch_names: Names<Box<str>>,
    branches: Vec<BranchEntry>,
    collections: Names<Box<str>>,
    entities: Vec<EntityEntry>,
    entity_index: HashTable<u32>,
    in_collection: Vec<Vec<u32>>,
    chains: Vec<ChainEntry>,
    chain_index: HashMap<(u32, Author), u32>,
    /// Frontiers of entities on other branches than their home.
    frontiers: HashMap<(u32, u32), FewNodes>,
    /// Where chains forked, in the order in which that was seen.
    forks: Vec<ChainFork>,
    /// The first op to arrive behind a fork point, by chain and `prev`.
    firsts: HashMap<(u32, u32), Node>,
    /// Bodies that came after their op, by node.
    late_bodies: HashMap<u32, Place>,
    /// Signatures that came after their op, by node.
    late_signatures: HashMap<u32, Signature>,
    /// Codes of kinds that this version does not know, by node.
    unknown_kinds: HashMap<u32, u64>,
    /// Ops that name a body which is not here.
    bodyless: Set<Node>,
    latest: Option<Hlc>,
    hasher: DefaultHashBuilder,
}

impl Graph {
    /// An empty graph. `id_key` is random per process: ids that were ground to collide in its table collide no more.
    pub fn new(id_key: u64) -> Graph {
        Graph { id_key, ..Graph::default() }
    }

    /// Makes room for so many more ops.
    pub fn reserve(&mut self, ops: usize) {
        self.entries.reserve(ops);
        self.links.reserve(2 * ops);
        let (entries, id_key) = (&self.entries, self.id_key);
        self.by_id.reserve(ops, |at| id_hash_with(id_key, &entries[*at as usize].id));
    }

    /// The repo, once its genesis is here.
    pub fn repo(&self) -> Option<RepoId> {
        self.entries.first().map(|entry| entry.id.into())
    }

    /// The op that began the repo.
    pub fn genesis(&self) -> Option<Node> {
        (!self.entries.is_empty()).then_some(Node(0))
    }

    /// How many ops.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none, not even a genesis.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every op in the order of arrival.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = Node> + use<> {
        (0..self.entries.len() as u32).map(Node)
    }

    /// The op with this id.
    pub fn find(&self, id: &OpId) -> Option<Node> {
        self.by_id.find(self.id_hash(id), |at| self.entries[*at as usize].id == *id).map(|at| Node(*at))
    }

    /// The op whose id begins so; none where there are several.
    pub fn find_half(&self, half: &[u8; 16]) -> Option<Node> {
        let at = self.by_id.iter_hash(half_hash_with(self.id_key, half));
        only(at.copied().filter(|at| self.entries[*at as usize].id.half() == *half)).map(Node)
    }

    /// Adds an admitted op: all of its dependencies are here, and it is not.
    pub fn append(&mut self, op: &VerifiedOp<'_>, keeping: Keeping) -> Node {
        self.append_with_base(op, keeping, None)
    }

    /// As [`Graph::append`], where the first of the op's bases may have been looked up before.
    pub fn append_with_base(&mut self, op: &VerifiedOp<'_>, keeping: Keeping, base: Option<Node>) -> Node {
        let links = self.link(op.header(), Hint { is_here: false, base });
        self.append_linked(op, keeping, links)
    }

    /// What the graph knows of an op that is going to be restored.
    ///
    /// A large graph lies in memory that a processor has to wait for, and it waits for many places no longer than for one:
    /// so the places of many ops are looked up before the first of them is added.
    pub fn hint(&self, op: &VerifiedOp<'_>) -> Hint {
        let base = op.header().base.iter().next().and_then(|base| self.find(&base));
        Hint { is_here: self.find(&op.id()).is_some(), base }
    }

    /// Adds an op that was admitted before; none if it is here, or if something that it names is not.
    pub fn restore(&mut self, op: &VerifiedOp<'_>, keeping: Keeping, hint: Hint) -> Option<Node> {
        if hint.is_here || self.find(&op.id()).is_some() {
            return None;
        }
        let links = self.link(op.header(), hint);
        if !links.is_whole {
            self.links.truncate(links.at as usize);
            return None;
        }
        Some(self.append_linked(op, keeping, links))
    }

    fn append_linked(&mut self, op: &VerifiedOp<'_>, keeping: Keeping, links: Links) -> Node {
        let header = op.header();
        let node = Node(self.entries.len() as u32);
        let chain = self.chain_number(header, links.prev);
        let entry = self.entry(op, chain, keeping, links);
        let branch = self.chains[chain as usize].branch;
        let id_hash = self.id_hash(&entry.id);
        self.latest = self.latest.max(Some(entry.hlc));
        self.entries.push(entry);
        let (entries, id_key) = (&self.entries, self.id_key);
        self.by_id.insert_unique(id_hash, node.0, |at| id_hash_with(id_key, &entries[*at as usize].id));
        if header.body.is_some() && keeping.body == Presence::Absent {
            self.bodyless.insert(node);
        }
        if let Kind::Unknown(code) = header.kind {
            self.unknown_kinds.insert(node.0, code);
        }
        self.extend_chain(node, chain);
        self.join_branch(node, branch);
        node
    }

    /// Looks up what a header names, and adds the numbers of its parents and bases to the links.
    fn link(&mut self, header: &Header<'_>, hint: Hint) -> Links {
        let at = self.links.len() as u32;
        let prev = header.prev.map_or(NONE, |id| self.number(&id));
        let mut is_whole = header.prev.is_none() || prev != NONE;
        for id in header.parents.iter() {
            let link = if header.prev == Some(id) { prev } else { self.number(&id) };
            is_whole &= link != NONE;
            self.links.push(link);
        }
        let mut hinted = hint.base;
        for id in header.base.iter() {
            let link = hinted.take().map_or_else(|| self.number(&id), |node| node.0);
            is_whole &= link != NONE;
            self.links.push(link);
        }
        Links { at, prev, is_whole }
    }

    /// What most ops name is the last op.
    fn number(&self, id: &OpId) -> u32 {
        match self.entries.last() {
            Some(last) if last.id == *id => self.entries.len() as u32 - 1,
            _ => self.find(id).map_or(NONE, |node| node.0),
        }
    }

    fn entry(&mut self, op: &VerifiedOp<'_>, chain: u32, keeping: Keeping, links: Links) -> Entry {
        let header = op.header();
        let (mut parents, mut bases) = (header.parents.len() as u8, header.base.len() as u8);
        let base = self.links.get(links.at as usize + usize::from(parents)).copied();
        let entity = self.entity_number(header, base);
        let entity_before = core::mem::replace(&mut self.entities[entity as usize].last, self.entries.len() as u32);
        let mut flags = flag(SIGNED, op.signature().is_some())
            | flag(SEALED_HERE, keeping.origin == super::row::Origin::Local)
            | flag(BODY_HERE, keeping.body == Presence::Here);
        if bases == 1 && base == Some(entity_before) {
            flags |= BASE_IS_BEFORE;
            bases = 0;
            self.links.pop();
        }
        if parents == 1 && bases == 0 && self.links.last() == Some(&links.prev) {
            flags |= PARENT_IS_PREV;
            parents = 0;
            self.links.pop();
        }
        Entry {
            id: op.id(),
            hlc: header.hlc,
            chain,
            seq: header.seq,
            prev: links.prev,
            entity,
            entity_before,
            links_at: links.at,
            place: keeping.place,
            parents,
            bases,
            kind: u8::try_from(header.kind.code()).unwrap_or(u8::MAX),
            flags,
        }
    }

    fn extend_chain(&mut self, node: Node, chain: u32) {
        let prev = self.entries[node.index()].prev;
        let ends = &mut self.chains[chain as usize].ends;
        if prev != NONE {
            ends.remove(Node(prev));
            let before = &mut self.entries[prev as usize];
            let is_fork = before.flags & CONTINUED != 0;
            before.flags |= CONTINUED;
            if is_fork {
                self.note_fork(node, chain, prev);
            }
        } else if !ends.is_empty() {
            self.note_fork(node, chain, prev);
        }
        self.chains[chain as usize].ends.insert(node);
    }

    /// The other op came after `prev`, mostly right after it, so the search begins there; it is made once per fork point.
    fn note_fork(&mut self, second: Node, chain: u32, prev: u32) {
        let behind = prev.checked_add(1).unwrap_or(0);
        let is_sibling = |node: &u32| {
            let entry = &self.entries[*node as usize];
            entry.chain == chain && entry.prev == prev
        };
        let first = || (behind..second.0).find(is_sibling).map_or(second, Node);
        let first = *self.firsts.entry((chain, prev)).or_insert_with(first);
        self.forks.push(ChainFork { first, second });
    }

    /// Makes `node` and whatever it reaches part of the branch's log, dependencies first.
    fn join_branch(&mut self, node: Node, branch: u32) {
        if self.dependencies(node).any(|dependency| !self.is_on(dependency, branch)) {
            self.join_foreign(node, branch);
        }
        self.join_frontier(node, branch);
        self.join_heads(node, branch);
    }

    /// Makes what `node` reaches on other branches part of the branch's log.
    fn join_foreign(&mut self, node: Node, branch: u32) {
        let mut reached: Vec<Node> = Vec::new();
        let foreign = |graph: &Graph, node: Node| -> Vec<Node> {
            graph.dependencies(node).filter(|dependency| !graph.is_on(*dependency, branch)).collect()
        };
        let mut open: Vec<Node> = foreign(self, node);
        while let Some(dependency) = open.pop() {
            if self.branches[branch as usize].foreign.insert(dependency) {
                reached.push(dependency);
                open.extend(foreign(self, dependency));
            }
        }
        reached.sort_unstable();
        for foreign in reached {
            self.join_frontier(foreign, branch);
        }
    }

    fn join_frontier(&mut self, node: Node, branch: u32) {
        let entry = &self.entries[node.index()];
        if entry.kind == Kind::Merge.code() as u8 {
            if planted!(MergingClosesConflict) {
                self.entities.iter_mut().for_each(|entity| entity.is_contended = false);
            }
            return;
        }
        let (before, bases) = entry.bases(&self.links);
        let entity = &mut self.entities[entry.entity as usize];
        if entity.home == NONE {
            entity.home = branch;
        }
        let frontier = match entity.home == branch {
            true => &mut entity.frontier,
            false => self.frontiers.entry((branch, entry.entity)).or_default(),
        };
        for base in before.iter().chain(bases) {
            frontier.remove(Node(*base));
        }
        entity.is_contended |= !frontier.is_empty();
        frontier.insert(node);
    }

    fn join_heads(&mut self, node: Node, branch: u32) {
        let entry = &self.entries[node.index()];
        let heads = &mut self.branches[branch as usize].heads;
        let before = entry.parents(&self.links).1.iter().chain([&entry.prev]);
        for parent in before.filter(|_| !planted!(HeadKeptAfterChild)) {
            heads.remove(Node(*parent));
        }
        heads.insert(node);
        self.branches[branch as usize].ops += 1;
    }

    fn is_on(&self, node: Node, branch: u32) -> bool {
        self.chains[self.entries[node.index()].chain as usize].branch == branch
    }

    fn chain_number(&mut self, header: &Header<'_>, prev: u32) -> u32 {
        if let Some(prev) = self.entries.get(prev as usize) {
            return prev.chain;
        }
        let branch = self.branch_names.number(header.branch);
        if branch as usize == self.branches.len() {
            self.branches.push(BranchEntry::default());
        }
        let next = self.chains.len() as u32;
        let chain = *self.chain_index.entry((branch, header.author)).or_insert(next);
        if chain == next {
            self.chains.push(ChainEntry { branch, author: header.author, ends: FewNodes::None });
        }
        chain
    }

    fn entity_number(&mut self, header: &Header<'_>, base: Option<u32>) -> u32 {
        if let Some(base) = base.and_then(|base| self.entries.get(base as usize)) {
            return base.entity;
        }
        let collection = self.collections.number(header.collection);
        if collection as usize == self.in_collection.len() {
            self.in_collection.push(Vec::new());
        }
        if let Some(entity) = self.find_entity(collection, header.key) {
            return entity;
        }
        let entity = self.entities.len() as u32;
        let (last, home, frontier) = (NONE, NONE, FewNodes::None);
        let key = header.key.into();
        self.entities.push(EntityEntry { collection, key, last, is_contended: false, home, frontier });
        let (entities, hasher) = (&self.entities, &self.hasher);
        let hash = entity_hash(hasher, collection, header.key);
        self.entity_index.insert_unique(hash, entity, |at| {
            let entity = &entities[*at as usize];
            entity_hash(hasher, entity.collection, &entity.key)
        });
        self.in_collection[collection as usize].push(entity);
        entity
    }

    fn find_entity(&self, collection: u32, key: &str) -> Option<u32> {
        let is_same = |at: &u32| {
            let entity = &self.entities[*at as usize];
            entity.collection == collection && *entity.key == *key
        };
        self.entity_index.find(entity_hash(&self.hasher, collection, key), is_same).copied()
    }

    /// Where an id belongs in a table of this process.
    pub(crate) fn id_hash(&self, id: &OpId) -> u64 {
        id_hash_with(self.id_key, id)
    }

    /// Notes that a verified signature of an op is now kept.
    pub fn set_signed(&mut self, node: Node, signature: &Signature) {
        self.entries[node.index()].flags |= SIGNED;
        self.late_signatures.insert(node.0, *signature);
    }

    /// An op's signature, if that came in another record than the op itself.
    pub fn late_signature(&self, node: Node) -> Option<&Signature> {
        self.late_signatures.get(&node.0)
    }

    /// Notes that an op's body, which was absent, now lies at the record `place` of a later row.
    pub fn set_body(&mut self, node: Node, place: Place) {
        self.bodyless.remove(&node);
        self.late_bodies.insert(node.0, place);
        self.entries[node.index()].flags |= BODY_HERE;
    }

    /// Where an op's body lies, if that is another record than the op's own.
    pub fn late_body(&self, node: Node) -> Option<Place> {
        self.late_bodies.get(&node.0).copied()
    }
}

/// The one item; none where there are several.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    if items.next().is_some() { None } else { Some(first) }
}

fn flag(bit: u8, is_set: bool) -> u8 {
    if is_set { bit } else { 0 }
}

fn id_hash_with(key: u64, id: &OpId) -> u64 {
    half_hash_with(key, &id.half())
}

/// The first half of an id decides where it belongs, so ops are found by halves too.
fn half_hash_with(key: u64, half: &[u8; 16]) -> u64 {
    let word = |at: usize| half[at..].first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let product = u128::from(word(0) ^ key) * u128::from(word(8) | 1);
    product as u64 ^ (product >> 64) as u64
}

fn entity_hash(hasher: &DefaultHashBuilder, collection: u32, key: &str) -> u64 {
    let mut state = hasher.build_hasher();
    collection.hash(&mut state);
    key.hash(&mut state);
    state.finish()
}

#[cfg(test)]
mod tests {
    use super::only;

    #[test]
    fn of_several_none_is_the_only_one() {
        assert_eq!([only([].into_iter()), only([1].into_iter()), only([1, 1].into_iter())], [None, Some(1), None]);
    }
}
