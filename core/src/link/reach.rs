//! What of a graph a link is about: the durable ops of the logs of the agreed branches, and what they come to.

use alloc::vec::Vec;

use hashbrown::HashMap;

use super::interest::Agreed;
use super::message::StateHash;
use crate::log::graph::{Branch, Chain, Graph, Node};
use crate::log::set::FewNodes;
use crate::op::id::OpId;
use crate::ordered::{Map, Set};
use crate::sort;

/// The ops that a link is about. It is closed under dependencies: so it may have ops of other branches, and of their
/// chains the last that it has counts as the end.
#[derive(Clone, Debug)]
pub struct Reach {
    agreed: Agreed,
    /// How many of the graph's ops were looked at.
    looked: usize,
    /// Its ops in the order in which they were reached, dependencies first; none where it is the whole graph, in the
    /// graph's own order.
    part: Option<Part>,
    /// The last ops of each chain.
    ends: Map<Chain, FewNodes>,
    state: StateHash,
}

#[derive(Clone, Debug, Default)]
struct Part {
    order: Vec<Node>,
    ranks: HashMap<Node, usize>,
    /// Whether a branch is an agreed one, for those that were met.
    branches: Map<Branch, bool>,
}

impl Reach {
    /// What these branches reach, before anything was looked at.
    pub fn new(agreed: Agreed) -> Reach {
        let part = (!agreed.is_all()).then(Part::default);
        Reach { agreed, looked: 0, part, ends: Map::new(), state: StateHash::of([]) }
    }

    /// The branches.
    pub fn agreed(&self) -> &Agreed {
        &self.agreed
    }

    /// Looks at the first `durable` ops of the graph, as far as that was not done.
    pub fn look(&mut self, graph: &Graph, durable: usize) {
        if durable <= self.looked {
            return;
        }
        for node in (self.looked..durable).map(Node::at) {
            if self.part.is_none() {
                self.add_end(graph, node);
            } else if self.is_agreed(graph, graph.branch(node)) {
                self.reach(graph, node);
            }
        }
        self.looked = durable;
        let mut ids: Vec<OpId> = self.ends().map(|end| graph.id(end)).collect();
        sort::ascending(&mut ids);
        self.state = StateHash::of(ids);
    }

    /// How many ops it has.
    pub fn len(&self) -> usize {
        self.part.as_ref().map_or(self.looked, |part| part.order.len())
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What its ops come to.
    pub fn state(&self) -> StateHash {
        self.state
    }

    /// The place of an op in its order, if it has the op.
    pub fn rank(&self, node: Node) -> Option<usize> {
        match &self.part {
            Some(part) => part.ranks.get(&node).copied(),
            None => Some(node.index()).filter(|rank| *rank < self.looked),
        }
    }

    /// The ops from a place in its order on.
    pub fn from(&self, rank: usize) -> impl Iterator<Item = Node> + '_ {
        (rank..self.len()).map(|at| self.part.as_ref().map_or(Node::at(at), |part| part.order[at]))
    }

    /// The last ops of all chains.
    pub fn ends(&self) -> impl Iterator<Item = Node> + '_ {
        self.ends.values().flat_map(FewNodes::iter)
    }

    /// The last ops of a chain.
    pub fn ends_of(&self, chain: Chain) -> impl Iterator<Item = Node> + '_ {
        self.ends.get(&chain).into_iter().flat_map(FewNodes::iter)
    }

    fn is_agreed(&mut self, graph: &Graph, branch: Branch) -> bool {
        let agreed = &self.agreed;
        let look = || agreed.includes(graph.branch_name(branch));
        self.part.as_mut().is_none_or(|part| *part.branches.entry(branch).or_insert_with(look))
    }

    /// Takes in an op of an agreed branch, with what it reaches, dependencies first.
    fn reach(&mut self, graph: &Graph, node: Node) {
        let (mut open, mut reached) = (alloc::vec![node], Set::new());
        while let Some(node) = open.pop() {
            if self.rank(node).is_none() && reached.insert(node) {
                open.extend(graph.dependencies(node));
            }
        }
        for node in reached {
            self.add(node);
            self.add_end(graph, node);
        }
    }

    fn add(&mut self, node: Node) {
        if let Some(part) = &mut self.part {
            part.ranks.insert(node, part.order.len());
            part.order.push(node);
        }
    }

    fn add_end(&mut self, graph: &Graph, node: Node) {
        let ends = self.ends.entry(graph.chain(node)).or_default();
        if let Some(prev) = graph.prev(node) {
            ends.remove(prev);
        }
        ends.insert(node);
    }
}
