//! The machine: a repo's whole engine behind one door.
//!
//! A host makes three moves. It calls [`Machine::step`] with whatever happened, it carries out the outputs, and it
//! calls again when something answers or [`Machine::deadline`] has come. The machine composes what the other rooms
//! decide: every op, ours or anybody's, becomes a `VerifiedOp` and takes the one funnel in `integrate`.

mod blobs;
mod dues;
mod edits;
mod files;
mod govern;
mod integrate;
mod key;
mod links;
mod open;
mod plan;
mod presence;
mod proved;
mod read;
mod rebase;
mod receipts;
mod remember;
mod scope;
mod seal;
mod serialise;
mod since;
mod stored;
mod talk;
mod undo;
mod verify;
mod write;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use hashbrown::HashMap;

use self::blobs::LackingBlobs;
use self::integrate::AfterPersist;
use self::links::Links;
use self::open::{Opening, RowsAhead};
use self::read::Read;
use self::receipts::Receipt;
use self::remember::Stored;
use self::write::{SealedTransaction, Writing};
use crate::admit::intrinsic::Invalid;
use crate::admit::policy::Policies;
use crate::error::{CommandError, UsageError};
use crate::input::{Command, Input, LinkId, Loaded, Request, Ticket};
use crate::link::compress::Compression;
use crate::link::message::{Ephemeral, Level, Reason};
use crate::link::session::Taken;
use crate::log::graph::{Graph, Node};
use crate::log::hold::Hold;
use crate::op::id::{Author, ContentHash, OpId};
use crate::op::sign::Signature;
use crate::ordered::{Map, Set};
use crate::output::{Answer, Output};
use crate::ticket::Tickets;
use crate::time::{Hlc, Millis};
use crate::view::state::{Contents, State};

/// How a machine begins.
#[derive(Clone, Debug)]
pub struct Config {
    /// The key that this device writes under.
    pub author: Author,
    /// Whether that key may be in use elsewhere.
    pub key_use: KeyUse,
    /// Random per process; guards the table of ids against ids that were made to collide in it.
    pub id_key: u64,
    /// This device's own branch policies.
    pub policies: Policies,
}

/// Whether a key is this store's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// It is.
    Own,
    /// The store is a copy: another one writes under the key too. A new key is made before the next write.
    Copied,
}

/// The engine of one repo.
#[derive(Clone, Debug)]
pub struct Machine {
    author: Author,
    key_use: KeyUse,
    graph: Graph,
    hold: Hold,
    refused: HashMap<OpId, Invalid>,
    /// What the ops on the engine's own branch say.
    repo_contents: Contents,
    policies: Policies,
    /// What the engine's own branch makes of everything.
    state: State,
    is_state_stale: bool,
    /// Random per process: whoever has a mark of this machine shows it to no other.
    id_key: u64,
    /// How often entities may have changed without an op of their own.
    grounds: u64,
    /// The greatest clock that this device's key has written.
    own_clock: Option<Hlc>,
    last_row: u32,
    /// Rows of the store that are not what was written: reads go on, writes do not.
    corrupt_rows: Set<u32>,
    /// How many ops of the store stayed out of the graph at opening.
    left_out: usize,
    /// Rows that some of them stand in.
    rows_ahead: RowsAhead,
    phase: Phase,
    tickets: Tickets<Waiting>,
    writes: VecDeque<Writing>,
    is_writing: bool,
    links: Links,
    blobs: LackingBlobs,
    receipts: Vec<Receipt>,
    /// Ops sealed here that a peer gave no effect, and why.
    withheld: Map<Node, Reason>,
    /// When peers last had the same, as the store remembers it.
    remembered: Stored,
    /// How safe a row is that the host has confirmed.
    level: Level,
    /// What the host packs frames with.
    compression: Option<&'static dyn Compression>,
}

#[derive(Clone, Debug)]
enum Phase {
    Opening(Opening),
    Ready,
    Ended,
}

/// What waits behind a ticket.
#[derive(Clone, Debug)]
enum Waiting {
    /// Rows, to open with.
    OpeningRows,
    /// Rows that other processes wrote.
    NewRows(Request),
    /// Ops with their bodies.
    Read(Read),
    /// A row, and what follows.
    Persisted { row: u32, then: AfterPersist },
    /// Ops that links send.
    LinkRead,
    /// Which blobs are not here.
    LackingBlobs,
    /// Which of the blobs are not here that a batch names.
    BlobsOfBatch(LinkId, Taken),
    /// A piece of a blob that a link sends.
    Piece(LinkId),
    /// A piece of a blob that came on a link.
    PieceKept { link: LinkId, blob: ContentHash, counts: (u64, u64) },
    /// What is remembered of peers.
    Peers,
    /// A signature for a handshake.
    LinkSignature(LinkId),
    /// A signature for presence on a link.
    Presence(LinkId, Ephemeral),
    /// A signature for a local transaction.
    Signature(SealedTransaction),
    /// A new key.
    NewKey,
    /// The old key's signature for the new one.
    SuccessorProof(Author),
}

type Outputs = Vec<Output>;

