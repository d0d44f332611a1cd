//! Linear branches with files: two lines stand side by side until one side gives way, and then the folders agree.

use std::fs;

use serde_json::{Value, json};

use crate::shell::{Shell, texts};

const APPLY: [&str; 7] = ["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"];
const LINES: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

/// The repo `a` with a recorded file, and its clone `b`; `main` is linear in both.
fn with_line() -> Shell {
    let shell = Shell::with_repo();
    shell.write("a/f", LINES);
    shell.ok(&["-C", "a", "record", "-m", "Begin"]);
    shell.ok(&["clone", "a", "b"]);
    linear(&shell, "main", "true");
    shell
}

fn linear(shell: &Shell, pattern: &str, value: &str) {
    for repo in ["a", "b"] {
        shell.ok(&["-C", repo, "config", "set", &format!("branchPolicies.{pattern}.linear"), value]);
    }
}

fn record(shell: &Shell, repo: &str, file: &str, text: &str) {
    shell.write(&format!("{repo}/{file}"), text);
    shell.ok(&["-C", repo, "record", "-m", &format!("{repo} writes {file}")]);
}

fn keep(shell: &Shell, side: &str) -> (i32, Value) {
    shell.document(&[&APPLY[..], &["--keep", side]].concat())
}

/// What a folder holds: its files, each with its text.
fn folder(shell: &Shell, repo: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(shell.path(repo)).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    let mut files: Vec<(String, String)> = files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Both folders hold this, and both repos say that nothing is left to record.
#[track_caller]
fn expect_folders(shell: &Shell, files: &[(&str, &str)]) {
    let files: Vec<(String, String)> = files.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
    for repo in ["a", "b"] {
        assert_eq!(folder(shell, repo), files, "{repo}");
        assert_eq!(shell.document(&["-C", repo, "status"]).1["changes"], json!([]), "{repo}");
    }
}

#[test]
fn a_record_on_two_lines_is_refused_and_says_what_to_do() {
    let shell = with_line();
    record(&shell, "a", "f", &LINES.replace('1', "one"));
    record(&shell, "b", "f", &LINES.replace('9', "nine"));
    let (code, applied) = shell.document(&APPLY);
    assert_eq!((code, &applied["error"]["code"], &applied["diverged"]), (1, &json!("diverged"), &json!(["main"])));
    assert_eq!(applied["folder"]["merged"], json!([]), "nobody merges while there are two lines");
    shell.write("a/new", "new");
    for file in [&[][..], &["new"]] {
        let message = shell.refusal(&[&["-C", "a", "record"], file].concat(), "diverged");
        assert!(message.contains("write the record") && message.contains("--apply --keep local"), "{message}");
    }
    assert_eq!(keep(&shell, "local").0, 0);
    assert_eq!(shell.read("a/new"), b"new");
    assert_eq!(shell.json(&["-C", "a", "record"])["changes"][0]["path"], "new");
}

#[test]
fn whoever_gives_way_both_folders_hold_the_work_of_both() {
    for side in ["local", "remote"] {
        let shell = with_line();
        record(&shell, "a", "f", &LINES.replace('1', "one"));
        record(&shell, "b", "f", &LINES.replace('9', "nine"));
        record(&shell, "b", "g", "more");
        let (code, kept) = keep(&shell, side);
        assert_eq!((code, &kept["diverged"], &kept["conflicts"]), (0, &json!([]), &json!([])), "{side}");
        assert_eq!(texts(&kept["rebased"]).len(), if side == "local" { 4 } else { 2 });
        expect_folders(&shell, &[("f", &LINES.replace('1', "one").replace('9', "nine")), ("g", "more")]);
        let log = shell.json(&["-C", "a", "log"]);
        let lost = log["ops"].as_array().unwrap().iter().filter(|op| op["effective"] == false).count();
        assert_eq!(lost, texts(&kept["rebased"]).len(), "what was written anew stands once with effect");
        for repo in ["a", "b"] {
            record(&shell, repo, "h", repo);
            assert_eq!(shell.document(&APPLY).0, 0, "{repo} goes on at the end of the one line");
        }
    }
}

#[test]
fn a_rename_and_a_removal_are_written_anew() {
    let shell = with_line();
    record(&shell, "a", "old", "old");
    shell.ok(&APPLY);
    record(&shell, "a", "f", &LINES.replace('5', "five"));
    shell.ok(&["-C", "b", "mv", "f", "renamed"]);
    fs::remove_file(shell.path("b/old")).unwrap();
    shell.ok(&["-C", "b", "record"]);
    assert_eq!(keep(&shell, "local").0, 0);
    expect_folders(&shell, &[("renamed", &LINES.replace('5', "five"))]);
}

#[test]
fn a_rebase_that_meets_the_same_lines_ends_as_a_conflict() {
    for side in ["local", "remote"] {
        let shell = with_line();
        record(&shell, "a", "f", &LINES.replace('5', "a"));
        record(&shell, "b", "f", &LINES.replace('5', "b"));
        let (code, kept) = keep(&shell, side);
        assert_eq!((code, &kept["diverged"], kept.get("error")), (2, &json!([]), None), "{side}");
        let conflicts = shell.document(&["-C", "b", "conflicts"]).1;
        assert_eq!(conflicts["conflicts"][0]["file"], "f");
        assert_eq!(conflicts["conflicts"][0]["sides"].as_array().map(Vec::len), Some(2));
        let marked = String::from_utf8(shell.read("a/f")).unwrap();
        assert!(marked.contains("\na\n") && marked.contains("\nb\n"), "{marked}");
        let both = LINES.replace('5', "a and b");
        shell.write("b/f", &both);
        assert_eq!(shell.json(&["-C", "b", "resolve", "f"])["open"], 0);
        assert_eq!(shell.document(&APPLY).0, 0);
        expect_folders(&shell, &[("f", &both)]);
    }
}

#[test]
fn a_pattern_says_which_branches_are_linear() {
    let shell = with_line();
    linear(&shell, "feature/*", "true");
    linear(&shell, "release/**", "true");
    linear(&shell, "release/old/**", "false");
    let branches = [
        ("main", true),
        ("feature/x", true),
        ("feature/x/y", false),
        ("release/1/2", true),
        ("release/old/3", false),
        ("other", false),
    ];
    for (branch, _) in &branches[1..] {
        shell.ok(&["-C", "a", "branch", branch]);
    }
    shell.ok(&APPLY);
    for (branch, _) in branches {
        for repo in ["a", "b"] {
            shell.ok(&["-C", repo, "switch", branch]);
            record(&shell, repo, repo, branch);
        }
    }
    let mut diverged = branches.iter().filter(|(_, linear)| *linear).map(|(branch, _)| *branch).collect::<Vec<_>>();
    let (code, applied) = shell.document(&APPLY);
    let mut told = texts(&applied["diverged"]);
    diverged.sort_unstable();
    told.sort_unstable();
    assert_eq!((code, told), (1, diverged));
    for (branch, is_linear) in branches {
        shell.ok(&["-C", "a", "switch", branch]);
        shell.write("a/more", branch);
        let (code, recorded) = shell.document(&["-C", "a", "record"]);
        assert_eq!((code, recorded["error"]["code"] == "diverged"), (i32::from(is_linear), is_linear), "{branch}");
        let _ = fs::remove_file(shell.path("a/more"));
        if !is_linear {
            shell.ok(&["-C", "a", "record"]);
        }
    }
    assert_eq!(
        (keep(&shell, "local").0, shell.json(&["-C", "b", "switch", "feature/x"])["branch"] == "feature/x"),
        (0, true)
    );
    shell.ok(&["-C", "a", "switch", "feature/x"]);
    expect_folders(&shell, &[("a", "feature/x"), ("b", "feature/x"), ("f", LINES)]);
}

#[test]
fn a_rebase_may_be_long_and_keeps_on_whose_behalf_it_was_written() {
    let shell = with_line();
    record(&shell, "a", "f", &LINES.replace('5', "five"));
    let written = shell.json(&["-C", "b", "set", "notes/1/title", "Calm", "--actor", "robot"]);
    for file in 0..1100 {
        shell.write(&format!("b/many/{file}"), file.to_string());
    }
    shell.ok(&["-C", "b", "record", "-m", "Many"]);
    let (code, kept) = keep(&shell, "local");
    assert_eq!((code, texts(&kept["rebased"]).len()), (0, 1102));
    assert_eq!(fs::read_dir(shell.path("a/many")).unwrap().count(), 1100);
    let anew = shell.json(&["-C", "a", "show", texts(&kept["rebased"])[0]]);
    assert_eq!((&anew["op"]["actor"], &anew["op"]["previousHash"]), (&json!("robot"), &json!(last_withdrawn(&shell))));
    assert_ne!(anew["op"]["hash"], written["ops"][0]);
    assert_eq!(shell.json(&["-C", "a", "log", "many/7"])["records"][0]["changes"], 1100);
}

/// The last op that `b` wrote before it gave way.
fn last_withdrawn(shell: &Shell) -> String {
    let log = shell.json(&["-C", "b", "log", "--graph"]);
    let ops = log["ops"].as_array().unwrap();
    let withdrawn = ops.iter().filter(|op| op["effective"] == false);
    withdrawn.max_by_key(|op| op["seq"].as_u64()).unwrap()["hash"].as_str().unwrap().to_owned()
}
