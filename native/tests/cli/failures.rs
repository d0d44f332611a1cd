//! What can go wrong outside of the repo: each failure says what failed, on what, and what to do, and changes nothing.

use std::fs;
use std::time::Duration;

use rusqlite::Connection;
use trellis_sync::store::{OpenMode, Store};

use crate::shell::{Shell, ran};

#[test]
fn a_word_that_nobody_knows_is_wrong_usage() {
    let shell = Shell::new();
    let typo = shell.run(&["conflict"]);
    assert_eq!((typo.code, typo.out.as_str()), (64, ""));
    assert!(typo.err.contains("conflicts"), "the right word is suggested: {}", typo.err);
    let flag = shell.run(&["log", "--mex", "3"]);
    assert_eq!(flag.code, 64);
    assert!(flag.err.contains("--max"), "{}", flag.err);
    for args in [&[][..], &["set"], &["set", "notes/1"], &["sync"], &["sync", "reconcile"], &["log", "-n", "x"]] {
        assert_eq!(shell.run(args).code, 64, "{args:?}");
    }
    let (code, document) = shell.document(&["frobnicate"]);
    assert_eq!((code, document["error"]["code"].as_str()), (64, Some("invalid_argument")));
}

#[test]
fn outside_of_a_repo_there_is_nothing_to_do() {
    let shell = Shell::new();
    for args in [
        &["set", "notes/1/title", "x"][..],
        &["get", "notes/1"],
        &["rm", "notes/1"],
        &["ls"],
        &["log"],
        &["show", "abcd"],
        &["conflicts"],
        &["resolve", "notes/1", "--take", "A"],
        &["undo"],
        &["branch"],
        &["merge", "x"],
        &["members", "list"],
        &["config", "list"],
        &["export", "x.bundle"],
        &["import", "x.bundle"],
        &["verify"],
        &["sync", "status"],
        &["sync", "reconcile", "--remote", "."],
    ] {
        let message = shell.refusal(args, "not_a_repo");
        assert!(message.contains("trellis init"), "{message}");
    }
    fs::create_dir(shell.path(".trellis")).unwrap();
    shell.refusal(&["ls"], "not_a_repo");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let shell = Shell::with_repo();
    let message = shell.refusal(&["-C", "a", "sync", "reconcile", "--remote", "../nowhere"], "not_found");
    assert!(message.contains("nowhere"), "{message}");
    shell.refusal(&["-C", "nowhere", "ls"], "not_found");
    fs::create_dir(shell.path("empty")).unwrap();
    shell.refusal(&["-C", "a", "sync", "reconcile", "--remote", "../empty"], "not_a_repo");
}

fn store(shell: &Shell) -> Connection {
    Connection::open(shell.path("a/.trellis/store.db")).unwrap()
}

#[test]
fn a_newer_store_is_left_alone() {
    let shell = Shell::with_repo();
    store(&shell).pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(shell.path("a/.trellis/store.db")).unwrap();
    for args in [&["ls"][..], &["set", "notes/1/title", "x"], &["verify"]] {
        let message = shell.refusal(&[&["-C", "a"], args].concat(), "schema_newer");
        assert!(message.contains("99"), "{message}");
    }
    assert_eq!(fs::read(shell.path("a/.trellis/store.db")).unwrap(), before);
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let shell = Shell::with_repo();
    fs::write(shell.path("a/.trellis/store.db"), "no database at all, but long enough to be taken for one".repeat(30))
        .unwrap();
    shell.refusal(&["-C", "a", "ls"], "storage_corrupt");
}

/// Turns one bit of a column of a row over.
fn damage(shell: &Shell, row: u32, column: &str) {
    let store = store(shell);
    let select = format!("SELECT {column} FROM rows WHERE seq = ?1");
    let mut bytes: Vec<u8> = store.query_row(&select, [row], |found| found.get(0)).unwrap();
    let at = bytes.len() / 3;
    bytes[at] ^= 1;
    store.execute(&format!("UPDATE rows SET {column} = ?1 WHERE seq = ?2"), (bytes, row)).unwrap();
}

fn with_three_notes() -> Shell {
    let shell = Shell::with_repo();
    for note in ["notes/1/title", "notes/2/title", "notes/3/title"] {
        shell.ok(&["-C", "a", "set", note, "x"]);
    }
    shell
}

