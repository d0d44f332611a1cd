//! Presence: what peers tell each other and nobody keeps.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Machine, Outputs, Waiting};
use crate::error::CommandError;
use crate::input::LinkId;
use crate::limits::{EPHEMERAL_BYTES_MAX, NAME_BYTES_MAX};
use crate::link::message::Ephemeral;
use crate::op::header::is_plain;
use crate::op::sign::Signature;
use crate::output::Output;
use crate::time::Millis;

impl Machine {
    /// Tells every peer that is known, once each of these is signed for its link.
    pub(super) fn announce_presence(
        &mut self,
        topic: &str,
        bytes: &[u8],
        out: &mut Outputs,
    ) -> Result<(), CommandError> {
        if topic.len() > NAME_BYTES_MAX || !is_plain(topic) {
            return Err(CommandError::BadName);
        }
        if bytes.len() > EPHEMERAL_BYTES_MAX {
            return Err(CommandError::TooLarge);
        }
        let links: Vec<LinkId> = self.links.sessions().map(|(id, ..)| id).collect();
        for id in links {
            self.sign_presence(id, topic.into(), bytes.to_vec(), out);
        }
        Ok(())
    }

    fn sign_presence(&mut self, id: LinkId, topic: String, bytes: Vec<u8>, out: &mut Outputs) {
        let Some(talk) = self.links.talk(id) else { return };
        let (author, message) = (talk.own, talk.session.presence_message(&topic, &bytes));
        let ephemeral = Ephemeral { topic, bytes, signature: [0; 64] };
        let ticket = self.tickets.open(Waiting::Presence(id, ephemeral));
        out.push(Output::Sign { ticket, author, message });
    }

    /// The signature is here: it goes out.
    pub(super) fn on_presence_signed(
        &mut self,
        id: LinkId,
        ephemeral: Ephemeral,
        signature: Signature,
        now: Millis,
        out: &mut Outputs,
    ) {
        self.with_session(id, now, out, |session, _| session.say_presence(Ephemeral { signature, ..ephemeral }));
    }
}
