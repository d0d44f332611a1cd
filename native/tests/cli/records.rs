//! Records: set, get, rm, ls.

use serde_json::json;

use crate::shell::{Shell, texts};

#[test]
fn what_is_set_is_got() {
    let shell = Shell::with_repo();
    for (value, shown) in [
        (&["Calm"][..], "Calm\n"),
        (&["two words"], "two words\n"),
        (&["3"], "3\n"),
        (&["-3"], "-3\n"),
        (&["--text", "3"], "3\n"),
        (&["true"], "true\n"),
        (&["\"quoted\""], "quoted\n"),
        (&["--text", "\"quoted\""], "\"quoted\"\n"),
        (&["[1,2]"], "[\n  1,\n  2\n]\n"),
        (&["--json-value", "1e2"], "100\n"),
        (&["--text", "-"], "-\n"),
        (&["{\"half"], "{\"half\n"),
    ] {
        shell.ok(&[&["-C", "a", "set", "notes/1/title"][..], value].concat());
        assert_eq!(shell.ok(&["-C", "a", "get", "notes/1/title"]), shown, "{value:?}");
    }
}

#[test]
fn a_value_that_loses_something_is_refused() {
    let shell = Shell::with_repo();
    for value in ["9007199254740993", "1e999", "{\"a\":1,\"a\":2}"] {
        let message = shell.refusal(&["-C", "a", "set", "notes/1/n", value], "invalid_argument");
        assert!(message.contains("--text"), "{message}");
        assert!(!message.contains("9007199254740993"), "no error has the user's value");
    }
    shell.refusal(&["-C", "a", "set", "notes/1/n", "--json-value", "Calm"], "invalid_argument");
    shell.ok(&["-C", "a", "set", "notes/1/n", "--text", "9007199254740993"]);
}

#[test]
fn a_value_comes_from_stdin() {
    let shell = Shell::with_repo();
    let long = "x".repeat(200_000);
    assert_eq!(shell.feed(&["-C", "a", "set", "notes/1", "-"], &format!("{{\"text\": \"{long}\"}}\n")).code, 0);
    assert_eq!(shell.ok(&["-C", "a", "get", "notes/1/text"]), format!("{long}\n"));
    let ran = shell.feed(&["-C", "a", "set", "notes/1", "-"], &format!("{{\"text\": \"{long}{long}\"}}\n"));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("error[payload_too_large]"), "{}", ran.err);
}

#[test]
fn an_entity_is_changed_by_the_difference() {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1", r#"{"title": "Calm", "stars": 3}"#]);
    let written = shell.json(&["-C", "a", "set", "notes/1", r#"{"title": "Calm", "stars": 4}"#]);
    let op = texts(&written["ops"])[0].to_owned();
    assert_eq!(shell.json(&["-C", "a", "show", &op])["op"]["body"], json!({ "set": { "/stars": 4 } }));
    let again = shell.json(&["-C", "a", "set", "notes/1", r#"{"title": "Calm", "stars": 4}"#]);
    assert_eq!(again["ops"], json!([]));
    shell.ok(&["-C", "a", "set", "notes/1", "--replace", r#"{"stars": 4}"#]);
    assert_eq!(shell.json(&["-C", "a", "get", "notes/1"])["value"], json!({ "stars": 4 }));
}

#[test]
fn a_stale_base_is_a_conflict_and_no_overwrite() {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    let seen = shell.json(&["-C", "a", "get", "notes/1"])["base"][0].as_str().unwrap().to_owned();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Storm"]);
    shell.ok(&["-C", "a", "set", "notes/1/title", "Sun", "--base", &seen, "--actor", "form"]);
    let (code, open) = shell.document(&["-C", "a", "conflicts"]);
    assert_eq!((code, open["conflicts"][0]["place"].as_str()), (2, Some("notes/1/title")));
    assert_eq!(open["conflicts"][0]["base"]["value"], "Calm");
    let got = shell.run(&["-C", "a", "get", "notes/1/title"]);
    assert_eq!(got.code, 0);
    assert!(got.err.contains("provisional"), "{}", got.err);
}

#[test]
fn what_is_removed_is_gone() {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1", r#"{"title": "Calm", "stars": 3}"#]);
    shell.json(&["-C", "a", "rm", "notes/1/stars"]);
    assert_eq!(shell.json(&["-C", "a", "get", "notes/1"])["value"], json!({ "title": "Calm" }));
    shell.json(&["-C", "a", "rm", "notes/1"]);
    shell.refusal(&["-C", "a", "get", "notes/1"], "not_found");
    shell.refusal(&["-C", "a", "rm", "notes/1"], "not_found");
    shell.refusal(&["-C", "a", "rm", "notes/1/title"], "not_found");
    assert_eq!(shell.ok(&["-C", "a", "ls"]), "");
}

#[test]
fn entities_are_listed_in_order() {
    let shell = Shell::with_repo();
    for place in ["todo/2/title", "notes/b/title", "notes/a/title", "todo/10/title", "a~1b/c~0d/title"] {
        shell.ok(&["-C", "a", "set", place, "x"]);
    }
    let listed = |args: &[&str]| {
        let document = shell.json(&[&["-C", "a", "ls"], args].concat());
        let entries = document["entries"].as_array().unwrap().clone();
        entries.iter().map(|entry| entry["entity"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]), ["a~1b/c~0d", "notes/a", "notes/b", "todo/10", "todo/2"]);
    assert_eq!(listed(&["todo"]), ["todo/10", "todo/2"]);
    assert_eq!(listed(&["todo/1"]), ["todo/10"]);
    assert_eq!(listed(&["a~1b"]), ["a~1b/c~0d"]);
    assert_eq!(listed(&["nothing"]), Vec::<String>::new());
    assert_eq!(shell.ok(&["-C", "a", "ls", "notes"]), "notes/a  {\"title\":\"x\"}\nnotes/b  {\"title\":\"x\"}\n");
}

#[test]
fn a_place_is_a_collection_and_a_key() {
    let shell = Shell::with_repo();
    for place in ["notes", "/1", "notes/", "no~tes/1", ""] {
        assert_eq!(shell.run(&["-C", "a", "set", place, "x"]).code, 64, "{place}");
        assert_eq!(shell.run(&["-C", "a", "get", place]).code, 64, "{place}");
    }
    shell.refusal(&["-C", "a", "set", "_repo/x", "1"], "invalid_argument");
}

#[test]
fn a_program_gets_every_byte_of_a_text() {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "red: \u{1b}[31m\ttab"]);
    assert_eq!(shell.ok(&["-C", "a", "get", "notes/1/title"]), "red: \u{1b}[31m\ttab\n");
    assert!(!shell.ok(&["-C", "a", "set", "notes/1\u{202e}/title", "x"]).contains('\u{202e}'));
    assert!(!shell.ok(&["-C", "a", "ls"]).contains('\u{202e}'));
}
