//! A hostile peer: it proves a key, as anybody can, and then says whatever may do harm. It claims what it does not have,
//! acknowledges and refuses what it never got, asks for what nobody has, and sends frames that are none, runs that nobody
//! signed, and more than it may.

use ed25519_dalek::{Signer, SigningKey};
use trellis_core::input::{Connection, Frame, Guests, Interest, LinkId, Side};
use trellis_core::link::handshake::{Handshake, Next};
use trellis_core::link::message::{
    Ack, BlobWant, Ephemeral, Form, Have, Level, Message, Missing, Nack, Ops, Range, Reason, StateHash, Tip, TipId,
    Want, Without,
};
use trellis_core::log::row::StoredOp;
use trellis_core::op::id::{ContentHash, OpId, RepoId};
use trellis_core::time::Millis;
use trellis_tests::dice::Dice;
use trellis_tests::host::{author_of, test_key};

use crate::Violation;
use crate::disk::ChainPlace;
use crate::replica::Replica;

type Done = Result<(), Violation>;

/// How many frames of a flood come at once.
const FLOOD: usize = 40;

/// A hostile peer, and its links.
#[derive(Debug)]
pub struct Hostile {
    key: SigningKey,
    attacks: Vec<Attack>,
}

#[derive(Debug)]
struct Attack {
    victim: usize,
    id: LinkId,
    handshake: Handshake,
    is_open: bool,
    /// The last state that the victim named.
    state: Option<StateHash>,
}

/// What a hostile peer knows when it speaks.
struct Known {
    ends: Vec<(OpId, ChainPlace)>,
    state: Option<StateHash>,
    repo: Option<RepoId>,
    lies: Vec<StoredOp>,
}

impl Hostile {
    /// A peer that has not found anybody yet.
    pub fn new() -> Hostile {
        Hostile { key: test_key(901), attacks: Vec::new() }
    }

    /// Says something to a replica; connects first where it is not connected.
    ///
    /// # Errors
    /// A step that the machine refuses.
    pub fn attack(
        &mut self,
        victim: &mut Replica,
        (seen, lies): (&[StoredOp], Vec<StoredOp>),
        dice: &mut Dice,
        now: Millis,
    ) -> Done {
        let Some(attack) = self.attacks.iter().find(|attack| attack.victim == victim.number) else {
            return self.connect(victim, dice, now);
        };
        if !attack.is_open && dice.chance(90) {
            return Ok(());
        }
        let ends = victim.disk.durable().iter().map(|(id, kept)| (*id, kept.place.clone())).collect();
        let repo = seen.first().map(|genesis| OpId::of_header(&genesis.header).into());
        let known = Known { ends, state: attack.state, repo, lies };
        let id = attack.id;
        for frame in known.frames(dice) {
            victim.receive(id, frame, now)?;
        }
        Ok(())
    }

    fn connect(&mut self, victim: &mut Replica, dice: &mut Dice, now: Millis) -> Done {
        let (own, theirs) = match dice.chance(50) {
            true => (Side::Initiator, Side::Responder),
            false => (Side::Responder, Side::Initiator),
        };
        let connection = Connection {
            side: own,
            nonce: [dice.below(256) as u8; 32],
            origin: "sim".into(),
            binding: b"sim".to_vec(),
            expected: None,
            guests: Guests::Anyone,
            is_relay: dice.chance(50),
            interest: Interest::default(),
            joining: None,
        };
        let mut handshake = Handshake::new(connection, author_of(&self.key));
        let id = victim.connect_hostile(theirs, dice, now)?;
        let hello = handshake.hello(None);
        self.attacks.push(Attack { victim: victim.number, id, handshake, is_open: false, state: None });
        match hello.and_then(|hello| Frame::of(&Message::Hello(hello), Form::Binary).ok()) {
            Some(frame) => victim.receive(id, frame, now),
            None => Ok(()),
        }
    }

