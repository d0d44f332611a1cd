//! Looking back: what the log draws and finds, and records, values and files as they were.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use trellis_sync::core::op::id::ContentHash;
use trellis_sync::folder::Folder;
use trellis_sync::store::{OpenMode, Store, WAIT};

use crate::shell::{Shell, texts};

const EXCHANGE: [&str; 7] = ["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"];

/// Records a file, and returns the op that names the record.
fn record(shell: &Shell, repo: &str, file: &str, text: &str, message: &str) -> String {
    shell.write(&format!("{repo}/{file}"), text);
    let recorded = shell.json(&["-C", repo, "record", "-m", message]);
    texts(&recorded["ops"]).last().unwrap().to_string()
}

/// The lines of a drawn log, without what stands between the drawing and what was done.
fn drawn(shell: &Shell, args: &[&str]) -> Vec<String> {
    let log = shell.ok(&[&["-C", "a", "log", "--graph"], args].concat());
    let line = |line: &str| match line.find(|sign: char| sign.is_ascii_hexdigit()) {
        None => line.to_owned(),
        Some(at) => {
            let told: Vec<&str> = line[at..].split_whitespace().skip(5).collect();
            format!("{}{}", &line[..at], told.join(" "))
        }
    };
    log.lines().map(line).collect()
}

#[test]
fn lines_of_two_copies_are_drawn_beside_one_another() {
    let shell = Shell::with_repo();
    record(&shell, "a", "f", "1\n2\n3\n4\n5\n", "Begin");
    shell.ok(&["clone", "a", "b"]);
    record(&shell, "a", "f", "one\n2\n3\n4\n5\n", "One");
    record(&shell, "b", "g", "g", "Other file");
    record(&shell, "b", "f", "1\n2\n3\n4\nfive\n", "Five");
    shell.ok(&EXCHANGE);
    record(&shell, "a", "f", "one\ntwo\n3\n4\nfive\n", "Two");
    let whole = [
        "* (main) Two (1 change)",
        "*   Merge the lines of f (1 change)",
        "|\\",
        "| * Five (1 change)",
        "| * Other file (1 change)",
        "* | One (1 change)",
        "|/",
        "* Begin (1 change)",
        "* _repo/genesis",
    ];
    assert_eq!(drawn(&shell, &[]), whole);
    let of_f: Vec<&str> =
        whole.iter().copied().filter(|line| !line.contains("Other") && !line.contains("_repo")).collect();
    assert_eq!(drawn(&shell, &["f"]), of_f);
    assert_eq!(drawn(&shell, &["-n", "2"]), whole[..2]);
}

#[test]
fn branches_are_drawn_with_their_names() {
    let shell = Shell::with_repo();
    record(&shell, "a", "f", "1", "Begin");
    shell.ok(&["-C", "a", "switch", "--create", "draft"]);
    record(&shell, "a", "f", "2", "Draft");
    shell.ok(&["-C", "a", "switch", "main"]);
    record(&shell, "a", "g", "3", "Go on");
    let apart = [
        "* (main) Go on (1 change)",
        "| * (draft) Draft (1 change)",
        "| * main into draft",
        "|/",
        "* Begin (1 change)",
        "* _repo/genesis",
    ];
    assert_eq!(drawn(&shell, &["--all"]), apart);
    shell.ok(&["-C", "a", "merge", "draft", "-m", "Take it\n\nAll of it."]);
    let joined = [
        "*   (main) draft into main: Take it",
        "|\\",
        "| * (draft) Draft (1 change)",
        "| * main into draft",
        "* | Go on (1 change)",
        "|/",
        "* Begin (1 change)",
        "* _repo/genesis",
    ];
    assert_eq!(drawn(&shell, &[]), joined);
    let log = shell.json(&["-C", "a", "log", "--graph"]);
    let entries = log["entries"].as_array().unwrap();
    assert_eq!((&entries[0]["heads"], &entries[1]["heads"]), (&json!(["main"]), &json!(["draft"])));
    let parents = json!([entries[3]["op"], entries[1]["op"]]);
    assert_eq!(entries[0]["parents"], parents, "the own line first");
    assert_eq!((&entries[2]["parents"], &entries[5]["parents"]), (&json!([entries[4]["op"]]), &json!([])));
    let coloured = shell.ok(&["-C", "a", "log", "--graph", "--color", "always"]);
    assert!(coloured.contains("\u{1b}[31m|\u{1b}[0m\u{1b}[32m\\\u{1b}[0m\n"), "{coloured}");
    assert_eq!(shell.ok(&["-C", "a", "log", "--all"]).lines().count(), 6);
}

