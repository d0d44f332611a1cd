//! A fixed number of seeds of the simulator.

use trellis_test_sim::dials::Dials;
use trellis_test_sim::{Reached, run};
use trellis_tests::dice::seeds;

#[test]
fn no_seed_breaks_an_invariant() {
    for seed in seeds(40) {
        if let Err(violation) = run(seed) {
            panic!("{violation}\n{:#?}\nagain: cargo xtask sim --seeds 1 --from {seed}", Dials::of(seed));
        }
    }
}

/// In this world a rebase could not be written: own ops came back from a peer while those that it writes anew were read.
#[test]
fn ops_that_come_back_during_a_rebase_are_written_anew_too() {
    run(64_698).unwrap_or_else(|violation| panic!("{violation}"));
}

/// What worlds are there to try happens in some of these.
#[test]
fn worlds_reach_what_they_are_for() {
    let mut reached = Reached::default();
    for seed in 41..=100 {
        reached += run(seed).unwrap_or_else(|violation| panic!("seed {seed}: {violation}")).reached;
    }
    let Reached { ops, conflicts, declared, diverged, forked } = reached;
    assert!([ops, conflicts, declared, diverged, forked].iter().all(|count| *count > 0), "{reached:?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in seeds(3) {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
