//! What changed in the folder since it was last written or recorded, as people see it: renames found.

use std::collections::{BTreeMap, BTreeSet};

use trellis_core::op::blob::BlobRef;
use trellis_core::view::files::{FileMode, FilePath};

use super::content;
use super::index::Entry;
use super::lines::is_text;
use super::rename::{Candidate, Lines, renames};
use super::rules::BadRule;
use super::scan::{Difference, Scan};
use super::walk::Skipped;
use super::workspace::Workspace;
use crate::error::Result;

/// Texts beyond this are compared as wholes when renames are looked for.
pub(crate) const COMPARED_BYTES_MAX: u64 = 1024 * 1024;

/// One file that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added {
        /// What kind of file it is.
        mode: FileMode,
    },
    /// It is gone.
    Removed,
    /// It holds something else, or is of another kind.
    Edited {
        /// What it holds now.
        content: BlobRef,
        /// What kind of file it is now.
        mode: FileMode,
    },
    /// It was at another path, and may have changed as well.
    Renamed {
        /// Where it was.
        from: FilePath,
        /// What it holds now.
        content: BlobRef,
        /// What kind of file it is now.
        mode: FileMode,
    },
}

/// What changed in a folder.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The changes, by the path where a file is now, or was.
    pub files: BTreeMap<FilePath, Change>,
    /// Changed files whose content is the text of a conflict that is open; they are resolved and not recorded.
    pub in_conflict: BTreeMap<FilePath, Change>,
    /// What cannot be recorded.
    pub skipped: BTreeMap<String, Skipped>,
    /// Rules that are none.
    pub bad_rules: BTreeSet<BadRule>,
}

impl Workspace {
    /// What changed in the folder.
    ///
    /// # Errors
    /// What the system reports.
    pub fn changes(&self) -> Result<Changes> {
        let Scan { differences, skipped, bad_rules, .. } = self.scan()?;
        let renames = self.renames(&differences)?;
        let mut changes = Changes { skipped, bad_rules, ..Changes::default() };
        for (path, difference) in differences {
            let is_marked = self.index.files.get(&path).is_some_and(|entry| entry.marked.is_some());
            let change = match difference {
                Difference::Gone if renames.values().any(|(from, _)| *from == path) => continue,
                Difference::Gone => Change::Removed,
                Difference::Changed { content, mode } => Change::Edited { content, mode },
                Difference::New { mode } => match renames.get(&path) {
                    Some((from, content)) => Change::Renamed { from: from.clone(), content: *content, mode },
                    None => Change::Added { mode },
                },
            };
            let part = if is_marked { &mut changes.in_conflict } else { &mut changes.files };
            part.insert(path, change);
        }
        Ok(changes)
    }

    /// By the path where each new file that is a moved one is now: where it was, and what it holds.
    fn renames(&self, differences: &BTreeMap<FilePath, Difference>) -> Result<BTreeMap<FilePath, (FilePath, BlobRef)>> {
        let gone = differences.iter().filter(|(_, difference)| **difference == Difference::Gone);
        let gone: Vec<(&FilePath, &Entry)> =
            gone.filter_map(|(path, _)| Some((path, self.index.files.get(path)?))).collect();
        if gone.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut contents = BTreeMap::new();
        let (mut gone_links, mut gone_files, mut new_links, mut new_files) = (vec![], vec![], vec![], vec![]);
        for (path, difference) in differences {
            let Difference::New { mode } = difference else { continue };
            let (content, _) = content::hash(&self.disk, path)?;
            contents.insert(path.clone(), content);
            let new = if *mode == FileMode::Link { &mut new_links } else { &mut new_files };
            new.push(Candidate { path: path.clone(), blob: content.blob, lines: self.lines_on_disk(path, content)? });
        }
        for (path, entry) in gone {
            let gone = if entry.mode == FileMode::Link { &mut gone_links } else { &mut gone_files };
            let lines = self.lines_recorded(entry)?;
            gone.push(Candidate { path: path.clone(), blob: entry.content.blob, lines });
        }
        let renames = renames(&gone_links, &new_links).into_iter().chain(renames(&gone_files, &new_files));
        Ok(renames.filter_map(|(to, from)| Some((to.clone(), (from, *contents.get(&to)?)))).collect())
    }

    fn lines_on_disk(&self, path: &FilePath, content: BlobRef) -> Result<Lines> {
        if content.size > COMPARED_BYTES_MAX {
            return Ok(Lines::default());
        }
        Ok(self.disk.read(path)?.filter(|text| is_text(text)).map(|text| Lines::of(&text)).unwrap_or_default())
    }

    fn lines_recorded(&self, entry: &Entry) -> Result<Lines> {
        match entry.content.size > COMPARED_BYTES_MAX || self.store.blob_size(&entry.content.blob)?.is_none() {
            true => Ok(Lines::default()),
            false => Ok(Lines::of(&self.blob(&entry.content.blob)?)),
        }
    }
}
