//! Who is there: the three messages with which two peers prove their keys to each other.
//!
//! Each signature is of everything that both have said so far, of whom the initiator meant to reach, and of the channel
//! that carries it. So a proof is of no use on another connection, and nobody in between can take a word away.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::compress::ZSTD;
use super::interest::Interest;
use super::message::{Auth, Form, Hello, Message, RepoTag, TroubleCode, Welcome};
use crate::limits::FRAME_BYTES_MAX;
use crate::op::hex;
use crate::op::id::{Author, RepoId};
use crate::op::invitation::InvitationProof;
use crate::op::sign::{Signature, is_signed_message};
use crate::time::Millis;

/// The version that this is.
const VERSION: u64 = 1;
/// The capability of a peer that stores and forwards for others.
pub const RELAY: &str = "relay";
const TRANSCRIPT_CONTEXT: &[u8] = b"trellis/link/1\n";
const WELCOME_CONTEXT: &[u8] = b"trellis/welcome/1\n";
const AUTH_CONTEXT: &[u8] = b"trellis/auth/1\n";

/// Who speaks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This replica: it dialled.
    Initiator,
    /// The peer: it dialled this replica.
    Responder,
}

/// What the host knows of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Who speaks first.
    pub side: Side,
    /// 256 random bits, new for each connection.
    pub nonce: [u8; 32],
    /// The origin that was dialled, as this side knows it.
    pub origin: String,
    /// What ties the proofs to this channel (protocol.md, "Who is there").
    pub binding: Vec<u8>,
    /// The key that has to answer, where it is known beforehand.
    pub expected: Option<Author>,
    /// Who is let in.
    pub guests: Guests,
    /// Whether this replica stores and forwards for others here.
    pub is_relay: bool,
    /// The branches that this replica syncs here.
    pub interest: Interest,
    /// What an initiator shows that is no member of the repo yet.
    pub joining: Option<Joining>,
}

/// An invitation to a repo, as its holder shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joining {
    /// The repo.
    pub repo: RepoId,
    /// The proof, for the key of this replica.
    pub proof: InvitationProof,
}

/// What the host knows of a way to a peer on which whatever comes is proved by itself, as by signed requests. Nothing is
/// shaken there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Who speaks first.
    pub side: Side,
    /// The key that proves what comes. An initiator may learn it with the first answer, and says so by `Input::PeerKnown`.
    pub peer: Option<Author>,
    /// The repo that the initiator means, if it said so.
    pub tag: Option<RepoTag>,
    /// Who is let in.
    pub guests: Guests,
    /// In which form both speak.
    pub form: Form,
    /// The branches that this replica syncs here.
    pub interest: Interest,
}

/// Whom a responder lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    /// Whoever proves a key.
    Anyone,
    /// Members of the repo.
    Members,
}

/// The peer, once it has proved its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its key.
    pub key: Author,
    /// What both can do.
    pub capabilities: Vec<String>,
    /// What was said, as a hash: presence is signed with it.
    pub transcript: [u8; 32],
    /// Whether it stores and forwards for others.
    pub is_relay: bool,
}

impl Peer {
    /// A peer that proves everything that it says. Whoever answers there stores and forwards for others.
    pub fn of_proof(proof: &Proof, key: Author) -> Peer {
        let is_relay = proof.side == Side::Initiator;
        Peer { key, capabilities: Vec::new(), transcript: [0; 32], is_relay }
    }
}

/// A handshake in the making.
#[derive(Clone, Debug)]
pub struct Handshake {
    connection: Connection,
    own: Author,
    /// Whether the host can pack frames.
    can_pack: bool,
    transcript: Transcript,
    step: Step,
}

#[derive(Clone, Debug)]
enum Step {
    Hello,
    Welcome,
    SignWelcome(Welcome),
    SignAuth(Auth, Peer),
    Auth { capabilities: Vec<String> },
}

