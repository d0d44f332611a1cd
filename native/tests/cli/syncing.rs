//! Syncing by command: folders on several machines meet through a server, once and live.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::documents;
use crate::shell::Shell;

/// Nothing here takes so long unless it never ends.
const LIMIT: Duration = Duration::from_secs(60);

/// A server for the repo in `a`.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(shell: &Shell, listen: &str) -> Served {
        Served::run(shell, &["-C", "a", "serve", "--open", "--listen", listen])
    }

    fn run(shell: &Shell, line: &[&str]) -> Served {
        let mut command = shell.command(line);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("ws://"), "{line}");
        Served { child, url }
    }

    fn address(&self) -> &str {
        self.url.strip_prefix("ws://").unwrap()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "{what}");
        std::thread::yield_now();
    }
}

/// A repo in `a` with a note and a file, and a server for it.
fn served() -> (Shell, Served) {
    let shell = Shell::with_repo();
    shell.write("a/plan.txt", "one\ntwo\nthree\n");
    shell.write("a/large.bin", vec![7; 700_000]);
    shell.ok(&["-C", "a", "record", "-m", "begin"]);
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    let server = Served::start(&shell, "127.0.0.1:0");
    (shell, server)
}

#[test]
fn a_clone_from_a_server_has_everything() {
    let (shell, server) = served();
    let cloned = shell.json(&["clone", &server.url, "b"]);
    assert_eq!(
        (&cloned["blobs"], &cloned["missingBlobs"], &cloned["from"]),
        (&json!(2), &json!([]), &json!(server.url))
    );
    assert_eq!(shell.read("b/large.bin"), shell.read("a/large.bin"));
    assert_eq!(shell.read("b/plan.txt"), shell.read("a/plan.txt"));
    assert!(shell.ok(&["-C", "b", "get", "notes/1"]).contains("Calm"));
    assert!(shell.ok(&["-C", "b", "verify"]).contains("blob"));
    let named = shell.run(&["clone", &server.url]);
    assert_eq!(named.code, 0, "{}", named.err);
    assert!(shell.path("repo/plan.txt").is_file(), "without a name it is called repo");
}

#[test]
fn offline_edits_of_both_sides_meet() {
    let (shell, server) = served();
    for name in ["b", "c"] {
        shell.ok(&["clone", &server.url, name]);
    }
    shell.write("b/plan.txt", "ONE\ntwo\nthree\n");
    shell.ok(&["-C", "b", "record"]);
    shell.ok(&["-C", "b", "set", "notes/1/title", "Storm"]);
    shell.write("c/plan.txt", "one\ntwo\nTHREE\n");
    shell.ok(&["-C", "c", "record"]);
    shell.ok(&["-C", "c", "set", "notes/1/title", "Sun"]);

    let (code, first) = shell.document(&["-C", "b", "sync", &server.url]);
    assert_eq!((code, &first["taken"], &first["given"], &first["relay"]), (0, &json!(0), &json!(3), &json!(true)));
    let ran = shell.run(&["-C", "c", "sync", &server.url, "--preview", "--json"]);
    let preview = documents::check(&["sync", "reconcile"], &ran.out);
    assert_eq!((ran.code, &preview["applied"], preview["onlyRemote"].as_array().unwrap().len()), (2, &json!(false), 3));
    assert_eq!(shell.read("c/plan.txt"), b"one\ntwo\nTHREE\n", "a preview changes nothing");
    let (code, second) = shell.document(&["-C", "c", "sync", &server.url]);
    assert_eq!((code, &second["taken"]), (2, &json!(3)), "the titles are in conflict");
    assert_eq!(shell.read("c/plan.txt"), b"ONE\ntwo\nTHREE\n", "the lines are not");
    assert_eq!(second["conflicts"].as_array().unwrap().len(), 1);

    let (_, conflicts) = shell.document(&["-C", "c", "conflicts"]);
    let place = conflicts["conflicts"][0]["place"].as_str().unwrap();
    shell.ok(&["-C", "c", "resolve", place, "--value", "Both"]);
    for name in ["c", "b", "c"] {
        assert_eq!(shell.run(&["-C", name, "sync", &server.url]).code, 0);
    }
    assert_eq!(shell.read("b/plan.txt"), b"ONE\ntwo\nTHREE\n");
    assert_eq!(shell.json(&["-C", "b", "get", "notes/1"])["value"], json!({ "title": "Both" }));
}

