//! Everything that the engine's own branch says, ready to be asked: who has effect, what is redacted, how collections
//! merge.
//!
//! A state is computed from a graph and what the ops on `_repo` say, and then turns the writes to an entity into what
//! people see of it.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::admit::authority::{Authority, MANIFESTS};
use crate::admit::policy::Policies;
use crate::admit::redaction::{Redactions, redactions};
use crate::limits::LINKS_MAX;
use crate::log::graph::{Branch, Entity, Graph, Node};
use crate::log::set::Bits;
use crate::merge::entity::{self, Effect, EntityRef, Write};
use crate::merge::manifest::Manifest;
use crate::merge::redact::redacted;
use crate::op::body::{Content, Leaf};
use crate::op::header::Ids;
use crate::op::id::{Author, OpId};
use crate::op::json::Value;
use crate::op::kind::Kind;
use crate::ordered::{Map, Set};
use crate::sort;
use crate::time::Hlc;

/// What ops say, by op.
pub type Contents = Map<Node, Content>;

/// A write to an entity, with what it says.
#[derive(Clone, Debug)]
pub struct Said<'c> {
    id: OpId,
    hlc: Hlc,
    author: Author,
    base: Vec<OpId>,
    effect: Effect,
    content: Cow<'c, Content>,
}

impl Said<'_> {
    fn write(&self) -> Write<'_> {
        Write {
            id: self.id,
            hlc: self.hlc,
            author: self.author,
            base: Ids::Slice(&self.base),
            effect: self.effect,
            content: &self.content,
        }
    }
}

/// Who has effect, what is redacted, and how collections merge.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Who has effect.
    pub authority: Authority,
    redactions: Redactions,
    manifests: Map<String, Declared>,
    default_manifest: Manifest,
    /// Ops that are named on `_repo` and not here: the state is another one as soon as they are.
    awaited: Set<OpId>,
}

/// A manifest, and the op that declares it.
#[derive(Clone, Debug)]
struct Declared {
    op: Node,
    manifest: Manifest,
}

impl State {
    /// Computes the state. `on_repo` is what the ops on `_repo` say, `device` this replica's own policies.
    pub fn of(graph: &Graph, on_repo: &Contents, device: &Policies) -> State {
        let authority = Authority::of(graph, on_repo, device);
        let redactions = redactions(graph, &authority, on_repo);
        let manifests = manifests(graph, &authority, on_repo);
        let awaited = awaited(graph, on_repo);
        State { authority, redactions, manifests, default_manifest: Manifest::default(), awaited }
    }

    /// Whether an op, which was not here when the state was computed, changes it: a cut, a redaction or a drop names it.
    pub fn awaits(&self, op: &OpId) -> bool {
        self.awaited.contains(op)
    }

    /// What a collection declares.
    pub fn manifest(&self, collection: &str) -> &Manifest {
        self.manifests.get(collection).map_or(&self.default_manifest, |declared| &declared.manifest)
    }

    /// The collections that declare something, ascending, each with the op that does.
    pub fn declarations(&self) -> impl Iterator<Item = (&str, Node)> {
        self.manifests.iter().map(|(collection, declared)| (collection.as_str(), declared.op))
    }

