//! Recording: what changed in the folder becomes ops, in one record.

use std::collections::BTreeMap;

use trellis_core::input::{Base, Change as Write, Note};
use trellis_core::op::blob::BlobRef;
use trellis_core::op::hex;
use trellis_core::op::id::OpId;
use trellis_core::op::json::Value;
use trellis_core::op::patch::Patch;
use trellis_core::op::place::Entity;
use trellis_core::op::pointer::Pointer;
use trellis_core::view::files::body::path_members;
use trellis_core::view::files::{FILES, FileBody, FileMode, FilePath};

use super::changes::{Change, Changes};
use super::content;
use super::index::Entry;
use super::settle::Settled;
use super::stat::Stat;
use super::workspace::Workspace;
use crate::driver::random;
use crate::error::{Code, Result, TrellisError};
use crate::progress::Work;
use crate::store::WAIT;

/// What recording did.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// The changes that are ops now.
    pub changes: Changes,
    /// The ops, the note about the record last; none where nothing had changed.
    pub ops: Vec<OpId>,
    /// What became of the folder.
    pub settled: Settled,
}

/// A write of a file: which, how, and on top of what.
type FileEdit = (Entity, Write, Base);

/// A file as it was kept.
struct Kept {
    content: BlobRef,
    mode: FileMode,
    stat: Option<Stat>,
}

impl Workspace {
    /// Records what changed: of everything, or of what lies below one of `only`. The record is one transaction, or for
    /// very many files several that reach this device's disk together.
    ///
    /// # Errors
    /// `not_found` where one of `only` is no file here; what reading, keeping and writing fail with. Nothing is written
    /// then.
    pub async fn record(&mut self, only: &[FilePath], message: Option<&str>) -> Result<Recorded> {
        let caught_up = self.catch_up().await?;
        let mut changes = self.changes()?;
        self.expect_known(only, &changes)?;
        if !only.is_empty() {
            let is_meant = |path: &FilePath| only.iter().any(|folder| path.is_below(folder));
            changes.files.retain(|path, change| match change {
                Change::Renamed { from, .. } => is_meant(path) || is_meant(from),
                _ => is_meant(path),
            });
        }
        let kept = self.keep(&changes)?;
        let ops = self.write_changes(&changes, &kept, message).await?;
        self.note_recorded(&changes, &kept);
        let settled = caught_up.then(self.settle().await?);
        Ok(Recorded { changes, ops, settled })
    }

    /// Settles first where ops came that the index does not know. They may be what is about to be recorded, by a process
    /// that was killed before it could write that down.
    async fn catch_up(&mut self) -> Result<Settled> {
        if self.index.row == self.store.last_seq()? {
            return Ok(Settled::default());
        }
        self.settle().await
    }

    /// Records that files moved, and nothing else of them.
    pub(super) async fn record_moves(&mut self, moves: Changes) -> Result<Recorded> {
        let mut kept = BTreeMap::new();
        for (path, change) in &moves.files {
            if let Change::Renamed { from, content, mode } = change {
                let stat = self.index.files.get(from).and_then(|entry| entry.stat);
                kept.insert(path.clone(), Kept { content: *content, mode: *mode, stat });
            }
        }
        let ops = self.write_changes(&moves, &kept, None).await?;
        self.note_recorded(&moves, &kept);
        let settled = self.settle().await?;
        Ok(Recorded { changes: moves, ops, settled })
    }

    fn expect_known(&self, only: &[FilePath], changes: &Changes) -> Result<()> {
        let is_known = |folder: &&FilePath| {
            let known = self.index.files.keys().chain(changes.files.keys());
            known.into_iter().any(|path| path.is_below(folder))
        };
        match only.iter().find(|folder| !is_known(folder)) {
            None => Ok(()),
            Some(path) => {
                let message = format!("There is no file {path} here, and none is tracked. See `trellis status`.");
                Err(TrellisError::new(Code::NotFound, message).at_path(self.disk.path_of(path)))
            }
        }
    }

    /// Puts the content of changed files into the store, durably.
    fn keep(&mut self, changes: &Changes) -> Result<BTreeMap<FilePath, Kept>> {
        let mut kept = BTreeMap::new();
        let mut meter = self.repo.watcher().meter(Work::Keeping, self.bytes_of(changes)?);
        let mut transaction = self.store.begin(WAIT)?;
        for (path, change) in &changes.files {
            let mode = match change {
                Change::Removed => continue,
                Change::Added { mode } | Change::Edited { mode, .. } | Change::Renamed { mode, .. } => *mode,
            };
            let (content, seen) = content::keep(&self.disk, path, &mut transaction, &mut meter)?;
            kept.insert(path.clone(), Kept { content, mode, stat: Some(seen.stat) });
        }
        transaction.commit()?;
        Ok(kept)
    }

