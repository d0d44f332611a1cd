//! A machine and a peer that the test plays: it proves a key, and then says what the test wants.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer, SigningKey};
use trellis_core::admit::policy::Policies;
use trellis_core::error::CommandError;
use trellis_core::input::{
    Change, Command, Connection, Edit, Frame, Guests, Input, Interest, InvitationProof, InvitationTerms, Joining,
    LinkId, Request, Role, Side, Ticket, Tier,
};
use trellis_core::limits::{CREDIT_BYTES, FRAME_BYTES_MAX, HEARTBEAT_MS, PING_MS, PINGS_MISSED_MAX};
use trellis_core::link::handshake::{Handshake, Next};
use trellis_core::link::message::{
    Ack, Form, Have, Level, Message, Nack, Ops, Reason, RepoTag, StateHalf, StateHash, TroubleCode, Without,
};
use trellis_core::log::row::{Row, StoredOp};
use trellis_core::machine::{Config, KeyUse, Machine};
use trellis_core::op::id::OpId;
use trellis_core::op::invitation::invited_message;
use trellis_core::output::{Answer, Output};
use trellis_core::time::Millis;
use trellis_tests::host::{MemoryHost, REPO, START, author_of, load_rows, test_key};

const LINK: LinkId = LinkId(1);
const OWN: u64 = 1;
const PEERS: u64 = 2;

/// A machine on rows, and what it said to the peer.
struct Host {
    machine: Machine,
    rows: Vec<Row>,
    now: Millis,
    /// Rows that wait for a slow disk.
    unsynced: Vec<Ticket>,
    is_slow: bool,
    said: Vec<Message>,
    /// Bytes of ops that it sent.
    ops_bytes: u64,
    replies: BTreeMap<Request, Result<Answer, CommandError>>,
}

impl Host {
    fn open(rows: &[Row]) -> Host {
        let author = author_of(&test_key(OWN));
        let config = Config { author, key_use: KeyUse::Own, id_key: 3, policies: Policies::default() };
        let (machine, outputs) = Machine::open(config);
        let mut host = Host {
            machine,
            rows: rows.to_vec(),
            now: START,
            unsynced: Vec::new(),
            is_slow: false,
            said: Vec::new(),
            ops_bytes: 0,
            replies: BTreeMap::new(),
        };
        host.carry_out(outputs);
        host
    }

    fn tell(&mut self, input: Input) {
        let outputs = self.machine.step(input, self.now).expect("the input is taken");
        self.carry_out(outputs);
    }

    fn carry_out(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Sign { ticket, message, .. } => {
                    self.tell(Input::Signed(ticket, test_key(OWN).sign(&message).to_bytes()));
                }
                Output::Persist(ticket, row) => {
                    self.rows.push(row);
                    self.unsynced.push(ticket);
                }
                Output::Load(ticket, query) => {
                    let loaded = load_rows(&self.rows, &query);
                    self.tell(Input::Loaded(ticket, loaded));
                }
                Output::Send(_, frame) => self.hear(&frame),
                Output::Reply(request, result) => drop(self.replies.insert(request, result)),
                Output::MakeKey { .. } => panic!("nobody else uses the key"),
                Output::KeepPiece(..) => panic!("nothing here names blobs"),
                Output::Close(_) | Output::Emit(_) | Output::Remember(..) => {}
            }
        }
        if !self.is_slow {
            self.sync();
        }
    }

    fn sync(&mut self) {
        for ticket in std::mem::take(&mut self.unsynced) {
            self.tell(Input::Persisted(ticket));
        }
    }

    fn hear(&mut self, frame: &Frame) {
        let message = frame.read().expect("a machine writes messages");
        self.ops_bytes += if matches!(message, Message::Ops(_)) { frame.len() as u64 } else { 0 };
        self.said.push(message);
    }

    fn say(&mut self, message: &Message) {
        self.tell(Input::Received(LINK, Frame::of(message, Form::Binary).expect("the message is within bounds")));
    }

    fn wait(&mut self, number: u64, ops: Vec<OpId>, tier: Tier) {
        let until = Millis(self.now.0 + 1_000_000);
        self.tell(Input::Command(Request(number), Command::Durable { ops, tier, until }));
    }

    fn reply(&self, number: u64) -> Option<&Result<Answer, CommandError>> {
        self.replies.get(&Request(number))
    }

    /// What the machine's last message said of its state.
    fn state(&self) -> Option<StateHash> {
        let state = |message: &Message| match message {
            Message::Have(Have { state, .. }) | Message::Ack(Ack { state, .. }) => *state,
            _ => None,
        };
        self.said.iter().rev().find_map(state)
    }

    fn trouble(&self) -> Option<TroubleCode> {
        self.said.iter().find_map(|message| match message {
            Message::Error(trouble) => Some(trouble.code),
            _ => None,
        })
    }

    fn last_have(&self) -> &Have {
        let is_have = |message: &&Message| matches!(message, Message::Have(_));
        match self.said.iter().rev().find(is_have) {
            Some(Message::Have(have)) => Some(have),
            _ => None,
        }
        .expect("the machine said a have")
    }

    fn last_ack(&self) -> &Ack {
        let is_ack = |message: &&Message| matches!(message, Message::Ack(_));
        match self.said.iter().rev().find(is_ack) {
            Some(Message::Ack(ack)) => Some(ack),
            _ => None,
        }
        .expect("the machine said an ack")
    }
}

