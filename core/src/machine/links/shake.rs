//! Handshakes: what the first messages of a link lead to, up to its session.

use alloc::boxed::Box;

use super::{Stage, send};
use crate::input::LinkId;
use crate::limits::LINKS_PER_KEY_MAX;
use crate::link::handshake::{Guests, Next, Peer, Side};
use crate::link::interest::{Agreed, Interest};
use crate::link::message::{Auth, Hello, Message, RepoTag, TroubleCode, Welcome};
use crate::link::session::{Memory, Session};
use crate::machine::talk::Talk;
use crate::machine::{Machine, Outputs, Waiting};
use crate::op::id::Author;
use crate::op::sign::Signature;
use crate::output::{Event, LinkEvent, Output};
use crate::time::Millis;

impl Machine {
    /// Takes a message of the handshake.
    pub(super) fn shake(&mut self, id: LinkId, message: Message, now: Millis, out: &mut Outputs) {
        let next = match message {
            Message::Hello(hello) => self.on_hello(id, &hello, now),
            Message::Welcome(welcome) => self.on_welcome(id, &welcome),
            Message::Auth(auth) => self.on_auth(id, &auth, now),
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
            Ok(Next::LetIn(peer, proof)) => self.let_in(id, peer, proof),
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
    fn on_auth(&mut self, id: LinkId, auth: &Auth, now: Millis) -> Result<Next, TroubleCode> {
        let Some(Stage::Shaking { handshake, tag, .. }) = self.links.open.get_mut(&id).map(|link| &mut link.stage)
        else {
            return Err(TroubleCode::Malformed);
        };
        let peer = handshake.on_auth(auth)?;
        let (guests, tag) = (handshake.guests(), *tag);
        let proof = auth.invitation.filter(|proof| self.may_let_in(&peer.key, proof, now));
        let guests = if proof.is_some() { Guests::Anyone } else { guests };
        self.may_come_in(id, &peer.key, guests, tag)?;
        Ok(proof.map_or(Next::Done(peer.clone()), |proof| Next::LetIn(peer, proof)))
    }

    /// Whether somebody who has proved a key may come in, has not come in too often, and means this repo.
    pub(in crate::machine) fn may_come_in(
        &self,
        id: LinkId,
        key: &Author,
        guests: Guests,
        tag: Option<RepoTag>,
    ) -> Result<(), TroubleCode> {
        if guests == Guests::Members && !self.is_member(key) && !planted!(GuestsUnchecked) {
            return Err(TroubleCode::AuthFailed);
        }
        let is_its = |other: LinkId, session: &Session| other != id && session.peer().key == *key;
        let links = self.links.sessions().filter(|(other, session, _)| is_its(*other, session)).count();
        if links >= LINKS_PER_KEY_MAX && !planted!(LinksPerKeyUnbounded) {
            return Err(TroubleCode::RateLimited);
        }
        let own = self.graph.repo().map(|repo| RepoTag::of(&repo));
        match tag.zip(own).is_some_and(|(theirs, own)| theirs != own) && !planted!(RepoMismatchBorne) {
            true => Err(TroubleCode::RepoMismatch),
            false => Ok(()),
        }
    }

    fn is_member(&self, key: &Author) -> bool {
        let members = self.state.authority.members();
        *key == self.author || members.iter().any(|member| member.author == *key && member.role.is_some())
    }

    /// What a handshake asked to be signed.
    pub(in crate::machine) fn on_link_signature(
        &mut self,
        id: LinkId,
        signature: Signature,
        now: Millis,
        out: &mut Outputs,
    ) {
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

    /// The peer is known.
    pub(super) fn begin(&mut self, id: LinkId, peer: Peer, now: Millis, out: &mut Outputs) {
        let Some(link) = self.links.open.get(&id) else { return };
        let Stage::Shaking { handshake, .. } = &link.stage else { return };
        let (own, side, interest) = (handshake.own(), handshake.side(), handshake.interest().clone());
        let (agreed, memory) = self.memory_of(&peer.key, side, &interest);
        out.push(Output::Emit(Event::Link(id, LinkEvent::Opened { peer: peer.key, is_relay: peer.is_relay })));
        let Some(link) = self.links.open.get_mut(&id) else { return };
        let session = Session::new(peer, link.form, memory, now).compress_with(self.compression);
        let session = session.leaving_content(self.blobs.are_left);
        link.stage = Stage::Open(Box::new(Talk::new(session, own, agreed)));
        self.links.note_due(id);
    }

    /// What is known of a peer on a link that is about these branches, by an earlier link or by the store. An initiator
    /// takes it that the peer syncs every branch until that says otherwise, whatever it said on an earlier link.
    pub(in crate::machine) fn memory_of(&self, peer: &Author, side: Side, own: &Interest) -> (Agreed, Memory) {
        let is_it = |agreed: &Agreed| {
            agreed.own == *own && (side == Side::Responder || agreed.theirs.is_all() || planted!(OldInterestBelieved))
        };
        let here = self.links.remembered.get(peer).filter(|(agreed, _)| is_it(agreed));
        here.cloned().unwrap_or_else(|| {
            let memory = self.recall(peer).filter(|_| own.is_all()).unwrap_or_default();
            (Agreed { own: own.clone(), theirs: Interest::default() }, memory)
        })
    }
}