    /// Takes what a replica sent; none in place of a frame ends the link.
    ///
    /// # Errors
    /// A step that the machine refuses.
    pub fn hear(&mut self, victim: &mut Replica, id: LinkId, frame: Option<Frame>, now: Millis) -> Done {
        let is_it = |attack: &Attack| (attack.victim, attack.id) == (victim.number, id);
        let Some(at) = self.attacks.iter().position(is_it) else { return Ok(()) };
        let Some(frame) = frame else {
            self.attacks.remove(at);
            return victim.disconnect(id, now);
        };
        let attack = &mut self.attacks[at];
        match frame.read().ok().and_then(|message| attack.answer(message, &self.key)) {
            Some(answer) => Frame::of(&answer, Form::Binary).map_or(Ok(()), |frame| victim.receive(id, frame, now)),
            None => Ok(()),
        }
    }

    /// Ends all of its links.
    ///
    /// # Errors
    /// A step that a machine refuses.
    pub fn leave(&mut self, replicas: &mut [Replica], now: Millis) -> Done {
        self.attacks.drain(..).try_for_each(|attack| replicas[attack.victim].disconnect(attack.id, now))
    }

    /// A replica has lost its links.
    pub fn forget(&mut self, victim: usize) {
        self.attacks.retain(|attack| attack.victim != victim);
    }
}

impl Default for Hostile {
    fn default() -> Hostile {
        Hostile::new()
    }
}

impl Attack {
    /// The handshake is honest; of what comes later only the state is of interest.
    fn answer(&mut self, message: Message, key: &SigningKey) -> Option<Message> {
        let next = match message {
            Message::Hello(hello) => self.handshake.on_hello(&hello, Millis(0)),
            Message::Welcome(welcome) => self.handshake.on_welcome(&welcome),
            Message::Auth(auth) => self.handshake.on_auth(&auth).map(Next::Done),
            Message::Have(Have { state, .. }) | Message::Ack(Ack { state, .. }) => {
                self.state = state.or(self.state);
                return None;
            }
            _ => return None,
        };
        match next.ok()? {
            Next::Done(_) | Next::LetIn(..) => {
                self.is_open = true;
                None
            }
            Next::Sign(message) => self.proof(key.sign(&message).to_bytes()),
        }
    }

    fn proof(&mut self, signature: [u8; 64]) -> Option<Message> {
        if let Some(welcome) = self.handshake.welcome(signature) {
            return Some(Message::Welcome(welcome));
        }
        let (auth, _) = self.handshake.auth(signature)?;
        self.is_open = true;
        Some(Message::Auth(auth))
    }
}

impl Known {
    fn frames(&self, dice: &mut Dice) -> Vec<Frame> {
        let message = match dice.below(12) {
            0..=2 => self.have(dice),
            3 | 4 => self.ack(dice),
            5 => self.want(dice),
            6 => self.nack(dice),
            7 => Message::Missing(Missing { ids: self.ids(dice), blobs: vec![ContentHash([3; 32])] }),
            8 => Message::Ephemeral(Ephemeral { topic: "x".into(), bytes: vec![0; 9], signature: [1; 64] }),
            _ => self.ops(dice),
        };
        let frame = Frame::of(&message, Form::Binary).unwrap_or(Frame::Binary(vec![dice.below(256) as u8; 40]));
        match dice.below(12) {
            0 => vec![spoiled(frame, dice)],
            1 => vec![frame; FLOOD],
            2 => Frame::of(&message, Form::Text).into_iter().collect(),
            _ => vec![frame],
        }
    }

    fn have(&self, dice: &mut Dice) -> Message {
        Message::Have(Have {
            state: self.some_state(dice),
            op_count: dice.below(1_000) as u64,
            tips: self.tips(dice),
            since: self.some_state(dice).map(|state| state.half()),
            knows: self.some_state(dice).map(|state| state.half()),
            round: dice.below(9) as u64,
            more: dice.chance(10),
            sent: self.some_total(dice),
            ..Have::default()
        })
    }

