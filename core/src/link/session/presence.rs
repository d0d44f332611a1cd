//! Presence on a link: signed by it, so that nobody can pass it on, and neither kept nor answered.

use alloc::vec::Vec;

use super::{Act, Session};
use crate::link::message::{Ephemeral, Message, TroubleCode};
use crate::op::sign::is_signed_message;
use crate::time::Millis;

const CONTEXT: &[u8] = b"trellis/ephemeral/1\n";

impl Session {
    /// What is signed to say something: the context, the link's transcript, and the topic and the bytes, the topic behind
    /// its length as 8 bytes, big-endian.
    pub fn presence_message(&self, topic: &str, bytes: &[u8]) -> Vec<u8> {
        let len = (topic.len() as u64).to_be_bytes();
        [CONTEXT, &self.peer.transcript, &len, topic.as_bytes(), bytes].concat()
    }

    /// Says something that is signed.
    pub fn say_presence(&mut self, ephemeral: Ephemeral) {
        self.say(&Message::Ephemeral(ephemeral));
    }

    /// The peer says something. Where it says more than anybody follows, the rest is lost.
    pub(super) fn on_presence(&mut self, ephemeral: Ephemeral, now: Millis) {
        let message = self.presence_message(&ephemeral.topic, &ephemeral.bytes);
        if !is_signed_message(&self.peer.key, &message, &ephemeral.signature) && !planted!(PresenceUnproven) {
            return self.end(TroubleCode::AuthFailed);
        }
        if self.presence.take(now) {
            self.out.push(Act::Present(ephemeral));
        }
    }
}
