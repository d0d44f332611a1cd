//! What of a branch's log a question is about: all of it, or the past of some ops.

use alloc::vec::Vec;

use super::Machine;
use crate::error::CommandError;
use crate::log::graph::{Branch, Entity, Node};
use crate::log::set::Bits;
use crate::op::id::OpId;
use crate::op::kind::Kind;

/// What of a branch's log is looked at.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) branch: Branch,
    /// The ops that there were then; none for now.
    past: Option<Bits>,
}

impl Machine {
    /// The branch as it is, or as it was when the ops `at` were its heads.
    pub(super) fn scope(&self, branch: &str, at: &[OpId]) -> Result<Scope, CommandError> {
        let branch = self.branch(branch)?;
        let find = |id: &OpId| self.graph.find(id).ok_or(CommandError::NoOp(*id));
        let heads = at.iter().map(find).collect::<Result<Vec<Node>, _>>()?;
        let past = (!heads.is_empty()).then(|| self.graph.past(heads.into_iter()));
        Ok(Scope { branch, past })
    }

    /// The writes to an entity. A `merge` names a branch and writes nothing.
    pub(super) fn writes_in_scope(&self, scope: &Scope, entity: Entity) -> Vec<Node> {
        let Some(past) = &scope.past else { return self.writes_in_log(scope.branch, entity) };
        let is_past = |node: &Node| past.contains(*node) || planted!(PastHasLaterOps);
        let is_write = |node: &Node| self.graph.kind(*node) != Kind::Merge && is_past(node);
        self.graph.writes(entity).filter(is_write).collect()
    }

    /// The writes to an entity that no other names as base.
    pub(super) fn frontier_in_scope(&self, scope: &Scope, entity: Entity) -> Vec<Node> {
        if scope.past.is_none() {
            return self.graph.frontier(scope.branch, entity);
        }
        self.unnamed(self.writes_in_scope(scope, entity))
    }

    /// Those of the writes to an entity that no other of them names as base.
    pub(super) fn unnamed(&self, mut writes: Vec<Node>) -> Vec<Node> {
        let mut named = Bits::default();
        for base in writes.iter().flat_map(|node| self.graph.base(*node)) {
            named.insert(base);
        }
        writes.retain(|node| !named.contains(*node));
        writes
    }
}
