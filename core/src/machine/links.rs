//! Links: what hosts tell of connections goes to sessions, and what sessions want goes to the host, the store and the
//! funnel.

mod guests;
mod shake;

use alloc::boxed::Box;
use alloc::vec::Vec;

use self::guests::Guest;
use super::dues::Dues;
use super::integrate::AfterPersist;
use super::talk::Talk;
use super::{Machine, Outputs, Phase, Waiting};
use crate::input::{Input, LinkId, Ticket};
use crate::limits::{AUTH_MS_MAX, FRAME_IDS_MAX, LINKS_REMEMBERED_MAX, READ_BYTES_MAX, UNPROVEN_FRAME_BYTES_MAX};
use crate::link::bucket::Bucket;
use crate::link::frame::FrameKind;
use crate::link::handshake::{Connection, Handshake, Proof};
use crate::link::interest::{Agreed, Interest};
use crate::link::message::{
    Ephemeral, Form, Frame, Message, MessageFault, Reason, RepoTag, Trouble, TroubleCode, Without, check_on_link,
};
use crate::link::ops::{OpsFault, decode_ops_on_link};
use crate::link::reach::Reach;
use crate::link::session::{Act, Batch, Ground, Memory, ReadOps, Session, Taken};
use crate::log::graph::Node;
use crate::log::row::{Origin, StoredOp};
use crate::op::id::{Author, OpId};
use crate::op::sign::{RebuiltOp, VerifiedOp};
use crate::ordered::Map;
use crate::output::{Event, LinkEvent, LinkView, Output, Query, StoredAt};
use crate::time::Millis;

/// All links of a replica, and what is durable of its ops.
#[derive(Clone, Debug)]
pub(super) struct Links {
    pub(super) open: Map<LinkId, Link>,
    /// When each of them next wants to be told the time.
    dues: Dues,
    /// What ended links left, by the key of their peer, and what they were about.
    remembered: Map<Author, (Agreed, Memory)>,
    /// How much each peer may still say, on all of its open links together.
    talks: Map<Author, Bucket>,
    /// The last row that the store has.
    pub(super) durable_row: u32,
    /// How many ops, from the first on, the store has.
    durable: usize,
    /// What is being read for links.
    pub(super) reads: Map<Ticket, LinkRead>,
    /// How many of these links were told of.
    announced: usize,
    /// All of these ops, while a link is open.
    whole: Reach,
}

/// Ops that are being read, and the links that send them.
#[derive(Clone, Debug)]
pub(super) struct LinkRead {
    nodes: Vec<Node>,
    pub(super) places: Vec<StoredAt>,
    links: Vec<LinkId>,
    /// The first of the ops, as far as they have come.
    pub(super) ops: Vec<Option<StoredOp>>,
    /// How many bytes more are wanted.
    pub(super) bytes_left: usize,
}

impl LinkRead {
    /// Whether as much has come as is wanted.
    pub(super) fn is_whole(&self) -> bool {
        self.bytes_left == 0 || self.ops.len() >= self.places.len()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) form: Form,
    pub(super) stage: Stage,
}

#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Before the peer is known. The repo that the initiator means is what it said.
    Shaking { handshake: Box<Handshake>, tag: Option<RepoTag>, until: Millis, guest: Option<Box<Guest>> },
    /// Before the first answer of a peer that proves what it says.
    Asking(Box<Talk>, Proof),
    /// The peer is known.
    Open(Box<Talk>),
}

impl Links {
    pub(super) fn new() -> Links {
        Links {
            open: Map::new(),
            dues: Dues::default(),
            remembered: Map::new(),
            talks: Map::new(),
            durable_row: 0,
            durable: 0,
            reads: Map::new(),
            announced: 0,
            whole: Reach::new(Agreed::default()),
        }
    }

    /// When a link next wants to be told the time.
    pub(super) fn deadline(&self) -> Option<Millis> {
        self.dues.first()
    }

    /// Puts a link in place of what it was.
    pub(super) fn put(&mut self, id: LinkId, link: Link) {
        self.open.insert(id, link);
        self.note_due(id);
    }

