//! `trellis serve` as a process, and repos that meet through it.
#![cfg(unix)]

mod exchange;
mod invited;
mod logged;
mod many;
mod place;
mod requests;
mod unsigned;

use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Output};

use trellis_sync::core::input::{Role, Tier};
use trellis_sync::link::LinkState;
use trellis_sync::transport::ws::{ConnectOptions, connect};
use trellis_sync::{Code, Repo, Result, Value};

use place::{Place, empty, run, tag, until, value};

#[test]
fn two_repos_meet_and_receipts_say_that_a_relay_has_it() {
    run(async {
        let place = Place::new();
        empty(&place.path("relay")).await?;
        let server = place.serve(&["-C", "relay", "serve", "--open"]);
        let (ann, bob) = (place.repo("ann").await?, place.repo("bob").await?);
        let receipt = ann.set("notes/1/title", Value::from("from Ann")).await?;
        let mut at_ann = ann.sync(&server.url)?;
        receipt.durable(Tier::Relay).await?;
        at_ann.in_sync().await?;
        assert!(at_ann.status().is_relay);
        let mut at_bob = bob.sync(&server.url)?;
        at_bob.in_sync().await?;
        assert_eq!(value(&bob, "notes/1/title").await, Some(Value::from("from Ann")));
        bob.set("notes/2/title", Value::from("from Bob")).await?.durable(Tier::Relay).await?;
        until(&ann, "notes/2/title", &Value::from("from Bob")).await;
        server.stop().await;
        let relay = place.repo("relay").await?;
        assert_eq!(value(&relay, "notes/2/title").await, Some(Value::from("from Bob")));
        Ok(())
    });
}

/// A repo whose owner lets one other in.
async fn with_members(place: &Place) -> Result<(Repo, Repo)> {
    let (ann, bob) = (place.repo("ann").await?, place.repo("bob").await?);
    ann.set("notes/1/title", Value::from("a secret")).await?;
    ann.add_member(bob.status().await?.author, "Bob", Role::Writer).await?;
    Ok((ann, bob))
}

/// A server lets in members, and nobody else unless it was told to: strangers meet a closed door.
#[test]
fn open_relays() {
    run(async {
        let place = Place::new();
        let (ann, bob) = with_members(&place).await?;
        let (mallory, tagged) = (place.repo("mallory").await?, tag(&ann).await?);
        ann.close().await?;
        let server = place.serve(&["-C", "ann", "serve"]);
        let mut at_bob = bob.sync(&server.url)?;
        at_bob.in_sync().await?;
        assert_eq!(value(&bob, "notes/1/title").await, Some(Value::from("a secret")));
        for url in [server.url.clone(), server.to_repo(tagged)] {
            let mut at_mallory = mallory.sync(&url)?;
            assert_eq!(at_mallory.in_sync().await.unwrap_err().code(), Code::AuthFailed);
            assert_eq!(at_mallory.status().state, LinkState::NeedsAuth);
        }
        assert_eq!(mallory.status().await?.ops, 0);
        // Who has another repo is told no more than who has none.
        mallory.set("notes/1/title", Value::from("another")).await?;
        assert_eq!(mallory.sync(&server.url)?.in_sync().await.unwrap_err().code(), Code::AuthFailed);
        let (peer, stranger) = (bob.status().await?.author.short(), mallory.status().await?.author);
        server.logged("auth_failed").await;
        let log = server.log();
        assert!(log.contains(&peer) && !log.contains(&stranger.to_string()), "{log}");
        assert!(!log.contains("a secret") && !log.contains("notes"), "{log}");
        Ok(())
    });
}