impl Machine {
    /// A machine that begins to read its store; the outputs ask for that.
    pub fn open(config: Config) -> (Machine, Vec<Output>) {
        let mut machine = Machine {
            author: config.author,
            key_use: config.key_use,
            graph: Graph::new(config.id_key),
            hold: Hold::default(),
            refused: HashMap::new(),
            repo_contents: Contents::new(),
            policies: config.policies,
            state: State::default(),
            is_state_stale: true,
            id_key: config.id_key,
            grounds: 0,
            own_clock: None,
            last_row: 0,
            corrupt_rows: Set::new(),
            left_out: 0,
            rows_ahead: RowsAhead::default(),
            phase: Phase::Opening(Opening::default()),
            tickets: Tickets::new(),
            writes: VecDeque::new(),
            is_writing: false,
            links: Links::new(),
            blobs: LackingBlobs::default(),
            receipts: Vec::new(),
            withheld: Map::new(),
            remembered: Stored::new(),
            level: Level::Disk,
            compression: None,
        };
        let mut out = Vec::new();
        machine.load_rows(Waiting::OpeningRows, &mut out);
        (machine, out)
    }

    /// Packs frames on links with this, where the peer can do that too.
    pub fn compress_with(&mut self, compression: &'static dyn Compression) {
        self.compression = Some(compression);
    }

    /// Takes one input at the host's time `now` and returns what the host is to do.
    ///
    /// Total over whatever peers, files and rows hold, and deterministic: equal inputs give equal outputs.
    ///
    /// # Errors
    /// [`UsageError`] where the host answers what was not asked or goes on after a failed write; nothing changes.
    pub fn step(&mut self, input: Input, now: Millis) -> Result<Vec<Output>, UsageError> {
        if matches!(self.phase, Phase::Ended) {
            return Err(UsageError::Ended);
        }
        let mut out = Vec::new();
        match input {
            Input::Command(request, command) => self.on_command(request, command, now, &mut out),
            Input::Signed(ticket, signature) => self.on_signed(ticket, signature, now, &mut out)?,
            Input::KeyMade(ticket, author) => self.on_key_made(ticket, author, &mut out)?,
            Input::Persisted(ticket) => self.on_persisted(ticket, now, &mut out)?,
            Input::PersistFailed(ticket) => self.on_persist_failed(ticket, &mut out)?,
            Input::PieceKept(ticket, kept) => {
                let is_asked = |waiting: &Waiting| matches!(waiting, Waiting::PieceKept { .. });
                if let Waiting::PieceKept { link, blob, counts } = self.tickets.close(ticket, is_asked)? {
                    self.on_piece_kept((link, blob, counts), kept, now, &mut out);
                }
            }
            Input::Loaded(ticket, loaded) => self.on_loaded(ticket, loaded, now, &mut out)?,
            Input::Connected(..) | Input::Proved(..) | Input::PeerKnown(..) => self.on_link(input, now, &mut out),
            Input::Received(..) | Input::HangUp(_) | Input::Disconnected(_) => self.on_link(input, now, &mut out),
            Input::Tick => {}
        }
        self.take_rows_ahead(now, &mut out);
        self.release_due(now, &mut out);
        self.start_write(now, &mut out);
        self.run_links(now, &mut out);
        self.end_receipts(now, &mut out);
        Ok(out)
    }

    /// When the machine next wants an `Input::Tick`, if ever.
    pub fn deadline(&self) -> Option<Millis> {
        let own = [self.hold.deadline(), self.rows_ahead.deadline()];
        own.into_iter().chain([self.links.deadline(), self.receipts_deadline()]).flatten().min()
    }

    /// From now on content is no matter of this replica: it says of every blob that it lacks it, and fetches none.
    pub fn leave_content(&mut self) {
        self.blobs.are_left = true;
    }

    /// From now on peers are told that what the host confirms is this safe; unless it is said, it is on a disk.
    pub fn keep_at(&mut self, level: Level) {
        self.level = level;
    }

    /// The local sequence of the last row that the machine knows.
    pub fn last_row(&self) -> u32 {
        self.last_row
    }

    /// The key that this device writes under.
    pub fn author(&self) -> Author {
        self.author
    }

    fn on_command(&mut self, request: Request, command: Command, now: Millis, out: &mut Outputs) {
        if let Phase::Opening(opening) = &mut self.phase {
            opening.commands.push_back((request, command));
            return;
        }
        match command {
            Command::Create { name, nonce } => self.create(request, &name, &nonce, now, out),
            Command::Write(transaction) => self.writes.push_back(Writing::of(request, transaction)),
            Command::Import(ops) => self.import(request, &ops, now, out),
            Command::Refresh => self.load_rows(Waiting::NewRows(request), out),
            query => self.on_query(request, query, now, out),
        }
    }

