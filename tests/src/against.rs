//! The product beside the model: what each says of the same ops, in one form that can be compared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trellis_core::admit::authority::Authority;
use trellis_core::admit::policy::Policies;
use trellis_core::limits::CONFLICT_SIDES_MAX;
use trellis_core::log::graph::{Graph, Keeping, Presence};
use trellis_core::log::row::{Origin, Place};
use trellis_core::merge::conflict::{Conflict, SideValue};
use trellis_core::merge::entity::{Effect, EntityRef, Shown, Write, merge};
use trellis_core::merge::manifest::{Field, Manifest, Strategy};
use trellis_core::op::body::Content;
use trellis_core::op::header::{Header, REPO_BRANCH};
use trellis_core::op::id::OpId;
use trellis_core::op::json::Value as CoreValue;
use trellis_core::op::kind::Kind;
use trellis_core::op::pointer::{Pointer, escape};
use trellis_core::op::sign::Unverified;
use trellis_core::output::EntityView;
use trellis_core::reconcile::{Relation, reconcile};
use trellis_core::view::state::Contents;

use crate::json::jcs;
use crate::model::Model;
use crate::model_op::{Act, Conflict as Open, Entity, Op, opaque};
use crate::model_rules;
use crate::sealed::SealedOp;
use crate::vectors::validity;

/// What an entity is, as text: frontier, value, and conflicts with their members, sides and base.
pub fn model_says(model: &Model, entity: &Entity) -> Value {
    let conflicts: Vec<_> = entity
        .conflicts
        .iter()
        .map(|(path, conflict)| {
            let members = model.order(conflict.members.keys().copied());
            let side = |id: &OpId| json!({ "op": id.to_string(), "says": conflict.members[id].as_ref().map(jcs) });
            let adds = |id: &OpId| {
                model.ops[id].says.parts.iter().any(|(place, act)| place == path && !matches!(act, Act::Set(_)))
            };
            let sides: Vec<_> = members.iter().take(CONFLICT_SIDES_MAX).filter(|id| !adds(id)).map(side).collect();
            let members: Vec<_> = members.iter().map(OpId::to_string).collect();
            json!({ "path": path.to_string(), "members": members, "sides": sides, "base": base(conflict) })
        })
        .collect();
    let value = if entity.body_missing { json!("missing") } else { json!(entity.value.as_ref().map(jcs)) };
    json!({ "frontier": texts(&entity.frontier), "value": value, "conflicts": conflicts })
}

fn base(conflict: &Open) -> Value {
    conflict.base.as_ref().map_or(json!("missing"), |base| json!(base.as_ref().map(jcs)))
}

fn texts(ids: &[OpId]) -> Vec<String> {
    ids.iter().map(OpId::to_string).collect()
}

/// What the core says, in the same form.
pub fn core_says(entity: EntityRef<'_>, writes: &[Write<'_>], manifest: &Manifest) -> Value {
    let said = merge(entity, writes, manifest);
    entity_says(&said.frontier, &said.shown, &said.conflicts)
}

/// What a replica shows, in the same form.
pub fn view_says(view: &EntityView) -> Value {
    entity_says(&view.frontier, &view.shown, &view.conflicts)
}

fn entity_says(frontier: &[OpId], value: &Shown, conflicts: &[Conflict]) -> Value {
    let conflicts: Vec<_> = conflicts.iter().map(conflict).collect();
    json!({ "frontier": texts(frontier), "value": shown(value), "conflicts": conflicts })
}

fn conflict(conflict: &Conflict) -> Value {
    let side = |side: &trellis_core::merge::conflict::Side| {
        let says = match &side.value {
            SideValue::Absent => Value::Null,
            SideValue::Json(value) => text(value),
            SideValue::Bytes(bytes) => json!(jcs(&opaque(bytes))),
            SideValue::Add(_) | SideValue::Insert(_) => return None,
        };
        Some(json!({ "op": side.op.to_string(), "says": says }))
    };
    let sides: Vec<_> = conflict.sides.iter().filter_map(side).collect();
    json!({ "path": conflict.path.to_string(), "members": texts(&conflict.members), "sides": sides, "base": shown(&conflict.base) })
}

