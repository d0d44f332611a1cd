//! A peer that is played by hand: a test says what it says, message by message, after an honest handshake or a bent one.

use ed25519_dalek::{Signer, SigningKey};
use trellis_core::input::{Connection, Frame, Guests, Input, Interest, Joining, LinkId, Side};
use trellis_core::link::handshake::{Handshake, Next};
use trellis_core::link::message::{Auth, Form, Have, Hello, Message, Ops, RepoTag, TroubleCode};
use trellis_core::log::row::StoredOp;
use trellis_core::op::id::RepoId;

use crate::host::{MemoryHost, author_of, test_key};

/// The origin under which hosts are dialled here.
pub const ORIGIN: &str = "ws://127.0.0.1:4200";

/// The peer's end of a link to a host.
pub struct Hand {
    key: SigningKey,
    link: LinkId,
    form: Form,
    handshake: Handshake,
    /// Bytes of ops that it says it has sent.
    pub sent: u64,
}

/// How a link is opened.
#[derive(Clone)]
pub struct Way {
    /// The test key of the peer.
    pub key: u64,
    /// Where the peer believes to have dialled.
    pub dialled: String,
    /// What ties the peer's proof to its channel.
    pub binding: Vec<u8>,
    /// Whom the host lets in.
    pub guests: Guests,
    /// Whether the host stores and forwards for others.
    pub is_relay: bool,
    /// The invitation that the peer shows.
    pub joining: Option<Joining>,
    /// In which form the peer speaks.
    pub form: Form,
}

impl Default for Way {
    fn default() -> Way {
        Way {
            key: 77,
            dialled: ORIGIN.into(),
            binding: b"channel".to_vec(),
            guests: Guests::Anyone,
            is_relay: false,
            joining: None,
            form: Form::Binary,
        }
    }
}

fn end(side: Side, nonce: u8, origin: &str, binding: &[u8], guests: Guests) -> Connection {
    Connection {
        side,
        nonce: [nonce; 32],
        origin: origin.into(),
        binding: binding.to_vec(),
        expected: None,
        guests,
        is_relay: false,
        interest: Interest::default(),
        joining: None,
    }
}

impl Hand {
    /// Opens a link to a host, which has said nothing yet.
    pub fn dial(host: &mut MemoryHost, link: u64, way: &Way) -> Hand {
        let link = LinkId(link);
        let hosts = Connection { is_relay: way.is_relay, ..end(Side::Responder, 1, ORIGIN, b"channel", way.guests) };
        host.give(Input::Connected(link, hosts));
        let key = test_key(way.key);
        let own = end(Side::Initiator, 2, &way.dialled, &way.binding, Guests::Anyone);
        let connection = Connection { joining: way.joining, ..own };
        Hand { handshake: Handshake::new(connection, author_of(&key)), key, link, form: way.form, sent: 0 }
    }

    /// Says that it can pack frames.
    pub fn packing(self) -> Hand {
        Hand { handshake: self.handshake.packing(true), ..self }
    }

    /// Opens a link and proves its key, for the repo of this tag.
    pub fn shaken(host: &mut MemoryHost, link: u64, tag: Option<RepoTag>) -> Hand {
        Hand::shaken_by(host, link, &Way::default(), tag)
    }

    /// As [`Hand::shaken`], in this way.
    pub fn shaken_by(host: &mut MemoryHost, link: u64, way: &Way, tag: Option<RepoTag>) -> Hand {
        let mut hand = Hand::dial(host, link, way);
        let auth = hand.prove(host, tag).expect("an honest handshake");
        assert_eq!(hand.say(host, &Message::Auth(auth)), []);
        hand
    }

    /// The first two messages; returns the third, unsent.
    ///
    /// # Errors
    /// Why the host did not welcome it.
    pub fn prove(&mut self, host: &mut MemoryHost, tag: Option<RepoTag>) -> Result<Auth, TroubleCode> {
        self.prove_through(host, tag, |_| ())
    }

    /// As [`Hand::prove`], by somebody in between who bends the first message on its way.
    ///
    /// # Errors
    /// As [`Hand::prove`].
    pub fn prove_through(
        &mut self,
        host: &mut MemoryHost,
        tag: Option<RepoTag>,
        bend: impl FnOnce(&mut Hello),
    ) -> Result<Auth, TroubleCode> {
        let mut hello = self.handshake.hello(tag).expect("the initiator speaks first");
        bend(&mut hello);
        let welcome = match self.say(host, &Message::Hello(hello)).into_iter().next() {
            Some(Some(Message::Welcome(welcome))) => welcome,
            Some(Some(Message::Error(trouble))) => return Err(trouble.code),
            other => panic!("a hello was answered by {other:?}"),
        };
        let Next::Sign(message) = self.handshake.on_welcome(&welcome)? else { panic!("a proof is signed") };
        let (auth, _) = self.handshake.auth(self.key.sign(&message).to_bytes()).expect("it was asked for");
        Ok(auth)
    }

    /// Says something; returns what the host answers. In place of a message stands the end of the link.
    pub fn say(&self, host: &mut MemoryHost, message: &Message) -> Vec<Option<Message>> {
        self.send(host, Frame::of(message, self.form).expect("a message"))
    }

    /// Sends any frame; returns what the host answers.
    pub fn send(&self, host: &mut MemoryHost, frame: Frame) -> Vec<Option<Message>> {
        host.give(Input::Received(self.link, frame));
        host.take_sent(self.link)
    }

    /// Says that it has nothing.
    pub fn have_nothing(&self, host: &mut MemoryHost) -> Vec<Option<Message>> {
        let state = Some(trellis_core::link::message::StateHash::of([]));
        self.say(host, &Message::Have(Have { state, ..Have::default() }))
    }

    /// Sends ops.
    pub fn give(&mut self, host: &mut MemoryHost, repo: RepoId, ops: Vec<StoredOp>) -> Vec<Option<Message>> {
        let message = Message::Ops(Ops { batch: 1, more: false, sent: self.sent, repo, ops });
        let frame = Frame::of(&message, self.form).expect("ops that make a frame");
        self.sent += frame.len() as u64;
        self.send(host, frame)
    }
}

/// Why a host ended a link, if it did.
pub fn trouble(answers: &[Option<Message>]) -> Option<TroubleCode> {
    match answers {
        [.., Some(Message::Error(trouble)), None] => Some(trouble.code),
        _ => None,
    }
}
