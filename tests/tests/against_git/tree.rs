//! Trees of files: as they are thought of, and as they lie in a folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    File,
    Exec,
    Link,
}

/// What stands at a path; of a link its target.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) mode: Mode,
    pub(crate) bytes: Vec<u8>,
}

/// Files by their path.
pub(crate) type Tree = BTreeMap<String, Node>;

impl Node {
    pub(crate) fn file(bytes: impl Into<Vec<u8>>) -> Node {
        Node { mode: Mode::File, bytes: bytes.into() }
    }

    pub(crate) fn link(target: &str) -> Node {
        Node { mode: Mode::Link, bytes: target.into() }
    }

    pub(crate) fn is_text(&self) -> bool {
        self.mode != Mode::Link && !self.bytes.contains(&0)
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?}", self.mode, String::from_utf8_lossy(&self.bytes))
    }
}

/// Whether `path` is `folder`, or lies below it.
pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a file may be added at a path: nothing is there, below it, or above it but folders.
pub(crate) fn is_free(tree: &Tree, path: &str) -> bool {
    !tree.keys().any(|other| is_below(other, path) || is_below(path, other))
}

/// Makes a folder that holds `old` hold `new`. What is the same in both is not touched.
pub(crate) fn write(folder: &Path, old: &Tree, new: &Tree) {
    for (path, node) in old.iter().filter(|(path, node)| new.get(*path) != Some(node)) {
        fs::remove_file(folder.join(path)).unwrap_or_else(|cause| panic!("{path} {node:?}: {cause}"));
        let mut above = Path::new(path).parent();
        while let Some(empty) = above.filter(|above| !above.as_os_str().is_empty()) {
            if fs::remove_dir(folder.join(empty)).is_err() {
                break;
            }
            above = empty.parent();
        }
    }
    for (path, node) in new.iter().filter(|(path, node)| old.get(*path) != Some(node)) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match node.mode {
            Mode::Link => symlink(std::ffi::OsStr::from_bytes(&node.bytes), path).unwrap(),
            mode => {
                fs::write(&path, &node.bytes).unwrap();
                let bits = if mode == Mode::Exec { 0o755 } else { 0o644 };
                fs::set_permissions(&path, PermissionsExt::from_mode(bits)).unwrap();
            }
        }
    }
}

/// What a folder holds, `.git` and `.trellis` left out.
pub(crate) fn read(folder: &Path) -> Tree {
    let (mut tree, mut open) = (Tree::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                if entry.file_name() != ".git" && entry.file_name() != ".trellis" {
                    open.push(path);
                }
                continue;
            }
            let mode = match kind.is_symlink() {
                true => Mode::Link,
                false if entry.metadata().unwrap().permissions().mode() & 0o100 != 0 => Mode::Exec,
                false => Mode::File,
            };
            let bytes = match mode {
                Mode::Link => fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec(),
                _ => fs::read(&path).unwrap(),
            };
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            tree.insert(name, Node { mode, bytes });
        }
    }
    tree
}
