//! Every document is what docs/cli.md says, and docs/cli.md says everything.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::shell::Shell;

const PAGE: &str = include_str!("../../../docs/cli.md");

/// The schemas of the page, by what stands behind `json schema`.
static SCHEMAS: LazyLock<BTreeMap<&str, Value>> = LazyLock::new(|| {
    let blocks = PAGE.split("```json schema ").skip(1);
    let parts = blocks.map(|block| block.split_once('\n').unwrap());
    parts.map(|(name, rest)| (name, serde_json::from_str(rest.split("```").next().unwrap()).unwrap())).collect()
});

/// Parses a document, and checks it against the schema of the command, or that of an error.
pub(crate) fn check(args: &[&str], text: &str) -> Value {
    assert_eq!(text.matches('\n').count(), 1, "one document, one line: {text}");
    let document: Value = serde_json::from_str(text).unwrap();
    let is_error = document.as_object().unwrap().keys().eq(["error", "v"]);
    let name = if is_error { "error" } else { schema_of(args) };
    let mut schema = SCHEMAS[name].clone();
    schema["$defs"] = SCHEMAS["$defs"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let flaws: Vec<String> =
        validator.iter_errors(&document).map(|flaw| format!("{flaw} at {}", flaw.instance_path())).collect();
    assert_eq!(flaws, Vec::<String>::new(), "{name}: {document:#}");
    document
}

/// The schema whose name stands first in the arguments, the longest of those: `fork export` prints what `fork` does.
fn schema_of(args: &[&str]) -> &'static str {
    let at = |name: &str| {
        let words: Vec<&str> = name.split(' ').collect();
        args.windows(words.len()).position(|window| window == words)
    };
    let named = SCHEMAS.keys().filter_map(|name| Some((at(name)?, *name)));
    named.min_by_key(|(at, name)| (*at, std::cmp::Reverse(name.len()))).unwrap().1
}

#[test]
fn a_document_that_is_not_what_its_schema_says_is_found_out() {
    let good = json!({ "v": 1, "ops": 3, "blobs": 0, "missingBlobs": [], "file": "x" });
    check(&["export"], &format!("{good}\n"));
    for bad in [
        json!({ "v": 2, "ops": 3, "blobs": 0, "missingBlobs": [], "file": "x" }),
        json!({ "v": 1, "ops": -1, "blobs": 0, "missingBlobs": [], "file": "x" }),
        json!({ "v": 1, "ops": 3, "blobs": 0, "missingBlobs": [] }),
        json!({ "v": 1, "ops": 3, "blobs": 0, "missingBlobs": [], "file": "x", "more": 0 }),
    ] {
        let refused = std::panic::catch_unwind(|| check(&["export"], &format!("{bad}\n")));
        assert!(refused.is_err(), "{bad}");
    }
}

/// The commands, as the program's own help lists them.
fn commands(help: &str) -> Vec<&str> {
    let listed = help.split("Commands:\n").nth(1).map_or("", |rest| rest.split("\n\n").next().unwrap());
    let names = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").collect()
}

/// The options of a command's help, in long form.
fn options(help: &str) -> Vec<String> {
    let own = help.split("Global options:").next().unwrap();
    let words = own.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| word.starts_with("--") && word.len() > 2).map(str::to_owned).collect()
}

#[test]
fn the_page_has_every_command_with_every_option_and_an_example() {
    let shell = Shell::new();
    for command in commands(&shell.ok(&["--help"])) {
        let inner = shell.ok(&[command, "--help"]);
        let words = match commands(&inner) {
            inner if command == "sync" => inner.iter().map(|name| format!("sync {name}")).collect(),
            _ if command == "import" => vec!["import".into(), "import git".into()],
            _ => vec![command.to_owned()],
        };
        for name in words {
            let heading = format!("\n## `trellis {name}");
            let section = PAGE.split(&heading).nth(1).unwrap_or_else(|| panic!("no section on {name}"));
            let section = section.split("\n## ").next().unwrap();
            assert!(section.contains(&format!("```sh\ntrellis {name}")), "no example of {name}");
            assert!(SCHEMAS.contains_key(name.as_str()), "no schema of {name}");
            let args: Vec<&str> = name.split(' ').chain(["--help"]).collect();
            for option in options(&shell.ok(&args)) {
                assert!(
                    section.contains(&option) || PAGE.split("\n## `").next().unwrap().contains(&option),
                    "{name} {option}"
                );
            }
        }
    }
}

#[test]
fn every_help_has_an_example() {
    let shell = Shell::new();
    let mut pages = vec![vec!["--help"]];
    let help = shell.ok(&["--help"]);
    for command in commands(&help) {
        pages.push(vec![command, "--help"]);
    }
    for outer in ["sync", "members", "config", "fork", "manifest", "import", "invite"] {
        let help = shell.ok(&[outer, "--help"]);
        for inner in commands(&help) {
            let help = shell.ok(&[outer, inner, "--help"]);
            assert!(help.contains("Example"), "{outer} {inner}");
        }
    }
    for page in pages {
        assert!(shell.ok(&page).contains("Example"), "{page:?}");
    }
}