#[test]
fn some_branches_sync_without_the_others() {
    let (shell, server) = served();
    shell.ok(&["clone", &server.url, "b"]);
    for branch in ["draft/x", "other"] {
        shell.ok(&["-C", "b", "branch", branch]);
        shell.ok(&["-C", "b", "set", "--branch", branch, "notes/2/title", branch]);
    }
    let told = shell.ok(&["-C", "b", "sync", &server.url, "--branches", "main", "--branches", "draft/*"]);
    assert!(told.contains("Both now have the same of these branches."), "{told}");
    assert!(shell.ok(&["-C", "a", "get", "--branch", "draft/x", "notes/2/title"]).contains("draft/x"));
    let branches = shell.json(&["-C", "a", "branch"]).to_string();
    assert!(branches.contains("draft/x") && !branches.contains("other"), "{branches}");
    let refused = shell.run(&["-C", "b", "sync", &server.url, "--branches", "a***"]);
    assert!(refused.code == 1 && refused.err.contains("--branches takes"), "{}", refused.err);
}

#[test]
fn a_serialiser_says_which_line_of_a_linear_branch_stays() {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    let key = shell.json(&["-C", "a", "sync", "status"])["author"].as_str().unwrap().to_owned();
    shell.ok(&["-C", "a", "config", "set", "branchPolicies.main.linear", "true"]);
    shell.ok(&["-C", "a", "config", "set", "branchPolicies.main.serialiser", &key]);
    let server = Served::start(&shell, "127.0.0.1:0");
    shell.ok(&["clone", &server.url, "b"]);
    shell.ok(&["-C", "b", "config", "set", "branchPolicies.main.linear", "true"]);
    shell.ok(&["-C", "b", "set", "notes/1/title", "Storm"]);
    shell.ok(&["-C", "a", "set", "notes/1/title", "Sun"]);
    let head = shell.json(&["-C", "a", "log"])["ops"][0]["hash"].clone();
    let (_, synced) = shell.document(&["-C", "b", "sync", &server.url]);
    assert_eq!(synced["nacked"], json!({ "ops": 1, "code": "not_fast_forward", "head": head }));
    for repo in ["a", "b"] {
        let status = shell.json(&["-C", repo, "sync", "status"]);
        let branches = status["branches"].as_array().unwrap();
        let main = branches.iter().find(|branch| branch["name"] == json!("main")).unwrap();
        assert_eq!(main["diverged"], json!(true), "{repo}: {status}");
    }
}

#[test]
fn a_member_may_look_at_what_a_server_for_members_has() {
    let shell = Shell::with_repo();
    shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
    shell.ok(&["clone", "a", "b"]);
    let key = shell.json(&["-C", "b", "sync", "status"])["author"].as_str().unwrap().to_owned();
    shell.ok(&["-C", "a", "members", "add", &key, "--name", "Bob"]);
    let server = Served::run(&shell, &["-C", "a", "serve", "--listen", "127.0.0.1:0"]);
    let urls = [server.url.clone(), server.url.replace("ws://", "http://")];
    for (number, url) in urls.iter().enumerate() {
        shell.ok(&["-C", "b", "set", &format!("notes/b{number}/title"), "from Bob"]);
        shell.ok(&["-C", "b", "sync", url]);
        shell.ok(&["-C", "a", "set", &format!("notes/a{number}/title"), "New"]);
        let before = shell.json(&["-C", "b", "sync", "status"])["ops"].clone();
        let ran = shell.run(&["-C", "b", "sync", url, "--preview", "--json"]);
        let preview = documents::check(&["sync", "reconcile"], &ran.out);
        assert_eq!((ran.code, preview["onlyRemote"].as_array().unwrap().len()), (0, 1), "{url}: {}", ran.err);
        assert_eq!(shell.json(&["-C", "b", "sync", "status"])["ops"], before, "nothing came to stay");
    }
}

