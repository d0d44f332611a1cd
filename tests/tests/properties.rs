//! The core against the naive model, over histories that nobody wrote.

use trellis_core::merge::entity::EntityRef;
use trellis_core::op::pointer::Pointer;
use trellis_tests::against::{
    Bodies, core_reconciles, core_says, difference, manifest, model_reconciles, model_says, places, tell,
};
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::history::{Dials, History};
use trellis_tests::model::Model;
use trellis_tests::sealed::SealedOp;
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
    every_history(seeds(400), |seed| Dials { members: 0, ..Dials::any(seed, 40) }, same_reconciliation);
}
