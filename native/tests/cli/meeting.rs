//! Two copies of a folder that meet: what merges, what clashes, and that both hold the same files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::folder::{listed, record, status};
use crate::shell::{Shell, texts};

/// The repo `a` with the file `base`, and its copy `b`.
fn with_copy() -> Shell {
    let shell = Shell::with_repo();
    shell.write("a/base", "1\n2\n3\n");
    record(&shell);
    shell.ok(&["clone", "a", "b"]);
    assert_eq!(shell.read("b/base"), b"1\n2\n3\n");
    shell
}

/// Records both sides, exchanges them, and expects the same files on both. Returns the conflicts.
fn exchange(shell: &Shell) -> Value {
    for side in ["a", "b"] {
        assert_ne!(shell.document(&["-C", side, "record"]).0, 1);
    }
    shell.run(&["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"]);
    let [a, b] = ["a", "b"].map(|side| files_of(&shell.path(side)));
    assert_eq!(a, b);
    let (_, status) = shell.document(&["-C", "b", "status"]);
    assert_eq!((&status["changes"], &status["differing"]), (&json!([]), &json!(0)));
    let conflicts = shell.document(&["-C", "b", "record"]).1["fileConflicts"].clone();
    let places = |conflicts: &Value| {
        let conflicts = conflicts.as_array().unwrap().iter();
        conflicts.map(|conflict| [conflict["path"].clone(), conflict["about"].clone()]).collect::<Vec<_>>()
    };
    assert_eq!(places(&conflicts), places(&status["fileConflicts"]));
    conflicts
}

/// Every file of a folder, with its content, but those of the repo.
fn files_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut open) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true if path.ends_with(".trellis") => {}
                true => open.push(path),
                false => {
                    let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                    files.insert(name, fs::read(path).unwrap());
                }
            }
        }
    }
    files
}

#[test]
fn the_same_file_added_twice_is_one_file() {
    let shell = with_copy();
    shell.write("a/new", "same");
    shell.write("b/new", "same");
    assert_eq!(exchange(&shell), json!([]));
    assert_eq!(files_of(&shell.path("a")).keys().collect::<Vec<_>>(), ["base", "new"]);
    shell.write("b/new", "edited");
    assert_eq!(exchange(&shell), json!([]));
    assert_eq!(shell.read("a/new"), b"edited");
    assert_eq!(shell.json(&["-C", "a", "ls", "files"])["entries"].as_array().unwrap().len(), 2, "the twin is gone");
}

#[test]
fn two_files_of_one_path_are_both_there() {
    let shell = with_copy();
    shell.write("a/new.txt", "of a");
    shell.write("b/new.txt", "of b");
    let conflicts = exchange(&shell);
    let shown = texts(&conflicts[0]["shown"]);
    assert_eq!((&conflicts[0]["about"], shown.len(), shown[0]), (&json!("clash"), 2, "new.txt"));
    assert!(shown[1].starts_with("new~") && shown[1].ends_with(".txt"), "{shown:?}");
    let mut both = shown.iter().map(|path| shell.read(&format!("a/{path}"))).collect::<Vec<_>>();
    both.sort();
    assert_eq!(both, [b"of a".to_vec(), b"of b".to_vec()]);
    shell.ok(&["-C", "b", "mv", shown[1], "second.txt"]);
    assert_eq!(exchange(&shell), json!([]));
    assert_eq!(files_of(&shell.path("a")).keys().collect::<Vec<_>>(), ["base", "new.txt", "second.txt"]);
}

#[test]
fn a_file_gives_way_to_a_folder_on_every_copy() {
    let shell = with_copy();
    shell.write("a/new", "a file");
    shell.write("b/new/inner", "in a folder");
    let conflicts = exchange(&shell);
    let shown = texts(&conflicts[0]["shown"]);
    assert_eq!((shell.read("a/new/inner"), shown.len()), (b"in a folder".to_vec(), 1));
    assert_eq!(shell.read(&format!("b/{}", shown[0])), b"a file");
    fs::remove_file(shell.path("a").join(shown[0])).unwrap();
    assert_eq!(exchange(&shell), json!([]));
    assert_eq!(files_of(&shell.path("b")).keys().collect::<Vec<_>>(), ["base", "new/inner"]);
}

