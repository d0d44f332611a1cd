//! Repos that meet by signed requests.

use std::process::Output;

use trellis_sync::core::input::{Role, Tier};
use trellis_sync::link::LinkState;
use trellis_sync::{Code, Value};

use crate::place::{Place, empty, run, tag, until, value};

#[test]
fn a_two_way_sync_is_two_requests() {
    run(async {
        let place = Place::new();
        let (ann, bob) = (place.repo("ann").await?, place.repo("bob").await?);
        ann.set("notes/1/title", Value::from("shared")).await?;
        bob.import(ann.export(Vec::new()).await?).await?;
        ann.set("notes/2/title", Value::from("from Ann")).await?;
        ann.close().await?;
        bob.set("notes/3/title", Value::from("from Bob")).await?;
        let server = place.serve(&["-C", "ann", "serve", "--open"]);
        let mut link = bob.sync(&server.http())?;
        link.in_sync().await?;
        link.close().await;
        assert_eq!(server.exchanges(), 2);
        assert_eq!(value(&bob, "notes/2/title").await, Some(Value::from("from Ann")));
        server.stop().await;
        let ann = place.repo("ann").await?;
        assert_eq!(value(&ann, "notes/3/title").await, Some(Value::from("from Bob")));
        Ok(())
    });
}

#[test]
fn receipts_say_that_a_relay_has_it_and_what_others_bring_is_found() {
    run(async {
        let place = Place::new();
        empty(&place.path("relay")).await?;
        let server = place.serve(&["-C", "relay", "serve", "--open"]);
        let (ann, bob) = (place.repo("ann").await?, place.repo("bob").await?);
        let receipt = ann.set("notes/1/title", Value::from("from Ann")).await?;
        let mut at_ann = ann.sync(&server.http())?;
        receipt.durable(Tier::Relay).await?;
        at_ann.in_sync().await?;
        assert!(at_ann.status().is_relay && at_ann.status().state == LinkState::Connected);
        // One by requests, the other by WebSocket.
        let mut at_bob = bob.sync(&server.url)?;
        at_bob.in_sync().await?;
        bob.set("notes/2/title", Value::from("from Bob")).await?;
        until(&ann, "notes/2/title", &Value::from("from Bob")).await;
        ann.set("notes/3/title", Value::from("at once")).await?.durable(Tier::Relay).await?;
        until(&bob, "notes/3/title", &Value::from("at once")).await;
        Ok(())
    });
}

#[test]
fn a_server_that_begins_anew_is_no_trouble() {
    run(async {
        let place = Place::new();
        empty(&place.path("relay")).await?;
        let mut server = place.serve(&["-C", "relay", "serve", "--open"]);
        let listen = server.address().to_owned();
        let ann = place.repo("ann").await?;
        ann.set("notes/0/title", Value::from(0)).await?;
        let mut link = ann.sync(&server.http())?;
        link.in_sync().await?;
        for number in 1..4 {
            server.kill().await;
            server = place.serve(&["-C", "relay", "serve", "--open", "--listen", &listen]);
            let receipt = ann.set(&format!("notes/{number}/title"), Value::from(number)).await?;
            receipt.durable(Tier::Relay).await?;
        }
        link.close().await;
        server.stop().await;
        let relay = place.repo("relay").await?;
        assert_eq!(value(&relay, "notes/3/title").await, Some(Value::from(3)));
        Ok(())
    });
}

/// Text that no compression makes much shorter.
fn noise(seed: u32, len: usize) -> String {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b'a' + (state % 26) as u8)
    };
    (0..len).map(|_| letter()).collect()
}

#[test]
fn what_is_more_than_a_body_goes_in_several() {
    run(async {
        let place = Place::new();
        empty(&place.path("relay")).await?;
        let server = place.serve(&["-C", "relay", "serve", "--open"]);
        let (ann, bob) = (place.repo("ann").await?, place.repo("bob").await?);
        for number in 0..60 {
            ann.set(&format!("notes/{number}/text"), Value::from(noise(number, 200_000))).await?;
        }
        ann.sync(&server.http())?.in_sync().await?;
        let given = server.exchanges();
        assert!(given > 3, "{given} requests for 12 MB");
        bob.sync(&server.http())?.in_sync().await?;
        assert!(server.exchanges() > given + 3);
        assert_eq!(bob.status().await?.ops, ann.status().await?.ops);
        Ok(())
    });
}