    fn ack(&self, dice: &mut Dice) -> Message {
        let without = Without { ops: self.ids(dice), blobs: Vec::new() };
        Message::Ack(Ack {
            ends: self.tips(dice),
            without: if dice.chance(20) { without } else { Without::default() },
            level: *dice.pick(&[Level::Memory, Level::Disk, Level::Disk]),
            credit: self.some_total(dice),
            knows: self.some_state(dice).map(|state| state.half()),
            state: self.some_state(dice),
            integrated: if dice.chance(20) { self.ids(dice) } else { Vec::new() },
        })
    }

    fn want(&self, dice: &mut Dice) -> Message {
        let tips = self.tips(dice);
        let last =
            |tip: &Tip| (dice.below(3) as u32).checked_sub(1).map_or(u32::MAX, |less| tip.seq.saturating_sub(less));
        let ends: Vec<u32> = tips.iter().map(last).collect();
        let range = |(tip, to): (Tip, u32)| Range { branch: tip.branch, author: tip.author, from: tip.seq.min(to), to };
        Message::Want(Want {
            ranges: tips.into_iter().zip(ends).map(range).collect(),
            ids: self.ids(dice),
            bodies: self.ids(dice),
            blobs: vec![BlobWant { blob: ContentHash([dice.below(256) as u8; 32]), from: dice.number() >> 20 }],
            after: self.ids(dice).pop().filter(|_| dice.chance(30)),
        })
    }

    fn nack(&self, dice: &mut Dice) -> Message {
        let reasons = [Reason::Invalid, Reason::NotPermitted, Reason::NotFastForward];
        let ops = self.ids(dice).into_iter().map(|id| (id, *dice.pick(&reasons))).collect();
        Message::Nack(Nack { ops, head: None })
    }

    fn ops(&self, dice: &mut Dice) -> Message {
        let repo = self.repo.filter(|_| dice.chance(95)).unwrap_or(RepoId([8; 32]));
        let sent = self.some_total(dice);
        Message::Ops(Ops { batch: 1, more: dice.chance(30), sent, repo, ops: self.lies.clone() })
    }

    /// Ends of chains: those of the victim, and some that nobody has.
    fn tips(&self, dice: &mut Dice) -> Vec<Tip> {
        let count = if self.ends.is_empty() { 0 } else { dice.below(6) };
        let mut tip = || {
            let (id, (branch, author, seq)) = dice.pick(&self.ends).clone();
            let (seq, id) = match dice.below(4) {
                0 => (seq, OpId([dice.below(256) as u8; 32])),
                1 => (seq.saturating_add(dice.below(9) as u32), id),
                2 => (u32::MAX - dice.below(2) as u32, OpId([dice.below(256) as u8; 32])),
                _ => (seq, id),
            };
            let branch = if dice.chance(10) { "nowhere".into() } else { branch };
            Tip { branch, author, seq, id: if dice.chance(50) { TipId::of(&id) } else { TipId::Full(id) } }
        };
        (0..count).map(|_| tip()).collect()
    }

    fn ids(&self, dice: &mut Dice) -> Vec<OpId> {
        let count = if self.ends.is_empty() { 0 } else { dice.below(5) };
        let mut id = || if dice.chance(30) { OpId([dice.below(256) as u8; 32]) } else { dice.pick(&self.ends).0 };
        (0..count).map(|_| id()).collect()
    }

    fn some_state(&self, dice: &mut Dice) -> Option<StateHash> {
        match dice.below(4) {
            0 => None,
            1 => Some(StateHash([dice.below(256) as u8; 32])),
            _ => self.state,
        }
    }

    fn some_total(&self, dice: &mut Dice) -> u64 {
        *dice.pick(&[0, 0, 1, 1_000, 4 << 20, 1 << 50])
    }
}

/// A frame that was cut off, or of which a bit is wrong.
fn spoiled(frame: Frame, dice: &mut Dice) -> Frame {
    let Frame::Binary(mut bytes) = frame else { return frame };
    let at = dice.below(bytes.len());
    match dice.chance(50) {
        true => bytes.truncate(at),
        false => bytes[at] ^= 1 << dice.below(8),
    }
    Frame::Binary(bytes)
}