/// What a side has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Sign this with its own key.
    Sign(Vec<u8>),
    /// The peer is known: the session begins.
    Done(Peer),
    /// The peer is known, and the session begins when this proof has made it a member.
    LetIn(Peer, InvitationProof),
}

impl Handshake {
    /// A handshake before its first message. `own` is the key that this replica proves.
    pub fn new(connection: Connection, own: Author) -> Handshake {
        let transcript = Transcript::new(&connection.binding);
        let step = match connection.side {
            Side::Initiator => Step::Welcome,
            Side::Responder => Step::Hello,
        };
        Handshake { connection, own, can_pack: false, transcript, step }
    }

    /// Says that this side can pack frames.
    pub fn packing(mut self, can_pack: bool) -> Handshake {
        self.can_pack = can_pack;
        self
    }

    /// The first message, where this side speaks first. `tag` is that of its repo; before it has one, that of the repo
    /// that it is invited to.
    pub fn hello(&mut self, tag: Option<RepoTag>) -> Option<Hello> {
        let tag = tag.or(self.connection.joining.map(|joining| RepoTag::of(&joining.repo)));
        (self.connection.side == Side::Initiator).then(|| {
            let audience =
                self.connection.expected.map_or_else(|| self.connection.origin.clone(), |key| key_text(&key));
            let nonce = self.connection.nonce;
            let hello = Hello { versions: alloc::vec![VERSION], nonce, audience, capabilities: self.offered(), tag };
            self.transcript.add(&bytes_of(&hello));
            hello
        })
    }

    /// Takes the first message.
    ///
    /// # Errors
    /// The trouble to tell the peer; the link ends.
    pub fn on_hello(&mut self, hello: &Hello, now: Millis) -> Result<Next, TroubleCode> {
        if !matches!(self.step, Step::Hello) {
            return Err(TroubleCode::Malformed);
        }
        if !hello.versions.contains(&VERSION) {
            return Err(TroubleCode::Version);
        }
        if hello.audience != self.connection.origin
            && hello.audience != key_text(&self.own)
            && !planted!(AudienceUnchecked)
        {
            return Err(TroubleCode::AuthFailed);
        }
        self.transcript.add(&bytes_of(hello));
        let welcome = Welcome {
            version: VERSION,
            nonce: self.connection.nonce,
            key: self.own,
            capabilities: self.shared(&hello.capabilities),
            frame_bytes_max: FRAME_BYTES_MAX as u64,
            time: now,
            signature: [0; 64],
        };
        self.transcript.add(&welcome.encode_unsigned());
        let message = self.transcript.message(WELCOME_CONTEXT);
        self.step = Step::SignWelcome(welcome);
        Ok(Next::Sign(message))
    }

    /// Takes the answer to the first message.
    ///
    /// # Errors
    /// As [`Handshake::on_hello`].
    pub fn on_welcome(&mut self, welcome: &Welcome) -> Result<Next, TroubleCode> {
        if !matches!(self.step, Step::Welcome) {
            return Err(TroubleCode::Malformed);
        }
        if welcome.version != VERSION {
            return Err(TroubleCode::Version);
        }
        self.transcript.add(&welcome.encode_unsigned());
        let is_proven = is_signed_message(&welcome.key, &self.transcript.message(WELCOME_CONTEXT), &welcome.signature);
        let is_expected =
            self.connection.expected.is_none_or(|key| key == welcome.key || planted!(ExpectedKeyUnchecked));
        if !is_proven || !is_expected {
            return Err(TroubleCode::AuthFailed);
        }
        self.transcript.add(&welcome.signature);
        let invitation = self.connection.joining.map(|joining| joining.proof);
        let auth = Auth { key: self.own, signature: [0; 64], invitation };
        self.transcript.add(&auth.encode_unsigned());
        let message = self.transcript.message(AUTH_CONTEXT);
        let peer = self.peer(welcome.key, welcome.capabilities.clone());
        self.step = Step::SignAuth(auth, peer);
        Ok(Next::Sign(message))
    }