    /// Whatever was told to a link may have changed when it wants to be told the time.
    fn note_due(&mut self, id: LinkId) {
        let due = self.open.get(&id).and_then(|link| match &link.stage {
            Stage::Shaking { until, .. } => Some(*until),
            Stage::Asking(..) => None,
            Stage::Open(talk) => Some(talk.session.deadline()),
        });
        self.dues.set(id, due);
    }

    /// The sessions that are open, and what each is about.
    pub(super) fn sessions(&self) -> impl Iterator<Item = (LinkId, &Session, &Reach)> {
        self.open.iter().filter_map(|(id, link)| match &link.stage {
            Stage::Open(talk) => Some((*id, &talk.session, talk.part.as_ref().unwrap_or(&self.whole))),
            Stage::Shaking { .. } | Stage::Asking(..) => None,
        })
    }

    /// The session of a link, once the peer is known.
    pub(super) fn talk(&self, id: LinkId) -> Option<&Talk> {
        match &self.open.get(&id)?.stage {
            Stage::Open(talk) => Some(talk),
            Stage::Shaking { .. } | Stage::Asking(..) => None,
        }
    }

    /// How many ops, from the first on, the store has.
    pub(super) fn durable(&self) -> usize {
        self.durable
    }
}

impl Machine {
    /// Takes what happened to a link.
    pub(super) fn on_link(&mut self, input: Input, now: Millis, out: &mut Outputs) {
        if let Phase::Opening(opening) = &mut self.phase {
            return opening.links.push_back(input);
        }
        let Some(input) = self.is_ready_for_links(input, out) else { return };
        match input {
            Input::Connected(id, connection) => self.on_connected(id, connection, now, out),
            Input::Proved(id, proof) => self.on_proved(id, proof, now, out),
            Input::PeerKnown(id, key) => self.on_peer_known(id, key, out),
            Input::Received(id, frame) => self.on_received(id, &frame, now, out),
            Input::HangUp(id) => self.hang_up(id, out),
            Input::Disconnected(id) => self.forget(id, out),
            _ => {}
        }
    }

    fn on_connected(&mut self, id: LinkId, connection: Connection, now: Millis, out: &mut Outputs) {
        let mut handshake = Box::new(Handshake::new(connection, self.author).packing(self.compression.is_some()));
        if let Some(hello) = handshake.hello(self.graph.repo().map(|repo| RepoTag::of(&repo))) {
            send(out, id, &Message::Hello(hello), Form::Binary);
        }
        let stage = Stage::Shaking { handshake, tag: None, until: Millis(now.0 + AUTH_MS_MAX), guest: None };
        self.links.put(id, Link { form: Form::Binary, stage });
        self.note_durable();
    }

    fn on_received(&mut self, id: LinkId, frame: &Frame, now: Millis, out: &mut Outputs) {
        let Some(link) = self.links.open.get_mut(&id) else { return };
        if let Stage::Shaking { guest: Some(guest), .. } = &mut link.stage {
            guest.said.push(frame.clone());
            return self.bound_guest(id, out);
        }
        let is_shaking = !matches!(link.stage, Stage::Open(_));
        if matches!(link.stage, Stage::Shaking { .. }) {
            link.form = frame.form();
        }
        let is_fit = (!is_shaking || frame.len() <= UNPROVEN_FRAME_BYTES_MAX) && frame.form() == link.form;
        let unpacked = match &link.stage {
            Stage::Open(talk) => talk.unpacked(frame),
            Stage::Shaking { .. } | Stage::Asking(..) => None,
        };
        let bytes = frame.len();
        match unpacked.as_ref().unwrap_or(frame) {
            _ if !is_fit => self.end(id, TroubleCode::Malformed, out),
            Frame::Binary(frame) if !is_shaking && frame.first() == Some(&FrameKind::Ops.code()) => {
                self.hear_ops(id, frame, bytes, now, out);
            }
            frame => match frame.read() {
                Ok(message) if is_shaking => self.shake(id, message, now, out),
                Ok(message) => self.hear(id, message, bytes, now, out),
                Err(_) => self.end(id, TroubleCode::Malformed, out),
            },
        }
    }

