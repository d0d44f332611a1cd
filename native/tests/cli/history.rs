//! History: init, log, show, undo, branch, merge, members.

use serde_json::{Value, json};

use crate::shell::{Shell, texts};

#[test]
fn a_repo_begins_with_one_op() {
    let shell = Shell::new();
    let begun = shell.json(&["init", "deep/notes", "--name", "Ann's notes"]);
    assert_eq!(begun["name"], "Ann's notes");
    let genesis = shell.json(&["-C", "deep/notes", "show", begun["repo"].as_str().unwrap()]);
    assert_eq!(genesis["op"]["body"]["name"], "Ann's notes");
    let status = shell.json(&["-C", "deep/notes", "sync", "status"]);
    assert_eq!((&status["ops"], &status["repo"]), (&json!(1), &begun["repo"]));
    for empty in [&["log"][..], &["ls"], &["conflicts"]] {
        shell.json(&[&["-C", "deep/notes"], empty].concat());
    }
    assert_eq!(shell.run(&["init", "deep/notes"]).code, 1);
}

#[test]
fn a_repo_is_found_from_a_folder_inside_it() {
    let shell = Shell::with_repo();
    std::fs::create_dir_all(shell.path("a/b/c")).unwrap();
    shell.ok(&["-C", "a/b/c", "set", "notes/1/title", "Calm"]);
    assert_eq!(shell.ok(&["-C", "a", "get", "notes/1/title"]), "Calm\n");
    let mut by_variable = shell.command(&["get", "notes/1/title"]);
    by_variable.env("TRELLIS_DIR", "a/b");
    assert_eq!(crate::shell::ran(by_variable).out, "Calm\n");
}

fn hashes(log: &Value) -> Vec<&str> {
    log["ops"].as_array().unwrap().iter().map(|op| op["hash"].as_str().unwrap()).collect()
}

#[test]
fn the_log_is_newest_first() {
    let shell = Shell::with_repo();
    let mut written = Vec::new();
    for place in ["notes/1/title", "notes/2/title", "notes/1/stars"] {
        let document = shell.json(&["-C", "a", "set", place, "1"]);
        written.insert(0, texts(&document["ops"])[0].to_owned());
    }
    let log = shell.json(&["-C", "a", "log"]);
    assert_eq!(hashes(&log)[..3], written);
    assert_eq!(log["ops"].as_array().unwrap().len(), 4, "genesis is the first op of every branch");
    assert_eq!(hashes(&shell.json(&["-C", "a", "log", "notes/1"])), [&written[0], &written[2]]);
    assert_eq!(hashes(&shell.json(&["-C", "a", "log", "-n", "2"])), &written[..2]);
    let text = shell.ok(&["-C", "a", "log"]);
    assert!(text.starts_with(&written[0][..12]), "{text}");
    assert!(shell.ok(&["-C", "a", "log", "-v"]).starts_with(&written[0]));
}

