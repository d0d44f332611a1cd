//! Inputs as plain data.

use alloc::string::String;
use alloc::vec::Vec;

use super::plain::FromPlain;
use serde::Serialize;

use super::command::Command;
use super::scalar::{Bytes, Frame, Hex, Unreadable, exactly};
use crate::input::{self, Form, Guests, LinkId, More, RepoTag, Request, Side, Ticket};
use crate::link::message::StateHash;
use crate::log::row::Origin;
use crate::log::rows;
use crate::op::id::Author;

/// One input of a step.
#[derive(Clone, Debug, PartialEq, Serialize, FromPlain)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Input {
    /// Do this, and reply.
    Command {
        /// The command's number; its reply carries it.
        request: u64,
        /// What to do.
        command: Command,
    },
    /// The signature that was asked for.
    Signed {
        /// The ticket.
        ticket: u64,
        /// 64 bytes.
        signature: Bytes,
    },
    /// The new key that was asked for, kept durably by now.
    KeyMade {
        /// The ticket.
        ticket: u64,
        /// The public key.
        author: Hex<32>,
    },
    /// The row is committed and synced.
    Persisted {
        /// The ticket.
        ticket: u64,
    },
    /// The row is not in the store. The machine takes no further input.
    PersistFailed {
        /// The ticket.
        ticket: u64,
    },
    /// What became of a piece of a blob.
    PieceKept {
        /// The ticket.
        ticket: u64,
        /// What became of it.
        kept: Kept,
    },
    /// What the store was asked for.
    Loaded {
        /// The ticket.
        ticket: u64,
        /// What it had.
        loaded: Loaded,
    },
    /// A connection to a peer is open.
    Connected {
        /// The link's number, used once.
        link: u64,
        /// What is known of the connection.
        connection: Connection,
    },
    /// A way to a peer is open on which whatever comes is proved by itself, as by signed requests. This side asks.
    Proved {
        /// The link's number, used once.
        link: u64,
        /// What is known of the way.
        proof: Proof,
    },
    /// Whose answers come on such a link that was opened without knowing it. Said before the first of them.
    PeerKnown {
        /// The link.
        link: u64,
        /// The key.
        peer: Hex<32>,
    },
    /// A frame came on a link, in order.
    Received {
        /// The link.
        link: u64,
        /// The frame.
        frame: Frame,
    },
    /// A link shall end: the peer is told.
    HangUp {
        /// The link.
        link: u64,
    },
    /// A connection is gone.
    Disconnected {
        /// The link.
        link: u64,
    },
    /// Nothing but the time.
    Tick,
}

/// What became of a piece of a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Kept {
    /// It is durable.
    Part {
        /// How many bytes of the blob are here.
        bytes: u64,
    },
    /// The blob is whole and has its name.
    Whole,
    /// The pieces do not make what the name says.
    Damaged,
}

/// What a store read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Loaded {
    /// Rows in order, without bodies.
    Rows {
        /// The rows.
        rows: Vec<RowHeaders>,
        /// Whether there are more behind them.
        more: bool,
    },
    /// The rows in which ops lie, in the order asked; one that could not be read is left out.
    Ops {
        /// The rows.
        rows: Vec<RowBytes>,
    },
    /// Blobs, and how many bytes of each are here.
    Blobs {
        /// The blobs.
        blobs: Vec<BlobPart>,
    },
    /// A piece of a blob.
    Piece {
        /// The piece; left out where the blob is not here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        piece: Option<Piece>,
    },
    /// What is remembered of peers.
    Peers {
        /// The peers.
        peers: Vec<Remembered>,
    },
}

/// How much of a blob is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
pub struct BlobPart {
    /// The blob.
    pub blob: Hex<32>,
    /// Bytes.
    pub bytes: u64,
}

/// A piece of a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
pub struct Piece {
    /// How long the whole blob is, in bytes.
    pub len: u64,
    /// The piece.
    pub bytes: Bytes,
}

