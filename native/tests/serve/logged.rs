//! What a server logs that nobody asked for: forks and damage, by short names and counts.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use trellis_sync::Value;

use crate::place::{Place, Serve, empty, run, tag};

/// Every file of a store, as it is.
fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with("store.db")) {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The line of the log that has this.
fn line(server: &Serve, text: &str) -> String {
    server.log().lines().find(|line| line.contains(text)).expect("it was logged").to_owned()
}

/// A backup that was put back and written to uses a key twice for one place.
#[test]
fn a_fork_is_logged_by_short_names() {
    run(async {
        let place = Place::new();
        let (store, backup) = (place.path("ann").join(".trellis"), place.path("backup"));
        let ann = place.repo("ann").await?;
        ann.set("notes/1/title", Value::from("a secret")).await?;
        let (author, tag) = (ann.status().await?.author, tag(&ann).await?);
        ann.close().await?;
        copied(&store, &backup);
        fs::create_dir(place.path("repos")).unwrap();
        let server = place.serve(&["serve", "--repos", "repos", "--open"]);
        for value in ["first", "second"] {
            copied(&backup, &store);
            let ann = place.repo("ann").await?;
            ann.set("notes/2/title", Value::from(value)).await?;
            // The second time the device hears of the op that it does not know, and goes on under another key.
            ann.sync(&server.to_repo(tag))?.in_sync().await?;
            ann.close().await?;
        }
        server.logged("chain forked").await;
        let line = line(&server, "chain forked");
        let short = trellis_sync::core::op::hex::encode(&tag.0[..4]);
        assert!(line.contains("WARN") && line.contains(&author.short()) && line.contains(&short), "{line}");
        assert!(!line.contains(&author.to_string()) && !line.contains(&crate::place::hex(tag)), "{line}");
        let log = server.log();
        assert!(!["a secret", "first", "second", "notes"].iter().any(|word| log.contains(word)), "{log}");
        Ok(())
    });
}

#[test]
fn a_damaged_row_is_logged_by_its_number() {
    run(async {
        let place = Place::new();
        let ann = place.repo("ann").await?;
        ann.set("notes/1/title", Value::from("a secret")).await?;
        ann.set("notes/2/title", Value::from("another")).await?;
        ann.close().await?;
        let store = Connection::open(place.path("ann").join(".trellis/store.db")).unwrap();
        let mut headers: Vec<u8> =
            store.query_row("SELECT headers FROM rows WHERE seq = 3", [], |row| row.get(0)).unwrap();
        let at = headers.len() / 3;
        headers[at] ^= 1;
        store.execute("UPDATE rows SET headers = ?1 WHERE seq = 3", [headers]).unwrap();
        drop(store);
        let server = place.serve(&["-q", "-C", "ann", "serve", "--open"]);
        server.logged("damaged row").await;
        let line = line(&server, "damaged row");
        assert!(line.contains("ERROR") && line.contains("row=3") && !line.contains("secret"), "{line}");
        server.stop().await;
        // A good store has nothing to tell.
        empty(&place.path("relay")).await?;
        let server = place.serve(&["-C", "relay", "serve", "--open"]);
        let log = server.log.clone();
        server.stop().await;
        assert!(!fs::read_to_string(log).unwrap().contains("damaged"));
        Ok(())
    });
}
