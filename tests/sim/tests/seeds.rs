//! A fixed number of seeds of the simulator.

use trellis_test_sim::dials::Dials;
use trellis_test_sim::run;
use trellis_tests::dice::seeds;

#[test]
fn no_seed_breaks_an_invariant() {
    for seed in seeds(40) {
        if let Err(violation) = run(seed) {
            panic!("{violation}\n{:#?}\nagain: cargo xtask sim --seeds 1 --from {seed}", Dials::of(seed));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in seeds(3) {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
