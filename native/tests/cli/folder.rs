//! A folder of real files: what is recorded of it, and how it follows its branch.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use serde_json::{Value, json};

use crate::shell::{Shell, texts};

/// The changes that a document lists, a line each.
pub(crate) fn listed(document: &Value) -> Vec<String> {
    let line = |change: &Value| {
        let (word, path) = (change["change"].as_str().unwrap(), change["path"].as_str().unwrap());
        match change["from"].as_str() {
            Some(from) => format!("{word} {from} -> {path}"),
            None => format!("{word} {path}"),
        }
    };
    document["changes"].as_array().unwrap().iter().map(line).collect()
}

pub(crate) fn status(shell: &Shell) -> Vec<String> {
    listed(&shell.json(&["-C", "a", "status"]))
}

/// Records everything, and expects that nothing is left.
pub(crate) fn record(shell: &Shell) -> Vec<String> {
    let recorded = listed(&shell.json(&["-C", "a", "record"]));
    assert_eq!(status(shell), Vec::<String>::new());
    recorded
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).unwrap().permissions().mode() & 0o100 != 0
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn adds_edits_and_removals_are_recorded() {
    let shell = Shell::with_repo();
    shell.write("a/one", "1\n");
    shell.write("a/deep/er/two", "2\n");
    shell.write("a/empty", "");
    shell.write("a/binary", b"\0\xff\xfe\0");
    assert_eq!(status(&shell), ["added binary", "added deep/er/two", "added empty", "added one"]);
    assert_eq!(record(&shell), ["added binary", "added deep/er/two", "added empty", "added one"]);
    shell.write("a/one", "1\n2\n");
    fs::remove_file(shell.path("a/binary")).unwrap();
    assert_eq!(record(&shell), ["removed binary", "edited one"]);
    let nothing = shell.json(&["-C", "a", "record"]);
    assert_eq!((listed(&nothing), &nothing["ops"]), (vec![], &json!([])));
    assert_eq!(shell.json(&["-C", "a", "ls", "files"])["entries"].as_array().unwrap().len(), 3);
}

#[test]
fn a_record_is_one_chain_with_a_note_behind_it() {
    let shell = Shell::with_repo();
    shell.write("a/one", "1");
    shell.write("a/two", "2");
    let recorded = shell.json(&["-C", "a", "record", "-m", "Begin"]);
    let ops = texts(&recorded["ops"]);
    assert_eq!(ops.len(), 3);
    let note = shell.json(&["-C", "a", "show", ops[2]]);
    let (collection, body) = (&note["op"]["collection"], &note["op"]["body"]);
    assert_eq!((collection, body), (&json!("_records"), &json!({ "message": "Begin", "ops": 2 })));
}

#[test]
fn only_what_was_named_is_recorded() {
    let shell = Shell::with_repo();
    for path in ["a/docs/x", "a/docs/y", "a/docsx", "a/z"] {
        shell.write(path, path);
    }
    assert_eq!(listed(&shell.json(&["-C", "a/docs", "record", "."])), ["added docs/x", "added docs/y"]);
    assert_eq!(listed(&shell.json(&["-C", "a", "record", "z"])), ["added z"]);
    assert_eq!(status(&shell), ["added docsx"]);
    shell.refusal(&["-C", "a", "record", "none"], "not_found");
    shell.refusal(&["-C", "a", "record", "../b"], "path_refused");
}

