//! Effect: which ops of the graph count, by members, by the engine's own collections, and by branch policies.
//!
//! Authority is a view over the graph and never decides about the graph: an op gains effect when the op that allows it
//! arrives, and equal op sets give equal effect.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::members::{MEMBERS, Members};
use crate::input::Role;
use crate::log::graph::{Graph, Node};
use crate::op::body::Content;
use crate::op::hex;
use crate::op::id::Author;
use crate::op::json::{Object, Value};
use crate::op::sign::Signature;
use crate::output::Member;

/// Collections that are written on the branch `_repo` alone.
const ON_REPO_BRANCH: [&str; 4] = ["_repo", MEMBERS, "_manifests", "_review"];

/// Who may write what with effect.
#[derive(Clone, Debug, Default)]
pub struct Authority {
    members: Members,
}

impl Authority {
    /// Computes the view. `contents` is what ops on the engine's own branch say.
    pub fn of(graph: &Graph, contents: &BTreeMap<Node, Content>) -> Authority {
        Authority { members: Members::of(graph, contents) }
    }

    /// Whether an op has effect.
    pub fn is_effective(&self, graph: &Graph, node: Node) -> bool {
        let (collection, _) = graph.entity_name(graph.entity(node));
        let is_on_repo = graph.is_repo_branch(graph.branch(node));
        if is_on_repo != ON_REPO_BRANCH.contains(&collection) {
            return false;
        }
        match collection {
            MEMBERS => self.members.effective.contains(node),
            "_repo" | "_manifests" => graph.genesis() == Some(node) || self.is_by_owner(graph, node),
            _ => self.members.is_open || self.is_by_writer(graph, node),
        }
    }

    fn is_by_writer(&self, graph: &Graph, node: Node) -> bool {
        self.members.standings.get(&graph.author(node)).is_some_and(|standing| standing.covers(node))
    }

    fn is_by_owner(&self, graph: &Graph, node: Node) -> bool {
        self.is_by_writer(graph, node) && self.has_role(&graph.author(node), Role::Owner)
    }

    /// Whether a write by `author` to an ordinary collection would have effect.
    pub fn may_write(&self, author: &Author) -> bool {
        self.members.is_open || self.has_role(author, Role::Owner) || self.has_role(author, Role::Writer)
    }

    /// Whether `author` may make and remove members and set policies.
    pub fn may_govern(&self, author: &Author) -> bool {
        self.has_role(author, Role::Owner)
    }

    /// Whether everybody may write, because no owner has made members.
    pub fn is_open(&self) -> bool {
        self.members.is_open
    }

    fn has_role(&self, author: &Author, role: Role) -> bool {
        let standing = self.members.standings.get(author);
        standing.is_some_and(|standing| standing.role == Some(role) && standing.accepted.is_none())
    }

    /// Everybody who is or was a member, ascending by key.
    pub fn members(&self) -> Vec<Member> {
        let member = |(author, standing): (&Author, &super::members::Standing)| Member {
            author: *author,
            name: standing.name.clone(),
            role: standing.role.filter(|_| standing.accepted.is_none()),
            predecessor: standing.predecessor,
        };
        self.members.standings.iter().map(member).collect()
    }
}

/// Whether a collection is the engine's own.
pub fn is_reserved(collection: &str) -> bool {
    collection.starts_with('_')
}

/// The body by which a new key names the one that it succeeds.
pub fn successor_body(predecessor: &Author, proof: &Signature) -> Value {
    let mut body = Object::new();
    body.insert("predecessor".into(), Value::String(hex::encode(&predecessor.0)));
    body.insert("proof".into(), Value::String(hex::encode(proof)));
    Value::Object(body)
}