    fn on_signed(
        &mut self,
        ticket: Ticket,
        signature: Signature,
        now: Millis,
        out: &mut Outputs,
    ) -> Result<(), UsageError> {
        let is_asked = |waiting: &Waiting| {
            matches!(
                waiting,
                Waiting::Signature(_) | Waiting::SuccessorProof(_) | Waiting::LinkSignature(_) | Waiting::Presence(..)
            )
        };
        let waiting = self.tickets.close(ticket, is_asked)?;
        match waiting {
            Waiting::Signature(sealed) => self.write_signed(sealed, signature, now, out),
            Waiting::SuccessorProof(author) => self.succeed(author, &signature, out),
            Waiting::LinkSignature(id) => self.on_link_signature(id, signature, now, out),
            Waiting::Presence(id, said) => self.on_presence_signed(id, said, signature, now, out),
            _ => {}
        }
        Ok(())
    }

    fn on_persisted(&mut self, ticket: Ticket, now: Millis, out: &mut Outputs) -> Result<(), UsageError> {
        let (row, then) = self.close_persist(ticket)?;
        self.links.durable_row = self.links.durable_row.max(row);
        match then {
            AfterPersist::Nothing => {}
            AfterPersist::Reply(request, answer) => reply(out, request, Ok(answer)),
            AfterPersist::Taken(id, taken) => self.taken_durably(id, taken, now, out),
            AfterPersist::Joined(id, invitation) => self.on_joined(id, invitation, now, out),
        }
        Ok(())
    }

    /// Whatever is not in the store by now never will be, so nothing that this machine knows can be relied on.
    fn on_persist_failed(&mut self, ticket: Ticket, out: &mut Outputs) -> Result<(), UsageError> {
        let (_, failed) = self.close_persist(ticket)?;
        self.phase = Phase::Ended;
        let receipts = self.drain_receipts();
        let open = self.tickets.drain().filter_map(Waiting::into_request);
        let writes = self.writes.drain(..).filter_map(Writing::into_request);
        let unanswered = failed.into_request().into_iter().chain(open).chain(writes).chain(receipts);
        out.extend(unanswered.map(|request| Output::Reply(request, Err(CommandError::WriteFailed))));
        Ok(())
    }

    fn close_persist(&mut self, ticket: Ticket) -> Result<(u32, AfterPersist), UsageError> {
        match self.tickets.close(ticket, |waiting| matches!(waiting, Waiting::Persisted { .. }))? {
            Waiting::Persisted { row, then } => Ok((row, then)),
            _ => Err(UsageError::UnknownTicket),
        }
    }

    fn on_loaded(&mut self, ticket: Ticket, loaded: Loaded, now: Millis, out: &mut Outputs) -> Result<(), UsageError> {
        let is_asked = |waiting: &Waiting| match loaded {
            Loaded::Rows { .. } => matches!(waiting, Waiting::OpeningRows | Waiting::NewRows(_)),
            Loaded::Ops(_) | Loaded::OpsIn(_) => matches!(waiting, Waiting::Read(_) | Waiting::LinkRead),
            Loaded::Blobs(_) => matches!(waiting, Waiting::LackingBlobs | Waiting::BlobsOfBatch(..)),
            Loaded::Piece(_) => matches!(waiting, Waiting::Piece(_)),
            Loaded::Peers(_) => matches!(waiting, Waiting::Peers),
        };
        let waiting = self.tickets.close(ticket, is_asked)?;
        match (waiting, loaded) {
            (Waiting::Read(read), Loaded::Ops(ops)) => self.on_read(read, ops, now, out),
            (Waiting::Read(read), Loaded::OpsIn(rows)) => {
                let ops = self.ops_in(&read, &rows);
                self.on_read(read, ops, now, out);
            }
            (Waiting::LinkRead, Loaded::Ops(ops)) => self.on_link_ops(ticket, ops, now, out),
            (Waiting::LinkRead, Loaded::OpsIn(rows)) => self.on_link_rows(ticket, &rows, now, out),
            (Waiting::LackingBlobs, Loaded::Blobs(blobs)) => self.on_lacking_blobs(blobs, now, out),
            (Waiting::BlobsOfBatch(id, taken), Loaded::Blobs(absent)) => {
                self.on_absent_blobs(id, &taken, absent, now, out);
            }
            (Waiting::Piece(id), Loaded::Piece(piece)) => self.on_piece(id, piece, now, out),
            (Waiting::Peers, Loaded::Peers(peers)) => self.on_peers(peers),
            (waiting, Loaded::Rows { rows, more }) => self.on_rows(waiting, &rows, more, now, out),
            _ => {}
        }
        Ok(())
    }
}

impl Waiting {
    fn into_request(self) -> Option<Request> {
        match self {
            Waiting::NewRows(request) => Some(request),
            Waiting::Read(read) => read.into_request(),
            Waiting::Persisted { then, .. } => then.into_request(),
            Waiting::Signature(sealed) => sealed.into_request(),
            Waiting::OpeningRows | Waiting::NewKey | Waiting::SuccessorProof(_) => None,
            Waiting::LinkRead | Waiting::LinkSignature(_) | Waiting::LackingBlobs => None,
            Waiting::Peers | Waiting::Presence(..) => None,
            Waiting::BlobsOfBatch(..) | Waiting::Piece(_) | Waiting::PieceKept { .. } => None,
        }
    }
}

fn reply(out: &mut Outputs, request: Request, result: Result<Answer, CommandError>) {
    out.push(Output::Reply(request, result));
}
