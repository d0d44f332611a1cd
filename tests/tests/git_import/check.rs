//! What an import promises: the files of every commit are those that git has.

use std::collections::BTreeMap;
use std::path::Path;

use trellis_core::op::hex;
use trellis_core::output::{FilesView, OpView};
use trellis_core::view::files::FilePath;
use trellis_sync::git::{GitImport, import_git};
use trellis_sync::{Repo, Result};

use super::world::{Files, World};

/// Files by path: their mode, and the hash of what they hold.
pub(crate) type Hashed = BTreeMap<Vec<u8>, (&'static str, String)>;

/// Runs something that waits.
pub(crate) fn run<T>(body: impl Future<Output = Result<T>>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(body).expect("it goes well")
}

/// Imports a git repository.
pub(crate) async fn import(repo: &Repo, git: &Path) -> Result<GitImport> {
    import_git(repo, git).await
}

/// The notes about commits, by commit.
pub(crate) async fn notes(repo: &Repo) -> Result<BTreeMap<String, Vec<OpView>>> {
    let mut notes: BTreeMap<String, Vec<OpView>> = BTreeMap::new();
    for op in repo.writes("_records", "git-").await? {
        notes.entry(op.key["git-".len()..].to_owned()).or_default().push(op);
    }
    Ok(notes)
}

/// What a repo is to show of files that git has.
pub(crate) fn expected(files: &Files) -> Hashed {
    let held = files.iter().filter(|(path, (mode, _))| *mode != "160000" && FilePath::new((*path).clone()).is_ok());
    held.map(|(path, (mode, content))| (path.clone(), (mode_word(mode), hash(content)))).collect()
}

pub(crate) fn mode_word(mode: &str) -> &'static str {
    match mode {
        "100644" | "100664" => "file",
        "100755" => "exec",
        "120000" => "link",
        other => panic!("the mode {other}"),
    }
}

pub(crate) fn hash(content: &[u8]) -> String {
    blake3::hash(content).to_string()
}

/// What a repo shows.
pub(crate) fn found(view: &FilesView) -> Hashed {
    assert_eq!(view.tree.clashes, [], "no two files claim one path");
    assert!(view.refused.is_empty() && view.files.values().all(|file| file.conflicts.is_empty()));
    let files = view.tree.files.iter();
    files
        .map(|(path, placed)| {
            let body = &placed.file.body;
            (path.as_bytes().to_vec(), (body.mode.as_str(), hex::encode(&body.content.blob.0)))
        })
        .collect()
}

/// Every commit that the heads of a world reach shows what it has in git, and so does every head.
pub(crate) async fn check(repo: &Repo, world: &World) -> Result<()> {
    let notes = notes(repo).await?;
    for at in world.reached() {
        let commit = &world.commits[at];
        for note in notes.get(&commit.id).unwrap_or_else(|| panic!("the commit {at} is here")) {
            let view = repo.on_branch(&note.branch).files(&[note.id]).await?;
            assert_eq!(found(&view), expected(&commit.files), "the commit {at}, {}", commit.id);
        }
    }
    for (name, tip) in &world.heads {
        let view = repo.on_branch(name).files(&[]).await?;
        assert_eq!(found(&view), expected(&world.commits[*tip].files), "the head {name}");
    }
    Ok(())
}
