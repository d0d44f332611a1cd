//! Runs in frames: as many as fit, none of them cut.

use alloc::vec::Vec;

use super::message::Form;
use super::ops::{continues, segment_bytes};
use crate::limits::{FRAME_BYTES_MAX, FRAME_OPS_MAX, SEGMENT_BYTES_MAX, SEGMENT_OPS_MAX};
use crate::op::sign::VerifiedOp;

/// What an op may take in a frame beyond its header and body: its signature, and longer forms of its clock and lengths.
const OP_BYTES_MORE: usize = 64 + 32;
/// What it may take beyond that in JSON, where 3 bytes take 4 characters: the names of its members.
const OP_TEXT_MORE: usize = 48;
/// What a frame may take beyond its ops.
const FRAME_BYTES_MORE: usize = 256;

// Whatever one signature may vouch for fits into a frame of either form.
const SEGMENT_FRAME_BYTES: usize = SEGMENT_BYTES_MAX + SEGMENT_OPS_MAX * OP_BYTES_MORE;
const _: () = assert!(SEGMENT_FRAME_BYTES + FRAME_BYTES_MORE <= FRAME_BYTES_MAX);
const _: () = assert!(text_bytes(SEGMENT_FRAME_BYTES, SEGMENT_OPS_MAX) + FRAME_BYTES_MORE <= FRAME_BYTES_MAX);

/// Which of the signatures that the ops have are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// All.
    All,
    /// Not those of ops that the next op of their chain follows at once, if one signature may vouch for both runs.
    /// Fewer bytes, and fewer signatures to check.
    Fewest,
}

/// A frame in the making.
#[derive(Default)]
pub(super) struct Packed<'a> {
    pub(super) ops: Vec<VerifiedOp<'a>>,
    /// Which ops of the window they are.
    pub(super) members: Vec<usize>,
    bytes: usize,
    /// Ops and bytes that the signature of the last op vouches for.
    segment: (usize, usize),
}

/// Puts whole runs into frames of a form, in their order.
pub(super) fn pack<'a>(
    ops: &[VerifiedOp<'a>],
    runs: &[Vec<usize>],
    signatures: Signatures,
    form: Form,
) -> Vec<Packed<'a>> {
    let mut frames = alloc::vec![Packed::default()];
    for members in runs {
        let run: Vec<VerifiedOp<'a>> = members.iter().map(|at| ops[*at].clone()).collect();
        let bytes = run.iter().map(|op| frame_bytes(op.header_bytes(), op.body())).sum();
        let bytes =
            if form == Form::Text && !planted!(JsonPackedAsFrames) { text_bytes(bytes, run.len()) } else { bytes };
        if frames.last().is_some_and(|frame| !frame.has_room(run.len(), bytes)) {
            frames.push(Packed::default());
        }
        if let Some(frame) = frames.last_mut() {
            frame.members.extend(members);
            frame.bytes += bytes;
            frame.push(run, signatures);
        }
    }
    frames.retain(|frame| !frame.ops.is_empty());
    frames
}

impl<'a> Packed<'a> {
    fn has_room(&self, ops: usize, bytes: usize) -> bool {
        self.ops.is_empty()
            || self.ops.len() + ops <= FRAME_OPS_MAX && self.bytes + bytes <= FRAME_BYTES_MAX - FRAME_BYTES_MORE
    }

    fn push(&mut self, run: Vec<VerifiedOp<'a>>, signatures: Signatures) {
        let (ops, bytes) = (run.len(), run.iter().map(segment_bytes).sum());
        let joined = (self.segment.0 + ops, self.segment.1 + bytes);
        let fits = joined.0 <= SEGMENT_OPS_MAX && joined.1 <= SEGMENT_BYTES_MAX;
        let follows = self.ops.last().zip(run.first()).is_some_and(|(last, first)| continues(last, first));
        if signatures == Signatures::Fewest && fits && follows {
            let last = self.ops.pop().map(VerifiedOp::without_signature);
            self.ops.extend(last);
            self.segment = joined;
        } else {
            self.segment = (ops, bytes);
        }
        self.ops.extend(run);
    }
}

/// The most that ops take in JSON, without copies for people, if they take so many bytes in a frame.
const fn text_bytes(bytes: usize, ops: usize) -> usize {
    bytes.div_ceil(3) * 4 + ops * OP_TEXT_MORE
}

/// The most that an op takes in a frame.
pub(super) fn frame_bytes(header: &[u8], body: Option<&[u8]>) -> usize {
    header.len() + body.map_or(0, <[u8]>::len) + OP_BYTES_MORE
}
