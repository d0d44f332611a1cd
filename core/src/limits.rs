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
/// Characters of the short name of another repo.
pub const ALIAS_BYTES_MAX: usize = 63;
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
/// Bytes of a frame of somebody who has not proved a key: a hello with all that it may hold, and little more.
pub const UNPROVEN_FRAME_BYTES_MAX: usize = 8 * 1024;
/// Ends of chains in one message: more of them go in pages, each far below a frame.
pub const FRAME_TIPS_MAX: usize = 1024;
/// Bytes of all heads in a `have` in JSON: a page of tips stands beside them in one frame.
pub const HEADS_BYTES_MAX: usize = 128 * 1024;
/// Ids, hashes and ranges in all lists of one message but those of tips together: what an answer may have to look up.
pub const FRAME_IDS_MAX: usize = 4096;
/// Patterns of an interest: each is compared with each branch.
pub const INTEREST_MAX: usize = 64;
/// Protocol versions of a hello.
pub const VERSIONS_MAX: usize = 8;
/// Capabilities of a hello.
pub const CAPABILITIES_MAX: usize = 16;
/// Bytes of a capability: a word.
pub const CAPABILITY_BYTES_MAX: usize = 32;
/// Bytes of an audience: a scheme, the longest name of a host, and a port.
pub const AUDIENCE_BYTES_MAX: usize = 300;
/// Bytes that an ephemeral message says: a cursor, a name, a colour. What is more is worth keeping, and an op.
pub const EPHEMERAL_BYTES_MAX: usize = 4 * 1024;
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
/// Bytes of `ops` and `blob` frames that a peer may have on the way: what a slow disk lets queue up.
pub const CREDIT_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of ops that are read at once to be sent.
pub const READ_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How long a handshake may take.
pub const AUTH_MS_MAX: u64 = 10_000;
/// How often a peer that says nothing is asked whether it is there.
pub const PING_MS: u64 = 20_000;
/// How many such questions it may leave without an answer.
pub const PINGS_MISSED_MAX: u32 = 2;
/// How often a replica says what it has although nothing happened: whatever was lost is found by then.
pub const HEARTBEAT_MS: u64 = 30_000;
/// How long nothing moves between peers that do not have the same until one says so.
pub const NUDGE_MS: u64 = 500;
/// How often it is said without anything changing: once in short, then by full ids.
pub const NUDGES_MAX: u32 = 4;
/// Messages that are neither ops nor content and that a peer may send at once: what paging and searching take, many times.
pub const TALK_BURST: u64 = 1000;
/// How many of these it may send in a second from then on.
pub const TALK_PER_SECOND: u64 = 50;
/// How many more it may send for each frame of ops or content that it was sent: an ack, and what it wants next.
pub const TALK_PER_FRAME: u64 = 2;
/// Ephemeral messages of a peer that are heard at once, and how many in a second from then on: a moving cursor, smoothly.
pub const EPHEMERAL_BURST: u64 = 64;
/// See [`EPHEMERAL_BURST`].
pub const EPHEMERAL_PER_SECOND: u64 = 32;
/// How many may join by one invitation: a class or a company; more are invited by several.
pub const INVITATION_USES_MAX: u32 = 1000;
/// Links that one key may open at a time: a device's programs, and one that has not heard yet that its last link is gone.
pub const LINKS_PER_KEY_MAX: usize = 4;
/// Peers of ended links of which it is remembered what they had.
pub const LINKS_REMEMBERED_MAX: usize = 1000;
/// Peers of which a store remembers when both last had the same.
pub const PEERS_REMEMBERED_MAX: usize = 1000;

const _: () = assert!(CREDIT_BYTES >= 2 * FRAME_BYTES_MAX as u64, "a frame can be on the way while one is stored");
const _: () = assert!(READ_BYTES_MAX >= SEGMENT_BYTES_MAX + BODY_BYTES_MAX, "what is read has a whole run");
const _: () = assert!(SEGMENT_BYTES_MAX >= HEADER_BYTES_MAX + BODY_BYTES_MAX, "any single op fits a segment");
const _: () = assert!(FRAME_BYTES_MAX >= 2 * SEGMENT_BYTES_MAX, "any segment fits a frame");
const _: () = assert!(FRAME_OPS_MAX >= SEGMENT_OPS_MAX, "any transaction fits a frame");
const _: () = assert!(
    FRAME_BYTES_MAX >= 2 * FRAME_TIPS_MAX * (NAME_BYTES_MAX + 128),
    "any page of tips fits a frame, in JSON too"
);
const _: () = assert!(FRAME_BYTES_MAX >= 2 * FRAME_IDS_MAX * 66, "any list of ids fits a frame, in JSON too");
const _: () = assert!(
    UNPROVEN_FRAME_BYTES_MAX > 2 * (AUDIENCE_BYTES_MAX + CAPABILITIES_MAX * (CAPABILITY_BYTES_MAX + 2) + 512),
    "any hello, welcome and auth fit, in JSON too"
);
const _: () = assert!(FRAME_BYTES_MAX >= 2 * BLOB_CHUNK_BYTES, "any chunk fits a frame");
const _: () = assert!(HOLD_OPS_MAX >= FRAME_OPS_MAX, "any frame can wait");
const _: () = assert!(HEADER_BYTES_MAX > 2 * LINKS_MAX * 34 + KEY_BYTES_MAX + 4 * NAME_BYTES_MAX, "a full header fits");
