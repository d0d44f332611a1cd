//! Nothing outside the folder is written, removed or read, whatever ops say and whatever links stand in the folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::shell::{Shell, texts};

/// Everything below a folder but what the repo keeps of its own: files with their content, links with their targets.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    const OWN: [&str; 6] = ["store.db", "store.db-wal", "store.db-shm", "store.db-writer", "index", "index-writer"];
    let (mut found, mut open) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let is_own = OWN.iter().any(|name| entry.file_name() == *name);
            let content = match () {
                () if kind.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                () if kind.is_dir() => Vec::new(),
                () if is_own && path.to_string_lossy().contains("/.trellis/") => continue,
                () => fs::read(&path).unwrap(),
            };
            if kind.is_dir() {
                open.push(path.clone());
            }
            found.insert(path, content);
        }
    }
    found
}

/// A repo `a` with the file `good`, a folder `outside` beside it, and what the content of `good` is called.
fn with_outside() -> (Shell, Value) {
    let shell = Shell::with_repo();
    shell.write("outside/x", "outside");
    shell.write("a/good", "good");
    let recorded = shell.json(&["-C", "a", "record"]);
    let op = shell.json(&["-C", "a", "show", texts(&recorded["ops"])[0]]);
    shell.ok(&["-C", "a", "restore", "good"]);
    (shell, op["op"]["body"]["content"].clone())
}

/// Writes an entity of `files` past all commands that know what files are.
fn put(shell: &Shell, key: &str, body: &Value) {
    shell.ok(&["-C", "a", "set", "--json-value", &format!("files/{key}"), &body.to_string()]);
}

#[test]
fn path_traversal() {
    let (shell, content) = with_outside();
    let absolute = shell.path("evil");
    let long = format!("{}/x", "l".repeat(256));
    let paths = [
        "",
        ".",
        "..",
        "../evil",
        "x/../../evil",
        "./evil",
        "x/./evil",
        "//evil",
        "x//evil",
        "evil/",
        "\0",
        "x\0/../evil",
        "..\\evil",
        "x\\..\\..\\evil",
        absolute.to_str().unwrap(),
        &long,
    ];
    let reserved = [
        ".git/config",
        ".GIT/config",
        ".git",
        "x/.git/hooks/post-checkout",
        ".git./config",
        ".git /config",
        ".git::$INDEX_ALLOCATION/config",
        "git~1/config",
        ".g\u{200c}it/config",
        "\u{feff}.git/config",
        ".git\\config",
        ".trellis/config.json",
        ".Trellis/config.json",
        ".trellis",
        "x/.trellis/store.db",
        "TRELLI~1/config.json",
        ".trellis. /tmp/x",
    ];
    let before = everything(shell.folder());
    for (at, path) in paths.iter().chain(&reserved).enumerate() {
        let body = json!({ "path": path, "content": content, "mode": "file" });
        put(&shell, &format!("{at:032x}"), &body);
    }
    let settled = shell.json(&["-C", "a", "record"]);
    assert_eq!((&settled["written"], &settled["changes"]), (&json!([]), &json!([])));
    assert_eq!(everything(shell.folder()), before);
    assert_eq!(shell.json(&["-C", "a", "status"])["changes"], json!([]));
    shell.ok(&["clone", "a", "copy"]);
    let names = |folder: &str| fs::read_dir(shell.path(folder)).unwrap().count();
    assert_eq!((names("copy"), names(".")), (2, 3), "the repo and `good`; both repos and `outside`");
}

#[test]
fn a_link_and_a_file_behind_it_do_not_lead_out() {
    let (shell, content) = with_outside();
    shell.write("target", "../outside");
    let hash = blake3::hash(b"../outside").to_hex().to_string();
    fs::copy(shell.path("target"), shell.path("a/target")).unwrap();
    shell.ok(&["-C", "a", "record"]);
    let link = json!({ "path": "d", "content": { "blob": hash, "size": 10 }, "mode": "link" });
    put(&shell, &"1".repeat(32), &link);
    put(&shell, &"2".repeat(32), &json!({ "path": "d/evil", "content": content, "mode": "file" }));
    let before = everything(&shell.path("outside"));
    let (_, settled) = shell.document(&["-C", "a", "record"]);
    assert_eq!(texts(&settled["written"]), ["d/evil", "d~11111111"]);
    assert!(shell.path("a/d~11111111").is_symlink() && !shell.path("a/d").is_symlink());
    shell.document(&["clone", "a", "copy"]);
    assert_eq!(shell.read("copy/d/evil"), b"good");
    assert_eq!(everything(&shell.path("outside")), before);
}

