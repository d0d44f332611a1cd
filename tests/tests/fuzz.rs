//! Every fuzz target over its corpus and over seeded mutations of it; `cargo xtask fuzz` goes on from there.

use std::thread;

use trellis_core::op::hex;
use trellis_tests::dice::Dice;
use trellis_tests::fuzz::{Target, Verdict, mutate};
use trellis_tests::seed;

const MUTATIONS: usize = 20_000;
/// Of targets in which signatures are made and checked, or whole replicas meet.
const COSTLY_MUTATIONS: usize = 2_000;

/// Prints the input of a target that panics.
struct Input<'a>(&'a Target, &'a [u8]);

impl Drop for Input<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("{} broke a promise on {}", self.0.name, hex::encode(self.1));
        }
    }
}

fn fuzz(name: &str) {
    fuzz_with(name, MUTATIONS);
}

fn fuzz_with(name: &str, mutations: usize) {
    let target = Target::named(name).unwrap();
    let mut dice = Dice::new(seed!());
    let corpus = (target.corpus)();
    let mutations = (0..mutations).map(|_| mutate(&corpus, &mut dice));
    let (mut executions, mut accepted) = (0, 0);
    for bytes in corpus.iter().cloned().chain(mutations) {
        let _input = Input(target, &bytes);
        executions += 1;
        accepted += usize::from((target.check)(&bytes) == Verdict::Accepted);
    }
    println!("fuzz {name}: {executions} executions, {accepted} accepted");
    assert!(accepted > 0, "no input was accepted");
}

#[test]
fn header() {
    fuzz("header");
}

#[test]
fn json() {
    fuzz("json");
}

#[test]
fn patch() {
    fuzz("patch");
}

#[test]
fn ops_frame() {
    fuzz("ops_frame");
}

#[test]
fn message() {
    fuzz("message");
}

#[test]
fn message_json() {
    fuzz("message_json");
}

#[test]
fn bundle() {
    fuzz("bundle");
}

#[test]
fn fork_proof() {
    fuzz("fork_proof");
}

#[test]
fn row() {
    fuzz("row");
}

#[test]
fn config() {
    fuzz("config");
}

#[test]
fn handshake() {
    fuzz_with("handshake", COSTLY_MUTATIONS);
}

#[test]
fn session() {
    fuzz_with("session", COSTLY_MUTATIONS);
}

#[test]
fn session_batch() {
    fuzz_with("session_batch", COSTLY_MUTATIONS);
}
