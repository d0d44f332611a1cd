//! The index: what the folder held when `trellis` last wrote or recorded it.
//!
//! It belongs to this folder alone and can be made anew from the branch and the files, so it is one flat file, replaced
//! as a whole. A file whose stamps are those of its entry was not changed, unless the stamps are so young that a write
//! in the same instant would not show: such a file is *racy* and is read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde::{Deserialize, Serialize};
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::{ContentHash, OpId};
use trellis_core::view::files::{FileMode, FilePath};

use super::conflicts::{About, FileConflict};
use super::stat::{Seen, Stat};
use crate::error::{Result, TrellisError, from_io};
use crate::whole_file;

/// What the file begins with: its name and its version.
const MAGIC: [u8; 16] = *b"trellis index 2\n";

/// What the folder held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// The branch that it shows; none before the first command.
    pub branch: Option<String>,
    /// The last row of the store that it takes account of.
    pub row: u32,
    /// Every tracked file by its path.
    pub files: BTreeMap<FilePath, Entry>,
    /// The conflicts of files that were open then, without their records.
    pub conflicts: Vec<FileConflict>,
    /// When the index was written, in nanoseconds since 1970.
    written: i64,
}

/// A tracked file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The key of its entity.
    pub key: String,
    /// The writes that were shown: what a write of the file replaces.
    pub base: Vec<OpId>,
    /// Files that are equal to it and go when it changes.
    pub twins: Vec<String>,
    /// The path that its entity says, which is another than where it is shown if others claim it.
    pub path: FilePath,
    /// What the repo says that it holds.
    pub content: BlobRef,
    /// What kind of file the repo says that it is.
    pub mode: FileMode,
    /// The hash of what was written for it, where that is not `content`: the text of a conflict.
    pub marked: Option<ContentHash>,
    /// Its stamps when it was last known to be so; none where it was not there.
    pub stat: Option<Stat>,
}

impl Entry {
    /// The hash of what the folder held.
    pub(super) fn hash(&self) -> ContentHash {
        self.marked.unwrap_or(self.content.blob)
    }
}

impl Index {
    /// Reads the index of a folder; none where there is none, or none that this version can read.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn read(path: &Path) -> Result<Option<Index>> {
        let Some(bytes) = read_bytes(path)? else { return Ok(None) };
        let seen = Seen::at(path).map_err(|cause| failed(path, cause))?;
        let written = seen.map_or(i64::MIN, |seen| seen.stat.modified);
        Ok(body(&bytes).and_then(decode).map(|index| Index { written, ..index }))
    }

    /// The branch that the folder of an index shows.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn shown_branch(path: &Path) -> Result<Option<String>> {
        let bytes = read_bytes(path)?;
        let branch =
            bytes.as_deref().and_then(body).and_then(|body| postcard::take_from_bytes::<ShownBranch>(body).ok());
        Ok(branch.and_then(|(branch, _)| branch))
    }

    /// Puts this index in place of the folder's. The caller has the folder's lock.
    ///
    /// # Errors
    /// What the system reports; the old index stays.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        whole_file::replace_alone(path, &self.encode())
            .map_err(|cause| from_io("write the folder's index", path, cause))
    }

    /// Whether stamps prove that a file is as its entry says.
    pub(super) fn is_proven(&self, entry: &Entry, stat: &Stat) -> bool {
        entry.stat.as_ref() == Some(stat) && stat.modified < self.written && stat.changed < self.written
    }

    fn encode(&self) -> Vec<u8> {
        let files = self.files.iter().map(|(path, entry)| Stored::of(path, entry)).collect();
        let conflicts = self.conflicts.iter().map(StoredConflict::of).collect();
        let whole = StoredIndex { branch: self.branch.clone(), row: self.row, files, conflicts };
        let body = postcard::to_allocvec(&whole).unwrap_or_default();
        [&MAGIC[..], blake3::hash(&body).as_bytes(), &body].concat()
    }
}

