//! Replicas that are fed one history in any order, cut anywhere, with bodies that come late or never: each says what
//! the model says of the set, and goes on to do so. Members are made and removed meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trellis_core::input::{Command, EntityQuery};
use trellis_core::log::row::StoredOp;
use trellis_core::machine::KeyUse;
use trellis_core::merge::conflict::Conflict;
use trellis_core::op::id::OpId;
use trellis_core::op::kind::Kind;
use trellis_core::output::{Answer, EntityView, OpView, Status};
use trellis_core::time::Millis;
use trellis_tests::against::{difference, model_says, places, tell, view_says};
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::history::{Dials, History, Signing, covered};
use trellis_tests::host::{MemoryHost, START};
use trellis_tests::model::Model;
use trellis_tests::model_rules::mark_ineffective;
use trellis_tests::sealed::SealedOp;

/// Everything of the design at once: members, removals with cuts, forks, stale bases, and bodies that are not here.
fn dials(seed: u64, ops: usize) -> Dials {
    let (members, bodyless) = ([8, 25][seed as usize % 2], [2, 10, 30][seed as usize % 3]);
    Dials { ops, members, bodyless, signing: Signing::TransactionEnds, ..Dials::any(seed, ops) }
}

/// The ops of a seed, every one vouched for.
fn ops(seed: u64, count: usize) -> Vec<SealedOp> {
    covered(&History::generate(seed, &dials(seed, count)).ops)
}

fn new_host() -> MemoryHost {
    MemoryHost::open(9, Vec::new(), Millis(START.0 * 4), KeyUse::Own)
}

/// Feeds ops in any order and in parts of any size, many of them first without their bodies.
fn feed(host: &mut MemoryHost, ops: &[SealedOp], dice: &mut Dice) {
    let mut early: Vec<StoredOp> =
        ops.iter().filter(|_| dice.chance(40)).map(|op| op.clone().bodyless().stored()).collect();
    let mut whole: Vec<StoredOp> = ops.iter().map(SealedOp::stored).collect();
    dice.shuffle(&mut early);
    dice.shuffle(&mut whole);
    let mut all = early;
    all.extend(whole.iter().cloned());
    while !all.is_empty() {
        let part = all.drain(..all.len().min(1 + dice.below(40))).collect();
        host.run(Command::Import(part)).expect("an import is answered");
    }
    host.run(Command::Import(whole)).expect("an import is answered");
}

fn get(host: &mut MemoryHost, branch: &str, (collection, key): &(String, String)) -> EntityView {
    let query = EntityQuery { branch: branch.into(), collection: collection.clone(), key: key.clone(), at: Vec::new() };
    match host.run(Command::Get(query)) {
        Ok(Answer::Entity(view)) => view,
        other => panic!("{other:?}"),
    }
}

fn status(host: &mut MemoryHost) -> Status {
    match host.run(Command::Status) {
        Ok(Answer::Status(status)) => status,
        other => panic!("{other:?}"),
    }
}

fn log(host: &mut MemoryHost, branch: &str) -> Vec<OpView> {
    match host.run(Command::Log { branch: branch.into(), entity: None, ops_max: usize::MAX }) {
        Ok(Answer::Log(log)) => log,
        other => panic!("{other:?}"),
    }
}

/// The open conflicts on a branch that people are asked about: place and members.
fn asked(host: &mut MemoryHost, branch: &str) -> BTreeSet<(String, Vec<OpId>)> {
    match host.run(Command::Conflicts { branch: branch.into() }) {
        Ok(Answer::Conflicts(open)) => open.into_iter().map(|open| (open.place().to_string(), open.members)).collect(),
        other => panic!("{other:?}"),
    }
}

/// Where a replica and the model first differ on the heads, on who has effect, or on an entity.
fn told_apart(host: &mut MemoryHost, model: &Model, ops: &[SealedOp]) -> Option<String> {
    difference(&replica_counts(host), &model_counts(model)).or_else(|| {
        places(model).into_iter().find_map(|(branch, entity)| {
            let expected = model_says(model, &model.entity(&branch, &entity.0, &entity.1));
            let told = difference(&replica_says(host, &branch, &entity), &expected)?;
            let writes: Vec<OpId> = model.ops.values().filter(|op| op.entity == entity).map(|op| op.id).collect();
            Some(format!("{branch} {entity:?}{told}\n{}", tell(ops, &writes)))
        })
    })
}

