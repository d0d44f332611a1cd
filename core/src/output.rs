//! What the machine asks of its host, and what it answers.

use alloc::string::String;
use alloc::vec::Vec;

pub use crate::admit::authority::Invitation;
use crate::admit::intrinsic::Invalid;
pub use crate::admit::members::{Joined, Member};
use crate::error::CommandError;
use crate::input::{Frame, LinkId, Mark, Remembered, Request, Ticket};
pub use crate::link::message::{Nack, Reason, TroubleCode};
pub use crate::link::session::Progress;
pub use crate::log::fork::{Fork, ForkProof};
use crate::log::row::{Place, Row, StoredOp};
use crate::merge::conflict::Conflict;
use crate::merge::entity::Shown;
use crate::op::id::{Author, ContentHash, OpId, RepoId};
use crate::op::json::Value;
use crate::op::kind::Kind;
use crate::ordered::Map;
use crate::time::{Hlc, Millis};
use crate::view::files::{FileError, Tree};
use crate::view::plan::Plan;

/// One output of a step. Outputs may be carried out in any order, but the store gets its `Persist`s and `Load`s in the
/// order in which they came: a `Load` reads what an earlier `Persist` wrote, committed or not.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Sign this message with the key of `author`, and answer with `Input::Signed`.
    Sign {
        /// What to answer with.
        ticket: Ticket,
        /// Whose key.
        author: Author,
        /// What to sign.
        message: Vec<u8>,
    },
    /// Make a new key, keep it and the old one durably, and answer with `Input::KeyMade`.
    MakeKey {
        /// What to answer with.
        ticket: Ticket,
    },
    /// Write this row in one transaction, and answer with `Input::Persisted` or `Input::PersistFailed`. Rows are
    /// written in the order of their `seq`.
    Persist(Ticket, Row),
    /// Read, and answer with `Input::Loaded`.
    Load(Ticket, Query),
    /// The answer to a command; exactly one for each.
    Reply(Request, Result<Answer, CommandError>),
    /// Keep a piece of a blob behind those that came before it, and answer with `Input::PieceKept` when it is durable. With
    /// its last piece a blob is whole, if it has its name; else nothing of it is kept.
    KeepPiece(Ticket, BlobPart),
    /// Remember this of a peer in place of what was remembered before. Nothing waits for it, and nothing is lost where it
    /// is forgotten.
    Remember(Author, Remembered),
    /// Send a frame on a link, behind those that came before it.
    Send(LinkId, Frame),
    /// Close a link when everything was sent. Nothing more is said about it.
    Close(LinkId),
    /// Something that nobody asked for happened.
    Emit(Event),
}

/// What to read from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Rows behind this local sequence, in order, without bodies; as many as the host likes at once.
    Rows {
        /// The last one that is known.
        after: u32,
    },
    /// These ops, whole.
    Ops(Vec<StoredAt>),
    /// The first of these ops, whole: at least one, and no more when they have so many bytes.
    OpsUpTo {
        /// The ops.
        ops: Vec<StoredAt>,
        /// The bytes.
        bytes_max: usize,
    },
    /// All blobs that bodies name and that are not here, and how many bytes of each are.
    LackingBlobs,
    /// Those of these blobs that are not here, in the same way.
    AbsentBlobs(Vec<ContentHash>),
    /// What is remembered of peers.
    Peers,
    /// A chunk of a blob.
    BlobPiece {
        /// The blob.
        blob: ContentHash,
        /// Where it begins: a whole number of chunks.
        from: u64,
    },
}

/// A piece of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobPart {
    /// The blob.
    pub blob: ContentHash,
    /// Its length, in bytes, as the peer says.
    pub len: u64,
    /// Where the piece begins. Where that is not the end of what is kept, the piece is of no use.
    pub offset: u64,
    /// The piece: a whole chunk, or the blob's last.
    pub bytes: Vec<u8>,
}

/// Where an op and its body lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredAt {
    /// Where the op's record is.
    pub op: Place,
    /// Where the body is, if it came in a later record; `header_at` is that record's.
    pub late_body: Option<Place>,
}

