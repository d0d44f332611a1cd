//! A host in memory: a machine with a list of rows for a store and seeds from a counter for keys.
//!
//! It answers outputs at once and in order, so a test reads as a script. Tests that need faults or another order drive
//! the machine themselves.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer, SigningKey};
use trellis_core::admit::policy::Policies;
use trellis_core::error::CommandError;
use trellis_core::input::{
    Base, Change, Command, Edit, Frame, Input, LinkId, Loaded, More, Remembered, Request, RowHeaders, Transaction,
};
use trellis_core::link::message::Message;
use trellis_core::log::row::Row;
use trellis_core::log::rows::{Columns, Rows, op_in, ops_in_up_to};
use trellis_core::machine::{Config, KeyUse, Machine};
use trellis_core::op::header::REPO_BRANCH;
use trellis_core::op::id::{Author, OpId};
use trellis_core::op::json::Value;
use trellis_core::output::{Answer, Event, Output, Query};
use trellis_core::time::Millis;

/// The time at which hosts begin: 2026-01-01.
pub const START: Millis = Millis(1_767_225_600_000);

/// The test key with this number: its seed is the number, little-endian, and zeros.
pub fn test_key(number: u64) -> SigningKey {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    SigningKey::from_bytes(&seed)
}

/// The author of a test key.
pub fn author_of(key: &SigningKey) -> Author {
    Author(key.verifying_key().to_bytes())
}

/// What a command came to.
pub type Reply = (Request, Result<Answer, CommandError>);

/// A machine, its rows and its keys.
#[derive(Clone)]
pub struct MemoryHost {
    /// The machine.
    pub machine: Machine,
    /// The store.
    pub rows: Vec<Row>,
    /// The local clock.
    pub now: Millis,
    /// What was emitted.
    pub events: Vec<Event>,
    /// How many ops the machine has asked for.
    pub ops_read: usize,
    /// How often it has asked for ops that links send.
    pub link_reads: usize,
    /// Frames for peers, and in place of a frame the end of a link, in order.
    pub sent: Vec<(LinkId, Option<Frame>)>,
    /// Answers that came later than their command.
    pub heard: Vec<Reply>,
    /// When peers last had the same.
    pub remembered: BTreeMap<Author, Remembered>,
    /// The device's own branch policies.
    policies: Policies,
    keys: BTreeMap<Author, SigningKey>,
    author: Author,
    next_key: u64,
    next_request: u64,
}

impl MemoryHost {
    /// A host without ops that writes under the test key `number`.
    pub fn new(number: u64) -> MemoryHost {
        MemoryHost::open(number, Vec::new(), START, KeyUse::Own)
    }

    /// A host without ops whose device has branch policies of its own.
    pub fn under(number: u64, policies: Policies) -> MemoryHost {
        MemoryHost::open_under(number, Vec::new(), START, KeyUse::Own, policies)
    }

    /// A host over rows that were written before.
    pub fn open(number: u64, rows: Vec<Row>, now: Millis, key_use: KeyUse) -> MemoryHost {
        MemoryHost::open_under(number, rows, now, key_use, Policies::default())
    }

    fn open_under(number: u64, rows: Vec<Row>, now: Millis, key_use: KeyUse, policies: Policies) -> MemoryHost {
        let key = test_key(number);
        let author = author_of(&key);
        let (machine, outputs) = Machine::open(Config { author, key_use, id_key: number, policies: policies.clone() });
        let mut host = MemoryHost {
            machine,
            rows,
            now,
            events: Vec::new(),
            ops_read: 0,
            link_reads: 0,
            sent: Vec::new(),
            heard: Vec::new(),
            remembered: BTreeMap::new(),
            policies,
            keys: BTreeMap::from([(author, key)]),
            author,
            next_key: number + 1_000_000,
            next_request: 0,
        };
        host.carry_out(outputs);
        host
    }

