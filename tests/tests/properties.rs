//! The core against the naive model, over histories that nobody wrote.

use std::collections::BTreeSet;

use serde_json::Value;
use trellis_core::input::{Command, EntityQuery};
use trellis_core::limits::LINKS_MAX;
use trellis_core::log::row::StoredOp;
use trellis_core::merge::entity::EntityRef;
use trellis_core::op::id::{OpId, RepoId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::op::pointer::Pointer;
use trellis_core::op::sign::Unverified;
use trellis_core::output::Answer;
use trellis_core::reconcile::{Log, reconcile};
use trellis_core::time::{Hlc, Millis};
use trellis_tests::against::{
    Bodies, core_ineffective, core_reconciles, core_says, difference, manifest, model_reconciles, model_says, places,
    tell, view_says,
};
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::history::{Dials, History, Signing};
use trellis_tests::host::{MemoryHost, START};
use trellis_tests::model::Model;
use trellis_tests::model_op::Op;
use trellis_tests::model_rules::mark_ineffective;
use trellis_tests::sealed::{Draft, SealedOp};
use trellis_tests::spoil::spoil;

/// The check of every seed's history; a failure is told with the shortest beginning of it that fails.
fn every_history(seeds: Vec<u64>, dials: impl Fn(u64) -> Dials, check: impl Fn(u64, &History) -> Result<(), String>) {
    for seed in seeds {
        let dials = dials(seed);
        let fails = |ops| check(seed, &History::generate(seed, &Dials { ops, ..dials.clone() })).err();
        if fails(dials.ops).is_some() {
            let (ops, why) = (1..=dials.ops).find_map(|ops| Some((ops, fails(ops)?))).unwrap_or_default();
            panic!("TRELLIS_SEED={seed} fails with {ops} ops of {dials:?}\n{why}");
        }
    }
}

/// The model of a history under one of the things that a collection may declare, with some ops declared ineffective.
fn model_of(history: &History, seed: u64) -> Model {
    let mut model = Model::new(&history.ops);
    let mut dice = Dice::new(seed);
    model.crdt = seed % 5 == 4;
    if seed % 5 >= 2 {
        model.text = ["/x", "/a"].iter().filter_map(|path| Pointer::parse(path).ok()).collect();
    }
    if seed.is_multiple_of(3) {
        model.ineffective = model.ops.keys().copied().filter(|_| dice.chance(20)).collect();
    }
    model
}

fn same_meaning(seed: u64, history: &History) -> Result<(), String> {
    let model = model_of(history, seed);
    let (bodies, manifest) = (Bodies::of(&history.ops), manifest(&model));
    for (branch, entity) in places(&model) {
        let mut writes = bodies.writes(&model, &branch, &entity);
        Dice::new(seed).shuffle(&mut writes);
        let at = EntityRef { branch: &branch, collection: &entity.0, key: &entity.1, owner: None };
        let expected = model_says(&model, &model.entity(&branch, &entity.0, &entity.1));
        let came = core_says(at, &writes, &manifest);
        if let Some(told) = difference(&came, &expected) {
            let ids: Vec<_> = writes.iter().map(|write| write.id).collect();
            return Err(format!("{branch} {entity:?}{told}\n{}", tell(&history.ops, &ids)));
        }
    }
    Ok(())
}

#[test]
fn entities_mean_what_the_model_says() {
    every_history(seeds(150), |seed| Dials::any(seed, 120), same_meaning);
}

#[test]
fn entities_mean_what_the_model_says_in_short_histories() {
    every_history(seeds(1500), |seed| Dials::small(seed, 14), same_meaning);
}

#[test]
fn entities_mean_what_the_model_says_in_long_histories() {
    every_history(seeds(6), |seed| Dials::any(seed, 500), same_meaning);
}

/// Two overlapping parts of a history, each perhaps with holes, spoiled ops and repetitions.
fn two_sides(seed: u64, history: &History) -> [Vec<SealedOp>; 2] {
    let mut dice = Dice::new(seed);
    [(); 2].map(|()| {
        let mut side = if dice.chance(20) { history.ops.clone() } else { history.part(&mut dice) };
        if dice.chance(30) {
            side.extend(spoil(history, &mut Dice::new(seed), 4));
        }
        if dice.chance(20) {
            side.remove(dice.below(side.len()));
        }
        side.extend(side.first().cloned().filter(|_| dice.chance(20)));
        dice.shuffle(&mut side);
        side
    })
}

fn same_reconciliation(seed: u64, history: &History) -> Result<(), String> {
    let [local, remote] = two_sides(seed, history);
    match difference(&core_reconciles(&local, &remote), &model_reconciles(&local, &remote)) {
        Some(told) => Err(told),
        None => Ok(()),
    }
}

#[test]
fn reconcile_answers_what_the_model_answers() {
    every_history(seeds(400), |seed| Dials::any(seed, 40), same_reconciliation);
}

/// Some replica's ops as they might come to it: bodies missing here and there, some bytes that are no op.
fn worn(ops: &[SealedOp], bodyless: u32, dice: &mut Dice) -> Vec<StoredOp> {
    let wear = |op: &SealedOp, dice: &mut Dice| {
        let body = op.body.clone().filter(|_| !dice.chance(bodyless));
        StoredOp { body: if dice.chance(1) { Some(b"no body of it".to_vec()) } else { body }, ..op.stored() }
    };
    let mut worn: Vec<StoredOp> = ops.iter().map(|op| wear(op, dice)).collect();
    worn.extend(dice.chance(10).then(|| StoredOp { header: vec![0xa0], body: None, signature: None }));
    worn
}

/// A log that grew in pieces of any size.
fn grown(repo: RepoId, ops: &[StoredOp], dice: &mut Dice) -> Log {
    let mut log = Log::new(repo);
    let mut rest = ops;
    while !rest.is_empty() {
        let most = *dice.pick(&[1, 5, 100]);
        let (piece, later) = rest.split_at((1 + dice.below(most)).min(rest.len()));
        log.extend(piece.iter().cloned());
        rest = later;
    }
    log
}

fn views(ops: &[StoredOp]) -> Vec<Unverified<'_>> {
    ops.iter().map(StoredOp::unverified).collect()
}

