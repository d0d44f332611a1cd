//! A bundle: ops and the blobs that they name in a file, for carrying a repo by hand.
//!
//! The 8 bytes `trellis` and 0x01, then frames with a 4-byte big-endian length before each, and a last frame with the
//! count of ops and the BLAKE3 of all before it. The ops prove themselves; the hash says at once that a file is damaged
//! or cut short.

mod read;
mod write;

pub use read::{BundleReader, Progress, decode_bundle};
pub use write::BundleWriter;

pub use super::pack::Signatures;

use super::blob::BlobFault;
use super::ops::{OpsFault, OpsRefused};
use crate::op::id::OpId;
use crate::op::sign::Refused;

/// What a bundle begins with: a name and the version.
const MAGIC: [u8; 8] = *b"trellis\x01";
/// Bytes of the length before a frame.
const LENGTH_BYTES: usize = 4;

/// Why bytes are not a bundle. `at` is the offset of the frame in bytes, from the start of the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The first bytes are not those of a bundle.
    #[error("this is not a bundle")]
    NotABundle,
    /// A bundle of another version.
    #[error("this is a bundle of version {0}, which this program does not know")]
    Version(u8),
    /// The bytes end inside the frame at `at`, or before the last frame.
    #[error("the bundle is cut short: the frame at byte {at} is not whole")]
    Truncated {
        /// Where the frame begins that is not whole.
        at: u64,
    },
    /// A frame that is longer than frames may be.
    #[error("the frame at byte {at} of the bundle is longer than a frame may be")]
    TooLarge {
        /// Where it begins.
        at: u64,
    },
    /// A frame of a kind that this version does not know in bundles.
    #[error("the frame at byte {at} of the bundle is of the unknown kind {kind}")]
    UnknownFrame {
        /// Where it begins.
        at: u64,
        /// Its first byte.
        kind: u8,
    },
    /// A frame that is none.
    #[error("the frame at byte {at} of the bundle is damaged: {fault}")]
    Damaged {
        /// Where it begins.
        at: u64,
        /// What is wrong with it.
        fault: OpsFault,
    },
    /// A frame that is not the next piece of a blob, or one behind a blob that is not whole.
    #[error("the frame at byte {at} of the bundle is damaged: {fault}")]
    Blob {
        /// Where it begins.
        at: u64,
        /// What is wrong.
        fault: BlobFault,
    },
    /// A frame with ops of another repo than those before.
    #[error("the frame at byte {at} of the bundle is of another repo than those before it")]
    OtherRepo {
        /// Where it begins.
        at: u64,
    },
    /// The last frame is not a count and a hash.
    #[error("the last frame of the bundle, at byte {at}, is damaged")]
    BadEnd {
        /// Where it begins.
        at: u64,
    },
    /// The last frame's count is not that of the ops before it.
    #[error("the bundle says that it has {stated} ops, and has {counted}")]
    WrongCount {
        /// What the last frame says.
        stated: u64,
        /// How many there are.
        counted: u64,
    },
    /// The last frame's hash is not that of the bytes before it.
    #[error("the bundle is damaged: its bytes are not those that were written")]
    WrongHash,
    /// Bytes behind the last frame.
    #[error("something follows the end of the bundle, at byte {at}")]
    Trailing {
        /// Where it begins.
        at: u64,
    },
}

/// Why ops cannot be put into a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleRefused {
    /// An op that is none, or whose body is not its own.
    #[error(transparent)]
    Op(#[from] Refused),
    /// An op that no signature vouches for, or that depends on one. An op that only a signed one vouches for which
    /// depends on an op of another chain that depends on the first counts as such: no order of runs holds them.
    #[error("nothing that was given vouches for op {0} or for an op that it depends on")]
    NotCovered(OpId),
    /// Ops that are no batch.
    #[error(transparent)]
    Batch(#[from] OpsRefused),
    /// A piece that is not the next one of a blob.
    #[error(transparent)]
    Blob(#[from] BlobFault),
}