fn connection(side: Side) -> Connection {
    Connection {
        side,
        nonce: [side as u8; 32],
        origin: "wss://relay.example".into(),
        binding: b"channel".to_vec(),
        expected: None,
        guests: Guests::Anyone,
        is_relay: false,
        interest: Interest::default(),
        joining: None,
    }
}

/// The peer dials and proves `key`; the machine answers as `own` says.
fn dialled(host: &mut Host, own: Connection, peer: Connection, tag: Option<RepoTag>, key: &SigningKey) {
    host.tell(Input::Connected(LINK, own));
    let mut handshake = Handshake::new(peer, author_of(&test_key(PEERS)));
    let hello = handshake.hello(tag).expect("the peer dials");
    host.say(&Message::Hello(hello));
    let Some(Message::Welcome(welcome)) = host.said.last().cloned() else { return };
    let Ok(Next::Sign(message)) = handshake.on_welcome(&welcome) else { return };
    let (auth, _) = handshake.auth(key.sign(&message).to_bytes()).expect("the peer was asked to sign");
    host.say(&Message::Auth(auth));
}

fn linked(rows: &[Row]) -> Host {
    let mut host = Host::open(rows);
    dialled(&mut host, connection(Side::Responder), connection(Side::Initiator), None, &test_key(PEERS));
    assert_eq!(host.trouble(), None);
    host
}

/// A repo with one entity of its owner's, and the op.
fn repo() -> (MemoryHost, OpId) {
    let mut host = MemoryHost::new(OWN);
    host.create();
    let op = host.put("notes", "a", 1.into());
    (host, op)
}

/// A repo with more bytes than the credit of a link.
fn heavy_repo() -> MemoryHost {
    let (mut host, _) = repo();
    write_heavy(&mut host);
    host
}

fn write_heavy(host: &mut MemoryHost) {
    for key in 0..30 {
        host.change("blobs", &key.to_string(), Change::Bytes(vec![key; 200_000]));
    }
}

fn ack(state: Option<StateHash>) -> Ack {
    Ack {
        ends: Vec::new(),
        without: Without::default(),
        level: Level::Disk,
        credit: CREDIT_BYTES,
        knows: None,
        state,
        integrated: Vec::new(),
    }
}

fn credit(credit: u64) -> Message {
    Message::Ack(Ack { credit, ..ack(None) })
}

#[test]
fn a_hello_that_is_meant_for_another_key_is_refused() {
    let mut host = Host::open(&repo().0.rows);
    let expected = Some(author_of(&test_key(77)));
    let peer = Connection { expected, ..connection(Side::Initiator) };
    dialled(&mut host, connection(Side::Responder), peer, None, &test_key(PEERS));
    assert_eq!(host.trouble(), Some(TroubleCode::AuthFailed));
}

#[test]
fn a_proof_for_another_channel_is_refused() {
    let mut host = Host::open(&repo().0.rows);
    host.tell(Input::Connected(LINK, connection(Side::Initiator)));
    let Some(Message::Hello(hello)) = host.said.last().cloned() else { panic!("the machine dials") };
    let elsewhere = Connection { binding: b"other".to_vec(), ..connection(Side::Responder) };
    answer(&mut host, Handshake::new(elsewhere, author_of(&test_key(PEERS))), &hello);
    assert_eq!(host.trouble(), Some(TroubleCode::AuthFailed));
}

