//! Outputs as plain data.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::answer::{Answer, Problem, hex};
use super::input::Remembered;
use super::scalar::{Bytes, Frame, Hex};
use crate::log::row::{self, Origin};
use crate::op::id::Author;
use crate::output;

/// One output of a step. The store gets its `persist`s and `load`s in order, and so does a link its frames.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Output {
    /// Sign this message, and answer with `signed`.
    Sign {
        /// The ticket.
        ticket: u64,
        /// Whose key.
        author: Hex<32>,
        /// What to sign.
        message: Bytes,
    },
    /// Make a new key, keep it and the old one durably, and answer with `keyMade`.
    MakeKey {
        /// The ticket.
        ticket: u64,
    },
    /// Write this row in one transaction, and answer with `persisted` or `persistFailed`.
    Persist {
        /// The ticket.
        ticket: u64,
        /// The row.
        row: Row,
    },
    /// Read, and answer with `loaded`.
    Load {
        /// The ticket.
        ticket: u64,
        /// What to read.
        query: Query,
    },
    /// The answer to a command: either an answer or a problem.
    Reply {
        /// The command's number.
        request: u64,
        /// The answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        answer: Option<Answer>,
        /// Why there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<Problem>,
    },
    /// Keep a piece of a blob, and answer with `pieceKept`.
    KeepPiece {
        /// The ticket.
        ticket: u64,
        /// The blob.
        blob: Hex<32>,
        /// Its length, in bytes.
        len: u64,
        /// Where the piece begins.
        offset: u64,
        /// The piece.
        bytes: Bytes,
    },
    /// Remember this of a peer.
    Remember {
        /// What.
        remembered: Remembered,
    },
    /// Send a frame on a link.
    Send {
        /// The link.
        link: u64,
        /// The frame.
        frame: Frame,
    },
    /// Close a link when everything was sent.
    Close {
        /// The link.
        link: u64,
    },
    /// Something that nobody asked for happened.
    Emit {
        /// What.
        event: Event,
    },
}

/// A row of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The local sequence: 1, 2, 3, ...
    pub seq: u32,
    /// Whether its ops were written here.
    pub is_local: bool,
    /// The records, without bodies.
    pub headers: Bytes,
    /// The bodies.
    pub bodies: Bytes,
    /// Its digest.
    pub digest: Hex<32>,
}

/// What to read from the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Query {
    /// Rows behind this local sequence, in order, without bodies.
    Rows {
        /// The last one that is known.
        after: u32,
    },
    /// The rows in which ops lie, whole: at least one, and no more when they have `bytesMax` bytes, where that is said.
    Ops {
        /// Their local sequences, in the order in which they are needed. One may stand there again.
        rows: Vec<u32>,
        /// The bytes.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes_max: Option<usize>,
    },
    /// All blobs that bodies name and that are not here.
    LackingBlobs,
    /// Those of these blobs that are not here.
    AbsentBlobs {
        /// The blobs.
        blobs: Vec<Hex<32>>,
    },
    /// What is remembered of peers.
    Peers,
    /// A chunk of a blob.
    BlobPiece {
        /// The blob.
        blob: Hex<32>,
        /// Where it begins.
        from: u64,
    },
}

/// What nobody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// All rows are read, and commands are carried out.
    Opened,
    /// Ops entered the log.
    Admitted {
        /// How many.
        ops: usize,
    },
    /// Two ops have one place in an author's chain.
    ChainForked {
        /// Whose chain.
        author: Hex<32>,
        /// The two.
        ops: [Hex<32>; 2],
    },
    /// This device writes under a new key.
    KeyChanged {
        /// The old key.
        from: Hex<32>,
        /// The new key.
        to: Hex<32>,
    },
    /// A row of the store is not what was written to it.
    Corrupt {
        /// Its local sequence.
        row: u32,
    },
    /// The peer of a link is known.
    LinkOpened {
        /// The link.
        link: u64,
        /// Its key.
        peer: Hex<32>,
        /// Whether it stores and forwards for others.
        is_relay: bool,
    },
    /// The peer of a link is a member from now on.
    LinkJoined {
        /// The link.
        link: u64,
        /// The invitation's public key.
        invitation: Hex<32>,
    },
    /// Both ends of a link have the same, durably.
    LinkInSync {
        /// The link.
        link: u64,
    },
    /// The peer of a link refuses ops, or gives them no effect.
    LinkNacked {
        /// The link.
        link: u64,
        /// The ops.
        ops: Vec<Nacked>,
        /// The head of the line, where they do not continue it.
        #[serde(skip_serializing_if = "Option::is_none")]
        head: Option<Hex<32>>,
    },
    /// The peer of a link says something that nobody keeps.
    Presence {
        /// The link.
        link: u64,
        /// What it is about.
        topic: String,
        /// What is said.
        bytes: Bytes,
    },
    /// A link ended.
    LinkClosed {
        /// The link.
        link: u64,
        /// The code of the trouble, if there was any.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'static str>,
    },
}

