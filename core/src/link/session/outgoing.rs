//! The ops that go out on a link, in an order in which the peer can take them.
//!
//! Nothing is sent twice between two haves of the peer; what a have still lacks although it was sent before the last one
//! was lost on the way, and goes again.

use alloc::vec::Vec;

use super::Ground;
use crate::limits::FRAME_OPS_MAX;
use crate::link::theirs::Theirs;
use crate::log::graph::Node;
use crate::log::set::Bits;
use crate::ordered::Set;

/// Ops that are read at once at most, where runs that stand across one another have to be read to their ends.
const READ_OPS_MAX: usize = 8 * FRAME_OPS_MAX;

/// What is to be sent, and what was.
#[derive(Clone, Debug, Default)]
pub(super) struct Outgoing {
    /// Ops that wait, dependencies first.
    queue: Set<Node>,
    /// What the peer was given since its last have, or gave.
    given: Bits,
    /// What it was given before that.
    given_before: Bits,
    /// What the peer refuses for good.
    refused: Set<Node>,
    /// How many ops were looked at.
    scanned: usize,
    /// What cannot be sent: the store does not have it any more as it was.
    unsendable: Set<Node>,
    /// A run that is to be read alone, since it was not whole among others.
    alone: Vec<Node>,
}

impl Outgoing {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many ops wait.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// What waits, and what was sent, was for a link about something else.
    pub(super) fn begin_anew(&mut self) {
        let (refused, unsendable) = (core::mem::take(&mut self.refused), core::mem::take(&mut self.unsendable));
        *self = Outgoing { refused, unsendable, ..Outgoing::default() };
    }

    /// The peer said what it has: what it lacks of that which it was given before the last time was lost.
    pub(super) fn turn(&mut self) {
        if planted!(LostFramesKept) {
            return;
        }
        self.given_before = core::mem::take(&mut self.given);
    }

    /// Queues everything that the peer lacks.
    pub(super) fn collect(&mut self, ground: &Ground<'_>, theirs: &Theirs) {
        self.enqueue(ground.ends(), ground, theirs);
        self.scanned = ground.reach.len();
    }

    /// Queues what has come since the last look.
    pub(super) fn follow(&mut self, ground: &Ground<'_>, theirs: &Theirs) {
        let new: Vec<Node> = ground.reach.from(self.scanned).collect();
        self.scanned = self.scanned.max(ground.reach.len());
        self.enqueue(new, ground, theirs);
    }

    /// Queues an op that the peer asked for, whatever else is known, with what vouches for it and those of its dependencies
    /// that the peer lacks.
    pub(super) fn force(&mut self, node: Node, ground: &Ground<'_>, theirs: &Theirs) {
        let run = ground.graph.covering(node);
        let dependencies = run.iter().flat_map(|node| ground.graph.dependencies(*node)).collect();
        self.enqueue(dependencies, ground, theirs);
        self.put_back(run.into_iter());
    }

    /// The peer has these.
    pub(super) fn give(&mut self, nodes: impl Iterator<Item = Node>) {
        for node in nodes {
            self.queue.remove(&node);
            self.given.insert(node);
        }
    }

    /// Whether the peer was given an op.
    pub(super) fn is_given(&self, node: Node) -> bool {
        self.given.contains(node)
    }

    /// The peer refuses an op for good.
    pub(super) fn refuse(&mut self, node: Node) {
        self.queue.remove(&node);
        self.refused.insert(node);
    }

    /// Nothing of what was read could go out. So the run of one of these ops is read alone and to its end, whether or not the
    /// peer lacks all of it; if that has just been done, it cannot be sent at all.
    pub(super) fn read_alone(&mut self, node: Node, asked: &[Node], ground: &Ground<'_>) {
        let run = if planted!(CutRunsReread) { asked.to_vec() } else { ground.graph.covering(node) };
        if run == asked && !planted!(CutRunsReread) {
            self.unsendable.extend(run);
        } else {
            self.alone = run;
        }
    }

    /// Takes ops out to be read, to the ends of their runs.
    pub(super) fn next(&mut self, ground: &Ground<'_>) -> Vec<Node> {
        if !self.alone.is_empty() {
            return core::mem::take(&mut self.alone);
        }
        let (mut nodes, mut open) = (Vec::new(), Set::new());
        while nodes.len() < READ_OPS_MAX && (nodes.len() < FRAME_OPS_MAX || !open.is_empty()) {
            let Some(node) = self.queue.pop_first() else { break };
            match ground.graph.is_signed(node) {
                true => open.remove(&ground.graph.chain(node)),
                false => open.insert(ground.graph.chain(node)),
            };
            nodes.push(node);
        }
        nodes
    }

    /// Puts ops back that did not go out.
    pub(super) fn put_back(&mut self, nodes: impl Iterator<Item = Node>) {
        self.queue.extend(nodes.filter(|node| !self.unsendable.contains(node)));
    }

    fn enqueue(&mut self, nodes: Vec<Node>, ground: &Ground<'_>, theirs: &Theirs) {
        let mut open = nodes;
        while let Some(node) = open.pop() {
            if !self.is_due(node, ground, theirs) {
                continue;
            }
            self.queue.insert(node);
            open.extend(ground.graph.dependencies(node));
        }
    }

    fn is_due(&self, node: Node, ground: &Ground<'_>, theirs: &Theirs) -> bool {
        let is_given = self.given.contains(node) || self.given_before.contains(node) || self.queue.contains(&node);
        let is_sendable = !self.refused.contains(&node) && !self.unsendable.contains(&node);
        !is_given && is_sendable && !theirs.has(ground, node)
    }
}
