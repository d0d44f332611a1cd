//! Many seeds of the simulator, on all processors: with the few of `seeds` three thousand.

use trellis_test_sim::many::run_many;
use trellis_tests::dice::more;

/// The seeds that `seeds` runs.
const FEW: u64 = 40;
const MANY: u64 = 3_000;

#[test]
fn no_seed_of_many_breaks_an_invariant() {
    let last = MANY * more() as u64;
    if let Err(broken) = run_many(FEW + 1..last + 1, |_| ()) {
        panic!("{broken}");
    }
}
