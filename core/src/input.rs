//! What a host tells the machine: commands, and answers to what the machine asked for.

use alloc::string::String;
use alloc::vec::Vec;

pub use crate::admit::invitation::InvitationTerms;
pub use crate::admit::members::Role;
pub use crate::link::handshake::{Connection, Guests, Joining, Proof, Side};
pub use crate::link::interest::Interest;
pub use crate::link::message::{Form, Frame, RepoTag};
pub use crate::link::remembered::Remembered;
pub use crate::link::session::{Kept, Piece};
use crate::log::row::{Origin, StoredOp};
use crate::log::rows::RowBytes;
use crate::op::id::{Author, ConflictId, ContentHash, OpId, PlanId};
pub use crate::op::invitation::InvitationProof;
use crate::op::json::Value;
use crate::op::patch::Patch;
use crate::op::place::{Entity, Place};
use crate::op::pointer::Pointer;
use crate::op::sign::Signature;
use crate::time::Millis;
use crate::view::files::FilePath;

/// A command's number, chosen by the host; its reply carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request(pub u64);

/// The number of something that the machine asked its host to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A link's number, chosen by the host and used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// How safe a write is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// On this replica's disk.
    Local,
    /// On a peer's disk.
    Peer,
    /// On the disk of a relay.
    Relay,
}

/// One input of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Do this, and reply.
    Command(Request, Command),
    /// The signature that `Output::Sign` asked for.
    Signed(Ticket, Signature),
    /// The new key that `Output::MakeKey` asked for, kept durably by now.
    KeyMade(Ticket, Author),
    /// The row is committed and synced.
    Persisted(Ticket),
    /// The row is not in the store. The machine takes no further input: open a new one from the store.
    PersistFailed(Ticket),
    /// What became of the piece of a blob that `Output::KeepPiece` gave.
    PieceKept(Ticket, Kept),
    /// What `Output::Load` asked for.
    Loaded(Ticket, Loaded),
    /// A connection to a peer is open. The host sends what `Output::Send` says on it, in order.
    Connected(LinkId, Connection),
    /// A way to a peer is open on which whatever comes is proved: a link without a handshake.
    Proved(LinkId, Proof),
    /// Whose answers come on such a link that was opened without knowing it. Said before the first of them.
    PeerKnown(LinkId, Author),
    /// A frame came on a link, in order.
    Received(LinkId, Frame),
    /// The host wants a link to end: the peer is told.
    HangUp(LinkId),
    /// A connection is gone.
    Disconnected(LinkId),
    /// Nothing but the time: due when `Machine::deadline` says so.
    Tick,
}

/// What a store read.
#[derive(Clone, Debug, PartialEq)]
pub enum Loaded {
    /// Rows in order, without bodies, and whether more follow.
    Rows {
        /// The rows.
        rows: Vec<RowHeaders>,
        /// Whether there are more behind them.
        more: More,
    },
    /// The ops asked for, in the order asked; none where a row could not be read.
    Ops(Vec<Option<StoredOp>>),
    /// The rows in which the ops asked for lie, as many as there are and as may be read, those first that are needed first.
    OpsIn(Vec<RowBytes>),
    /// Blobs, and how many bytes of each are here.
    Blobs(Vec<(ContentHash, u64)>),
    /// A piece of a blob; none where it is not here.
    Piece(Option<Piece>),
    /// What is remembered of peers.
    Peers(Vec<(Author, Remembered)>),
}

/// Whether something follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// Ask again.
    Follows,
    /// That was all.
    End,
}

/// A row as opening reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowHeaders {
    /// Its local sequence.
    pub seq: u32,
    /// Who sealed its ops.
    pub origin: Origin,
    /// Its records.
    pub headers: Vec<u8>,
    /// Its digest.
    pub digest: [u8; 32],
}

