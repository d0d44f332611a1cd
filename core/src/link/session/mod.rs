//! A session: what two peers that know each other tell one another about one repo until both have the same, and from
//! then on.
//!
//! Each says what it has by the ends of its chains, and is sent at once what it lacks. Whatever arrives is acknowledged
//! when it is durable. A session decides what to say and reads nothing but the graph: its host's machine reads ops from
//! the store, takes ops in, and moves the bytes.

mod content;
mod ground;
mod hear;
mod outgoing;
mod presence;
mod quiet;
mod ready;
mod say;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use self::content::Content;
pub use self::content::{Kept, Piece};
pub use self::ground::Ground;
use self::outgoing::Outgoing;
pub use self::ready::ReadOps;
use crate::limits::{CREDIT_BYTES, EPHEMERAL_BURST, EPHEMERAL_PER_SECOND, TALK_BURST, TALK_PER_SECOND};
use crate::link::bucket::Bucket;
use crate::link::compress::{Compression, ZSTD, unpack};
use crate::link::handshake::Peer;
use crate::link::message::{
    Blob, BlobWant, Ephemeral, Form, Frame, Message, Nack, Reason, StateHash, Tip, TroubleCode,
};
use crate::link::ops::{OnLink, RebuiltBatch};
use crate::link::reach::Reach;
use crate::link::theirs::Theirs;
use crate::log::graph::{Graph, Node};
use crate::op::id::{ContentHash, OpId};
use crate::op::sign::RebuiltOp;
use crate::ordered::{Map, Set};
use crate::time::Millis;

/// What a session wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Send a frame.
    Send(Frame),
    /// Read these ops from the store, in this order, and answer with [`Session::on_read`].
    Read(Vec<Node>),
    /// Take these ops in, and answer with [`Session::on_taken`] when they are durable.
    Take(Batch),
    /// Read a piece of a blob, and answer with [`Session::on_piece`].
    ReadPiece(BlobWant),
    /// Keep a piece of a blob, and answer with [`Session::on_kept`] when it is durable.
    Keep {
        /// The piece.
        blob: Blob,
        /// What the peer had sent by then, in bytes.
        upto: u64,
        /// The bytes of its frame.
        bytes: u64,
    },
    /// The peer refuses ops, or gives them no effect.
    Nacked(Nack),
    /// Something about what the peer has durably has changed.
    Acknowledged,
    /// Both have the same.
    InSync,
    /// The peer says something that nobody keeps.
    Present(Ephemeral),
    /// End the link, and tell the peer why.
    End(TroubleCode),
    /// The peer ended the link, because of this trouble if there was any.
    Ended(Option<TroubleCode>),
}

/// Ops that came in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The ops.
    pub ops: Vec<RebuiltOp>,
    /// What the peer had sent by then, in bytes.
    pub upto: u64,
    /// The frame's bytes.
    pub bytes: u64,
    /// Whether more follow at once.
    pub more: bool,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// What the peer had sent by then, in bytes.
    pub upto: u64,
    /// The frame's bytes.
    pub bytes: u64,
    /// Whether more follow at once.
    pub more: bool,
    /// Ops that are here now.
    pub here: Vec<Node>,
    /// What ops that wait are waiting for.
    pub missing: Vec<OpId>,
    /// Ops that are invalid, or have no effect.
    pub rejected: Vec<(OpId, Reason)>,
    /// The head of the line that some of them do not continue.
    pub head: Option<OpId>,
    /// Blobs that they name.
    pub blobs: Vec<ContentHash>,
}

/// How far a link is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Ops that wait to be sent.
    pub pending: u64,
    /// Ops that were sent and are not acknowledged.
    pub unacked: u64,
    /// Ops that the peer has at least and that are not here.
    pub behind_by: u64,
    /// When the last ack came.
    pub last_ack_at: Option<Millis>,
    /// Ops that came on this link.
    pub ops_in: u64,
    /// Ops that went out on it.
    pub ops_out: u64,
    /// Bytes of ops and blobs that came on it.
    pub bytes_in: u64,
    /// Bytes of ops and blobs that went out.
    pub bytes_out: u64,
}

/// How many states are remembered that a peer was told.
const TOLD_BEFORE_MAX: usize = 16;

/// What one replica knows of another beyond a link: it may be wrong, and then costs a round.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    theirs: Theirs,
    told: Told,
    equal: Option<Equal>,
    talk: Option<Bucket>,
}

impl Memory {
    /// Nothing is known but a time when both had the same.
    pub fn of(equal: Equal) -> Memory {
        let mut theirs = Theirs::default();
        theirs.is_equal_to(equal.ops);
        theirs.state = Some(equal.state);
        let told = Told { state: Some(equal.state), ops: equal.ops };
        Memory { theirs, told, equal: Some(equal), talk: None }
    }

    /// When both last had the same.
    pub fn equal(&self) -> Option<Equal> {
        self.equal
    }
}

/// A time when two peers had the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equal {
    /// What it came to.
    pub state: StateHash,
    /// How many ops that was, of those that the link is about: the first of this replica.
    pub ops: usize,
}

