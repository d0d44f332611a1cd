//! The table of defences in CONTRIBUTING.md is true: every test that it names is there and is run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("../../CONTRIBUTING.md");

/// Files that hold nothing but defences: each of their tests stands in the table.
const WHOLE: [&str; 2] = ["tests/tests/link_defences.rs", "tests/tests/op_defences.rs"];

/// The rows: what is defended against, and the tests.
fn rows(text: &str) -> Vec<(&str, Vec<&str>)> {
    let section = text.split("\n## Defences\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    rows.filter(|(against, _)| *against != "against")
        .map(|(against, tests)| (against, tests.split('`').skip(1).step_by(2).collect()))
        .collect()
}

/// The tests of a file that are run.
fn tests_of(source: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        match line {
            "#[test]" | "#[tokio::test]" => is_test = true,
            _ if line.starts_with("#[") => is_test = is_test && !line.starts_with("#[ignore"),
            _ if is_test => {
                let signature = line.strip_prefix("async ").unwrap_or(line);
                found.extend(signature.strip_prefix("fn ").and_then(|rest| rest.split('(').next()));
                is_test = false;
            }
            _ => {}
        }
    }
    found
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn every_defence_has_a_test_that_is_there() {
    let rows = rows(TABLE);
    assert!(rows.len() >= 30, "the table was not found");
    for (against, tests) in &rows {
        assert!(!tests.is_empty(), "{against} has no test");
        for test in tests {
            let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{test} names no test of a file"));
            assert!(tests_of(&read(file)).contains(name), "{against}: {file} has no test {name}");
        }
    }
}

#[test]
fn every_test_of_a_defence_stands_in_the_table() {
    let named: BTreeSet<&str> = rows(TABLE).into_iter().flat_map(|(_, tests)| tests).collect();
    for file in WHOLE {
        for name in tests_of(&read(file)) {
            assert!(named.contains(format!("{file}::{name}").as_str()), "{file}::{name} is in no row");
        }
    }
}

#[test]
fn rows_and_tests_are_found() {
    let text = "a\n## Defences\n\n| against | test |\n|---|---|\n| x, `y` | z |\n| b | `f.rs::c`, `g.rs::d` |\n\n## E\n| h | `i` |";
    assert_eq!(rows(text), [("x, `y`", vec![]), ("b", vec!["f.rs::c", "g.rs::d"])]);
    let source =
        "#[test]\nfn a() {\n}\n    #[tokio::test]\n    async fn b() {}\nfn c() {}\n#[test]\n#[ignore]\nfn d() {}";
    assert_eq!(tests_of(source), BTreeSet::from(["a", "b"]));
}