fn answer(host: &mut Host, mut handshake: Handshake, hello: &trellis_core::link::message::Hello) {
    let Ok(Next::Sign(message)) = handshake.on_hello(hello, START) else { panic!("the peer takes the hello") };
    let welcome = handshake.welcome(test_key(PEERS).sign(&message).to_bytes()).expect("the peer was asked to sign");
    host.say(&Message::Welcome(welcome));
}

#[test]
fn somebody_else_than_was_dialled_is_refused() {
    let mut host = Host::open(&repo().0.rows);
    let expected = Some(author_of(&test_key(77)));
    host.tell(Input::Connected(LINK, Connection { expected, ..connection(Side::Initiator) }));
    let Some(Message::Hello(hello)) = host.said.last().cloned() else { panic!("the machine dials") };
    let pretended = Connection { origin: hello.audience.clone(), ..connection(Side::Responder) };
    answer(&mut host, Handshake::new(pretended, author_of(&test_key(PEERS))), &hello);
    assert_eq!(host.trouble(), Some(TroubleCode::AuthFailed));
}

#[test]
fn a_stranger_is_refused_where_only_members_are_let_in() {
    let mut host = Host::open(&repo().0.rows);
    let own = Connection { guests: Guests::Members, ..connection(Side::Responder) };
    dialled(&mut host, own, connection(Side::Initiator), None, &test_key(PEERS));
    assert_eq!(host.trouble(), Some(TroubleCode::AuthFailed));
}

#[test]
fn a_guest_is_a_member_durably_before_it_hears_anything() {
    let (mut owner, _) = repo();
    let (secret, joiner) = (test_key(900), author_of(&test_key(PEERS)));
    let Ok(Answer::Status(status)) = owner.run(Command::Status) else { panic!("a status") };
    let repo = status.repo.expect("it has begun");
    let until = Millis(START.0 + 1_000_000);
    let terms = InvitationTerms { role: Role::Writer, until, uses: 1, name: None };
    owner.write(REPO, vec![Edit::Invite { key: author_of(&secret), terms }]).expect("the owner invites");
    let signature = secret.sign(&invited_message(&repo, &joiner)).to_bytes();
    let joining = Some(Joining { repo, proof: InvitationProof { key: author_of(&secret), signature } });
    let mut host = Host::open(&owner.rows);
    host.is_slow = true;
    let own = Connection { guests: Guests::Members, ..connection(Side::Responder) };
    dialled(&mut host, own, Connection { joining, ..connection(Side::Initiator) }, None, &test_key(PEERS));
    host.say(&Message::Have(Have::default()));
    assert!(matches!(host.said.last(), Some(Message::Welcome(_))), "{:?}", host.said.last());
    host.sync();
    assert!(matches!(host.said.last(), Some(Message::Have(_) | Message::Ops(_))), "{:?}", host.said.last());
}

#[test]
fn a_key_that_is_not_proved_is_refused() {
    let mut host = Host::open(&repo().0.rows);
    dialled(&mut host, connection(Side::Responder), connection(Side::Initiator), None, &test_key(77));
    assert_eq!(host.trouble(), Some(TroubleCode::AuthFailed));
}

#[test]
fn a_peer_with_another_repo_is_told_so() {
    let mut host = Host::open(&repo().0.rows);
    let tag = Some(RepoTag([9; 16]));
    dialled(&mut host, connection(Side::Responder), connection(Side::Initiator), tag, &test_key(PEERS));
    assert_eq!(host.trouble(), Some(TroubleCode::RepoMismatch));
}

#[test]
fn only_an_ack_from_a_disk_and_with_the_body_makes_an_op_safe() {
    let (repo, op) = repo();
    let mut host = linked(&repo.rows);
    host.say(&Message::Have(Have::default()));
    let state = host.state();
    host.wait(1, vec![op], Tier::Peer);
    host.say(&Message::Ack(Ack { level: Level::Memory, ..ack(state) }));
    assert_eq!(host.reply(1), None);
    let without = Without { ops: vec![op], blobs: Vec::new() };
    host.say(&Message::Ack(Ack { without, ..ack(state) }));
    assert_eq!(host.reply(1), None);
    host.say(&Message::Ack(ack(state)));
    assert_eq!(host.reply(1), Some(&Ok(Answer::Durable { withheld: Vec::new() })));
}

#[test]
fn who_waits_for_an_op_hears_that_a_peer_refuses_it() {
    let (repo, op) = repo();
    let mut host = linked(&repo.rows);
    host.wait(1, vec![op], Tier::Peer);
    host.say(&Message::Nack(Nack { ops: vec![(op, Reason::NotPermitted)], head: None }));
    assert_eq!(host.reply(1), None);
    host.say(&Message::Nack(Nack { ops: vec![(op, Reason::Invalid)], head: None }));
    assert_eq!(host.reply(1), Some(&Err(CommandError::Rejected(op))));
}

