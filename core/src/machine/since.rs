//! The entities of a collection for somebody who keeps them: all of them once, and then those that may have changed.
//!
//! An op changes the entity that it writes. Whatever else changes entities (the state, a body that comes late, a branch
//! that is joined) changes the ground, and on new ground all of them are told again.

use alloc::vec::Vec;

use super::read::Purpose;
use super::{Machine, Outputs};
use crate::input::{Mark, Request};
use crate::log::graph::{Branch, Entity};
use crate::merge::entity::Shown;
use crate::output::{Answer, EntityView, EntriesSince};

/// Bytes of a mark that say how many ops there were; the others name the ground.
const OPS_LEN: usize = 4;

/// What whoever keeps entities has to know of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeps {
    mark: Mark,
    is_whole: bool,
}

impl Machine {
    /// The answer where the branch is not there yet; else what decides about the entities is asked for.
    pub(super) fn read_entries_since(
        &mut self,
        request: Request,
        (branch, collection): (&str, &str),
        since: Option<Mark>,
        out: &mut Outputs,
    ) -> Option<Answer> {
        let Ok(scope) = self.scope(branch, &[]) else {
            return Some(Answer::EntriesSince(EntriesSince { is_whole: true, ..EntriesSince::default() }));
        };
        let mark = self.mark(scope.branch);
        let known = since.and_then(|since| self.ops_known(scope.branch, since));
        let entities = match known {
            Some(ops) => self.written_since(scope.branch, collection, ops),
            None => self.entities(&scope, Some(collection), ""),
        };
        let nodes = self.deciding_all(&scope, &entities);
        let keeps = Keeps { mark, is_whole: known.is_none() };
        self.read(nodes, Purpose::Entries(request, scope, entities, Some(keeps)), out);
        None
    }

    fn mark(&self, branch: Branch) -> Mark {
        let mut ground = blake3::Hasher::new();
        for part in [self.id_key, self.grounds, self.graph.foreign_count(branch) as u64] {
            ground.update(&part.to_be_bytes());
        }
        ground.update(self.graph.branch_name(branch).as_bytes());
        let mut mark = Mark::default();
        let (ops, name) = mark.0.split_at_mut(OPS_LEN);
        ops.copy_from_slice(&(self.graph.len() as u32).to_be_bytes());
        name.copy_from_slice(&ground.finalize().as_bytes()[..name.len()]);
        mark
    }

    /// How many ops there were at a mark; none where the ground is another one by now. What is in force on a linear branch
    /// may change with every op.
    fn ops_known(&self, branch: Branch, since: Mark) -> Option<usize> {
        let (ops, ground) = since.0.split_at(OPS_LEN);
        let is_same = ground == &self.mark(branch).0[OPS_LEN..] && self.state.authority.line(branch).is_none();
        is_same.then(|| u32::from_be_bytes(ops.try_into().unwrap_or_default()) as usize)
    }

    /// The entities of a collection that the ops behind the first `known` write.
    fn written_since(&self, branch: Branch, collection: &str, known: usize) -> Vec<Entity> {
        let news = self.graph.nodes().skip(known).filter(|node| self.graph.is_in_log(*node, branch));
        let is_asked = |entity: &Entity| self.graph.entity_name(*entity).0 == collection;
        self.in_order(news.map(|node| self.graph.entity(node)).filter(is_asked).collect())
    }
}

/// The answer to whoever asks for entities, and to who keeps them.
pub(super) fn answer(mut views: Vec<EntityView>, keeps: Option<Keeps>) -> Answer {
    let mut gone = Vec::new();
    let is_whole = keeps.is_none_or(|keeps| keeps.is_whole);
    views.retain(|view| {
        let is_there = view.shown != Shown::Absent || !view.conflicts.is_empty();
        if !is_there && !is_whole {
            gone.push(view.key.clone());
        }
        is_there
    });
    match keeps {
        None => Answer::Entries(views),
        Some(Keeps { mark, .. }) => Answer::EntriesSince(EntriesSince { mark, is_whole, entities: views, gone }),
    }
}
