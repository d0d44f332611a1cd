//! Files in conflict, what becomes of them, and what the folder's commands say.

use std::fs;

use serde_json::json;

use crate::shell::{Shell, texts};

const APPLY: [&str; 7] = ["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"];
const LINES: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

/// The repo `a` with `lines`, and its copy `b`, after both have recorded another text of it and exchanged that.
fn exchanged(a: &str, b: &str) -> Shell {
    let shell = Shell::with_repo();
    shell.write("a/lines", LINES);
    shell.ok(&["-C", "a", "record"]);
    shell.ok(&["clone", "a", "b"]);
    for (side, text) in [("a", a), ("b", b)] {
        shell.write(&format!("{side}/lines"), text);
        shell.ok(&["-C", side, "record", "-m", "Edit"]);
    }
    shell.run(&APPLY);
    shell
}

#[test]
fn restore_gives_a_file_in_conflict_its_markers_back() {
    let shell = exchanged(&LINES.replace('5', "a"), &LINES.replace('5', "b"));
    let marked = shell.read("a/lines");
    assert!(String::from_utf8_lossy(&marked).contains("||||||| base"));
    assert_eq!(shell.json(&["-C", "a", "restore", "."])["restored"], json!([]));
    shell.write("a/lines", "spoilt");
    assert_eq!(shell.json(&["-C", "a", "restore", "lines"])["restored"], json!(["lines"]));
    assert_eq!(shell.read("a/lines"), marked);
    fs::remove_file(shell.path("a/lines")).unwrap();
    shell.ok(&["-C", "a", "restore", "lines"]);
    assert_eq!(shell.read("a/lines"), marked);
    let (code, status) = shell.document(&["-C", "a", "status"]);
    assert_eq!((code, &status["changes"]), (2, &json!([])));
    shell.refusal(&["-C", "a", "resolve", "lines"], "invalid_argument");
}

#[test]
fn undo_takes_back_what_somebody_recorded_and_not_what_was_merged() {
    let shell = exchanged(&LINES.replace('1', "one"), &LINES.replace('9', "nine"));
    let both = LINES.replace('1', "one").replace('9', "nine");
    assert_eq!(shell.read("a/lines"), both.as_bytes());
    let log = shell.json(&["-C", "a", "log"]);
    assert_eq!(log["records"][0]["message"], "Merge the lines of lines");
    shell.ok(&["-C", "a", "undo"]);
    assert_eq!(shell.read("a/lines"), LINES.replace('9', "nine").as_bytes(), "what b wrote stays");
    shell.ok(&APPLY);
    assert_eq!(shell.read("b/lines"), LINES.replace('9', "nine").as_bytes());
    shell.ok(&["-C", "a", "undo"]);
    assert_eq!(shell.read("a/lines"), both.as_bytes(), "undone once more");
    shell.ok(&["-C", "b", "undo"]);
    assert_eq!(shell.read("b/lines"), LINES.as_bytes());
    shell.ok(&APPLY);
    for side in ["a/lines", "b/lines"] {
        assert_eq!(shell.read(side), LINES.replace('1', "one").as_bytes(), "{side}");
    }
}

#[test]
fn status_says_where_files_are_that_claim_one_path() {
    let shell = Shell::with_two();
    for side in ["a", "b"] {
        shell.write(&format!("{side}/new.txt"), format!("of {side}"));
        shell.ok(&["-C", side, "record"]);
    }
    let (code, preview) = shell.document(&APPLY[..6]);
    let (applied, after) = shell.document(&APPLY);
    assert_eq!((code, applied, &preview["clashes"]), (2, 2, &after["clashes"]), "a preview foresees it");
    let (code, status) = shell.document(&["-C", "a", "status"]);
    let shown = texts(&status["fileConflicts"][0]["shown"]);
    assert_eq!((code, shown.len(), shown[0]), (2, 2, "new.txt"));
    assert_eq!(status["fileConflicts"], preview["clashes"]);
    assert!(shell.path("a").join(shown[1]).is_file(), "{shown:?}");
    let told = shell.run(&["-C", "a", "status"]).out;
    assert!(told.contains(&format!("claimed by several files: new.txt, {}", shown[1])), "{told}");
}

#[test]
fn a_rule_that_is_none_is_told() {
    let shell = Shell::with_repo();
    shell.write("a/.trellisignore", "*.log\n{a\n");
    shell.write("a/sub/.trellisignore", "{b\n");
    for path in ["a/x.log", "a/y", "a/sub/{b"] {
        shell.write(path, path);
    }
    let status = shell.json(&["-C", "a", "status"]);
    let rules = status["badRules"].as_array().unwrap();
    let places: Vec<_> = rules.iter().map(|rule| (rule["path"].as_str().unwrap(), rule["line"].as_u64())).collect();
    assert_eq!(places, [(".trellisignore", Some(2)), ("sub/.trellisignore", Some(1))]);
    assert_eq!(status["changes"].as_array().unwrap().len(), 4, "the other rules hold");
    let recorded = shell.run(&["-C", "a", "record"]);
    assert_eq!(recorded.code, 0);
    assert!(recorded.err.contains("note: .trellisignore:2 is no rule and passes nothing over"), "{}", recorded.err);
}

#[test]
fn what_a_killed_clone_left_is_no_repo_and_is_in_nobodys_way() {
    let shell = Shell::with_two();
    fs::create_dir_all(shell.path("c")).unwrap();
    fs::rename(shell.path("b"), shell.path("c/.trellis-new-left")).unwrap();
    shell.refusal(&["-C", "c", "set", "notes/1/title", "Sun"], "not_a_repo");
    shell.ok(&["clone", "a", "c"]);
    let names: Vec<_> = fs::read_dir(shell.path("c")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [".trellis"]);
    assert_eq!(shell.ok(&["-C", "c", "get", "notes/1/title"]), "Calm\n");
    shell.ok(&["-C", "c", "set", "notes/1/title", "Sun"]);
    assert!(!shell.run(&["-C", "c", "sync", "status"]).err.contains("new key"));
    shell.refusal(&["clone", "a", "c"], "already_exists");
    shell.refusal(&["clone", "none", "d"], "not_found");
    assert!(!shell.path("d").exists());
}

#[test]
fn whether_a_file_is_there_is_one_conflict() {
    let shell = Shell::with_two();
    shell.write("a/one", LINES);
    shell.ok(&["-C", "a", "record"]);
    shell.ok(&APPLY);
    fs::rename(shell.path("a/one"), shell.path("a/two")).unwrap();
    fs::remove_file(shell.path("b/one")).unwrap();
    for side in ["a", "b"] {
        shell.ok(&["-C", side, "record"]);
    }
    let (code, applied) = shell.document(&APPLY);
    let conflict = json!([{ "path": "two", "about": "removal" }]);
    assert_eq!((code, &applied["folder"]["fileConflicts"]), (2, &conflict));
    assert_eq!(shell.document(&["-C", "b", "status"]).1["fileConflicts"], conflict);
    let told = shell.run(&["-C", "b", "conflicts"]).out;
    assert!(told.contains("1 conflict open"), "{told}");
    shell.ok(&["-C", "b", "resolve", "two", "--absent"]);
    assert!(!shell.path("b/two").exists());
    assert_eq!(shell.json(&["-C", "b", "conflicts"])["conflicts"], json!([]));
}
