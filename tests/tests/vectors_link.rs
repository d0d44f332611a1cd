//! Every vector about frames, bundles and fork proofs, run against the core.

use trellis_tests::vectors::{self, bundle, fork_proof, invitation, message, ops_frame};

#[test]
fn ops_frame() {
    vectors::run("ops_frame.json", ops_frame::check);
}

#[test]
fn message() {
    vectors::run("message.json", message::check);
}

#[test]
fn invitation() {
    vectors::run("invitation.json", invitation::check);
}

#[test]
fn bundle() {
    vectors::run("bundle.json", bundle::check);
}

#[test]
fn fork_proof() {
    vectors::run("fork_proof.json", fork_proof::check);
}
