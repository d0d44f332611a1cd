//! Linear branches: one line of ops, as a rule about effect and never about admission.
//!
//! A rebase writes an op whose `prev` is an op that its `parents` do not reach: that op is *withdrawn*, with what stood
//! between, unless somebody else has built on it. Where two effective ops that are not withdrawn share a parent, the
//! branch is diverged on every replica that has both.

use alloc::vec::Vec;

use crate::log::graph::{Branch, Graph, Node};
use crate::log::set::Bits;
use crate::op::id::Author;
use crate::ordered::{Map, Set};

/// What is in force on a linear branch.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Ops without effect, because their authors or the owner withdrew them.
    pub withdrawn: Bits,
    /// The ops in force that no other op in force has as parent, ascending; one where the branch is one line.
    pub heads: Vec<Node>,
    /// Whether two ops in force share a parent.
    pub is_diverged: bool,
}

/// Who has built on an op: nobody, one author, or several.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Builders {
    Nobody,
    One(Author),
    Several,
}

impl Builders {
    fn with(self, other: Builders) -> Builders {
        match (self, other) {
            (Builders::Nobody, other) => other,
            (own, Builders::Nobody) => own,
            (own, other) if own == other => own,
            _ => Builders::Several,
        }
    }

    fn includes_other_than(self, author: Author) -> bool {
        match self {
            Builders::Nobody => false,
            Builders::One(one) => one != author,
            Builders::Several => true,
        }
    }
}

impl Line {
    /// Computes what is in force. `dropped` are ops that the owner withdrew; `is_effective` tells whether an op's
    /// author may write.
    pub fn of(graph: &Graph, branch: Branch, dropped: &Set<Node>, is_effective: impl Fn(Node) -> bool) -> Line {
        let ops: Vec<Node> = graph.nodes().filter(|node| graph.branch(*node) == branch).collect();
        let left_behind = left_behind(graph, &ops);
        let dropped = built_on(graph, &ops, dropped);
        let mut withdrawn = Bits::default();
        let mut builders: Map<Node, Builders> = Map::new();
        for node in ops.iter().rev().copied() {
            let built = builders.get(&node).copied().unwrap_or(Builders::Nobody);
            let is_left = left_behind.contains(node) && !built.includes_other_than(graph.author(node));
            let is_withdrawn = is_left || dropped.contains(node);
            if is_withdrawn {
                withdrawn.insert(node);
            }
            let own = if is_withdrawn { Builders::Nobody } else { Builders::One(graph.author(node)) };
            for parent in graph.parents(node) {
                let of_parent = builders.entry(parent).or_insert(Builders::Nobody);
                *of_parent = of_parent.with(built).with(own);
            }
        }
        let in_force = ops.into_iter().filter(|node| !withdrawn.contains(*node) && is_effective(*node)).collect();
        Line::in_force(graph, branch, in_force, withdrawn)
    }

    fn in_force(graph: &Graph, branch: Branch, in_force: Vec<Node>, withdrawn: Bits) -> Line {
        let mut children: Map<Node, usize> = Map::new();
        for node in &in_force {
            for parent in graph.parents(*node).filter(|parent| is_on_line(graph, *parent, branch)) {
                *children.entry(parent).or_default() += 1;
            }
        }
        let is_diverged = children.values().any(|count| *count > 1);
        let mut heads: Vec<Node> = in_force.into_iter().filter(|node| !children.contains_key(node)).collect();
        if heads.is_empty() {
            heads.extend(graph.genesis());
        }
        Line { withdrawn, heads, is_diverged }
    }

    /// Takes in an op that has just been appended, where it goes on from the one head; tells whether it did.
    pub fn extend(&mut self, graph: &Graph, node: Node) -> bool {
        let branch = graph.branch(node);
        let mut parents = graph.parents(node).filter(|parent| is_on_line(graph, *parent, branch));
        let goes_on =
            self.heads.len() == 1 && parents.next() == self.heads.first().copied() && parents.next().is_none();
        let keeps_prev = graph.prev(node).is_none_or(|prev| !self.withdrawn.contains(prev) && !self.is_diverged);
        if goes_on && keeps_prev {
            self.heads = alloc::vec![node];
        }
        goes_on && keeps_prev
    }
}

fn is_on_line(graph: &Graph, node: Node, branch: Branch) -> bool {
    graph.branch(node) == branch || graph.genesis() == Some(node)
}

/// Ops that a later op of their chain does not reach by parents.
fn left_behind(graph: &Graph, ops: &[Node]) -> Bits {
    let mut left = Bits::default();
    for node in ops {
        let Some(prev) = graph.prev(*node) else { continue };
        if reaches(graph, *node, prev) {
            continue;
        }
        let reached = graph.parents_past(*node);
        let mut at = Some(prev);
        while let Some(earlier) = at {
            if !reached.contains(earlier) {
                left.insert(earlier);
            }
            at = graph.prev(earlier);
        }
    }
    left
}

/// Whether an op reaches another by parents alone. Looks no further back than the other.
fn reaches(graph: &Graph, from: Node, to: Node) -> bool {
    let mut visited = Set::new();
    let mut open: Vec<Node> = graph.parents(from).collect();
    while let Some(node) = open.pop() {
        if node == to {
            return true;
        }
        if node > to && visited.insert(node) {
            open.extend(graph.parents(node));
        }
    }
    false
}

/// Dropped ops and what reaches them by parents.
fn built_on(graph: &Graph, ops: &[Node], dropped: &Set<Node>) -> Bits {
    let mut all = Bits::default();
    for node in ops {
        if dropped.contains(node) || graph.parents(*node).any(|parent| all.contains(parent)) {
            all.insert(*node);
        }
    }
    all
}
