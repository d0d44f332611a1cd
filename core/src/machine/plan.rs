//! Plans: what joining another branch would change is computed from the writes to whatever it brings something of.

use alloc::string::String;
use alloc::vec::Vec;

use super::read::Purpose;
use super::{Machine, Outputs, reply};
use crate::admit::authority;
use crate::error::CommandError;
use crate::input::Request;
use crate::limits::LINKS_MAX;
use crate::log::graph::{Branch, Entity, Node};
use crate::log::row::StoredOp;
use crate::log::set::Bits;
use crate::op::id::{OpId, PlanId};
use crate::op::kind::Kind;
use crate::ordered::Set;
use crate::output::Answer;
use crate::sort;
use crate::view::plan::{Plan, PlanItem};
use crate::view::state::Contents;

/// What would join what: the ops `at` of the source, its heads where none are named.
#[derive(Clone, Debug)]
pub(super) struct Join {
    branch: String,
    pub(super) source: String,
    pub(super) at: Vec<OpId>,
}

impl Join {
    pub(super) fn new(branch: &str, source: &str, at: &[OpId]) -> Join {
        Join { branch: branch.into(), source: source.into(), at: at.to_vec() }
    }
}

/// What a join would bring.
struct Incoming {
    /// The branch, if it is there.
    own: Option<Branch>,
    /// The ops that the merge names, in `ord` order.
    heads: Vec<Node>,
    /// These, and everything that they reach.
    past: Bits,
    /// How many of those are not in the branch's log.
    ops: usize,
    /// What the new ones write to, ascending by name.
    entities: Vec<Entity>,
}

impl Machine {
    /// The ops of a branch that a merge into another one names, in `ord` order: those that are not in its log already, the
    /// smallest where they are more than a header has room for.
    pub(super) fn joined(&self, source: &str, at: &[OpId], own: Option<Branch>) -> Result<Vec<Node>, CommandError> {
        let branch = self.branch(source)?;
        let find = |id: &OpId| self.graph.find(id).filter(|node| self.graph.branch(*node) == branch);
        let mut heads = match at {
            [] => self.graph.heads(source),
            at => at.iter().map(|id| find(id).ok_or(CommandError::NoOp(*id))).collect::<Result<_, _>>()?,
        };
        heads.retain(|head| own.is_none_or(|own| !self.graph.is_in_log(*head, own)));
        sort::by_key(&mut heads, |head| self.graph.ord(*head));
        let own_heads = own.map_or(0, |own| self.graph.heads(self.graph.branch_name(own)).len());
        heads.truncate(LINKS_MAX.saturating_sub(own_heads).max(1));
        Ok(heads)
    }

    fn incoming(&self, join: &Join) -> Result<Incoming, CommandError> {
        let own = self.graph.find_branch(&join.branch);
        let heads = self.joined(&join.source, &join.at, own)?;
        let past = self.graph.past(heads.iter().copied());
        let is_here = |node: &Node| own.is_some_and(|own| self.graph.is_in_log(*node, own));
        let new: Vec<Node> = past.iter().filter(|node| !is_here(node)).collect();
        let written: Set<Entity> = new.iter().map(|node| self.graph.entity(*node)).collect();
        let mut entities: Vec<Entity> = written.into_iter().collect();
        entities.retain(|entity| !authority::is_reserved(self.graph.entity_name(*entity).0));
        sort::by_key(&mut entities, |entity| self.graph.entity_name(*entity));
        Ok(Incoming { own, heads, past, ops: new.len(), entities })
    }

    /// The writes to an entity that no other names as base, as they are and as they would be.
    fn frontiers(&self, incoming: &Incoming, entity: Entity) -> [Vec<Node>; 2] {
        let before = incoming.own.map_or_else(Vec::new, |own| self.graph.frontier(own, entity));
        let is_there = |node: &Node| {
            incoming.past.contains(*node) || incoming.own.is_some_and(|own| self.graph.is_in_log(*node, own))
        };
        let is_write = |node: &Node| self.graph.kind(*node) != Kind::Merge && is_there(node);
        let after = self.unnamed(self.graph.writes(entity).filter(is_write).collect());
        [before, after]
    }

    /// The writes that decide what a join would change. Those that `contents` knows nothing of count as not void.
    pub(super) fn join_looks_at(&self, join: &Join, contents: &Contents) -> Result<Vec<Node>, CommandError> {
        let incoming = self.incoming(join)?;
        let frontiers = incoming.entities.iter().flat_map(|entity| self.frontiers(&incoming, *entity));
        Ok(frontiers.flat_map(|heads| self.deciding_from(heads, contents)).collect())
    }

    /// What a join would change. `contents` has what [`Machine::join_looks_at`] names.
    pub(super) fn plan(&self, join: &Join, contents: &Contents) -> Result<Plan, CommandError> {
        let incoming = self.incoming(join)?;
        let items = incoming.entities.iter().filter_map(|entity| {
            let [before, after] = self.frontiers(&incoming, *entity).map(|heads| {
                let writes = self.deciding_from(heads, contents);
                self.merged_of(&join.branch, *entity, &writes, contents)
            });
            let (collection, key) = self.graph.entity_name(*entity);
            PlanItem::between(collection, key, before, after)
        });
        let heads = incoming.heads.iter().map(|head| self.graph.id(*head)).collect();
        Ok(Plan::new(&join.branch, &join.source, heads, incoming.ops, items.collect()))
    }

    /// Reads what decides about what a join would change.
    pub(super) fn read_join(&mut self, request: Request, join: Join, out: &mut Outputs) -> Result<(), CommandError> {
        let nodes = self.join_looks_at(&join, &Contents::new())?;
        self.read(nodes, Purpose::Plan(request, join), out);
        Ok(())
    }

    /// Answers what a join would change, once all is read that decides about it.
    pub(super) fn on_join_read(
        &mut self,
        (request, join): (Request, Join),
        nodes: Vec<Node>,
        ops: &[Option<StoredOp>],
        out: &mut Outputs,
    ) {
        let read = self.contents(&nodes, ops).and_then(|contents| {
            let mut unread = self.join_looks_at(&join, &contents)?;
            unread.retain(|node| !contents.contains_key(node));
            Ok((contents, unread))
        });
        match read {
            Ok((_, unread)) if !unread.is_empty() => {
                self.read([nodes, unread].concat(), Purpose::Plan(request, join), out);
            }
            Ok((contents, _)) => reply(out, request, self.plan(&join, &contents).map(Answer::Plan)),
            Err(error) => reply(out, request, Err(error)),
        }
    }

    /// Whether a join would still do what a plan says.
    pub(super) fn check_plan(&self, join: &Join, plan: PlanId, contents: &Contents) -> Result<(), CommandError> {
        match self.plan(join, contents)?.id == plan || planted!(PlanMovedUnseen) {
            true => Ok(()),
            false => Err(CommandError::PlanMoved),
        }
    }
}