#[test]
fn acked_ops_outlive_kills_and_peers_come_back() {
    run(async {
        let place = Place::new();
        empty(&place.path("relay")).await?;
        let mut server = place.serve(&["-C", "relay", "serve", "--open"]);
        let listen = server.address().to_owned();
        let (ann, bob) = (place.repo("ann").await?, place.repo("bob").await?);
        let (_at_ann, _at_bob) = (ann.sync(&server.url)?, bob.sync(&server.url)?);
        let mut written = 0;
        for _ in 0..4 {
            let mut receipts = Vec::new();
            for _ in 0..30 {
                receipts.push(ann.set(&format!("notes/{written}/title"), Value::from(written)).await?);
                written += 1;
            }
            // The kill comes between two acks: the last of these is not known to be safe yet.
            receipts[0].durable(Tier::Relay).await?;
            server.kill().await;
            let relay = place.repo("relay").await?;
            let safe = written - 30;
            assert_eq!(value(&relay, &format!("notes/{safe}/title")).await, Some(Value::from(safe)));
            relay.close().await?;
            server = place.serve(&["-C", "relay", "serve", "--open", "--listen", &listen]);
            for receipt in receipts {
                receipt.durable(Tier::Relay).await?;
            }
        }
        server.kill().await;
        let relay = place.repo("relay").await?;
        for number in 0..written {
            assert_eq!(value(&relay, &format!("notes/{number}/title")).await, Some(Value::from(number)));
        }
        relay.close().await?;
        let _server = place.serve(&["-C", "relay", "serve", "--open", "--listen", &listen]);
        until(&bob, &format!("notes/{}/title", written - 1), &Value::from(written - 1)).await;
        Ok(())
    });
}

#[test]
fn asked_to_end_it_says_goodbye() {
    run(async {
        let place = Place::new();
        empty(&place.path("relay")).await?;
        let server = place.serve(&["-C", "relay", "serve", "--open"]);
        let ann = place.repo("ann").await?;
        ann.set("notes/1/title", Value::from("Calm")).await?;
        let mut link = ann.connect(connect(&server.url, &ConnectOptions::default()).await?);
        link.in_sync().await?;
        server.stop().await;
        while link.status().state == LinkState::Connected {
            link.changed().await;
        }
        assert_eq!(link.status().state, LinkState::Closed);
        assert!(link.status().failure.is_none(), "{:?}", link.status());
        Ok(())
    });
}

#[test]
fn asked_twice_it_ends_at_once() {
    run(async {
        let place = Place::new();
        empty(&place.path("relay")).await?;
        let server = place.serve(&["-C", "relay", "serve", "--open"]);
        // A peer that never closes: the server would wait for it.
        let mut peer = TcpStream::connect(server.address()).unwrap();
        write!(peer, "GET /sync/v1/link HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\n", server.address()).unwrap();
        let rest =
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
        peer.write_all(rest.as_bytes()).unwrap();
        server.logged("link opened").await;
        server.signal("-INT");
        server.logged("stopping").await;
        server.signal("-INT");
        let log = server.log.clone();
        assert_eq!(server.end().await, Some(1));
        assert!(std::fs::read_to_string(log).unwrap().contains("error[aborted]"));
        Ok(())
    });
}

#[test]
fn the_folder_of_a_served_repo_stays_as_it_is() {
    run(async {
        let place = Place::new();
        let at = |name: &str| place.path(name);
        let trellis = |args: &[&str]| -> Output { place.command(args).output().unwrap() };
        assert!(trellis(&["init", "served"]).status.success());
        std::fs::write(at("served").join("plan.txt"), "first").unwrap();
        assert!(trellis(&["-C", "served", "record", "-m", "first"]).status.success());
        assert!(trellis(&["clone", "served", "copy"]).status.success());
        std::fs::write(at("copy").join("plan.txt"), "second").unwrap();
        assert!(trellis(&["-C", "copy", "record", "-m", "second"]).status.success());
        let server = place.serve(&["-C", "served", "serve", "--open"]);
        let copy = place.repo("copy").await?;
        copy.sync(&server.url)?.in_sync().await?;
        server.stop().await;
        assert_eq!(std::fs::read(at("served").join("plan.txt")).unwrap(), b"first");
        assert!(trellis(&["-C", "served", "switch", "main"]).status.success());
        assert_eq!(std::fs::read(at("served").join("plan.txt")).unwrap(), b"second");
        Ok(())
    });
}

