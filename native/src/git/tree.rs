//! The files of a commit as they are known here: which entity each is, and what it was written as.
//!
//! A state shares every folder that is equal with the state that it was made from, so many of them cost little more
//! than what is different.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gix::ObjectId;
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::OpId;
use trellis_core::view::files::FileMode;

use super::source::{Held, Source};
use crate::error::Result;

/// A path in git: any bytes.
pub(super) type GitPath = Vec<u8>;

/// What a name in a folder is to both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// What git has there; none where that is not known.
    pub git: Option<Held>,
    /// The file that stands for it here; none for what is left out.
    pub tracked: Option<Tracked>,
}

/// A file of the repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tracked {
    pub key: Arc<str>,
    pub content: BlobRef,
    pub mode: FileMode,
    /// The writes that it is made of.
    pub base: Arc<[OpId]>,
}

/// A folder, with all that is in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Folder {
    /// The folder of git that this one is equal to, where that is known.
    git: Option<ObjectId>,
    entries: BTreeMap<Vec<u8>, Entry>,
    folders: BTreeMap<Vec<u8>, Arc<Folder>>,
}

/// What is different in a folder of git.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// What git has at each path that is different; none where it has no file there.
    pub paths: BTreeMap<GitPath, Option<Held>>,
    /// The folders of git that were looked into, by path.
    folders: Vec<(GitPath, ObjectId)>,
}

impl Folder {
    /// The entry at a path.
    pub(super) fn get(&self, path: &[u8]) -> Option<&Entry> {
        match split(path) {
            (name, None) => self.entries.get(name),
            (name, Some(rest)) => self.folders.get(name)?.get(rest),
        }
    }

    /// Puts an entry at a path, or takes it away. The folders on the way are then equal to none of git that is known.
    pub(super) fn set(&mut self, path: &[u8], entry: Option<Entry>) {
        self.git = None;
        match split(path) {
            (name, None) => match entry {
                Some(entry) => drop(self.entries.insert(name.to_vec(), entry)),
                None => drop(self.entries.remove(name)),
            },
            (name, Some(rest)) => {
                if entry.is_none() && !self.folders.contains_key(name) {
                    return;
                }
                let folder = Arc::make_mut(self.folders.entry(name.to_vec()).or_default());
                folder.set(rest, entry);
                if folder.entries.is_empty() && folder.folders.is_empty() {
                    self.folders.remove(name);
                }
            }
        }
    }

    /// What is different in a folder of git.
    pub(super) fn differences(&self, source: &Source, git: ObjectId) -> Result<Differences> {
        let mut found = Differences::default();
        compare(source, Some(self), Some(git), &mut Vec::new(), &mut found)?;
        Ok(found)
    }

    /// Notes which folders of git these are by now.
    pub(super) fn settle(&mut self, differences: &Differences) {
        for (path, git) in &differences.folders {
            self.mark(path, *git);
        }
    }

    fn mark(&mut self, path: &[u8], git: ObjectId) {
        if path.is_empty() {
            self.git = Some(git);
            return;
        }
        let (name, rest) = split(path);
        if let Some(folder) = self.folders.get_mut(name) {
            Arc::make_mut(folder).mark(rest.unwrap_or_default(), git);
        }
    }

    /// The files that are not the same in another state, with their paths.
    pub(super) fn unlike<'s>(&'s self, other: &'s Folder, visit: &mut impl FnMut(Side, GitPath, &'s Tracked)) {
        unlike(Some(self), Some(other), &mut Vec::new(), visit);
    }
}

/// Which of two states a file stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Here,
    There,
}

/// A path's first component, and what is behind it.
fn split(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    match path.iter().position(|byte| *byte == b'/') {
        Some(at) => (&path[..at], Some(&path[at + 1..])),
        None => (path, None),
    }
}

/// Does something with the path of a name in a folder.
fn within<R>(path: &mut GitPath, name: &[u8], mut inside: impl FnMut(&mut GitPath) -> R) -> R {
    let len = path.len();
    if len > 0 {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    let result = inside(path);
    path.truncate(len);
    result
}

fn compare(
    source: &Source,
    folder: Option<&Folder>,
    git: Option<ObjectId>,
    path: &mut GitPath,
    found: &mut Differences,
) -> Result<()> {
    if git.is_some() && folder.and_then(|folder| folder.git) == git {
        return Ok(());
    }
    let held = git.map_or_else(|| Ok(Vec::new()), |git| source.folder(git))?;
    found.folders.extend(git.map(|git| (path.clone(), git)));
    let none = Folder::default();
    let folder = folder.unwrap_or(&none);
    let held: BTreeMap<Vec<u8>, Held> = held.into_iter().collect();
    let names: BTreeSet<&Vec<u8>> = held.keys().chain(folder.entries.keys()).chain(folder.folders.keys()).collect();
    for name in names {
        within(path, name, |path| -> Result<()> {
            let (entry, below) = (folder.entries.get(name), folder.folders.get(name).map(Arc::as_ref));
            let (file, tree) = match held.get(name).copied() {
                Some(Held::Folder(tree)) => (None, Some(tree)),
                file => (file, None),
            };
            if below.is_some() || tree.is_some() {
                compare(source, below, tree, path, found)?;
            }
            if entry.is_none() && file.is_none() || entry.is_some_and(|entry| file.is_some() && entry.git == file) {
                return Ok(());
            }
            found.paths.insert(path.clone(), file);
            Ok(())
        })?;
    }
    Ok(())
}

fn unlike<'s>(
    here: Option<&'s Folder>,
    there: Option<&'s Folder>,
    path: &mut GitPath,
    visit: &mut impl FnMut(Side, GitPath, &'s Tracked),
) {
    let names = |folder: Option<&'s Folder>| {
        folder.into_iter().flat_map(|folder| folder.entries.keys().chain(folder.folders.keys()))
    };
    let all: BTreeSet<&Vec<u8>> = names(here).chain(names(there)).collect();
    for name in all {
        let tracked = |folder: Option<&'s Folder>| folder?.entries.get(name)?.tracked.as_ref();
        let below = |folder: Option<&'s Folder>| folder?.folders.get(name);
        within(path, name, |path| {
            let (ours, theirs) = (tracked(here), tracked(there));
            if ours != theirs {
                ours.into_iter().for_each(|file| visit(Side::Here, path.clone(), file));
                theirs.into_iter().for_each(|file| visit(Side::There, path.clone(), file));
            }
            let is_shared = match (below(here), below(there)) {
                (Some(here), Some(there)) => Arc::ptr_eq(here, there),
                (None, None) => true,
                _ => false,
            };
            if !is_shared {
                unlike(below(here).map(Arc::as_ref), below(there).map(Arc::as_ref), path, visit);
            }
        });
    }
}