/// Logs are of a repo, and a list is of the repo of its first op: only where that is the history's they can be compared.
fn is_of_repo(repo: RepoId, ops: &[StoredOp]) -> bool {
    let ops = ops.iter().filter_map(|op| op.rehash().ok());
    let first = ops.min_by_key(|op| op.ord());
    first.is_none_or(|op| op.header().repo.unwrap_or(op.id().into()) == repo)
}

fn logs_as_lists(seed: u64, history: &History) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let bodyless = *dice.pick(&[0, 0, 10]);
    let sides = two_sides(seed, history).map(|side| worn(&side, bodyless, &mut dice));
    if !sides.iter().all(|side| is_of_repo(history.repo, side)) {
        return Ok(());
    }
    let [local, remote] = sides.each_ref().map(|side| grown(history.repo, side, &mut dice));
    let (expected, came) = (reconcile(&views(&sides[0]), &views(&sides[1])), local.reconcile(&remote));
    let alone = reconcile(&views(&sides[0]), &[]);
    let faults = [
        (!came.merged().eq(expected.merged.iter().copied()), "merged"),
        (came.merged_len() != expected.merged.len(), "merged_len"),
        (came.conflict_records() != expected.conflict_records, "conflict_records"),
        (!local.merged().eq(alone.merged), "merged of one log"),
        (local.conflicts() != alone.conflict_records, "conflicts of one log"),
        (local.missing() != alone.missing, "missing of one log"),
        (local.invalid() != alone.invalid, "invalid of one log"),
    ];
    if let Some((_, what)) = faults.into_iter().find(|(is_fault, _)| *is_fault) {
        return Err(format!("{what} differs"));
    }
    let came = came.reconciled();
    if came == expected { Ok(()) } else { Err(format!("{came:#?} came, {expected:#?} was expected")) }
}

#[test]
fn logs_reconcile_as_their_lists_do() {
    every_history(seeds(600), |seed| Dials::any(seed, 60), logs_as_lists);
}

#[test]
fn logs_without_members_reconcile_as_their_lists_do() {
    every_history(seeds(300), |seed| Dials { members: 0, ..Dials::any(seed, 120) }, logs_as_lists);
}

/// Edits an entity in sight of all that is shown of it, at one path, as the owner, who always may.
fn edited(history: &History, branch: &str, (collection, key): &(String, String), path: &str) -> SealedOp {
    let mut model = Model::new(&history.ops);
    mark_ineffective(&mut model, &BTreeSet::new());
    let owner = history.ops[0].header().author;
    let on_chain = model.ops.values().filter(|op| op.author == owner && op.branch == branch);
    let prev = on_chain.max_by_key(|op| (op.seq, op.id));
    let genesis = &history.ops[0];
    let draft = Draft {
        seq: prev.map_or(1, |prev| prev.seq + 1),
        prev: prev.map(|prev| prev.id),
        hlc: Hlc(model.ops.values().map(|op| op.hlc).max().unwrap_or(0) + 1),
        parents: model.heads(branch).into_iter().take(LINKS_MAX).collect(),
        collection: collection.clone(),
        key: key.clone(),
        base: model.entity(branch, collection, key).frontier.into_iter().take(LINKS_MAX).collect(),
        kind: Kind::Patch,
        body: Some((Format::Json, format!("{{\"set\":{{\"{path}\":\"edited\"}}}}").into_bytes())),
        ..Draft::first(history.repo, owner, branch, genesis)
    };
    draft.seal()
}

