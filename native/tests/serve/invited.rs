//! Who joins by an invitation at a server that lets in members alone.

use std::fs;
use std::path::Path;
use std::time::Duration;

use trellis_sync::core::input::{Role, Tier};
use trellis_sync::core::time::Millis;
use trellis_sync::link::LinkOptions;
use trellis_sync::{Code, InviteOptions, Repo, Value};

use crate::place::{Place, run, until, value};

#[test]
fn who_is_invited_joins_and_both_write() {
    run(async {
        let place = Place::new();
        let ann = place.repo("ann").await?;
        ann.set("notes/1/title", Value::from("a secret")).await?;
        let invitation = ann.invite(InviteOptions { name: Some("Bob".into()), ..InviteOptions::default() }).await?;
        ann.close().await?;
        let server = place.serve(&["-C", "ann", "serve"]);
        let bob = Repo::join(place.path("bob"), &server.url, &invitation).await?;
        assert_eq!(value(&bob, "notes/1/title").await, Some(Value::from("a secret")));
        let own = bob.status().await?.author;
        let member = bob.members().await?.into_iter().find(|member| member.author == own).expect("a member");
        assert_eq!((member.role, member.name.as_deref()), (Some(Role::Writer), Some("Bob")));

        // From now on the key is enough.
        let mut link = bob.sync(&server.url)?;
        bob.set("notes/2/title", Value::from("from Bob")).await?.durable(Tier::Relay).await?;
        link.in_sync().await?;
        link.close().await;
        server.logged("peer joined").await;
        let log = server.log();
        assert!(log.contains(&invitation.key().short()) && !log.contains("a secret"), "{log}");
        server.stop().await;
        let ann = place.repo("ann").await?;
        assert_eq!(value(&ann, "notes/2/title").await, Some(Value::from("from Bob")));
        assert!(!ann.status().await?.is_open);
        Ok(())
    });
}

#[test]
fn a_repo_that_is_open_already_joins_by_a_link() {
    run(async {
        let place = Place::new();
        let ann = place.repo("ann").await?;
        ann.set("notes/1/title", Value::from("Calm")).await?;
        let invitation = ann.invite(InviteOptions::default()).await?;
        let server = place.serve(&["-C", "ann", "serve"]);
        let bob = place.repo("bob").await?;
        let options = LinkOptions { invitation: Some(invitation), ..LinkOptions::default() };
        let mut link = bob.sync_with(&server.url, options.clone())?;
        link.in_sync().await?;
        bob.set("notes/1/title", Value::from("Storm")).await?.durable(Tier::Relay).await?;
        until(&ann, "notes/1/title", &Value::from("Storm")).await;
        link.close().await;
        // A repo with ops of its own is another one, and the peer is not even asked.
        let carl = place.repo("carl").await?;
        carl.set("notes/1/title", Value::from("another")).await?;
        assert_eq!(carl.sync_with(&server.url, options)?.in_sync().await.unwrap_err().code(), Code::RepoMismatch);
        Ok(())
    });
}

#[test]
fn who_is_not_let_in_gets_no_repo() {
    run(async {
        let place = Place::new();
        let (ann, other) = (place.repo("ann").await?, place.repo("other").await?);
        ann.set("notes/1/title", Value::from("Calm")).await?;
        other.set("notes/1/title", Value::from("another")).await?;
        let used_up = ann.invite(InviteOptions::default()).await?;
        let revoked = ann.invite(InviteOptions::default()).await?;
        let brief = InviteOptions { holds: Duration::from_millis(1), ..InviteOptions::default() };
        let expired = ann.invite(brief).await?;
        let elsewhere = other.invite(InviteOptions::default()).await?;
        ann.revoke(revoked.key()).await?;
        let server = place.serve(&["-C", "ann", "serve"]);
        Repo::join(place.path("bob"), &server.url, &used_up).await?;
        for (invitation, what) in [(used_up, "used up"), (revoked, "revoked"), (elsewhere, "to another repo")] {
            let refused = Repo::join(place.path("carl"), &server.url, &invitation).await.unwrap_err();
            assert_eq!(refused.code(), Code::AuthFailed, "{what}");
            assert!(!place.path("carl").join(".trellis").exists(), "{what}");
        }
        // The holder's clock is behind, and that of the server is right.
        let behind = Repo::options().clock(|| Millis(1_700_000_000_000));
        let late = [(Repo::options(), "expired"), (behind, "expired for the server")];
        for (options, what) in late {
            let refused = options.join(place.path("carl"), &server.url, &expired).await.unwrap_err();
            assert_eq!(refused.code(), Code::AuthFailed, "{what}");
            assert!(!place.path("carl").join(".trellis").exists(), "{what}");
        }
        Ok(())
    });
}