/// What the peer was told of this replica.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// The state; none where it was told nothing, or did not keep it.
    state: Option<StateHash>,
    /// How many ops of those that the link is about that was.
    ops: usize,
}

/// What a peer said to have.
#[derive(Debug, Clone)]
enum Said {
    /// Nothing on this link.
    Nothing,
    /// All that is known of it.
    All,
    /// These ends of chains, beside what it has on a disk.
    Ends(Vec<Tip>),
}

/// The session of a link.
#[derive(Debug, Clone)]
pub struct Session {
    peer: Peer,
    form: Form,
    theirs: Theirs,
    /// What the peer has on a disk.
    durable: Theirs,
    /// What it said to have and has not said to have on a disk yet. What a link before this one left counts only once the
    /// peer has said on this one that it is still so.
    said: Said,
    /// The state of all that it has on a disk.
    durable_state: Option<StateHash>,
    /// So many of the first ops that the link is about are all on its disk.
    durable_ops: usize,
    lacks_bodies: Set<OpId>,
    content: Content,
    told: Told,
    /// When both last had the same: what either knows of the other is at least that, whatever else it forgot.
    equal: Option<Equal>,
    /// How much it may still say.
    talk: Bucket,
    /// How much of its presence is still heard.
    presence: Bucket,
    /// What frames are packed with, where both can.
    compression: Option<&'static dyn Compression>,
    /// What it was told before that: its word that it knows one of these may have crossed a later one of ours.
    told_before: VecDeque<StateHash>,
    outgoing: Outgoing,
    /// Ops that are being read.
    reading: Option<Vec<Node>>,
    /// Frames that wait for credit.
    waiting: VecDeque<Vec<u8>>,
    sent: u64,
    allowed: u64,
    received: u64,
    handled: u64,
    batches_open: usize,
    pieces_open: usize,
    /// The bytes of these, whatever the peer says that it sent.
    bytes_open: u64,
    /// Whether the peer was told on this link what is durable here.
    has_acked: bool,
    batch: u64,
    round: u64,
    /// Whether the pages of a have are still coming.
    is_paging: bool,
    asked: Map<OpId, u64>,
    /// What ops of the peer's waited for when that was last looked at.
    missing: Vec<OpId>,
    /// Since when nothing is on its way although the two do not have the same.
    differs_since: Option<Millis>,
    /// How often that was said since something last changed.
    nudges: u32,
    /// Whether ends of chains are named by full ids, since halves did not lead to equal states.
    is_searching: bool,
    /// Whether the peer last named its ends by full ids: then it may find no ops by half.
    wants_whole_ids: bool,
    is_in_sync: bool,
    heard_at: Millis,
    pinged_at: Millis,
    pings_open: u32,
    have_at: Millis,
    progress: Progress,
    out: Vec<Act>,
}

impl Session {
    /// A session that begins now. `memory` is what an earlier link with this peer left.
    pub fn new(peer: Peer, form: Form, memory: Memory, now: Millis) -> Session {
        Session {
            peer,
            form,
            theirs: memory.theirs,
            durable: Theirs::default(),
            said: Said::Nothing,
            durable_state: None,
            durable_ops: 0,
            lacks_bodies: Set::new(),
            content: Content::default(),
            told: memory.told,
            equal: memory.equal,
            talk: memory.talk.unwrap_or_else(|| Bucket::new(TALK_BURST, TALK_PER_SECOND, now)),
            presence: Bucket::new(EPHEMERAL_BURST, EPHEMERAL_PER_SECOND, now),
            compression: None,
            told_before: VecDeque::new(),
            outgoing: Outgoing::default(),
            reading: None,
            waiting: VecDeque::new(),
            sent: 0,
            allowed: CREDIT_BYTES,
            received: 0,
            handled: 0,
            batches_open: 0,
            pieces_open: 0,
            bytes_open: 0,
            has_acked: false,
            batch: 0,
            round: 0,
            is_paging: false,
            asked: Map::new(),
            missing: Vec::new(),
            differs_since: None,
            nudges: 0,
            is_searching: false,
            wants_whole_ids: false,
            is_in_sync: false,
            heard_at: now,
            pinged_at: now,
            pings_open: 0,
            have_at: now,
            progress: Progress::default(),
            out: Vec::new(),
        }
    }

    /// Packs what goes out, and unpacks what comes, if the peer can do that too.
    pub fn compress_with(mut self, compression: Option<&'static dyn Compression>) -> Session {
        let is_shared = self.peer.capabilities.iter().any(|word| word == ZSTD);
        self.compression = compression.filter(|_| is_shared);
        self
    }

    /// The frame in a packed one; none where there is none, or where the two have not agreed on that.
    pub fn unpack(&self, packed: &[u8]) -> Option<Vec<u8>> {
        unpack(self.compression?, packed)
    }

    /// The peer.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Says whose session it is, where that was not known from the start.
    pub fn set_peer(&mut self, peer: Peer) {
        self.peer = peer;
    }

