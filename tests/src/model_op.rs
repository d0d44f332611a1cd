//! What the model speaks of: an op, what its body says and does to a value, and what an entity is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use similar::TextMerge;
use trellis_core::limits::JSON_DEPTH_MAX;
use trellis_core::op::id::{Author, OpId, RepoId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::op::pointer::Pointer;

use crate::json::{body, depth, jcs};
use crate::sealed::SealedOp;

/// An op, decoded.
#[derive(Clone, Debug)]
pub struct Op {
    /// The id.
    pub id: OpId,
    /// The repo; none in a genesis.
    pub repo: Option<RepoId>,
    /// The branch.
    pub branch: String,
    /// The author.
    pub author: Author,
    /// The place in the chain.
    pub seq: u32,
    /// The op before it.
    pub prev: Option<OpId>,
    /// The clock.
    pub hlc: u64,
    /// The heads that its author saw.
    pub parents: Vec<OpId>,
    /// Collection and key.
    pub entity: (String, String),
    /// What it replaces.
    pub base: Vec<OpId>,
    /// The kind.
    pub kind: Kind,
    /// The body's format; none where the header has no body.
    pub format: Option<Format>,
    /// What the body says.
    pub says: Says,
    /// The body as JSON, where it is that.
    pub json: Option<Value>,
}

/// What an entity is on a branch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entity {
    /// In order.
    pub frontier: Vec<OpId>,
    /// A bodyless write is live: there is no value and there are no records.
    pub body_missing: bool,
    /// As reads return it: provisional while a conflict is open.
    pub value: Option<Value>,
    /// The open conflicts, by path.
    pub conflicts: BTreeMap<Pointer, Conflict>,
}

/// An open conflict at a path: for every member, what it puts there (none: nothing; `add` and `insert` put nothing).
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// What each puts there.
    pub members: BTreeMap<OpId, Option<Value>>,
    /// The value that all members had seen, unless its body is missing.
    pub base: Option<Option<Value>>,
}

/// What a body says. Void bodies say nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Says {
    /// Places, and what is done to them.
    pub parts: Vec<(Pointer, Act)>,
    /// Elements that go from sets.
    pub discards: Vec<(Pointer, Value)>,
}

/// What is done to a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// An overwrite, with a value or with nothing.
    Set(Option<Value>),
    /// A counter grows.
    Add(i128),
    /// A set gains one element.
    Insert(Value),
    /// A whole value that is not here: an overwrite.
    MissingPut,
    /// A patch that is not here: nobody knows of what.
    MissingPatch,
}

impl Act {
    /// Whether the place gets another value, or none.
    pub fn is_overwrite(&self) -> bool {
        matches!(self, Act::Set(_) | Act::MissingPut)
    }

    /// Whether the body that does this is not here.
    pub fn is_missing(&self) -> bool {
        matches!(self, Act::MissingPut | Act::MissingPatch)
    }
}

impl Op {
    /// Everything that the op names.
    pub fn dependencies(&self) -> Vec<OpId> {
        [self.parents.clone(), self.prev.into_iter().collect(), self.base.clone()].concat()
    }

    /// The named pointers stand for the body from now on; the root for a `put`.
    pub fn redact(&mut self, pointers: &BTreeSet<Pointer>) {
        let gone = || Act::Set(Some(json!({ "$redacted": true })));
        let topmost = |path: &&Pointer| !pointers.iter().any(|other| other != *path && other.is_prefix_of(path));
        let parts = match self.kind {
            Kind::Put => vec![(Pointer::ROOT, gone())],
            Kind::Patch => pointers.iter().filter(topmost).map(|path| (path.clone(), gone())).collect(),
            _ => return,
        };
        self.says = Says { parts, discards: Vec::new() };
    }
}

/// Decodes an op.
pub fn decode(op: &SealedOp) -> Op {
    let header = op.header();
    let format = header.body.map(|body| body.format);
    let json = match (format, &op.body) {
        (Some(Format::Json), Some(bytes)) => body(bytes),
        (Some(Format::SaltedJson), Some(bytes)) => bytes.get(16..).and_then(body),
        _ => None,
    };
    Op {
        id: op.id,
        repo: header.repo,
        branch: header.branch.into(),
        author: header.author,
        seq: header.seq,
        prev: header.prev,
        hlc: header.hlc.0,
        parents: header.parents.iter().collect(),
        entity: (header.collection.into(), header.key.into()),
        base: header.base.iter().collect(),
        kind: header.kind,
        format,
        says: says(header.kind, format, op.body.as_deref(), json.as_ref()),
        json,
    }
}

fn says(kind: Kind, format: Option<Format>, bytes: Option<&[u8]>, json: Option<&Value>) -> Says {
    let root = |act| Says { parts: vec![(Pointer::ROOT, act)], discards: Vec::new() };
    let is_here = bytes.is_some() && format != Some(Format::Sealed);
    match (kind, format) {
        (Kind::Delete, _) => root(Act::Set(None)),
        (_, Some(Format::Unknown(_))) | (Kind::Append | Kind::Merge | Kind::Unknown(_), _) => Says::default(),
        (Kind::Put, _) if !is_here => root(Act::MissingPut),
        (Kind::Patch, _) if !is_here => root(Act::MissingPatch),
        (Kind::Put, Some(Format::Bytes)) => root(Act::Set(bytes.map(opaque))),
        (Kind::Put, _) => json.map(|value| root(Act::Set(Some(value.clone())))).unwrap_or_default(),
        (Kind::Patch, _) => json.and_then(patch).unwrap_or_default(),
    }
}