/// Heads, and who has effect; for a `merge` that means nothing.
fn replica_counts(host: &mut MemoryHost) -> Value {
    let (mut heads, mut effective) = (BTreeMap::new(), BTreeMap::new());
    for branch in status(host).branches {
        let ops = log(host, &branch.name).into_iter().filter(|op| op.kind != Kind::Merge);
        effective.extend(ops.map(|op| (op.id.to_string(), op.is_effective)));
        heads.insert(branch.name, texts(&branch.heads));
    }
    json!({ "heads": heads, "effective": effective })
}

fn model_counts(model: &Model) -> Value {
    let branches: BTreeSet<&String> = model.ops.values().map(|op| &op.branch).collect();
    let heads: BTreeMap<_, _> = branches.into_iter().map(|branch| (branch, texts(&model.heads(branch)))).collect();
    let ops = model.ops.values().filter(|op| op.kind != Kind::Merge);
    let effective: BTreeMap<_, _> = ops.map(|op| (op.id.to_string(), !model.ineffective.contains(&op.id))).collect();
    json!({ "heads": heads, "effective": effective })
}

fn texts(ids: &[OpId]) -> Vec<String> {
    ids.iter().map(OpId::to_string).collect()
}

/// What a replica shows of an entity, whose open conflicts are among those that people are asked about.
fn replica_says(host: &mut MemoryHost, branch: &str, entity: &(String, String)) -> Value {
    let view = get(host, branch, entity);
    let asked = asked(host, branch);
    let is_asked = |open: &Conflict| asked.contains(&(open.place().to_string(), open.members.clone()));
    assert!(entity.0.starts_with('_') || view.conflicts.iter().all(is_asked), "{branch} {view:?}");
    view_says(&view)
}

fn model_of(ops: &[SealedOp]) -> Model {
    let mut model = Model::new(ops);
    mark_ineffective(&mut model, &BTreeSet::new());
    model
}

fn agree_for_ever(seed: u64, count: usize) {
    let ops = ops(seed, count);
    let (mut one, mut two) = (new_host(), new_host());
    for end in [1 + Dice::new(seed).below(count), count] {
        let here = covered(&ops[..end]);
        let model = model_of(&here);
        feed(&mut one, &here, &mut Dice::new(seed));
        feed(&mut two, &here, &mut Dice::new(seed + 1_000));
        let mut again = one.reopened();
        for (name, host) in [("one", &mut one), ("two", &mut two), ("one, reopened", &mut again)] {
            assert_eq!((status(host).ops, status(host).held), (end, 0), "TRELLIS_SEED={seed}");
            let told = told_apart(host, &model, &here);
            assert!(
                told.is_none(),
                "TRELLIS_SEED={seed}, {name} after {end} of {count} ops: {}",
                told.unwrap_or_default()
            );
        }
    }
}

#[test]
fn replicas_fed_in_any_order_and_cut_say_what_the_model_says_for_ever() {
    seeds(60).into_iter().for_each(|seed| agree_for_ever(seed, 2 + seed as usize * 3));
}

#[test]
fn replicas_of_long_histories_say_what_the_model_says_for_ever() {
    seeds(4).into_iter().for_each(|seed| agree_for_ever(seed, 500));
}

/// What a process that shares the store has written is taken over whole: a body on the engine's own branch too.
#[test]
fn bodies_that_another_process_brought_are_read() {
    for seed in seeds(20) {
        let ops = ops(seed, 60);
        let bodyless: Vec<StoredOp> = ops.iter().map(|op| op.clone().bodyless().stored()).collect();
        let mut one = new_host();
        one.run(Command::Import(bodyless)).expect("an import is answered");
        let mut two = one.reopened();
        two.run(Command::Import(ops.iter().map(SealedOp::stored).collect())).expect("an import is answered");
        one.rows = two.rows.clone();
        one.run(Command::Refresh).expect("a refresh is answered");
        let model = model_of(&ops);
        let told = told_apart(&mut one, &model, &ops);
        assert!(told.is_none(), "TRELLIS_SEED={seed}: {}", told.unwrap_or_default());
    }
}