#[test]
fn an_op_is_not_safe_here_before_the_disk_has_it() {
    let (repo, _) = repo();
    let mut host = linked(&repo.rows);
    let (repo_id, ops) = foreign(&repo, |other| {
        other.put("notes", "b", 2.into());
    });
    let op = OpId::of_header(&ops.last().expect("an op").header);
    host.is_slow = true;
    host.say(&Message::Ops(Ops { batch: 1, more: false, sent: 0, repo: repo_id, ops }));
    host.wait(1, vec![op], Tier::Local);
    assert_eq!(host.reply(1), None);
}

/// Ops that another replica writes on top of a repo.
fn foreign(repo: &MemoryHost, write: impl FnOnce(&mut MemoryHost)) -> (trellis_core::op::id::RepoId, Vec<StoredOp>) {
    let (mut repo, mut other) = (repo.clone(), MemoryHost::new(5));
    repo.send_to(&mut other);
    let Ok(Answer::ChainEnds(ends)) = other.run(Command::ChainEnds) else { panic!("chain ends") };
    write(&mut other);
    let known = ends.iter().map(|end| end.id).collect();
    let Ok(Answer::Ops(ops)) = other.run(Command::Export { known }) else { panic!("ops") };
    let Ok(Answer::Ops(all)) = other.run(Command::Export { known: Vec::new() }) else { panic!("ops") };
    (OpId::of_header(&all[0].header).into(), ops)
}

#[test]
fn ops_beyond_the_credit_end_the_link_whatever_the_peer_says_that_it_sent() {
    let (repo, _) = repo();
    let mut host = linked(&repo.rows);
    host.is_slow = true;
    let (repo, ops) = foreign(&repo, write_heavy);
    for ops in ops.chunks(1) {
        host.say(&Message::Ops(Ops { batch: 1, more: true, sent: 0, repo, ops: ops.to_vec() }));
    }
    assert_eq!(host.trouble(), Some(TroubleCode::RateLimited));
}

#[test]
fn no_more_ops_go_out_than_the_credit_allows_and_a_have_counts_no_others() {
    let mut host = linked(&heavy_repo().rows);
    host.say(&Message::Have(Have::default()));
    let sent = host.ops_bytes;
    assert!(sent <= CREDIT_BYTES && sent + FRAME_BYTES_MAX as u64 > CREDIT_BYTES, "{sent}");
    host.now = Millis(host.now.0 + HEARTBEAT_MS);
    host.tell(Input::Tick);
    assert_eq!(host.last_have().sent, sent);
}

#[test]
fn an_ack_that_was_overtaken_takes_no_credit_away() {
    let mut host = linked(&heavy_repo().rows);
    host.say(&credit(4 * CREDIT_BYTES));
    host.say(&credit(CREDIT_BYTES));
    host.say(&Message::Have(Have::default()));
    assert!(host.ops_bytes > CREDIT_BYTES, "{}", host.ops_bytes);
}

#[test]
fn bytes_that_were_lost_count_back() {
    let mut host = linked(&repo().0.rows);
    host.say(&Message::Have(Have::default()));
    let (state, sent) = (host.state(), CREDIT_BYTES / 2);
    host.say(&Message::Have(Have { state, sent, ..Have::default() }));
    assert_eq!(host.last_ack().credit, sent + CREDIT_BYTES);
}

#[test]
fn tips_on_top_of_a_state_that_is_not_known_are_answered_with_everything() {
    let mut host = linked(&repo().0.rows);
    host.say(&Message::Have(Have::default()));
    host.said.clear();
    let (since, state) = (Some(StateHalf([6; 16])), Some(StateHash([7; 32])));
    host.say(&Message::Have(Have { since, state, ..Have::default() }));
    let have = host.last_have();
    assert_eq!((have.since, have.knows, have.tips.is_empty()), (None, None, false));
}

#[test]
fn a_peer_that_is_silent_for_too_long_is_gone() {
    let mut host = linked(&repo().0.rows);
    for _ in 0..=PINGS_MISSED_MAX {
        assert_eq!(host.trouble(), None);
        host.now = Millis(host.now.0 + PING_MS);
        host.tell(Input::Tick);
    }
    assert_eq!(host.trouble(), Some(TroubleCode::Timeout));
}
