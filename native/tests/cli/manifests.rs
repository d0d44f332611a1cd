//! Collections that declare something: texts that merge, strategies without conflicts, content that is salted.

use serde_json::{Value, json};

use crate::shell::{Shell, texts};

const APPLY: &[&str] = &["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"];
const TEXT: &str = r#"{"fields": {"/body": "text"}}"#;

/// Repo `a` in which `notes` declares this, with one note, and its copy `b`.
fn two(manifest: &str) -> Shell {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "manifest", "set", "notes", manifest]);
    shell.ok(&["-C", "a", "set", "notes/1", r#"{"title": "t", "body": "one\ntwo\nthree\n"}"#]);
    shell.ok(&["clone", "a", "b"]);
    shell
}

#[test]
fn a_manifest_is_set_got_and_listed() {
    let shell = Shell::with_repo();
    assert_eq!(shell.ok(&["-C", "a", "manifest", "list"]), "No collection declares anything.\n");
    shell.refusal(&["-C", "a", "manifest", "get", "notes"], "not_found");
    let set = shell.json(&["-C", "a", "manifest", "set", "notes", TEXT]);
    let op = texts(&set["ops"])[0];
    let doc = json!({ "collection": "notes", "op": op, "manifest": { "fields": { "/body": "text" } } });
    assert_eq!(set["manifests"], json!([doc]));
    for args in [&["get", "notes"][..], &["list"]] {
        assert_eq!(shell.json(&[&["-C", "a", "manifest"], args].concat())["manifests"], json!([doc]));
    }
    let got = shell.ok(&["-C", "a", "manifest", "get", "notes"]);
    assert_eq!(serde_json::from_str::<Value>(&got).unwrap(), doc["manifest"]);
    assert_eq!(shell.ok(&["-C", "a", "manifest", "list"]), "notes  {\"fields\":{\"/body\":\"text\"}}\n");
    assert_eq!(shell.json(&["-C", "a", "manifest", "set", "notes", TEXT])["ops"], json!([]));
    let fed = shell.feed(&["-C", "a", "manifest", "set", "letters", "-"], "{\"policyClass\": \"low\"}\n");
    assert_eq!(fed.code, 0, "{}", fed.err);
    let list = shell.json(&["-C", "a", "manifest", "list"]);
    let names: Vec<&str> =
        list["manifests"].as_array().unwrap().iter().map(|doc| doc["collection"].as_str().unwrap()).collect();
    assert_eq!(names, ["letters", "notes"]);
}

#[test]
fn a_manifest_with_a_mistake_is_refused_with_its_field() {
    let shell = two("{}");
    for (manifest, named) in [
        ("text", "JSON"),
        ("[]", "an object"),
        (r#"{"colour": 1}"#, "/colour"),
        (r#"{"policyClass": "huge"}"#, "/policyClass"),
        (r#"{"fields": {"/body": "lines"}}"#, "/fields/~1body"),
        (r#"{"mergeStrategy": "quarantine"}"#, "/mergeStrategy"),
    ] {
        let message = shell.refusal(&["-C", "a", "manifest", "set", "notes", manifest], "invalid_argument");
        assert!(message.contains(named), "{message}");
    }
    shell.refusal(&["-C", "a", "manifest", "set", "_members", "{}"], "invalid_argument");
    shell.refusal(&["-C", "b", "manifest", "set", "notes", TEXT], "permission_denied");
    assert_eq!(shell.run(&["-C", "a", "manifest", "set", "notes"]).code, 64);
}

#[test]
fn two_edits_of_a_declared_text_merge_by_lines() {
    let shell = two(TEXT);
    shell.ok(&["-C", "a", "set", "notes/1/body", "ONE\ntwo\nthree\n"]);
    shell.ok(&["-C", "b", "set", "notes/1/body", "one\ntwo\nTHREE\n"]);
    shell.ok(APPLY);
    for repo in ["a", "b"] {
        assert_eq!(shell.json(&["-C", repo, "get", "notes/1/body"])["value"], "ONE\ntwo\nTHREE\n");
        shell.ok(&["-C", repo, "conflicts"]);
    }
    shell.ok(&["-C", "a", "manifest", "set", "notes", "{}"]);
    assert_eq!(shell.run(&["-C", "a", "conflicts"]).code, 2, "without the declaration it is a conflict");
}

#[test]
fn nothing_conflicts_where_crdt_is_declared() {
    let shell = two(r#"{"mergeStrategy": "crdt"}"#);
    shell.ok(&["-C", "a", "set", "notes/1/title", "Storm"]);
    shell.ok(&["-C", "b", "set", "notes/1/title", "Sun"]);
    shell.ok(APPLY);
    let title = |repo| shell.json(&["-C", repo, "get", "notes/1/title"])["value"].clone();
    assert_eq!(title("a"), title("b"));
}

fn op(shell: &Shell, repo: &str, id: &str) -> Value {
    shell.json(&["-C", repo, "show", id])["op"].clone()
}

#[test]
fn content_of_class_high_is_salted_and_reads_as_ever() {
    let shell = two(r#"{"policyClass": "high"}"#);
    let written = ["2", "3"].map(|key| {
        let set = shell.json(&["-C", "a", "set", &format!("notes/{key}"), r#"{"pin": 1234}"#]);
        op(&shell, "a", texts(&set["ops"])[0])
    });
    for op in &written {
        assert_eq!((&op["format"], &op["body"]), (&json!("salted_json"), &json!({ "pin": 1234 })));
    }
    assert_ne!(written[0]["bodyHash"], written[1]["bodyHash"]);
    let text = shell.ok(&["-C", "a", "show", written[0]["hash"].as_str().unwrap()]);
    assert!(text.contains("\"pin\": 1234"), "{text}");
    shell.ok(APPLY);
    assert_eq!(shell.json(&["-C", "b", "get", "notes/2/pin"])["value"], 1234);
    shell.ok(&["-C", "b", "verify"]);
    shell.ok(&["-C", "b", "set", "notes/2/pin", "5678"]);
    let undone = shell.json(&["-C", "b", "undo"]);
    assert_eq!(op(&shell, "b", texts(&undone["ops"])[0])["format"], "salted_json");
    assert_eq!(shell.json(&["-C", "b", "get", "notes/2/pin"])["value"], 1234);
    shell.ok(&["-C", "b", "export", "../b.bundle"]);
    shell.ok(&["clone", "b.bundle", "c"]);
    assert_eq!(shell.json(&["-C", "c", "get", "notes/3/pin"])["value"], 1234);
}

/// What a rebase writes anew says the same; what was salted stays as it was, and what was not is salted now.
#[test]
fn a_rebase_takes_salted_content_along() {
    let shell = two("{}");
    for repo in ["a", "b"] {
        shell.ok(&["-C", repo, "config", "set", "branchPolicies.main.linear", "true"]);
    }
    shell.ok(&["-C", "a", "set", "notes/2/title", "plain"]);
    shell.ok(&["-C", "a", "manifest", "set", "notes", r#"{"policyClass": "high"}"#]);
    let salted = shell.json(&["-C", "a", "set", "notes/3/title", "salted"]);
    let salted = op(&shell, "a", texts(&salted["ops"])[0]);
    shell.ok(&["-C", "b", "set", "notes/4/title", "kept"]);
    let rebased = shell.json(&[APPLY, &["--keep", "remote"]].concat());
    let anew: Vec<Value> = texts(&rebased["rebased"]).iter().map(|id| op(&shell, "b", id)).collect();
    let of = |key: &str| anew.iter().find(|op| op["key"] == key).unwrap();
    assert_eq!((&of("2")["format"], &of("2")["body"]["set"]["/title"]), (&json!("salted_json"), &json!("plain")));
    assert_eq!(of("3")["bodyHash"], salted["bodyHash"]);
    for (key, title) in [("2", "plain"), ("3", "salted"), ("4", "kept")] {
        assert_eq!(shell.ok(&["-C", "b", "get", &format!("notes/{key}/title")]), format!("{title}\n"));
    }
}