#[test]
fn what_is_no_file_is_not_in_the_folder() {
    let (shell, content) = with_outside();
    let before = everything(shell.folder());
    let bodies = [
        json!({ "path": "fine", "path_bytes": "Li4vZXZpbA", "content": content, "mode": "file" }),
        json!({ "path": "fine", "path_bytes": "not base64!", "content": content, "mode": "file" }),
        json!({ "path": "fine", "content": content, "mode": "device" }),
        json!({ "path": "fine", "content": { "blob": "00", "size": 1 }, "mode": "file" }),
        json!({ "path": ["fine"], "content": content, "mode": "file" }),
        json!({ "content": content, "mode": "file" }),
        json!("fine"),
    ];
    for (at, body) in bodies.iter().enumerate() {
        put(&shell, &format!("{at:032x}"), body);
    }
    put(&shell, "no-key", &json!({ "path": "fine", "content": content, "mode": "file" }));
    put(&shell, "..", &json!({ "path": "fine", "content": content, "mode": "file" }));
    shell.ok(&["-C", "a", "record"]);
    assert_eq!(everything(shell.folder()), before);
}

#[test]
fn names_of_devices_are_files_where_they_are_no_devices() {
    let (shell, content) = with_outside();
    let names = ["nul", "CON", "aux.txt", "com1", "dev/null", "what?", "a:b"];
    for (at, name) in names.iter().enumerate() {
        put(&shell, &format!("{at:032x}"), &json!({ "path": name, "content": content, "mode": "file" }));
    }
    let settled = shell.json(&["-C", "a", "record"]);
    if cfg!(target_os = "linux") {
        assert_eq!(texts(&settled["written"]).len(), names.len());
        assert!(names.iter().all(|name| shell.read(&format!("a/{name}")) == b"good"));
    }
}

#[test]
fn content_that_is_not_here_writes_nothing() {
    let (shell, _) = with_outside();
    let content = json!({ "blob": "11".repeat(32), "size": 5 });
    put(&shell, &"1".repeat(32), &json!({ "path": "later", "content": content, "mode": "file" }));
    let settled = shell.json(&["-C", "a", "record"]);
    assert_eq!(texts(&settled["absent"]), ["later"]);
    assert!(!shell.path("a/later").exists());
    assert_eq!(shell.json(&["-C", "a", "status"])["changes"], json!([]));
}

/// A repo whose branch `other` edits `d/x`, removes `d/y` and adds `d/z` and `new/z`; the folder shows `main`.
fn with_folder() -> Shell {
    let (shell, _) = with_outside();
    shell.write("a/d/x", "x");
    shell.write("a/d/y", "y");
    shell.ok(&["-C", "a", "record"]);
    shell.ok(&["-C", "a", "switch", "--create", "other"]);
    shell.write("a/d/x", "edited");
    shell.write("a/d/z", "z");
    shell.write("a/new/z", "z");
    fs::remove_file(shell.path("a/d/y")).unwrap();
    shell.ok(&["-C", "a", "record"]);
    shell.ok(&["-C", "a", "switch", "main"]);
    shell
}

/// Puts a link to `outside`, in which the files of `d` are, in the place of `d`.
fn swap(shell: &Shell) {
    for name in ["x", "y"] {
        shell.write(&format!("outside/{name}"), shell.read(&format!("a/d/{name}")));
    }
    fs::remove_dir_all(shell.path("a/d")).unwrap();
    symlink("../outside", shell.path("a/d")).unwrap();
}

#[test]
fn switch_does_not_follow_a_link_that_took_the_place_of_a_folder() {
    let shell = with_folder();
    swap(&shell);
    let before = everything(shell.folder());
    let message = shell.refusal(&["-C", "a", "switch", "other"], "unrecorded_changes");
    assert!(message.contains("d/x"), "{message}");
    assert_eq!(everything(shell.folder()), before);
}

