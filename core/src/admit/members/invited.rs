//! Who is let in by an invitation: a `put` in `_members` by somebody who is no owner.
//!
//! It has effect if it adds a key, with no more than the invitation allows, and if its author, a member who may write,
//! had seen the invitation and no end of it. What owners say of a key weighs more, whenever they say it.

use alloc::vec::Vec;

use super::super::invitation::Offers;
use super::{Act, Council, Role, Says, Standing, text};
use crate::log::graph::{Graph, Node};
use crate::op::hex;
use crate::op::id::Author;
use crate::op::invitation::InvitationProof;
use crate::op::json::{Object, Value};
use crate::ordered::{Map, Set};
use crate::sort;

impl Council<'_> {
    /// Whether an op, of whatever collection, is by an owner, and no removal cuts it off.
    pub(super) fn is_by_owner(&self, node: Node, levels: &Map<Author, usize>) -> bool {
        let author = self.graph.author(node);
        if levels.get(&author) == Some(&0) && !self.successors.contains_key(&author) {
            return true;
        }
        let standing = self.standing(author, levels.get(&author) == Some(&0));
        standing.role == Some(Role::Owner) && standing.covers(node)
    }

    /// Gives effect to the acts that have it by an invitation, in the order of `ord`: who was let in may let in.
    pub(super) fn let_in(&mut self, offers: &Offers, levels: &Map<Author, usize>) {
        let is_open = |at: &usize| self.acts[*at].proof.is_some() && !self.effective.contains(at);
        let mut open: Vec<usize> = (0..self.acts.len()).filter(is_open).collect();
        sort::by_key(&mut open, |at| self.graph.ord(self.acts[*at].node));
        for at in open {
            if self.is_let_in(&self.acts[at], offers, levels) {
                self.effective.insert(at);
                self.invited.insert(at);
            }
        }
    }

    fn is_let_in(&self, act: &Act, offers: &Offers, levels: &Map<Author, usize>) -> bool {
        let (Some(proof), Says::Grant { role, .. }) = (&act.proof, &act.says) else { return false };
        let Some(offer) = offers.get(&proof.key) else { return false };
        let about: Vec<Node> = self.about(act.subject).into_iter().map(|(_, act)| act.node).collect();
        let seen = seen(self.graph, act.node, &offer.nodes().chain(about.iter().copied()).collect());
        let terms = offer.terms(|node| seen.contains(&node));
        terms.is_some_and(|terms| terms.allow(*role, self.graph.hlc(act.node).millis()))
            && self.is_new(act.subject, &about, &seen, levels)
            && self.standing(act.author, levels.get(&act.author) == Some(&0)).covers(act.node)
            && self.graph.repo().is_some_and(|repo| proof.holds_for(&repo, &act.subject))
    }

    /// Whether a key had no standing as far as the act's author saw. The owner's always has one.
    fn is_new(&self, subject: Author, about: &[Node], seen: &Set<Node>, levels: &Map<Author, usize>) -> bool {
        let is_owner = self.graph.genesis().is_some_and(|genesis| self.graph.author(genesis) == subject);
        match about.is_empty() {
            _ if is_owner => false,
            true => !self.standing(subject, levels.get(&subject) == Some(&0)).is_judged(),
            false => !about.iter().any(|node| seen.contains(node)),
        }
    }

    /// Who joined by each invitation, in the order of `ord`, each once.
    pub(super) fn joined(&self) -> Map<Author, Vec<Author>> {
        let mut acts: Vec<&Act> = self.effective.iter().map(|at| &self.acts[*at]).collect();
        sort::by_key(&mut acts, |act| self.graph.ord(act.node));
        let mut joined: Map<Author, Vec<Author>> = Map::new();
        for act in acts {
            let Some(proof) = act.proof else { continue };
            let keys = joined.entry(proof.key).or_default();
            if !keys.contains(&act.subject) {
                keys.push(act.subject);
            }
        }
        joined
    }
}

impl Standing {
    /// Whether anybody has said anything of the key, or of one that it succeeded.
    pub fn is_judged(&self) -> bool {
        self.role.is_some() || self.accepted.is_some()
    }
}

/// Which of these ops an op has in its causal past.
fn seen(graph: &Graph, node: Node, wanted: &Set<Node>) -> Set<Node> {
    let Some(first) = wanted.first().copied() else { return Set::new() };
    let (mut seen, mut visited) = (Set::new(), Set::new());
    let mut queue: Vec<Node> = graph.dependencies(node).collect();
    while let Some(at) = queue.pop() {
        if at < first || !visited.insert(at) {
            continue;
        }
        if wanted.contains(&at) {
            seen.insert(at);
        }
        queue.extend(graph.dependencies(at));
    }
    seen
}

/// The proof that a body in `_members` carries.
pub(super) fn proof(body: &Object) -> Option<InvitationProof> {
    let key = Author::parse_hex(text(body, "invitation")?)?;
    Some(InvitationProof { key, signature: hex::parse(text(body, "proof")?)? })
}

/// The body that makes somebody a member on the proof of an invitation.
pub fn invited_body(role: Role, name: Option<&str>, proof: &InvitationProof) -> Value {
    let mut body = super::grant_body(role, name);
    if let Value::Object(members) = &mut body {
        members.insert("invitation".into(), Value::String(hex::encode(&proof.key.0)));
        members.insert("proof".into(), Value::String(hex::encode(&proof.signature)));
    }
    body
}
