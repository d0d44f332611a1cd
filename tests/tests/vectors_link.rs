//! Every vector about frames and bundles, run against the core.

use trellis_tests::vectors::{self, bundle, ops_frame};

#[test]
fn ops_frame() {
    vectors::run("ops_frame.json", ops_frame::check);
}

#[test]
fn bundle() {
    vectors::run("bundle.json", bundle::check);
}
