//! A repo by plain data, as bindings use it: what the verbs do by themselves, commands do too.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use trellis_sync::Repo;
use trellis_sync::link::LinkOptions;
use trellis_sync::surface::{self, Answer, Command, OpenOptions};

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn command(plain: Value) -> Command {
    serde_json::from_value(plain).unwrap()
}

async fn answer(repo: &Repo, plain: Value) -> Value {
    serde_json::to_value(repo.carry_out(command(plain)).await.unwrap()).unwrap()
}

async fn code(repo: &Repo, plain: Value) -> &'static str {
    repo.carry_out(command(plain)).await.unwrap_err().code().as_str()
}

fn write(edits: Value) -> Value {
    json!({ "type": "write", "branch": "main", "edits": edits })
}

#[test]
fn main_is_there_before_anybody_has_written() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let repo = Repo::open(folder.path()).await.unwrap();
        assert_eq!(answer(&repo, json!({ "type": "entries", "branch": "main" })).await["entities"], json!([]));
        assert_eq!(answer(&repo, json!({ "type": "conflicts", "branch": "main" })).await["conflicts"], json!([]));
        assert_eq!(answer(&repo, json!({ "type": "log", "branch": "main", "opsMax": 9 })).await["ops"], json!([]));
        assert_eq!(code(&repo, json!({ "type": "conflicts", "branch": "other" })).await, "not_found");
        assert!(repo.changes(0, 10).await.unwrap().is_empty());
    });
}

#[test]
fn a_write_begins_the_repo_in_the_authors_name() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let repo = Repo::options().author_name("Ann").open(folder.path()).await.unwrap();
        let set = json!({ "type": "set", "place": "todo/1/title", "value": "Buy milk" });
        let written = answer(&repo, write(json!([set]))).await;
        let show = answer(&repo, json!({ "type": "show", "ops": written["ops"] })).await;
        assert_eq!(show["ops"][0]["actor"], "Ann");
        let found = repo.find("todo/1/title", Vec::new()).await.unwrap();
        assert_eq!(serde_json::to_value(&found.shown).unwrap(), json!({ "type": "json", "value": "Buy milk" }));
        assert_eq!(code(&repo, write(json!([{ "type": "delete", "place": "todo" }]))).await, "invalid_argument");

        let changes = repo.changes(0, 10).await.unwrap();
        assert_eq!(changes.iter().map(|change| (change.seq, change.ops.len())).collect::<Vec<_>>(), [(1, 1), (2, 1)]);
        assert!(changes.iter().all(|change| change.is_local));
        assert_eq!(repo.changes(1, 10).await.unwrap(), changes[1..]);
        assert_eq!(repo.changes(0, 1).await.unwrap(), changes[..1]);
    });
}

#[test]
fn a_write_on_an_older_base_stands_beside_the_newer_one() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let repo = Repo::open(folder.path()).await.unwrap();
        answer(&repo, write(json!([{ "type": "set", "place": "todo/1/title", "value": "Milk" }]))).await;
        let seen = repo.find("todo/1", Vec::new()).await.unwrap().frontier;
        answer(&repo, write(json!([{ "type": "set", "place": "todo/1/title", "value": "Bread" }]))).await;
        let late = json!({ "type": "set", "place": "todo/1/title", "value": "Oats", "base": seen });
        answer(&repo, write(json!([late]))).await;
        let conflicts = answer(&repo, json!({ "type": "conflicts", "branch": "main" })).await;
        assert_eq!(conflicts["conflicts"][0]["path"], "/title");
        let late = json!({ "type": "delete", "place": "todo/1", "base": seen });
        assert_eq!(answer(&repo, write(json!([late]))).await["ops"].as_array().map(Vec::len), Some(1));
        assert!(!repo.conflicts().await.unwrap().is_empty());
    });
}

#[test]
fn receipts_and_reports_are_plain() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let repo = Repo::open(folder.path()).await.unwrap();
        let set = json!({ "type": "set", "place": "todo/1", "value": 1 });
        let Answer::Written { ops } = repo.carry_out(command(write(json!([set])))).await.unwrap() else { panic!() };
        let wait = Duration::from_millis(1);
        assert!(repo.safe(ops.clone(), "local", wait).await.unwrap().withheld.is_empty());
        assert_eq!(repo.safe(ops.clone(), "peer", wait).await.unwrap_err().code().as_str(), "timeout");
        assert_eq!(repo.safe(ops, "moon", wait).await.unwrap_err().code().as_str(), "invalid_argument");
        assert!(repo.verified().await.unwrap().is_sound);
        let bundle = folder.path().join("bundle");
        assert_eq!(repo.export_to(&bundle).await.unwrap().ops, 2);
        assert_eq!(repo.import_from(&bundle).await.unwrap().report.known, 2);
        assert_eq!(repo.begin_plain_branch("draft").await.unwrap().len(), 1);
    });
}

#[test]
fn options_are_read_and_strangers_refused() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let (events, _told) = unbounded_channel();
        let options: OpenOptions = serde_json::from_value(json!({ "branch": "draft", "name": "notes" })).unwrap();
        let heard = Repo::options().events(events);
        let repo = options.open(folder.path(), heard.clone()).await.unwrap();
        assert_eq!((repo.branch(), repo.name()), ("draft", "notes"));
        assert!(serde_json::from_value::<OpenOptions>(json!({ "brunch": "x" })).is_err());
        let absent: OpenOptions = serde_json::from_value(json!({ "mustExist": true })).unwrap();
        let none = tempfile::tempdir().unwrap();
        assert_eq!(absent.open(none.path(), heard.clone()).await.unwrap_err().code().as_str(), "not_a_repo");
        let loose: OpenOptions = serde_json::from_value(json!({ "branchPolicies": { "main": 1 } })).unwrap();
        assert_eq!(loose.open(none.path(), heard).await.unwrap_err().code().as_str(), "invalid_argument");

        let refused = |plain: Value| {
            let options: surface::LinkOptions = serde_json::from_value(plain).unwrap();
            LinkOptions::try_from(options).unwrap_err().code().as_str()
        };
        assert_eq!(refused(json!({ "invitation": "x" })), "invalid_argument");
        assert_eq!(refused(json!({ "branches": ["", "\u{0}"] })), "invalid_argument");
    });
}
