//! The index: what the folder held when `trellis` last wrote or recorded it.
//!
//! It belongs to this folder alone and can be made anew from the branch and the files, so it is one flat file, replaced
//! as a whole. A file whose stamps are those of its entry was not changed, unless the stamps are so young that a write
//! in the same instant would not show: such a file is *racy* and is read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::{ContentHash, OpId};
use trellis_core::view::files::{FileMode, FilePath};

use super::conflicts::{About, FileConflict};
use super::stat::{Seen, Stat};
use crate::error::{Result, TrellisError, from_io};
use crate::whole_file;

/// What the file begins with: its name and its version. Behind it are two parts: the head, and the tracked files.
const MAGIC: [u8; 16] = *b"trellis index 3\n";

/// The head, with what stands before it, has at most so many bytes: a name and a number.
const HEAD_BYTES_MAX: u64 = 4096;

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
        let Some(bytes) = read_bytes(path, u64::MAX)? else { return Ok(None) };
        let seen = Seen::at(path).map_err(|cause| failed(path, cause))?;
        let written = seen.map_or(i64::MIN, |seen| seen.stat.modified);
        Ok(decode(&bytes).map(|index| Index { written, ..index }))
    }

    /// The branch that the folder of an index shows.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn shown_branch(path: &Path) -> Result<Option<String>> {
        let bytes = read_bytes(path, HEAD_BYTES_MAX)?;
        Ok(bytes.and_then(|bytes| decode_head(&bytes)?.0.branch))
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
        let head = Head { branch: self.branch.clone(), row: self.row };
        let conflicts: Vec<StoredConflict> = self.conflicts.iter().map(StoredConflict::of).collect();
        let mut body = bytes_of(&(conflicts, self.files.len()));
        for (path, entry) in &self.files {
            let base: Vec<u8> = entry.base.iter().flat_map(|op| op.0).collect();
            body.extend(bytes_of(&Stored::of(path, entry, &base)));
        }
        [&MAGIC[..], &part(&bytes_of(&head)), &part(&body)].concat()
    }
}

/// The first bytes of a file.
fn read_bytes(path: &Path, count: u64) -> Result<Option<Vec<u8>>> {
    let read = || {
        let (file, mut bytes) = (File::open(path)?, Vec::new());
        bytes.reserve_exact(file.metadata()?.len().min(count) as usize + 1);
        file.take(count).read_to_end(&mut bytes).map(|_| bytes)
    };
    match read() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(failed(path, cause)),
    }
}

fn failed(path: &Path, cause: io::Error) -> TrellisError {
    from_io("read the folder's index", path, cause)
}

fn bytes_of(stored: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(stored).unwrap_or_default()
}

/// A part of the file: how long it is, its hash, and its bytes.
fn part(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes(), &blake3::hash(bytes).as_bytes()[..], bytes].concat()
}

/// The first part of these bytes, if it is what was written, and what stands behind it.
fn take_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, bytes) = bytes.split_first_chunk::<8>()?;
    let (hash, bytes) = bytes.split_first_chunk::<32>()?;
    let (part, rest) = bytes.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)?;
    (blake3::hash(part) == blake3::Hash::from_bytes(*hash)).then_some((part, rest))
}

fn decode_head(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let (head, rest) = take_part(bytes.strip_prefix(&MAGIC)?)?;
    Some((postcard::from_bytes(head).ok()?, rest))
}

fn decode(bytes: &[u8]) -> Option<Index> {
    let (Head { branch, row }, rest) = decode_head(bytes)?;
    let (body, _) = take_part(rest)?;
    let ((conflicts, count), mut rest): ((Vec<StoredConflict>, usize), _) = postcard::take_from_bytes(body).ok()?;
    let conflicts = conflicts.into_iter().map(StoredConflict::conflict).collect::<Option<_>>()?;
    let mut files = Vec::with_capacity(count.min(rest.len()));
    for _ in 0..count {
        let (stored, behind) = postcard::take_from_bytes::<Stored<'_>>(rest).ok()?;
        files.push(stored.entry()?);
        rest = behind;
    }
    Some(Index { branch, row, files: files.into_iter().collect(), conflicts, written: i64::MIN })
}

/// What an index begins with.
#[derive(Serialize, Deserialize)]
struct Head {
    branch: Option<String>,
    row: u32,
}

/// A conflict as it lies in the file.
#[derive(Serialize, Deserialize)]
struct StoredConflict {
    path: Vec<u8>,
    about: String,
    shown: Vec<Vec<u8>>,
}

/// An entry as it lies in the file. Bytes are borrowed, and hashes are bytes: that is read faster than arrays.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    shown: &'a [u8],
    /// Absent where it is `shown`.
    path: Option<&'a [u8]>,
    key: &'a str,
    /// The ids, one behind the other.
    base: &'a [u8],
    #[serde(borrow)]
    twins: Vec<&'a str>,
    blob: &'a [u8],
    size: u64,
    mode: u8,
    marked: Option<&'a [u8]>,
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

impl<'a> Stored<'a> {
    fn of(shown: &'a FilePath, entry: &'a Entry, base: &'a [u8]) -> Stored<'a> {
        Stored {
            shown: shown.as_bytes(),
            path: (entry.path != *shown).then(|| entry.path.as_bytes()),
            key: &entry.key,
            base,
            twins: entry.twins.iter().map(String::as_str).collect(),
            blob: &entry.content.blob.0,
            size: entry.content.size,
            mode: MODES.iter().position(|mode| *mode == entry.mode).unwrap_or_default() as u8,
            marked: entry.marked.as_ref().map(|hash| &hash.0[..]),
            stat: entry.stat,
        }
    }

    fn entry(self) -> Option<(FilePath, Entry)> {
        let shown = FilePath::new(self.shown).ok()?;
        let path = match self.path {
            Some(path) => FilePath::new(path).ok()?,
            None => shown.clone(),
        };
        let (base, []) = self.base.as_chunks::<32>() else { return None };
        let hash = |bytes: &[u8]| bytes.try_into().ok().map(ContentHash);
        let marked = match self.marked {
            Some(bytes) => Some(hash(bytes)?),
            None => None,
        };
        let entry = Entry {
            key: self.key.into(),
            base: base.iter().copied().map(OpId).collect(),
            twins: self.twins.into_iter().map(String::from).collect(),
            path,
            content: BlobRef { blob: hash(self.blob)?, size: self.size },
            mode: *MODES.get(usize::from(self.mode))?,
            marked,
            stat: self.stat,
        };
        Some((shown, entry))
    }
}
