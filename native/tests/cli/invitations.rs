//! Inviting and joining by command, each of them a process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::shell::{Ran, Shell, finish, spawn, texts};

/// A server for the members of the repo in `a`.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(shell: &Shell) -> Served {
        let mut command = shell.command(&["-C", "a", "serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("ws://"), "{line}");
        Served { child, url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The repo `a` with a note and a file, and a server for its members.
fn served() -> (Shell, Served) {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    shell.write("a/plan.txt", "first\n");
    shell.ok(&["-C", "a", "record", "-m", "first"]);
    let served = Served::start(&shell);
    (shell, served)
}

/// Runs it with the invitation in the variable.
fn by_variable(shell: &Shell, args: &[&str], invitation: &str) -> Ran {
    finish(spawn(shell.command(args).env("TRELLIS_INVITATION", invitation)))
}

#[test]
fn who_is_invited_joins_and_syncs_both_ways() {
    let (shell, server) = served();
    let invited = shell.run(&["-C", "a", "invite", "--name", "Bob"]);
    assert_eq!(invited.code, 0, "{}", invited.err);
    assert!(invited.out.starts_with("trellis-invitation:") && invited.out.lines().count() == 1, "{}", invited.out);
    assert!(invited.err.contains("1 writer may join") && invited.err.contains("only members can"), "{}", invited.err);
    let joined = shell.feed(&["join", &server.url, "b"], &invited.out);
    assert_eq!(joined.code, 0, "{}{}", joined.out, joined.err);
    assert_eq!(shell.read("b/plan.txt"), b"first\n");
    shell.write("b/plan.txt", "first\nsecond\n");
    shell.ok(&["-C", "b", "record", "-m", "second"]);
    shell.ok(&["-C", "b", "sync", &server.url]);
    shell.ok(&["-C", "a", "switch", "main"]);
    assert_eq!(shell.read("a/plan.txt"), b"first\nsecond\n");
    shell.ok(&["-C", "a", "set", "notes/1/title", "Storm"]);
    shell.ok(&["-C", "b", "sync", &server.url]);
    assert_eq!(shell.ok(&["-C", "b", "get", "notes/1/title"]), "Storm\n");

    let document = shell.json(&["-C", "b", "members", "list"]);
    let joined = document["members"].as_array().unwrap().iter().find(|member| member["name"] == "Bob").unwrap();
    assert_eq!((joined["role"].as_str(), joined["joined"]["extra"].as_bool()), (Some("writer"), Some(false)));
    assert!(shell.ok(&["-C", "b", "members", "list"]).contains("joined by"));
    let listed = shell.json(&["-C", "a", "invite", "list"]);
    assert_eq!(texts(&listed["invitations"][0]["joined"]), [joined["author"].as_str().unwrap()]);
    assert!(shell.ok(&["-C", "a", "invite", "list"]).contains("1 of 1 joined"));
    // Nobody else joins by it, and nothing is left behind.
    for dir in ["c", "d"] {
        let refused = shell.feed(&["join", &server.url, dir], &invited.out);
        assert_eq!(refused.code, 1, "{}", refused.out);
        assert!(refused.err.contains("error[auth_failed]") && refused.err.contains("used up"), "{}", refused.err);
        assert!(!shell.path(dir).exists());
    }
}

#[test]
fn an_invitation_comes_by_file_or_variable_and_never_as_an_argument() {
    let (shell, server) = served();
    let document = shell.json(&["-C", "a", "invite", "--uses", "3", "--role", "reader", "--expires", "12h"]);
    let invitation = document["invitation"].as_str().unwrap();
    assert_eq!((document["closed"].as_bool(), document["invitations"][0]["uses"].as_u64()), (Some(true), Some(3)));
    assert_eq!(document["changed"], document["invitations"][0]["key"]);
    shell.write("invitation.txt", format!("\n  {invitation}\n"));
    let joined = shell.json(&["join", &server.url, "b", "--invitation", "invitation.txt"]);
    assert!(joined["ops"].as_u64() > Some(3), "{joined}");
    let ran = by_variable(&shell, &["join", &server.url, "c"], invitation);
    assert_eq!(ran.code, 0, "{}", ran.err);
    shell.refusal(&["-C", "b", "set", "notes/1/title", "Storm"], "permission_denied");
    for args in [["join", &server.url, invitation], ["join", invitation, "d"]] {
        let ran = shell.run(&args);
        assert_eq!(ran.code, 64, "{}", ran.out);
        assert!(!ran.err.contains(&invitation[30..]) && ran.err.contains("--invitation"), "{}", ran.err);
        let ran = shell.run(&[&args[..], &["--json"]].concat());
        assert!(!ran.out.contains(&invitation[30..]) && ran.out.contains("invalid_argument"), "{}", ran.out);
    }
    assert!(!shell.path("d").exists());
}

#[test]
fn what_is_no_invitation_is_refused_before_anybody_is_dialled() {
    let shell = Shell::with_repo();
    let good = shell.json(&["-C", "a", "invite", "--expires", "1s"]);
    let good = good["invitation"].as_str().unwrap();
    // Nobody listens there: whoever dials fails with `offline`, and not so fast.
    let url = "ws://127.0.0.1:9";
    for (text, code, says) in [
        ("", "invalid_argument", "no invitation"),
        ("trellis-invitation:", "invalid_argument", "a part of it is missing"),
        (&good[..60], "invalid_argument", "a part of it is missing"),
        ("hello", "invalid_argument", "does not begin as one"),
        (expired(), "auth_failed", "has expired"),
    ] {
        let ran = shell.feed(&["join", url, "b"], text);
        assert_eq!(ran.code, 1, "{text}: {}", ran.out);
        assert!(ran.err.contains(&format!("error[{code}]")) && ran.err.contains(says), "{text}: {}", ran.err);
        assert!(!shell.path("b").exists());
    }
    shell.refusal(&["join", "http://127.0.0.1:9", "b"], "invalid_argument");
    shell.refusal(&["join", url, "b", "--invitation", "nowhere.txt"], "not_found");
    for args in [["--uses", "0"], ["--uses", "1001"], ["--role", "owner"], ["--expires", "1w"]] {
        assert_eq!(shell.run(&[&["-C", "a", "invite"], &args[..]].concat()).code, 64, "{args:?}");
    }
}

/// An invitation of 2023, with a seed and a repo of zeros.
fn expired() -> &'static str {
    "trellis-invitation:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAGLz-VoAA"
}

#[test]
fn an_invitation_that_is_revoked_lets_nobody_in() {
    let (shell, server) = served();
    let document = shell.json(&["-C", "a", "invite"]);
    let (invitation, key) = (document["invitation"].as_str().unwrap(), document["changed"].as_str().unwrap());
    shell.refusal(&["-C", "a", "invite", "revoke", "00000000"], "not_found");
    let revoked = shell.json(&["-C", "a", "invite", "revoke", &key[..8]]);
    assert_eq!(
        (revoked["invitations"][0]["revoked"].as_bool(), &revoked["changed"]),
        (Some(true), &document["changed"])
    );
    assert!(shell.ok(&["-C", "a", "invite", "list"]).contains("revoked"));
    assert_eq!(shell.feed(&["join", &server.url, "b"], invitation).code, 1);
    assert!(!shell.path("b").exists());
}

#[test]
fn only_an_owner_invites() {
    let (shell, server) = served();
    let invitation = shell.ok(&["-C", "a", "invite"]);
    assert_eq!(shell.feed(&["join", &server.url, "b"], &invitation).code, 0);
    shell.refusal(&["-C", "b", "invite"], "permission_denied");
}