#[test]
fn peers_have_names() {
    let (shell, server) = served();
    shell.ok(&["clone", &server.url, "b"]);
    assert_eq!(shell.json(&["-C", "b", "sync", "peers", "list"])["peers"], json!([]));
    let added = shell.json(&["-C", "b", "sync", "peers", "add", "home", &server.url]);
    assert_eq!(added["peers"], json!([{ "name": "home", "url": server.url }]));
    assert_eq!(shell.ok(&["-C", "b", "config", "get", "peers.home"]).trim(), server.url);
    let tested = shell.json(&["-C", "b", "sync", "peers", "test", "home"]);
    let home = shell.json(&["-C", "a", "sync", "status"]);
    assert_eq!((&tested["key"], &tested["relay"]), (&home["author"], &json!(true)));
    assert_eq!(shell.json(&["-C", "b", "sync", "home"])["given"], json!(0));
    shell.ok(&["-C", "b", "sync", "peers", "remove", "home"]);
    assert!(shell.run(&["-C", "b", "sync", "home"]).err.contains("not_found"));
    assert!(shell.run(&["-C", "b", "sync", "peers", "add", "a b", &server.url]).err.contains("invalid_argument"));
    assert!(
        shell.run(&["-C", "b", "sync", "peers", "add", "far", "ws://example.org"]).err.contains("permission_denied")
    );
}

#[test]
fn a_peer_that_is_not_there_is_offline() {
    let (shell, mut server) = served();
    shell.ok(&["clone", &server.url, "b"]);
    server.kill();
    for args in [vec!["-C", "b", "sync"], vec!["-C", "b", "sync", "--preview"], vec!["clone"]] {
        let ran = shell.run(&[&args[..], &[server.url.as_str()]].concat());
        assert!(ran.code == 1 && ran.err.contains("error[offline]"), "{args:?}: {}", ran.err);
    }
    assert!(!shell.path("repo").exists(), "a clone that got nothing leaves nothing");
    for wrong in ["http://127.0.0.1:1", "ws://", "nonsense"] {
        assert_eq!(shell.run(&["-C", "b", "sync", wrong]).code, 1, "{wrong}");
    }
    let other = shell.run(&["-C", "b", "sync", "ftp://127.0.0.1"]).err;
    shell.refusal(&["clone", "ftp://127.0.0.1", "c"], "invalid_argument");
    assert!(!shell.path("c").exists());
    assert!(other.contains("error[invalid_argument]"), "{other}");
    assert!(["ws://", "wss://", "http://", "https://"].iter().all(|way| other.contains(way)), "{other}");
}

#[test]
fn another_repo_is_refused_and_stays_as_it_was() {
    let (shell, server) = served();
    shell.ok(&["init", "other"]);
    shell.ok(&["-C", "other", "set", "notes/1/title", "Mine"]);
    let ran = shell.run(&["-C", "other", "sync", &server.url]);
    assert!(ran.code == 1 && ran.err.contains("error[repo_mismatch]"), "{}", ran.err);
    assert!(shell.run(&["-C", "other", "sync", &server.url, "--preview"]).err.contains("error[repo_mismatch]"));
    assert!(shell.ok(&["-C", "other", "get", "notes/1"]).contains("Mine"));
}

#[test]
fn live_links_carry_what_is_written_and_come_back() {
    let (shell, mut server) = served();
    let mut live: Vec<Child> = Vec::new();
    for name in ["b", "c"] {
        shell.ok(&["clone", &server.url, name]);
        let mut command = shell.command(&["-C", name, "sync", &server.url, "--live"]);
        live.push(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }
    let shows = |name: &str, key: &str, wanted: &str| {
        let place = format!("notes/{key}/title");
        let ran = shell.run(&["-C", name, "get", &place]);
        ran.code == 0 && ran.out.contains(wanted)
    };
    shell.ok(&["-C", "b", "set", "notes/2/title", "from b"]);
    shell.write("b/plan.txt", "one\ntwo\nthree\nfour\n");
    shell.ok(&["-C", "b", "record"]);
    until("a record reaches c", || shows("c", "2", "from b"));
    until("a file reaches the folder of c", || shell.read("c/plan.txt") == b"one\ntwo\nthree\nfour\n");
    assert!(shows("a", "2", "from b"), "the relay has it, too");

    let address = server.address().to_owned();
    server.kill();
    shell.ok(&["-C", "c", "set", "notes/3/title", "while away"]);
    let _server = Served::start(&shell, &address);
    until("what was written meanwhile reaches b", || shows("b", "3", "while away"));
    for mut child in live {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
