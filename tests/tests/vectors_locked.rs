//! The vector files are what their generators write, and no case has changed.

#[test]
fn vectors_are_reproduced_and_locked() {
    let problems = trellis_tests::vectors::problems();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