/// What an index begins with.
type ShownBranch = Option<String>;

fn read_bytes(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(failed(path, cause)),
    }
}

fn failed(path: &Path, cause: io::Error) -> TrellisError {
    from_io("read the folder's index", path, cause)
}

/// The index in a file's bytes, if they are what was written.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let (hash, body) = bytes.strip_prefix(&MAGIC)?.split_first_chunk::<32>()?;
    (blake3::hash(body) == blake3::Hash::from_bytes(*hash)).then_some(body)
}

fn decode(body: &[u8]) -> Option<Index> {
    let StoredIndex { branch, row, files, conflicts } = postcard::from_bytes(body).ok()?;
    let files = files.into_iter().map(Stored::entry).collect::<Option<_>>()?;
    let conflicts = conflicts.into_iter().map(StoredConflict::conflict).collect::<Option<_>>()?;
    Some(Index { branch, row, files, conflicts, written: i64::MIN })
}

#[derive(Serialize, Deserialize)]
struct StoredIndex {
    branch: ShownBranch,
    row: u32,
    files: Vec<Stored>,
    conflicts: Vec<StoredConflict>,
}

/// A conflict as it lies in the file.
#[derive(Serialize, Deserialize)]
struct StoredConflict {
    path: Vec<u8>,
    about: String,
    shown: Vec<Vec<u8>>,
}

/// An entry as it lies in the file.
#[derive(Serialize, Deserialize)]
struct Stored {
    shown: Vec<u8>,
    /// Absent where it is `shown`.
    path: Option<Vec<u8>>,
    key: String,
    base: Vec<[u8; 32]>,
    twins: Vec<String>,
    blob: [u8; 32],
    size: u64,
    mode: u8,
    marked: Option<[u8; 32]>,
    stat: Option<Stat>,
}

impl StoredConflict {
    fn of(conflict: &FileConflict) -> StoredConflict {
        StoredConflict {
            path: conflict.path.as_bytes().to_vec(),
            about: conflict.about.as_str().into(),
            shown: conflict.shown.iter().map(|path| path.as_bytes().to_vec()).collect(),
        }
    }

    fn conflict(self) -> Option<FileConflict> {
        Some(FileConflict {
            path: FilePath::new(self.path).ok()?,
            about: About::parse(&self.about)?,
            record: None,
            shown: self.shown.into_iter().map(|path| FilePath::new(path).ok()).collect::<Option<_>>()?,
        })
    }
}

const MODES: [FileMode; 3] = [FileMode::File, FileMode::Exec, FileMode::Link];

impl Stored {
    fn of(shown: &FilePath, entry: &Entry) -> Stored {
        Stored {
            shown: shown.as_bytes().to_vec(),
            path: (entry.path != *shown).then(|| entry.path.as_bytes().to_vec()),
            key: entry.key.clone(),
            base: entry.base.iter().map(|op| op.0).collect(),
            twins: entry.twins.clone(),
            blob: entry.content.blob.0,
            size: entry.content.size,
            mode: MODES.iter().position(|mode| *mode == entry.mode).unwrap_or_default() as u8,
            marked: entry.marked.map(|hash| hash.0),
            stat: entry.stat,
        }
    }

    fn entry(self) -> Option<(FilePath, Entry)> {
        let shown = FilePath::new(self.shown).ok()?;
        let path = match self.path {
            Some(path) => FilePath::new(path).ok()?,
            None => shown.clone(),
        };
        let entry = Entry {
            key: self.key,
            base: self.base.into_iter().map(OpId).collect(),
            twins: self.twins,
            path,
            content: BlobRef { blob: ContentHash(self.blob), size: self.size },
            mode: *MODES.get(usize::from(self.mode))?,
            marked: self.marked.map(ContentHash),
            stat: self.stat,
        };
        Some((shown, entry))
    }
}