    fn hear_ops(&mut self, id: LinkId, frame: &[u8], frame_bytes: usize, now: Millis, out: &mut Outputs) {
        match decode_ops_on_link(frame, &|half| self.by_half(half)) {
            Ok((on_link, batch)) if check_on_link(&on_link).is_ok() => {
                self.with_session(id, now, out, |session, ground| session.on_ops(on_link, batch, frame_bytes, ground));
            }
            Err(OpsFault::UnknownHalf) => self.with_session(id, now, out, Session::on_unknown_half),
            _ => self.end(id, TroubleCode::Malformed, out),
        }
    }

    fn by_half(&self, half: &[u8; 16]) -> Option<OpId> {
        self.graph.find_half(half).map(|node| self.graph.id(node))
    }

    /// Reads a frame that is not packed as a message to or from this replica.
    ///
    /// # Errors
    /// [`MessageFault`]: it is none, or names by half ops that are not here.
    pub fn read_frame(&self, frame: &Frame) -> Result<Message, MessageFault> {
        frame.read_with(&|half| self.by_half(half))
    }

    fn hear(&mut self, id: LinkId, message: Message, frame_bytes: usize, now: Millis, out: &mut Outputs) {
        if let Message::Have(have) = &message {
            let Some(theirs) = Interest::parse(&have.interest) else {
                return self.end(id, TroubleCode::Malformed, out);
            };
            if let Some(Stage::Open(talk)) = self.links.open.get_mut(&id).map(|link| &mut link.stage) {
                talk.agree(theirs);
            }
        }
        self.with_session(id, now, out, |session, ground| session.on_message(message, frame_bytes, ground));
    }

