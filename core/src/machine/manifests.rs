//! The manifests of a repo's collections, by the ops on the engine's own branch that have effect.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use crate::admit::authority::{Authority, MANIFESTS};
use crate::log::graph::{Graph, Node};
use crate::merge::manifest::Manifest;
use crate::op::body::{Content, Leaf};

/// Manifests by collection; one that is not here has the default.
pub(crate) type Manifests = BTreeMap<String, Manifest>;

/// Of each collection the `put` of greatest `ord` that has effect and can be read.
pub(crate) fn manifests(graph: &Graph, authority: &Authority, contents: &BTreeMap<Node, Content>) -> Manifests {
    let is_stated =
        |node: &Node| graph.entity_name(graph.entity(*node)).0 == MANIFESTS && authority.is_effective(graph, *node);
    let mut stated: alloc::vec::Vec<(&Node, &Content)> = contents.iter().filter(|(node, _)| is_stated(node)).collect();
    stated.sort_unstable_by_key(|(node, _)| graph.ord(**node));
    let parsed = stated.into_iter().filter_map(|(node, content)| match content {
        Content::Put(Leaf::Json(value)) => {
            let (_, collection) = graph.entity_name(graph.entity(*node));
            Some((collection.to_string(), Manifest::parse(value).ok()?))
        }
        _ => None,
    });
    parsed.collect()
}
