//! Folders of two copies: clone, reconcile, conflicts, resolve, undo, and records in the log.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::shell::Shell;

const PREVIEW: [&str; 6] = ["-C", "b", "sync", "reconcile", "--remote", "../a"];
const APPLY: [&str; 7] = ["-C", "b", "sync", "reconcile", "--remote", "../a", "--apply"];
const LINES: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

/// The repo `a` with recorded files, and its clone `b`.
fn with_files() -> Shell {
    let shell = Shell::with_repo();
    write(&shell, "a/lines.txt", LINES);
    fs::create_dir(shell.path("a/docs")).unwrap();
    write(&shell, "a/docs/long", &"long ".repeat(200_000));
    write(&shell, "a/bin", "A\0");
    shell.ok(&["-C", "a", "record", "-m", "Begin"]);
    shell.ok(&["clone", "a", "b"]);
    shell
}

fn write(shell: &Shell, path: &str, text: &str) {
    fs::write(shell.path(path), text).unwrap();
}

fn read(shell: &Shell, path: &str) -> String {
    fs::read_to_string(shell.path(path)).unwrap()
}

/// Both sides record another text of a file.
fn diverge(shell: &Shell, file: &str, a: &str, b: &str) {
    for (side, text) in [("a", a), ("b", b)] {
        write(shell, &format!("{side}/{file}"), text);
        shell.ok(&["-C", side, "record"]);
    }
}

#[test]
fn a_clone_has_the_files() {
    let shell = with_files();
    for file in ["lines.txt", "docs/long", "bin"] {
        assert_eq!(read(&shell, &format!("a/{file}")), read(&shell, &format!("b/{file}")), "{file}");
    }
    let cloned = shell.json(&["clone", "a", "c"]);
    assert_eq!((&cloned["blobs"], &cloned["missingBlobs"]), (&json!(3), &json!([])));
    assert_eq!(cloned["folder"]["written"], json!(["bin", "docs/long", "lines.txt"]));
}

#[test]
fn edits_of_different_lines_merge_in_both_folders() {
    let shell = with_files();
    diverge(&shell, "lines.txt", &LINES.replace('1', "one"), &LINES.replace('9', "nine"));
    let preview = shell.json(&PREVIEW);
    assert_eq!(
        (&preview["conflictRecords"][0]["file"], &preview["conflictRecords"][0]["mergesByLines"]),
        (&json!("lines.txt"), &json!(true))
    );
    assert_eq!(read(&shell, "b/lines.txt"), LINES.replace('9', "nine"));
    let applied = shell.json(&APPLY);
    assert_eq!(applied["folder"]["merged"].as_array().map(Vec::len), Some(1));
    for side in ["a", "b"] {
        assert_eq!(
            read(&shell, &format!("{side}/lines.txt")),
            LINES.replace('1', "one").replace('9', "nine"),
            "{side}"
        );
    }
}

#[test]
fn a_change_that_is_not_recorded_is_never_overwritten() {
    let shell = with_files();
    write(&shell, "a/bin", "B\0");
    shell.ok(&["-C", "a", "record"]);
    write(&shell, "b/bin", "mine");
    assert_eq!(shell.json(&APPLY)["folder"]["keptBack"], json!(["bin"]));
    assert_eq!(read(&shell, "b/bin"), "mine");
}

#[test]
fn a_conflict_of_lines_is_closed_by_the_edited_file() {
    let shell = with_files();
    diverge(&shell, "lines.txt", &LINES.replace('5', "a"), &LINES.replace('5', "b"));
    assert_eq!(shell.run(&APPLY).code, 2);
    let (code, open) = shell.document(&["-C", "a", "conflicts"]);
    assert_eq!(
        (code, &open["conflicts"][0]["file"], &open["conflicts"][0]["about"]),
        (2, &json!("lines.txt"), &json!("content"))
    );
    let message = shell.refusal(&["-C", "a", "resolve", "a/lines.txt"], "not_found");
    assert!(message.contains("a/lines.txt"), "{message}");
    shell.refusal(&["-C", "a", "resolve", "lines.txt"], "invalid_argument");
    write(&shell, "a/lines.txt", &LINES.replace('5', "both"));
    assert_eq!(shell.json(&["-C", "a", "resolve", "lines.txt"])["open"], 0);
    shell.ok(&APPLY);
    assert_eq!(read(&shell, "b/lines.txt"), LINES.replace('5', "both"));
}

#[test]
fn a_side_of_a_file_can_be_taken() {
    let shell = with_files();
    diverge(&shell, "bin", "B\0", "C\0");
    fs::remove_file(shell.path("a/lines.txt")).unwrap();
    shell.ok(&["-C", "a", "record"]);
    write(&shell, "b/lines.txt", "kept\n");
    shell.ok(&["-C", "b", "record"]);
    let (code, applied) = shell.document(&APPLY);
    assert_eq!((code, applied["conflictRecords"].as_array().map(Vec::len)), (2, Some(2)));
    shell.refusal(&["-C", "a", "resolve", "lines.txt"], "invalid_argument");
    shell.refusal(&["-C", "a", "resolve", "lines.txt", "--value", "1"], "invalid_argument");
    for side in applied["conflictRecords"].as_array().unwrap() {
        let wanted = if side["file"] == "bin" { "C\0" } else { "kept\n" };
        let hash = blake3::hash(wanted.as_bytes()).to_hex().to_string();
        let sides = side["sides"].as_array().unwrap().iter();
        let mut chosen = sides.filter(|side| side["value"].to_string().contains(&hash));
        let letter = chosen.next().unwrap()["side"].as_str().unwrap();
        shell.ok(&["-C", "b", "resolve", side["file"].as_str().unwrap(), "--take", letter]);
    }
    shell.ok(&APPLY);
    for side in ["a", "b"] {
        assert_eq!(read(&shell, &format!("{side}/bin")), "C\0");
        assert_eq!(read(&shell, &format!("{side}/lines.txt")), "kept\n");
    }
}

