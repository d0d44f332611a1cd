//! Two copies of a repo: clone, reconcile, conflicts, resolve, export, import, verify.

use serde_json::{Value, json};

use crate::shell::{Shell, texts};

const PREVIEW: &[&str] = &["-C", "a", "sync", "reconcile", "--remote", "../b"];
const APPLY: &[&str] = &["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"];

fn both(shell: &Shell, args: &[&str]) -> [String; 2] {
    ["a", "b"].map(|repo| shell.run(&[&["-C", repo], args].concat()).out)
}

#[test]
fn a_clone_has_everything_and_its_own_key() {
    let shell = Shell::with_two();
    let [a, b] = both(&shell, &["log", "-v"]);
    assert_eq!(a, b);
    let author = |repo| shell.json(&["-C", repo, "sync", "status"])["author"].clone();
    assert_ne!(author("a"), author("b"));
    let cloned = shell.json(&["clone", "b", "c"]);
    assert_eq!(cloned["ops"], 2);
    shell.refusal(&["clone", "a", "b"], "already_exists");
    shell.refusal(&["clone", "nowhere", "d"], "not_found");
    std::fs::create_dir(shell.path("empty")).unwrap();
    shell.refusal(&["clone", "empty", "d"], "not_a_repo");
    assert!(!shell.path("d").exists());
}

#[test]
fn a_preview_changes_nothing() {
    let shell = Shell::with_two();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Storm"]);
    shell.ok(&["-C", "b", "set", "notes/1/title", "Sun"]);
    shell.ok(&["-C", "b", "set", "notes/2/title", "Rain"]);
    let before = both(&shell, &["log", "-v"]);
    let (code, plan) = shell.document(PREVIEW);
    assert_eq!((code, &plan["applied"], &plan["relation"]), (2, &json!(false), &json!("diverged")));
    assert_eq!((texts(&plan["onlyLocal"]).len(), texts(&plan["onlyRemote"]).len()), (1, 2));
    assert_eq!((&plan["conflicts"], &plan["clean"]), (&json!(["notes/1"]), &json!(false)));
    assert_eq!(both(&shell, &["log", "-v"]), before);
}

#[test]
fn applying_makes_both_equal_and_shows_what_the_preview_showed() {
    let shell = Shell::with_two();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Storm"]);
    shell.ok(&["-C", "b", "set", "notes/1/title", "Sun"]);
    let (_, plan) = shell.document(PREVIEW);
    let (code, applied) = shell.document(APPLY);
    assert_eq!((code, &applied["applied"]), (2, &json!(true)));
    assert_eq!(applied["conflictRecords"], plan["conflictRecords"]);
    for args in [&["log", "-v"][..], &["conflicts"], &["conflicts", "--json"], &["get", "notes/1"], &["verify"]] {
        let [a, b] = both(&shell, args);
        assert_eq!(a, b, "{args:?}");
    }
    let (_, again) = shell.document(APPLY);
    assert_eq!((&again["relation"], &again["onlyLocal"]), (&json!("equal"), &json!([])));
}

#[test]
fn either_side_may_start() {
    let shell = Shell::with_two();
    shell.ok(&["-C", "b", "set", "notes/2/title", "Rain"]);
    assert_eq!(shell.json(PREVIEW)["relation"], "behind");
    assert_eq!(shell.json(&["-C", "b", "sync", "reconcile", "--remote", "../a"])["relation"], "ahead");
    shell.ok(&["-C", "b", "sync", "reconcile", "--remote", "../a", "--apply"]);
    assert_eq!(shell.json(PREVIEW)["relation"], "equal");
}

fn conflict(shell: &Shell) -> Value {
    shell.document(&["-C", "a", "conflicts"]).1["conflicts"][0].clone()
}

