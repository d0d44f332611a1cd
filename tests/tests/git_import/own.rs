//! The history of this project, and what git itself says of it.

use std::collections::BTreeMap;
use std::path::Path;

use super::check::{Hashed, hash, mode_word};
use super::git::{asked, git, git_with};

/// Makes a bare repository that has this project's history; where there is none, or only its end, one with the sources
/// alone.
pub(crate) fn own_history(to: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the sources are here");
    std::fs::create_dir(to).expect("a folder");
    git(to, &["init", "--quiet", "--bare", "-b", "main", "."]);
    let is_whole = asked(&root, &["rev-parse", "--is-shallow-repository"]).as_deref() == Some("false");
    let path = root.to_str().expect("the sources are at a path of text");
    if is_whole && asked(to, &["fetch", "--quiet", path, "+HEAD:refs/heads/main"]).is_some() {
        return;
    }
    let bare = to.to_str().expect("a path of text");
    git(&root, &["--git-dir", bare, "--work-tree", path, "add", "--all", "."]);
    git(&root, &["--git-dir", bare, "--work-tree", path, "commit", "--quiet", "-m", "Sources"]);
}

/// Every commit that the heads of a repository reach.
pub(crate) fn commits_of(folder: &Path) -> Vec<String> {
    let listed = git(folder, &["rev-list", "--branches"]);
    String::from_utf8(listed).expect("ids").lines().map(str::to_owned).collect()
}

/// What git has, its contents by their hashes here.
pub(crate) struct Hashes<'a> {
    folder: &'a Path,
    known: BTreeMap<String, String>,
}

impl Hashes<'_> {
    pub(crate) fn new(folder: &Path) -> Hashes<'_> {
        Hashes { folder, known: BTreeMap::new() }
    }

    /// The files of a commit.
    pub(crate) fn files(&mut self, commit: &str) -> Hashed {
        let listed = git(self.folder, &["ls-tree", "-r", "-z", commit]);
        let lines: Vec<(&[u8], String, String)> = listed.split(|byte| *byte == 0).filter_map(entry).collect();
        let new: Vec<String> =
            lines.iter().map(|(_, _, id)| id).filter(|id| !self.known.contains_key(*id)).cloned().collect();
        self.read(&new);
        let files =
            lines.into_iter().map(|(path, mode, id)| (path.to_vec(), (mode_word(&mode), self.known[&id].clone())));
        files.collect()
    }

    fn read(&mut self, ids: &[String]) {
        if ids.is_empty() {
            return;
        }
        let printed = git_with(self.folder, &["cat-file", "--batch"], (ids.join("\n") + "\n").as_bytes());
        let mut rest = printed.as_slice();
        for id in ids {
            let end = rest.iter().position(|byte| *byte == b'\n').expect("a line about each");
            let head = std::str::from_utf8(&rest[..end]).expect("text");
            let size: usize = head.rsplit(' ').next().and_then(|size| size.parse().ok()).expect("a size");
            self.known.insert(id.clone(), hash(&rest[end + 1..end + 1 + size]));
            rest = &rest[end + 2 + size..];
        }
    }
}

/// A line of `ls-tree`: the path, the mode and the object.
fn entry(line: &[u8]) -> Option<(&[u8], String, String)> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let head = std::str::from_utf8(&line[..tab]).ok()?;
    let mut words = head.split(' ');
    Some((&line[tab + 1..], words.next()?.to_owned(), words.nth(1)?.to_owned()))
}
