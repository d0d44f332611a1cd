//! What two peers say to each other (protocol.md): one type for each message.
//!
//! A message has two forms: one byte of type and deterministic CBOR ([`Message::encode`], [`Message::decode`]), and JSON
//! for people and for clients without CBOR ([`Message::to_json`], [`Message::from_json`]). Both have the same fields and
//! bounds, and are written in one way.
//!
//! A message holds no state about its receiver that a lost, repeated or reordered one could falsify: any may be sent
//! again at any time.

mod bounds;
mod cbor;
mod fault;
mod form;
mod json;
mod names;
mod shape;
mod wire;
mod words;

use alloc::string::String;
use alloc::vec::Vec;

use super::frame::FrameKind;
use crate::log::row::StoredOp;
use crate::op::id::{Author, ContentHash, OpId, RepoId};
use crate::op::invitation::InvitationProof;
use crate::op::sign::Signature;
use crate::time::Millis;

pub use bounds::check_on_link;
pub use fault::{MessageFault, MessageRefused, OutOfBounds};
pub use wire::{Form, Frame};

/// One message of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// What the initiator speaks, and which repo it means.
    Hello(Hello),
    /// The responder's answer, and proof of its key.
    Welcome(Welcome),
    /// The initiator's proof of its key.
    Auth(Auth),
    /// What the sender has.
    Have(Have),
    /// What the sender lacks.
    Want(Want),
    /// Ops.
    Ops(Ops),
    /// A piece of a blob.
    Blob(Blob),
    /// What the sender has durably.
    Ack(Ack),
    /// What the sender refuses, or withholds the effect of.
    Nack(Nack),
    /// What was wanted and is not here.
    Missing(Missing),
    /// Presence: neither stored nor passed on.
    Ephemeral(Ephemeral),
    /// Trouble of the link itself.
    Error(Trouble),
    /// Is anybody there?
    Ping(u64),
    /// The answer to a `Ping`, with its number.
    Pong(u64),
    /// A clean end.
    Bye,
}

impl Message {
    /// What kind of frame it is.
    pub fn kind(&self) -> FrameKind {
        match self {
            Message::Hello(_) => FrameKind::Hello,
            Message::Welcome(_) => FrameKind::Welcome,
            Message::Auth(_) => FrameKind::Auth,
            Message::Have(_) => FrameKind::Have,
            Message::Want(_) => FrameKind::Want,
            Message::Ops(_) => FrameKind::Ops,
            Message::Blob(_) => FrameKind::Blob,
            Message::Ack(_) => FrameKind::Ack,
            Message::Nack(_) => FrameKind::Nack,
            Message::Missing(_) => FrameKind::Missing,
            Message::Ephemeral(_) => FrameKind::Ephemeral,
            Message::Error(_) => FrameKind::Error,
            Message::Ping(_) => FrameKind::Ping,
            Message::Pong(_) => FrameKind::Pong,
            Message::Bye => FrameKind::Bye,
        }
    }
}

/// The name of a repo on the wire: the first 16 bytes of BLAKE3 of `"trellis/tag/1\n"` and the repo's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoTag(pub [u8; 16]);

/// What a set of ops comes to: BLAKE3 of `"trellis/state/1\n"` and the sorted ids of its chain ends. Equal states, equal
/// sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateHash(pub [u8; 32]);

impl StateHash {
    /// Its name between two that both know it.
    pub fn half(&self) -> StateHalf {
        StateHalf(*self.0.first_chunk().expect("a state has two halves"))
    }
}

/// The first half of a state that its receiver knows: its own, or one that it said to know. Whoever takes one state for
/// another costs its own link a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateHalf(pub [u8; 16]);

/// The first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The protocol versions that the sender speaks, ascending.
    pub versions: Vec<u64>,
    /// 256 random bits.
    pub nonce: [u8; 32],
    /// Whom the sender means to speak to: the expected key in hex, or the origin that it dialled.
    pub audience: String,
    /// What else it can do, ascending.
    pub capabilities: Vec<String>,
    /// The repo; none where the sender has none yet and takes the one that it is offered.
    pub tag: Option<RepoTag>,
}

/// The answer to a [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The version that is spoken from here on.
    pub version: u64,
    /// 256 random bits.
    pub nonce: [u8; 32],
    /// Who the sender is.
    pub key: Author,
    /// The capabilities of the hello that it shares, ascending.
    pub capabilities: Vec<String>,
    /// The longest frame that it takes, in bytes.
    pub frame_bytes_max: u64,
    /// The sender's time.
    pub time: Millis,
    /// Its signature of the transcript up to here.
    pub signature: Signature,
}

/// Proof of who the initiator is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Who the sender is.
    pub key: Author,
    /// Its signature of the transcript up to here.
    pub signature: Signature,
    /// An invitation, where it is no member yet.
    pub invitation: Option<InvitationProof>,
}

/// The last op of a chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tip {
    /// The branch.
    pub branch: String,
    /// The author.
    pub author: Author,
    /// Its place in the chain.
    pub seq: u32,
    /// Its id, or the first half of it.
    pub id: TipId,
}

/// How a tip names its op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TipId {
    /// By the first half of its id, which tells it from any other that the peers may have there.
    Short([u8; 16]),
    /// By its id: where halves did not lead to equal states.
    Full(OpId),
}

impl TipId {
    /// The first half of an id.
    pub fn of(id: &OpId) -> TipId {
        TipId::Short(id.half())
    }
}