#[test]
fn content_of_files_comes_too() {
    run(async {
        let place = Place::new();
        let trellis = |args: &[&str]| -> Output { place.command(args).output().unwrap() };
        assert!(trellis(&["init", "ann"]).status.success());
        std::fs::write(place.path("ann").join("large.txt"), noise(1, 3_000_000)).unwrap();
        assert!(trellis(&["-C", "ann", "record", "-m", "large"]).status.success());
        let server = place.serve(&["-C", "ann", "serve", "--open"]);
        let cloned = trellis(&["clone", &server.http(), "bob"]);
        assert!(cloned.status.success(), "{}", String::from_utf8_lossy(&cloned.stderr));
        let [ours, theirs] = ["ann", "bob"].map(|name| std::fs::read(place.path(name).join("large.txt")).unwrap());
        assert!(ours == theirs);
        std::fs::write(place.path("bob").join("small.txt"), "small").unwrap();
        assert!(trellis(&["-C", "bob", "record", "-m", "small"]).status.success());
        let before = server.exchanges();
        let synced = trellis(&["-C", "bob", "sync", &server.http(), "--json"]);
        // What is asked for: of whoever has just come, and not of the one that cloned and left.
        assert!(server.exchanges() <= before + 5, "{} requests", server.exchanges() - before);
        let said: serde_json::Value = serde_json::from_slice(&synced.stdout).unwrap();
        assert!(synced.status.success() && said["given"].as_u64() >= Some(1), "{said}");
        assert_eq!(said["relay"], serde_json::Value::Bool(true), "{said}");
        Ok(())
    });
}

#[test]
fn members_come_in_by_requests_and_nobody_else() {
    run(async {
        let place = Place::new();
        let (ann, bob, mallory) = (place.repo("ann").await?, place.repo("bob").await?, place.repo("mallory").await?);
        ann.set("notes/1/title", Value::from("a secret")).await?;
        ann.add_member(bob.status().await?.author, "Bob", Role::Writer).await?;
        let tagged = tag(&ann).await?;
        ann.close().await?;
        let server = place.serve(&["-C", "ann", "serve"]);
        bob.sync(&server.http())?.in_sync().await?;
        assert_eq!(value(&bob, "notes/1/title").await, Some(Value::from("a secret")));
        let to_repo = format!("{}/sync/v1/repos/{}/exchange", server.http(), crate::place::hex(tagged));
        for url in [server.http(), to_repo] {
            let mut link = mallory.sync(&url)?;
            assert_eq!(link.in_sync().await.unwrap_err().code(), Code::AuthFailed);
            assert_eq!(link.status().state, LinkState::NeedsAuth);
        }
        assert_eq!(mallory.status().await?.ops, 0);
        Ok(())
    });
}

#[test]
fn many_repos_are_told_apart_and_another_one_is_no_match() {
    run(async {
        let place = Place::new();
        std::fs::create_dir(place.path("repos")).unwrap();
        let server = place.serve(&["serve", "--repos", "repos", "--open"]);
        let (ann, bob) = (place.repo("ann").await?, place.repo("bob").await?);
        for repo in [&ann, &bob] {
            repo.set("notes/1/title", Value::from("mine")).await?;
            repo.sync(&server.http())?.in_sync().await?;
        }
        let page = server.get("/sync/v1/status");
        assert!(page.contains("\"repos\":2"), "{page}");
        // By the path of the other's repo.
        let at_bobs = format!("{}/sync/v1/repos/{}/exchange", server.http(), crate::place::hex(tag(&bob).await?));
        assert_eq!(ann.sync(&at_bobs)?.in_sync().await.unwrap_err().code(), Code::RepoMismatch);
        Ok(())
    });
}