fn titles(shell: &Shell, place: &str) -> Vec<String> {
    let log = shell.json(&["-C", "a", "log", place]);
    log["records"].as_array().unwrap().iter().map(|record| record["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_log_finds_files_by_every_name_that_they_ever_had() {
    let shell = Shell::with_repo();
    record(&shell, "a", "first", "1\n2\n3\n", "Begin");
    record(&shell, "a", "other", "other", "Other");
    fs::create_dir(shell.path("a/docs")).unwrap();
    shell.ok(&["-C", "a", "mv", "first", "docs/second"]);
    record(&shell, "a", "docs/second", "1\n2\n3\n4\n", "Edit");
    fs::remove_file(shell.path("a/docs/second")).unwrap();
    shell.ok(&["-C", "a", "record", "-m", "Remove"]);
    record(&shell, "a", "first", "new", "Another file of this name");
    for name in ["docs/second", "docs"] {
        let found = shell.json(&["-C", "a", "log", name]);
        assert_eq!(found["records"].as_array().map(Vec::len), Some(4), "{name}: with the move");
    }
    assert_eq!(shell.json(&["-C", "a", "log", "first"])["records"].as_array().map(Vec::len), Some(5));
    assert_eq!(titles(&shell, "other"), ["Other"]);
    assert_eq!(shell.ok(&["-C", "a/docs", "log", "second"]).lines().count(), 4);
    let all = shell.ok(&["-C", "a", "log"]);
    for root in [&["-C", "a", "log", "."][..], &["-C", "a/docs", "log", ".."]] {
        assert_eq!(shell.ok(root), all, "the repo's folder stands for everything");
    }
    for nothing in ["third", "docs/third", "do"] {
        shell.refusal(&["-C", "a", "log", nothing], "not_found");
    }
}

#[test]
fn values_are_read_as_they_were() {
    let shell = Shell::with_repo();
    let calm = shell.json(&["-C", "a", "set", "notes/1/title", "Calm"]);
    let calm = texts(&calm["ops"])[0].to_owned();
    shell.ok(&["-C", "a", "branch", "draft"]);
    shell.ok(&["-C", "a", "--branch", "draft", "set", "notes/2/title", "Drafted"]);
    let stored = shell.json(&["-C", "a", "set", "notes/1/title", "Storm"]);
    assert_eq!(shell.ok(&["-C", "a", "get", "--at", &calm, "notes/1/title"]), "Calm\n");
    let then = shell.json(&["-C", "a", "get", "--at", &calm[..8], "notes/1/title"]);
    assert_eq!((&then["at"], &then["base"]), (&json!([calm]), &json!([calm])));
    let keys = |args: &[&str]| -> Vec<Value> {
        let listed = shell.json(&[&["-C", "a", "ls"], args].concat());
        listed["entries"].as_array().unwrap().iter().map(|entry| entry["key"].clone()).collect()
    };
    assert_eq!(keys(&["--at", "draft", "notes"]), [json!("1"), json!("2")]);
    assert_eq!(keys(&["--at", texts(&stored["ops"])[0]]), [json!("1")]);
    shell.refusal(&["-C", "a", "get", "--at", &calm, "notes/2"], "not_found");
    shell.refusal(&["-C", "a", "get", "--at", "nothing", "notes/1"], "invalid_argument");
    shell.refusal(&["-C", "a", "ls", "--at", &"0".repeat(64)], "not_found");
}

#[test]
fn a_name_that_may_mean_an_op_and_a_branch_is_refused() {
    let shell = Shell::with_repo();
    let written = shell.json(&["-C", "a", "set", "notes/1/title", "Calm"]);
    let name = &texts(&written["ops"])[0][..6];
    shell.ok(&["-C", "a", "branch", name]);
    let message = shell.refusal(&["-C", "a", "show", name], "invalid_argument");
    assert!(message.contains("is a branch"), "{message}");
    assert_eq!(shell.ok(&["-C", "a", "get", "--at", texts(&written["ops"])[0], "notes/1/title"]), "Calm\n");
}

#[test]
fn files_are_shown_as_they_were() {
    let shell = Shell::with_repo();
    let begun = record(&shell, "a", "docs/f", "one\n", "Begin");
    shell.write("a/bin", b"\0\xff\x1b");
    record(&shell, "a", "docs/g", "no end", "More");
    shell.ok(&["-C", "a", "switch", "--create", "draft"]);
    record(&shell, "a", "docs/f", "drafted\n", "Draft");
    shell.ok(&["-C", "a", "switch", "main"]);
    fs::remove_dir_all(shell.path("a/docs")).unwrap();
    shell.ok(&["-C", "a", "record", "-m", "Remove"]);
    assert_eq!(shell.ok(&["-C", "a", "show", &format!("{begun}:docs/f")]), "one\n");
    assert_eq!(shell.ok(&["-C", "a", "show", "draft:docs/f"]), "drafted\n");
    assert_eq!(shell.ok(&["-C", "a", "show", "draft:docs/g"]), "no end");
    let raw = shell.command(&["-C", "a", "show", ":bin"]).output().unwrap();
    assert_eq!(raw.stdout, b"\0\xff\x1b");
    assert_eq!(shell.ok(&["-C", "a", "show", "draft:docs"]), "docs/f\ndocs/g\n");
    assert_eq!(shell.ok(&["-C", "a", "show", ":"]), "bin\n");
    let shown = shell.json(&["-C", "a", "show", "draft:docs/f"]);
    assert_eq!((&shown["text"], &shown["file"]["size"]), (&json!("drafted\n"), &json!(8)));
    assert_eq!(shell.json(&["-C", "a", "show", ":bin"])["text"], Value::Null);
    assert_eq!(shell.json(&["-C", "a", "show", "draft:"])["files"].as_array().map(Vec::len), Some(3));
    assert_eq!(shell.json(&["-C", "a", "show", "draft"])["record"]["message"], "Draft");
    shell.refusal(&["-C", "a", "show", ":docs/f"], "not_found");
    shell.refusal(&["-C", "a", "show", &format!("{begun}:bin")], "not_found");
}

#[test]
fn files_are_compared_with_a_branch_and_taken_from_it() {
    let shell = Shell::with_repo();
    record(&shell, "a", "f", "one\n", "Begin");
    shell.ok(&["-C", "a", "switch", "--create", "draft"]);
    record(&shell, "a", "f", "drafted\n", "Draft");
    shell.ok(&["-C", "a", "switch", "main"]);
    let diff = shell.json(&["-C", "a", "diff", "--from", "main", "--to", "draft"]);
    assert_eq!(diff["files"][0]["patch"], "@@ -1 +1 @@\n-one\n+drafted\n");
    assert_eq!(
        shell.json(&["-C", "a", "diff", "--from", "draft"])["files"][0]["patch"],
        "@@ -1 +1 @@\n-drafted\n+one\n"
    );
    assert_eq!(shell.json(&["-C", "a", "restore", "--at", "draft", "f"])["restored"], json!(["f"]));
    assert_eq!(shell.read("a/f"), b"drafted\n");
    assert_eq!(shell.json(&["-C", "a", "status"])["changes"][0]["change"], "edited");
}

#[test]
fn a_record_is_shown_although_a_content_is_not_here() {
    let shell = Shell::with_repo();
    record(&shell, "a", "f", "one\n", "Begin");
    let edited = record(&shell, "a", "f", "two\n", "Edit");
    shell.ok(&["clone", "a", "b"]);
    shell.store("b").execute("DELETE FROM blobs", []).unwrap();
    let shown = shell.json(&["-C", "b", "show", &edited]);
    assert_eq!(shown["record"]["message"], "Edit");
    assert_eq!(
        shown["record"]["files"],
        json!([{
            "change": "edited", "path": "f", "oldMode": "file", "newMode": "file", "absent": ["old", "new"]
        }])
    );
    let text = shell.ok(&["-C", "b", "show", &edited]);
    assert!(text.contains("its content is not on this device: was 4 bytes, is 4 bytes"), "{text}");
    assert_eq!(shell.document(&["-C", "b", "show", ":f"]).1["error"]["code"], "body_missing");
}

#[test]
fn tabs_are_shown_as_tabs() {
    let shell = Shell::with_repo();
    record(&shell, "a", "Makefile", "all:\n\tbuild\n", "Begin");
    let text = shell.ok(&["-C", "a", "show", "main"]);
    assert!(text.contains("+\tbuild\n"), "{text}");
}

/// By line of a file the message of the record that brought it.
fn blamed(shell: &Shell, args: &[&str]) -> Vec<(String, String)> {
    let blame = shell.json(&[&["-C", "a", "blame"], args].concat());
    let message = |op: &Value| {
        let writers = blame["ops"].as_array().unwrap();
        let writer = writers.iter().find(|writer| writer["op"] == *op);
        writer.and_then(|writer| writer["message"].as_str()).unwrap_or("nobody").to_owned()
    };
    let lines = blame["lines"].as_array().unwrap();
    lines.iter().map(|line| (line["text"].as_str().unwrap().to_owned(), message(&line["op"]))).collect()
}

fn pairs(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|(line, message)| ((*line).into(), (*message).into())).collect()
}

#[test]
fn lines_are_blamed_through_renames_copies_and_branches() {
    let shell = Shell::with_repo();
    let begun = record(&shell, "a", "f", "1\n2\n3\n4\n5\n6\n", "Begin");
    shell.ok(&["clone", "a", "b"]);
    record(&shell, "a", "f", "one\n2\n3\n4\n5\n6\n", "One");
    record(&shell, "b", "f", "1\n2\n3\n4\n5\nsix\n", "Six");
    shell.ok(&EXCHANGE);
    shell.ok(&["-C", "a", "mv", "f", "g"]);
    shell.ok(&["-C", "a", "switch", "--create", "draft"]);
    record(&shell, "a", "g", "one\n2\n2.5\n3\n4\n5\nsix\n", "Between");
    shell.ok(&["-C", "a", "switch", "main"]);
    shell.ok(&["-C", "a", "merge", "draft"]);
    let whole = [
        ("one", "One"),
        ("2", "Begin"),
        ("2.5", "Between"),
        ("3", "Begin"),
        ("4", "Begin"),
        ("5", "Begin"),
        ("six", "Six"),
    ];
    assert_eq!(blamed(&shell, &["g"]), pairs(&whole));
    let numbers = ["1", "2", "3", "4", "5", "6"].map(|line| (line, "Begin"));
    assert_eq!(blamed(&shell, &["--at", &begun, "f"]), pairs(&numbers));
    let text = shell.ok(&["-C", "a", "blame", "--at", "draft", "g"]);
    let first: Vec<&str> = text.lines().next().unwrap().split_whitespace().collect();
    assert_eq!((first.len(), first[4], first[5]), (6, "1", "one"), "{text}");
    shell.refusal(&["-C", "a", "blame", "f"], "not_found");
    shell.refusal(&["-C", "a", "blame", "--at", &begun, "g"], "not_found");
    shell.write("a/bin", b"\0\n");
    shell.ok(&["-C", "a", "record"]);
    shell.refusal(&["-C", "a", "blame", "bin"], "unsupported");
}

#[test]
fn a_line_that_may_be_older_than_what_is_here_is_blamed_on_nobody() {
    let shell = Shell::with_repo();
    record(&shell, "a", "f", "1\n2\n3\n", "Begin");
    record(&shell, "a", "f", "1\ntwo\n3\n", "Two");
    record(&shell, "a", "f", "1\ntwo\n3\n4\n", "Four");
    forget(&shell, "1\ntwo\n3\n");
    let told = [("1", "Begin"), ("two", "nobody"), ("3", "Begin"), ("4", "nobody")];
    assert_eq!(blamed(&shell, &["f"]), pairs(&told));
    assert_eq!(shell.json(&["-C", "a", "blame", "f"])["absent"].as_array().map(Vec::len), Some(1));
    let text = shell.ok(&["-C", "a", "blame", "f"]);
    assert!(text.contains("not here") && text.contains("The content of 1 write is not on this device"), "{text}");
    forget(&shell, "1\ntwo\n3\n4\n");
    shell.refusal(&["-C", "a", "blame", "f"], "body_missing");
}

/// Takes one content out of the store of `a`.
fn forget(shell: &Shell, content: &str) {
    let folder = Folder::find(shell.path("a")).unwrap();
    let mut store = Store::open(folder.store(), OpenMode::ReadWrite).unwrap();
    let mut named: BTreeSet<ContentHash> = store.blobs().unwrap().iter().map(|blob| blob.blob).collect();
    assert!(named.remove(&ContentHash::of(content.as_bytes())));
    let mut transaction = store.begin(WAIT).unwrap();
    transaction.sweep_blobs(&named).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn who_writes_for_somebody_is_named_so() {
    let shell = Shell::with_repo();
    record(&shell, "a", "f", "1\n", "Begin");
    let author = shell.json(&["-C", "a", "sync", "status"])["author"].as_str().unwrap().to_owned();
    shell.ok(&["-C", "a", "members", "add", &author, "--name", "Ann", "--role", "owner"]);
    let blame = shell.json(&["-C", "a", "blame", "f"]);
    assert_eq!(blame["ops"][0]["name"], "Ann");
    assert!(shell.ok(&["-C", "a", "blame", "f"]).contains("  Ann  "));
}

#[test]
fn a_branch_that_is_not_there_is_told_from_those_that_are() {
    let shell = Shell::with_repo();
    record(&shell, "a", "f", "1", "Begin");
    shell.ok(&["-C", "a", "branch", "draft"]);
    let message = shell.refusal(&["-C", "a", "switch", "drfat"], "not_found");
    assert!(message.contains("Did you mean draft?") && message.contains("switch --create drfat"), "{message}");
    let message = shell.refusal(&["-C", "a", "merge", "other"], "not_found");
    assert!(message.contains("`trellis branch` lists"), "{message}");
    shell.refusal(&["-C", "a", "switch", "_repo"], "invalid_argument");
    assert_eq!(shell.read("a/f"), b"1");
    shell.ok(&["-C", "a", "switch", "draft"]);
    let listed = shell.ok(&["-C", "a", "branch"]);
    let marked: Vec<&str> = listed.lines().filter(|line| line.starts_with('*')).collect();
    assert!(marked.len() == 1 && marked[0].starts_with("*  draft"), "{listed}");
}

#[test]
fn a_branch_begins_at_any_op() {
    let shell = Shell::with_repo();
    let begun = record(&shell, "a", "f", "one\n", "Begin");
    record(&shell, "a", "f", "two\n", "Edit");
    assert_eq!(shell.json(&["-C", "a", "branch", "old", "--at", &begun])["from"], json!(begun));
    shell.ok(&["-C", "a", "switch", "old"]);
    assert_eq!(shell.read("a/f"), b"one\n");
    record(&shell, "a", "g", "new\n", "Another way");
    shell.ok(&["-C", "a", "branch", "older", "--at", "old"]);
    shell.ok(&["-C", "a", "switch", "older"]);
    assert_eq!((shell.read("a/f"), shell.read("a/g")), (b"one\n".to_vec(), b"new\n".to_vec()));
    shell.refusal(&["-C", "a", "branch", "old", "--at", &begun], "already_exists");
    shell.refusal(&["-C", "a", "branch", "other", "--at", "0000"], "not_found");
    let ops = shell.json(&["-C", "a", "log"])["ops"].as_array().unwrap().clone();
    let genesis = ops.last().unwrap()["hash"].as_str().unwrap();
    shell.refusal(&["-C", "a", "branch", "other", "--at", genesis], "invalid_argument");
    assert_eq!(shell.run(&["-C", "a", "branch", "--at", &begun]).code, 64);
}