/// An op that a peer refuses or gives no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nacked {
    /// Its id.
    pub op: Hex<32>,
    /// Why, as an error code.
    pub code: &'static str,
}

impl From<output::Output> for Output {
    fn from(output: output::Output) -> Output {
        match output {
            output::Output::Sign { ticket, author, message } => {
                Output::Sign { ticket: ticket.0, author: Hex(author.0), message: Bytes(message) }
            }
            output::Output::MakeKey { ticket } => Output::MakeKey { ticket: ticket.0 },
            output::Output::Persist(ticket, row) => Output::Persist { ticket: ticket.0, row: row.into() },
            output::Output::Load(ticket, query) => Output::Load { ticket: ticket.0, query: query.into() },
            output::Output::Reply(request, result) => match result.and_then(Answer::try_from) {
                Ok(answer) => Output::Reply { request: request.0, answer: Some(answer), problem: None },
                Err(error) => Output::Reply { request: request.0, answer: None, problem: Some(error.into()) },
            },
            output::Output::KeepPiece(ticket, part) => Output::KeepPiece {
                ticket: ticket.0,
                blob: Hex(part.blob.0),
                len: part.len,
                offset: part.offset,
                bytes: Bytes(part.bytes),
            },
            output::Output::Remember(peer, then) => Output::Remember {
                remembered: Remembered { peer: Hex(peer.0), state: Hex(then.state.0), ops: then.ops },
            },
            output::Output::Send(link, frame) => Output::Send { link: link.0, frame: Frame(frame) },
            output::Output::Close(link) => Output::Close { link: link.0 },
            output::Output::Emit(event) => Output::Emit { event: event.into() },
        }
    }
}

impl From<row::Row> for Row {
    fn from(row: row::Row) -> Row {
        Row {
            seq: row.seq,
            is_local: row.origin == Origin::Local,
            headers: Bytes(row.headers),
            bodies: Bytes(row.bodies),
            digest: Hex(row.digest),
        }
    }
}

impl From<output::Query> for Query {
    fn from(query: output::Query) -> Query {
        match query {
            output::Query::Rows { after } => Query::Rows { after },
            output::Query::Ops(ops) => Query::Ops { rows: rows_of(&ops), bytes_max: None },
            output::Query::OpsUpTo { ops, bytes_max } => Query::Ops { rows: rows_of(&ops), bytes_max: Some(bytes_max) },
            output::Query::LackingBlobs => Query::LackingBlobs,
            output::Query::AbsentBlobs(blobs) => {
                Query::AbsentBlobs { blobs: blobs.into_iter().map(|blob| Hex(blob.0)).collect() }
            }
            output::Query::Peers => Query::Peers,
            output::Query::BlobPiece { blob, from } => Query::BlobPiece { blob: Hex(blob.0), from },
        }
    }
}

/// The rows in which ops lie.
fn rows_of(ops: &[output::StoredAt]) -> Vec<u32> {
    let mut rows = Vec::new();
    for at in ops {
        if rows.last() != Some(&at.op.row) {
            rows.push(at.op.row);
        }
        rows.extend(at.late_body.map(|late| late.row));
    }
    rows
}

impl From<output::Event> for Event {
    fn from(event: output::Event) -> Event {
        let key = |author: Author| Hex(author.0);
        match event {
            output::Event::Opened => Event::Opened,
            output::Event::Admitted { ops } => Event::Admitted { ops },
            output::Event::ChainForked { author, ops } => Event::ChainForked { author: key(author), ops: ops.map(hex) },
            output::Event::KeyChanged { from, to } => Event::KeyChanged { from: key(from), to: key(to) },
            output::Event::Corrupt { row } => Event::Corrupt { row },
            output::Event::Link(link, event) => of_link(link.0, event),
        }
    }
}

fn of_link(link: u64, event: output::LinkEvent) -> Event {
    match event {
        output::LinkEvent::Opened { peer, is_relay } => Event::LinkOpened { link, peer: Hex(peer.0), is_relay },
        output::LinkEvent::Joined { invitation } => Event::LinkJoined { link, invitation: Hex(invitation.0) },
        output::LinkEvent::InSync => Event::LinkInSync { link },
        output::LinkEvent::Nacked(nack) => Event::LinkNacked {
            link,
            ops: nack.ops.into_iter().map(|(op, reason)| Nacked { op: hex(op), code: reason.code() }).collect(),
            head: nack.head.map(hex),
        },
        output::LinkEvent::Presence { topic, bytes } => Event::Presence { link, topic, bytes: Bytes(bytes) },
        output::LinkEvent::Closed(code) => Event::LinkClosed { link, code: code.map(|code| code.code()) },
    }
}
