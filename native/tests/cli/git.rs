//! `trellis import git`: what people see of it, in the folder and in documents.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::shell::Shell;

/// Runs git in a folder of the shell's, without anybody's settings.
fn git(shell: &Shell, folder: &str, args: &[&str]) {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(shell.path(folder))
        .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"])
        .args(args);
    let nowhere = if cfg!(windows) { "NUL" } else { "/dev/null" };
    let output = command.env("GIT_CONFIG_GLOBAL", nowhere).env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn commit(shell: &Shell, file: &str, text: &str, message: &str) {
    shell.write(&format!("g/{file}"), text);
    git(shell, "g", &["add", "."]);
    git(shell, "g", &["commit", "--quiet", "-m", message]);
}

/// A git repository `g` with two commits on `trunk`.
fn with_git() -> Shell {
    let shell = Shell::new();
    fs::create_dir(shell.path("g")).unwrap();
    git(&shell, "g", &["init", "--quiet", "-b", "trunk"]);
    commit(&shell, "a.txt", "1\n", "Begin");
    commit(&shell, "b.txt", "2\n", "Go on");
    shell
}

#[test]
fn an_empty_repo_shows_the_branch_that_is_checked_out() {
    let shell = with_git();
    shell.ok(&["init", "r"]);
    let imported = shell.json(&["-C", "r", "import", "git", "../g"]);
    assert_eq!((&imported["commits"], &imported["new"], &imported["branch"]), (&json!(2), &json!(2), &json!("trunk")));
    assert_eq!((shell.read("r/a.txt"), shell.read("r/b.txt")), (b"1\n".to_vec(), b"2\n".to_vec()));
    let log = shell.ok(&["-C", "r", "log"]);
    assert!(log.contains("Begin") && log.contains("Go on"), "{log}");
    assert_eq!(
        shell.ok(&["-C", "r", "import", "git", "../g"]).lines().next(),
        Some("Took 0 commits; 2 were here already.")
    );
}

#[test]
fn what_is_new_comes_into_the_folder() {
    let shell = with_git();
    shell.ok(&["init", "r"]);
    shell.ok(&["-C", "r", "import", "git", "../g"]);
    git(&shell, "g", &["switch", "--quiet", "-c", "topic"]);
    commit(&shell, "c.txt", "3\n", "On the side");
    git(&shell, "g", &["switch", "--quiet", "trunk"]);
    commit(&shell, "a.txt", "one\n", "Edit");
    git(&shell, "g", &["merge", "--quiet", "--no-ff", "-m", "Join", "topic"]);
    let imported = shell.json(&["-C", "r", "import", "git", "../g/.git"]);
    assert_eq!((&imported["new"], &imported["folder"]["written"]), (&json!(3), &json!(["a.txt", "c.txt"])));
    assert_eq!(shell.json(&["-C", "r", "diff"])["files"], json!([]));
    shell.ok(&["-C", "r", "switch", "topic"]);
    assert_eq!(shell.read("r/a.txt"), b"1\n");
}

#[test]
fn the_folder_may_be_that_of_git() {
    let shell = with_git();
    shell.ok(&["init", "g"]);
    let imported = shell.json(&["-C", "g", "import", "git", "."]);
    assert_eq!((&imported["branch"], &imported["folder"]["written"]), (&json!("trunk"), &json!([])));
    assert_eq!(shell.json(&["-C", "g", "diff"])["files"], json!([]));
}

#[test]
fn files_in_the_way_stay_and_nothing_is_written() {
    let shell = with_git();
    shell.ok(&["init", "r"]);
    shell.write("r/b.txt", "mine");
    let (code, imported) = shell.document(&["-C", "r", "import", "git", "../g"]);
    assert_eq!((code, &imported["new"], &imported["error"]["code"]), (1, &json!(2), &json!("unrecorded_changes")));
    assert_eq!((shell.read("r/b.txt"), shell.path("r/a.txt").exists()), (b"mine".to_vec(), false));
    fs::remove_file(shell.path("r/b.txt")).unwrap();
    shell.ok(&["-C", "r", "switch", "trunk"]);
    assert_eq!(shell.read("r/b.txt"), b"2\n");
}

#[test]
fn what_is_recorded_here_stays_when_git_goes_on() {
    let shell = with_git();
    shell.ok(&["init", "r"]);
    shell.ok(&["-C", "r", "import", "git", "../g"]);
    shell.write("r/own.txt", "own");
    shell.write("r/a.txt", "mine\n");
    shell.ok(&["-C", "r", "record"]);
    commit(&shell, "b.txt", "two\n", "Edit");
    shell.ok(&["-C", "r", "import", "git", "../g"]);
    assert_eq!((shell.read("r/own.txt"), shell.read("r/a.txt")), (b"own".to_vec(), b"mine\n".to_vec()));
    assert_eq!(shell.read("r/b.txt"), b"two\n");
    commit(&shell, "b.txt", "zwei\n", "Edit again");
    shell.ok(&["-C", "r", "import", "git", "../g"]);
    assert_eq!((shell.read("r/own.txt"), shell.read("r/b.txt")), (b"own".to_vec(), b"zwei\n".to_vec()));
}

#[test]
fn both_sides_of_a_file_are_a_conflict() {
    let shell = with_git();
    shell.ok(&["init", "r"]);
    shell.ok(&["-C", "r", "import", "git", "../g"]);
    shell.write("r/a.txt", "mine\n");
    shell.ok(&["-C", "r", "record"]);
    commit(&shell, "a.txt", "theirs\n", "Edit");
    let (code, imported) = shell.document(&["-C", "r", "import", "git", "../g"]);
    assert_eq!((code, &imported["folder"]["fileConflicts"][0]["path"]), (2, &json!("a.txt")));
}

#[test]
fn what_is_no_repository_is_refused() {
    let shell = with_git();
    let said = shell.refusal(&["-C", "g", "import", "git", "."], "not_a_repo");
    assert!(said.contains("trellis init"), "{said}");
    shell.ok(&["init", "r"]);
    shell.refusal(&["-C", "r", "import", "git", "../r"], "not_found");
    let origin = format!("file://{}", shell.path("g").display());
    git(&shell, ".", &["clone", "--quiet", "--depth", "1", &origin, "shallow"]);
    let said = shell.refusal(&["-C", "r", "import", "git", "../shallow"], "unsupported");
    assert!(said.contains("--unshallow"), "{said}");
}

#[test]
fn a_file_called_git_is_still_a_bundle() {
    let shell = with_git();
    shell.ok(&["init", "r"]);
    shell.ok(&["-C", "r", "export", "git"]);
    shell.ok(&["-C", "r", "import", "./git"]);
}
