//! Many seeds of the simulator, on all processors: with the few of `seeds` three thousand.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use trellis_test_sim::dials::Dials;
use trellis_test_sim::run;
use trellis_tests::dice::more;

/// The seeds that `seeds` runs.
const FEW: u64 = 40;
const MANY: u64 = 3_000;

#[test]
fn no_seed_of_many_breaks_an_invariant() {
    let (next, last) = (AtomicU64::new(FEW + 1), MANY * more() as u64);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > last {
                break;
            }
            if let Err(violation) = run(seed) {
                panic!("{violation}\n{:#?}\nagain: cargo xtask sim --seeds 1 --from {seed}", Dials::of(seed));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
}
