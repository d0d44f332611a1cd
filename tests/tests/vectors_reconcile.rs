//! Every vector about `reconcile`, run against the core.

use trellis_tests::vectors::{self, reconcile};

#[test]
fn reconcile() {
    let ops = vectors::load_shared("reconcile.json");
    vectors::run("reconcile.json", |case| reconcile::check(case, &ops));
}