/// Opaque bytes, as a value that no other value equals and that no pointer steps into.
pub fn opaque(bytes: &[u8]) -> Value {
    json!(format!("\0bytes {bytes:02x?}"))
}

/// What a patch's body says, or none where it is not of a patch's shape.
fn patch(body: &Value) -> Option<Says> {
    let mut says = Says::default();
    let mut places = Vec::new();
    let mut deepest = 0;
    for (name, part) in body.as_object()? {
        if name == "remove" {
            for pointer in part.as_array()? {
                places.push(Pointer::parse(pointer.as_str()?).ok()?);
                deepest = deepest.max(places.last()?.0.len());
                says.parts.push((places.last().filter(|place| !place.is_root())?.clone(), Act::Set(None)));
            }
            continue;
        }
        for (pointer, value) in part.as_object()? {
            let path = Pointer::parse(pointer).ok()?;
            places.push(path.clone());
            deepest = deepest.max(path.0.len() + depth(value));
            match name.as_str() {
                "set" => says.parts.push((path, Act::Set(Some(value.clone())))),
                "add" => says.parts.push((path, Act::Add(value.as_i64()?.into()))),
                "insert" => says.parts.extend(value.as_array()?.iter().map(|v| (path.clone(), Act::Insert(v.clone())))),
                "discard" => says.discards.extend(value.as_array()?.iter().map(|v| (path.clone(), v.clone()))),
                _ => return None,
            }
        }
        if !["set", "add", "insert", "discard"].contains(&name.as_str()) {
            return None;
        }
    }
    let overlap =
        |at: usize| places.iter().enumerate().any(|(other, place)| other != at && place.is_prefix_of(&places[at]));
    (deepest <= JSON_DEPTH_MAX && !(0..places.len()).any(overlap)).then_some(says)
}

/// What an overwrite at `place` puts at `path`, which is the same or below.
pub fn at(act: &Act, place: &Pointer, path: &Pointer) -> Option<Value> {
    let Act::Set(value) = act else { return None };
    path.0[place.0.len()..].iter().try_fold(value.as_ref()?, |value, token| value.as_object()?.get(token)).cloned()
}

/// The place of `path` in `value`, with the objects that lead there; none where something else stands in the way.
fn place<'a>(value: &'a mut Option<Value>, path: &Pointer) -> Option<(&'a mut Map<String, Value>, String)> {
    let (last, way) = path.0.split_last()?;
    let mut object = value.get_or_insert_with(|| json!({})).as_object_mut()?;
    for token in way {
        object = object.entry(token).or_insert_with(|| json!({})).as_object_mut()?;
    }
    Some((object, last.clone()))
}

/// Puts `new`, or nothing, at `path`; void where something but an object stands in the way.
pub fn write(value: &mut Option<Value>, path: &Pointer, new: Option<Value>) {
    if path.is_root() {
        *value = new;
    } else if let Some(new) = new {
        if let Some((object, name)) = place(value, path) {
            object.insert(name, new);
        }
    } else {
        let (name, way) = path.0.split_last().expect("not the root");
        let value = value.get_or_insert_with(|| json!({}));
        let object = way.iter().try_fold(value, |value, token| value.as_object_mut()?.get_mut(token));
        object.and_then(Value::as_object_mut).map(|object| object.remove(name));
    }
}

fn update(value: &mut Option<Value>, path: &Pointer, start: Value, change: impl FnOnce(&mut Value)) {
    if path.is_root() {
        change(value.get_or_insert(json!({})));
    } else if let Some((object, name)) = place(value, path) {
        change(object.entry(name).or_insert(start));
    }
}

/// Adds to the number at `path`, 0 where there is nothing.
pub fn add(value: &mut Option<Value>, path: &Pointer, sum: i128) {
    const MAX: i128 = (1 << 53) - 1;
    update(value, path, json!(0), |value| match value {
        Value::Number(n) if n.is_i64() => {
            *value = json!((i128::from(n.as_i64().unwrap_or(0)) + sum).clamp(-MAX, MAX) as i64)
        }
        Value::Number(n) => *value = json!((n.as_f64().unwrap_or(0.0) + sum as f64).clamp(-MAX as f64, MAX as f64)),
        _ => {}
    });
}

/// Adds an element to the set at `path`, unless it is there.
pub fn insert(value: &mut Option<Value>, path: &Pointer, item: &Value) {
    update(value, path, json!([]), |value| match value {
        Value::Array(items) if !items.iter().any(|other| jcs(other) == jcs(item)) => items.push(item.clone()),
        _ => {}
    });
}

/// What texts that changed `base` make together, one after the other; none where changes touch.
pub fn merge_lines(base: &str, texts: &[&str]) -> Option<String> {
    texts.iter().try_fold(base.to_string(), |merged, text| {
        let merge = TextMerge::from_lines(base, &*merged, *text);
        (!merge.is_conflicted()).then(|| merge.to_string())
    })
}

/// What stands at a place of a value.
pub fn below(value: Option<Value>, path: &Pointer) -> Option<Value> {
    at(&Act::Set(value), &Pointer::ROOT, path)
}
