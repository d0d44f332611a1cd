//! A repo as a Rust program uses it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use trellis_sync::core::admit::policy::{Policies, Stated};
use trellis_sync::core::input::{Base, Change};
use trellis_sync::core::time::Millis;
use trellis_sync::keys::{Identity, KeyFile};
use trellis_sync::{Access, Code, Entity, Missing, Range, Repo, Result, State, Value};

fn run<T>(body: impl Future<Output = Result<T>>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(body).unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn text(value: &str) -> Value {
    Value::from(value)
}

#[test]
fn a_repo_begins_with_its_first_write() {
    let folder = folder();
    let path = folder.path().join("notes");
    run(async {
        let repo = Repo::open(&path).await?;
        assert_eq!((repo.status().await?.repo, repo.status().await?.ops), (None, 0));
        assert_eq!(repo.entries(Range::default()).await?, []);
        assert_eq!(repo.get("todo/1").await?.state, State::Absent);
        let receipt = repo.set("todo/1/title", text("Buy milk")).await?;
        assert_eq!((receipt.ops().len(), repo.status().await?.ops), (1, 2));
        let genesis = repo.op(repo.status().await?.repo.unwrap().genesis()).await?;
        let body = String::from_utf8(genesis.stored.unwrap().body.unwrap()).unwrap();
        assert!(body.contains("\"name\":\"notes\""), "{body}");
        assert_eq!(repo.begin().await.unwrap_err().code(), Code::AlreadyExists);
        Ok(())
    });
}

#[test]
fn the_repo_as_it_was_is_a_value() {
    let folder = folder();
    run(async {
        let repo = Repo::create(folder.path(), "notes").await?;
        let calm = repo.set("todo/1/title", text("Calm")).await?.ops()[0];
        let then = repo.at(&[calm]);
        repo.set("todo/1/title", text("Storm")).await?;
        repo.set("todo/2/title", text("Later")).await?;
        assert_eq!(then.get("todo/1/title").await?.value, Some(text("Calm")));
        assert_eq!(then.get("todo/1").await?.frontier, [calm]);
        assert_eq!(then.get("todo/2").await?.state, State::Absent);
        let keys: Vec<String> = then.entries(Range::default()).await?.into_iter().map(|entry| entry.key).collect();
        assert_eq!((keys, then.files().await?.tree.files.len()), (vec!["1".to_owned()], 0));
        assert_eq!((then.heads(), repo.find_heads(&calm.to_string()[..8]).await?), (&[calm][..], vec![calm]));
        repo.begin_branch("draft").await?;
        let draft = repo.at(&repo.find_heads("draft").await?);
        repo.on_branch("draft").delete("todo/1").await?;
        assert_eq!(draft.get("todo/1/title").await?.value, Some(text("Storm")));
        assert_eq!(repo.find_heads("nothing").await.unwrap_err().code(), Code::InvalidArgument);
        Ok(())
    });
}

#[test]
fn a_repo_without_ops_takes_the_repo_that_it_is_given() {
    let folder = folder();
    run(async {
        let repo = Repo::create(folder.path().join("a"), "notes").await?;
        repo.set("todo/1/title", text("Buy milk")).await?;
        let copy = Repo::open(folder.path().join("b")).await?;
        assert_eq!(copy.import(repo.export(Vec::new()).await?).await?.admitted.len(), 2);
        assert_eq!(copy.status().await?.repo, repo.status().await?.repo);
        let other = Repo::create(folder.path().join("c"), "other").await?;
        let refused = other.import(repo.export(Vec::new()).await?).await.unwrap_err();
        assert_eq!(refused.code(), Code::RepoMismatch);
        Ok(())
    });
}

#[test]
fn where_there_is_no_repo_none_is_made_unasked() {
    let folder = folder();
    run(async {
        let refused = Repo::options().missing(Missing::Refuse).open(folder.path()).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotARepo);
        let refused = Repo::options().access(Access::Read).open(folder.path()).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotARepo);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        Ok(())
    });
}

