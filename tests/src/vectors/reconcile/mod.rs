//! `reconcile`: two sets of ops, and everything that it says of them.
//!
//! The file's ops stand in one table that its cases pick from by name, and results speak of ops by these names. Cases by
//! hand are told in `cases.txt`; those by the naive model are parts of random histories.

mod script;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use trellis_core::limits::CONFLICT_SIDES_MAX;
use trellis_core::merge::conflict::Conflict;
use trellis_core::op::hex;
use trellis_core::op::id::OpId;
use trellis_core::op::place::Entity;
use trellis_core::op::sign::Unverified;
use trellis_core::reconcile::{Reconciled, reconcile};

use self::script::conflict_id;
use self::told::{Told, told};
use super::{By, bytes_of, case, unhex};
use crate::against::{difference, relation_name};
use crate::entities::{shown_json, side_json};

/// What the file is.
pub const ABOUT: &str = "`ops` has the inputs by name: a header and, where it has one, a body, as hex; an op's id is BLAKE3-256 of \
     `trellis/op/1\\n` and its header. Names that begin with `!` are inputs that are no ops. `local` and `remote` name the inputs of \
     the two sets, `-a` being `a` without its body; they may come in any order, and signatures are not looked at. `expect` is the \
     whole result, with names for ids (hex for those without): lists of ops in order, `missing` ascending by id, `conflicts` in text form, `conflictRecords` \
     ascending by branch, collection, key and path with members in order and, of the first 32, what each says of the place; \
     `newConflicts` by conflict id; `malformed` counts inputs.";

/// An input: a header and, where it has one, a body.
type Input = (Vec<u8>, Option<Vec<u8>>);

/// The inputs of a case, by name.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    /// The local set.
    pub local: Vec<String>,
    /// The remote set.
    pub remote: Vec<String>,
}

/// A result, by names of ops.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// In order: `=` where both sides have the op, `<` or `>` where one has.
    pub merged: Vec<(char, String)>,
    /// The fork heads.
    pub heads: Vec<String>,
    /// The conflicts.
    pub records: Vec<Record>,
    /// Missing dependencies, in any order.
    pub missing: Vec<String>,
    /// Invalid ops, and why.
    pub invalid: BTreeMap<String, String>,
    /// Inputs that are no ops.
    pub malformed: usize,
}

/// An open conflict.
#[derive(Clone, Debug)]
pub struct Record {
    /// Whether neither side alone has it.
    pub is_new: bool,
    /// The branch.
    pub branch: String,
    /// The entity in text form.
    pub entity: String,
    /// The pointer.
    pub path: String,
    /// What all members had seen.
    pub base: Value,
    /// What each member says, in order.
    pub sides: Vec<(String, Value)>,
}

/// The table of the file.
pub fn ops() -> Value {
    let hand = script::ops();
    let mut table = script::junk(&hand);
    let told = told().into_iter().flat_map(|told| told.named);
    table.extend(hand.into_iter().chain(told).map(|(name, op)| (name, (op.header, op.body))));
    let entry = |(name, (header, body)): (String, Input)| {
        let mut entry = json!({ "header": hex::encode(&header) });
        if let Some(body) = body {
            entry["body"] = json!(hex::encode(&body));
        }
        (name, entry)
    };
    table.into_iter().map(entry).collect::<Map<_, _>>().into()
}

/// The cases.
pub fn cases() -> Vec<Value> {
    let ids = script::ops().into_iter().map(|(name, op)| (name, op.id)).collect();
    let hand = script::cases().into_iter().map(|told| {
        let expect = expected_json(&told.expected, &ids);
        case(By::Hand, &told.name, &told.why, fields(&told.sides, expect))
    });
    hand.chain(told().iter().flat_map(Told::cases)).collect()
}

fn fields(sides: &Sides, expect: Value) -> Value {
    json!({ "local": sides.local, "remote": sides.remote, "expect": expect })
}

fn expected_json(expected: &Expected, ids: &BTreeMap<String, OpId>) -> Value {
    let marked = |mark: char| expected.merged.iter().filter(move |(other, _)| *other == mark).map(|(_, name)| name);
    let mut missing = expected.missing.clone();
    missing.sort_by_key(|name| ids.get(name).copied().or_else(|| OpId::parse_hex(name)));
    let relation = match (marked('<').next(), marked('>').next()) {
        (None, None) => "equal",
        (None, Some(_)) => "behind",
        (Some(_), None) => "ahead",
        (Some(_), Some(_)) => "diverged",
    };
    let new = || expected.records.iter().filter(|record| record.is_new);
    let conflicts: BTreeSet<&String> = expected.records.iter().map(|record| &record.entity).collect();
    json!({
        "merged": expected.merged.iter().map(|(_, name)| name).collect::<Vec<_>>(),
        "forkPoint": marked('=').next_back(), "forkHeads": expected.heads,
        "onlyLocal": marked('<').collect::<Vec<_>>(), "onlyRemote": marked('>').collect::<Vec<_>>(),
        "relation": relation, "clean": new().next().is_none(), "conflicts": conflicts,
        "conflictRecords": expected.records.iter().map(|record| record.json(ids)).collect::<Vec<_>>(),
        "newConflicts": new().map(|record| record.id(ids)).collect::<Vec<_>>(),
        "missing": missing, "invalid": expected.invalid, "malformed": expected.malformed,
    })
}

