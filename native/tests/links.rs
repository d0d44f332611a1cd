//! Repos that talk: over memory and over sockets, directly and through a relay.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tempfile::TempDir;
use trellis_sync::core::input::Tier;
use trellis_sync::files::Workspace;
use trellis_sync::link::{Link, LinkState, Welcome};
use trellis_sync::server::{Arrived, Links, Page, Server, ServerConfig};
use trellis_sync::transport::memory;
use trellis_sync::{Code, Repo, Result, Value};

/// Nothing here takes so long unless it never ends.
const LIMIT: Duration = Duration::from_secs(60);

fn run(work: impl Future<Output = Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LIMIT, work).await.expect("it ends in time").unwrap() });
}

async fn repo(folder: &TempDir, name: &str) -> Result<Repo> {
    Repo::open(folder.path().join(name)).await
}

fn joined(one: &Repo, other: &Repo) -> (Link, Link) {
    let (here, there) = memory::pair();
    (one.connect(here), other.accept(there, Welcome::Anyone))
}

async fn value(repo: &Repo, place: &str) -> Option<Value> {
    repo.get(place).await.unwrap().value
}

/// Waits until a place has a value.
async fn until(repo: &Repo, place: &str, wanted: &Value) {
    while value(repo, place).await.as_ref() != Some(wanted) {
        tokio::task::yield_now().await;
    }
}

#[test]
fn what_one_writes_the_other_has() {
    run(async {
        let folder = TempDir::new().unwrap();
        let (ann, bob) = (repo(&folder, "ann").await?, repo(&folder, "bob").await?);
        ann.set("notes/1/title", Value::from("from Ann")).await?;
        let (mut at_ann, mut at_bob) = joined(&ann, &bob);
        at_ann.in_sync().await?;
        at_bob.in_sync().await?;
        assert_eq!(value(&bob, "notes/1/title").await, Some(Value::from("from Ann")));
        assert_eq!(at_ann.status().state, LinkState::Connected);
        assert_eq!(at_ann.status().peer, Some(bob.status().await?.author));

        let receipt = bob.set("notes/2/title", Value::from("from Bob")).await?;
        receipt.durable(Tier::Peer).await?;
        assert_eq!(value(&ann, "notes/2/title").await, Some(Value::from("from Bob")));
        at_ann.close().await;
        assert_eq!(at_bob.ended().await.state, LinkState::Closed);
        let alone = bob.set("notes/3/title", Value::from("alone")).await?;
        let waited = alone.durable_within(Tier::Peer, Duration::from_millis(1)).await;
        assert_eq!(waited.unwrap_err().code(), Code::Timeout);
        Ok(())
    });
}

#[test]
fn a_chain_of_three_passes_on_what_comes() {
    run(async {
        let folder = TempDir::new().unwrap();
        let (ann, bob, cleo) = (repo(&folder, "ann").await?, repo(&folder, "bob").await?, repo(&folder, "cleo").await?);
        ann.set("notes/1/title", Value::from("first")).await?;
        let _first = joined(&ann, &bob);
        let _second = joined(&bob, &cleo);
        until(&cleo, "notes/1/title", &Value::from("first")).await;
        cleo.set("notes/1/title", Value::from("second")).await?;
        until(&ann, "notes/1/title", &Value::from("second")).await;
        Ok(())
    });
}

/// Content that does not compress, of any length.
fn noise(bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    blake3::Hasher::new().finalize_xof().fill(&mut content);
    content
}

#[test]
fn files_come_with_what_they_hold() {
    run(async {
        let folder = TempDir::new().unwrap();
        let (ann, bob) = (repo(&folder, "ann").await?, repo(&folder, "bob").await?);
        let contents =
            [("empty", noise(0)), ("short", noise(10)), ("one", noise(256 * 1024)), ("long", noise(9_000_001))];
        for (name, content) in &contents {
            std::fs::write(folder.path().join("ann").join(name), content).unwrap();
        }
        let recorded = Workspace::open(&ann)?.with_index().await?.record(&[], None).await?;
        assert_eq!(recorded.ops.len(), contents.len() + 1);
        let (_at_ann, mut at_bob) = joined(&ann, &bob);
        at_bob.in_sync().await?;
        Workspace::follow(&bob).await?;
        for (name, content) in &contents {
            assert_eq!(&std::fs::read(folder.path().join("bob").join(name)).unwrap(), content, "{name}");
        }
        Ok(())
    });
}

#[test]
fn two_repos_never_merge() {
    run(async {
        let folder = TempDir::new().unwrap();
        let (ann, bob) = (repo(&folder, "ann").await?, repo(&folder, "bob").await?);
        ann.set("notes/1/title", Value::from("one")).await?;
        bob.set("notes/1/title", Value::from("two")).await?;
        let (mut at_ann, _at_bob) = joined(&ann, &bob);
        assert_eq!(at_ann.in_sync().await.unwrap_err().code(), Code::RepoMismatch);
        assert_eq!(value(&ann, "notes/1/title").await, Some(Value::from("one")));
        Ok(())
    });
}

#[test]
fn strangers_stay_outside() {
    run(async {
        let folder = TempDir::new().unwrap();
        let (ann, bob) = (repo(&folder, "ann").await?, repo(&folder, "bob").await?);
        ann.set("notes/1/title", Value::from("secret")).await?;
        let (here, there) = memory::pair();
        let (mut at_bob, _at_ann) = (bob.connect(here), ann.accept(there, Welcome::Members));
        assert_eq!(at_bob.in_sync().await.unwrap_err().code(), Code::AuthFailed);
        assert_eq!(at_bob.status().state, LinkState::NeedsAuth);
        assert_eq!(bob.status().await?.ops, 0);
        Ok(())
    });
}

/// A relay with one repo.
struct Relay(Repo);

impl Links for Relay {
    fn arrived(&self, arrived: Arrived) -> BoxFuture<'static, ()> {
        let repo = self.0.clone();
        async move {
            let mut link = repo.accept(arrived.connection, Welcome::Anyone);
            let _ = arrived.stop.run_until_cancelled(link.ended()).await;
        }
        .boxed()
    }

    fn status(&self) -> BoxFuture<'static, serde_json::Value> {
        std::future::ready(serde_json::json!({ "v": 1 })).boxed()
    }

    fn metrics(&self, _page: &mut Page) {}
}

#[test]
fn two_meet_over_sockets() {
    run(async {
        let folder = TempDir::new().unwrap();
        let (ann, bob, relay) =
            (repo(&folder, "ann").await?, repo(&folder, "bob").await?, repo(&folder, "relay").await?);
        let config = ServerConfig { listen: ([127, 0, 0, 1], 0).into(), ..ServerConfig::default() };
        let server = Server::bind(config).await?;
        let (url, stopper) = (format!("ws://{}", server.local_addr()), server.stopper());
        let running = tokio::spawn(server.run(Arc::new(Relay(relay))));

        for number in 0..50 {
            ann.set(&format!("notes/{number}/title"), Value::from(number)).await?;
        }
        let mut at_ann = ann.sync(&url)?;
        at_ann.in_sync().await?;
        let mut at_bob = bob.sync(&url)?;
        at_bob.in_sync().await?;
        assert_eq!(value(&bob, "notes/49/title").await, Some(Value::from(49)));
        bob.set("notes/1/title", Value::from("bob")).await?.durable(Tier::Peer).await?;
        until(&ann, "notes/1/title", &Value::from("bob")).await;
        at_ann.close().await;
        at_bob.close().await;
        stopper.stop();
        running.await.unwrap();
        Ok(())
    });
}
