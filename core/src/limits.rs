//! Every bound of the protocol, each with its reason.
//!
//! Bounds exist so that no peer, file or program can make a replica spend more than a known amount of memory or time
//! on one thing. They are part of validity where ops.md says so, and then they never change for version 1.

/// A header's bytes: 32 parents, 32 bases, a 1 KiB key and the rest fit well below it.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// A body's bytes; larger content is a blob.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Members of `parents` and of `base`, each.
pub const LINKS_MAX: usize = 32;
/// Bytes of a branch or collection name and of an actor.
pub const NAME_BYTES_MAX: usize = 255;
/// Bytes of an entity's key.
pub const KEY_BYTES_MAX: usize = 1024;
/// Nesting of a JSON body: deeper documents are programs' mistakes or attacks.
pub const JSON_DEPTH_MAX: usize = 64;
/// Ops of one segment, and so of one transaction: what one signature may have to vouch for.
pub const SEGMENT_OPS_MAX: usize = 1024;
/// Header and body bytes of one segment.
pub const SEGMENT_BYTES_MAX: usize = 512 * 1024;
/// A frame's bytes, on every transport and in bundles.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Ops in one frame.
pub const FRAME_OPS_MAX: usize = 1024;
/// Ops that wait outside the graph, per repo.
pub const HOLD_OPS_MAX: usize = 4096;
/// Bytes of the ops that wait outside the graph, per repo.
pub const HOLD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Ops of one author that wait for the time to come.
pub const HOLD_AHEAD_PER_AUTHOR_MAX: usize = 128;
/// How far an op's clock may be ahead of ours: beyond what honest clocks differ by.
pub const CLOCK_AHEAD_MS_MAX: u64 = 300_000;
/// Sides that a conflict's record shows in full; all are counted.
pub const CONFLICT_SIDES_MAX: usize = 32;
/// Conflicts beneath a conflict that its record tells of: criss-crossed merges that nobody closed. Deeper ones are rare, and
/// each costs as much as the conflict itself.
pub const CONFLICT_LEVELS_MAX: usize = 16;
/// The greatest integer that every runtime's numbers hold exactly: 2^53 - 1.
pub const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;
/// The longest blob, in bytes.
pub const BLOB_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// The bytes of a blob that are moved, kept and fetched at once; a blob's last chunk may have fewer.
pub const BLOB_CHUNK_BYTES: usize = 256 * 1024;

const _: () = assert!(SEGMENT_BYTES_MAX >= HEADER_BYTES_MAX + BODY_BYTES_MAX, "any single op fits a segment");
const _: () = assert!(FRAME_BYTES_MAX >= 2 * SEGMENT_BYTES_MAX, "any segment fits a frame");
const _: () = assert!(FRAME_OPS_MAX >= SEGMENT_OPS_MAX, "any transaction fits a frame");
const _: () = assert!(FRAME_BYTES_MAX >= 2 * BLOB_CHUNK_BYTES, "any chunk fits a frame");
const _: () = assert!(HOLD_OPS_MAX >= FRAME_OPS_MAX, "any frame can wait");
const _: () = assert!(HEADER_BYTES_MAX > 2 * LINKS_MAX * 34 + KEY_BYTES_MAX + 4 * NAME_BYTES_MAX, "a full header fits");
