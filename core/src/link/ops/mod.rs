//! The `ops` frame: a batch of chain runs in dependency order, with whatever the receiver can compute left out.
//!
//! A run is a stretch of one author's chain on one branch that ends in its only signed op. Ops are written field by
//! field in columns; ids are never written for ops that are in the frame. The receiver rebuilds every header byte for
//! byte, op by op, because the id of one is a field of the next.
//!
//! One batch has one encoding, and the reader accepts no other.

mod read;
mod shape;
mod write;

pub use read::{Batch, RebuiltBatch, decode_ops, decode_ops_on_link};
pub(in crate::link) use read::{author, refer, text};
pub(in crate::link) use write::{Columns, continues, segment_bytes};
pub use write::{encode_ops, encode_ops_on_link};

use crate::limits::{FRAME_BYTES_MAX, FRAME_OPS_MAX};
use crate::op::cbor::CborError;
use crate::op::header::HeaderError;
use crate::op::id::OpId;

/// The columns of the frame's body, a map: where the repo stands, then one byte string for each column.
mod field {
    pub(super) const REPO: u64 = 0;
    pub(super) const RUNS: u64 = 1;
    pub(super) const SHAPES: u64 = 2;
    pub(super) const TIMES: u64 = 3;
    pub(super) const COUNTERS: u64 = 4;
    pub(super) const KEYS: u64 = 5;
    pub(super) const PARENTS: u64 = 6;
    pub(super) const BASES: u64 = 7;
    pub(super) const BODIES: u64 = 8;
    pub(super) const SIGNATURES: u64 = 9;
    /// On a link alone: no column, but an array of the batch's number, whether more follow, and the bytes sent before.
    pub(super) const ON_LINK: u64 = 10;
    /// Pairs of a map without the repo, in a bundle.
    pub(super) const COLUMNS: usize = 9;
}

/// What an `ops` frame says on a link beside its ops, and in a bundle never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnLink {
    /// Counts the batches of the link.
    pub batch: u64,
    /// Whether more follow at once.
    pub more: bool,
    /// All bytes of `ops` and `blob` frames that the sender has sent on the link before this frame.
    pub sent: u64,
}

/// Whether the reader of a frame has an op, and no other one with the same half of an id.
pub type IsKnown<'k> = dyn Fn(&OpId) -> bool + 'k;
/// The op whose id begins with a half, for who has just one such op.
pub type ByHalf<'k> = dyn Fn(&[u8; 16]) -> Option<OpId> + 'k;

/// Bits of an hlc that count within a millisecond.
const COUNTER_BITS: u32 = 16;

/// Why bytes are not an `ops` frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpsFault {
    /// Another kind of frame, or no byte at all.
    #[error("this is not an ops frame")]
    NotOps,
    /// More than [`FRAME_BYTES_MAX`] bytes, or ops that are more than that when they are whole.
    #[error("the frame or the ops in it are longer than {FRAME_BYTES_MAX} bytes")]
    TooLong,
    /// More than [`FRAME_OPS_MAX`] ops.
    #[error("the frame has more than {FRAME_OPS_MAX} ops")]
    TooManyOps,
    /// No op.
    #[error("the frame has no op")]
    Empty,
    /// Not deterministic CBOR, or not of the frame's shape.
    #[error("the frame is not deterministic CBOR: {0}")]
    Cbor(#[from] CborError),
    /// A field of the frame's map is absent, or does not belong there.
    #[error("the frame's fields are not those of an ops frame")]
    Fields,
    /// A shape lacks its collection or kind, or has a header key that is none of a shape's.
    #[error("a shape has a header key that does not belong there, or lacks one")]
    Shape,
    /// A run without ops.
    #[error("a run has no ops")]
    EmptyRun,
    /// A run whose headers and bodies exceed what one signature may vouch for.
    #[error("a run is longer than a segment may be")]
    RunTooLong,
    /// Fewer or more signatures than runs.
    #[error("every run has exactly one signature, that of its last op")]
    Signatures,
    /// A reference to a value that has not come yet.
    #[error("a number refers to nothing that came before")]
    Reference,
    /// Half an id that is not that of just one op here: the frame may be one for somebody else.
    #[error("half an id is not that of just one op that is here")]
    UnknownHalf,
    /// A value written whole that came before.
    #[error("a value is written out that came before")]
    Repeated,
    /// An op that is there twice, or that comes after an op which depends on it.
    #[error("the ops are not in dependency order, or one is there twice")]
    Order,
    /// A clock beyond what an hlc can be.
    #[error("a clock is out of its bounds")]
    Clock,
    /// Fields that no header may have.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// Why ops cannot be one `ops` frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpsRefused {
    /// No op.
    #[error("there is no op to write")]
    Empty,
    /// More than [`FRAME_OPS_MAX`] ops.
    #[error("a frame has at most {FRAME_OPS_MAX} ops")]
    TooManyOps,
    /// More than [`FRAME_BYTES_MAX`] bytes.
    #[error("a frame and the ops in it have at most {FRAME_BYTES_MAX} bytes each")]
    TooLong,
    /// An op without a signature that is not followed by the next of its chain.
    #[error("op {0} has no signature, and the op behind it does not continue its chain")]
    NoSignature(OpId),
    /// Ops before a signed one that are more than one signature may vouch for.
    #[error("too much stands between op {0} and the signature before it")]
    RunTooLong(OpId),
    /// An op of another repo, or a genesis that is not the first op.
    #[error("op {0} is of another repo than the first")]
    OtherRepo(OpId),
    /// An op that is there twice, or that comes after an op which depends on it.
    #[error("op {0} is there twice, or stands behind an op that depends on it")]
    Order(OpId),
    /// An op with a `prev` at `seq` 1, or without one beyond: never valid, so never sent.
    #[error("op {0} has no place in a chain")]
    NoPlace(OpId),
}