/// What a program asks of a repo.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Begin a repo: write its genesis. The nonce is random.
    Create {
        /// What people call the repo.
        name: String,
        /// 256 random bits.
        nonce: [u8; 32],
    },
    /// Read what other processes have committed to the store.
    Refresh,
    /// Write ops in one transaction.
    Write(Transaction),
    /// Take ops from elsewhere, in any order.
    Import(Vec<StoredOp>),
    /// Every op that is not in the causal past of the `known` ones, dependencies first. Ids that are not here count
    /// for nothing.
    Export {
        /// What the asker has.
        known: Vec<OpId>,
    },
    /// The last op of every chain: what this replica has, in short.
    ChainEnds,
    /// One entity.
    Get(EntityQuery),
    /// Entities of a branch, ascending by collection and key.
    Entries {
        /// The branch.
        branch: String,
        /// Only this collection.
        collection: Option<String>,
        /// Only keys that begin with this.
        key_prefix: String,
        /// As they were when these ops were the branch's heads; none for now.
        at: Vec<OpId>,
    },
    /// The entities of a collection, and later those that changed. A branch that is not there has none.
    EntriesSince {
        /// The branch.
        branch: String,
        /// The collection.
        collection: String,
        /// Up to where the asker knows them; none for all of them.
        since: Option<Mark>,
    },
    /// Ops of a branch's log, the greatest `ord` first.
    Log {
        /// The branch.
        branch: String,
        /// Only ops that write this entity.
        entity: Option<(String, String)>,
        /// At most so many.
        ops_max: usize,
    },
    /// Ops of every branch that write to entities of a collection, each entity's in the order of arrival.
    Writes {
        /// The collection.
        collection: String,
        /// Only keys that begin with this.
        key_prefix: String,
    },
    /// Ops, whole and as people read them, in this order.
    Show(Vec<OpId>),
    /// Ops whose id begins with these hex digits, at most 16.
    FindOps(String),
    /// The files of a branch, as a tree.
    Files {
        /// The branch.
        branch: String,
        /// As they were when these ops were its heads; none for now.
        at: Vec<OpId>,
    },
    /// The files of a branch's log that ever were at a path, or below it.
    FilesEver {
        /// The branch.
        branch: String,
        /// The path.
        path: FilePath,
    },
    /// Tell every peer something that nobody keeps. It is heard by those whose links are open, if at all.
    Announce {
        /// What it is about: at most 255 bytes.
        topic: String,
        /// What is said: at most 4,096 bytes.
        bytes: Vec<u8>,
    },
    /// Every link, as it stands.
    Links,
    /// One of them, if it is open.
    Link(LinkId),
    /// Answer when these ops, their bodies and the blobs that they name are safe.
    Durable {
        /// The ops.
        ops: Vec<OpId>,
        /// How safe.
        tier: Tier,
        /// When to answer that they are not.
        until: Millis,
    },
    /// Every open conflict of a branch, ascending by collection, key and path.
    Conflicts {
        /// The branch.
        branch: String,
    },
    /// What joining another branch into one would change.
    Plan {
        /// The branch that would change. It need not be there yet.
        branch: String,
        /// The branch that would be joined.
        source: String,
        /// The ops of it that would be joined, with all that they reach; none for its heads.
        at: Vec<OpId>,
    },
    /// The whole picture, without reading bodies.
    Status,
    /// Read and rehash everything.
    Verify,
    /// The members and their roles.
    Members,
    /// The invitations that owners made, ascending by public key.
    Invitations,
    /// What collections declare, ascending by collection.
    Manifests,
    /// What shows others that these two ops have one place in an author's chain.
    ForkProof([OpId; 2]),
}

/// Up to where somebody knows the entities of a branch. Only the machine that gave it can read it: to any other it says
/// nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark(pub [u8; 12]);

/// Which entity, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityQuery {
    /// The branch.
    pub branch: String,
    /// The collection.
    pub collection: String,
    /// The key.
    pub key: String,
    /// As it was when these ops were the branch's heads; none for now.
    pub at: Vec<OpId>,
}

/// Writes that become durable together, under one signature.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction {
    /// The branch.
    pub branch: String,
    /// On whose behalf, if not the device's own.
    pub actor: Option<String>,
    /// What to write, in order.
    pub edits: Vec<Edit>,
    /// What people shall read about it. With a note this is a *record*: it may be of any length, and is then signed in
    /// several parts.
    pub note: Option<Note>,
    /// 256 random bits, new for every transaction and kept by nobody: salts of bodies are made from them.
    pub random: [u8; 32],
}

/// A note about a record, written behind its other ops: an `append` to `_records` that says how many they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// The key in `_records`: one that nobody else uses.
    pub key: String,
    /// What was done, and why.
    pub message: Option<String>,
    /// When, where that is not when it was written: RFC 3339.
    pub time: Option<String>,
    /// Where it comes from, where that is another system: the system and the name there. What happened elsewhere is noted
    /// even if nothing changed by it.
    pub from: Option<(String, String)>,
}

