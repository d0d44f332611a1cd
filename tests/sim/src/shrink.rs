//! A world that breaks an invariant, made smaller for as long as it breaks one.

use std::panic::catch_unwind;

use crate::dials::Dials;
use crate::{Violation, run_with};

/// How many smaller worlds are tried.
const TRIES_MAX: usize = 400;

/// A dial, and what it is turned down to.
type Turn = fn(&mut Dials);

/// Every dial's turns, those that save most first.
const TURNS: &[Turn] = &[
    |dials| dials.moves /= 2,
    |dials| dials.replicas -= 1,
    |dials| dials.moves -= dials.moves / 8,
    |dials| dials.moves -= 1,
    |dials| dials.heavy = 0,
    |dials| dials.hostile = 0,
    |dials| dials.liar = 0,
    |dials| dials.members = 0,
    |dials| dials.restore = 0,
    |dials| dials.crash = 0,
    |dials| dials.disk_failure = 0,
    |dials| dials.jump = 0,
    |dials| dials.skew_ms = 0,
    |dials| dials.flapping = 0,
    |dials| dials.one_way = 0,
    |dials| dials.wiring = 0,
    |dials| dials.packing = 0,
    |dials| dials.narrow = 0,
    |dials| dials.loss = 0,
    |dials| dials.doubling = 0,
    |dials| dials.cutting = 0,
    |dials| dials.disorder = 0,
    |dials| dials.schemas = 0,
    |dials| dials.is_serialised = false,
    |dials| dials.linear = 0,
    |dials| dials.branches = dials.linear + 1,
    |dials| dials.entities = 1,
];

/// Turns the dials of a world that breaks an invariant down, one at a time, for as long as the world breaks some
/// invariant. Returns the last such dials and what does not hold then.
pub fn shrink(seed: u64, dials: Dials, violation: Violation) -> (Dials, Violation) {
    let (mut least, mut broken) = (dials, violation);
    let mut tries = 0;
    loop {
        let smaller =
            TURNS.iter().map(|turn| turned(&least, *turn)).filter(|dials| dials.is_world() && *dials != least);
        let found = smaller.take(TRIES_MAX - tries).find_map(|dials| {
            tries += 1;
            breaks(seed, &dials).map(|violation| (dials, violation))
        });
        match found {
            Some((dials, violation)) => (least, broken) = (dials, violation),
            None => return (least, broken),
        }
    }
}

fn turned(dials: &Dials, turn: Turn) -> Dials {
    let mut dials = dials.clone();
    turn(&mut dials);
    dials
}

fn breaks(seed: u64, dials: &Dials) -> Option<Violation> {
    catch_unwind(|| run_with(seed, dials.clone())).unwrap_or_else(|_| Err("a panic, told above".into())).err()
}