#[test]
fn a_batch_is_one_transaction() {
    let folder = folder();
    run(async {
        let repo = Repo::open(folder.path()).await?;
        let batch = repo.batch().set("todo/1/title", text("a"))?.set("todo/2/title", text("b"))?.delete("todo/1")?;
        let receipt = batch.commit().await?;
        let log = repo.log(None, 100).await?;
        let signed = log.iter().filter(|op| op.is_signed && receipt.ops().contains(&op.id)).count();
        assert_eq!((receipt.ops().len(), signed), (3, 1));
        let bad = repo.batch().set("todo/3/title", text("c"))?.set("_repo/x", text("no"))?.commit().await;
        assert_eq!(bad.unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(repo.get("todo/3").await?.state, State::Absent, "all or nothing");
        let empty = repo.batch().commit().await.unwrap_err();
        assert_eq!(empty.code(), Code::InvalidArgument);
        Ok(())
    });
}

#[test]
fn a_base_that_somebody_replaced_is_a_conflict() {
    let folder = folder();
    run(async {
        let repo = Repo::open(folder.path()).await?;
        repo.set("todo/1/title", text("a")).await?;
        let seen = repo.get("todo/1").await?.frontier;
        repo.set("todo/1/title", text("b")).await?;
        let entity: Entity = "todo/1".parse()?;
        let change = Change::Replace(Value::object([("title", text("c"))]));
        repo.batch().change(&entity, change, Base::Ops(seen)).commit().await?;
        assert_eq!(repo.conflicts().await?.len(), 1);
        Ok(())
    });
}

#[test]
fn handles_see_what_others_committed() {
    let folder = folder();
    run(async {
        let one = Repo::open(folder.path()).await?;
        one.set("todo/1/title", text("a")).await?;
        let two = Repo::open(folder.path()).await?;
        one.set("todo/1/title", text("b")).await?;
        assert_eq!(two.get("todo/1/title").await?.value, Some(text("b")));
        two.set("todo/1/title", text("c")).await?;
        assert_eq!(one.get("todo/1/title").await?.value, Some(text("c")));
        assert!(one.conflicts().await?.is_empty(), "each had seen the other's");
        Ok(())
    });
}

#[test]
fn writers_on_one_store_take_turns() {
    const WRITES: usize = 100;
    let folder = folder();
    run(async { Repo::create(folder.path(), "notes").await?.close().await });
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = folder.path();
            scope.spawn(move || run(write_many(path, writer, WRITES)));
        }
    });
    run(async {
        let repo = Repo::open(folder.path()).await?;
        let status = repo.status().await?;
        assert_eq!((status.ops, status.forks.len()), (1 + 4 * WRITES, 0));
        assert!(repo.verify().await?.is_sound());
        Ok(())
    });
}

async fn write_many(path: &Path, writer: usize, writes: usize) -> Result<()> {
    let repo = Repo::open(path).await?;
    for n in 0..writes {
        repo.set(&format!("todo/{writer}-{n}/title"), text("x")).await?;
    }
    repo.close().await
}

/// Writes that wait together share a commit, and each still has its own answer: good ones are written, bad ones are not.
#[test]
fn writes_that_wait_together_are_answered_one_by_one() {
    const WRITES: usize = 3000;
    let folder = folder();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let repo = Repo::create(folder.path(), "notes").await.unwrap();
        let tasks: Vec<_> = (0..WRITES)
            .map(|n| {
                let repo = repo.clone();
                let place = if n % 10 == 9 { "_repo/x".into() } else { format!("todo/{n}/title") };
                tokio::task::spawn_local(async move { repo.set(&place, text("x")).await })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            let outcome = task.await.unwrap();
            assert_eq!(outcome.is_err(), n % 10 == 9, "{n}");
        }
        assert_eq!(repo.status().await.unwrap().ops, 1 + WRITES - WRITES / 10);
        assert!(repo.verify().await.unwrap().is_sound());
    });
}

#[test]
fn a_closed_repo_says_so() {
    let folder = folder();
    run(async {
        let repo = Repo::create(folder.path(), "notes").await?;
        let clone = repo.clone();
        repo.close().await?;
        assert_eq!(clone.set("todo/1/title", text("x")).await.unwrap_err().code(), Code::Aborted);
        assert_eq!(clone.status().await.unwrap_err().code(), Code::Aborted);
        clone.close().await
    });
}

#[test]
fn a_repo_that_is_only_read_is_not_written() {
    let folder = folder();
    run(async {
        Repo::create(folder.path(), "notes").await?.close().await?;
        let files =
            || ["store.db", "identity"].map(|name| fs::read(folder.path().join(".trellis").join(name)).unwrap());
        let before = files();
        let repo = Repo::options().access(Access::Read).open(folder.path()).await?;
        assert_eq!(repo.set("todo/1/title", text("x")).await.unwrap_err().code(), Code::PermissionDenied);
        assert_eq!(repo.status().await?.ops, 1);
        repo.close().await?;
        assert_eq!(files(), before);
        Ok(())
    });
}