/// Where a record comes from that nobody asked for: the engine merged contents by lines. Undo passes it over.
pub const OWN_RECORD: (&str, &str) = ("trellis", "lines");

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Change an entity.
    Entity {
        /// The collection.
        collection: String,
        /// The key.
        key: String,
        /// How.
        change: Change,
        /// What the writer was looking at.
        base: Base,
    },
    /// Close a conflict.
    Resolve {
        /// The collection of the entity.
        collection: String,
        /// Its key.
        key: String,
        /// The conflict, with its members.
        conflict: ConflictId,
        /// What shall stand.
        choice: Choice,
    },
    /// Give back what this replica's last write to the branch replaced.
    Undo,
    /// Join another branch into this one, or begin this one from it.
    Merge {
        /// The other branch.
        source: String,
        /// The ops of the other branch that are joined, with all that they reach; none for its heads.
        at: Vec<OpId>,
        /// What it is expected to do: where it would do something else by now, it is not made.
        plan: Option<PlanId>,
        /// Why, for people.
        message: Option<String>,
    },
    /// On a linear branch that diverged: write this device's ops anew on top of another line, which withdraws the old
    /// ones.
    Rebase {
        /// The head of the line that stays.
        onto: OpId,
    },
    /// On a linear branch that diverged, by the owner: withdraw others' ops and what was built on them. Written on the
    /// engine's own branch.
    Drop {
        /// The linear branch.
        line: String,
        /// The ops.
        ops: Vec<OpId>,
    },
    /// Make somebody a member, or change the role.
    AddMember {
        /// The key.
        author: Author,
        /// The name, for people.
        name: String,
        /// What the member may do.
        role: Role,
    },
    /// End a membership: what the member wrote up to now keeps its effect.
    RemoveMember {
        /// The key.
        author: Author,
    },
    /// Let whoever holds a key make members of others, or itself one, on these terms.
    Invite {
        /// The invitation's public key.
        key: Author,
        /// What it allows.
        terms: InvitationTerms,
    },
    /// End an invitation. Who joined by it stays.
    Revoke {
        /// The invitation's public key.
        key: Author,
    },
    /// Make somebody a member on the proof of an invitation.
    LetIn {
        /// The key of who joins.
        guest: Author,
        /// The proof.
        proof: InvitationProof,
    },
    /// Say how a collection merges and who may see and change it, in place of what was said before.
    Declare {
        /// The collection.
        collection: String,
        /// The manifest.
        manifest: Value,
    },
    /// Take the content of ops, or places of patches, out of everybody's sight.
    Redact {
        /// The ops.
        ops: Vec<OpId>,
        /// For patches, the places; none means everything that the op set.
        pointers: Vec<Pointer>,
    },
}

impl Edit {
    /// Gives a place a value. A whole entity that exists becomes the value by the difference to what is shown.
    pub fn set(Place { entity, pointer }: Place, value: Value) -> Edit {
        let change = match pointer.is_root() {
            true => Change::Put(value),
            false => Change::Patch(Patch { set: alloc::vec![(pointer, value)], ..Patch::default() }),
        };
        Edit::of(entity, change)
    }

    /// Removes an entity, or a place inside one.
    pub fn delete(Place { entity, pointer }: Place) -> Edit {
        let change = match pointer.is_root() {
            true => Change::Delete,
            false => Change::Patch(Patch { remove: alloc::vec![pointer], ..Patch::default() }),
        };
        Edit::of(entity, change)
    }

    /// A change of an entity on top of what is shown.
    fn of(Entity { collection, key }: Entity, change: Change) -> Edit {
        Edit::Entity { collection, key, change, base: Base::Shown }
    }
}

/// How an entity changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It becomes this value; written as the difference to what was shown.
    Put(Value),
    /// It becomes this value, and whatever else it held is gone.
    Replace(Value),
    /// It becomes these bytes.
    Bytes(Vec<u8>),
    /// Places of it change.
    Patch(Patch),
    /// It is removed.
    Delete,
    /// A record is added.
    Append(Value),
}

/// What a writer was looking at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// What this replica shows.
    Shown,
    /// These writes.
    Ops(Vec<OpId>),
}

/// What shall stand in place of a conflict.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// The side that this op wrote.
    Side(OpId),
    /// This value.
    Value(Value),
    /// Nothing.
    Absent,
}
