//! Servers of many repos, and how much they keep.

use std::sync::Arc;
use std::time::Duration;

use trellis_sync::core::input::Tier;
use trellis_sync::core::link::message::RepoTag;
use trellis_sync::link::Welcome;
use trellis_sync::server::{Hub, HubConfig, Links, Page, Server, ServerConfig, Stopped};
use trellis_sync::transport::ws::{ConnectOptions, connect};
use trellis_sync::{Code, Value};

use crate::place::{Place, empty, fails, hex, run, tag, until, value};

#[test]
fn an_open_server_makes_the_repos_that_peers_bring() {
    run(async {
        let place = Place::new();
        std::fs::create_dir(place.path("repos")).unwrap();
        let server = place.serve(&["serve", "--repos", "repos", "--open", "--quota-repos", "2"]);
        let mut links = Vec::new();
        let mut tags = Vec::new();
        for name in ["ann", "bob", "cleo"] {
            let repo = place.repo(name).await?;
            repo.set("notes/1/title", Value::from(name)).await?;
            tags.push(tag(&repo).await?);
            let mut link = repo.sync(&server.url)?;
            let outcome = link.in_sync().await;
            links.push(link);
            match name {
                "cleo" => assert_eq!(outcome.unwrap_err().code(), Code::QuotaExceeded),
                _ => outcome?,
            }
        }
        // Whoever has no repo yet names one by the URL, and gets that one.
        let dora = place.repo("dora").await?;
        dora.sync(&server.to_repo(tags[1]))?.in_sync().await?;
        assert_eq!(value(&dora, "notes/1/title").await, Some(Value::from("bob")));
        let eve = place.repo("eve").await?;
        assert_eq!(eve.sync(&server.url)?.in_sync().await.unwrap_err().code(), Code::AuthFailed);
        let status = server.get("/sync/v1/status");
        assert!(status.contains(r#""repos":2"#) && !status.contains(&hex(tags[0])), "{status}");
        let metrics = server.get("/metrics");
        assert!(metrics.contains(r#"trellis_link_ends_total{code="quota_exceeded"}"#), "{metrics}");
        assert!(metrics.contains("trellis_repos_open 2\n"), "{metrics}");
        drop(links);
        server.stop().await;
        let names = place.path("repos").read_dir().unwrap().map(|entry| entry.unwrap().file_name());
        let mut made: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        made.sort();
        let mut wanted = vec![hex(tags[0]), hex(tags[1])];
        wanted.sort();
        assert_eq!(made, wanted);
        Ok(())
    });
}

#[test]
fn many_repos_are_told_apart_by_their_tags() {
    run(async {
        let place = Place::new();
        let mut tags = Vec::new();
        for name in ["repos/one", "repos/two"] {
            let repo = place.repo(name).await?;
            repo.set("notes/1/title", Value::from(name)).await?;
            tags.push(tag(&repo).await?);
            repo.close().await?;
        }
        let server = place.serve(&["serve", "--repos", "repos", "--open", "--quota-repos", "0"]);
        for (name, tag) in ["repos/one", "repos/two"].into_iter().zip(&tags) {
            let repo = place.repo(&format!("copy of {name}")).await?;
            repo.sync(&server.to_repo(*tag))?.in_sync().await?;
            assert_eq!(value(&repo, "notes/1/title").await, Some(Value::from(name)));
            // From now on its own hello names the repo.
            repo.set("notes/2/title", Value::from("back")).await?;
            repo.sync(&server.url)?.in_sync().await?;
        }
        // A repo that comes into the folder later is served, too.
        let late = place.repo("repos/late").await?;
        late.set("notes/1/title", Value::from("late")).await?;
        let url = server.to_repo(tag(&late).await?);
        let reader = place.repo("reader").await?;
        reader.sync(&url)?.in_sync().await?;
        assert_eq!(value(&reader, "notes/1/title").await, Some(Value::from("late")));
        Ok(())
    });
}

#[test]
fn an_unused_place_in_an_open_server_does_not_count() {
    run(async {
        let place = Place::new();
        std::fs::create_dir(place.path("repos")).unwrap();
        let server = place.serve(&["serve", "-v", "--repos", "repos", "--open", "--quota-repos", "1"]);
        let ann = place.repo("ann").await?;
        // Asks for a repo that it does not have, and brings nothing.
        let mut nothing = ann.connect(connect(&server.to_repo(RepoTag([7; 16])), &ConnectOptions::default()).await?);
        nothing.known().await?;
        assert!(place.path("repos").join(hex(RepoTag([7; 16]))).is_dir());
        nothing.close().await;
        server.logged("repo closed").await;
        ann.set("notes/1/title", Value::from("Calm")).await?;
        let mut link = ann.sync(&server.url)?;
        while !link.status().is_in_sync {
            link.changed().await;
        }
        assert!(!place.path("repos").join(hex(RepoTag([7; 16]))).exists());
        Ok(())
    });
}

#[test]
fn a_repo_comes_under_its_own_tag_alone() {
    run(async {
        let place = Place::new();
        std::fs::create_dir(place.path("repos")).unwrap();
        let server = place.serve(&["serve", "--repos", "repos", "--open"]);
        let ann = place.repo("ann").await?;
        let mut link = ann.sync(&server.to_repo(RepoTag([7; 16])))?;
        link.known().await?;
        // It begins after it has said that it has none.
        ann.set("notes/1/title", Value::from("Calm")).await?;
        fails(&mut link, Code::RepoMismatch).await;
        Ok(())
    });
}

/// A server of many repos cannot say which one is meant before there is one.
#[test]
fn a_link_that_was_there_before_its_repo_is_let_in_with_it() {
    run(async {
        let place = Place::new();
        std::fs::create_dir(place.path("repos")).unwrap();
        let server = place.serve(&["serve", "--repos", "repos", "--open"]);
        for (name, url) in [("ann", server.url.clone()), ("bob", server.http())] {
            let repo = place.repo(name).await?;
            let mut link = repo.sync(&url)?;
            assert_eq!(link.in_sync().await.unwrap_err().code(), Code::AuthFailed);
            let receipt = repo.set("notes/1/title", Value::from("Calm")).await?;
            receipt.durable(Tier::Relay).await?;
            while !link.status().is_in_sync {
                link.changed().await;
            }
        }
        Ok(())
    });
}

#[test]
fn quotas_of_an_open_relay() {
    run(async {
        let place = Place::new();
        empty(&place.path("relay")).await?;
        let server = place.serve(&["-C", "relay", "serve", "--open", "--quota-repo-bytes", "2M"]);
        let (ann, bob) = (place.repo("ann").await?, place.repo("bob").await?);
        ann.set("notes/first/title", Value::from("Calm")).await?;
        let mut at_ann = ann.sync(&server.url)?;
        at_ann.in_sync().await?;
        let long = "x".repeat(200_000);
        let mut receipts = Vec::new();
        for number in 0..30 {
            receipts.push(ann.set(&format!("notes/{number}/title"), Value::from(format!("{number}{long}"))).await?);
        }
        fails(&mut at_ann, Code::QuotaExceeded).await;
        let waited = receipts[29].durable_within(Tier::Relay, Duration::from_millis(1)).await;
        assert_eq!(waited.unwrap_err().code(), Code::Timeout);
        bob.sync(&server.url)?.in_sync().await?;
        assert_eq!(value(&bob, "notes/first/title").await, Some(Value::from("Calm")));
        assert_eq!(value(&bob, "notes/29/title").await, None);
        Ok(())
    });
}

#[test]
fn asking_tells_nobody_which_repos_there_are() {
    run(async {
        let place = Place::new();
        let served = place.repo("repos/one").await?;
        served.set("notes/1/title", Value::from("a secret")).await?;
        let tags = [tag(&served).await?, RepoTag([7; 16])];
        served.close().await?;
        let server = place.serve(&["serve", "--repos", "repos"]);
        let stranger = place.repo("stranger").await?;
        for url in tags.map(|tag| server.to_repo(tag)) {
            let mut keys = Vec::new();
            for _ in 0..2 {
                let mut link = stranger.sync(&url)?;
                fails(&mut link, Code::AuthFailed).await;
                keys.push(link.status().peer.expect("the door has a key"));
            }
            assert_eq!(keys[0], keys[1]);
        }
        Ok(())
    });
}

#[test]
fn so_many_repos_are_open_at_a_time() {
    run(async {
        let place = Place::new();
        let mut tags = Vec::new();
        for name in ["repos/one", "repos/two"] {
            let repo = place.repo(name).await?;
            repo.set("notes/1/title", Value::from(name)).await?;
            tags.push(tag(&repo).await?);
            repo.close().await?;
        }
        let config = HubConfig { welcome: Welcome::Anyone, open_max: 1, idle: Duration::ZERO, ..HubConfig::default() };
        let hub = Hub::many(place.path("repos"), config).await?;
        let config = ServerConfig { listen: ([127, 0, 0, 1], 0).into(), ..ServerConfig::default() };
        let server = Server::bind(config).await?;
        let (address, stopper) = (server.local_addr(), server.stopper());
        let running = tokio::spawn(server.run(Arc::new(hub.clone())));
        let url = |tag| format!("ws://{address}/sync/v1/repos/{}/link", hex(tag));
        let (ann, bob) = (place.repo("ann").await?, place.repo("bob").await?);
        let mut first = ann.sync(&url(tags[0]))?;
        first.in_sync().await?;
        let mut second = bob.sync(&url(tags[1]))?;
        fails(&mut second, Code::RateLimited).await;
        assert!(metrics(&hub).contains("trellis_repos_open 1\n"));
        first.close().await;
        // It is dialled again by itself.
        until(&bob, "notes/1/title", &Value::from("repos/two")).await;
        second.close().await;
        while !metrics(&hub).contains("trellis_repos_open 0\n") {
            tokio::task::yield_now().await;
        }
        stopper.stop();
        assert_eq!(running.await.unwrap(), Stopped::Cleanly);
        hub.close().await
    });
}

fn metrics(hub: &Hub) -> String {
    let mut page = Page::default();
    hub.metrics(&mut page);
    page.to_string()
}
