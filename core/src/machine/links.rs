//! Links: what hosts tell of connections goes to sessions, and what sessions want goes to the host, the store and the
//! funnel.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::integrate::AfterPersist;
use super::{Machine, Outputs, Phase, Waiting};
use crate::input::{Input, LinkId};
use crate::limits::{AUTH_MS_MAX, FRAME_IDS_MAX, LINKS_REMEMBERED_MAX, READ_BYTES_MAX, UNPROVEN_FRAME_BYTES_MAX};
use crate::link::handshake::{Connection, Guests, Handshake, Next, Peer};
use crate::link::message::{
    Auth, Form, Frame, Hello, Message, Reason, RepoTag, StateHash, Trouble, TroubleCode, Welcome, Without,
};
use crate::link::session::{Act, Batch, Ground, Memory, Session, Taken};
use crate::log::graph::Node;
use crate::log::row::{Origin, StoredOp};
use crate::op::id::{Author, OpId};
use crate::op::sign::{Signature, Unverified};
use crate::output::{Event, LinkEvent, LinkView, Output, Query, StoredAt};
use crate::time::Millis;

/// All links of a replica, and what is durable of its ops.
#[derive(Clone, Debug)]
pub(super) struct Links {
    open: BTreeMap<LinkId, Link>,
    /// What ended links left, by the key of their peer.
    remembered: BTreeMap<Author, Memory>,
    /// The last row that the store has.
    pub(super) durable_row: u32,
    /// How many ops, from the first on, the store has.
    durable: usize,
    /// How many of these links were told of.
    announced: usize,
    /// What so many of the first ops come to: all that the store has, while a link is open.
    state: StateHash,
    state_of: usize,
}

#[derive(Clone, Debug)]
struct Link {
    form: Form,
    stage: Stage,
}

#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Before the peer is known. The repo that the initiator means is what it said.
    Shaking { handshake: Box<Handshake>, tag: Option<RepoTag>, until: Millis },
    /// The peer is known.
    Open(Box<Session>),
}

impl Links {
    pub(super) fn new() -> Links {
        Links {
            open: BTreeMap::new(),
            remembered: BTreeMap::new(),
            durable_row: 0,
            durable: 0,
            announced: 0,
            state: StateHash::of([]),
            state_of: 0,
        }
    }

    /// When a link next wants to be told the time.
    pub(super) fn deadline(&self) -> Option<Millis> {
        let deadline = |link: &Link| match &link.stage {
            Stage::Shaking { until, .. } => *until,
            Stage::Open(session) => session.deadline(),
        };
        self.open.values().map(deadline).min()
    }