#[test]
fn renames_edits_and_removals_meet() {
    let shell = with_copy();
    fs::rename(shell.path("a/base"), shell.path("a/renamed")).unwrap();
    shell.write("b/base", "1\n2\nthree\n");
    assert_eq!(exchange(&shell), json!([]));
    assert_eq!(files_of(&shell.path("b")), BTreeMap::from([("renamed".into(), b"1\n2\nthree\n".to_vec())]));
    fs::rename(shell.path("a/renamed"), shell.path("a/one")).unwrap();
    fs::rename(shell.path("b/renamed"), shell.path("b/two")).unwrap();
    assert_eq!(exchange(&shell)[0]["about"], "path");
    let path = files_of(&shell.path("a")).into_keys().next().unwrap();
    shell.ok(&["-C", "a", "mv", &path, "three"]);
    assert_eq!(exchange(&shell), json!([]));
    fs::remove_file(shell.path("a/three")).unwrap();
    shell.write("b/three", "edited\n");
    assert_eq!(exchange(&shell)[0]["about"], "removal");
}

#[test]
fn binaries_that_differ_are_a_conflict_and_no_text() {
    let shell = with_copy();
    shell.write("a/bin", b"\0base");
    exchange(&shell);
    shell.write("a/bin", b"\0of a");
    shell.write("b/bin", b"\0of b");
    assert_eq!(exchange(&shell), json!([{ "path": "bin", "about": "content" }]));
    assert!([b"\0of a", b"\0of b"].contains(&shell.read("a/bin").as_slice().try_into().unwrap()));
}

#[test]
fn edits_of_other_lines_on_two_branches_merge() {
    let shell = Shell::with_repo();
    shell.write("a/x", "1\n2\n3\n4\n5\n");
    record(&shell);
    shell.ok(&["-C", "a", "switch", "--create", "other"]);
    shell.write("a/x", "1\n2\n3\n4\nfive\n");
    record(&shell);
    shell.ok(&["-C", "a", "switch", "main"]);
    shell.write("a/x", "one\n2\n3\n4\n5\n");
    record(&shell);
    shell.run(&["-C", "a", "merge", "other"]);
    shell.ok(&["-C", "a", "switch", "main"]);
    assert_eq!(shell.read("a/x"), b"one\n2\n3\n4\nfive\n");
    assert_eq!(status(&shell), Vec::<String>::new());
}

#[test]
fn a_conflict_stands_in_the_file_and_is_not_recorded_by_mistake() {
    let shell = Shell::with_repo();
    shell.write("a/x", "base\n");
    record(&shell);
    shell.ok(&["-C", "a", "switch", "--create", "other"]);
    shell.write("a/x", "theirs\n");
    record(&shell);
    shell.ok(&["-C", "a", "switch", "main"]);
    shell.write("a/x", "ours\n");
    record(&shell);
    shell.run(&["-C", "a", "merge", "other"]);
    assert_eq!(shell.run(&["-C", "a", "switch", "main"]).code, 2);
    let text = String::from_utf8(shell.read("a/x")).unwrap();
    let markers = ["<<<<<<< A (", "||||||| base", "=======", ">>>>>>> B ("];
    assert!(markers.iter().all(|marker| text.contains(marker)), "{text}");
    assert!(["ours\n", "theirs\n", "base\n"].iter().all(|side| text.contains(side)), "{text}");
    let (code, status) = shell.document(&["-C", "a", "status"]);
    assert_eq!((code, &status["changes"]), (2, &json!([])));
    assert_eq!(status["fileConflicts"], json!([{ "path": "x", "about": "content" }]));
    shell.write("a/x", "edited by hand\n");
    shell.write("a/y", "another file");
    let (code, recorded) = shell.document(&["-C", "a", "record"]);
    assert_eq!((code, listed(&recorded)), (2, vec!["added y".to_owned()]));
    assert_eq!((texts(&recorded["inConflict"]), shell.read("a/x")), (vec!["x"], b"edited by hand\n".to_vec()));
    assert_eq!(shell.json(&["-C", "a", "resolve", "x"])["open"], 0);
    assert_eq!(record(&shell), Vec::<String>::new());
    assert_eq!(shell.read("a/x"), b"edited by hand\n");
}