/// The device took a new key, and the process ended before the op that says so was durable. The next write says it.
#[test]
fn a_new_key_that_no_op_names_yet_is_named_by_the_next_write() {
    let folder = folder();
    let inner = folder.path().join(".trellis");
    run(async {
        let repo = Repo::create(folder.path(), "notes").await?;
        let old = repo.status().await?.author;
        repo.close().await?;
        let new = KeyFile::open(inner.join("identity"), &inner)?.rotate()?;
        let repo = Repo::open(folder.path()).await?;
        assert_eq!(repo.status().await?.author, old);
        repo.set("todo/1/title", text("x")).await?;
        assert_eq!(repo.status().await?.author, new);
        let member = repo.members().await?.into_iter().find(|member| member.author == new).unwrap();
        assert_eq!(member.predecessor, Some(old));
        assert_eq!(KeyFile::open(inner.join("identity"), &inner)?.former().count(), 0);
        Ok(())
    });
}

/// Two processes have the copied folder open, and both take the new key: one of them makes it, and both write under it.
#[test]
fn two_processes_in_a_copied_folder_take_one_new_key() {
    let folder = folder();
    let [from, to] = ["a", "b"].map(|name| folder.path().join(name));
    run(async {
        Repo::create(&from, "notes").await?.close().await?;
        fs::create_dir_all(to.join(".trellis")).unwrap();
        for file in ["store.db", "identity"] {
            fs::copy(from.join(".trellis").join(file), to.join(".trellis").join(file)).unwrap();
        }
        let (one, two) = (Repo::open(&to).await?, Repo::open(&to).await?);
        one.set("todo/1/title", text("x")).await?;
        two.set("todo/2/title", text("x")).await?;
        one.set("todo/3/title", text("x")).await?;
        let [author, other] = [one.status().await?.author, two.status().await?.author];
        assert_eq!(author, other);
        let status = two.status().await?;
        assert_eq!(status.forks.len(), 0);
        assert!(two.verify().await?.is_sound());
        Ok(())
    });
}

#[test]
fn a_key_of_the_program_is_kept_by_the_program() {
    let folder = folder();
    let identity = Identity::from_seed(&[7; 32]);
    run(async {
        let [one, other] = ["a", "b"].map(|name| folder.path().join(name));
        let open = |path| Repo::options().identity(identity.clone()).open(path);
        let (one, other) = (open(one).await?, open(other).await?);
        one.set("todo/1/title", text("x")).await?;
        assert_eq!(one.status().await?.author, identity.author());
        assert!(!folder.path().join("a/.trellis/identity").exists(), "no key file is made");
        other.import(one.export(Vec::new()).await?).await?;
        assert_eq!(other.set("todo/2/title", text("x")).await.unwrap_err().code(), Code::ChainForked);
        assert_eq!(other.status().await?.author, identity.author(), "no other key takes its place");
        Ok(())
    });
}

#[test]
fn policies_of_the_program_stand_in_place_of_the_settings() {
    let folder = folder();
    run(async {
        Repo::create(folder.path(), "notes").await?.close().await?;
        fs::write(
            folder.path().join(".trellis/config.json"),
            r#"{ "branchPolicies": { "main": { "linear": true } } }"#,
        )
        .unwrap();
        let fork = async |path: &Path| {
            fs::create_dir_all(path).unwrap();
            let copy = Repo::open(path).await?;
            copy.import(Repo::open(folder.path()).await?.export(Vec::new()).await?).await?;
            copy.set("todo/1/title", text("theirs")).await?;
            copy.export(Vec::new()).await
        };
        let other = tempfile::tempdir().unwrap();
        let ops = fork(other.path()).await?;
        let policies = Policies::everywhere(Stated { linear: Some(false), ..Stated::default() });
        let loose = Repo::options().branch_policies(policies).open(folder.path()).await?;
        loose.set("todo/1/title", text("ours")).await?;
        loose.import(ops).await?;
        assert!(!loose.branches().await?.iter().any(|branch| branch.is_diverged));
        assert!(Repo::open(folder.path()).await?.branches().await?.iter().any(|branch| branch.is_diverged));
        Ok(())
    });
}

#[test]
fn an_op_ahead_of_time_waits_for_it() {
    let folder = folder();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let clock = Arc::new(AtomicU64::new(now));
    let (fast, slow) = (clock.clone(), clock.clone());
    run(async {
        let ahead = Repo::options().clock(move || Millis(fast.load(Ordering::SeqCst) + 600_000));
        let ahead = ahead.open(folder.path().join("a")).await?;
        ahead.set("todo/1/title", text("x")).await?;
        let repo = Repo::options().clock(move || Millis(slow.load(Ordering::SeqCst)));
        let repo = repo.open(folder.path().join("b")).await?;
        let report = repo.import(ahead.export(Vec::new()).await?).await?;
        assert_eq!((report.admitted.len(), report.held.len()), (0, 2));
        clock.fetch_add(600_000, Ordering::SeqCst);
        repo.status().await?;
        assert_eq!(repo.status().await?.held, 0, "what is due is done after whatever was asked");
        assert_eq!(repo.get("todo/1/title").await?.value, Some(text("x")));
        Ok(())
    });
}