/// An edit closes no conflict but those whose place it overwrites; the others keep members, and so their ids.
fn other_paths_stay_in_conflict(seed: u64, history: &History) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let records =
        |ops: &[SealedOp]| core_reconciles(ops, &[])["conflictRecords"].as_array().cloned().unwrap_or_default();
    let open = records(&history.ops);
    let Some(of) = open.get(dice.below(open.len())) else { return Ok(()) };
    let text = |record: &Value, name: &str| record[name].as_str().unwrap_or_default().to_string();
    let (branch, entity) = (text(of, "branch"), (text(of, "collection"), text(of, "key")));
    let path = *dice.pick(&["/a", "/b", "/m", "/m/x", "/n", "/t", "/x", "/new"]);
    let edit = edited(history, &branch, &entity, path);
    let after = records(&[history.ops.clone(), vec![edit]].concat());
    let is_overwritten = |record: &&Value| {
        let at = (text(record, "branch"), (text(record, "collection"), text(record, "key")));
        let below =
            Pointer::parse(&text(record, "path")).is_ok_and(|at| Pointer::parse(path).unwrap().is_prefix_of(&at));
        at == (branch.clone(), entity.clone()) && below
    };
    match open.iter().find(|record| after.contains(record) == is_overwritten(record)) {
        None => Ok(()),
        Some(record) => Err(format!("an edit of {branch} {entity:?} at {path}, and {record}")),
    }
}

#[test]
fn an_edit_of_another_path_never_closes_a_conflict() {
    let dials = |seed: u64| {
        let members = [0, 8, 25][seed as usize % 3];
        Dials { members, bodyless: [0, 1, 3, 10][seed as usize % 4], ..Dials::any(seed, 120) }
    };
    every_history(seeds(300), dials, other_paths_stay_in_conflict);
}

/// A machine reads only the writes that decide, and shows what all of them make.
fn same_views(seed: u64, history: &History) -> Result<(), String> {
    let mut model = Model::new(&history.ops);
    mark_ineffective(&mut model, &BTreeSet::new());
    let mut host = MemoryHost::new(seed);
    host.now = Millis(START.0 * 2);
    let mut dice = Dice::new(seed);
    for piece in history.shuffled(&mut dice).chunks(1 + dice.below(20)) {
        let ops = piece.iter().map(SealedOp::stored).collect();
        host.run(Command::Import(ops)).expect("an import is answered");
    }
    for (branch, entity) in places(&model).into_iter().filter(|(_, (collection, _))| !collection.starts_with('_')) {
        let (collection, key) = entity.clone();
        let query = EntityQuery { branch: branch.clone(), collection, key, at: Vec::new() };
        let Ok(Answer::Entity(view)) = host.run(Command::Get(query)) else { return Err("no answer".into()) };
        let expected = model_says(&model, &model.entity(&branch, &entity.0, &entity.1));
        let came = view_says(&view);
        if let Some(told) = difference(&came, &expected) {
            let writes: Vec<OpId> = model.ops.values().filter(|op| op.entity == entity).map(|op| op.id).collect();
            return Err(format!("{branch} {entity:?}{told}\n{}", tell(&history.ops, &writes)));
        }
    }
    Ok(())
}

#[test]
fn machines_show_what_the_model_says() {
    every_history(seeds(200), |seed| Dials { signing: Signing::Every, ..Dials::any(seed, 80) }, same_views);
}

fn same_effect(_: u64, history: &History) -> Result<(), String> {
    let mut model = Model::new(&history.ops);
    mark_ineffective(&mut model, &BTreeSet::new());
    let is_merge = |id: &OpId| model.ops[id].kind == Kind::Merge;
    let came: BTreeSet<OpId> = core_ineffective(&history.ops).into_iter().filter(|id| !is_merge(id)).collect();
    let expected: BTreeSet<OpId> = model.ineffective.iter().copied().filter(|id| !is_merge(id)).collect();
    let acts: Vec<OpId> = model.ops.values().filter(|op| op.entity.0 == "_members").map(|op| op.id).collect();
    let short =
        |ids: &BTreeSet<OpId>, others: &BTreeSet<OpId>| ids.difference(others).map(OpId::short).collect::<Vec<_>>();
    let told = || {
        format!(
            "core alone {:?}, model alone {:?}\n{}",
            short(&came, &expected),
            short(&expected, &came),
            tell(&history.ops, &acts)
        )
    };
    if came == expected { Ok(()) } else { Err(told()) }
}

/// Histories in which members come, go and invite.
fn about_members(seed: u64) -> Dials {
    let (members, bodyless) = (10 + (seed % 3) as u32 * 20, [0, 10, 30][seed as usize % 3]);
    Dials { members, bodyless, invitations: 40, ..Dials::any(seed, 150) }
}

#[test]
fn ops_have_effect_where_the_model_says() {
    every_history(seeds(400), about_members, same_effect);
}

/// Else the test above says nothing of invitations.
#[test]
fn in_histories_some_are_let_in_and_more_are_not() {
    let (mut let_in, mut not) = (0, 0);
    for seed in 0..400 {
        let history = History::generate(seed, &about_members(seed));
        let mut model = Model::new(&history.ops);
        mark_ineffective(&mut model, &BTreeSet::new());
        let owner = history.ops[0].header().author;
        let shows =
            |op: &&Op| op.author != owner && op.json.as_ref().is_some_and(|body| body["invitation"].is_string());
        for op in model.ops.values().filter(shows) {
            *if model.ineffective.contains(&op.id) { &mut not } else { &mut let_in } += 1;
        }
    }
    assert!(let_in > 20 && not > let_in, "{let_in} let in, {not} not");
}
