//! Settings, and the flags and variables of every command.

use crate::shell::{Shell, ran};

#[test]
fn a_setting_is_set_got_listed_and_unset() {
    let shell = Shell::with_repo();
    shell.refusal(&["-C", "a", "config", "get", "branch"], "not_found");
    assert_eq!(shell.json(&["-C", "a", "config", "set", "branch", "draft"])["value"], "draft");
    assert_eq!(shell.ok(&["-C", "a", "config", "get", "branch"]), "draft\n");
    shell.ok(&["-C", "a", "config", "set", "branchPolicies.main.linear", "true"]);
    assert_eq!(
        shell.ok(&["-C", "a", "config", "list"]),
        "branch                      draft\nbranchPolicies.main.linear  true\n"
    );
    let left = shell.json(&["-C", "a", "config", "unset", "branch"]);
    assert_eq!(left["settings"].as_array().unwrap().len(), 1);
    shell.refusal(&["-C", "a", "config", "set", "nothing", "1"], "invalid_argument");
    shell.refusal(&["-C", "a", "config", "set", "branchPolicies.main.linear", "perhaps"], "invalid_argument");
}

#[test]
fn the_name_of_the_author_stands_in_what_is_written() {
    let shell = Shell::with_repo();
    shell.ok(&["config", "set", "--user", "authorName", "Ann <ann@example.org>"]);
    shell.write("a/list", "1\n");
    let op = shell.json(&["-C", "a", "record", "-m", "Begin"])["ops"][0].as_str().unwrap().to_owned();
    assert_eq!(shell.json(&["-C", "a", "show", &op])["op"]["actor"], "Ann <ann@example.org>");
    for told in [&["-C", "a", "log"][..], &["-C", "a", "blame", "list"]] {
        assert!(shell.ok(told).contains("  Ann  "), "{told:?}");
    }
    shell.ok(&["-C", "a", "config", "set", "authorName", "A. Other"]);
    let written = shell.json(&["-C", "a", "set", "notes/1/title", "Calm"])["ops"][0].as_str().unwrap().to_owned();
    assert_eq!(shell.json(&["-C", "a", "show", &written])["op"]["actor"], "A. Other");
    let named = shell.json(&["-C", "a", "set", "notes/1/title", "Storm", "--actor", "A bot"]);
    assert_eq!(shell.json(&["-C", "a", "show", named["ops"][0].as_str().unwrap()])["op"]["actor"], "A bot");
}

#[test]
fn the_branch_is_that_of_the_flag_the_variable_the_repo_or_the_user() {
    let shell = Shell::with_repo();
    let branch = || shell.json(&["-C", "a", "log"])["branch"].as_str().unwrap().to_owned();
    shell.ok(&["-C", "a", "set", "notes/1/title", "x"]);
    for name in ["users", "repos", "variables", "flags"] {
        shell.ok(&["-C", "a", "branch", name]);
    }
    assert_eq!(branch(), "main");
    shell.ok(&["config", "set", "branch", "users", "--user"]);
    assert_eq!(branch(), "users");
    shell.ok(&["-C", "a", "config", "set", "branch", "repos"]);
    assert_eq!(branch(), "repos");
    let mut by_variable = shell.command(&["-C", "a", "log", "--json"]);
    by_variable.env("TRELLIS_BRANCH", "variables");
    assert!(ran(by_variable).out.contains("\"branch\":\"variables\""));
    let mut by_flag = shell.command(&["-C", "a", "log", "--json", "--branch", "flags"]);
    by_flag.env("TRELLIS_BRANCH", "variables");
    assert!(ran(by_flag).out.contains("\"branch\":\"flags\""));
}

#[test]
fn colours_are_for_those_who_ask() {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "x"]);
    assert!(!shell.ok(&["-C", "a", "log"]).contains('\u{1b}'));
    assert!(shell.ok(&["-C", "a", "log", "--color", "always"]).contains('\u{1b}'));
    assert!(!shell.ok(&["-C", "a", "log", "--color", "never"]).contains('\u{1b}'));
    assert!(!shell.ok(&["-C", "a", "log", "--json", "--color", "always"]).contains('\u{1b}'));
}

#[test]
fn quiet_tells_only_what_was_asked_for() {
    let shell = Shell::with_repo();
    assert_eq!(shell.ok(&["-C", "a", "set", "notes/1/title", "x", "-q"]), "");
    assert_eq!(shell.ok(&["-C", "a", "get", "notes/1/title", "-q"]), "x\n");
    assert_eq!(shell.run(&["-C", "a", "get", "notes/1/title", "-q", "-v"]).code, 64);
    let mut by_variable = shell.command(&["-C", "a", "set", "notes/1/title", "y"]);
    by_variable.env("TRELLIS_QUIET", "1");
    assert_eq!(ran(by_variable).out, "");
}