#[test]
fn a_conflict_shows_the_base_and_every_side() {
    let shell = Shell::with_conflict();
    let open = conflict(&shell);
    assert_eq!((&open["place"], &open["base"]["value"]), (&json!("notes/1/title"), &json!("Calm")));
    let sides: Vec<(&str, &str)> = open["sides"]
        .as_array()
        .unwrap()
        .iter()
        .map(|side| (side["side"].as_str().unwrap(), side["value"].as_str().unwrap()))
        .collect();
    assert_eq!(sides, [("A", "Storm"), ("B", "Sun")]);
    let text = shell.run(&["-C", "a", "conflicts"]);
    assert_eq!(text.code, 2);
    for part in ["notes/1/title", "\"Calm\"", "\"Storm\"", "\"Sun\""] {
        assert!(text.out.contains(part), "{}", text.out);
    }
    assert_eq!(shell.json(&["-C", "a", "sync", "status"])["conflicts"], 1);
}

#[test]
fn resolving_takes_a_side_a_value_or_nothing() {
    let choices = [
        (["--take", "A"], json!("Storm")),
        (["--take", "b"], json!("Sun")),
        (["--take", "the op of B"], json!("Sun")),
        (["--value", "Calm storm"], json!("Calm storm")),
        (["--value", "7"], json!(7)),
        (["--text", "7"], json!("7")),
        (["--absent", "-q"], Value::Null),
    ];
    for (choice, value) in choices {
        let shell = Shell::with_conflict();
        let op = conflict(&shell)["sides"][1]["op"].as_str().unwrap()[..10].to_owned();
        let choice = choice.map(|word| if word == "the op of B" { op.as_str() } else { word });
        let place = if value.is_null() { "notes/1/title" } else { "notes/1" };
        let args = [&["-C", "a", "resolve", place], &choice[..]].concat();
        assert_eq!(shell.json(&args)["open"], 0, "{choice:?}");
        let (_, got) = shell.document(&["-C", "a", "get", "notes/1/title"]);
        assert_eq!(got["value"], value, "{choice:?}");
        shell.ok(APPLY);
        shell.ok(&["-C", "b", "conflicts"]);
    }
}

#[test]
fn what_cannot_be_resolved_is_refused() {
    let shell = Shell::with_conflict();
    shell.refusal(&["-C", "a", "resolve", "notes/1", "--take", "C"], "invalid_argument");
    shell.refusal(&["-C", "a", "resolve", "notes/2", "--take", "A"], "not_found");
    shell.refusal(&["-C", "a", "resolve", "notes/1/stars", "--take", "A"], "not_found");
    shell.refusal(&["-C", "a", "resolve", "notes/1"], "invalid_argument");
    assert_eq!(shell.run(&["-C", "a", "resolve", "notes/1", "--take", "A", "--absent"]).code, 64);
    shell.ok(&["-C", "a", "set", "notes/1/stars", "1"]);
    shell.run(APPLY);
    shell.ok(&["-C", "a", "set", "notes/1/stars", "2"]);
    shell.ok(&["-C", "b", "set", "notes/1/stars", "3"]);
    shell.run(APPLY);
    let message = shell.refusal(&["-C", "a", "resolve", "notes/1", "--take", "A"], "invalid_argument");
    assert!(message.contains("notes/1/stars, notes/1/title"), "{message}");
}

#[test]
fn two_repos_never_merge() {
    let shell = Shell::with_two();
    shell.ok(&["init", "c"]);
    shell.ok(&["-C", "c", "export", "../c.bundle"]);
    shell.refusal(&["-C", "a", "sync", "reconcile", "--remote", "../c"], "repo_mismatch");
    shell.refusal(&["-C", "a", "sync", "reconcile", "--remote", "../c", "--apply"], "repo_mismatch");
    shell.refusal(&["-C", "a", "import", "../c.bundle"], "repo_mismatch");
    shell.refusal(&["-C", "a", "sync", "reconcile", "--remote", "."], "invalid_argument");
}