#[test]
fn an_op_is_shown_by_the_first_digits_of_its_id() {
    let shell = Shell::with_repo();
    let written = shell.json(&["-C", "a", "set", "notes/1", r#"{"title":"Calm"}"#, "--actor", "robot"]);
    let id = texts(&written["ops"])[0].to_owned();
    let op = &shell.json(&["-C", "a", "show", &id[..8]])["op"];
    assert_eq!((op["hash"].as_str(), op["kind"].as_str()), (Some(id.as_str()), Some("put")));
    assert_eq!((&op["body"], &op["actor"]), (&json!({ "title": "Calm" }), &json!("robot")));
    assert_eq!((&op["format"], &op["seq"]), (&json!("json"), &json!(1)));
    assert!(op["signature"].is_string());
    let text = shell.ok(&["-C", "a", "show", &id[..8]]);
    assert!(text.contains(&id) && text.contains("\"title\": \"Calm\"") && text.contains("robot"), "{text}");
    shell.refusal(&["-C", "a", "show", &"0".repeat(64)], "not_found");
    for bad in ["abc", "xyzw", &"0".repeat(65)] {
        shell.refusal(&["-C", "a", "show", bad], "invalid_argument");
    }
}

#[test]
fn undo_gives_back_what_was_there() {
    let shell = Shell::with_repo();
    shell.refusal(&["-C", "a", "undo"], "not_found");
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    shell.ok(&["-C", "a", "set", "notes/1/title", "Storm"]);
    let undone = shell.json(&["-C", "a", "undo"]);
    assert_eq!(undone["places"], json!(["notes/1"]));
    assert_eq!(shell.ok(&["-C", "a", "get", "notes/1/title"]), "Calm\n");
}

#[test]
fn a_branch_is_apart_until_it_is_merged() {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    shell.json(&["-C", "a", "branch", "draft"]);
    let at = |branch| shell.ok(&["-C", "a", "--branch", branch, "get", "notes/1/title"]);
    assert_eq!(at("draft"), "Calm\n");
    shell.ok(&["-C", "a", "--branch", "draft", "set", "notes/1/title", "Drafted"]);
    assert_eq!((at("main").as_str(), at("draft").as_str()), ("Calm\n", "Drafted\n"));
    let branches = shell.json(&["-C", "a", "branch"]);
    let names: Vec<&str> =
        branches["branches"].as_array().unwrap().iter().map(|branch| branch["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"main") && names.contains(&"draft"), "{names:?}");
    assert_eq!(shell.json(&["-C", "a", "merge", "draft", "-m", "Take it"])["ops"].as_array().unwrap().len(), 1);
    assert_eq!(at("main"), "Drafted\n");
    assert_eq!(shell.json(&["-C", "a", "merge", "draft"])["ops"], json!([]));
    shell.refusal(&["-C", "a", "merge", "nothing"], "not_found");
    shell.refusal(&["-C", "a", "branch", "draft"], "already_exists");
    shell.refusal(&["-C", "a", "--branch", "nothing", "log"], "not_found");
}

#[test]
fn branches_that_both_changed_a_place_conflict_when_they_are_merged() {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    shell.ok(&["-C", "a", "branch", "draft"]);
    shell.ok(&["-C", "a", "--branch", "draft", "set", "notes/1/title", "Drafted"]);
    shell.ok(&["-C", "a", "set", "notes/1/title", "Storm"]);
    let (code, merged) = shell.document(&["-C", "a", "merge", "draft"]);
    assert_eq!((code, merged["conflicts"][0]["place"].as_str()), (2, Some("notes/1/title")));
}

fn member<'a>(document: &'a Value, author: &str) -> &'a Value {
    let members = document["members"].as_array().unwrap();
    members.iter().find(|member| member["author"] == author).unwrap_or(&Value::Null)
}

#[test]
fn members_write_and_others_do_not() {
    let shell = Shell::with_two();
    let bob = shell.json(&["-C", "b", "sync", "status"])["author"].as_str().unwrap().to_owned();
    let stranger = "ab".repeat(32);
    let list = shell.json(&["-C", "a", "members", "add", &stranger, "--name", "Cat", "--role", "reader"]);
    assert_eq!((&list["changed"], &member(&list, &stranger)["role"]), (&json!(stranger), &json!("reader")));
    assert!(shell.ok(&["-C", "a", "members", "list"]).contains("Cat"));
    exchange(&shell);
    shell.refusal(&["-C", "b", "set", "notes/1/title", "Sun"], "permission_denied");
    shell.refusal(&["-C", "b", "members", "add", &bob, "--name", "Bob"], "permission_denied");
    shell.ok(&["-C", "a", "members", "add", &bob, "--name", "Bob"]);
    exchange(&shell);
    shell.ok(&["-C", "b", "set", "notes/1/title", "Sun"]);
    exchange(&shell);
    assert_eq!(shell.ok(&["-C", "a", "get", "notes/1/title"]), "Sun\n");
    let list = shell.json(&["-C", "a", "members", "remove", "Bob"]);
    assert_eq!(member(&list, &bob)["role"], "removed");
    assert_eq!(shell.ok(&["-C", "a", "get", "notes/1/title"]), "Sun\n", "what was written keeps its effect");
    exchange(&shell);
    shell.refusal(&["-C", "b", "set", "notes/1/title", "Rain"], "permission_denied");
    shell.refusal(&["-C", "a", "members", "remove", "Nobody"], "not_found");
    shell.refusal(&["-C", "a", "members", "add", "abc", "--name", "x"], "invalid_argument");
    assert_eq!(shell.run(&["-C", "a", "members", "add", &bob, "--name", "Bob", "--role", "king"]).code, 64);
}

fn exchange(shell: &Shell) {
    shell.ok(&["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"]);
}