    /// What the writes `nodes` to an entity mean on a branch, which need not be there. `content` tells what an op says; writes that it knows
    /// nothing of are left out.
    pub fn merged<'c>(
        &self,
        graph: &Graph,
        (branch, entity): (&str, Entity),
        nodes: &[Node],
        content: impl Fn(Node) -> Option<Cow<'c, Content>>,
    ) -> entity::Entity {
        let said: Vec<Said<'_>> = nodes.iter().filter_map(|node| self.said(graph, *node, &content)).collect();
        self.meaning(graph, (branch, entity), &said)
    }

    /// A write and what it says; none where `content` knows nothing of it.
    pub fn said<'c>(
        &self,
        graph: &Graph,
        node: Node,
        content: impl Fn(Node) -> Option<Cow<'c, Content>>,
    ) -> Option<Said<'c>> {
        let content = self.redacted(graph, node).map(Cow::Owned).or_else(|| content(node))?;
        Some(Said {
            id: graph.id(node),
            hlc: graph.hlc(node),
            author: graph.author(node),
            base: graph.base(node).map(|base| graph.id(base)).collect(),
            effect: self.effect(graph, node),
            content,
        })
    }

    /// What writes to an entity, in any order, mean together on a branch.
    pub fn meaning(&self, graph: &Graph, (branch, entity): (&str, Entity), said: &[Said<'_>]) -> entity::Entity {
        let (collection, key) = graph.entity_name(entity);
        let owner = graph.genesis().map(|genesis| graph.author(genesis));
        let name = EntityRef { branch, collection, key, owner };
        let writes: Vec<Write<'_>> = said.iter().map(Said::write).collect();
        entity::merge(name, &writes, self.manifest(collection))
    }

    /// What a writer names as base who looks at an entity of a branch: the writes with effect that no other such write has
    /// seen, the 32 of smallest `ord` if there are more.
    pub fn shown_base(&self, graph: &Graph, branch: &str, (collection, key): (&str, &str)) -> Vec<OpId> {
        let branch = graph.find_branch(branch);
        let entity = graph.find_entity_named(collection, key);
        let (Some(branch), Some(entity)) = (branch, entity) else { return Vec::new() };
        let mut frontier = self.effective_frontier(graph, branch, entity);
        sort::by_key(&mut frontier, |node| graph.ord(*node));
        frontier.iter().take(LINKS_MAX).map(|node| graph.id(*node)).collect()
    }

    /// The writes with effect that no other write with effect has seen.
    fn effective_frontier(&self, graph: &Graph, branch: Branch, entity: Entity) -> Vec<Node> {
        let is_effective = |node: &Node| self.authority.is_effective(graph, *node);
        let frontier = graph.frontier(branch, entity);
        if frontier.iter().all(is_effective) {
            return frontier;
        }
        let is_write = |node: &Node| graph.kind(*node) != Kind::Merge && graph.is_in_log(*node, branch);
        let effective: Vec<Node> = graph.writes(entity).filter(is_write).filter(is_effective).collect();
        let mut seen = Bits::default();
        let mut open: Vec<Node> = effective.iter().flat_map(|node| graph.base(*node)).collect();
        while let Some(node) = open.pop() {
            if seen.insert(node) {
                open.extend(graph.base(node));
            }
        }
        effective.into_iter().filter(|node| !seen.contains(*node)).collect()
    }

    /// Whether a write has effect and may replace the whole entity; what it says decides whether it does.
    pub fn is_overwrite(&self, graph: &Graph, node: Node) -> bool {
        matches!(graph.kind(node), Kind::Put | Kind::Delete) && self.authority.is_effective(graph, node)
    }

    /// Whether something of an op is taken out of everybody's sight.
    pub fn is_redacted(&self, node: Node) -> bool {
        self.redactions.contains_key(&node)
    }

    fn redacted(&self, graph: &Graph, node: Node) -> Option<Content> {
        let places = self.redactions.get(&node)?;
        Some(redacted(graph.kind(node), &places.iter().cloned().collect::<Vec<_>>()))
    }

    fn effect(&self, graph: &Graph, node: Node) -> Effect {
        match self.authority.is_effective(graph, node) {
            true => Effect::Effective,
            false => Effect::Ineffective,
        }
    }
}

/// Whatever stands for an op in a key or a body on `_repo`, and is not here.
fn awaited(graph: &Graph, on_repo: &Contents) -> Set<OpId> {
    let mut named = Set::new();
    for (node, content) in on_repo {
        named.extend(OpId::parse_hex(graph.entity_name(graph.entity(*node)).1));
        if let Content::Put(Leaf::Json(body)) = content {
            collect_ids(body, &mut named);
        }
    }
    named.retain(|id| graph.find(id).is_none());
    named
}

fn collect_ids(value: &Value, ids: &mut Set<OpId>) {
    match value {
        Value::String(text) => ids.extend(OpId::parse_hex(text)),
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        Value::Object(members) => members.iter().for_each(|(_, member)| collect_ids(member, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Of each collection the `put` of greatest `ord` that has effect and can be read.
fn manifests(graph: &Graph, authority: &Authority, on_repo: &Contents) -> Map<String, Declared> {
    let is_stated =
        |node: &Node| graph.entity_name(graph.entity(*node)).0 == MANIFESTS && authority.is_effective(graph, *node);
    let mut stated: Vec<(&Node, &Content)> = on_repo.iter().filter(|(node, _)| is_stated(node)).collect();
    sort::by_key(&mut stated, |(node, _)| graph.ord(**node));
    let parsed = stated.into_iter().filter_map(|(node, content)| match content {
        Content::Put(Leaf::Json(value)) => {
            let (_, collection) = graph.entity_name(graph.entity(*node));
            Some((collection.to_string(), Declared { op: *node, manifest: Manifest::parse(value).ok()? }))
        }
        _ => None,
    });
    parsed.collect()
}