#[test]
fn a_file_that_moved_is_the_same_file() {
    let shell = Shell::with_repo();
    shell.write("a/equal", b"\0binary");
    shell.write("a/half", "1\n2\n3\n4\n");
    shell.write("a/less", "1\n2\n3\nx\ny\nz\n7\n8\n");
    record(&shell);
    let before = shell.json(&["-C", "a", "ls", "files"]);
    fs::create_dir(shell.path("a/in")).unwrap();
    fs::rename(shell.path("a/equal"), shell.path("a/in/equal")).unwrap();
    fs::remove_file(shell.path("a/half")).unwrap();
    shell.write("a/half2", "1\n2\n5\n6\n");
    fs::remove_file(shell.path("a/less")).unwrap();
    shell.write("a/less2", "x\ny\nz\na\nb\nc\nd\ne\n");
    let expected = ["renamed half -> half2", "renamed equal -> in/equal", "removed less", "added less2"];
    assert_eq!(record(&shell), expected);
    let after = shell.json(&["-C", "a", "ls", "files"]);
    let keys = |document: &Value| {
        let entries = document["entries"].as_array().unwrap().iter();
        entries.map(|entry| entry["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let stayed = keys(&before).into_iter().filter(|key| keys(&after).contains(key)).count();
    assert_eq!((stayed, keys(&after).len()), (2, 3));
}

#[test]
fn kinds_of_files_are_recorded_and_links_are_not_followed() {
    let shell = Shell::with_repo();
    shell.write("secret", "outside");
    shell.write("outside/file", "outside");
    shell.write("a/run", "#!/bin/sh\n");
    set_mode(&shell.path("a/run"), 0o755);
    symlink("../secret", shell.path("a/link")).unwrap();
    symlink("nowhere", shell.path("a/broken")).unwrap();
    symlink("../outside", shell.path("a/folder")).unwrap();
    let kinds = |document: &Value| {
        let changes = document["changes"].as_array().unwrap().iter();
        changes.map(|change| change["mode"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let recorded = shell.json(&["-C", "a", "record"]);
    assert_eq!(listed(&recorded), ["added broken", "added folder", "added link", "added run"]);
    assert_eq!(kinds(&recorded), ["link", "link", "link", "exec"]);
    set_mode(&shell.path("a/run"), 0o644);
    assert_eq!(record(&shell), ["edited run"]);
    fs::remove_file(shell.path("a/link")).unwrap();
    shell.write("a/link", "a file now");
    assert_eq!(kinds(&shell.json(&["-C", "a", "record"])), ["file"]);
    fs::remove_file(shell.path("a/folder")).unwrap();
    shell.ok(&["-C", "a", "restore", "folder"]);
    assert_eq!(fs::read_link(shell.path("a/folder")).unwrap(), Path::new("../outside"));
    assert_eq!(shell.read("secret"), b"outside");
}

#[test]
fn odd_names_come_back_byte_for_byte() {
    let shell = Shell::with_repo();
    let bytes: [&[u8]; 9] = [
        b"two\nlines",
        b" spaces ",
        b"-rf",
        b"~home",
        b"a~1b",
        b"\xff\xfe.txt",
        "é\u{301}".as_bytes(),
        b"back\\slash",
        b"q'\"$(x)`*?[",
    ];
    let place = |name: &[u8]| shell.path("a/odd").join(OsStr::from_bytes(name));
    fs::create_dir(shell.path("a/odd")).unwrap();
    for name in bytes {
        fs::write(place(name), name).unwrap();
    }
    assert_eq!(record(&shell).len(), bytes.len());
    shell.ok(&["-C", "a", "switch", "--create", "other"]);
    fs::remove_dir_all(shell.path("a/odd")).unwrap();
    assert_eq!(record(&shell).len(), bytes.len());
    shell.ok(&["-C", "a", "switch", "main"]);
    for name in bytes {
        assert_eq!(fs::read(place(name)).unwrap(), name);
    }
    assert_eq!(fs::read_dir(shell.path("a/odd")).unwrap().count(), bytes.len());
    assert_eq!(status(&shell), Vec::<String>::new());
    fs::remove_file(place(b"-rf")).unwrap();
    shell.ok(&["-C", "a/odd", "restore", "--", "-rf", "~home"]);
    assert_eq!(fs::read(place(b"-rf")).unwrap(), b"-rf");
}

#[test]
fn what_the_rules_name_is_passed_over() {
    let shell = Shell::with_repo();
    for path in ["a/x.log", "a/keep.log", "a/target/x", "a/sub/y.tmp", "a/sub/z.log", "a/y.tmp", "a/.hidden", "a/root"]
    {
        shell.write(path, path);
    }
    shell.write("a/.gitignore", "root\n");
    shell.write("a/.trellisignore", "# rules\n*.log\n!keep.log\n/target/\n");
    shell.write("a/sub/.trellisignore", "*.tmp\n!z.log\n");
    let expected = [".gitignore", ".hidden", ".trellisignore", "keep.log", "root", "sub/.trellisignore", "sub/z.log"];
    let expected: Vec<String> = expected.iter().chain(&["y.tmp"]).map(|path| format!("added {path}")).collect();
    assert_eq!(record(&shell), expected);
    shell.write("a/.trellisignore", "*.log\nroot\n");
    shell.write("a/root", "tracked stays tracked");
    let expected = ["edited .trellisignore", "edited root", "added target/x"];
    assert_eq!(record(&shell), expected);
    assert!(shell.path("a/x.log").exists());
}

#[test]
fn what_is_no_file_is_named_and_passed_over() {
    let shell = Shell::with_repo();
    shell.ok(&["init", "a/inner"]);
    shell.write("a/inner/file", "of the other repo");
    shell.write("a/.git/config", "of git");
    shell.write("a/sub/.GIT/config", "of git, elsewhere");
    let _socket = UnixListener::bind(shell.path("a/socket")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(shell.path("a/pipe")).status().unwrap();
    assert!(made.success());
    shell.write("a/file", "x");
    let document = shell.json(&["-C", "a", "status"]);
    assert_eq!(listed(&document), ["added file"]);
    let skipped = json!([
        { "path": "inner", "why": "other_repo" },
        { "path": "pipe", "why": "no_file" },
        { "path": "socket", "why": "no_file" },
        { "path": "sub/.GIT/config", "why": "name" },
    ]);
    assert_eq!(document["skipped"], skipped);
    assert_eq!(record(&shell), ["added file"]);
}

#[test]
fn files_and_folders_take_each_others_places() {
    let shell = Shell::with_repo();
    for path in ["a/s-a", "a/s.txt", "a/s/t/x", "a/s/x", "a/s0", "a/t", "a/inner/file"] {
        shell.write(path, path);
    }
    record(&shell);
    assert_eq!(status(&shell), Vec::<String>::new());
    fs::remove_dir_all(shell.path("a/s")).unwrap();
    shell.write("a/s", "a file now");
    fs::remove_file(shell.path("a/t")).unwrap();
    shell.write("a/t/x", "in a folder now");
    shell.ok(&["init", "a/inner"]);
    shell.write("a/inner/file", "tracked stays tracked");
    let expected = ["edited inner/file", "added s", "removed s/t/x", "removed s/x", "removed t", "added t/x"];
    assert_eq!(status(&shell), expected);
    fs::remove_file(shell.path("a/s")).unwrap();
    std::os::unix::fs::symlink("t", shell.path("a/s")).unwrap();
    assert_eq!(status(&shell), expected, "a link is no folder");
}

#[test]
fn an_edit_in_the_same_instant_is_seen() {
    let shell = Shell::with_repo();
    shell.write("a/x", "0000");
    record(&shell);
    for round in 1..20 {
        shell.write("a/x", format!("{round:04}"));
        assert_eq!(status(&shell), ["edited x"], "round {round}");
        shell.ok(&["-C", "a", "record"]);
        let stamps = fs::metadata(shell.path("a/x")).unwrap().modified().unwrap();
        shell.write("a/x", format!("{:04}", 9000 + round));
        fs::File::options().write(true).open(shell.path("a/x")).unwrap().set_modified(stamps).unwrap();
        assert_eq!(record(&shell), ["edited x"], "round {round}");
    }
}

#[test]
fn a_touched_file_has_not_changed_and_a_lost_index_is_made_anew() {
    let shell = Shell::with_repo();
    shell.write("a/x", "same");
    shell.write("a/y", "same too");
    record(&shell);
    shell.write("a/x", "same");
    assert_eq!(status(&shell), Vec::<String>::new());
    let index = shell.path("a/.trellis/index");
    let whole = fs::read(&index).unwrap();
    let cut = whole[..whole.len() - 1].to_vec();
    for damaged in [Vec::new(), b"trellis index 1\n".to_vec(), whole[1..].to_vec(), cut] {
        fs::write(&index, damaged).unwrap();
        shell.write("a/y", "edited");
        assert_eq!(status(&shell), ["edited y"]);
        assert_eq!(listed(&shell.json(&["-C", "a", "record", "x"])), Vec::<String>::new());
        assert_eq!(status(&shell), ["edited y"]);
        shell.ok(&["-C", "a", "restore", "y"]);
    }
    fs::remove_file(&index).unwrap();
    fs::remove_file(shell.path("a/y")).unwrap();
    shell.write("a/x", "edited");
    let recorded = shell.json(&["-C", "a", "record"]);
    assert_eq!((listed(&recorded), texts(&recorded["written"])), (vec!["edited x".to_owned()], vec!["y"]));
    assert_eq!(shell.json(&["-C", "a", "ls", "files"])["entries"].as_array().unwrap().len(), 2);
}

#[test]
fn a_record_whose_index_was_never_written_is_not_made_twice() {
    let shell = Shell::with_repo();
    for path in ["a/edited", "a/gone", "a/moved"] {
        shell.write(path, path);
    }
    record(&shell);
    let index = shell.path("a/.trellis/index");
    let before = fs::read(&index).unwrap();
    shell.write("a/added", "added");
    shell.write("a/edited", "once more");
    fs::remove_file(shell.path("a/gone")).unwrap();
    fs::rename(shell.path("a/moved"), shell.path("a/moved2")).unwrap();
    assert_eq!(record(&shell).len(), 4);
    let ops = shell.json(&["-C", "a", "sync", "status"])["ops"].clone();
    fs::write(&index, before).unwrap();
    assert_eq!(record(&shell), Vec::<String>::new());
    assert_eq!(shell.json(&["-C", "a", "sync", "status"])["ops"], ops);
    assert_eq!(shell.read("a/edited"), b"once more");
    assert!(!shell.path("a/gone").exists() && !shell.path("a/moved").exists());
}

#[test]
fn restore_gives_back_what_was_recorded_and_what_was_before() {
    let shell = Shell::with_repo();
    for path in ["a/d/x", "a/d/y", "a/z"] {
        shell.write(path, "first");
    }
    set_mode(&shell.path("a/z"), 0o755);
    let first = shell.json(&["-C", "a", "record"]);
    let first = *texts(&first["ops"]).last().unwrap();
    shell.write("a/d/x", "second");
    record(&shell);
    shell.write("a/d/x", "lost");
    shell.write("a/d/new", "stays");
    fs::remove_file(shell.path("a/d/y")).unwrap();
    fs::remove_file(shell.path("a/z")).unwrap();
    assert_eq!(shell.json(&["-C", "a", "restore", "d"])["restored"], json!(["d/x", "d/y"]));
    assert_eq!((shell.read("a/d/x"), shell.read("a/d/y")), (b"second".to_vec(), b"first".to_vec()));
    assert_eq!(status(&shell), ["added d/new", "removed z"]);
    assert_eq!(shell.json(&["-C", "a", "restore", "."])["restored"], json!(["z"]));
    assert!(is_executable(&shell.path("a/z")));
    assert_eq!(shell.json(&["-C", "a", "restore", "--from", first, "d/x"])["restored"], json!(["d/x"]));
    assert_eq!(status(&shell), ["added d/new", "edited d/x"]);
    assert_eq!(shell.read("a/d/x"), b"first");
    shell.refusal(&["-C", "a", "restore", "d/none"], "not_found");
}

#[test]
fn restore_says_what_is_in_the_way() {
    let shell = Shell::with_repo();
    shell.write("a/x", "x");
    shell.write("a/d/y", "y");
    record(&shell);
    fs::remove_file(shell.path("a/x")).unwrap();
    fs::create_dir_all(shell.path("a/x/empty")).unwrap();
    fs::remove_dir_all(shell.path("a/d")).unwrap();
    shell.write("a/d", "a file");
    let message = shell.refusal(&["-C", "a", "restore", "d"], "already_exists");
    assert!(message.contains("The file d is in the way of d/y"), "{message}");
    shell.ok(&["-C", "a", "restore", "x"]);
    assert_eq!((shell.read("a/x"), shell.read("a/d")), (b"x".to_vec(), b"a file".to_vec()));
    fs::remove_file(shell.path("a/x")).unwrap();
    shell.write("a/x/inner", "inner");
    shell.refusal(&["-C", "a", "restore", "x"], "already_exists");
    assert_eq!(shell.read("a/x/inner"), b"inner");
}

#[test]
fn mv_moves_files_and_folders_and_keeps_their_edits_unrecorded() {
    let shell = Shell::with_repo();
    shell.write("a/x", "x");
    shell.write("a/d/y", "y");
    shell.write("a/d/e/z", "z");
    record(&shell);
    shell.write("a/x", "edited");
    assert_eq!(listed(&shell.json(&["-C", "a", "mv", "x", "new/x2"])), ["renamed x -> new/x2"]);
    assert_eq!(status(&shell), ["edited new/x2"]);
    assert_eq!(
        listed(&shell.json(&["-C", "a", "mv", "d", "new"])),
        ["renamed d/e/z -> new/d/e/z", "renamed d/y -> new/d/y"]
    );
    assert!(!shell.path("a/d").exists());
    assert_eq!(listed(&shell.json(&["-C", "a/new/d", "mv", "y", "../../y"])), ["renamed new/d/y -> y"]);
    assert_eq!(shell.read("a/y"), b"y");
    assert_eq!(status(&shell), ["edited new/x2"]);
    shell.write("a/untracked", "u");
    assert!(shell.refusal(&["-C", "a", "mv", "y", "untracked"], "already_exists").contains("untracked"));
    shell.refusal(&["-C", "a", "mv", "untracked", "v"], "not_found");
    shell.refusal(&["-C", "a", "mv", "y", "../y"], "path_refused");
    shell.refusal(&["-C", "a", "mv", "y", ".trellis/y"], "path_refused");
    assert_eq!(shell.run(&["-C", "a", "mv", "new", "new/inner"]).code, 1);
    assert_eq!(status(&shell), ["edited new/x2", "added untracked"]);
}

/// A folder whose branch `other` has an edit, a file less, files more, a folder where `main` has a file, and the other
/// way around.
fn with_branches() -> Shell {
    let shell = Shell::with_repo();
    for path in ["a/same", "a/edited", "a/gone/deep/x", "a/file-or-folder", "a/folder-or-file/x"] {
        shell.write(path, path);
    }
    record(&shell);
    shell.ok(&["-C", "a", "switch", "--create", "other"]);
    fs::remove_dir_all(shell.path("a/gone")).unwrap();
    fs::remove_dir_all(shell.path("a/folder-or-file")).unwrap();
    fs::remove_file(shell.path("a/file-or-folder")).unwrap();
    shell.write("a/edited", "otherwise");
    shell.write("a/new/deep/y", "new");
    shell.write("a/file-or-folder/z", "z");
    shell.write("a/folder-or-file", "a file");
    record(&shell);
    shell
}

#[test]
fn switch_makes_files_appear_and_vanish() {
    let shell = with_branches();
    let to_main = shell.json(&["-C", "a", "switch", "main"]);
    let written = ["edited", "file-or-folder", "folder-or-file/x", "gone/deep/x"];
    assert_eq!(texts(&to_main["written"]), written);
    assert_eq!(texts(&to_main["removed"]), ["file-or-folder/z", "folder-or-file", "new/deep/y"]);
    for path in ["same", "edited", "gone/deep/x", "file-or-folder", "folder-or-file/x"] {
        assert_eq!(shell.read(&format!("a/{path}")), format!("a/{path}").as_bytes());
    }
    assert!(!shell.path("a/new").exists());
    assert_eq!(status(&shell), Vec::<String>::new());
    assert_eq!(shell.json(&["-C", "a", "branch"])["branch"], "main");
    shell.ok(&["-C", "a", "switch", "other"]);
    assert_eq!((shell.read("a/edited"), shell.read("a/new/deep/y")), (b"otherwise".to_vec(), b"new".to_vec()));
    assert!(!shell.path("a/gone").exists() && shell.path("a/folder-or-file").is_file());
    assert_eq!(shell.json(&["-C", "a", "branch"])["branch"], "other");
    let missing = shell.run(&["-C", "a", "switch", "no-such-branch"]);
    assert_eq!((missing.code, status(&shell)), (1, vec![]));
}

#[test]
fn switch_never_overwrites_what_is_not_recorded() {
    let shell = with_branches();
    let refused = |path: &str| {
        let message = shell.refusal(&["-C", "a", "switch", "main"], "unrecorded_changes");
        assert!(message.contains(path), "{message}");
        assert_eq!(shell.json(&["-C", "a", "branch"])["branch"], "other");
    };
    shell.write("a/edited", "not recorded");
    refused("edited");
    assert_eq!(shell.read("a/edited"), b"not recorded");
    shell.ok(&["-C", "a", "restore", "edited"]);

    shell.write("a/gone/deep/x", "untracked, where main has a file");
    refused("gone/deep/x");
    fs::remove_dir_all(shell.path("a/gone")).unwrap();

    shell.write("a/gone", "untracked, where main has a folder");
    refused("gone");
    assert_eq!(shell.read("a/gone"), b"untracked, where main has a folder");
    fs::remove_file(shell.path("a/gone")).unwrap();

    shell.write("a/file-or-folder/untracked", "in a folder where main has a file");
    refused("file-or-folder");
    fs::remove_file(shell.path("a/file-or-folder/untracked")).unwrap();

    shell.write("a/new/deep/y", "edited, and main has none");
    refused("new/deep/y");
    shell.ok(&["-C", "a", "restore", "new"]);

    shell.write("a/same", "edited, and the same on both");
    shell.write("a/elsewhere", "untracked, and nowhere else");
    shell.write("a/gone/deep/x", "a/gone/deep/x");
    let switched = shell.json(&["-C", "a", "switch", "main"]);
    assert!(!texts(&switched["written"]).contains(&"gone/deep/x"), "it is there already");
    assert_eq!(status(&shell), ["added elsewhere", "edited same"]);
}

#[test]
fn an_empty_folder_is_no_obstacle() {
    let shell = with_branches();
    fs::remove_dir_all(shell.path("a/file-or-folder")).unwrap();
    fs::create_dir_all(shell.path("a/file-or-folder/empty/er")).unwrap();
    shell.ok(&["-C", "a", "switch", "main"]);
    assert_eq!(shell.read("a/file-or-folder"), b"a/file-or-folder");
    assert_eq!(status(&shell), Vec::<String>::new());
}

#[test]
fn a_folder_in_the_place_of_a_file_stays_until_it_is_recorded() {
    let shell = with_branches();
    fs::remove_file(shell.path("a/same")).unwrap();
    shell.write("a/same/inner", "inner");
    fs::remove_file(shell.path("a/edited")).unwrap();
    fs::create_dir(shell.path("a/edited")).unwrap();
    shell.ok(&["-C", "a", "record", "new"]);
    assert_eq!(status(&shell), ["removed edited", "removed same", "added same/inner"]);
    assert!(shell.refusal(&["-C", "a", "switch", "main"], "unrecorded_changes").contains("edited"));
    assert!(shell.path("a/edited").is_dir());
    assert_eq!(record(&shell), ["removed edited", "removed same", "added same/inner"]);
    shell.ok(&["-C", "a", "switch", "main"]);
    assert_eq!((shell.read("a/edited"), shell.read("a/same")), (b"a/edited".to_vec(), b"a/same".to_vec()));
}

#[test]
fn a_merge_that_would_meet_unrecorded_changes_is_refused() {
    let shell = with_branches();
    shell.ok(&["-C", "a", "switch", "main"]);
    shell.write("a/edited", "not recorded");
    shell.write("a/new/deep/y", "untracked, where the other branch has a file");
    let message = shell.refusal(&["-C", "a", "merge", "other"], "unrecorded_changes");
    assert!(message.contains("edited, new/deep/y"), "{message}");
    assert_eq!(shell.read("a/edited"), b"not recorded");
    fs::remove_dir_all(shell.path("a/new")).unwrap();
    shell.ok(&["-C", "a", "restore", "edited"]);
    shell.write("a/same", "edited, and the same on both");
    shell.ok(&["-C", "a", "merge", "other"]);
    assert_eq!(shell.read("a/new/deep/y"), b"new");
    assert_eq!(status(&shell), ["edited same"]);
    shell.refusal(&["-C", "a", "merge", "no-such-branch"], "not_found");
}

#[test]
fn diff_shows_lines_kinds_and_moves() {
    let shell = Shell::with_repo();
    shell.write("a/text", "1\n2\n3\n");
    shell.write("a/binary", b"\0");
    shell.write("a/moved", "1\n2\n3\n4\n");
    let first = shell.json(&["-C", "a", "record"]);
    shell.write("a/text", "1\ntwo\n3");
    shell.write("a/binary", b"\0\0");
    fs::rename(shell.path("a/moved"), shell.path("a/moved2")).unwrap();
    set_mode(&shell.path("a/moved2"), 0o755);
    let diff = shell.json(&["-C", "a", "diff"]);
    let expected = json!([
        { "change": "edited", "path": "binary", "oldMode": "file", "newMode": "file" },
        { "change": "renamed", "path": "moved2", "from": "moved", "oldMode": "file", "newMode": "exec", "patch": "" },
        {
            "change": "edited", "path": "text", "oldMode": "file", "newMode": "file",
            "patch": "@@ -1,3 +1,3 @@\n 1\n-2\n-3\n+two\n+3\n\\ No newline at end of file\n",
        },
    ]);
    assert_eq!(diff["files"], expected);
    assert!(shell.ok(&["-C", "a", "diff", "binary"]).contains("no text: was 1 byte, is 2 bytes"));
    assert_eq!(shell.json(&["-C", "a", "diff", "text"])["files"].as_array().unwrap().len(), 1);
    record(&shell);
    assert_eq!(shell.json(&["-C", "a", "diff"])["files"], json!([]));
    let from = *texts(&first["ops"]).last().unwrap();
    assert_eq!(shell.json(&["-C", "a", "diff", "--from", from])["files"], expected);
    assert!(shell.ok(&["-C", "a", "diff", "--from", from]).contains("-2\n"));
}

#[test]
fn what_is_new_or_gone_is_different_from_nothing() {
    let shell = Shell::with_repo();
    shell.write("a/gone", "1\n");
    record(&shell);
    fs::remove_file(shell.path("a/gone")).unwrap();
    shell.write("a/new", "");
    symlink("somewhere", shell.path("a/link")).unwrap();
    let expected = json!([
        { "change": "removed", "path": "gone", "oldMode": "file", "patch": "@@ -1 +0,0 @@\n-1\n" },
        {
            "change": "added", "path": "link", "newMode": "link",
            "patch": "@@ -0,0 +1 @@\n+somewhere\n\\ No newline at end of file\n",
        },
        { "change": "added", "path": "new", "newMode": "file", "patch": "" },
    ]);
    assert_eq!(shell.json(&["-C", "a", "diff"])["files"], expected);
}

#[test]
fn a_rename_on_one_branch_and_an_edit_on_another_are_both_there() {
    let shell = Shell::with_repo();
    shell.write("a/x", "1\n2\n3\n");
    record(&shell);
    shell.ok(&["-C", "a", "switch", "--create", "other"]);
    shell.ok(&["-C", "a", "mv", "x", "moved/x"]);
    shell.ok(&["-C", "a", "switch", "main"]);
    assert!(!shell.path("a/moved").exists());
    shell.write("a/x", "1\n2\nthree\n");
    record(&shell);
    shell.ok(&["-C", "a", "merge", "other"]);
    shell.ok(&["-C", "a", "switch", "main"]);
    assert_eq!((shell.read("a/moved/x"), shell.path("a/x").exists()), (b"1\n2\nthree\n".to_vec(), false));
}

#[test]
fn a_branch_that_is_there_is_not_begun_again_and_no_option_shows_another() {
    let shell = with_branches();
    assert_eq!(shell.run(&["-C", "a", "switch", "--create", "main"]).code, 1);
    for command in ["status", "record"] {
        let message = shell.refusal(&["-C", "a", "--branch", "main", command], "invalid_argument");
        assert!(message.contains("trellis switch main"), "{message}");
    }
    assert_eq!(shell.json(&["-C", "a", "status"])["branch"], "other");
}