fn shown(shown: &Shown) -> Value {
    match shown {
        Shown::Absent => Value::Null,
        Shown::Json(value) => text(value),
        Shown::Bytes(bytes) => json!(jcs(&opaque(bytes))),
        Shown::BodyMissing => json!("missing"),
    }
}

fn text(value: &CoreValue) -> Value {
    json!(String::from_utf8_lossy(&value.to_jcs()))
}

/// The manifest that declares what the model was told.
pub fn manifest(model: &Model) -> Manifest {
    let fields = model.text.iter().map(|path| (path.clone(), Field::Text)).collect();
    let strategy = if model.crdt { Strategy::Crdt } else { Strategy::default() };
    Manifest { fields, strategy, ..Manifest::default() }
}

/// A set of ops as the core's entity merge takes them.
pub struct Bodies<'a> {
    ops: BTreeMap<OpId, (Header<'a>, Content)>,
}

impl<'a> Bodies<'a> {
    /// Decodes headers and bodies by the core.
    pub fn of(ops: &'a [SealedOp]) -> Bodies<'a> {
        let decoded = ops.iter().map(|op| {
            let header = op.header();
            let format = header.body.map(|body| body.format);
            let content = Content::decode(header.kind, format, op.body.as_deref());
            (op.id, (header, content))
        });
        Bodies { ops: decoded.collect() }
    }

    /// The writes to an entity in a branch's log, effective or not, in the order of their ids.
    pub fn writes(&self, model: &Model, branch: &str, entity: &(String, String)) -> Vec<Write<'_>> {
        let log = model.log(branch);
        let is_write = |op: &&Op| log.contains(&op.id) && op.entity == *entity && op.kind != Kind::Merge;
        let write = |op: &Op| {
            let (header, content) = &self.ops[&op.id];
            let effect = if model.ineffective.contains(&op.id) { Effect::Ineffective } else { Effect::Effective };
            Write { id: op.id, hlc: header.hlc, author: header.author, base: header.base, effect, content }
        };
        model.ops.values().filter(is_write).map(write).collect()
    }
}

/// The ops of a closed set that have no effect by the core, on branches without a policy.
///
/// `ops` stand in an order of dependencies.
pub fn core_ineffective(ops: &[SealedOp]) -> BTreeSet<OpId> {
    let mut graph = Graph::default();
    let mut contents = Contents::new();
    for op in ops {
        let verified = Unverified { signature: None, ..op.unverified() }.rehash().expect("histories are well-formed");
        let place = Place { row: 1, header_at: 0, body_at: 0 };
        let node = graph.append(&verified, Keeping { place, body: Presence::Here, origin: Origin::Remote });
        let header = verified.header();
        if header.branch == REPO_BRANCH {
            let format = header.body.map(|body| body.format);
            contents.insert(node, Content::decode(header.kind, format, op.body.as_deref()));
        }
    }
    let authority = Authority::of(&graph, &contents, &Policies::default());
    graph.nodes().filter(|node| !authority.is_effective(&graph, *node)).map(|node| graph.id(node)).collect()
}

/// Every (branch, entity) of a set.
pub fn places(model: &Model) -> BTreeSet<(String, (String, String))> {
    let branches: BTreeSet<&String> = model.ops.values().map(|op| &op.branch).collect();
    let entities: BTreeSet<&(String, String)> = model.ops.values().map(|op| &op.entity).collect();
    branches.iter().flat_map(|branch| entities.iter().map(|entity| ((*branch).clone(), (*entity).clone()))).collect()
}

/// Some ops of a set in order, one line each, for people who look for the difference.
pub fn tell(ops: &[SealedOp], ids: &[OpId]) -> String {
    let mut ops: Vec<&SealedOp> = ops.iter().filter(|op| ids.contains(&op.id)).collect();
    ops.sort_by_key(|op| op.ord());
    let line = |op: &&SealedOp| {
        let header = op.header();
        let base: Vec<_> = header.base.iter().map(|id| id.short()).collect();
        let body = op.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let (author, key) = (header.author.short(), header.key.get(..12).unwrap_or(header.key));
        let place = format!("{} {}/{key}", header.branch, header.collection);
        format!("{} {author} {place} {} base [{}] {body}\n", op.id.short(), header.kind.name(), base.join(" "))
    };
    ops.iter().map(line).collect()
}

