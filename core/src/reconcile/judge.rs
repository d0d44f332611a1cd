//! Structure, judged op by op: what is valid and has its dependencies enters a graph, and whatever waited for it is
//! judged next.

use alloc::vec::Vec;

use hashbrown::HashMap;

use crate::admit::cover;
use crate::admit::intrinsic::{self, Invalid};
use crate::log::graph::{Graph, Keeping, Node, Presence};
use crate::log::row::{Origin, Place};
use crate::op::header::Header;
use crate::op::id::{OpId, RepoId};
use crate::op::sign::VerifiedOp;
use crate::sort;

/// The ops of one repo as far as they came, in any order. Who uses it numbers the ops and keeps them.
#[derive(Clone, Debug, Default)]
pub(super) struct Judge {
    /// The valid ops whose dependencies are all here.
    pub(super) graph: Graph,
    /// By node: the number of the op.
    numbers: Vec<u32>,
    /// The invalid ops, with their numbers.
    refused: HashMap<OpId, (Invalid, u32)>,
    /// Ops whose dependencies are not all judged: their numbers.
    pending: HashMap<OpId, u32>,
    /// By an op that is not judged or not here: the pending ones that name it.
    waiting: HashMap<OpId, Vec<OpId>>,
}

/// What became of an op.
enum Verdict {
    Decided,
    /// It waits for these.
    Waits(Vec<OpId>),
}

impl Judge {
    /// A judge of about so many ops.
    pub(super) fn with_capacity(ops: usize) -> Judge {
        let mut judge = Judge { numbers: Vec::with_capacity(ops), ..Judge::default() };
        judge.graph.reserve(ops);
        judge
    }

    /// Judges an op that did not come before, and whatever waited for it. `read` gives a pending op by its number.
    pub(super) fn take<'o>(
        &mut self,
        repo: Option<RepoId>,
        (number, op): (u32, &VerifiedOp<'_>),
        read: impl Fn(u32) -> Option<VerifiedOp<'o>>,
    ) {
        if let Verdict::Waits(dependencies) = self.judge_one(repo, number, op) {
            self.pending.insert(op.id(), number);
            for dependency in dependencies {
                self.waiting.entry(dependency).or_default().push(op.id());
            }
            return;
        }
        let mut decided = Vec::new();
        if !self.waiting.is_empty() {
            decided.push(op.id());
        }
        while let Some(id) = decided.pop() {
            for waiter in self.waiting.remove(&id).unwrap_or_default() {
                let Some(number) = self.pending.get(&waiter).copied() else { continue };
                let Some(op) = read(number) else { continue };
                if let Verdict::Decided = self.judge_one(repo, number, &op) {
                    self.pending.remove(&waiter);
                    decided.push(waiter);
                }
            }
        }
    }

    fn judge_one(&mut self, repo: Option<RepoId>, number: u32, op: &VerifiedOp<'_>) -> Verdict {
        let header = op.header();
        let verdict = if Some(repo_of(op)) != repo {
            Err(Invalid::RepoMismatch)
        } else if self.names_refused(header) {
            Err(Invalid::Dependency)
        } else {
            match cover::ancestry_in(&self.graph, header) {
                Err(_) => return Verdict::Waits(self.unjudged(header)),
                Ok(ancestry) => intrinsic::judge(header, &ancestry),
            }
        };
        match verdict {
            Err(reason) => {
                self.refused.insert(op.id(), (reason, number));
            }
            Ok(()) => {
                let body = if op.body().is_some() { Presence::Here } else { Presence::Absent };
                let place = Place { row: 0, header_at: 0, body_at: 0 };
                self.graph.append(op, Keeping { place, body, origin: Origin::Remote });
                self.numbers.push(number);
            }
        }
        Verdict::Decided
    }

    fn names_refused(&self, header: &Header<'_>) -> bool {
        !self.refused.is_empty() && header.dependencies().any(|id| self.refused.contains_key(&id))
    }

    fn unjudged(&self, header: &Header<'_>) -> Vec<OpId> {
        let mut unjudged: Vec<OpId> = header.dependencies().filter(|id| self.graph.find(id).is_none()).collect();
        unjudged.sort_unstable();
        unjudged.dedup();
        unjudged
    }

    /// The number of an op of the graph.
    pub(super) fn number(&self, node: Node) -> usize {
        self.numbers[node.index()] as usize
    }

    /// The number of an op that is invalid or pending.
    pub(super) fn outside(&self, id: &OpId) -> Option<usize> {
        let refused = self.refused.get(id).map(|(_, number)| *number);
        refused.or_else(|| self.pending.get(id).copied()).map(|number| number as usize)
    }

    /// Whether an op came.
    pub(super) fn knows(&self, id: &OpId) -> bool {
        self.graph.find(id).is_some() || self.outside(id).is_some()
    }

    /// What pending ops name that never came, ascending.
    pub(super) fn missing(&self) -> Vec<OpId> {
        let is_wanted = |waiters: &[OpId]| waiters.iter().any(|waiter| self.pending.contains_key(waiter));
        let never_came =
            self.waiting.iter().filter(|(id, waiters)| !self.pending.contains_key(*id) && is_wanted(waiters));
        let mut missing: Vec<OpId> = never_came.map(|(id, _)| *id).collect();
        sort::ascending(&mut missing);
        missing
    }

    /// The invalid ops with the reason, ascending.
    pub(super) fn invalid(&self) -> Vec<(OpId, Invalid)> {
        let mut invalid: Vec<(OpId, Invalid)> = self.refused.iter().map(|(id, (reason, _))| (*id, *reason)).collect();
        sort::ascending(&mut invalid);
        invalid
    }

    /// The ops of the graph that satisfy a condition, in order.
    pub(super) fn in_order(&self, is_wanted: impl Fn(Node) -> bool) -> Vec<Node> {
        ordered(&self.graph, self.graph.nodes().filter(|node| is_wanted(*node)).collect())
    }
}

/// The repo that an op says it is of.
pub(super) fn repo_of(op: &VerifiedOp<'_>) -> RepoId {
    op.header().repo.unwrap_or_else(|| op.id().into())
}

/// Ops in `ord` order.
pub(super) fn ordered(graph: &Graph, mut nodes: Vec<Node>) -> Vec<Node> {
    if !nodes.is_sorted_by_key(|node| graph.ord(*node)) {
        nodes.sort_unstable_by_key(|node| graph.ord(*node));
    }
    nodes
}