/// Bodies and blobs that are not here although what names them is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Without {
    /// Ops whose body is not here.
    pub ops: Vec<OpId>,
    /// Blobs.
    pub blobs: Vec<ContentHash>,
}

/// What the sender has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Have {
    /// The branches that it syncs, as patterns; none means all.
    pub interest: Vec<String>,
    /// What its ops within the interest come to; none where that is `since`, or where it cannot tell.
    pub state: Option<StateHash>,
    /// Heads by branch, branches ascending, of each the greatest first; optional, for those who do not know chains.
    pub heads: Vec<(String, Vec<OpId>)>,
    /// How many ops it has.
    pub op_count: u64,
    /// The ends of its chains: all of them, or with `since` those that moved.
    pub tips: Vec<Tip>,
    /// The state of the sender on top of which the tips stand: one that the receiver said it knows.
    pub since: Option<StateHalf>,
    /// The last state of the receiver that the sender knows in full.
    pub knows: Option<StateHalf>,
    /// Bodies and blobs that it would take.
    pub without: Without,
    /// Counts the haves of this link.
    pub round: u64,
    /// Whether more tips of the same state follow in another have.
    pub more: bool,
    /// All bytes of `ops` and `blob` frames that it has sent on this link.
    pub sent: u64,
}

/// A stretch of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The branch.
    pub branch: String,
    /// The author.
    pub author: Author,
    /// The first place.
    pub from: u32,
    /// The last place.
    pub to: u32,
}

/// A piece of a blob that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobWant {
    /// The blob.
    pub blob: ContentHash,
    /// From this byte on.
    pub from: u64,
}

/// What the sender lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// Stretches of chains.
    pub ranges: Vec<Range>,
    /// Ops.
    pub ids: Vec<OpId>,
    /// Ops whose bodies are wanted.
    pub bodies: Vec<OpId>,
    /// Blobs.
    pub blobs: Vec<BlobWant>,
    /// Everything that is not in the causal past of this op.
    pub after: Option<OpId>,
}

/// Ops, in chain runs and dependency order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ops {
    /// Counts the batches of this link.
    pub batch: u64,
    /// Whether more follow at once.
    pub more: bool,
    /// All bytes of `ops` and `blob` frames that the sender has sent on this link before this frame.
    pub sent: u64,
    /// The repo that all of them name.
    pub repo: RepoId,
    /// At least one op.
    pub ops: Vec<StoredOp>,
}

/// A piece of a blob's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The blob.
    pub blob: ContentHash,
    /// Its length, in bytes.
    pub len: u64,
    /// Where in the content the piece begins, in bytes.
    pub offset: u64,
    /// The piece.
    pub bytes: Vec<u8>,
    /// As in [`Ops::sent`].
    pub sent: u64,
}

/// How safe something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It is in memory.
    Memory,
    /// It survives the end of a process.
    Os,
    /// It is committed and synced to a disk.
    Disk,
}

/// What the sender has durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The ends of chains that moved since its last ack or have on this link.
    pub ends: Vec<Tip>,
    /// What it has not of these ops.
    pub without: Without,
    /// How safe they are.
    pub level: Level,
    /// All bytes that the receiver may have sent on this link; never falls.
    pub credit: u64,
    /// The last state of the receiver that the sender knows in full.
    pub knows: Option<StateHalf>,
    /// The state of the sender with all that it acknowledged; none where that is `knows`: both then have the same.
    pub state: Option<StateHash>,
    /// The ops of the last batch by id; optional, for those who do not know chains.
    pub integrated: Vec<OpId>,
}

/// Why an op is refused, or has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// No replica admits it; nor what depends on it.
    Invalid,
    /// Its author may not do that.
    NotPermitted,
    /// It does not continue the line of a linear branch.
    NotFastForward,
}

/// What the sender refuses, or withholds the effect of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nack {
    /// The ops, each with its reason.
    pub ops: Vec<(OpId, Reason)>,
    /// The head of the line, where a reason is [`Reason::NotFastForward`].
    pub head: Option<OpId>,
}

/// What was wanted and is not here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Ops, or their bodies.
    pub ids: Vec<OpId>,
    /// Blobs.
    pub blobs: Vec<ContentHash>,
}

/// Presence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ephemeral {
    /// What it is about.
    pub topic: String,
    /// What is said.
    pub bytes: Vec<u8>,
    /// The sender's signature of `"trellis/ephemeral/1\n"`, the link's transcript, the topic behind its length, and the
    /// bytes.
    pub signature: Signature,
}

/// Trouble of the link itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What it is.
    pub code: TroubleCode,
    /// When it may be worth trying again, in milliseconds from now.
    pub retry_after: Option<Millis>,
}

/// What kind of trouble a link has. The numbers on the wire are promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TroubleCode {
    /// Bytes that are no message, or a message that has no place there.
    Malformed,
    /// No version in common.
    Version,
    /// The proof does not hold, or the repo is not shown to this key: which of them is not said.
    AuthFailed,
    /// Both have a repo, and not the same.
    RepoMismatch,
    /// Rounds go by and nothing changes.
    NoProgress,
    /// More than this peer takes: of frames, of links, of bytes.
    RateLimited,
    /// The repo is full here.
    QuotaExceeded,
    /// The disk here is full or fails.
    StorageFull,
    /// Nothing was heard for too long.
    Timeout,
}
