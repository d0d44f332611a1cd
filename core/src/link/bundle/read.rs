//! Reading a bundle, piece by piece: at most one frame is in memory.

use alloc::vec::Vec;

use super::{BundleError, LENGTH_BYTES, MAGIC};
use crate::limits::FRAME_BYTES_MAX;
use crate::link::blob::{BlobPiece, WholeBlobs};
use crate::link::frame::FrameKind;
use crate::link::ops::{Batch, OpsFault, decode_ops};
use crate::log::row::StoredOp;
use crate::op::cbor::{CborError, Reader};
use crate::op::id::RepoId;

/// How far a reader came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The ops of the next frame, which prove nothing yet; dependencies that stand in the bundle came before.
    Ops(Vec<StoredOp>),
    /// The next piece of a blob. Of a blob that is not what its name says the frame behind its last piece tells.
    Blob(BlobPiece),
    /// All input is used up, and the bundle is not at its end.
    More,
    /// The bundle is whole: its count and its hash are right.
    End,
}

/// Reads a bundle that comes in parts of any size.
#[derive(Debug)]
pub struct BundleReader {
    part: Part,
    /// What came of the part.
    bytes: Vec<u8>,
    /// Where the frame begins whose part it is.
    at: u64,
    hasher: blake3::Hasher,
    ops: u64,
    blobs: WholeBlobs,
    repo: Option<RepoId>,
    failed: Option<BundleError>,
}

/// What is read next.
#[derive(Clone, Copy, Debug)]
enum Part {
    Magic,
    Length,
    Frame(usize),
    Nothing,
}

impl Default for BundleReader {
    fn default() -> BundleReader {
        BundleReader::new()
    }
}

impl BundleReader {
    /// A reader at the start of a bundle.
    pub fn new() -> BundleReader {
        BundleReader {
            part: Part::Magic,
            bytes: Vec::new(),
            at: 0,
            hasher: blake3::Hasher::new(),
            ops: 0,
            blobs: WholeBlobs::default(),
            repo: None,
            failed: None,
        }
    }

    /// The repo of the ops so far.
    pub fn repo(&self) -> Option<RepoId> {
        self.repo
    }

