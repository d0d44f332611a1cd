//! What a session stands on: the graph as far as it is durable.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::link::message::{Level, StateHash, Tip, TipId, Without};
use crate::link::reach::Reach;
use crate::log::graph::{Chain, Graph, Node};
use crate::ordered::Set;
use crate::time::Millis;

/// What a session sees of its replica.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// How many ops of it, from the first on, are durable. Nothing is said about the others.
    pub durable: usize,
    /// Those of the durable ones that the link is about.
    pub reach: &'a Reach,
    /// Bodies and blobs that are not here.
    pub without: &'a Without,
    /// How safe the durable ones are.
    pub level: Level,
    /// The time.
    pub now: Millis,
}

impl Ground<'_> {
    /// What the ops come to that the link is about.
    pub(super) fn state(&self) -> StateHash {
        self.reach.state()
    }

    /// What they come to with those that are not durable: what nobody may be told.
    pub(super) fn state_of_all(&self) -> StateHash {
        let mut reach = self.reach.clone();
        reach.look(self.graph, self.graph.len());
        reach.state()
    }

    /// The last ops of a chain.
    pub(super) fn ends_of(&self, chain: Chain) -> Vec<Node> {
        let count = if planted!(ForkTipsDropped) { 1 } else { usize::MAX };
        self.reach.ends_of(chain).take(count).collect()
    }

    /// The ends of all chains.
    pub(super) fn ends(&self) -> Vec<Node> {
        self.graph.all_chains().flat_map(|chain| self.ends_of(chain)).collect()
    }

    /// The ends of those chains that ops came to since the link was about `before` of them.
    pub(super) fn moved_since(&self, before: usize) -> Vec<Node> {
        let chains: Set<Chain> = self.reach.from(before).map(|node| self.graph.chain(node)).collect();
        chains.into_iter().flat_map(|chain| self.ends_of(chain)).collect()
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