    /// How long the files are that are there after these changes.
    fn bytes_of(&self, changes: &Changes) -> Result<u64> {
        let is_there = |(_, change): &(&FilePath, &Change)| !matches!(change, Change::Removed);
        let paths = changes.files.iter().filter(is_there).map(|(path, _)| path);
        paths.map(|path| Ok(self.disk.seen(path)?.map_or(0, |seen| seen.stat.size))).sum()
    }

    async fn write_changes(
        &self,
        changes: &Changes,
        kept: &BTreeMap<FilePath, Kept>,
        message: Option<&str>,
    ) -> Result<Vec<OpId>> {
        let mut edits = Vec::new();
        for (path, change) in &changes.files {
            let from = match change {
                Change::Renamed { from, .. } => from,
                _ => path,
            };
            edits.extend(self.edits(self.index.files.get(from), path, kept.get(path))?);
        }
        if edits.is_empty() {
            return Ok(Vec::new());
        }
        let note = Note { key: new_key()?, message: message.map(Into::into), ..Note::default() };
        let batch = edits
            .into_iter()
            .fold(self.repo.batch().note(note), |batch, (entity, change, base)| batch.change(&entity, change, base));
        Ok(batch.commit().await?.ops().to_vec())
    }

    /// What one file's change is as writes.
    fn edits(&self, entry: Option<&Entry>, path: &FilePath, kept: Option<&Kept>) -> Result<Vec<FileEdit>> {
        let Some(entry) = entry else {
            let Some(kept) = kept else { return Ok(Vec::new()) };
            let body = FileBody { path: path.clone(), content: kept.content, mode: kept.mode };
            return Ok(vec![file_edit(&new_key()?, Write::Replace(body.to_value()), Base::Shown)]);
        };
        let is_in_place = self.is_shown_at(path, entry);
        let (change, new) = match kept {
            None => (Write::Delete, None),
            Some(kept) if is_another_file(entry, kept) => (Write::Delete, Some(kept)),
            Some(kept) => (Write::Patch(difference(entry, path, kept, is_in_place)), None),
        };
        let mut edits = vec![file_edit(&entry.key, change, Base::Ops(entry.base.clone()))];
        edits.extend(entry.twins.iter().map(|twin| file_edit(twin, Write::Delete, Base::Shown)));
        if let Some(Kept { content, mode, .. }) = new {
            let path = if is_in_place { &entry.path } else { path };
            let body = FileBody { path: path.clone(), content: *content, mode: *mode };
            edits.push(file_edit(&new_key()?, Write::Replace(body.to_value()), Base::Shown));
        }
        Ok(edits)
    }

    /// Whether a file is where the index shows it: then its own path stays what it is.
    fn is_shown_at(&self, path: &FilePath, entry: &Entry) -> bool {
        self.index.files.get(path).is_some_and(|shown| shown.key == entry.key)
    }

    /// The folder holds by now what was recorded.
    fn note_recorded(&mut self, changes: &Changes, kept: &BTreeMap<FilePath, Kept>) {
        for (path, change) in &changes.files {
            let from = match change {
                Change::Renamed { from, .. } => from,
                _ => path,
            };
            let before = self.index.files.remove(from);
            if let (Some(entry), Some(kept)) = (before, kept.get(path))
                && !is_another_file(&entry, kept)
            {
                let own = if path == from { entry.path.clone() } else { path.clone() };
                let entry = Entry { path: own, content: kept.content, mode: kept.mode, stat: kept.stat, ..entry };
                self.index.files.insert(path.clone(), entry);
            }
        }
    }
}

/// Whether what stands in a file's place is another file: a link and what is none have nothing in common, so that an edit
/// of one side never meets the target of the other.
fn is_another_file(entry: &Entry, kept: &Kept) -> bool {
    (entry.mode == FileMode::Link) != (kept.mode == FileMode::Link)
}

/// The places of a file that are different.
fn difference(entry: &Entry, path: &FilePath, kept: &Kept, is_in_place: bool) -> Patch {
    let mut patch = Patch::default();
    let mut put = |name: &str, value: Option<Value>| {
        let place = Pointer(vec![name.into()]);
        match value {
            Some(value) => patch.set.push((place, value)),
            None => patch.remove.push(place),
        }
    };
    if kept.content != entry.content {
        put("content", Some(kept.content.to_value()));
    }
    if kept.mode != entry.mode {
        put("mode", Some(kept.mode.as_str().into()));
    }
    if !is_in_place {
        path_members(path).into_iter().for_each(|(name, value)| put(&name, value));
    }
    patch
}

fn file_edit(key: &str, change: Write, base: Base) -> FileEdit {
    (Entity { collection: FILES.into(), key: key.into() }, change, base)
}

/// A key that nobody else has: 128 random bits.
pub(super) fn new_key() -> Result<String> {
    Ok(hex::encode(&random::<16>()?))
}
