//! Giving files back, and moving them.

use std::collections::BTreeMap;

use trellis_core::op::id::OpId;
use trellis_core::view::files::FilePath;

use super::changes::{Change, Changes};
use super::index::Entry;
use super::past::no_file;
use super::record::Recorded;
use super::settle::holds;
use super::stat::Kind;
use super::workspace::Workspace;
use crate::error::{Code, Result, TrellisError};

impl Workspace {
    /// Gives files back what was recorded of them last, or what they were when the ops `from` were the heads: those at
    /// `paths` and below them, or all. Files that are new stay. A file in conflict is again what the branch shows of it,
    /// with the markers. What is given back from earlier ops is a change like any other.
    ///
    /// # Errors
    /// `not_found` where one of `paths` was no file then; `already_exists` where a folder with files in it, or a file
    /// where a folder is to be, is in the way; what reading and writing fail with. Files before it are given back then.
    pub async fn restore(&mut self, paths: &[FilePath], from: &[OpId]) -> Result<Vec<FilePath>> {
        let wanted = if from.is_empty() { self.index.files.clone() } else { self.files_at(from).await? };
        let is_meant = |path: &FilePath| paths.is_empty() || paths.iter().any(|folder| path.is_below(folder));
        if let Some(path) = paths.iter().find(|folder| !wanted.keys().any(|path| path.is_below(folder))) {
            return Err(no_file(path, from));
        }
        let mut restored = Vec::new();
        let mut in_conflict = Vec::new();
        for (path, entry) in wanted.iter().filter(|(path, _)| is_meant(path)) {
            if entry.marked.is_some() {
                in_conflict.push(path.clone());
                continue;
            }
            if self.is_held(path, entry)? {
                continue;
            }
            self.make_way(path)?;
            let blob = self.store.read_blob(&entry.content.blob)?;
            let seen = self.disk.write(path, entry.mode, blob)?;
            let tracked = self.index.files.get_mut(path);
            if let Some(tracked) = tracked.filter(|tracked| tracked.marked.is_none() && holds(tracked) == holds(entry))
            {
                tracked.stat = Some(seen.stat);
            }
            restored.push(path.clone());
        }
        restored.append(&mut self.restore_conflicts(in_conflict).await?);
        restored.sort();
        self.write_index()?;
        Ok(restored)
    }

    /// Makes files in conflict again what the branch shows of them.
    async fn restore_conflicts(&mut self, paths: Vec<FilePath>) -> Result<Vec<FilePath>> {
        let mut restored = Vec::new();
        if paths.is_empty() {
            return Ok(restored);
        }
        let mut targets = self.targets(&self.repo.files(&[]).await?)?;
        for path in paths {
            let Some(target) = targets.remove(&path).filter(|target| self.is_tracked_as(&path, &target.entry)) else {
                continue;
            };
            if !self.is_held(&path, &target.entry)? {
                self.make_way(&path)?;
                let seen = self.write_target(&path, &target)?;
                self.index.files.insert(path.clone(), Entry { stat: Some(seen.stat), ..target.entry });
                restored.push(path);
            }
        }
        Ok(restored)
    }

    fn is_tracked_as(&self, path: &FilePath, entry: &Entry) -> bool {
        self.index.files.get(path).is_some_and(|tracked| tracked.key == entry.key)
    }

    /// Sees to it that a file can be at a path: removes an empty folder there.
    fn make_way(&self, path: &FilePath) -> Result<()> {
        for folder in path.ancestors() {
            match self.disk.seen(&folder)?.map(|seen| seen.kind) {
                Some(Kind::Folder) => break,
                Some(_) => return Err(self.in_the_way(&folder, path)),
                None => {}
            }
        }
        match self.disk.seen(path)?.map(|seen| seen.kind) {
            Some(Kind::Folder) => self.disk.remove_folders(path).map_err(|_| self.in_the_way(path, path)),
            _ => Ok(()),
        }
    }

    fn in_the_way(&self, obstacle: &FilePath, path: &FilePath) -> TrellisError {
        let what = if obstacle == path { "folder" } else { "file" };
        let message = format!("The {what} {obstacle} is in the way of {path}. Move it, or remove it, and try again.");
        TrellisError::new(Code::AlreadyExists, message).at_path(self.disk.path_of(obstacle))
    }

    pub(super) async fn files_at(&self, at: &[OpId]) -> Result<BTreeMap<FilePath, Entry>> {
        let view = self.repo.files(at).await?;
        let files = view.tree.files.into_iter().map(|(path, placed)| {
            let body = placed.file.body;
            let entry = Entry {
                key: placed.file.key,
                base: Vec::new(),
                twins: Vec::new(),
                path: body.path,
                content: body.content,
                mode: body.mode,
                marked: None,
                stat: None,
            };
            (path, entry)
        });
        Ok(files.collect())
    }

    /// Moves a file, or a folder with all that is tracked in it, and records that at once: so it is known to be the same
    /// file, whatever becomes of its content.
    ///
    /// # Errors
    /// `not_found` where nothing tracked is at `from`; `already_exists` where something is at `to`; what moving and
    /// recording fail with.
    pub async fn mv(&mut self, from: &FilePath, to: &FilePath) -> Result<Recorded> {
        let tracked: Vec<FilePath> = self.index.files.keys().filter(|path| path.is_below(from)).cloned().collect();
        if tracked.is_empty() {
            return Err(no_file(from, &[]));
        }
        let inside = match self.disk.seen(to)?.map(|seen| seen.kind) {
            Some(Kind::Folder) => Some(inside(to, from)?),
            _ => None,
        };
        let to = inside.as_ref().unwrap_or(to);
        if self.disk.seen(to)?.is_some() {
            let message = format!("There is something at {to} already. Choose another name, or remove it first.");
            return Err(TrellisError::new(Code::AlreadyExists, message).at_path(self.disk.path_of(to)));
        }
        let mut moves = Changes::default();
        for path in tracked {
            let new = moved(&path, from, to)?;
            let Some(entry) = self.index.files.get(&path) else { continue };
            let change = Change::Renamed { from: path.clone(), content: entry.content, mode: entry.mode };
            moves.files.insert(new, change);
        }
        self.disk.rename(from, to)?;
        self.record_moves(moves).await
    }
}

/// The path of something that is moved into a folder.
fn inside(folder: &FilePath, from: &FilePath) -> Result<FilePath> {
    let name = from.components().next_back().unwrap_or_default();
    FilePath::new([folder.as_bytes(), b"/", name].concat()).map_err(|cause| {
        let message = format!("{from} cannot be moved into {folder}: {cause}.");
        TrellisError::new(Code::PathRefused, message).caused_by(cause)
    })
}

/// Where a path below `from` is when `from` is at `to`.
fn moved(path: &FilePath, from: &FilePath, to: &FilePath) -> Result<FilePath> {
    let below = path.as_bytes().get(from.as_bytes().len()..).unwrap_or_default();
    FilePath::new([to.as_bytes(), below].concat()).map_err(|cause| {
        let message = format!("{path} cannot be moved to {to}: {cause}.");
        TrellisError::new(Code::PathRefused, message).caused_by(cause)
    })
}
