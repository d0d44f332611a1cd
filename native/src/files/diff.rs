//! What is different between two states of the files: the folder and what was recorded, or two ops.

use std::collections::{BTreeMap, BTreeSet};

use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::OpId;
use trellis_core::view::files::{FileMode, FilePath};

use super::changes::Change;
use super::index::Entry;
use super::lines::{TEXT_BYTES_MAX, is_text};
use super::workspace::Workspace;
use crate::error::Result;

/// A file in one of the two states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Where it is.
    pub path: FilePath,
    /// What kind of file it is.
    pub mode: FileMode,
    /// How many bytes it holds.
    pub size: u64,
    /// What it holds, if that is text; of a link its target.
    pub text: Option<Vec<u8>>,
    /// Whether its content is on this device.
    pub is_here: bool,
}

/// A file that is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiff {
    /// As it was; none where it is new.
    pub old: Option<Side>,
    /// As it is; none where it is gone.
    pub new: Option<Side>,
}

impl Workspace {
    /// What changed in the folder since it was recorded: of everything, or of what lies below one of `only`. `visit` sees
    /// one file at a time, so that no more than that is in memory.
    ///
    /// # Errors
    /// What reading fails with, and what `visit` returns.
    pub fn diff(&self, only: &[FilePath], mut visit: impl FnMut(FileDiff) -> Result<()>) -> Result<()> {
        let changes = self.changes()?;
        for (path, change) in changes.files.iter().chain(&changes.in_conflict) {
            if !is_meant(path, only) {
                continue;
            }
            let (from, mode) = match change {
                Change::Added { mode } => (None, Some(*mode)),
                Change::Removed => (Some(path), None),
                Change::Edited { mode, .. } => (Some(path), Some(*mode)),
                Change::Renamed { from, mode, .. } => (Some(from), Some(*mode)),
            };
            let old = from.and_then(|from| Some((from, self.index.files.get(from)?)));
            let old = old.map(|(path, entry)| self.recorded(path, entry)).transpose()?;
            let new = mode.map(|mode| self.on_disk(path, mode)).transpose()?;
            visit(FileDiff { old, new })?;
        }
        Ok(())
    }

    /// What changed between two ops: what the files were when the branch ended in each.
    ///
    /// # Errors
    /// As [`Workspace::diff`]; `not_found` for an op that is not here.
    pub async fn diff_ops(
        &self,
        from: &[OpId],
        to: &[OpId],
        only: &[FilePath],
        visit: impl FnMut(FileDiff) -> Result<()>,
    ) -> Result<()> {
        self.diff_states(&self.files_at(from).await?, &self.files_at(to).await?, only, visit)
    }

    /// What a record changed: what its author saw before it, `before`, and the record's note. Where nothing was before
    /// it, all of it is new.
    ///
    /// # Errors
    /// As [`Workspace::diff_ops`].
    pub async fn diff_record(
        &self,
        before: &[OpId],
        note: OpId,
        visit: impl FnMut(FileDiff) -> Result<()>,
    ) -> Result<()> {
        let old = if before.is_empty() { BTreeMap::new() } else { self.files_at(before).await? };
        self.diff_states(&old, &self.files_at(&[note]).await?, &[], visit)
    }

    fn diff_states(
        &self,
        old: &BTreeMap<FilePath, Entry>,
        new: &BTreeMap<FilePath, Entry>,
        only: &[FilePath],
        mut visit: impl FnMut(FileDiff) -> Result<()>,
    ) -> Result<()> {
        let by_key: BTreeMap<&str, (&FilePath, &Entry)> =
            old.iter().map(|(path, entry)| (entry.key.as_str(), (path, entry))).collect();
        let keys: BTreeSet<&str> = new.values().map(|entry| entry.key.as_str()).collect();
        let is_there = |entry: &Entry| keys.contains(entry.key.as_str());
        // A link that became a file, or the reverse, is another file in the same place.
        let in_place = |path| old.get_key_value(path).filter(|(_, entry)| !is_there(entry));
        for (path, entry) in new.iter().filter(|(path, _)| is_meant(path, only)) {
            let before = by_key.get(entry.key.as_str()).copied().or_else(|| in_place(path));
            if before.is_some_and(|(old, before)| {
                old == path && before.content == entry.content && before.mode == entry.mode
            }) {
                continue;
            }
            let old = before.map(|(path, entry)| self.recorded(path, entry)).transpose()?;
            visit(FileDiff { old, new: Some(self.recorded(path, entry)?) })?;
        }
        let is_replaced = |path: &FilePath| new.get(path).is_some_and(|entry| !by_key.contains_key(entry.key.as_str()));
        let is_gone = |(path, entry): &(&FilePath, &Entry)| !is_there(entry) && !is_replaced(path);
        for (path, entry) in old.iter().filter(|(path, _)| is_meant(path, only)).filter(is_gone) {
            visit(FileDiff { old: Some(self.recorded(path, entry)?), new: None })?;
        }
        Ok(())
    }

    fn recorded(&self, path: &FilePath, entry: &Entry) -> Result<Side> {
        let BlobRef { blob, size } = entry.content;
        let is_here = self.store.blob_size(&blob)?.is_some();
        let content = (is_here && size <= TEXT_BYTES_MAX as u64).then(|| self.blob(&blob)).transpose()?;
        let text = content.filter(|content| is_text(content));
        Ok(Side { path: path.clone(), mode: entry.mode, size, text, is_here })
    }

    fn on_disk(&self, path: &FilePath, mode: FileMode) -> Result<Side> {
        let size = self.disk.seen(path)?.map_or(0, |seen| seen.stat.size);
        let content = match mode {
            FileMode::Link => Some(self.disk.read_link(path)?),
            _ if size > TEXT_BYTES_MAX as u64 => None,
            _ => self.disk.read(path)?,
        };
        let text = content.filter(|content| is_text(content));
        Ok(Side { path: path.clone(), mode, size, text, is_here: true })
    }
}

fn is_meant(path: &FilePath, only: &[FilePath]) -> bool {
    only.is_empty() || only.iter().any(|folder| path.is_below(folder))
}
