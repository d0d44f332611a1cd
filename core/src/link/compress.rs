//! Frames made smaller: the capability `zstd`.
//!
//! A packed frame is the byte [`PACKED`] and a zstd frame of a whole `ops` or `blob` frame. The core knows no zstd: a
//! host that has it gives it, and both ends have to.

use alloc::vec::Vec;
use core::fmt;

use super::frame::FrameKind;
use crate::limits::FRAME_BYTES_MAX;

/// The capability.
pub const ZSTD: &str = "zstd";
/// The first byte of a packed frame.
pub const PACKED: u8 = 18;
/// Frames with fewer bytes go as they are: what is mostly ids and signatures does not get smaller.
const UNPACKED_BYTES_MAX: usize = 512;
/// How many times its own bytes a packed frame may come to. Whoever sends more means to fill a peer's memory.
pub const RATIO_MAX: usize = 16;

/// What a host compresses with: zstd (RFC 8878).
pub trait Compression: fmt::Debug + Send + Sync {
    /// Bytes as one zstd frame; none where it cannot.
    fn compress(&self, bytes: &[u8]) -> Option<Vec<u8>>;
    /// The bytes of one zstd frame; none where it is no such frame, or comes to more than `bytes_max` bytes. It never
    /// allocates more than that.
    fn decompress(&self, bytes: &[u8], bytes_max: usize) -> Option<Vec<u8>>;
}

/// A frame of ops or content, packed where that makes it smaller and a peer takes it.
pub(super) fn pack(compression: &dyn Compression, frame: Vec<u8>) -> Vec<u8> {
    if frame.len() <= UNPACKED_BYTES_MAX {
        return frame;
    }
    match compression.compress(&frame) {
        Some(packed) if packed.len() + 1 < frame.len() && frame.len() <= RATIO_MAX * packed.len() => {
            [&[PACKED], packed.as_slice()].concat()
        }
        _ => frame,
    }
}

/// The frame in a packed one; none where there is none, or one of another kind, or a bomb.
pub(crate) fn unpack(compression: &dyn Compression, packed: &[u8]) -> Option<Vec<u8>> {
    let packed = packed.strip_prefix(&[PACKED])?;
    let ratio = if planted!(BombUnpacked) { 64 * RATIO_MAX } else { RATIO_MAX };
    let most = FRAME_BYTES_MAX.min(ratio * packed.len());
    let frame = compression.decompress(packed, most)?;
    let kind = frame.first().and_then(|code| FrameKind::from_code(*code));
    matches!(kind, Some(FrameKind::Ops | FrameKind::Blob)).then_some(frame)
}