#[test]
fn a_linear_branch_has_one_line_again_when_one_side_gives_way() {
    for (keep, kept) in [("local", "one"), ("remote", "two")] {
        let shell = Shell::with_two();
        for repo in ["a", "b"] {
            shell.ok(&["-C", repo, "config", "set", "branchPolicies.main.linear", "true"]);
        }
        shell.ok(&["-C", "a", "set", "notes/1/title", "one"]);
        shell.ok(&["-C", "b", "set", "notes/1/title", "two"]);
        shell.ok(&["-C", "b", "set", "notes/2/title", "more"]);
        let (code, applied) = shell.document(APPLY);
        assert_eq!((code, applied["error"]["code"].as_str()), (1, Some("diverged")));
        shell.refusal(&["-C", "a", "set", "notes/3/title", "x"], "diverged");
        let (code, kept_one) = shell.document(&[APPLY, &["--keep", keep]].concat());
        assert_eq!((code, &kept_one["diverged"]), (2, &json!([])), "{keep}");
        assert!(!texts(&kept_one["rebased"]).is_empty());
        for repo in ["a", "b"] {
            shell.ok(&["-C", repo, "set", &format!("{repo}/1/title"), "x"]);
            shell.run(APPLY);
        }
        let [a, b] = both(&shell, &["log", "-v"]);
        assert_eq!(a, b);
        let (_, open) = shell.document(&["-C", "a", "conflicts"]);
        let sides: Vec<&Value> = open["conflicts"][0]["sides"].as_array().unwrap().iter().collect();
        assert_eq!(sides.len(), 2, "the ops that were written anew count once: {open}");
        assert!(sides.iter().any(|side| side["value"] == kept));
    }
    let shell = Shell::with_two();
    assert_eq!(shell.run(&[PREVIEW, &["--keep", "local"]].concat()).code, 64);
    assert_eq!(shell.run(&[APPLY, &["--keep", "both"]].concat()).code, 64);
}

#[test]
fn a_repo_is_carried_as_a_file() {
    let shell = Shell::with_two();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Storm"]);
    let head = shell.json(&["-C", "b", "log", "-n", "1"])["ops"][0]["hash"].as_str().unwrap().to_owned();
    assert_eq!(shell.json(&["-C", "a", "export", "../all.bundle"])["ops"], 3);
    assert_eq!(shell.json(&["-C", "a", "export", "../new.bundle", "--known", &head])["ops"], 1);
    shell.refusal(&["-C", "a", "export", "../all.bundle"], "already_exists");
    let taken = shell.json(&["-C", "b", "import", "../new.bundle"]);
    assert_eq!((&taken["admitted"], &taken["known"]), (&json!(1), &json!(0)));
    assert_eq!(shell.json(&["-C", "b", "import", "../all.bundle"])["known"], 3);
    assert_eq!(shell.json(&["clone", "all.bundle"])["ops"], 3);
    assert_eq!(shell.ok(&["-C", "all", "get", "notes/1/title"]), "Storm\n");
    shell.ok(&["-C", "all", "verify"]);
}

#[test]
fn a_damaged_file_is_refused_whole() {
    let shell = Shell::with_two();
    shell.ok(&["-C", "b", "set", "notes/1/title", "Storm"]);
    shell.ok(&["-C", "b", "export", "../b.bundle"]);
    let bytes = std::fs::read(shell.path("b.bundle")).unwrap();
    for at in [0, 7, 40, bytes.len() / 2, bytes.len() - 1] {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        std::fs::write(shell.path("bad.bundle"), &bad).unwrap();
        shell.refusal(&["-C", "a", "import", "../bad.bundle"], "invalid_argument");
    }
    std::fs::write(shell.path("bad.bundle"), &bytes[..bytes.len() - 20]).unwrap();
    shell.refusal(&["-C", "a", "import", "../bad.bundle"], "invalid_argument");
    shell.refusal(&["clone", "bad.bundle"], "invalid_argument");
    assert!(!shell.path("bad").exists());
    shell.refusal(&["-C", "a", "import", "../none.bundle"], "not_found");
}

#[test]
fn what_was_written_verifies() {
    let shell = Shell::with_conflict();
    let verified = shell.json(&["-C", "a", "verify"]);
    assert_eq!((&verified["ok"], &verified["ops"], &verified["signatures"]), (&json!(true), &json!(4), &json!(4)));
}
