//! What is different in the folder from what the index says.

use std::collections::{BTreeMap, BTreeSet};

use trellis_core::op::blob::BlobRef;
use trellis_core::view::files::{FileMode, FilePath};

use super::content::{self, mode_of};
use super::disk::Disk;
use super::index::{Entry, Index};
use super::rules::BadRule;
use super::stat::{Kind, Seen, Stat};
use super::walk::{Found, Skipped, walk};
use crate::error::Result;
use crate::folder::Folder;
use crate::progress::{Watcher, Work};

/// How a file is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// It is here and not tracked.
    New {
        /// What kind of file it is.
        mode: FileMode,
    },
    /// It is tracked and not here.
    Gone,
    /// It is not as the index says.
    Changed {
        /// What it holds now.
        content: BlobRef,
        /// What kind of file it is now.
        mode: FileMode,
    },
}

/// What is different in a folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Scan {
    /// Files that are different, by the path under which they are, or were, shown.
    pub differences: BTreeMap<FilePath, Difference>,
    /// Files that are as the index says although their stamps are not; the index may take these stamps.
    pub touched: BTreeMap<FilePath, Stat>,
    /// What cannot be recorded.
    pub skipped: BTreeMap<String, Skipped>,
    /// Rules that are none.
    pub bad_rules: BTreeSet<BadRule>,
}

/// Compares the folder with the index. Reads only files that the stamps do not prove.
///
/// # Errors
/// What the system reports.
pub(super) fn scan(folder: &Folder, disk: &Disk, index: &Index, watcher: &Watcher) -> Result<Scan> {
    let Found { files, gone, proven, skipped, bad_rules } = walk(folder.root(), disk, index)?;
    let differences = gone.into_iter().map(|path| (path, Difference::Gone)).collect();
    let mut scan = Scan { differences, skipped, bad_rules, ..Scan::default() };
    let mut meter = watcher.meter(Work::Comparing, proven + files.len() as u64);
    meter.add(proven);
    for (path, seen) in files {
        scan.look(disk, index, path, &seen)?;
        meter.add(1);
    }
    Ok(scan)
}

impl Scan {
    fn look(&mut self, disk: &Disk, index: &Index, path: FilePath, seen: &Seen) -> Result<()> {
        let Some(mode) = mode_of(seen.kind) else { return Ok(()) };
        let Some(entry) = index.files.get(&path) else {
            self.differences.insert(path, Difference::New { mode });
            return Ok(());
        };
        if is_proven(index, entry, seen) {
            return Ok(());
        }
        let is_same_kind = is_same_kind(entry, seen.kind);
        let (content, seen) = content::hash(disk, &path)?;
        if is_same_kind && content.blob == entry.hash() {
            self.touched.insert(path, seen.stat);
        } else {
            let mode = kept_mode(seen.kind, entry.mode).unwrap_or(mode);
            let content = if content.blob == entry.hash() { entry.content } else { content };
            self.differences.insert(path, Difference::Changed { content, mode });
        }
        Ok(())
    }
}

/// Whether stamps prove that a file is as its entry says, and of the same kind.
pub(super) fn is_proven(index: &Index, entry: &Entry, seen: &Seen) -> bool {
    is_same_kind(entry, seen.kind) && index.is_proven(entry, &seen.stat)
}

fn is_same_kind(entry: &Entry, kind: Kind) -> bool {
    kept_mode(kind, entry.mode) == Some(entry.mode)
}

/// The kind of file that something is. Where the system has no executable bit, a file stays what it was.
fn kept_mode(kind: Kind, was: FileMode) -> Option<FileMode> {
    match mode_of(kind) {
        Some(FileMode::File) if cfg!(not(unix)) && was == FileMode::Exec => Some(FileMode::Exec),
        mode => mode,
    }
}
