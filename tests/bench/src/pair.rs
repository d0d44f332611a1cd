//! Two replicas in memory and the link between them, and what goes over it.

use std::time::Duration;

use anyhow::Result;
use trellis_core::input::{
    Base, Change, Command, Connection, Edit, Frame, Guests, Input, Interest, LinkId, Side, Transaction,
};
use trellis_core::link::frame::FrameKind;
use trellis_core::machine::KeyUse;
use trellis_core::op::id::OpId;
use trellis_core::op::json::Value;
use trellis_core::output::Answer;
use trellis_tests::host::MemoryHost;

use crate::corpus::{BRANCH, Book, NOW, Pen, RUN_OPS, stored};

/// How often it is waited for one of two to say more.
const WAITS_MAX: usize = 2_000;

/// What went over a link.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    /// Stretches in which one side speaks and the other listens.
    pub(crate) flights: usize,
    pub(crate) frames: usize,
    /// All bytes, those of the handshake, and those of frames that are neither ops nor of the handshake.
    pub(crate) bytes: usize,
    pub(crate) handshake_bytes: usize,
    pub(crate) talk_bytes: usize,
}

/// Two replicas and the link between them.
pub(crate) struct Pair {
    pub(crate) sides: [MemoryHost; 2],
    pub(crate) links: u64,
}

impl Pair {
    pub(crate) fn connect(&mut self) {
        self.links += 1;
        for (side, host) in [Side::Initiator, Side::Responder].into_iter().zip(&mut self.sides) {
            let connection = Connection {
                side,
                nonce: [self.links as u8; 32],
                origin: "bench".into(),
                binding: Vec::new(),
                expected: None,
                guests: Guests::Anyone,
                is_relay: false,
                interest: Interest::default(),
                joining: None,
            };
            host.give(Input::Connected(LinkId(self.links), connection));
        }
    }

    pub(crate) fn disconnect(&mut self) {
        for host in &mut self.sides {
            host.give(Input::Disconnected(LinkId(self.links)));
        }
    }

    /// Carries frames, all of one side's before any of the other's, until nobody has anything to say.
    pub(crate) fn run(&mut self) -> Traffic {
        let (mut traffic, mut from, mut idle) = (Traffic::default(), 0, 0);
        while idle < 2 {
            let frames = std::mem::take(&mut self.sides[from].sent);
            idle = if frames.is_empty() { idle + 1 } else { 0 };
            let mut talks = false;
            for frame in frames.into_iter().filter_map(|(_, frame)| frame) {
                talks |= traffic.count(&frame);
                self.sides[1 - from].give(Input::Received(LinkId(self.links), frame));
            }
            traffic.flights += usize::from(talks);
            from = 1 - from;
        }
        traffic
    }

    /// As [`Pair::run`], and where that does not make both equal the time goes on to when one of them has more to say;
    /// for how long that was.
    pub(crate) fn run_until_equal(&mut self) -> (Traffic, Duration) {
        let (mut traffic, mut waits) = (self.run(), 0);
        let began = self.sides[0].now;
        while !self.is_equal() && waits < WAITS_MAX {
            waits += 1;
            let deadline = self.sides.iter().filter_map(|host| host.machine.deadline()).min().unwrap_or(NOW);
            self.sides.iter_mut().for_each(|host| host.wait_until(deadline));
            traffic.add(self.run());
        }
        (traffic, Duration::from_millis(self.sides[0].now.0 - began.0))
    }

    /// Carries frames as [`Pair::run`] does until the first side says one of a kind, and keeps those of the kind back that
    /// it says then.
    pub(crate) fn run_until_said(&mut self, kind: FrameKind) -> Vec<Frame> {
        let (mut from, mut idle) = (0, 0);
        while idle < 2 {
            let frames = std::mem::take(&mut self.sides[from].sent);
            idle = if frames.is_empty() { idle + 1 } else { 0 };
            let frames: Vec<Frame> = frames.into_iter().filter_map(|(_, frame)| frame).collect();
            let is_wanted = |frame: &&Frame| from == 0 && frame.kind() == Some(kind);
            if frames.iter().any(|frame| is_wanted(&frame)) {
                return frames.iter().filter(is_wanted).cloned().collect();
            }
            for frame in frames {
                self.sides[1 - from].give(Input::Received(LinkId(self.links), frame));
            }
            from = 1 - from;
        }
        Vec::new()
    }

    pub(crate) fn is_equal(&mut self) -> bool {
        let [one, other] = &mut self.sides;
        let ends = |host: &mut MemoryHost| match host.run(Command::ChainEnds) {
            Ok(Answer::ChainEnds(ends)) => {
                let mut ids: Vec<OpId> = ends.into_iter().map(|end| end.id).collect();
                ids.sort_unstable();
                ids
            }
            _ => Vec::new(),
        };
        ends(one) == ends(other)
    }
}

impl Traffic {
    fn add(&mut self, more: Traffic) {
        self.flights += more.flights;
        self.frames += more.frames;
        self.bytes += more.bytes;
        self.handshake_bytes += more.handshake_bytes;
        self.talk_bytes += more.talk_bytes;
    }

    /// Whether it is more than a part of the handshake.
    fn count(&mut self, frame: &Frame) -> bool {
        self.frames += 1;
        self.bytes += frame.len();
        match frame.kind() {
            Some(FrameKind::Hello | FrameKind::Welcome | FrameKind::Auth) => {
                self.handshake_bytes += frame.len();
                false
            }
            Some(FrameKind::Ops) => true,
            _ => {
                self.talk_bytes += frame.len();
                true
            }
        }
    }
}

pub(crate) fn write(host: &mut MemoryHost, ops: usize, tag: &str) -> Result<()> {
    let edit = |number: usize| Edit::Entity {
        collection: "notes".into(),
        key: format!("{tag}-{number}"),
        change: Change::Replace(Value::from(number as i32)),
        base: Base::Shown,
    };
    let edits = (0..ops).map(edit).collect();
    let transaction = Transaction { branch: BRANCH.into(), actor: None, edits, note: None, random: [0; 32] };
    host.run(Command::Write(transaction))?;
    Ok(())
}

/// Two replicas that share a history of so many authors, each under a key of its own.
pub(crate) fn shared(authors: usize, ops: usize) -> Result<Pair> {
    let (mut book, genesis) = Book::begin();
    let mut pens: Vec<Pen> = (0..authors as u64).map(Pen::new).collect();
    let (mut head, mut all) = (genesis.id, vec![stored(&genesis)]);
    let run = RUN_OPS.min(ops / authors);
    for (turn, from) in (0..ops).step_by(run).enumerate() {
        let pens_len = pens.len();
        let ops = book.run(&mut pens[turn % pens_len], head, run.min(ops - from), 0..25_000);
        head = ops.last().map_or(head, |op| op.id);
        all.extend(ops.iter().map(stored));
    }
    let mut first = MemoryHost::open(1_001, Vec::new(), NOW, KeyUse::Own);
    first.run(Command::Import(all))?;
    let second = MemoryHost::open(1_002, first.rows.clone(), NOW, KeyUse::Own);
    Ok(Pair { sides: [first, second], links: 0 })
}