#[test]
fn a_document_is_asked_for_by_a_variable_too() {
    let shell = Shell::with_repo();
    let mut command = shell.command(&["-C", "a", "conflicts"]);
    command.env("TRELLIS_JSON", "1");
    assert!(ran(command).out.starts_with("{\"v\":1,"));
    let mut command = shell.command(&["-C", "a", "conflicts"]);
    command.env("TRELLIS_JSON", "0");
    assert_eq!(ran(command).out, "No open conflicts.\n");
}

#[test]
fn completions_are_printed_for_every_shell() {
    let shell = Shell::new();
    for name in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(shell.ok(&["completions", name]).contains("TRELLIS_COMPLETE"), "{name}");
    }
    assert_eq!(shell.json(&["completions", "fish"])["shell"], "fish");
    assert_eq!(shell.run(&["completions", "dosshell"]).code, 64);
}

/// What bash offers for the last of these words, in the folder of the shell.
#[cfg(unix)]
fn completed(shell: &Shell, words: &[&str]) -> Vec<String> {
    let script = r#"source <(trellis completions bash)
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
        _clap_complete_trellis trellis "${@: -1}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = std::process::Command::new("bash");
    let built = std::path::Path::new(env!("CARGO_BIN_EXE_trellis")).parent().unwrap();
    let path = format!("{}:{}", built.display(), std::env::var("PATH").unwrap());
    bash.args(["--norc", "-c", script, "bash", "trellis"]).args(words).current_dir(shell.folder());
    let ran = ran({
        bash.env_clear().env("PATH", path).env("HOME", shell.folder());
        bash
    });
    assert_eq!(ran.err, "", "{words:?}");
    ran.out.lines().filter(|line| !line.is_empty()).map(|line| line.trim().to_owned()).collect()
}

#[cfg(unix)]
#[test]
fn a_shell_completes_commands_branches_conflicts_and_paths() {
    let shell = Shell::with_conflict();
    shell.ok(&["-C", "a", "branch", "draft"]);
    shell.write("a/list.txt", "1\n");
    assert_eq!(completed(&shell, &["rec"]), ["record"]);
    assert_eq!(completed(&shell, &["-C", "a", "switch", "d"]), ["draft"]);
    assert_eq!(completed(&shell, &["-C", "a", "merge", "m"]), ["main"]);
    assert_eq!(completed(&shell, &["-C", "a", "get", "--at", "d"]), ["draft"]);
    assert_eq!(completed(&shell, &["-C", "a", "resolve", "no"]), ["notes/1/title"]);
    assert_eq!(completed(&shell, &["record", "a/li"]), ["a/list.txt"]);
    assert_eq!(completed(&shell, &["switch", "d"]), [""; 0], "no repo, and no complaint");
}

#[test]
fn words_of_git_are_told_what_they_are_here() {
    let shell = Shell::new();
    for (word, here) in [("commit", "trellis record -m"), ("checkout", "trellis switch"), ("push", "sync reconcile")] {
        let ran = shell.run(&[word, "-m", "x"]);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""));
        assert!(ran.err.starts_with(&format!("error: unrecognized subcommand '{word}'. ")), "{}", ran.err);
        assert!(ran.err.contains(here) && !ran.err.contains("conflicts"), "{}", ran.err);
    }
    let (code, document) = shell.document(&["commit"]);
    assert_eq!((code, document["error"]["code"].as_str()), (64, Some("invalid_argument")));
    assert!(document["error"]["message"].as_str().unwrap().contains("trellis record"));
}

#[test]
fn help_and_version_are_answers() {
    let shell = Shell::new();
    assert!(shell.ok(&["help"]).contains("Exit codes"));
    assert!(shell.ok(&["--version"]).starts_with("trellis "));
    assert!(shell.ok(&["help", "sync", "reconcile"]).contains("--remote"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let shell = Shell::with_repo();
    for n in 0..20 {
        shell.ok(&["-C", "a", "set", &format!("notes/{n}/title"), "x"]);
    }
    for args in [&["-C", "a", "log"][..], &["-C", "a", "log", "--json"], &["completions", "bash"]] {
        let mut child = crate::shell::spawn(&mut shell.command(args));
        drop(child.stdout.take());
        let ran = crate::shell::finish(child);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
    }
}