    /// When the peer last said something.
    pub fn heard_at(&self) -> Millis {
        self.heard_at
    }

    /// How much the peer may still say.
    pub(crate) fn talk(&self) -> Bucket {
        self.talk
    }

    /// Says how much the peer may still say, where it talks on other links too.
    pub(crate) fn set_talk(&mut self, talk: Bucket) {
        self.talk = talk;
    }

    /// What an ended session leaves for the next one with this peer.
    pub fn into_memory(self) -> Memory {
        Memory { theirs: self.theirs, told: self.told, equal: self.equal, talk: Some(self.talk) }
    }

    /// What the link is about is no longer what it was: all that is known of the peer's ops, and that it knows of these, is
    /// void.
    pub fn begin_anew(&mut self) {
        self.theirs.clear();
        (self.durable, self.durable_state, self.durable_ops) = (Theirs::default(), None, 0);
        self.said = Said::Nothing;
        self.told = Told::default();
        self.told_before.clear();
        self.equal = None;
        self.outgoing.begin_anew();
        (self.is_searching, self.is_in_sync, self.has_acked) = (false, false, false);
    }

    /// How far it is.
    pub fn progress(&self, graph: &Graph) -> Progress {
        Progress {
            pending: self.outgoing.len() as u64,
            behind_by: self.theirs.ops_ahead(graph),
            bytes_in: self.received,
            bytes_out: self.sent,
            ..self.progress
        }
    }

    /// Whether the peer has an op on its disk, with its body and these blobs, which the body names.
    pub fn has_durably(&self, graph: &Graph, reach: &Reach, node: Node, blobs: &[ContentHash]) -> bool {
        if planted!(SentCountsAsKept) && self.outgoing.is_given(node) {
            return true;
        }
        let is_among_first = reach.rank(node).is_some_and(|rank| rank < self.durable_ops);
        let is_acked = is_among_first || self.durable.has_for_certain(graph, node);
        let has_body = planted!(MissingBodiesCount) || !self.lacks_bodies.contains(&graph.id(node));
        is_acked && has_body && !self.content.peer_lacks_any(blobs)
    }

    /// Takes what is to be done.
    pub fn take_acts(&mut self) -> Vec<Act> {
        core::mem::take(&mut self.out)
    }

    /// Takes a message.
    pub fn on_message(&mut self, message: Message, frame_bytes: usize, ground: &Ground<'_>) {
        let has_credit = matches!(message, Message::Ops(_) | Message::Blob(_));
        if !self.hear(has_credit, ground) {
            return;
        }
        match message {
            Message::Have(have) => self.on_have(&have, ground),
            Message::Want(want) => self.on_want(&want, ground),
            Message::Ops(ops) => {
                let on_link = ops.on_link();
                let rebuilt = ops.ops.iter().filter_map(|op| op.rehash().ok()).map(|op| RebuiltOp::of(&op));
                self.take(on_link, RebuiltBatch { repo: ops.repo, ops: rebuilt.collect() }, frame_bytes, ground);
            }
            Message::Blob(blob) => self.on_blob(blob, frame_bytes),
            Message::Ack(ack) => self.on_ack(&ack, ground),
            Message::Nack(nack) => self.on_nack(nack, ground),
            Message::Missing(missing) => {
                self.on_missing(&missing);
                self.go_on(ground);
            }
            Message::Ping(number) => self.say(&Message::Pong(number)),
            Message::Pong(_) => {}
            Message::Error(trouble) => self.out.push(Act::Ended(Some(trouble.code))),
            Message::Bye => self.out.push(Act::Ended(None)),
            Message::Hello(_) | Message::Welcome(_) | Message::Auth(_) => self.end(TroubleCode::Malformed),
            Message::Ephemeral(ephemeral) => self.on_presence(ephemeral, ground.now),
        }
    }

    /// Takes a frame of ops that were rebuilt from it.
    pub fn on_ops(&mut self, on_link: OnLink, batch: RebuiltBatch, frame_bytes: usize, ground: &Ground<'_>) {
        if self.hear(true, ground) {
            self.take(on_link, batch, frame_bytes, ground);
        }
    }

    /// A batch came that names by half what is not here, or not alone with that half. It counts as lost, and the peer is told
    /// by full ids what is here, so that it sends the ops again and names others as it is told.
    pub fn on_unknown_half(&mut self, ground: &Ground<'_>) {
        if self.hear(false, ground) && !self.is_searching && !planted!(UnknownHalfKeptSecret) {
            self.is_searching = true;
            self.say_have(ground);
        }
    }

    /// The peer is there. False where it says more than it may, which only credit allows.
    fn hear(&mut self, has_credit: bool, ground: &Ground<'_>) -> bool {
        self.heard_at = ground.now;
        self.pings_open = 0;
        self.theirs.resolve(ground.graph);
        let may = has_credit || self.talk.take(ground.now) || planted!(TalkUnbounded);
        if !may {
            self.end(TroubleCode::RateLimited);
        }
        may
    }

    pub(super) fn end(&mut self, code: TroubleCode) {
        self.out.push(Act::End(code));
    }
}