#[test]
fn switch_does_not_follow_a_link_where_a_folder_is_to_be() {
    let shell = with_folder();
    symlink("../outside", shell.path("a/new")).unwrap();
    let before = everything(shell.folder());
    let message = shell.refusal(&["-C", "a", "switch", "other"], "unrecorded_changes");
    assert!(message.contains("new/z"), "{message}");
    assert_eq!(everything(shell.folder()), before);
}

#[test]
fn settling_goes_around_a_link_that_took_the_place_of_a_folder() {
    let shell = with_folder();
    shell.ok(&["-C", "a", "merge", "other"]);
    shell.ok(&["-C", "a", "switch", "main"]);
    let shell = with_folder();
    swap(&shell);
    symlink("../outside", shell.path("a/new")).unwrap();
    let before = everything(&shell.path("outside"));
    shell.run(&["-C", "a", "merge", "other"]);
    shell.run(&["-C", "a", "record", "good"]);
    shell.run(&["-C", "a", "restore", "d"]);
    shell.run(&["-C", "a", "mv", "good", "d/good"]);
    shell.run(&["-C", "a", "mv", "good", "new/sub/good"]);
    assert_eq!(everything(&shell.path("outside")), before);
    let (_, recorded) = shell.document(&["-C", "a", "record"]);
    assert_eq!(everything(&shell.path("outside")), before, "{recorded}");
}

#[test]
fn removals_do_not_follow_links() {
    let shell = with_folder();
    shell.ok(&["-C", "a", "switch", "--create", "without"]);
    fs::remove_dir_all(shell.path("a/d")).unwrap();
    shell.ok(&["-C", "a", "record"]);
    shell.ok(&["-C", "a", "switch", "main"]);
    swap(&shell);
    let before = everything(&shell.path("outside"));
    shell.ok(&["-C", "a", "switch", "without"]);
    assert_eq!(everything(&shell.path("outside")), before);
    assert!(shell.path("a/d").is_symlink());
}

#[test]
fn a_link_of_one_branch_is_replaced_by_the_folder_of_another() {
    let shell = with_folder();
    shell.ok(&["-C", "a", "switch", "--create", "link"]);
    fs::remove_dir_all(shell.path("a/d")).unwrap();
    symlink("../outside", shell.path("a/d")).unwrap();
    shell.ok(&["-C", "a", "record"]);
    let before = everything(&shell.path("outside"));
    shell.ok(&["-C", "a", "switch", "other"]);
    assert_eq!(shell.read("a/d/x"), b"edited");
    shell.ok(&["-C", "a", "switch", "link"]);
    assert!(shell.path("a/d").is_symlink());
    assert_eq!(everything(&shell.path("outside")), before);
}

#[test]
fn files_are_replaced_and_not_written_through() {
    let shell = with_folder();
    let before = everything(&shell.path("outside"));
    fs::remove_file(shell.path("a/d/x")).unwrap();
    symlink("../../outside/x", shell.path("a/d/x")).unwrap();
    shell.refusal(&["-C", "a", "switch", "other"], "unrecorded_changes");
    shell.ok(&["-C", "a", "restore", "d/x"]);
    assert_eq!((shell.read("a/d/x"), shell.path("a/d/x").is_symlink()), (b"x".to_vec(), false));

    fs::remove_file(shell.path("a/d/x")).unwrap();
    shell.write("outside/hard", "x");
    fs::hard_link(shell.path("outside/hard"), shell.path("a/d/x")).unwrap();
    shell.ok(&["-C", "a", "switch", "other"]);
    assert_eq!((shell.read("a/d/x"), shell.read("outside/hard")), (b"edited".to_vec(), b"x".to_vec()));
    fs::remove_file(shell.path("outside/hard")).unwrap();
    assert_eq!(everything(&shell.path("outside")), before);
}

#[test]
fn the_place_for_unfinished_files_is_no_way_out() {
    let shell = with_folder();
    let before = everything(&shell.path("outside"));
    let temporary = shell.path("a/.trellis/tmp");
    fs::remove_dir_all(&temporary).unwrap();
    symlink("../../outside", &temporary).unwrap();
    assert_eq!(shell.run(&["-C", "a", "switch", "other"]).code, 1);
    assert_eq!(everything(&shell.path("outside")), before);
    fs::remove_file(&temporary).unwrap();
    shell.ok(&["-C", "a", "switch", "other"]);
    assert_eq!(shell.read("a/d/x"), b"edited");
    assert_eq!(shell.json(&["-C", "a", "status"])["changes"], json!([]));
}