/// What nobody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// All rows are read, and commands are carried out.
    Opened,
    /// Ops entered the graph.
    Admitted {
        /// How many.
        ops: usize,
    },
    /// Two ops have one place in an author's chain.
    ChainForked {
        /// Whose chain.
        author: Author,
        /// The two.
        ops: [OpId; 2],
    },
    /// This device now writes under a new key, because the old one was used elsewhere.
    KeyChanged {
        /// The old key.
        from: Author,
        /// The new key.
        to: Author,
    },
    /// Something happened to a link.
    Link(LinkId, LinkEvent),
    /// A row of the store is not what was written to it.
    Corrupt {
        /// Its local sequence.
        row: u32,
    },
}

/// What happens to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// The peer is known.
    Opened {
        /// Its key.
        peer: Author,
        /// Whether it stores and forwards for others.
        is_relay: bool,
    },
    /// The peer is a member from now on, by an invitation.
    Joined {
        /// The invitation's public key.
        invitation: Author,
    },
    /// Both have the same, durably.
    InSync,
    /// The peer refuses ops, or gives them no effect.
    Nacked(Nack),
    /// The peer says something that nobody keeps.
    Presence {
        /// What it is about.
        topic: String,
        /// What is said.
        bytes: Vec<u8>,
    },
    /// It ended, because of this trouble if there was any.
    Closed(Option<TroubleCode>),
}

/// A link, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// Its number.
    pub link: LinkId,
    /// The peer's key, once it is known.
    pub peer: Option<Author>,
    /// Whether the peer stores and forwards for others.
    pub is_relay: bool,
    /// How far it is, once the peer is known.
    pub progress: Option<Progress>,
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Nothing to tell.
    Done,
    /// The ops written, durable now, in order.
    Written(Vec<OpId>),
    /// What became of imported ops.
    Imported(ImportReport),
    /// Ops, dependencies first.
    Ops(Vec<StoredOp>),
    /// Chain ends.
    ChainEnds(Vec<ChainEnd>),
    /// One entity.
    Entity(EntityView),
    /// Entities.
    Entries(Vec<EntityView>),
    /// The entities of a collection, or those of them that changed.
    EntriesSince(EntriesSince),
    /// Ops as people read them.
    Log(Vec<OpView>),
    /// Ids.
    Ids(Vec<OpId>),
    /// Files.
    Files(FilesView),
    /// The keys of files.
    FileKeys(Vec<String>),
    /// Conflicts.
    Conflicts(Vec<Conflict>),
    /// What joining a branch would change.
    Plan(Plan),
    /// The whole picture.
    Status(Status),
    /// What verifying found.
    Verified(VerifyReport),
    /// The ops of a receipt are safe. Those that a peer gives no effect, and why.
    Durable {
        /// The ops.
        withheld: Vec<(OpId, Reason)>,
    },
    /// Links.
    Links(Vec<LinkView>),
    /// Members.
    Members(Vec<Member>),
    /// Invitations.
    Invitations(Vec<Invitation>),
    /// What collections declare.
    Manifests(Vec<ManifestView>),
    /// What shows a fork to others.
    ForkProof(ForkProof),
}

/// The entities of a collection, or those of them that may have changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntriesSince {
    /// Up to where the asker knows them now.
    pub mark: Mark,
    /// Whether these are all that there are, so that whatever the asker knew beside them is gone.
    pub is_whole: bool,
    /// The entities, ascending by key.
    pub entities: Vec<EntityView>,
    /// The keys of those that may have been there, and are not.
    pub gone: Vec<String>,
}

/// What became of imported ops.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Those that entered the graph, dependencies first; ops that had waited for them included.
    pub admitted: Vec<OpId>,
    /// How many were here already.
    pub known: usize,
    /// Those that wait.
    pub held: Vec<OpId>,
    /// Those that are invalid.
    pub refused: Vec<(OpId, Invalid)>,
    /// Those that nothing vouches for.
    pub dropped: Vec<OpId>,
    /// How many were no ops at all.
    pub malformed: usize,
}

