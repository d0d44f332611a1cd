//! Guests: peers that show an invitation. They are made members, and their session begins when that is durable.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::super::write::Writing;
use super::super::{Machine, Outputs};
use super::Stage;
use crate::input::{Frame, LinkId};
use crate::limits::CREDIT_BYTES;
use crate::link::handshake::Peer;
use crate::link::message::TroubleCode;
use crate::op::id::Author;
use crate::op::invitation::InvitationProof;
use crate::output::{Event, LinkEvent, Output};
use crate::time::Millis;

/// A peer that becomes a member.
#[derive(Clone, Debug)]
pub(in super::super) struct Guest {
    peer: Peer,
    /// What it said meanwhile.
    pub(super) said: Vec<Frame>,
}

impl Machine {
    /// Whether a peer that is no member would become one.
    pub(super) fn may_let_in(&self, guest: &Author, proof: &InvitationProof, now: Millis) -> bool {
        self.state.authority.admits(&self.graph, (&self.author, guest), proof, now).is_some()
    }

    /// Makes a peer a member; until it is one its session waits.
    pub(super) fn let_in(&mut self, id: LinkId, peer: Peer, proof: InvitationProof) {
        if let Some(Stage::Shaking { guest, .. }) = self.links.open.get_mut(&id).map(|link| &mut link.stage) {
            self.writes.push_back(Writing::letting_in(id, peer.key, proof));
            *guest = Some(Box::new(Guest { peer, said: Vec::new() }));
        }
    }

    /// Ends the link of a guest that says more than it could have sent in a session.
    pub(super) fn bound_guest(&mut self, id: LinkId, out: &mut Outputs) {
        let Some(Stage::Shaking { guest: Some(guest), .. }) = self.links.open.get(&id).map(|link| &link.stage) else {
            return;
        };
        if guest.said.iter().map(Frame::len).sum::<usize>() as u64 > CREDIT_BYTES {
            self.end(id, TroubleCode::RateLimited, out);
        }
    }

    /// A guest is a member, durably: its session begins.
    pub(in super::super) fn on_joined(&mut self, id: LinkId, invitation: Author, now: Millis, out: &mut Outputs) {
        let Some(Stage::Shaking { guest, .. }) = self.links.open.get_mut(&id).map(|link| &mut link.stage) else {
            return;
        };
        let Some(guest) = guest.take() else { return };
        self.note_durable();
        self.begin(id, guest.peer, now, out);
        out.push(Output::Emit(Event::Link(id, LinkEvent::Joined { invitation })));
        for frame in guest.said {
            self.on_received(id, &frame, now, out);
        }
    }

    /// Ends a link whose peer could not be made a member after all.
    pub(in super::super) fn turn_away(&mut self, id: LinkId, out: &mut Outputs) {
        if self.links.open.contains_key(&id) {
            self.end(id, TroubleCode::AuthFailed, out);
        }
    }
}