#[test]
fn a_peer_that_lets_anybody_in_but_makes_nobody_a_member_is_no_way_in() {
    run(async {
        let place = Place::new();
        let (ann, reader) = (place.repo("ann").await?, place.repo("reader").await?);
        ann.set("notes/1/title", Value::from("Calm")).await?;
        ann.add_member(reader.status().await?.author, "Ray", Role::Reader).await?;
        let invitation = ann.invite(InviteOptions::default()).await?;
        let ops = ann.export(Vec::new()).await?;
        reader.import(ops).await?;
        reader.close().await?;
        let server = place.serve(&["-C", "reader", "serve", "--open"]);
        let refused = Repo::join(place.path("bob"), &server.url, &invitation).await.unwrap_err();
        assert_eq!(refused.code(), Code::AuthFailed);
        assert!(!place.path("bob").join(".trellis").exists());
        Ok(())
    });
}

/// Every file below a folder that has one of these in it.
fn holding(folder: &Path, wanted: &[&[u8]]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(holding(&entry, wanted));
        } else if let Ok(content) = fs::read(&entry) {
            let has = |wanted: &&[u8]| content.windows(wanted.len()).any(|part| part == *wanted);
            found.extend(wanted.iter().any(has).then(|| entry.display().to_string()));
        }
    }
    found
}

/// The seed in a key file: 64 hex digits behind `key`.
fn seed_of(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join(".trellis/identity")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("key ")).expect("a key file has a key");
    line.to_owned()
}

/// Seeds of devices stay in their key files, and that of an invitation in the text that is handed over: neither stands in a
/// store, an export, a URL, a log, an error, or what `Debug` shows.
#[test]
fn secrets_in_logs_errors_debug_and_exports() {
    run(async {
        let place = Place::new();
        let ann = place.repo("ann").await?;
        ann.set("notes/1/title", Value::from("Calm")).await?;
        let invitation = ann.invite(InviteOptions::default()).await?;
        let server = place.serve(&["-v", "-C", "ann", "serve"]);
        let bob = Repo::join(place.path("bob"), &server.url, &invitation).await?;
        let refused = Repo::join(place.path("carl"), &server.url, &invitation).await.unwrap_err();
        server.logged("auth_failed").await;
        let text = invitation.reveal();
        let encoded = text.strip_prefix("trellis-invitation:").expect("a text");
        let bytes = decoded(encoded);
        let (seed, digits) = (&bytes[1..33], hex(&bytes[1..33]));
        let keys = ["ann", "bob"].map(|name| seed_of(&place.path(name)));
        let raw = keys.each_ref().map(|key| trellis_sync::core::op::hex::parse::<32>(key).expect("a seed"));
        let shown = format!("{invitation:?}{ann:?}{bob:?}{refused:?}{refused}{}", server.log());
        let words = [digits.as_str(), &encoded[2..40], &keys[0], &keys[1]];
        assert!(!words.iter().any(|secret| shown.contains(secret)), "{shown}");
        for repo in [ann, bob] {
            repo.close().await?;
        }
        let bundle = place.path("exports");
        fs::create_dir(&bundle).unwrap();
        let exported = place.command(&["-C", "bob", "export", "../exports/all.bundle"]).output().unwrap();
        assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
        let secrets = words.iter().map(|word| word.as_bytes()).chain([seed]).chain(raw.iter().map(|seed| &seed[..]));
        let secrets: Vec<&[u8]> = secrets.collect();
        assert_eq!(holding(&bundle, &secrets), [""; 0]);
        for name in ["ann", "bob"] {
            let root = place.path(name);
            assert_eq!(holding(&root, &secrets), [root.join(".trellis/identity").display().to_string()]);
        }
        Ok(())
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of base64url.
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in text.chars() {
        bits = bits << 6 | DIGITS.find(digit).expect("a digit") as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