/// The last op of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEnd {
    /// The branch.
    pub branch: String,
    /// The author.
    pub author: Author,
    /// Its place.
    pub seq: u32,
    /// Its id.
    pub id: OpId,
}

/// An entity as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityView {
    /// The collection.
    pub collection: String,
    /// The key.
    pub key: String,
    /// Its value.
    pub shown: Shown,
    /// The writes that it is made of and that no other replaced, in order.
    pub frontier: Vec<OpId>,
    /// Its open conflicts.
    pub conflicts: Vec<Conflict>,
}

impl EntityView {
    /// An entity that nobody wrote.
    pub fn absent(collection: &str, key: &str) -> EntityView {
        EntityView {
            collection: collection.into(),
            key: key.into(),
            shown: Shown::Absent,
            frontier: Vec::new(),
            conflicts: Vec::new(),
        }
    }
}

/// The files of a branch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilesView {
    /// Where they are shown.
    pub tree: Tree,
    /// More about each, by its key.
    pub files: Map<String, FileView>,
    /// Entities of `files` that are none, by their key, and why.
    pub refused: Map<String, FileError>,
}

/// More about a file than the tree says.
#[derive(Clone, Debug, PartialEq)]
pub struct FileView {
    /// The writes that it is made of: what a write that was made while looking at it names as base.
    pub frontier: Vec<OpId>,
    /// Its open conflicts.
    pub conflicts: Vec<Conflict>,
}

/// An op as people read it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpView {
    /// Its id.
    pub id: OpId,
    /// Its branch.
    pub branch: String,
    /// Its author.
    pub author: Author,
    /// Its place in its chain.
    pub seq: u32,
    /// The op before it on its chain.
    pub prev: Option<OpId>,
    /// Its clock.
    pub hlc: Hlc,
    /// The heads that its author saw.
    pub parents: Vec<OpId>,
    /// The collection.
    pub collection: String,
    /// The key.
    pub key: String,
    /// The writes that it replaces.
    pub base: Vec<OpId>,
    /// What it does.
    pub kind: Kind,
    /// On whose behalf.
    pub actor: Option<String>,
    /// Whether it is signed itself; others are vouched for by a later op of their chain.
    pub is_signed: bool,
    /// Whether it has effect.
    pub is_effective: bool,
    /// The op itself, where it was asked for.
    pub stored: Option<StoredOp>,
}

/// The whole picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The repo, once it has a genesis.
    pub repo: Option<RepoId>,
    /// The key that this device writes under.
    pub author: Author,
    /// How many ops are in the graph.
    pub ops: usize,
    /// How many wait outside it.
    pub held: usize,
    /// What they wait for that is nowhere here.
    pub missing: Vec<OpId>,
    /// Every branch, by name.
    pub branches: Vec<BranchView>,
    /// Whether everybody may write, because no owner has made members.
    pub is_open: bool,
    /// Where chains forked, by their ops.
    pub forks: Vec<Fork>,
    /// How far the greatest clock here is ahead of the local one.
    pub clock_behind: Option<Millis>,
}

/// What a collection declares.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestView {
    /// The collection.
    pub collection: String,
    /// The op that declares it.
    pub op: OpId,
    /// The manifest, as it was written.
    pub manifest: Value,
}

/// A branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchView {
    /// Its name.
    pub name: String,
    /// Its heads, in order.
    pub heads: Vec<OpId>,
    /// How many ops stand on it.
    pub ops: usize,
    /// Whether it is linear and has no one line.
    pub is_diverged: bool,
}

/// What verifying found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// How many ops were read and rehashed.
    pub ops: usize,
    /// How many signatures were checked.
    pub signatures: usize,
    /// How many bodies are not here.
    pub bodies_absent: usize,
    /// Ops whose bytes on disk are not what was written.
    pub corrupt: Vec<OpId>,
    /// Ops that no verified signature vouches for.
    pub uncovered: Vec<OpId>,
}
