//! Redactions: which places of which ops nobody shall see any more.
//!
//! A redaction is a `put` in `_review` under the op's id, by an owner or by the op's own author. Redactions add up and
//! none takes another back, so what is hidden depends on the set of ops alone.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::authority::Authority;
use crate::log::graph::{Branch, Graph, Node};
use crate::op::body::{Content, Leaf};
use crate::op::id::OpId;
use crate::op::json::{Object, Value};
use crate::op::pointer::Pointer;
use crate::ordered::{Map, Set};

/// The collection of redactions and reviews.
pub const REVIEW: &str = "_review";

/// The redacted places of ops; the root for a whole body.
pub type Redactions = Map<Node, Set<Pointer>>;

/// The redactions that have effect.
pub fn redactions(graph: &Graph, authority: &Authority, contents: &Map<Node, Content>) -> Redactions {
    let mut redactions = Redactions::new();
    for (node, content) in contents {
        if let Some((target, pointers)) = redaction(graph, authority, *node, content) {
            redactions.entry(target).or_default().extend(pointers);
        }
    }
    redactions
}

fn redaction(graph: &Graph, authority: &Authority, node: Node, content: &Content) -> Option<(Node, Vec<Pointer>)> {
    let (collection, key) = graph.entity_name(graph.entity(node));
    let Content::Put(Leaf::Json(Value::Object(body))) = content else { return None };
    let target = OpId::parse_hex(key).and_then(|id| graph.find(&id)).filter(|_| collection == REVIEW)?;
    let author = graph.author(node);
    let is_allowed = author == graph.author(target) || authority.may_govern(&author);
    (is_allowed && authority.is_effective(graph, node)).then_some((target, pointers(body)?))
}

/// The body that withdraws ops of a linear branch.
pub fn drop_body(line: &str, ops: &[OpId]) -> Value {
    let ids = ops.iter().map(|id| Value::String(id.to_string())).collect();
    Value::object([("line", Value::String(line.into())), ("drop", Value::Array(ids))])
}

/// Ops of linear branches that the owner withdrew: the ids in `drop` of `_review` bodies that name the `line`.
pub fn dropped(graph: &Graph, authority: &Authority, contents: &Map<Node, Content>) -> Map<Branch, Set<Node>> {
    let mut dropped: Map<Branch, Set<Node>> = Map::new();
    for (node, content) in contents {
        let Content::Put(Leaf::Json(Value::Object(body))) = content else { continue };
        let is_review = graph.entity_name(graph.entity(*node)).0 == REVIEW;
        let is_allowed = is_review && authority.may_govern(&graph.author(*node));
        let branch = body.get("line").and_then(Value::as_str).and_then(|name| graph.find_branch(name));
        if let (true, Some(branch), Some(Value::Array(ids))) = (is_allowed, branch, body.get("drop")) {
            let nodes = ids.iter().filter_map(|id| graph.find(&OpId::parse_hex(id.as_str()?)?));
            dropped.entry(branch).or_default().extend(nodes);
        }
    }
    dropped
}

/// The places that a redaction's body names.
fn pointers(body: &Object) -> Option<Vec<Pointer>> {
    let Some(Value::Array(pointers)) = body.get("redact") else { return None };
    let parse = |pointer: &Value| match pointer {
        Value::String(text) => Pointer::parse(text).ok(),
        _ => None,
    };
    pointers.iter().map(parse).collect()
}

/// The body of a redaction: these places, or everything where there is none.
pub fn body(pointers: &[Pointer]) -> Value {
    let all = [Pointer::ROOT];
    let pointers = if pointers.is_empty() { &all } else { pointers };
    let texts = pointers.iter().map(|pointer| Value::String(pointer.to_string())).collect();
    Value::object([("redact", Value::Array(texts))])
}