    /// Lets a session see the graph, and carries out what it wants.
    pub(super) fn with_session(
        &mut self,
        id: LinkId,
        now: Millis,
        out: &mut Outputs,
        tell: impl FnOnce(&mut Session, &Ground<'_>),
    ) {
        let without = self.without();
        let Links { open, whole, durable, talks, .. } = &mut self.links;
        let (graph, durable, level) = (&self.graph, *durable, self.level);
        let Some(Stage::Open(talk)) = open.get_mut(&id).map(|link| &mut link.stage) else { return };
        let reach = talk.part.as_mut().unwrap_or(whole);
        reach.look(graph, durable);
        let shared = talks.entry(talk.session.peer().key).or_insert(talk.session.talk());
        if !planted!(TalkPerLink) {
            talk.session.set_talk(*shared);
        }
        tell(&mut talk.session, &Ground { graph, durable, reach, without: &without, level, now });
        *shared = talk.session.talk();
        self.links.note_due(id);
        self.carry_out(id, now, out);
    }

    /// Bodies and blobs that are not here, as many as a frame may list.
    fn without(&self) -> Without {
        let is_wanted = |node: &Node| !self.state.is_redacted(*node);
        let bodyless = self.graph.bodyless().filter(is_wanted).take(FRAME_IDS_MAX / 2);
        Without { ops: bodyless.map(|node| self.graph.id(node)).collect(), blobs: self.lacking_blobs() }
    }

    fn carry_out(&mut self, id: LinkId, now: Millis, out: &mut Outputs) {
        let Some(Stage::Open(talk)) = self.links.open.get_mut(&id).map(|link| &mut link.stage) else { return };
        for act in talk.session.take_acts() {
            match act {
                Act::Send(frame) => out.push(Output::Send(id, frame)),
                Act::Read(nodes) => self.read_for_link(id, nodes, out),
                Act::Take(batch) => self.take_batch(id, batch, now, out),
                Act::ReadPiece(want) => self.read_piece(id, want, out),
                Act::Keep { blob, upto, bytes } => self.keep_piece(id, blob, (upto, bytes), out),
                Act::Acknowledged => self.settle_receipts(out),
                Act::Nacked(nack) => self.on_nacked(id, nack, out),
                Act::Present(Ephemeral { topic, bytes, .. }) => {
                    out.push(Output::Emit(Event::Link(id, LinkEvent::Presence { topic, bytes })));
                }
                Act::InSync => out.push(Output::Emit(Event::Link(id, LinkEvent::InSync))),
                Act::End(code) => return self.end(id, code, out),
                Act::Ended(code) => return self.end_told(id, code, out),
            }
        }
    }

    /// Has ops read for a link. What is being read already for another one comes for both: news goes to many at once.
    fn read_for_link(&mut self, id: LinkId, nodes: Vec<Node>, out: &mut Outputs) {
        let places: Vec<StoredAt> = nodes.iter().map(|node| self.stored_at(*node)).collect();
        if let Some(last) = self.links.reads.last_value_mut()
            && last.places == places
        {
            return last.links.push(id);
        }
        let links = alloc::vec![id];
        self.load_for_link(LinkRead { nodes, places, links, ops: Vec::new(), bytes_left: READ_BYTES_MAX }, out);
    }

    /// Asks for the ops that have not come yet.
    pub(super) fn load_for_link(&mut self, read: LinkRead, out: &mut Outputs) {
        let ticket = self.tickets.open(Waiting::LinkRead);
        let ops = read.places[read.ops.len()..].to_vec();
        out.push(Output::Load(ticket, Query::OpsUpTo { ops, bytes_max: read.bytes_left }));
        self.links.reads.insert(ticket, read);
    }

    pub(super) fn on_link_ops(&mut self, ticket: Ticket, ops: Vec<Option<StoredOp>>, now: Millis, out: &mut Outputs) {
        if let Some(read) = self.links.reads.remove(&ticket) {
            self.on_link_read(LinkRead { ops, ..read }, now, out);
        }
    }

    pub(super) fn on_link_read(&mut self, read: LinkRead, now: Millis, out: &mut Outputs) {
        let LinkRead { nodes, links, ops, .. } = read;
        let mut read = ReadOps::new(nodes, ops, &self.graph);
        for id in links {
            self.with_session(id, now, out, |session, ground| session.on_read(&mut read, ground));
        }
    }

    /// Ops from a peer go through the funnel like any others. What became of them is told when it is durable.
    fn take_batch(&mut self, id: LinkId, batch: Batch, now: Millis, out: &mut Outputs) {
        let verified: Vec<VerifiedOp<'_>> = batch.ops.iter().filter_map(RebuiltOp::verify).collect();
        let (lines, before) = (self.serialised(), self.graph.len());
        let (report, rows) = self.integrate_verified(&verified, Origin::Remote, now, out);
        let admitted: Vec<Node> = self.graph.nodes().skip(before).collect();
        let invalid = report.refused.iter().map(|(id, _)| (*id, Reason::Invalid));
        let (withheld, head) = self.withheld(&admitted, &lines);
        let held = report.held.iter().filter(|_| planted!(HeldCountsAsInvalid)).map(|id| (*id, Reason::Invalid));
        let rejected = invalid.chain(held).chain(withheld).collect();
        let missing = if report.held.is_empty() { Vec::new() } else { self.hold.missing() };
        let here = batch.ops.iter().filter_map(|op| self.graph.find(&op.id())).collect();
        let blobs = Machine::blobs_named(batch.ops.iter().filter_map(RebuiltOp::body));
        let Batch { upto, bytes, more, .. } = batch;
        let taken = Taken { upto, bytes, more, here, missing, rejected, head, blobs };
        match rows.is_empty() {
            true => self.taken_durably(id, taken, now, out),
            false => self.persist_then(rows, AfterPersist::Taken(id, taken), out),
        }
    }

    pub(super) fn taken_durably(&mut self, id: LinkId, taken: Taken, now: Millis, out: &mut Outputs) {
        match taken.blobs.is_empty() {
            true => self.on_link_taken(id, &taken, now, out),
            false => self.ask_for_blobs(id, taken, out),
        }
    }

    pub(super) fn on_link_taken(&mut self, id: LinkId, taken: &Taken, now: Millis, out: &mut Outputs) {
        self.note_durable();
        self.with_session(id, now, out, |session, ground| session.on_taken(taken, ground));
    }

    /// What has become durable goes out on every link; links whose time has come are told.
    pub(super) fn run_links(&mut self, now: Millis, out: &mut Outputs) {
        self.note_durable();
        if self.links.durable > core::mem::replace(&mut self.links.announced, self.links.durable) {
            self.tell_all(now, out, Session::on_news);
        }
        self.assign_blobs(now, out);
        for id in self.links.dues.until(now) {
            match self.links.open.get(&id).map(|link| &link.stage) {
                Some(Stage::Shaking { .. }) => self.end(id, TroubleCode::Timeout, out),
                Some(Stage::Open(_)) => self.with_session(id, now, out, Session::on_time),
                Some(Stage::Asking(..)) | None => {}
            }
        }
    }

    fn tell_all(&mut self, now: Millis, out: &mut Outputs, tell: fn(&mut Session, &Ground<'_>)) {
        let ids: Vec<LinkId> = self.links.open.keys().copied().collect();
        for id in ids {
            self.with_session(id, now, out, tell);
        }
    }

    pub(super) fn note_durable(&mut self) {
        let before = self.links.durable;
        let is_durable =
            |node: &Node| self.graph.place(*node).row <= self.links.durable_row || planted!(SpokenBeforeDurable);
        let more = (before..self.graph.len()).map(Node::at).take_while(is_durable).count();
        self.links.durable = before + more;
    }

    fn hang_up(&mut self, id: LinkId, out: &mut Outputs) {
        if let Some(link) = self.links.open.get(&id) {
            send(out, id, &Message::Bye, link.form);
            self.end_told(id, None, out);
        }
    }

    /// Ends a link, and tells the peer why.
    pub(super) fn end(&mut self, id: LinkId, code: TroubleCode, out: &mut Outputs) {
        if let Some(link) = self.links.open.get(&id) {
            send(out, id, &Message::Error(Trouble { code, retry_after: None }), link.form);
        }
        self.end_told(id, Some(code), out);
    }

    fn end_told(&mut self, id: LinkId, code: Option<TroubleCode>, out: &mut Outputs) {
        self.forget(id, out);
        out.push(Output::Close(id));
        out.push(Output::Emit(Event::Link(id, LinkEvent::Closed(code))));
    }

    fn forget(&mut self, id: LinkId, out: &mut Outputs) {
        self.links.dues.set(id, None);
        let Some(Link { stage: Stage::Open(talk), .. }) = self.links.open.remove(&id) else { return };
        let (key, agreed, memory) = talk.into_memory();
        if !self.links.sessions().any(|(_, session, _)| session.peer().key == key) {
            self.links.talks.remove(&key);
        }
        self.remember(key, &agreed, &memory, out);
        let is_full = self.links.remembered.len() >= LINKS_REMEMBERED_MAX;
        if is_full && !self.links.remembered.contains_key(&key) {
            self.links.remembered.pop_first();
        }
        self.links.remembered.insert(key, (agreed, memory));
    }

    /// Every link, as it stands.
    pub(super) fn link_views(&self) -> Vec<LinkView> {
        self.links.open.keys().filter_map(|id| self.link_view(*id)).collect()
    }

    /// A link, as it stands, if it is open.
    pub(super) fn link_view(&self, id: LinkId) -> Option<LinkView> {
        let link = self.links.open.get(&id)?;
        Some(match &link.stage {
            Stage::Shaking { .. } | Stage::Asking(..) => {
                LinkView { link: id, peer: None, is_relay: false, progress: None }
            }
            Stage::Open(talk) => LinkView {
                link: id,
                peer: Some(talk.session.peer().key),
                is_relay: talk.session.peer().is_relay,
                progress: Some(talk.session.progress(&self.graph)),
            },
        })
    }
}

fn send(out: &mut Outputs, id: LinkId, message: &Message, form: Form) {
    out.extend(Frame::of(message, form).map(|frame| Output::Send(id, frame)));
}