    /// Reads on until there is something to tell, and takes what it read off the front of `input`.
    ///
    /// At the end of the file call [`BundleReader::finish`]. Ops are handed out before the bundle's hash is known to be
    /// right: whoever wants all or nothing keeps them until [`Progress::End`].
    ///
    /// # Errors
    /// [`BundleError`]; every later call has the same one.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Progress, BundleError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let progress = self.read_parts(input);
        self.failed = progress.as_ref().err().copied();
        progress
    }

    /// Says whether the bundle was whole.
    ///
    /// # Errors
    /// [`BundleError::Truncated`], or the error that reading ended with.
    pub fn finish(&self) -> Result<(), BundleError> {
        match (self.failed, self.part) {
            (Some(error), _) => Err(error),
            (None, Part::Nothing) => Ok(()),
            (None, _) => Err(BundleError::Truncated { at: self.at }),
        }
    }

    fn read_parts(&mut self, input: &mut &[u8]) -> Result<Progress, BundleError> {
        loop {
            let Some(len) = self.part.len() else {
                return if input.is_empty() { Ok(Progress::End) } else { Err(BundleError::Trailing { at: self.at }) };
            };
            let (piece, rest) = input.split_at(input.len().min(len - self.bytes.len()));
            self.bytes.extend_from_slice(piece);
            *input = rest;
            if let Part::Magic = self.part {
                check_magic(&self.bytes)?;
            }
            if self.bytes.len() < len {
                return Ok(Progress::More);
            }
            let bytes = core::mem::take(&mut self.bytes);
            if let Some(progress) = self.on_part(&bytes)? {
                return Ok(progress);
            }
        }
    }

    fn on_part(&mut self, bytes: &[u8]) -> Result<Option<Progress>, BundleError> {
        match self.part {
            Part::Frame(_) => return self.on_frame(bytes),
            Part::Length => self.on_length(bytes)?,
            Part::Magic | Part::Nothing => self.on_magic(bytes),
        }
        Ok(None)
    }

    fn on_magic(&mut self, magic: &[u8]) {
        self.hasher.update(magic);
        self.at = magic.len() as u64;
        self.part = Part::Length;
    }

    fn on_length(&mut self, length: &[u8]) -> Result<(), BundleError> {
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        if length > FRAME_BYTES_MAX {
            return Err(BundleError::TooLarge { at: self.at });
        }
        self.part = Part::Frame(length);
        Ok(())
    }

    fn on_frame(&mut self, frame: &[u8]) -> Result<Option<Progress>, BundleError> {
        let at = self.at;
        let not_a_frame = BundleError::Damaged { at, fault: OpsFault::NotOps };
        let (&kind, body) = frame.split_first().ok_or(not_a_frame)?;
        let progress = match FrameKind::from_code(kind) {
            Some(FrameKind::Ops) => Some(Progress::Ops(self.on_ops(frame)?)),
            Some(FrameKind::Blob) => Some(Progress::Blob(self.on_blob(body)?)),
            Some(FrameKind::End) => self.on_end(body).map(|()| None)?,
            Some(_) | None => return Err(BundleError::UnknownFrame { at, kind }),
        };
        if progress.is_some() {
            self.hasher.update(&(frame.len() as u32).to_be_bytes()).update(frame);
        }
        self.at += (LENGTH_BYTES + frame.len()) as u64;
        self.part = if progress.is_some() { Part::Length } else { Part::Nothing };
        Ok(progress)
    }

    fn on_ops(&mut self, frame: &[u8]) -> Result<Vec<StoredOp>, BundleError> {
        let at = self.at;
        self.end_blob()?;
        let Batch { repo, ops } = decode_ops(frame).map_err(|fault| BundleError::Damaged { at, fault })?;
        if *self.repo.get_or_insert(repo) != repo {
            return Err(BundleError::OtherRepo { at });
        }
        self.ops += ops.len() as u64;
        Ok(ops)
    }

    fn on_blob(&mut self, body: &[u8]) -> Result<BlobPiece, BundleError> {
        let at = self.at;
        let piece = BlobPiece::decode(body).and_then(|piece| self.blobs.piece(&piece).map(|()| piece));
        piece.map_err(|fault| BundleError::Blob { at, fault })
    }

    fn end_blob(&mut self) -> Result<(), BundleError> {
        let at = self.at;
        self.blobs.end().map_err(|fault| BundleError::Blob { at, fault })
    }

    fn on_end(&mut self, body: &[u8]) -> Result<(), BundleError> {
        self.end_blob()?;
        let (stated, hash) = read_end(body).map_err(|_| BundleError::BadEnd { at: self.at })?;
        if stated != self.ops {
            return Err(BundleError::WrongCount { stated, counted: self.ops });
        }
        if self.hasher.finalize() == hash { Ok(()) } else { Err(BundleError::WrongHash) }
    }
}

impl Part {
    /// How many bytes it has; none behind the end.
    fn len(self) -> Option<usize> {
        match self {
            Part::Magic => Some(MAGIC.len()),
            Part::Length => Some(LENGTH_BYTES),
            Part::Frame(len) => Some(len),
            Part::Nothing => None,
        }
    }
}

/// Refuses bytes that are not the first of a bundle of this version.
fn check_magic(bytes: &[u8]) -> Result<(), BundleError> {
    match bytes.iter().zip(&MAGIC).position(|(came, wanted)| came != wanted) {
        None => Ok(()),
        Some(at) if at + 1 == MAGIC.len() => Err(BundleError::Version(bytes[at])),
        Some(_) => Err(BundleError::NotABundle),
    }
}

fn read_end(body: &[u8]) -> Result<(u64, blake3::Hash), CborError> {
    let mut reader = Reader::new(body);
    if reader.array()? != 2 {
        return Err(CborError::WrongType);
    }
    let end = (reader.uint()?, blake3::Hash::from_bytes(*reader.fixed()?));
    reader.end().map(|()| end)
}

/// The ops of a whole bundle, dependencies first. They prove nothing yet. The blobs in it are checked and passed over.
///
/// # Errors
/// [`BundleError`]: nothing of it is to be used.
pub fn decode_bundle(mut bytes: &[u8]) -> Result<Vec<StoredOp>, BundleError> {
    let mut reader = BundleReader::new();
    let mut all = Vec::new();
    loop {
        match reader.read(&mut bytes)? {
            Progress::Ops(mut ops) => all.append(&mut ops),
            Progress::Blob(_) => {}
            Progress::More => return reader.finish().map(|()| all),
            Progress::End => return Ok(all),
        }
    }
}
