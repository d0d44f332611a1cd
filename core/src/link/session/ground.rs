//! What a session stands on: the graph as far as it is durable.

use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::link::message::{StateHash, Tip, TipId, Without};
use crate::log::graph::{Chain, Graph, Node};
use crate::op::id::OpId;
use crate::time::Millis;

/// What a session sees of its replica.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// How many ops of it, from the first on, are durable. Nothing is said about the others.
    pub durable: usize,
    /// What the durable ones come to.
    pub state: StateHash,
    /// Bodies and blobs that are not here.
    pub without: &'a Without,
    /// The time.
    pub now: Millis,
}

impl Ground<'_> {
    /// What the first `durable` ops of a graph come to.
    pub fn state_of(graph: &Graph, durable: usize) -> StateHash {
        let ends = graph.all_chains().flat_map(|chain| durable_ends(graph, durable, chain));
        let mut ids: Vec<OpId> = ends.map(|end| graph.id(end)).collect();
        ids.sort_unstable();
        StateHash::of(ids)
    }

    /// The last durable ops of a chain.
    pub(super) fn durable_ends(&self, chain: Chain) -> Vec<Node> {
        durable_ends(self.graph, self.durable, chain)
    }

    /// The ends of all chains.
    pub(super) fn ends(&self) -> Vec<Node> {
        self.graph.all_chains().flat_map(|chain| self.durable_ends(chain)).collect()
    }

    /// The ends of those chains that ops came to since there were `before` of them.
    pub(super) fn moved_since(&self, before: usize) -> Vec<Node> {
        let chains: BTreeSet<Chain> = (before..self.durable).map(|index| self.graph.chain(Node::at(index))).collect();
        chains.into_iter().flat_map(|chain| self.durable_ends(chain)).collect()
    }

    /// An op as the end of its chain.
    pub(super) fn tip(&self, node: Node, form: TipForm) -> Tip {
        let id = self.graph.id(node);
        Tip {
            branch: self.graph.branch_name(self.graph.branch(node)).to_string(),
            author: self.graph.author(node),
            seq: self.graph.seq(node),
            id: match form {
                TipForm::Short => TipId::of(&id),
                TipForm::Full => TipId::Full(id),
            },
        }
    }
}

/// How tips name their ops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TipForm {
    Short,
    Full,
}

fn durable_ends(graph: &Graph, durable: usize, chain: Chain) -> Vec<Node> {
    let last =
        |end: Node| core::iter::successors(Some(end), |node| graph.prev(*node)).find(|node| node.index() < durable);
    let ends: BTreeSet<Node> = graph.ends(chain).filter_map(last).collect();
    let is_last = |node: &Node| !ends.iter().any(|other| other != node && graph.leads_to(*node, *other));
    let count = if planted!(ForkTipsDropped) { 1 } else { ends.len() };
    ends.iter().copied().filter(is_last).take(count).collect()
}