impl Record {
    fn entity(&self) -> Entity {
        self.entity.parse().expect("an entity's text form")
    }

    fn id(&self, ids: &BTreeMap<String, OpId>) -> String {
        let entity = self.entity();
        let members: Vec<OpId> = self.sides.iter().map(|(name, _)| ids[name]).collect();
        conflict_id(&self.branch, (&entity.collection, &entity.key), &self.path, &members)
    }

    fn json(&self, ids: &BTreeMap<String, OpId>) -> Value {
        let entity = self.entity();
        let sides: Map<String, Value> = self.sides.iter().take(CONFLICT_SIDES_MAX).cloned().collect();
        json!({
            "branch": self.branch, "collection": entity.collection, "key": entity.key, "path": self.path,
            "id": self.id(ids), "members": self.sides.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "base": self.base, "sides": sides,
        })
    }
}

/// Checks one case, with the inputs in the file's order and in the opposite one.
///
/// # Errors
/// What differs.
pub fn check(case: &Value, table: &Value) -> Result<(), String> {
    let mut sides = [inputs(&case["local"], table)?, inputs(&case["remote"], table)?];
    let names = names(table)?;
    for _ in 0..2 {
        let [local, remote] = sides.each_ref().map(|side| side.iter().map(unverified).collect::<Vec<_>>());
        let came = reconciled_json(&reconcile(&local, &remote), &names);
        if let Some(told) = difference(&came, &case["expect"]) {
            return Err(told);
        }
        sides.iter_mut().for_each(|side| side.reverse());
    }
    Ok(())
}

fn inputs(names: &Value, table: &Value) -> Result<Vec<Input>, String> {
    let input = |name: &Value| {
        let name = name.as_str().ok_or("a name is a text")?;
        let entry = &table[name.trim_start_matches('-')];
        let body = entry["body"].as_str().filter(|_| !name.starts_with('-'));
        Ok((bytes_of(entry, "header")?, body.map(|body| unhex(body).ok_or("hex")).transpose()?))
    };
    names.as_array().ok_or("a list of names")?.iter().map(input).collect()
}

fn unverified((header, body): &Input) -> Unverified<'_> {
    Unverified { header, body: body.as_deref(), signature: None }
}

/// The names of ids. Inputs that are no ops have none.
fn names(table: &Value) -> Result<BTreeMap<OpId, String>, String> {
    let ops = table.as_object().into_iter().flatten().filter(|(name, _)| !name.starts_with('!'));
    ops.map(|(name, entry)| Ok((OpId::of_header(&bytes_of(entry, "header")?), name.clone()))).collect()
}

fn reconciled_json(said: &Reconciled, names: &BTreeMap<OpId, String>) -> Value {
    let name = |id: &OpId| names.get(id).cloned().unwrap_or(id.to_string());
    let list = |ids: &[OpId]| ids.iter().map(name).collect::<Vec<_>>();
    let record = |conflict: &Conflict| {
        let sides: Map<_, _> = conflict.sides.iter().map(|side| (name(&side.op), side_json(&side.value))).collect();
        json!({
            "branch": conflict.branch, "collection": conflict.collection, "key": conflict.key,
            "path": conflict.path.to_string(), "id": conflict.id.to_string(), "members": list(&conflict.members),
            "base": shown_json(&conflict.base), "sides": sides,
        })
    };
    let invalid: BTreeMap<_, _> = said.invalid.iter().map(|(id, reason)| (name(id), reason.code())).collect();
    json!({
        "merged": list(&said.merged), "forkPoint": said.fork_point.as_ref().map(name),
        "forkHeads": list(&said.fork_heads), "onlyLocal": list(&said.only_local), "onlyRemote": list(&said.only_remote),
        "relation": relation_name(said.relation), "clean": said.clean, "conflicts": said.conflicts,
        "conflictRecords": said.conflict_records.iter().map(record).collect::<Vec<_>>(),
        "newConflicts": said.new_conflicts.iter().map(|conflict| conflict.id.to_string()).collect::<Vec<_>>(),
        "missing": list(&said.missing), "invalid": invalid, "malformed": said.malformed,
    })
}
