//! Copies of a folder, made by hand: a key writes in one place only.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::shell::{Shell, texts};

/// `cp -r`
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

fn author(shell: &Shell, repo: &str) -> String {
    shell.json(&["-C", repo, "sync", "status"])["author"].as_str().unwrap().to_owned()
}

#[test]
fn a_copied_folder_takes_a_new_key_before_its_first_write() {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    copy(&shell.path("a"), &shell.path("b"));
    let old = author(&shell, "a");
    assert_eq!(author(&shell, "b"), old, "reading changes nothing");
    let set = shell.run(&["-C", "b", "set", "notes/1/title", "Sun"]);
    assert_eq!(set.code, 0, "{}", set.err);
    assert!(set.err.contains("new key"), "{}", set.err);
    assert_ne!(author(&shell, "b"), old);
    shell.ok(&["-C", "b", "set", "notes/1/stars", "1"]);
    shell.ok(&["-C", "a", "set", "notes/1/title", "Storm"]);
    assert_eq!(author(&shell, "a"), old);
    assert_eq!(shell.run(&["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"]).code, 2);
    for repo in ["a", "b"] {
        shell.ok(&["-C", repo, "verify"]);
        let status = shell.json(&["-C", repo, "sync", "status"]);
        assert_eq!(status["forks"].as_array().unwrap().len(), 0, "{status}");
    }
}

#[test]
fn a_copy_of_a_member_is_a_member() {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    shell.ok(&["-C", "a", "members", "add", &"ab".repeat(32), "--name", "Cat"]);
    copy(&shell.path("a"), &shell.path("b"));
    shell.ok(&["-C", "b", "set", "notes/1/title", "Sun"]);
    shell.ok(&["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"]);
    assert_eq!(shell.ok(&["-C", "a", "get", "notes/1/title"]), "Sun\n");
}

#[test]
fn a_moved_folder_keeps_its_key() {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    let old = author(&shell, "a");
    fs::rename(shell.path("a"), shell.path("b")).unwrap();
    shell.ok(&["-C", "b", "set", "notes/1/title", "Sun"]);
    assert_eq!(author(&shell, "b"), old);
}

#[test]
#[cfg(unix)]
fn nobody_else_can_read_the_key() {
    use std::os::unix::fs::PermissionsExt;
    let shell = Shell::with_repo();
    let key = shell.path("a/.trellis/identity");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = shell.run(&["-C", "a", "set", "notes/1/title", "x"]);
    assert!(refused.err.contains("error[permission_denied]") && refused.err.contains("chmod 600"), "{}", refused.err);
}

#[test]
fn no_output_has_the_key() {
    let shell = Shell::with_conflict();
    let file = fs::read_to_string(shell.path("a/.trellis/identity")).unwrap();
    let seed = file.lines().find_map(|line| line.strip_prefix("key ")).unwrap();
    assert_eq!(seed.len(), 64);
    for args in
        [&["log", "-v"][..], &["sync", "status", "-v"], &["verify", "-v"], &["conflicts", "-v"], &["config", "list"]]
    {
        let ran = shell.run(&[&["-C", "a"], args].concat());
        assert!(!ran.out.contains(seed) && !ran.err.contains(seed), "{args:?}");
    }
    shell.ok(&["-C", "a", "export", "../a.bundle"]);
    let bundle = fs::read(shell.path("a.bundle")).unwrap();
    let bytes: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&seed[2 * at..2 * at + 2], 16).unwrap()).collect();
    assert!(!bundle.windows(32).any(|window| window == bytes));
}

/// Ann's folder is thrown back to a backup after others have got what she wrote: her key writes into one place twice.
fn forked() -> Shell {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    let store = shell.path("a/.trellis/store.db");
    let backup = fs::read(&store).unwrap();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Storm"]);
    shell.ok(&["clone", "a", "b"]);
    fs::write(&store, backup).unwrap();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Sun"]);
    assert_eq!(shell.run(&["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"]).code, 2);
    shell
}

#[test]
fn a_fork_is_shown_wherever_one_looks() {
    let shell = forked();
    let listed = shell.json(&["-C", "a", "fork", "list"]);
    assert_eq!(listed["forks"].as_array().unwrap().len(), 1, "{listed}");
    let fork = &listed["forks"][0];
    assert_eq!((fork["seq"].as_u64(), fork["branch"].as_str()), (Some(2), Some("main")));
    let ops = texts(&fork["ops"]);
    let lists = [&["fork", "list"][..], &["sync", "status"], &["verify"]];
    for repo in ["a", "b"] {
        for args in lists {
            let shown = &shell.json(&[&["-C", repo], args].concat())["forks"][0];
            assert_eq!((&shown["ops"], &shown["author"]), (&fork["ops"], &fork["author"]), "{repo} {args:?}");
        }
        let text = shell.ok(&["-C", repo, "fork", "list"]);
        let author = &fork["author"].as_str().unwrap()[..12];
        for part in [&ops[0][..12], &ops[1][..12], author, "op 2 of the chain"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(shell.ok(&["-C", repo, "sync", "status"]).contains("1 fork"));
        assert!(shell.ok(&["-C", repo, "verify"]).contains(&ops[1][..12]));
        assert!(shell.ok(&["-C", repo, "show", ops[0]]).contains(&format!("forked with  {}", &ops[1][..12])));
    }
    let genesis = shell.json(&["-C", "a", "log"])["ops"].as_array().unwrap().last().unwrap()["hash"].clone();
    assert_eq!(shell.json(&["-C", "a", "show", genesis.as_str().unwrap()])["forks"], json!([]));
}

#[test]
fn a_fork_is_proven_by_a_file_alone() {
    let shell = forked();
    let fork = shell.json(&["-C", "a", "fork", "list"])["forks"][0].clone();
    let op = &texts(&fork["ops"])[1][..8];
    let exported = shell.json(&["-C", "b", "fork", "export", op, "../fork.proof"]);
    assert_eq!((&exported["forks"][0], &exported["file"]), (&fork, &json!("../fork.proof")));
    shell.refusal(&["-C", "a", "fork", "export", op, "../fork.proof"], "already_exists");
    let checked = shell.json(&["fork", "check", "fork.proof"]);
    assert_eq!(checked["forks"], json!([fork]), "where there is no repo");
    assert!(shell.ok(&["fork", "check", "fork.proof"]).contains("The proof holds"));
    let mut bytes = fs::read(shell.path("fork.proof")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(shell.path("bad.proof"), bytes).unwrap();
    let refused = shell.refusal(&["fork", "check", "bad.proof"], "invalid_argument");
    assert!(refused.contains("signature"), "{refused}");
    shell.refusal(&["fork", "check", "none.proof"], "not_found");
}

#[test]
fn what_is_no_fork_cannot_be_exported() {
    let shell = Shell::with_two();
    assert_eq!(shell.ok(&["-C", "a", "fork", "list"]), "No chain has forked.\n");
    let op = texts(&shell.json(&["-C", "a", "set", "notes/1/title", "Sun"])["ops"])[0].to_owned();
    shell.refusal(&["-C", "a", "fork", "export", &op, "../fork.proof"], "not_found");
    assert!(!shell.path("fork.proof").exists());
}
