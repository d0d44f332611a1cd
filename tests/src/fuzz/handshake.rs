//! Handshakes: nobody in between can make anybody believe what was not said.
//!
//! A script plays the peer of one side, or sits between both. Keys and nonces are always the same ones, so what real
//! peers say is known, and a side may be done only when it heard exactly that: no script can sign.

use std::sync::LazyLock;

use ed25519_dalek::Signer;
use trellis_core::input::{Connection, Guests, Interest, Side};
use trellis_core::link::handshake::{Handshake, Next, Peer};
use trellis_core::link::message::{Message, RepoTag};

use super::Verdict;
use super::script::{Script, piece};
use crate::host::{START, author_of, test_key};

/// The keys of the two sides.
const KEYS: [u64; 2] = [71, 72];

/// One side, with its key.
struct End {
    handshake: Handshake,
    key: u64,
    done: Option<Peer>,
    is_over: bool,
}

impl End {
    fn new(side: Side) -> End {
        let number = usize::from(side == Side::Responder);
        let connection = Connection {
            side,
            nonce: [number as u8; 32],
            origin: "ws://here".into(),
            binding: b"channel".to_vec(),
            expected: None,
            guests: Guests::Anyone,
            is_relay: true,
            interest: Interest::default(),
            joining: None,
        };
        let key = KEYS[number];
        End { handshake: Handshake::new(connection, author_of(&test_key(key))), key, done: None, is_over: false }
    }

    /// The first message of whoever speaks first.
    fn first(&mut self) -> Option<Message> {
        self.handshake.hello(Some(RepoTag([5; 16]))).map(Message::Hello)
    }

    /// What a message leads to; nothing more once the side has turned away.
    fn hear(&mut self, bytes: &[u8]) -> Option<Message> {
        if self.is_over {
            return None;
        }
        let next = match Message::decode(bytes) {
            Ok(Message::Hello(hello)) => self.handshake.on_hello(&hello, START),
            Ok(Message::Welcome(welcome)) => self.handshake.on_welcome(&welcome),
            Ok(Message::Auth(auth)) => self.handshake.on_auth(&auth).map(Next::Done),
            _ => return self.give_up(),
        };
        match next {
            Ok(Next::Sign(message)) => self.sign(&message),
            Ok(Next::Done(peer) | Next::LetIn(peer, _)) => {
                assert!(self.done.replace(peer).is_none(), "a side is done once");
                self.is_over = true;
                None
            }
            Err(_) => self.give_up(),
        }
    }

    fn give_up(&mut self) -> Option<Message> {
        self.is_over = true;
        None
    }

    fn sign(&mut self, message: &[u8]) -> Option<Message> {
        let signature = test_key(self.key).sign(message).to_bytes();
        if let Some(welcome) = self.handshake.welcome(signature) {
            return Some(Message::Welcome(welcome));
        }
        let (auth, peer) = self.handshake.auth(signature).expect("what was asked to be signed is signed");
        (self.done, self.is_over) = (Some(peer), true);
        Some(Message::Auth(auth))
    }
}

/// What the two say when nobody is in between: hello, welcome, auth.
static SAID: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let (mut initiator, mut responder) = (End::new(Side::Initiator), End::new(Side::Responder));
    let hello = bytes(&initiator.first().expect("the initiator speaks first"));
    let welcome = bytes(&responder.hear(&hello).expect("a hello is answered"));
    let auth = bytes(&initiator.hear(&welcome).expect("a welcome is answered"));
    assert!(responder.hear(&auth).is_none() && responder.done.is_some(), "both know each other");
    vec![hello, welcome, auth]
});

fn bytes(message: &Message) -> Vec<u8> {
    message.encode().expect("a message of a handshake fits a frame")
}

/// Scripts in which everything goes well, and some of the things that may not.
pub(super) fn scripts() -> Vec<Vec<u8>> {
    let [hello, welcome, auth] = [0, 1, 2].map(|at: usize| SAID[at].clone());
    let to_responder = [&[0][..], &piece(&hello), &piece(&auth)].concat();
    let to_initiator = [&[1][..], &piece(&welcome)].concat();
    let between = vec![2, 0, 0, 0];
    let replayed = [&[2, 1][..], &piece(&hello), &[1], &piece(&welcome), &[1], &piece(&auth)].concat();
    let twice = vec![2, 3, 3, 3];
    let flipped = (0..24).map(|at| vec![2, 0, 2, 0, at * 10, 1]);
    let crossed = [&[0][..], &piece(&welcome), &piece(&auth), &piece(&hello)].concat();
    [to_responder, to_initiator, between, replayed, twice, crossed].into_iter().chain(flipped).collect()
}

pub(super) fn check(bytes: &[u8]) -> Verdict {
    let mut script = Script(bytes);
    match script.byte().unwrap_or_default() % 3 {
        0 => alone(End::new(Side::Responder), script, &[0, 2]),
        1 => alone(End::new(Side::Initiator), script, &[1]),
        _ => between(script),
    }
}

/// A script says everything that a side hears.
fn alone(mut end: End, mut script: Script<'_>, needs: &[usize]) -> Verdict {
    let _ = end.first();
    let mut heard = Vec::new();
    while !end.is_over && !script.0.is_empty() {
        let frame = script.piece();
        heard.push(frame);
        let _ = end.hear(frame);
    }
    let Some(peer) = end.done else { return Verdict::Refused };
    let said: Vec<&[u8]> = needs.iter().map(|at| SAID[*at].as_slice()).collect();
    assert!(heard == said, "a side was done by what nobody said");
    assert_eq!(peer.key, author_of(&test_key(KEYS[usize::from(needs.len() == 1)])));
    Verdict::Accepted
}

/// A script changes what goes from one to the other.
fn between(mut script: Script<'_>) -> Verdict {
    let mut ends = [End::new(Side::Initiator), End::new(Side::Responder)];
    let mut next = ends[0].first();
    let mut to = 1;
    let mut is_whole = true;
    while let Some(message) = next {
        let sent = bytes(&message);
        let heard = changed(&sent, &mut script);
        is_whole &= heard == [sent.as_slice()];
        let answers: Vec<Message> = heard.iter().filter_map(|frame| ends[to].hear(frame)).collect();
        assert!(answers.len() <= 1, "a handshake has one answer to a message");
        next = answers.into_iter().next();
        to = 1 - to;
    }
    let [initiator, responder] = ends.map(|end| end.done);
    if let Some(peer) = &responder {
        let initiator = initiator.as_ref().expect("whoever proved a key knows the other");
        assert_eq!((peer.transcript, peer.key), (initiator.transcript, author_of(&test_key(KEYS[0]))));
        assert_eq!(initiator.key, author_of(&test_key(KEYS[1])));
        return Verdict::Accepted;
    }
    assert!(!is_whole, "two that hear each other know each other");
    Verdict::Refused
}

/// What arrives in place of a message.
fn changed(sent: &[u8], script: &mut Script<'_>) -> Vec<Vec<u8>> {
    match script.byte().unwrap_or_default() % 5 {
        1 => vec![script.piece().to_vec()],
        2 => {
            let mut bytes = sent.to_vec();
            let at = script.number() % bytes.len();
            bytes[at] ^= script.byte().unwrap_or(1);
            vec![bytes]
        }
        3 => vec![sent.to_vec(), sent.to_vec()],
        4 => Vec::new(),
        _ => vec![sent.to_vec()],
    }
}