/// What is remembered of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
pub struct Remembered {
    /// Its key.
    pub peer: Hex<32>,
    /// The state that both had.
    pub state: Hex<32>,
    /// How many ops that was.
    pub ops: u64,
}

/// The bytes of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
pub struct RowBytes {
    /// Its local sequence.
    pub seq: u32,
    /// The records, without bodies.
    pub headers: Bytes,
    /// The bodies.
    pub bodies: Bytes,
}

/// A row as opening reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
#[serde(rename_all = "camelCase")]
pub struct RowHeaders {
    /// Its local sequence.
    pub seq: u32,
    /// Whether its ops were written here.
    pub is_local: bool,
    /// Its records.
    pub headers: Bytes,
    /// Its digest.
    pub digest: Hex<32>,
}

/// What is known of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// Whether this side dialled, and speaks first.
    pub is_initiator: bool,
    /// 32 random bytes, new for each connection.
    pub nonce: Bytes,
    /// The origin that was dialled.
    pub origin: String,
    /// What ties the proofs to this channel.
    pub binding: Bytes,
    /// The key that has to answer, where it is known beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Hex<32>>,
    /// Whether anybody is let in who proves a key, and not members alone.
    #[serde(default)]
    pub is_open: bool,
    /// Whether this replica stores and forwards for others here.
    #[serde(default)]
    pub is_relay: bool,
    /// The branches that are synced here, as patterns; left out for every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interest: Vec<String>,
    /// What an initiator shows that is no member yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joining: Option<Joining>,
}

/// What is known of a way to a peer on which whatever comes is proved by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, FromPlain)]
#[serde(default)]
pub struct Proof {
    /// The key that proves what comes; left out where it is learnt with the first answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<Hex<32>>,
    /// The tag of the repo that is asked for; left out where this replica has none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Hex<16>>,
    /// The branches that are synced here, as patterns; left out for every one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interest: Vec<String>,
}

/// An invitation to a repo, as its holder shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
pub struct Joining {
    /// The repo.
    pub repo: Hex<32>,
    /// The invitation's public key.
    pub key: Hex<32>,
    /// Its signature for the key of this replica: 64 bytes.
    pub signature: Bytes,
}

impl TryFrom<Input> for input::Input {
    type Error = Unreadable;

    fn try_from(input: Input) -> Result<input::Input, Unreadable> {
        Ok(match input {
            Input::Command { request, command } => input::Input::Command(Request(request), command.try_into()?),
            Input::Signed { ticket, signature } => {
                input::Input::Signed(Ticket(ticket), exactly("signature", &signature)?)
            }
            Input::KeyMade { ticket, author } => input::Input::KeyMade(Ticket(ticket), Author(author.0)),
            Input::Persisted { ticket } => input::Input::Persisted(Ticket(ticket)),
            Input::PersistFailed { ticket } => input::Input::PersistFailed(Ticket(ticket)),
            Input::PieceKept { ticket, kept } => input::Input::PieceKept(Ticket(ticket), kept.into()),
            Input::Loaded { ticket, loaded } => input::Input::Loaded(Ticket(ticket), loaded.try_into()?),
            Input::Connected { link, connection } => input::Input::Connected(LinkId(link), connection.try_into()?),
            Input::Proved { link, proof } => input::Input::Proved(LinkId(link), proof.try_into()?),
            Input::PeerKnown { link, peer } => input::Input::PeerKnown(LinkId(link), Author(peer.0)),
            Input::Received { link, frame } => input::Input::Received(LinkId(link), frame.0),
            Input::HangUp { link } => input::Input::HangUp(LinkId(link)),
            Input::Disconnected { link } => input::Input::Disconnected(LinkId(link)),
            Input::Tick => input::Input::Tick,
        })
    }
}