/// What a command that fails says.
fn failure(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_cannot_be_served_is_told() {
    let place = Place::new();
    for wrong in [
        &["--listen", "here"][..],
        &["--tls-cert", "cert.pem"],
        &["--quota-repos", "3"],
        &["--quota-bytes", "many", "--open"],
        &["surplus"],
    ] {
        let (code, said) = failure(&mut place.command(&[&["serve"], wrong].concat()));
        assert_eq!(code, 64, "{wrong:?}: {said}");
    }
    assert!(place.command(&["init", "a"]).output().unwrap().status.success());
    let listening = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listening.local_addr().unwrap().to_string();
    let tls = ["--listen", "127.0.0.1:0", "--tls-cert", "none.pem", "--tls-key", "none.pem"];
    for (args, word) in [
        (&["serve"][..], "not_a_repo"),
        (&["serve", "--repos", "none"], "not_found"),
        (&["-C", "a", "serve", "--listen", "0.0.0.0:0"], "permission_denied"),
        (&["-C", "a", "serve", "--listen", &taken], "already_exists"),
        (&["-C", "a", "serve", "--origin", "relay.example"], "invalid_argument"),
        (&[&["-C", "a", "serve"][..], &tls].concat(), "invalid_argument"),
    ] {
        let (code, said) = failure(&mut place.command(args));
        assert_eq!(code, 1, "{args:?}: {said}");
        assert!(said.contains(&format!("error[{word}]: ")), "{args:?}: {said}");
    }
    let (code, said) = failure(place.command(&["-C", "a", "serve"]).env("TRELLIS_LOG", "a=b=c"));
    assert!(code == 1 && said.contains("error[invalid_argument]: TRELLIS_LOG"), "{said}");
}

#[test]
fn logs_can_be_json_lines() {
    run(async {
        let place = Place::new();
        empty(&place.path("relay")).await?;
        let server = place.serve(&["-q", "-C", "relay", "serve", "--open", "--log-json"]);
        let log = server.log.clone();
        server.stop().await;
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "", "nothing was wrong");
        let server = place.serve(&["-C", "relay", "serve", "--open", "--log-json"]);
        let ann = place.repo("ann").await?;
        ann.set("notes/1/title", Value::from("Calm")).await?;
        let mut link = ann.sync(&server.url)?;
        link.in_sync().await?;
        link.close().await;
        server.logged("link ended").await;
        server.stop().await;
        let text = std::fs::read_to_string(&log).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect();
        let end = lines.iter().find(|line| line["message"] == "link ended").unwrap();
        let peer = ann.status().await?.author.short();
        assert_eq!((end["peer"].as_str(), end["code"].as_str()), (Some(peer.as_str()), Some("none")), "{end}");
        assert!(end["ops_in"].as_u64() >= Some(1) && end["bytes_in"].as_u64() > Some(0), "{end}");
        Ok(())
    });
}

#[test]
fn who_has_proved_a_key_leaves_room_for_the_next() {
    run(async {
        let place = Place::new();
        empty(&place.path("relay")).await?;
        let server = place.serve(&["-C", "relay", "serve", "--open"]);
        // An address has four places for newcomers.
        let mut links = Vec::new();
        for number in 0..6 {
            let repo = place.repo(&format!("peer-{number}")).await?;
            let link = repo.sync(&server.url)?;
            while link.status().state != LinkState::Connected {
                tokio::task::yield_now().await;
            }
            links.push(link);
        }
        let status = server.get("/sync/v1/status");
        assert!(status.contains(r#""links":6"#), "{status}");
        Ok(())
    });
}

/// The page of the demo is only where it was built in.
#[cfg(not(feature = "demo"))]
#[test]
fn a_program_without_the_page_says_so() {
    let place = Place::new();
    let Output { status, stderr, .. } = place.command(&["serve", "--demo"]).output().unwrap();
    assert_eq!(status.code(), Some(1));
    let told = String::from_utf8_lossy(&stderr);
    assert!(told.contains("unsupported") && told.contains("cargo xtask demo"), "{told}");
    assert!(!place.path(".trellis").exists(), "nothing was begun");
}
