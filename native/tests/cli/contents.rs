//! The contents of files: carried in bundles, checked, and swept out when nobody names them.

use std::fs;

use serde_json::json;

use crate::shell::Shell;

/// The repo `a` with a short, a long and an empty file.
fn with_files() -> Shell {
    let shell = Shell::with_repo();
    shell.write("a/short", "1\n2\n");
    shell.write("a/long", (0..700_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    shell.write("a/empty", "");
    shell.ok(&["-C", "a", "record", "-m", "Begin"]);
    shell
}

#[test]
fn a_bundle_holds_the_contents_of_files() {
    let shell = with_files();
    let exported = shell.json(&["-C", "a", "export", "../all.bundle"]);
    assert_eq!((&exported["blobs"], &exported["missingBlobs"]), (&json!(3), &json!([])));
    let cloned = shell.json(&["clone", "all.bundle", "b"]);
    assert_eq!((&cloned["blobs"], &cloned["missingBlobs"]), (&json!(3), &json!([])));
    for file in ["short", "long", "empty"] {
        assert_eq!(shell.read(&format!("a/{file}")), shell.read(&format!("b/{file}")), "{file}");
    }
    let known = shell.json(&["-C", "a", "log"])["records"][0]["op"].as_str().unwrap().to_owned();
    shell.write("a/short", "1\n2\n3\n");
    shell.ok(&["-C", "a", "record"]);
    let more = shell.json(&["-C", "a", "export", "--known", &known, "../more.bundle"]);
    assert_eq!(more["blobs"], json!(1));
    let imported = shell.json(&["-C", "b", "import", "../more.bundle"]);
    assert_eq!((&imported["blobs"], &imported["folder"]["written"]), (&json!(1), &json!(["short"])));
    assert_eq!(shell.read("b/short"), b"1\n2\n3\n");
    assert_eq!(shell.json(&["-C", "b", "import", "../all.bundle"])["blobs"], json!(0));
}

#[test]
fn nothing_is_taken_of_a_damaged_bundle_or_of_one_of_another_repo() {
    let shell = with_files();
    shell.ok(&["-C", "a", "export", "../all.bundle"]);
    let mut bytes = shell.read("all.bundle");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    shell.write("damaged.bundle", bytes);
    shell.refusal(&["clone", "damaged.bundle", "b"], "invalid_argument");
    assert!(!shell.path("b").exists());
    shell.ok(&["init", "c"]);
    shell.ok(&["-C", "c", "set", "notes/1/title", "mine"]);
    shell.refusal(&["-C", "c", "import", "../all.bundle"], "repo_mismatch");
    let blobs: i64 = shell.store("c").query_row("SELECT count(*) FROM blobs", [], |row| row.get(0)).unwrap();
    assert_eq!(blobs, 0);
}

#[test]
fn content_that_a_bundle_lacks_comes_by_reconciling() {
    let shell = with_files();
    shell.ok(&["clone", "a", "poor"]);
    shell.store("poor").execute("DELETE FROM blobs WHERE size = 4", []).unwrap();
    let exported = shell.json(&["-C", "poor", "export", "../poor.bundle"]);
    assert_eq!(exported["missingBlobs"].as_array().map(Vec::len), Some(1));
    let cloned = shell.json(&["clone", "poor.bundle", "b"]);
    assert_eq!(cloned["missingBlobs"], exported["missingBlobs"]);
    assert_eq!(cloned["folder"]["absent"], json!(["short"]));
    shell.ok(&["-C", "b", "sync", "reconcile", "--remote", "../a", "--apply"]);
    assert_eq!(shell.read("b/short"), b"1\n2\n");
}

#[test]
fn only_what_nobody_names_is_swept() {
    let shell = with_files();
    shell.write("a/short", "3\n");
    shell.ok(&["-C", "a", "record", "-m", "Edit"]);
    fs::remove_file(shell.path("a/long")).unwrap();
    shell.ok(&["-C", "a", "record", "-m", "Remove"]);
    let nothing = shell.json(&["-C", "a", "verify", "--gc"]);
    assert_eq!((&nothing["blobs"], &nothing["swept"]), (&json!(4), &json!({ "blobs": 0, "bytes": 0 })));
    // What a killed `record` leaves: a whole blob that no op names, and one that never became whole.
    let connection = shell.store("a");
    connection.execute("INSERT INTO blobs (hash, size) VALUES (zeroblob(32), 0), (NULL, 7)", []).unwrap();
    let (code, rotten) = shell.document(&["-C", "a", "verify", "--gc"]);
    assert_eq!((code, rotten["swept"].is_null()), (1, true), "no sweeping where something is wrong");
    connection.execute("DELETE FROM blobs WHERE hash = zeroblob(32)", []).unwrap();
    let swept = shell.json(&["-C", "a", "verify", "--gc"]);
    assert_eq!(swept["swept"], json!({ "blobs": 1, "bytes": 7 }));
    shell.ok(&["-C", "a", "undo"]);
    assert_eq!(shell.read("a/long").len(), 2_800_000, "every version is there");
}

#[test]
fn sweeping_gives_the_disk_back() {
    let shell = with_files();
    let before = fs::metadata(shell.path("a/.trellis/store.db")).unwrap().len();
    // The ops of the record go, as if it had been killed before it wrote them.
    fs::remove_file(shell.path("a/.trellis/index")).unwrap();
    shell.store("a").execute("DELETE FROM rows WHERE seq = (SELECT max(seq) FROM rows)", []).unwrap();
    let swept = shell.json(&["-C", "a", "verify", "--gc"]);
    assert_eq!(swept["swept"], json!({ "blobs": 3, "bytes": 2_800_004 }));
    let after = fs::metadata(shell.path("a/.trellis/store.db")).unwrap().len();
    assert!(after * 4 < before, "{before} bytes before, {after} after");
    assert_eq!(shell.json(&["-C", "a", "record"])["changes"].as_array().map(Vec::len), Some(3));
}

#[test]
fn content_that_is_damaged_is_found() {
    let shell = with_files();
    shell.store("a").execute("UPDATE chunks SET bytes = x'00410a' WHERE length(bytes) = 5", []).unwrap();
    let (code, document) = shell.document(&["-C", "a", "verify"]);
    assert_eq!((code, &document["blobs"], &document["error"]["code"]), (1, &json!(2), &json!("storage_corrupt")));
    assert_eq!(document["corruptBlobs"].as_array().map(Vec::len), Some(1));
}