#[test]
fn a_damaged_row_is_found_and_nothing_is_written_on_top_of_it() {
    let shell = with_three_notes();
    damage(&shell, 3, "headers");
    let (code, verified) = shell.document(&["-C", "a", "verify"]);
    assert_eq!((code, verified["error"]["code"].as_str()), (1, Some("storage_corrupt")));
    assert_eq!(verified["corruptRows"], serde_json::json!([3]));
    assert!(shell.run(&["-C", "a", "ls"]).err.contains("Row 3"), "a note says so wherever the repo is opened");
    shell.refusal(&["-C", "a", "set", "notes/1/title", "y"], "storage_corrupt");
    assert_eq!(shell.ok(&["-C", "a", "get", "notes/1/title"]), "x\n", "what can be read is read");
}

#[test]
fn a_damaged_content_is_found_and_not_shown() {
    let shell = with_three_notes();
    damage(&shell, 3, "bodies");
    let (code, verified) = shell.document(&["-C", "a", "verify"]);
    assert_eq!((code, verified["corrupt"].as_array().unwrap().len()), (1, 1));
    shell.refusal(&["-C", "a", "get", "notes/2/title"], "storage_corrupt");
    assert_eq!(shell.ok(&["-C", "a", "get", "notes/1/title"]), "x\n");
}

#[test]
fn a_missing_row_is_found() {
    let shell = with_three_notes();
    store(&shell).execute("DELETE FROM rows WHERE seq = 3", []).unwrap();
    let (code, document) = shell.document(&["-C", "a", "verify"]);
    assert_eq!((code, document["error"]["code"].as_str()), (1, Some("storage_corrupt")));
}

#[test]
fn a_mistake_in_the_settings_is_named_with_its_line() {
    let shell = Shell::with_repo();
    let file = shell.path("a/.trellis/config.json");
    fs::write(&file, "{\n  \"branchPolicies\": {\n    \"main\": { \"liner\": true }\n  }\n}\n").unwrap();
    for args in [&["ls"][..], &["set", "notes/1/title", "x"], &["config", "list"]] {
        let message = shell.refusal(&[&["-C", "a"], args].concat(), "config_invalid");
        assert!(message.contains("config.json, line 3") && message.contains("liner"), "{message}");
    }
    fs::write(&file, "{").unwrap();
    shell.refusal(&["-C", "a", "ls"], "config_invalid");
}

#[test]
fn a_writer_that_does_not_finish_is_named() {
    let shell = Shell::with_repo();
    let mut other = Store::open(shell.path("a/.trellis/store.db"), OpenMode::ReadWrite).unwrap();
    let lock = other.begin(Duration::ZERO).unwrap();
    let (code, document) = shell.document(&["-C", "a", "set", "notes/1/title", "x"]);
    let error = &document["error"];
    assert_eq!((code, error["code"].as_str(), error["retryable"].as_bool()), (1, Some("locked"), Some(true)));
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(&format!("process {}", std::process::id())), "{message}");
    shell.ok(&["-C", "a", "log"]);
    drop(lock);
    shell.ok(&["-C", "a", "set", "notes/1/title", "x"]);
}

#[test]
#[cfg(unix)]
fn what_cannot_be_written_can_be_read() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    let is_root = fs::metadata(shell.folder()).unwrap().uid() == 0;
    let set_mode = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let folder = shell.path("a/.trellis");
    for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        let mode = if file.ends_with("identity") { 0o400 } else { 0o444 };
        set_mode(&file, mode);
        if is_root {
            chown(&file, Some(NOBODY), None).unwrap();
        }
    }
    set_mode(&folder, 0o555);
    set_mode(shell.folder(), 0o755);
    let run = |args: &[&str]| {
        let mut command = shell.command(args);
        if is_root {
            command.uid(NOBODY);
        }
        ran(command)
    };
    let got = run(&["-C", "a", "get", "notes/1/title"]);
    assert_eq!((got.code, got.out.as_str()), (0, "Calm\n"), "{}", got.err);
    let set = run(&["-C", "a", "set", "notes/1/title", "Storm"]);
    assert_eq!(set.code, 1);
    assert!(set.err.contains("error[permission_denied]"), "{}", set.err);
    assert_eq!(run(&["-C", "a", "get", "notes/1/title"]).out, "Calm\n");
    let made = run(&["init", "a/.trellis/x"]);
    assert!(made.err.contains("error[permission_denied]"), "{}", made.err);
    set_mode(&folder, 0o755);
}
