//! Every vector about single ops, run against the core.

use trellis_tests::vectors::{self, cbor_bad, clocks, header, order, signatures, validity};

#[test]
fn header() {
    vectors::run("header.json", header::check);
}

#[test]
fn cbor_bad() {
    vectors::run("cbor_bad.json", cbor_bad::check);
}

#[test]
fn signatures() {
    vectors::run("signatures.json", signatures::check);
}

#[test]
fn clocks() {
    vectors::run("clocks.json", clocks::check);
}

#[test]
fn order() {
    vectors::run("order.json", order::check);
}

#[test]
fn validity() {
    vectors::run("validity.json", validity::check);
}
