//! Links without a handshake: whatever comes on them is proved by itself, as signed requests and answers are.

use alloc::boxed::Box;

use super::links::{Link, Stage};
use super::talk::Talk;
use super::{Machine, Outputs};
use crate::input::LinkId;
use crate::link::handshake::{Peer, Proof, Side};
use crate::link::interest::Agreed;
use crate::link::message::TroubleCode;
use crate::link::session::{Memory, Session};
use crate::op::id::Author;
use crate::output::{Event, LinkEvent, Output};
use crate::time::Millis;

impl Machine {
    /// Opens a link. The session begins at once: whoever asked says what it has.
    pub(super) fn on_proved(&mut self, id: LinkId, proof: Proof, now: Millis, out: &mut Outputs) {
        self.note_durable();
        // What an earlier link left is of use only where it is known whose link it was.
        let (agreed, memory) = match proof.peer {
            Some(key) => self.memory_of(&key, proof.side, &proof.interest),
            None => (Agreed { own: proof.interest.clone(), ..Agreed::default() }, Memory::default()),
        };
        let peer = Peer::of_proof(&proof, proof.peer.unwrap_or(self.author));
        let session = Session::new(peer, proof.form, memory, now).leaving_content(self.blobs.are_left);
        let talk = Talk::new(session, self.author, agreed);
        self.links.put(id, Link { form: proof.form, stage: Stage::Open(Box::new(talk)) });
        match proof.side {
            Side::Responder => self.answer_proved(id, proof, out),
            Side::Initiator => self.ask_proved(id, proof, now, out),
        }
    }

    fn answer_proved(&mut self, id: LinkId, proof: Proof, out: &mut Outputs) {
        let Some(key) = proof.peer else { return self.end(id, TroubleCode::AuthFailed, out) };
        match self.may_come_in(id, &key, proof.guests, proof.tag) {
            Ok(()) => out.push(opened(id, &proof, key)),
            Err(code) => self.end(id, code, out),
        }
    }

    fn ask_proved(&mut self, id: LinkId, proof: Proof, now: Millis, out: &mut Outputs) {
        out.extend(proof.peer.map(|key| opened(id, &proof, key)));
        self.with_session(id, now, out, Session::say_have);
        let Some(link) = self.links.open.remove(&id) else { return };
        let stage = match (link.stage, proof.peer) {
            (Stage::Open(talk), None) => Stage::Asking(talk, proof),
            (stage, _) => stage,
        };
        self.links.put(id, Link { stage, ..link });
    }

    /// The first answer has come, and says whose it is.
    pub(super) fn on_peer_known(&mut self, id: LinkId, key: Author, out: &mut Outputs) {
        let Some(link) = self.links.open.remove(&id) else { return };
        let stage = match link.stage {
            Stage::Asking(talk, proof) => {
                out.push(opened(id, &proof, key));
                Stage::Open(Box::new(talk.with(Peer::of_proof(&proof, key))))
            }
            stage => stage,
        };
        self.links.put(id, Link { stage, ..link });
    }
}

fn opened(id: LinkId, proof: &Proof, key: Author) -> Output {
    let Peer { key: peer, is_relay, .. } = Peer::of_proof(proof, key);
    Output::Emit(Event::Link(id, LinkEvent::Opened { peer, is_relay }))
}