impl From<Kept> for input::Kept {
    fn from(kept: Kept) -> input::Kept {
        match kept {
            Kept::Part { bytes } => input::Kept::Part(bytes),
            Kept::Whole => input::Kept::Whole,
            Kept::Damaged => input::Kept::Damaged,
        }
    }
}

impl TryFrom<Loaded> for input::Loaded {
    type Error = Unreadable;

    fn try_from(loaded: Loaded) -> Result<input::Loaded, Unreadable> {
        Ok(match loaded {
            Loaded::Rows { rows, more } => input::Loaded::Rows {
                rows: rows.into_iter().map(Into::into).collect(),
                more: if more { More::Follows } else { More::End },
            },
            Loaded::Ops { rows } => input::Loaded::OpsIn(rows.into_iter().map(Into::into).collect()),
            Loaded::Blobs { blobs } => {
                input::Loaded::Blobs(blobs.into_iter().map(|part| (part.blob.0.into(), part.bytes)).collect())
            }
            Loaded::Piece { piece } => {
                input::Loaded::Piece(piece.map(|piece| input::Piece { len: piece.len, bytes: piece.bytes.0 }))
            }
            Loaded::Peers { peers } => input::Loaded::Peers(peers.into_iter().map(Into::into).collect()),
        })
    }
}

impl From<Remembered> for (Author, input::Remembered) {
    fn from(Remembered { peer, state, ops }: Remembered) -> (Author, input::Remembered) {
        (Author(peer.0), input::Remembered { state: StateHash(state.0), ops })
    }
}

impl From<RowBytes> for rows::RowBytes {
    fn from(row: RowBytes) -> rows::RowBytes {
        rows::RowBytes { seq: row.seq, headers: row.headers.0, bodies: row.bodies.0 }
    }
}

impl From<RowHeaders> for input::RowHeaders {
    fn from(row: RowHeaders) -> input::RowHeaders {
        let origin = if row.is_local { Origin::Local } else { Origin::Remote };
        input::RowHeaders { seq: row.seq, origin, headers: row.headers.0, digest: row.digest.0 }
    }
}

impl TryFrom<Connection> for input::Connection {
    type Error = Unreadable;

    fn try_from(connection: Connection) -> Result<input::Connection, Unreadable> {
        Ok(input::Connection {
            side: if connection.is_initiator { Side::Initiator } else { Side::Responder },
            nonce: exactly("nonce", &connection.nonce)?,
            origin: connection.origin,
            binding: connection.binding.0,
            expected: connection.expected.map(|key| Author(key.0)),
            guests: if connection.is_open { Guests::Anyone } else { Guests::Members },
            is_relay: connection.is_relay,
            interest: interest_of(&connection.interest)?,
            joining: connection.joining.map(TryInto::try_into).transpose()?,
        })
    }
}

impl TryFrom<Proof> for input::Proof {
    type Error = Unreadable;

    fn try_from(Proof { peer, tag, interest }: Proof) -> Result<input::Proof, Unreadable> {
        Ok(input::Proof {
            side: Side::Initiator,
            peer: peer.map(|key| Author(key.0)),
            tag: tag.map(|tag| RepoTag(tag.0)),
            guests: Guests::Anyone,
            form: Form::Binary,
            interest: interest_of(&interest)?,
        })
    }
}

fn interest_of(patterns: &[String]) -> Result<input::Interest, Unreadable> {
    let no_pattern = || Unreadable::new("interest", "holds what is no pattern of branches, or too many");
    input::Interest::parse(patterns).ok_or_else(no_pattern)
}

impl TryFrom<Joining> for input::Joining {
    type Error = Unreadable;

    fn try_from(Joining { repo, key, signature }: Joining) -> Result<input::Joining, Unreadable> {
        let proof = input::InvitationProof { key: Author(key.0), signature: exactly("signature", &signature)? };
        Ok(input::Joining { repo: repo.0.into(), proof })
    }
}
