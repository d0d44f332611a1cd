//! Cases of `reconcile` by the naive model: parts of random histories, some of whose ops are spoiled.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trellis_core::op::id::OpId;
use trellis_core::op::pointer::{Pointer, escape};

use super::{Expected, Record, Sides, expected_json, fields};
use crate::dice::Dice;
use crate::history::{Dials, History};
use crate::json::jcs;
use crate::model::Model;
use crate::model_op::{Act, Op, decode};
use crate::model_rules;
use crate::sealed::SealedOp;
use crate::spoil::spoil;
use crate::vectors::{By, case};

/// How many cases are made of each history.
const CASES_PER_HISTORY: usize = 7;

/// A history, some of it spoiled, that the model tells about.
pub(super) struct Told {
    seed: u64,
    /// Its ops by name.
    pub(super) named: BTreeMap<String, SealedOp>,
}

/// The histories of the file.
pub(super) fn told() -> Vec<Told> {
    (1..=6).map(Told::new).collect()
}

impl Told {
    fn new(seed: u64) -> Told {
        let members = if seed.is_multiple_of(3) { 15 } else { 0 };
        let dials = Dials { ops: 22, authors: 4, branches: 2, entities: 2, meet: 20, members, ..Dials::default() };
        let history = History::generate(seed, &Dials { stale_base: 25, bodyless: 2, fork: 6, ..dials });
        let spoiled = spoil(&history, &mut Dice::new(seed), 4);
        let ops = history.ops.into_iter().chain(spoiled).enumerate();
        Told { seed, named: ops.map(|(at, op)| (format!("h{seed}.{at:02}"), op)).collect() }
    }

    /// The model's cases.
    pub(super) fn cases(&self) -> Vec<Value> {
        let names: BTreeMap<OpId, &String> = self.named.iter().map(|(name, op)| (op.id, name)).collect();
        let ids = self.named.iter().map(|(name, op)| (name.clone(), op.id)).collect();
        let mut dice = Dice::new(self.seed + 1000);
        let cases = (1..=CASES_PER_HISTORY).map(|number| {
            let sides = Sides { local: self.part(&mut dice), remote: self.part(&mut dice) };
            let expected = self.expected(&sides, &names);
            let why = "two parts of a history, in which dependencies may be missing and some ops are spoiled";
            case(
                By::Model,
                &format!("history {} part {number}", self.seed),
                why,
                fields(&sides, expected_json(&expected, &ids)),
            )
        });
        cases.collect()
    }

    /// What a replica might have: nearly all that came before some moment, in any order.
    fn part(&self, dice: &mut Dice) -> Vec<String> {
        let until = dice.below(self.named.len() + 1);
        let loss = *dice.pick(&[0, 0, 3, 20]);
        let known = self.named.keys().take(until.max(6)).chain(self.named.keys().skip(22));
        let mut part: Vec<String> = known.filter(|_| !dice.chance(loss)).cloned().collect();
        dice.shuffle(&mut part);
        part
    }

    fn ops(&self, names: &[String]) -> Vec<SealedOp> {
        names.iter().map(|name| self.named[name].clone()).collect()
    }

    fn expected(&self, sides: &Sides, names: &BTreeMap<OpId, &String>) -> Expected {
        let said = model_rules::reconcile(&self.ops(&sides.local), &self.ops(&sides.remote));
        let name = |id: &OpId| names.get(id).map_or(id.to_string(), |name| (*name).clone());
        let mark = |id: &OpId| match (said.only_local.contains(id), said.only_remote.contains(id)) {
            (true, _) => '<',
            (_, true) => '>',
            _ => '=',
        };
        let merged = said.merged.iter().map(|id| (*id, decode(&self.named[names[id]]))).collect();
        let mut model = Model::of(merged);
        if !said.merged.is_empty() {
            model_rules::mark_ineffective(&mut model, &BTreeSet::new());
        }
        let records =
            said.conflicts.keys().map(|key| self.record(&model, key, said.new_conflicts.contains_key(key), names));
        Expected {
            records: records.collect(),
            merged: said.merged.iter().map(|id| (mark(id), name(id))).collect(),
            heads: said.fork_heads.iter().map(name).collect(),
            missing: said.missing.iter().map(name).collect(),
            invalid: said.invalid.iter().map(|(id, rule)| (name(id), reason(*rule).into())).collect(),
            malformed: 0,
        }
    }

    fn record(
        &self,
        model: &Model,
        (branch, collection, key, path): &(String, String, String, Pointer),
        is_new: bool,
        names: &BTreeMap<OpId, &String>,
    ) -> Record {
        let conflict = &model.entity(branch, collection, key).conflicts[path];
        let members = model.order(conflict.members.keys().copied());
        let side = |id: &OpId| (names[id].clone(), side(&model.ops[id], path, conflict.members[id].as_ref()));
        let base = conflict.base.as_ref().map(|base| shown(base.as_ref()));
        Record {
            is_new,
            branch: branch.clone(),
            entity: format!("{}/{}", escape(collection), escape(key)),
            path: path.to_string(),
            base: base.unwrap_or(json!("body_missing")),
            sides: members.iter().map(side).collect(),
        }
    }
}

/// The word for a rule's number in the model.
fn reason(rule: u8) -> &'static str {
    let words =
        ["repo_mismatch", "", "dependency", "prev", "parent_branch", "no_parent", "base_entity", "clock", "shape"];
    words[rule as usize]
}

/// What a member says of a path: what it puts there, or what it adds or inserts.
fn side(op: &Op, path: &Pointer, puts: Option<&Value>) -> Value {
    let here = || op.says.parts.iter().filter(|(place, _)| place == path).map(|(_, act)| act);
    let inserts = here().filter_map(|act| if let Act::Insert(value) = act { Some(value) } else { None });
    match (here().next(), puts) {
        (Some(Act::Add(amount)), _) => json!({ "add": *amount as i64 }),
        (Some(Act::Insert(_)), _) => json!({ "insert": inserts.collect::<Vec<_>>() }),
        (_, puts) => shown(puts),
    }
}

/// A value as cases write it, in the numbers of JCS.
fn shown(value: Option<&Value>) -> Value {
    let Some(value) = value else { return json!("absent") };
    let bytes = value.as_str().and_then(|text| text.strip_prefix("\0bytes ["));
    match bytes {
        Some(bytes) => json!({ "bytes": bytes.trim_end_matches(']').replace(", ", "") }),
        None => json!({ "json": serde_json::from_str::<Value>(&jcs(value)).expect("JCS is JSON") }),
    }
}
