//! A closed door: what a peer meets that asks for a repo which is not here.
//!
//! It shakes hands as a repo does that the peer is no member of, under a key that is the same for a tag as long as the
//! server runs. So asking tells nobody which repos there are.

use trellis_core::input::{self, Guests, Interest, Side};
use trellis_core::link::handshake::{Handshake, Next};
use trellis_core::link::message::{Form, Hello, Message, RepoTag, TroubleCode};
use trellis_core::time::Millis;

use super::first::{refuse, say, unproven};
use crate::driver::{Clock, random};
use crate::error::Result;
use crate::keys::Identity;
use crate::transport::Connection;

/// What the door's keys are made of.
pub(super) struct ClosedDoor([u8; 32]);

impl std::fmt::Debug for ClosedDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClosedDoor")
    }
}

impl ClosedDoor {
    pub(super) fn new() -> Result<ClosedDoor> {
        random().map(ClosedDoor)
    }

    /// Lets a peer prove its key, and turns it away.
    pub(super) async fn meet(&self, mut connection: Connection, tag: Option<RepoTag>, hello: &Hello, form: Form) {
        let code = match self.shake(&mut connection, tag, hello, form).await {
            Ok(()) => return,
            Err(code) => code,
        };
        refuse(connection, code, form).await;
    }

    async fn shake(
        &self,
        connection: &mut Connection,
        tag: Option<RepoTag>,
        hello: &Hello,
        form: Form,
    ) -> std::result::Result<(), TroubleCode> {
        let key = self.key(tag);
        let nonce = random().map_err(|_| TroubleCode::AuthFailed)?;
        let mut handshake = Handshake::new(responder(connection, nonce), key.author());
        let Next::Sign(message) = handshake.on_hello(hello, now())? else { return Err(TroubleCode::Malformed) };
        let welcome = handshake.welcome(key.sign(&message)).ok_or(TroubleCode::Malformed)?;
        say(connection, &Message::Welcome(welcome), form).await;
        let Some(frame) = unproven(connection).await? else { return Ok(()) };
        match frame.read() {
            _ if frame.form() != form => Err(TroubleCode::Malformed),
            Ok(Message::Auth(_)) => Err(TroubleCode::AuthFailed),
            Ok(Message::Error(_) | Message::Bye) => Ok(()),
            _ => Err(TroubleCode::Malformed),
        }
    }

    fn key(&self, tag: Option<RepoTag>) -> Identity {
        let seed = blake3::keyed_hash(&self.0, tag.as_ref().map_or(&[], |tag| &tag.0[..]));
        Identity::from_seed(seed.as_bytes())
    }
}

fn responder(connection: &Connection, nonce: [u8; 32]) -> input::Connection {
    let (origin, binding) = (connection.origin.clone(), connection.binding.clone());
    let (side, guests) = (Side::Responder, Guests::Members);
    let (interest, joining) = (Interest::default(), None);
    input::Connection { side, nonce, origin, binding, expected: None, guests, is_relay: true, interest, joining }
}

fn now() -> Millis {
    Clock::default().now()
}