    /// The sessions that are open.
    pub(super) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.open.values().filter_map(|link| match &link.stage {
            Stage::Open(session) => Some(session.as_ref()),
            Stage::Shaking { .. } => None,
        })
    }

    /// The same, by their numbers.
    pub(super) fn sessions_by_id(&self) -> impl Iterator<Item = (LinkId, &Session)> {
        self.open.iter().filter_map(|(id, link)| match &link.stage {
            Stage::Open(session) => Some((*id, session.as_ref())),
            Stage::Shaking { .. } => None,
        })
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
        let Some(input) = self.knows_blobs(input, out) else { return };
        match input {
            Input::Connected(id, connection) => self.on_connected(id, connection, now, out),
            Input::Received(id, frame) => self.on_received(id, &frame, now, out),
            Input::HangUp(id) => self.hang_up(id, out),
            Input::Disconnected(id) => self.forget(id),
            _ => {}
        }
    }

    fn on_connected(&mut self, id: LinkId, connection: Connection, now: Millis, out: &mut Outputs) {
        let mut handshake = Box::new(Handshake::new(connection, self.author));
        if let Some(hello) = handshake.hello(self.graph.repo().map(|repo| RepoTag::of(&repo))) {
            send(out, id, &Message::Hello(hello), Form::Binary);
        }
        let stage = Stage::Shaking { handshake, tag: None, until: Millis(now.0 + AUTH_MS_MAX) };
        self.links.open.insert(id, Link { form: Form::Binary, stage });
        self.note_durable();
    }

    fn on_received(&mut self, id: LinkId, frame: &Frame, now: Millis, out: &mut Outputs) {
        let Some(link) = self.links.open.get_mut(&id) else { return };
        let is_shaking = matches!(link.stage, Stage::Shaking { .. });
        if is_shaking {
            link.form = frame.form();
        }
        let is_fit = (!is_shaking || frame.len() <= UNPROVEN_FRAME_BYTES_MAX) && frame.form() == link.form;
        let Some(message) = Some(frame).filter(|_| is_fit).and_then(|frame| frame.read().ok()) else {
            return self.end(id, TroubleCode::Malformed, out);
        };
        match is_shaking {
            true => self.shake(id, message, now, out),
            false => {
                self.with_session(id, now, out, |session, ground| session.on_message(message, frame.len(), ground))
            }
        }
    }

    fn shake(&mut self, id: LinkId, message: Message, now: Millis, out: &mut Outputs) {
        let next = match message {
            Message::Hello(hello) => self.on_hello(id, &hello, now),
            Message::Welcome(welcome) => self.on_welcome(id, &welcome),
            Message::Auth(auth) => self.on_auth(id, &auth),
            Message::Error(trouble) => return self.end_told(id, Some(trouble.code), out),
            Message::Bye => return self.end_told(id, None, out),
            _ => Err(TroubleCode::Malformed),
        };
        match next {
            Ok(Next::Sign(message)) => {
                let Some(Stage::Shaking { handshake, .. }) = self.links.open.get(&id).map(|link| &link.stage) else {
                    return;
                };
                let ticket = self.tickets.open(Waiting::LinkSignature(id));
                out.push(Output::Sign { ticket, author: handshake.own(), message });
            }
            Ok(Next::Done(peer)) => self.begin(id, peer, now, out),
            Err(code) => self.end(id, code, out),
        }
    }

    fn on_hello(&mut self, id: LinkId, hello: &Hello, now: Millis) -> Result<Next, TroubleCode> {
        match self.links.open.get_mut(&id).map(|link| &mut link.stage) {
            Some(Stage::Shaking { handshake, tag, .. }) => {
                *tag = hello.tag;
                handshake.on_hello(hello, now)
            }
            _ => Err(TroubleCode::Malformed),
        }
    }

    fn on_welcome(&mut self, id: LinkId, welcome: &Welcome) -> Result<Next, TroubleCode> {
        match self.links.open.get_mut(&id).map(|link| &mut link.stage) {
            Some(Stage::Shaking { handshake, .. }) => handshake.on_welcome(welcome),
            _ => Err(TroubleCode::Malformed),
        }
    }

    /// The initiator has proved its key. An unknown repo and a closed door look the same to whoever is no member.
    fn on_auth(&mut self, id: LinkId, auth: &Auth) -> Result<Next, TroubleCode> {
        let Some(Stage::Shaking { handshake, tag, .. }) = self.links.open.get_mut(&id).map(|link| &mut link.stage)
        else {
            return Err(TroubleCode::Malformed);
        };
        let peer = handshake.on_auth(auth)?;
        let (guests, tag) = (handshake.guests(), *tag);
        if guests == Guests::Members && !self.is_member(&peer.key) && !planted!(GuestsUnchecked) {
            return Err(TroubleCode::AuthFailed);
        }
        let own = self.graph.repo().map(|repo| RepoTag::of(&repo));
        match tag.zip(own).is_some_and(|(theirs, own)| theirs != own) && !planted!(RepoMismatchBorne) {
            true => Err(TroubleCode::RepoMismatch),
            false => Ok(Next::Done(peer)),
        }
    }

    fn is_member(&self, key: &Author) -> bool {
        let members = self.state.authority.members();
        *key == self.author || members.iter().any(|member| member.author == *key && member.role.is_some())
    }

    /// What a handshake asked to be signed.
    pub(super) fn on_link_signature(&mut self, id: LinkId, signature: Signature, now: Millis, out: &mut Outputs) {
        let Some(link) = self.links.open.get_mut(&id) else { return };
        let Stage::Shaking { handshake, .. } = &mut link.stage else { return };
        if let Some(welcome) = handshake.welcome(signature) {
            return send(out, id, &Message::Welcome(welcome), link.form);
        }
        if let Some((auth, peer)) = handshake.auth(signature) {
            send(out, id, &Message::Auth(auth), link.form);
            self.begin(id, peer, now, out);
            self.with_session(id, now, out, Session::say_have);
        }
    }

    fn begin(&mut self, id: LinkId, peer: Peer, now: Millis, out: &mut Outputs) {
        let memory = self.links.remembered.get(&peer.key).cloned().unwrap_or_default();
        if let Some(link) = self.links.open.get_mut(&id) {
            out.push(Output::Emit(Event::Link(id, LinkEvent::Opened { peer: peer.key, is_relay: peer.is_relay })));
            link.stage = Stage::Open(Box::new(Session::new(peer, link.form, memory, now)));
        }
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
        let Some(Stage::Open(session)) = self.links.open.get_mut(&id).map(|link| &mut link.stage) else { return };
        let (durable, state) = (self.links.durable, self.links.state);
        tell(session, &Ground { graph: &self.graph, durable, state, without: &without, now });
        self.carry_out(id, now, out);
    }

    /// Bodies and blobs that are not here, as many as a frame may list.
    fn without(&self) -> Without {
        let is_wanted = |node: &Node| !self.state.is_redacted(*node);
        let bodyless = self.graph.bodyless().filter(is_wanted).take(FRAME_IDS_MAX / 2);
        Without { ops: bodyless.map(|node| self.graph.id(node)).collect(), blobs: self.lacking_blobs() }
    }

    fn carry_out(&mut self, id: LinkId, now: Millis, out: &mut Outputs) {
        let Some(Stage::Open(session)) = self.links.open.get_mut(&id).map(|link| &mut link.stage) else { return };
        for act in session.take_acts() {
            match act {
                Act::Send(frame) => out.push(Output::Send(id, frame)),
                Act::Read(nodes) => self.read_for_link(id, &nodes, out),
                Act::Take(batch) => self.take_batch(id, batch, now, out),
                Act::ReadPiece(want) => self.read_piece(id, want, out),
                Act::Keep { blob, upto, bytes } => self.keep_piece(id, blob, (upto, bytes), out),
                Act::Acknowledged => self.settle_receipts(out),
                Act::Rejected(ops) => self.reject_receipts(&ops, out),
                Act::InSync => out.push(Output::Emit(Event::Link(id, LinkEvent::InSync))),
                Act::End(code) => return self.end(id, code, out),
                Act::Ended(code) => return self.end_told(id, code, out),
            }
        }
    }

    fn read_for_link(&mut self, id: LinkId, nodes: &[Node], out: &mut Outputs) {
        let place = |node: &Node| StoredAt { op: self.graph.place(*node), late_body: self.graph.late_body(*node) };
        let places = nodes.iter().map(place).collect();
        let ticket = self.tickets.open(Waiting::LinkRead(id));
        out.push(Output::Load(ticket, Query::OpsUpTo { ops: places, bytes_max: READ_BYTES_MAX }));
    }

    pub(super) fn on_link_read(&mut self, id: LinkId, ops: Vec<Option<StoredOp>>, now: Millis, out: &mut Outputs) {
        self.with_session(id, now, out, |session, ground| session.on_read(ops, ground));
    }

    /// Ops from a peer go through the funnel like any others. What became of them is told when it is durable.
    fn take_batch(&mut self, id: LinkId, batch: Batch, now: Millis, out: &mut Outputs) {
        let unverified: Vec<Unverified<'_>> = batch.ops.iter().map(StoredOp::unverified).collect();
        let ids: Vec<OpId> = unverified.iter().map(|op| OpId::of_header(op.header)).collect();
        let (report, rows) = self.integrate(&unverified, Origin::Remote, now, out);
        let admitted: Vec<Node> = report.admitted.iter().filter_map(|id| self.graph.find(id)).collect();
        let invalid = report.refused.iter().map(|(id, _)| (*id, Reason::Invalid));
        let powerless = admitted.iter().filter(|node| !self.is_effective(**node));
        let held = report.held.iter().filter(|_| planted!(HeldCountsAsInvalid)).map(|id| (*id, Reason::Invalid));
        let rejected =
            invalid.chain(held).chain(powerless.map(|node| (self.graph.id(*node), Reason::NotPermitted))).collect();
        let missing = if report.held.is_empty() { Vec::new() } else { self.hold.missing() };
        let here = ids.iter().filter_map(|id| self.graph.find(id)).collect();
        let blobs = Machine::blobs_named(&batch.ops);
        let Batch { upto, bytes, more, .. } = batch;
        let taken = Taken { upto, bytes, more, here, missing, rejected, blobs };
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
        self.end_late_handshakes(now, out);
        let is_due = |link: &Link| matches!(&link.stage, Stage::Open(session) if session.deadline() <= now);
        let due: Vec<LinkId> = self.links.open.iter().filter(|(_, link)| is_due(link)).map(|(id, _)| *id).collect();
        for id in due {
            self.with_session(id, now, out, Session::on_time);
        }
    }

    fn tell_all(&mut self, now: Millis, out: &mut Outputs, tell: fn(&mut Session, &Ground<'_>)) {
        let ids: Vec<LinkId> = self.links.open.keys().copied().collect();
        for id in ids {
            self.with_session(id, now, out, tell);
        }
    }

    fn note_durable(&mut self) {
        let before = self.links.durable;
        let is_durable =
            |node: &Node| self.graph.place(*node).row <= self.links.durable_row || planted!(SpokenBeforeDurable);
        let more = self.graph.nodes().skip(before).take_while(is_durable).count();
        self.links.durable = before + more;
        if self.links.state_of != self.links.durable && !self.links.open.is_empty() {
            self.links.state = Ground::state_of(&self.graph, self.links.durable);
            self.links.state_of = self.links.durable;
        }
    }

    fn end_late_handshakes(&mut self, now: Millis, out: &mut Outputs) {
        let is_late = |link: &Link| matches!(&link.stage, Stage::Shaking { until, .. } if *until <= now);
        let late: Vec<LinkId> = self.links.open.iter().filter(|(_, link)| is_late(link)).map(|(id, _)| *id).collect();
        for id in late {
            self.end(id, TroubleCode::Timeout, out);
        }
    }

    fn hang_up(&mut self, id: LinkId, out: &mut Outputs) {
        if let Some(link) = self.links.open.get(&id) {
            send(out, id, &Message::Bye, link.form);
            self.end_told(id, None, out);
        }
    }

    /// Ends a link, and tells the peer why.
    fn end(&mut self, id: LinkId, code: TroubleCode, out: &mut Outputs) {
        if let Some(link) = self.links.open.get(&id) {
            send(out, id, &Message::Error(Trouble { code, retry_after: None }), link.form);
        }
        self.end_told(id, Some(code), out);
    }

    fn end_told(&mut self, id: LinkId, code: Option<TroubleCode>, out: &mut Outputs) {
        self.forget(id);
        out.push(Output::Close(id));
        out.push(Output::Emit(Event::Link(id, LinkEvent::Closed(code))));
    }

    fn forget(&mut self, id: LinkId) {
        let Some(Link { stage: Stage::Open(session), .. }) = self.links.open.remove(&id) else { return };
        let (key, memory) = (session.peer().key, session.into_memory());
        let is_full = self.links.remembered.len() >= LINKS_REMEMBERED_MAX;
        if is_full && !self.links.remembered.contains_key(&key) {
            self.links.remembered.pop_first();
        }
        self.links.remembered.insert(key, memory);
    }

    /// Every link, as it stands.
    pub(super) fn link_views(&self) -> Vec<LinkView> {
        let view = |(id, link): (&LinkId, &Link)| match &link.stage {
            Stage::Shaking { .. } => LinkView { link: *id, peer: None, is_relay: false, progress: None },
            Stage::Open(session) => LinkView {
                link: *id,
                peer: Some(session.peer().key),
                is_relay: session.peer().is_relay,
                progress: Some(session.progress(&self.graph)),
            },
        };
        self.links.open.iter().map(view).collect()
    }
}

fn send(out: &mut Outputs, id: LinkId, message: &Message, form: Form) {
    out.extend(Frame::of(message, form).map(|frame| Output::Send(id, frame)));
}