/// What `reconcile` answers, by the model.
pub fn model_reconciles(local: &[SealedOp], remote: &[SealedOp]) -> Value {
    let said = model_rules::reconcile(local, remote);
    let name =
        |(_, collection, key, _): &(String, String, String, Pointer)| format!("{}/{}", escape(collection), escape(key));
    let names: BTreeSet<String> = said.conflicts.keys().map(name).collect();
    let records = |open: &model_rules::Open| {
        let record =
            |((branch, collection, key, path), members): (&(String, String, String, Pointer), &BTreeSet<OpId>)| {
                let ids: Vec<OpId> = members.iter().copied().collect();
                record(branch, collection, key, path, &ids)
            };
        open.iter().map(record).collect::<Vec<_>>()
    };
    let invalid: BTreeMap<String, Value> =
        said.invalid.iter().map(|(id, rule)| (id.to_string(), json!(rule.max(&2)))).collect();
    json!({
        "merged": texts(&said.merged), "forkPoint": said.fork_point.map(|id| id.to_string()),
        "forkHeads": texts(&said.fork_heads), "onlyLocal": texts(&said.only_local), "onlyRemote": texts(&said.only_remote),
        "conflicts": names, "conflictRecords": records(&said.conflicts), "newConflicts": records(&said.new_conflicts),
        "relation": said.relation, "clean": said.new_conflicts.is_empty(),
        "missing": said.missing.iter().map(OpId::to_string).collect::<Vec<_>>(), "invalid": invalid
    })
}

fn record(branch: &str, collection: &str, key: &str, path: &Pointer, members: &[OpId]) -> Value {
    let mut members = members.to_vec();
    members.sort();
    json!({ "branch": branch, "collection": collection, "key": key, "path": path.to_string(), "members": texts(&members) })
}

/// What `reconcile` answers, by the core.
pub fn core_reconciles(local: &[SealedOp], remote: &[SealedOp]) -> Value {
    let (local, remote): (Vec<_>, Vec<_>) =
        (local.iter().map(SealedOp::unverified).collect(), remote.iter().map(SealedOp::unverified).collect());
    let said = reconcile(&local, &remote);
    let records = |conflicts: &[Conflict]| {
        let record = |c: &Conflict| record(&c.branch, &c.collection, &c.key, &c.path, &c.members);
        conflicts.iter().map(record).collect::<Vec<_>>()
    };
    let invalid: BTreeMap<String, Value> =
        said.invalid.iter().map(|(id, reason)| (id.to_string(), json!(validity::number(*reason)))).collect();
    json!({
        "merged": texts(&said.merged), "forkPoint": said.fork_point.map(|id| id.to_string()),
        "forkHeads": texts(&said.fork_heads), "onlyLocal": texts(&said.only_local), "onlyRemote": texts(&said.only_remote),
        "conflicts": said.conflicts, "conflictRecords": records(&said.conflict_records),
        "newConflicts": records(&said.new_conflicts), "relation": relation_name(said.relation), "clean": said.clean,
        "missing": texts(&said.missing), "invalid": invalid
    })
}

/// The word for a relation.
pub fn relation_name(relation: Relation) -> &'static str {
    match relation {
        Relation::Equal => "equal",
        Relation::Behind => "behind",
        Relation::Ahead => "ahead",
        Relation::Diverged => "diverged",
    }
}

/// Where two values differ first, and how.
pub fn difference(came: &Value, expected: &Value) -> Option<String> {
    let inside = |name: String, (came, expected)| difference(came, expected).map(|told| format!("/{name}{told}"));
    match (came, expected) {
        (Value::Object(left), Value::Object(right)) if left.keys().eq(right.keys()) => {
            left.iter().zip(right.values()).find_map(|((name, left), right)| inside(name.clone(), (left, right)))
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            left.iter().zip(right).enumerate().find_map(|(at, pair)| inside(at.to_string(), pair))
        }
        _ => (came != expected).then(|| format!(": {came} came, {expected} was expected")),
    }
}