#[test]
fn a_file_takes_a_value_of_what_the_conflict_is_about() {
    let shell = with_files();
    diverge(&shell, "lines.txt", &LINES.replace('5', "five"), &LINES.replace('5', "fünf"));
    for (side, to, mode) in [("a", "tools/run", 0o755), ("b", "run.sh", 0o644)] {
        shell.ok(&["-C", side, "mv", "bin", to]);
        fs::set_permissions(shell.path(&format!("{side}/{to}")), PermissionsExt::from_mode(mode)).unwrap();
        shell.ok(&["-C", side, "record"]);
    }
    assert_eq!(shell.document(&APPLY).0, 2);
    let path = shell.document(&["-C", "b", "status"]).1["fileConflicts"][1]["path"].as_str().unwrap().to_owned();
    shell.refusal(&["-C", "a", "resolve", &path, "--value", "../outside"], "path_refused");
    shell.ok(&["-C", "b", "resolve", &path, "--value", "run"]);
    let fed = shell.feed(&["-C", "b", "resolve", "lines.txt", "--value", "-"], "5\n");
    assert_eq!(fed.code, 0, "{}", fed.err);
    assert_eq!((read(&shell, "b/run"), read(&shell, "b/lines.txt")), ("A\0".into(), "5\n".into()));
    assert_eq!(shell.document(&APPLY).0, 0);
    assert_eq!((read(&shell, "a/run"), read(&shell, "a/lines.txt")), ("A\0".into(), "5\n".into()));
}

#[test]
fn a_merge_brings_the_folder_along() {
    let shell = with_files();
    shell.ok(&["-C", "a", "switch", "--create", "draft"]);
    write(&shell, "a/new", "new");
    shell.ok(&["-C", "a", "record"]);
    shell.ok(&["-C", "a", "switch", "main"]);
    assert!(!shell.path("a/new").exists());
    assert_eq!(shell.json(&["-C", "a", "merge", "draft"])["folder"]["written"], json!(["new"]));
    assert_eq!(read(&shell, "a/new"), "new");
}

#[test]
fn undo_takes_a_whole_record_back_and_forth() {
    let shell = with_files();
    write(&shell, "a/lines.txt", "other");
    fs::rename(shell.path("a/docs/long"), shell.path("a/moved")).unwrap();
    fs::remove_file(shell.path("a/bin")).unwrap();
    write(&shell, "a/new", "new");
    shell.ok(&["-C", "a", "record", "-m", "Four things"]);
    let undone = shell.json(&["-C", "a", "undo"]);
    assert_eq!(undone["ops"].as_array().map(Vec::len), Some(5));
    assert_eq!(read(&shell, "a/lines.txt"), LINES);
    assert_eq!(read(&shell, "a/bin"), "A\0");
    assert!(shell.path("a/docs/long").exists() && !shell.path("a/new").exists() && !shell.path("a/moved").exists());
    shell.ok(&["-C", "a", "undo"]);
    assert_eq!(read(&shell, "a/lines.txt"), "other");
    assert!(shell.path("a/moved").exists() && shell.path("a/new").exists() && !shell.path("a/bin").exists());
    let titles: Vec<Value> = records(&shell, &[]).into_iter().map(|record| record["message"].clone()).collect();
    assert_eq!(titles, ["Redo: Four things", "Undo: Four things", "Four things", "Begin"]);
}

#[test]
fn undo_of_a_plain_write_takes_that_one_back() {
    let shell = with_files();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    assert_eq!(shell.json(&["-C", "a", "undo"])["places"], json!(["notes/1"]));
    assert_eq!(read(&shell, "a/lines.txt"), LINES);
}

#[test]
fn the_log_has_a_line_for_each_record() {
    let shell = with_files();
    write(&shell, "a/bin", "B\0");
    shell.ok(&["-C", "a", "record", "-m", "Only bin"]);
    let text = shell.ok(&["-C", "a", "log"]);
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.lines().next().unwrap().ends_with("record  Only bin (1 change)"), "{text}");
    assert_eq!(records(&shell, &["lines.txt"]).len(), 1);
    assert_eq!(records(&shell, &["bin"]).len(), 2);
    let shown = shell.json(&["-C", "a", "log", "-n", "1"]);
    assert_eq!((shown["ops"].as_array().map(Vec::len), &shown["records"][0]["changes"]), (Some(2), &json!(1)));
    let last = records(&shell, &[]).pop().unwrap();
    let begun = shell.json(&["-C", "a", "show", last["op"].as_str().unwrap()]);
    let files: Vec<&Value> = begun["record"]["files"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
    assert_eq!(files, ["bin", "docs/long", "lines.txt"]);
}

fn records(shell: &Shell, more: &[&str]) -> Vec<Value> {
    shell.json(&[&["-C", "a", "log"], more].concat())["records"].as_array().unwrap().clone()
}

#[test]
fn a_repo_without_files_gets_no_index() {
    let shell = Shell::with_conflict();
    shell.ok(&["-C", "a", "resolve", "notes/1/title", "--take", "A"]);
    shell.ok(&["-C", "a", "branch", "draft"]);
    shell.ok(&["-C", "a", "merge", "draft"]);
    shell.ok(&["-C", "a", "undo"]);
    for repo in ["a", "b"] {
        assert!(!shell.path(repo).join(".trellis/index").exists(), "{repo}");
    }
}
