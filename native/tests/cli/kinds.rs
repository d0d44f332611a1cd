//! Files that become links, and links that become files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;

use crate::shell::{Shell, texts};

const APPLY: [&str; 7] = ["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"];

/// The repo `a` with a text and a link, and its copy `b`.
fn with_copy() -> Shell {
    let shell = Shell::with_repo();
    shell.write("a/text", "1\n2\n3\n");
    symlink("text", shell.path("a/link")).unwrap();
    shell.ok(&["-C", "a", "record"]);
    shell.ok(&["clone", "a", "b"]);
    shell
}

fn link(shell: &Shell, path: &str, target: &str) {
    let _ = fs::remove_file(shell.path(path));
    symlink(target, shell.path(path)).unwrap();
}

#[test]
fn an_edit_and_a_link_in_place_of_the_file_are_both_there() {
    let shell = with_copy();
    shell.write("a/text", "1\ntwo\n3\n");
    shell.ok(&["-C", "a", "record"]);
    link(&shell, "b/text", "elsewhere");
    let recorded = shell.json(&["-C", "b", "record"]);
    assert_eq!(recorded["changes"], json!([{ "path": "text", "change": "edited", "mode": "link" }]));
    let shown = shell.json(&["-C", "b", "show", texts(&recorded["ops"]).last().unwrap()]);
    let files = shown["record"]["files"].as_array().unwrap();
    assert_eq!(
        (files.len(), &files[0]["change"], &files[0]["oldMode"], &files[0]["newMode"]),
        (1, &json!("edited"), &json!("file"), &json!("link"))
    );
    let (code, applied) = shell.document(&APPLY);
    assert_eq!(code, 2);
    let conflicts = applied["folder"]["fileConflicts"].as_array().unwrap().iter();
    let clash = conflicts.filter(|conflict| conflict["about"] == "clash").collect::<Vec<_>>()[0];
    let aside = texts(&clash["shown"])[1];
    assert_eq!(shell.read("b/text"), b"1\ntwo\n3\n");
    assert_eq!(fs::read_link(shell.path("b").join(aside)).unwrap(), Path::new("elsewhere"));
    shell.ok(&["-C", "b", "undo"]);
    assert!(!shell.path("b").join(aside).exists());
}

#[test]
fn targets_of_links_have_no_lines() {
    let shell = with_copy();
    link(&shell, "a/link", "of a");
    link(&shell, "b/link", "of b");
    for side in ["a", "b"] {
        shell.ok(&["-C", side, "record"]);
    }
    let (code, applied) = shell.document(&APPLY);
    assert_eq!((code, &applied["folder"]["fileConflicts"][0]["about"]), (2, &json!("content")));
    let target = fs::read_link(shell.path("a/link")).unwrap();
    assert!([Path::new("of a"), Path::new("of b")].contains(&target.as_path()), "{target:?}");
}