    /// The same store, opened anew.
    pub fn reopened(&self) -> MemoryHost {
        let mut host = self.clone();
        let (machine, outputs) = Machine::open(Config {
            author: self.author,
            key_use: KeyUse::Own,
            id_key: 9,
            policies: self.policies.clone(),
        });
        host.machine = machine;
        host.carry_out(outputs);
        host
    }

    /// The key that the host writes under now.
    pub fn author(&self) -> Author {
        self.author
    }

    /// Carries a command out and returns its answer.
    pub fn run(&mut self, command: Command) -> Result<Answer, CommandError> {
        self.next_request += 1;
        let request = Request(self.next_request);
        let outputs = self.machine.step(Input::Command(request, command), self.now).expect("a command is always taken");
        let replies = self.carry_out(outputs);
        let mut answers = replies.into_iter().filter(|(of, _)| *of == request).map(|(_, result)| result);
        let answer = answers.next().expect("every command is answered");
        assert!(answers.next().is_none(), "a command is answered once");
        answer
    }

    /// Gives a command whose answer may come later, into `heard`.
    pub fn ask(&mut self, command: Command) -> Request {
        self.next_request += 1;
        let request = Request(self.next_request);
        self.give(Input::Command(request, command));
        request
    }

    /// Tells the machine what happened to a link.
    pub fn give(&mut self, input: Input) {
        let outputs = self.machine.step(input, self.now).expect("what happens to a link is always taken");
        let replies = self.carry_out(outputs);
        self.heard.extend(replies);
    }

    /// Takes what was sent on a link; the last is none where the link was closed.
    pub fn take_sent(&mut self, link: LinkId) -> Vec<Option<Message>> {
        let (mine, others) = std::mem::take(&mut self.sent).into_iter().partition(|(id, _)| *id == link);
        self.sent = others;
        let mine: Vec<(LinkId, Option<Frame>)> = mine;
        let read = |frame: Frame| self.machine.read_frame(&frame).expect("a machine sends messages");
        mine.into_iter().map(|(_, frame)| frame.map(read)).collect()
    }

    /// Lets time pass.
    pub fn wait_until(&mut self, now: Millis) {
        self.now = now;
        self.give(Input::Tick);
    }

    /// Begins a repo.
    pub fn create(&mut self) -> OpId {
        let nonce = [self.author.0[0]; 32];
        written(self.run(Command::Create { name: "test".into(), nonce }))[0]
    }

    /// Writes edits to a branch in one transaction.
    pub fn write(&mut self, branch: &str, edits: Vec<Edit>) -> Result<Answer, CommandError> {
        let random = *blake3::hash(&[&self.author.0, &self.next_request.to_le_bytes()[..]].concat()).as_bytes();
        self.run(Command::Write(Transaction { branch: branch.into(), actor: None, edits, note: None, random }))
    }

    /// Writes one change of one entity to `main`; returns the op.
    pub fn change(&mut self, collection: &str, key: &str, change: Change) -> OpId {
        let edit = Edit::Entity { collection: collection.into(), key: key.into(), change, base: Base::Shown };
        *written(self.write("main", vec![edit])).last().expect("the change wrote an op")
    }

    /// Puts a whole value.
    pub fn put(&mut self, collection: &str, key: &str, value: Value) -> OpId {
        self.change(collection, key, Change::Replace(value))
    }

    /// Everything that `other` lacks goes to it.
    pub fn send_to(&mut self, other: &mut MemoryHost) -> Answer {
        let Answer::ChainEnds(ends) = other.run(Command::ChainEnds).expect("chain ends are known") else {
            panic!("chain ends");
        };
        let known = ends.into_iter().map(|end| end.id).collect();
        let Answer::Ops(ops) = self.run(Command::Export { known }).expect("ops can be read") else { panic!("ops") };
        other.run(Command::Import(ops)).expect("an import is answered with a report")
    }

