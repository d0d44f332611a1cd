//! Writing a bundle: ops go in one by one, bytes come out frame by frame.
//!
//! A window of ops is kept back, so that runs can be joined and put into frames as wholes.

use alloc::vec::Vec;

use super::{BundleRefused, MAGIC};
use crate::limits::{FRAME_BYTES_MAX, FRAME_OPS_MAX};
use crate::link::blob::{BlobPiece, WholeBlobs};
use crate::link::frame::FrameKind;
use crate::link::message::Form;
use crate::link::ops::encode_ops;
use crate::link::pack::{Signatures, frame_bytes, pack};
use crate::link::runs::order_runs;
use crate::log::row::StoredOp;
use crate::op::cbor::Writer;

/// Ops that are kept back, in frames.
const WINDOW_FRAMES: usize = 4;
/// Writes a bundle.
#[derive(Debug)]
pub struct BundleWriter {
    signatures: Signatures,
    /// Bytes that were not taken yet.
    out: Vec<u8>,
    hasher: blake3::Hasher,
    ops: u64,
    window: Vec<StoredOp>,
    window_bytes: usize,
    /// Ops and bytes that stayed in the window when frames were last written: the window is full when it has grown.
    kept: (usize, usize),
    blobs: WholeBlobs,
}

/// What becomes of the last frame, which is not full.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tail {
    Kept,
    Written,
}

impl BundleWriter {
    /// A bundle without ops.
    pub fn new(signatures: Signatures) -> BundleWriter {
        let mut writer = BundleWriter {
            signatures,
            out: Vec::new(),
            hasher: blake3::Hasher::new(),
            ops: 0,
            window: Vec::new(),
            window_bytes: 0,
            kept: (0, 0),
            blobs: WholeBlobs::default(),
        };
        writer.write(&MAGIC);
        writer
    }

    /// Adds an op. Ops come once each, after what they depend on where that is in the bundle too; an op without a
    /// signature is followed, sooner or later, by a signed one of its chain.
    ///
    /// # Errors
    /// [`BundleRefused`]: this or an earlier op cannot be in a bundle with the others. The writer is of no more use.
    pub fn push(&mut self, op: StoredOp) -> Result<(), BundleRefused> {
        self.blobs.end()?;
        self.window_bytes += frame_bytes(&op.header, op.body.as_deref());
        self.window.push(op);
        if self.is_full() { self.write_frames(Tail::Kept) } else { Ok(()) }
    }

    /// Adds a piece of a blob. The pieces of a blob come one after the other, from its start to its end, with no op and no
    /// other blob between them; a blob comes before the ops that name it.
    ///
    /// # Errors
    /// [`BundleRefused::Blob`]. The writer is of no more use.
    pub fn push_blob(&mut self, piece: &BlobPiece) -> Result<(), BundleRefused> {
        self.blobs.piece(piece)?;
        self.write_frame(&piece.encode());
        Ok(())
    }

    /// Takes the bytes that are ready.
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.out)
    }

    /// Ends the bundle; returns the bytes that were not taken.
    ///
    /// # Errors
    /// [`BundleRefused`], above all [`BundleRefused::NotCovered`].
    pub fn finish(mut self) -> Result<Vec<u8>, BundleRefused> {
        self.blobs.end()?;
        self.write_frames(Tail::Written)?;
        if let Some(op) = self.window.first() {
            return Err(BundleRefused::NotCovered(op.rehash()?.id()));
        }
        let mut end = Writer::new();
        end.array(2).uint(self.ops).bytes(self.hasher.finalize().as_bytes());
        self.write_frame(&[&[FrameKind::End.code()], end.finish().as_slice()].concat());
        Ok(self.out)
    }

    /// What stays in the window because nothing vouches for it yet does not fill it, and the more stays the seldomer it
    /// is looked at again.
    fn is_full(&self) -> bool {
        let (kept_ops, kept_bytes) = self.kept;
        self.window.len() - kept_ops >= kept_ops.max(WINDOW_FRAMES * FRAME_OPS_MAX)
            || self.window_bytes - kept_bytes >= kept_bytes.max(WINDOW_FRAMES * FRAME_BYTES_MAX)
    }

    /// Writes what can be written of the window, and keeps the rest in it.
    fn write_frames(&mut self, tail: Tail) -> Result<(), BundleRefused> {
        let window = core::mem::take(&mut self.window);
        let ops = window.iter().map(StoredOp::rehash).collect::<Result<Vec<_>, _>>()?;
        let mut frames = pack(&ops, &order_runs(&ops), self.signatures, Form::Binary);
        if tail == Tail::Kept {
            frames.pop();
        }
        let mut is_written = alloc::vec![false; ops.len()];
        for frame in &frames {
            self.write_frame(&encode_ops(&frame.ops)?);
            self.ops += frame.ops.len() as u64;
            frame.members.iter().for_each(|at| is_written[*at] = true);
        }
        drop((frames, ops));
        self.window = window.into_iter().zip(is_written).filter(|(_, written)| !written).map(|(op, _)| op).collect();
        self.window_bytes = self.window.iter().map(|op| frame_bytes(&op.header, op.body.as_deref())).sum();
        self.kept = (self.window.len(), self.window_bytes);
        Ok(())
    }

    fn write_frame(&mut self, frame: &[u8]) {
        self.write(&(frame.len() as u32).to_be_bytes());
        self.write(frame);
    }

    fn write(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.out.extend_from_slice(bytes);
    }
}
