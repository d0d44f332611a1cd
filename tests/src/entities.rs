//! Writes to one entity, written down as a test or a vector case wants them.
//!
//! Ids and authors are short names, padded to 32 bytes with zeros, so a case says who wrote what after whom in a few
//! words and every runtime can repeat it.

use serde_json::{Value as Json, json};
use trellis_core::merge::conflict::{Conflict, Side, SideValue};
use trellis_core::merge::entity::{Effect, Entity, EntityRef, Shown, Write, merge};
use trellis_core::merge::manifest::Manifest;
use trellis_core::merge::redact::redacted;
use trellis_core::op::body::{Content, Leaf};
use trellis_core::op::header::Ids;
use trellis_core::op::hex;
use trellis_core::op::id::{Author, OpId};
use trellis_core::op::json::Value;
use trellis_core::op::kind::Kind;
use trellis_core::op::patch::Patch;
use trellis_core::op::pointer::Pointer;
use trellis_core::time::Hlc;

/// A write that owns what it says.
#[derive(Clone, Debug)]
pub struct Scripted {
    /// Its id.
    pub id: OpId,
    /// Its clock.
    pub hlc: Hlc,
    /// Who wrote it.
    pub author: Author,
    /// What it replaces.
    pub base: Vec<OpId>,
    /// Whether it counts.
    pub effect: Effect,
    /// What it says.
    pub content: Content,
}

/// The 32 bytes of a name.
pub fn name_bytes(name: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

/// The name of 32 bytes.
pub fn name_of(bytes: &[u8; 32]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\0').to_string()
}

/// The value of JSON text in a test.
///
/// # Panics
/// If it is no strict JSON.
pub fn value(json: &Json) -> Value {
    json.to_string().parse().expect("the test's own JSON is strict")
}

/// The writes of a case: objects with `op` (its name), `at` (its clock), `by` (`ann` unless told), `base`, `effect`
/// (`none` where the author may not write) and one of `put`, `bytes`, `patch`, `delete`, `append`, `void`, `missing`
/// (a kind), `redacted` (a kind, with `places`).
///
/// # Panics
/// If the case is malformed.
pub fn writes(case: &Json) -> Vec<Scripted> {
    list(case).iter().map(scripted).collect()
}

fn scripted(write: &Json) -> Scripted {
    Scripted {
        id: OpId(name_bytes(text(&write["op"]))),
        hlc: Hlc(write["at"].as_u64().expect("`at` is a number") << 16),
        author: Author(name_bytes(write["by"].as_str().unwrap_or("ann"))),
        base: ids(&write["base"]),
        effect: if write["effect"] == "none" { Effect::Ineffective } else { Effect::Effective },
        content: content(write),
    }
}

fn ids(names: &Json) -> Vec<OpId> {
    names.as_array().map_or(Vec::new(), |names| names.iter().map(|name| OpId(name_bytes(text(name)))).collect())
}

fn content(write: &Json) -> Content {
    let write = write.as_object().expect("a write is an object");
    let says = ["put", "bytes", "patch", "delete", "append", "void", "missing", "redacted"];
    let (says, body) = says.iter().find_map(|says| Some((*says, write.get(*says)?))).expect("a write says something");
    match says {
        "put" => Content::Put(Leaf::Json(value(body))),
        "bytes" => Content::Put(Leaf::Bytes(unhex(text(body)))),
        "patch" => Patch::decode(value(body)).map_or(Content::Void, Content::Patch),
        "delete" => Content::Delete,
        "append" => Content::Append(Leaf::Json(value(body))),
        "void" => Content::Void,
        "missing" => Content::Missing(kind(text(body))),
        _ => {
            let places = list(&write["places"]).iter().map(|place| pointer(text(place)));
            redacted(kind(text(body)), &places.collect::<Vec<_>>())
        }
    }
}

fn kind(name: &str) -> Kind {
    let kinds = [Kind::Put, Kind::Patch, Kind::Delete, Kind::Append, Kind::Merge];
    kinds.into_iter().find(|kind| kind.name() == name).expect("a kind")
}

/// The pointer of a text.
///
/// # Panics
/// If it is none.
pub fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).expect("the test's own pointer")
}

fn list(json: &Json) -> &[Json] {
    json.as_array().expect("a list")
}

fn text(json: &Json) -> &str {
    json.as_str().expect("a text")
}

fn unhex(digits: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex");
    (0..digits.len()).step_by(2).map(digit).collect()
}

/// The manifest of a case; the default where it has none.
///
/// # Panics
/// If it is none.
pub fn manifest(json: &Json) -> Manifest {
    if json.is_null() { Manifest::default() } else { Manifest::parse(&value(json)).expect("the test's own manifest") }
}

/// The entity that cases are about: `notes/1` on `main`, in a repo of `owner`.
pub const ENTITY: EntityRef<'_> = EntityRef { branch: "main", collection: "notes", key: "1", owner: None };

/// What writes mean, in the order given.
pub fn merged(writes: &[Scripted], entity: &EntityRef<'_>, manifest: &Manifest) -> Entity {
    merge(*entity, &writes.iter().map(borrowed).collect::<Vec<_>>(), manifest)
}

fn borrowed(write: &Scripted) -> Write<'_> {
    let Scripted { id, hlc, author, base, effect, content } = write;
    Write { id: *id, hlc: *hlc, author: *author, base: Ids::Slice(base), effect: *effect, content }
}

/// An entity as cases write it: `frontier`, `shown`, `conflicts`, and `settled` where there are some.
pub fn entity_json(entity: &Entity) -> Json {
    let names = |ids: &[OpId]| ids.iter().map(|id| name_of(&id.0)).collect::<Vec<_>>();
    let mut json = json!({
        "frontier": names(&entity.frontier),
        "shown": shown_json(&entity.shown),
        "conflicts": entity.conflicts.iter().map(conflict_json).collect::<Vec<_>>(),
    });
    if !entity.settled.is_empty() {
        json["settled"] = entity.settled.iter().map(conflict_json).collect();
    }
    json
}

/// A conflict as cases write it, its id left out.
pub fn conflict_json(conflict: &Conflict) -> Json {
    let side = |side: &Side| (name_of(&side.op.0), side_json(&side.value));
    json!({
        "path": conflict.path.to_string(),
        "members": conflict.members.iter().map(|id| name_of(&id.0)).collect::<Vec<_>>(),
        "base": shown_json(&conflict.base),
        "sides": conflict.sides.iter().map(side).collect::<serde_json::Map<_, _>>(),
    })
}

/// What is shown, as cases write it.
pub fn shown_json(shown: &Shown) -> Json {
    match shown {
        Shown::Absent => json!("absent"),
        Shown::Json(value) => json!({ "json": plain(value) }),
        Shown::Bytes(bytes) => json!({ "bytes": hex::encode(bytes) }),
        Shown::BodyMissing => json!("body_missing"),
    }
}

/// What a side says, as cases write it.
pub fn side_json(value: &SideValue) -> Json {
    match value {
        SideValue::Absent => json!("absent"),
        SideValue::Json(value) => json!({ "json": plain(value) }),
        SideValue::Bytes(bytes) => json!({ "bytes": hex::encode(bytes) }),
        SideValue::Add(amount) => json!({ "add": amount }),
        SideValue::Insert(values) => json!({ "insert": values.iter().map(plain).collect::<Vec<_>>() }),
    }
}

fn plain(value: &Value) -> Json {
    serde_json::from_str(&value.to_string()).expect("JCS is JSON")
}