    fn carry_out(&mut self, outputs: Vec<Output>) -> Vec<Reply> {
        let mut replies = Vec::new();
        let mut queue = std::collections::VecDeque::from(outputs);
        while let Some(output) = queue.pop_front() {
            let input = match output {
                Output::Reply(request, result) => {
                    replies.push((request, result));
                    continue;
                }
                Output::Emit(event) => {
                    self.events.push(event);
                    continue;
                }
                Output::Send(link, frame) => {
                    self.sent.push((link, Some(frame)));
                    continue;
                }
                Output::Close(link) => {
                    self.sent.push((link, None));
                    continue;
                }
                Output::Remember(peer, then) => {
                    self.remembered.insert(peer, then);
                    continue;
                }
                Output::KeepPiece(..) => panic!("nothing here names blobs"),
                Output::Sign { ticket, author, message } => {
                    Input::Signed(ticket, self.keys[&author].sign(&message).to_bytes())
                }
                Output::MakeKey { ticket } => Input::KeyMade(ticket, self.make_key()),
                Output::Persist(ticket, row) => {
                    assert_eq!(row.seq as usize, self.rows.len() + 1, "rows come in order");
                    self.rows.push(row);
                    Input::Persisted(ticket)
                }
                Output::Load(ticket, query) => {
                    self.ops_read += if let Query::Ops(places) = &query { places.len() } else { 0 };
                    self.link_reads += usize::from(matches!(query, Query::OpsUpTo { .. }));
                    Input::Loaded(ticket, self.load(&query))
                }
            };
            queue.extend(self.machine.step(input, self.now).expect("an answer to an open ticket is taken"));
        }
        replies
    }

    fn make_key(&mut self) -> Author {
        let key = test_key(self.next_key);
        self.next_key += 1;
        self.author = author_of(&key);
        self.keys.insert(self.author, key);
        self.author
    }

    /// Reads what a query asks for.
    pub fn load(&self, query: &Query) -> Loaded {
        match query {
            Query::Peers => Loaded::Peers(self.remembered.clone().into_iter().collect()),
            query => load_rows(&self.rows, query),
        }
    }
}

/// Rows of which the first has the local sequence 1.
struct InOrder<'r>(&'r [Row]);

impl Rows for InOrder<'_> {
    fn row(&self, seq: u32) -> Option<Columns<'_>> {
        let row = self.0.get((seq as usize).checked_sub(1)?)?;
        Some((&row.headers, &row.bodies))
    }
}

/// Reads what a query asks for from rows.
pub fn load_rows(rows: &[Row], query: &Query) -> Loaded {
    match query {
        Query::Rows { after } => {
            let rows = rows.iter().skip(*after as usize).map(|row| RowHeaders {
                seq: row.seq,
                origin: row.origin,
                headers: row.headers.clone(),
                digest: row.digest,
            });
            Loaded::Rows { rows: rows.collect(), more: More::End }
        }
        Query::Ops(places) => Loaded::Ops(places.iter().map(|at| op_in(&InOrder(rows), at.op, at.late_body)).collect()),
        Query::OpsUpTo { ops, bytes_max } => {
            Loaded::Ops(ops_in_up_to(&InOrder(rows), ops.iter().map(|at| (at.op, at.late_body)), *bytes_max).0)
        }
        Query::LackingBlobs | Query::AbsentBlobs(_) => Loaded::Blobs(Vec::new()),
        Query::BlobPiece { .. } => Loaded::Piece(None),
        Query::Peers => Loaded::Peers(Vec::new()),
    }
}
/// The ops that a write made.
pub fn written(result: Result<Answer, CommandError>) -> Vec<OpId> {
    match result.expect("the write is taken") {
        Answer::Written(ops) => ops,
        other => panic!("a write is not answered by {other:?}"),
    }
}

/// The name of the engine's own branch.
pub const REPO: &str = REPO_BRANCH;
