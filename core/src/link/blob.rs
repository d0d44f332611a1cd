//! Blob frames: the content that bodies name, on its way in pieces.

use alloc::vec::Vec;

use super::frame::FrameKind;
use crate::limits::{BLOB_BYTES_MAX, BLOB_CHUNK_BYTES};
use crate::op::cbor::{CborError, Reader, Writer};
use crate::op::id::ContentHash;

/// A piece of a blob's content, which proves nothing until the blob is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobPiece {
    /// The blob.
    pub blob: ContentHash,
    /// Where in the content the piece begins, in bytes.
    pub offset: u64,
    /// The piece.
    pub bytes: Vec<u8>,
}

/// Why a frame is not the next piece of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobFault {
    /// It is not an array of a hash, an offset and bytes, and what else belongs to it on a link.
    #[error("it is not a piece of a blob: {0}")]
    Shape(#[from] CborError),
    /// The piece is longer than a chunk, or reaches beyond what a blob may have.
    #[error("the piece is longer than a piece may be")]
    TooLong,
    /// The piece does not begin where the one before it ended, or the one before it was the last.
    #[error("the piece does not follow the one before it")]
    OutOfOrder,
    /// The pieces are not the content that the blob's name says.
    #[error("the blob {} is not what its name says", .0.short())]
    WrongHash(ContentHash),
}

impl BlobPiece {
    /// The frame: the type, then the array of hash, offset and bytes.
    pub fn encode(&self) -> Vec<u8> {
        BlobPiece::frame(&self.blob, self.offset, &self.bytes, None)
    }

    /// The frame of a piece; on a link the array has two more items, the blob's length and what was sent before.
    pub(super) fn frame(blob: &ContentHash, offset: u64, bytes: &[u8], on_link: Option<[u64; 2]>) -> Vec<u8> {
        let mut body = Writer::with_room(bytes.len() + 96);
        body.array(if on_link.is_some() { 5 } else { 3 }).bytes(blob.as_bytes()).uint(offset).bytes(bytes);
        if let Some([len, sent]) = on_link {
            body.uint(len).uint(sent);
        }
        [&[FrameKind::Blob.code()], body.finish().as_slice()].concat()
    }

    /// The piece in a frame's body, which follows the type.
    ///
    /// # Errors
    /// [`BlobFault::Shape`] and [`BlobFault::TooLong`].
    pub fn decode(body: &[u8]) -> Result<BlobPiece, BlobFault> {
        let mut reader = Reader::new(body);
        let piece = BlobPiece::read(&mut reader, 3)?;
        reader.end().map(|()| piece).map_err(BlobFault::from)
    }

    /// The piece in the body of a frame on a link, the blob's length, and what was sent before.
    ///
    /// # Errors
    /// [`BlobFault::Shape`] and [`BlobFault::TooLong`].
    pub(super) fn decode_on_link(body: &[u8]) -> Result<(BlobPiece, [u64; 2]), BlobFault> {
        let mut reader = Reader::new(body);
        let piece = BlobPiece::read(&mut reader, 5)?;
        let on_link = [reader.uint()?, reader.uint()?];
        reader.end().map(|()| (piece, on_link)).map_err(BlobFault::from)
    }

    /// The first three items of an array of so many.
    fn read(reader: &mut Reader<'_>, items: u64) -> Result<BlobPiece, BlobFault> {
        if reader.array()? != items {
            return Err(CborError::WrongType.into());
        }
        let (blob, offset, bytes) = (ContentHash(*reader.fixed()?), reader.uint()?, reader.bytes()?);
        let end = offset.checked_add(bytes.len() as u64);
        if bytes.len() > BLOB_CHUNK_BYTES || end.is_none_or(|end| end > BLOB_BYTES_MAX) {
            return Err(BlobFault::TooLong);
        }
        Ok(BlobPiece { blob, offset, bytes: bytes.to_vec() })
    }
}

/// Checks that pieces, as they come, make whole blobs, one after the other. Every piece but a blob's last is a whole
/// chunk, so a content has one form.
#[derive(Debug, Default)]
pub struct WholeBlobs {
    open: Option<Open>,
}

/// A blob of which pieces came.
#[derive(Debug)]
struct Open {
    blob: ContentHash,
    hasher: blake3::Hasher,
    bytes: u64,
    /// Whether the last piece had a whole chunk, so that another may follow.
    goes_on: bool,
}

impl WholeBlobs {
    /// Takes the next piece.
    ///
    /// # Errors
    /// [`BlobFault::OutOfOrder`]; [`BlobFault::WrongHash`] where it begins another blob and the one before it was not
    /// whole.
    pub fn piece(&mut self, piece: &BlobPiece) -> Result<(), BlobFault> {
        if self.open.as_ref().is_none_or(|open| open.blob != piece.blob) {
            self.end()?;
        }
        let is_next = match &self.open {
            None => piece.offset == 0,
            Some(open) => open.goes_on && open.bytes == piece.offset && !piece.bytes.is_empty(),
        };
        if !is_next {
            return Err(BlobFault::OutOfOrder);
        }
        let open = self.open.get_or_insert_with(|| Open {
            blob: piece.blob,
            hasher: blake3::Hasher::new(),
            bytes: 0,
            goes_on: true,
        });
        open.hasher.update(&piece.bytes);
        open.bytes += piece.bytes.len() as u64;
        open.goes_on = piece.bytes.len() == BLOB_CHUNK_BYTES;
        Ok(())
    }

    /// Says that no more of the blob comes.
    ///
    /// # Errors
    /// [`BlobFault::WrongHash`] where it is not whole.
    pub fn end(&mut self) -> Result<(), BlobFault> {
        match self.open.take() {
            Some(open) if open.hasher.finalize() != blake3::Hash::from_bytes(open.blob.0) => {
                Err(BlobFault::WrongHash(open.blob))
            }
            _ => Ok(()),
        }
    }
}
