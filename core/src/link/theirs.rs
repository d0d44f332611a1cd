//! What a peer has, as far as it said.
//!
//! What a peer has is closed under dependencies, so the ends of its chains say it all. An end that is not here stands
//! beyond what is here, or on the other side of a fork. Then the peer is taken to have what stands before it, until it
//! asks for some of that.

use alloc::string::String;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::message::{Range, StateHash, Tip, TipId};
use super::session::Ground;
use crate::log::graph::{Chain, Graph, Node};
use crate::op::id::Author;
use crate::ordered::Map;

/// The ends of a peer's chains.
#[derive(Clone, Debug, Default)]
pub(super) struct Theirs {
    chains: HashMap<Chain, Vec<End>>,
    /// The ends of chains of which nothing is here.
    strangers: Map<(String, Author), Vec<Tip>>,
    /// The peer had all of so many first ops that the link is about, when both were last equal.
    all: usize,
    /// What they come to, where the peer said so.
    pub(super) state: Option<StateHash>,
}

/// The end of a chain of a peer that some op of is here, too.
#[derive(Clone, Debug)]
struct End {
    tip: Tip,
    /// The op, once it is here.
    node: Option<Node>,
    /// Up to where the peer is taken to have what is here, as long as the end itself is not.
    floor: u32,
    /// How far the floor sinks when that turns out to be wrong.
    step: u32,
}

impl Theirs {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Theirs::default();
    }

    /// Both have the same: so many first ops that the link is about.
    pub(super) fn is_equal_to(&mut self, ops: usize) {
        self.all = ops;
        self.strangers.clear();
        self.chains.clear();
    }

    /// Takes the ends of chains in place of what was known of these chains.
    pub(super) fn update(&mut self, graph: &Graph, tips: &[Tip]) {
        if let [tip] = tips {
            return self.update_chain(graph, (&tip.branch, tip.author), tips.to_vec());
        }
        let mut by_chain: Map<(&str, Author), Vec<Tip>> = Map::new();
        for tip in tips {
            by_chain.entry((&tip.branch, tip.author)).or_default().push(tip.clone());
        }
        for (chain, tips) in by_chain {
            self.update_chain(graph, chain, tips);
        }
    }

    fn update_chain(&mut self, graph: &Graph, (branch, author): (&str, Author), tips: Vec<Tip>) {
        match graph.find_chain(branch, &author) {
            Some(chain) => drop(self.chains.insert(chain, ends(graph, chain, tips))),
            None => drop(self.strangers.insert((branch.into(), author), tips)),
        }
    }

    /// Looks whether ends that were not here are here by now.
    pub(super) fn resolve(&mut self, graph: &Graph) {
        let here = |(branch, author): &(String, Author)| graph.find_chain(branch, author);
        let arrived: Vec<(String, Author)> =
            self.strangers.keys().filter(|name| here(name).is_some()).cloned().collect();
        for name in arrived {
            if let (Some(chain), Some(tips)) = (here(&name), self.strangers.remove(&name)) {
                self.chains.insert(chain, ends(graph, chain, tips));
            }
        }
        for (chain, ends) in &mut self.chains {
            for end in ends.iter_mut().filter(|end| end.node.is_none()) {
                end.node = find(graph, *chain, &end.tip);
            }
        }
    }

    /// Whether the peer has an op, as far as is known.
    pub(super) fn has(&self, ground: &Ground<'_>, node: Node) -> bool {
        let graph = ground.graph;
        let ends = self.chains.get(&graph.chain(node));
        ground.reach.rank(node).is_some_and(|rank| rank < self.all)
            || ends.into_iter().flatten().any(|end| match end.node {
                Some(last) => graph.leads_to(node, last),
                None => graph.seq(node) <= end.floor,
            })
    }

    /// As [`Theirs::has_for_certain`], and so that it may be asked of many ops: of chains that forked it is known only what
    /// the peer had when both were last equal.
    pub(super) fn said_to_have(&self, ground: &Ground<'_>, node: Node) -> bool {
        let graph = ground.graph;
        let chain = graph.chain(node);
        let is_behind = |end: &End| end.node.is_some_and(|last| graph.seq(node) <= graph.seq(last));
        ground.reach.rank(node).is_some_and(|rank| rank < self.all)
            || graph.ends(chain).count() == 1 && self.chains.get(&chain).into_iter().flatten().any(is_behind)
    }

    /// Whether the peer has said that it has an op, or one behind it on its chain.
    pub(super) fn has_for_certain(&self, graph: &Graph, node: Node) -> bool {
        let ends = self.chains.get(&graph.chain(node));
        ends.into_iter().flatten().filter_map(|end| end.node).any(|last| graph.leads_to(node, last))
    }

    /// The ends of chains that are not here.
    pub(super) fn ahead(&self) -> impl Iterator<Item = Range> + '_ {
        let known = self.chains.values().flatten().filter(|end| end.node.is_none()).map(|end| &end.tip);
        let all = known.chain(self.strangers.values().flatten());
        all.map(|tip| Range { branch: tip.branch.clone(), author: tip.author, from: tip.seq, to: tip.seq })
    }

    /// How many ops the peer has at least that are not here.
    pub(super) fn ops_ahead(&self, graph: &Graph) -> u64 {
        let strangers = self.strangers.values().map(|tips| tips.iter().map(|tip| tip.seq).max().unwrap_or(0));
        let known = self.chains.iter().map(|(chain, ends)| {
            let here = graph.ends(*chain).map(|end| graph.seq(end)).max().unwrap_or(0);
            let there = ends.iter().filter(|end| end.node.is_none()).map(|end| end.tip.seq).max().unwrap_or(0);
            there.saturating_sub(here)
        });
        strangers.chain(known).map(u64::from).sum()
    }

    /// The peer asked for an op: it has neither this one nor what stands behind it. The more often that happens in a
    /// chain, the farther before it is looked: an end that is not here may be that of a fork far back.
    pub(super) fn lacks(&mut self, ground: &Ground<'_>, node: Node) {
        let graph = ground.graph;
        let seq = graph.seq(node);
        self.all = ground.reach.rank(node).map_or(self.all, |rank| self.all.min(rank));
        let ends = self.chains.entry(graph.chain(node)).or_default();
        ends.retain(|end| end.node.is_none_or(|last| !graph.leads_to(node, last)));
        for end in ends.iter_mut().filter(|end| end.node.is_none()) {
            end.floor = end.floor.min(seq.saturating_sub(end.step));
            end.step = end.step.saturating_mul(2);
        }
    }
}

fn ends(graph: &Graph, chain: Chain, tips: Vec<Tip>) -> Vec<End> {
    let end = |tip: Tip| End { node: find(graph, chain, &tip), floor: tip.seq.saturating_sub(1), step: 1, tip };
    tips.into_iter().map(end).collect()
}

fn find(graph: &Graph, chain: Chain, tip: &Tip) -> Option<Node> {
    match &tip.id {
        TipId::Full(id) => graph.find(id),
        TipId::Short(half) => {
            let at_place = graph.ends(chain).filter_map(|end| graph.back_to(end, tip.seq));
            let mut named = at_place.filter(|node| graph.id(*node).as_bytes().starts_with(half));
            named.next()
        }
    }
}