    /// The responder's answer, signed.
    pub fn welcome(&mut self, signature: Signature) -> Option<Welcome> {
        let Step::SignWelcome(welcome) = &self.step else { return None };
        let welcome = Welcome { signature, ..welcome.clone() };
        self.transcript.add(&signature);
        self.step = Step::Auth { capabilities: welcome.capabilities.clone() };
        Some(welcome)
    }

    /// The initiator's proof, signed, and the peer that it goes to.
    pub fn auth(&mut self, signature: Signature) -> Option<(Auth, Peer)> {
        let Step::SignAuth(auth, peer) = &self.step else { return None };
        Some((Auth { signature, ..auth.clone() }, peer.clone()))
    }

    /// Takes the initiator's proof. Whether the key is let in is for the caller to say.
    ///
    /// # Errors
    /// As [`Handshake::on_hello`].
    pub fn on_auth(&mut self, auth: &Auth) -> Result<Peer, TroubleCode> {
        let Step::Auth { capabilities } = &self.step else { return Err(TroubleCode::Malformed) };
        let capabilities = capabilities.clone();
        self.transcript.add(&auth.encode_unsigned());
        let is_proven = is_signed_message(&auth.key, &self.transcript.message(AUTH_CONTEXT), &auth.signature);
        match is_proven || planted!(ProofUnchecked) {
            true => Ok(self.peer(auth.key, capabilities)),
            false => Err(TroubleCode::AuthFailed),
        }
    }

    /// The key that this side proves, also where the replica writes under another one by now.
    pub fn own(&self) -> Author {
        self.own
    }

    /// Whom this side lets in.
    pub fn guests(&self) -> Guests {
        self.connection.guests
    }

    /// Whether this side dialled.
    pub fn side(&self) -> Side {
        self.connection.side
    }

    /// The branches that this side syncs.
    pub fn interest(&self) -> &Interest {
        &self.connection.interest
    }

    fn peer(&self, key: Author, capabilities: Vec<String>) -> Peer {
        let has_dialled = self.connection.side == Side::Initiator || planted!(RelayByClaim);
        let is_relay = has_dialled && capabilities.iter().any(|word| word == RELAY);
        Peer { key, capabilities, transcript: self.transcript.hash(), is_relay }
    }

    /// What an initiator can do.
    fn offered(&self) -> Vec<String> {
        let zstd = self.can_pack.then(|| ZSTD.to_string());
        core::iter::once(RELAY.to_string()).chain(zstd).collect()
    }

    fn shared(&self, offered: &[String]) -> Vec<String> {
        let is_shared = |word: &&String| match word.as_str() {
            RELAY => self.connection.is_relay,
            ZSTD => self.can_pack,
            _ => false,
        };
        offered.iter().filter(is_shared).cloned().collect()
    }
}

/// A hello as the transcript has it, in whatever form it came. One that no frame can hold has no bytes, and no peer can send
/// it.
fn bytes_of(hello: &Hello) -> Vec<u8> {
    Message::Hello(hello.clone()).encode().unwrap_or_default()
}

/// A key as an audience names it.
fn key_text(key: &Author) -> String {
    hex::encode(key.as_bytes())
}

/// Everything that was said, hashed as it comes; each part with its length before it.
#[derive(Clone, Debug)]
struct Transcript(blake3::Hasher);

impl Transcript {
    fn new(binding: &[u8]) -> Transcript {
        let mut hasher = blake3::Hasher::new();
        hasher.update(TRANSCRIPT_CONTEXT);
        let mut transcript = Transcript(hasher);
        if !planted!(BindingUnsigned) {
            transcript.add(binding);
        }
        transcript
    }

    fn add(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    fn hash(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }

    fn message(&self, context: &[u8]) -> Vec<u8> {
        [context, &self.hash()].concat()
    }
}
