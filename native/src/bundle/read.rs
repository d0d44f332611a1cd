//! Reading a bundle's file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use trellis_core::link::blob::BlobPiece;
use trellis_core::link::bundle::{BundleError, BundleReader, Progress};
use trellis_core::log::row::StoredOp;
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::{ContentHash, RepoId};

use crate::error::{Code, Result, TrellisError, from_io};
use crate::files::{Carried, named_blobs};
use crate::progress::{Meter, Work};
use crate::repo::Repo;
use crate::store::{OpenMode, Store, Transaction, WAIT};

/// What is read of the file at once.
const READ_BYTES: usize = 256 * 1024;

/// A bundle's file that was found whole. Its ops prove nothing yet.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    repo: Option<RepoId>,
    ops: Vec<StoredOp>,
    blobs: BTreeSet<ContentHash>,
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// `not_found`; `invalid_argument` for a file that is no bundle or a damaged one.
    pub fn read(path: impl AsRef<Path>) -> Result<Bundle> {
        let path = path.as_ref();
        let mut frames = Frames::open(path)?;
        let (mut ops, mut blobs) = (Vec::new(), BTreeSet::new());
        while let Some(frame) = frames.next()? {
            match frame {
                Frame::Ops(mut more) => ops.append(&mut more),
                Frame::Blob(piece) => drop(blobs.insert(piece.blob)),
            }
        }
        Ok(Bundle { path: path.to_owned(), repo: frames.reader.repo(), ops, blobs })
    }

    /// The repo of its ops; none where it has none.
    pub fn repo(&self) -> Option<RepoId> {
        self.repo
    }

    /// Its ops.
    pub fn into_ops(self) -> Vec<StoredOp> {
        self.ops
    }

    /// Puts the blobs that its ops name into the store of a repo.
    ///
    /// # Errors
    /// As [`Bundle::read`], should the file be another by now; what the disk reports.
    pub(super) fn carry_to(&self, repo: &Repo) -> Result<Carried> {
        let named = named_blobs(&self.ops);
        let mut carried = Carried::default();
        if named.is_empty() {
            return Ok(carried);
        }
        let mut store = Store::open(repo.folder().store(), OpenMode::ReadWrite)?;
        let mut transaction = store.begin(WAIT)?;
        let mut wanted = BTreeMap::new();
        for blob in named {
            if transaction.has_blob(&blob.blob)? {
                continue;
            }
            match self.blobs.contains(&blob.blob) {
                true => drop(wanted.insert(blob.blob, blob.size)),
                false => carried.missing.push(blob),
            }
        }
        let size = wanted.values().sum();
        carried.blobs = self.put(&wanted, &mut transaction, repo.watcher().meter(Work::Carrying, size))?;
        transaction.commit()?;
        Ok(carried)
    }

    fn put(
        &self,
        wanted: &BTreeMap<ContentHash, u64>,
        transaction: &mut Transaction<'_>,
        mut meter: Meter,
    ) -> Result<Vec<BlobRef>> {
        let mut put = Vec::new();
        if wanted.is_empty() {
            return Ok(put);
        }
        let mut frames = Frames::open(&self.path)?;
        let mut next = frames.next()?;
        while let Some(frame) = next {
            match frame {
                Frame::Blob(first) if wanted.contains_key(&first.blob) => {
                    let mut content = Content::new(&mut frames, first);
                    put.push(transaction.put_blob(meter.reading(&mut content), &self.path)?);
                    next = content.behind;
                }
                Frame::Blob(_) | Frame::Ops(_) => next = frames.next()?,
            }
        }
        Ok(put)
    }
}

/// What a bundle consists of.
enum Frame {
    Ops(Vec<StoredOp>),
    Blob(BlobPiece),
}

/// The frames of a bundle's file, one after the other.
struct Frames<'p> {
    path: &'p Path,
    file: File,
    reader: BundleReader,
    buffer: Vec<u8>,
    /// How much of the buffer was read.
    at: usize,
}

impl<'p> Frames<'p> {
    fn open(path: &'p Path) -> Result<Frames<'p>> {
        let file = File::open(path).map_err(|cause| from_io("read the bundle", path, cause))?;
        Ok(Frames { path, file, reader: BundleReader::new(), buffer: Vec::new(), at: 0 })
    }

    /// The next frame; none behind the last one, when the bundle was whole.
    fn next(&mut self) -> Result<Option<Frame>> {
        loop {
            let mut input = self.buffer.get(self.at..).unwrap_or_default();
            let progress = self.reader.read(&mut input).map_err(|cause| not_whole(self.path, cause))?;
            self.at = self.buffer.len() - input.len();
            match progress {
                Progress::Ops(ops) => return Ok(Some(Frame::Ops(ops))),
                Progress::Blob(piece) => return Ok(Some(Frame::Blob(piece))),
                Progress::More | Progress::End => {}
            }
            if !self.fill()? {
                return self.reader.finish().map(|()| None).map_err(|cause| not_whole(self.path, cause));
            }
        }
    }

    /// Reads on; false at the end of the file.
    fn fill(&mut self) -> Result<bool> {
        self.buffer.clear();
        self.at = 0;
        let read = (&mut self.file).take(READ_BYTES as u64).read_to_end(&mut self.buffer);
        read.map(|bytes| bytes > 0).map_err(|cause| from_io("read the bundle", self.path, cause))
    }
}

/// The content of one blob.
struct Content<'f, 'p> {
    frames: &'f mut Frames<'p>,
    piece: BlobPiece,
    read: usize,
    /// What follows the blob, when it was read to its end.
    behind: Option<Frame>,
    is_over: bool,
}

impl<'f, 'p> Content<'f, 'p> {
    fn new(frames: &'f mut Frames<'p>, piece: BlobPiece) -> Content<'f, 'p> {
        Content { frames, piece, read: 0, behind: None, is_over: false }
    }

    fn go_on(&mut self) -> Result<()> {
        match self.frames.next()? {
            Some(Frame::Blob(piece)) if piece.blob == self.piece.blob => (self.piece, self.read) = (piece, 0),
            behind => (self.behind, self.is_over) = (behind, true),
        }
        Ok(())
    }
}

impl Read for Content<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.piece.bytes.len() && !self.is_over {
            self.go_on().map_err(io::Error::other)?;
        }
        if self.is_over {
            return Ok(0);
        }
        let count = (&self.piece.bytes[self.read..]).read(buffer)?;
        self.read += count;
        Ok(count)
    }
}

fn not_whole(path: &Path, cause: BundleError) -> TrellisError {
    let message = format!("{} is no whole bundle: {cause}. Nothing of it was taken.", path.display());
    TrellisError::new(Code::InvalidArgument, message).at_path(path).caused_by(cause)
}
