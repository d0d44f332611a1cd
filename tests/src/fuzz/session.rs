//! Sessions: two replicas that know each other, and somebody between them who loses, repeats, changes and adds frames.
//!
//! Whatever that does to a link, no replica panics or says more than it may, and the next link, which nobody disturbs,
//! makes both equal.

use std::cell::OnceCell;
use std::collections::VecDeque;

use trellis_core::input::{Command, Connection, Frame, Guests, Input, Interest, LinkId, Side};
use trellis_core::limits::{CREDIT_BYTES, FRAME_BYTES_MAX, HEARTBEAT_MS, NUDGE_MS};
use trellis_core::link::frame::FrameKind;
use trellis_core::op::id::OpId;
use trellis_core::op::json::Value;
use trellis_core::output::Answer;
use trellis_core::time::Millis;

use super::Verdict;
use super::frames::field;
use super::script::{Script, piece};
use crate::dice::Dice;
use crate::host::MemoryHost;
use crate::messages::{KINDS, of_kind};

/// The most frames that one input may lead to, beside the ops that credit allows.
const FRAMES_MAX: usize = 64;
/// The most bytes.
const BYTES_MAX: usize = CREDIT_BYTES as usize + FRAMES_MAX * FRAME_BYTES_MAX / 16;
/// How often the time goes on until an undisturbed link has made both equal.
const WAITS_MAX: usize = 40;
/// Messages of each kind that scripts begin with.
const OF_EACH_KIND: u64 = 2;

/// What a script may do.
mod step {
    pub(super) const DROP: u8 = 2;
    pub(super) const REPEAT: u8 = 3;
    pub(super) const FLIP: u8 = 4;
    pub(super) const INSERT: u8 = 5;
    pub(super) const WAIT: u8 = 6;
    pub(super) const WRITE: u8 = 7;
    pub(super) const RECONNECT: u8 = 8;
    pub(super) const SWAP: u8 = 9;
    pub(super) const COUNT: u8 = 10;
}

/// Two replicas and what is on the way from each.
#[derive(Clone)]
struct World {
    hosts: [MemoryHost; 2],
    wires: [VecDeque<Frame>; 2],
    link: u64,
    writes: usize,
}

impl World {
    /// Two that share a history and went on alone, one of them twice.
    fn new() -> World {
        let mut first = MemoryHost::new(1);
        first.create();
        for number in 0..6 {
            first.put("notes", &number.to_string(), Value::from(number));
        }
        let mut second = MemoryHost::new(2);
        first.send_to(&mut second);
        for (host, tag) in [(&mut first, "one"), (&mut second, "two")] {
            for number in 0..5 {
                host.put("notes", &format!("{tag}-{}", number % 3), Value::from(number));
            }
        }
        World { hosts: [first, second], wires: [VecDeque::new(), VecDeque::new()], link: 0, writes: 0 }
    }

    fn connect(&mut self) {
        self.link += 1;
        for (side, number) in [(Side::Initiator, 0), (Side::Responder, 1)] {
            let connection = Connection {
                side,
                nonce: [self.link as u8; 32],
                origin: "fuzz".into(),
                binding: Vec::new(),
                expected: None,
                guests: Guests::Anyone,
                is_relay: false,
                interest: Interest::default(),
                joining: None,
            };
            self.give(number, Input::Connected(LinkId(self.link), connection));
        }
    }

    fn disconnect(&mut self) {
        for side in [0, 1] {
            self.give(side, Input::Disconnected(LinkId(self.link)));
        }
        self.wires = Default::default();
    }

    /// Tells a replica something; what it says goes on the wire, within bounds.
    fn give(&mut self, side: usize, input: Input) {
        self.hosts[side].give(input);
        self.take(side);
    }

    fn take(&mut self, side: usize) {
        let sent: Vec<Frame> =
            std::mem::take(&mut self.hosts[side].sent).into_iter().filter_map(|(_, frame)| frame).collect();
        assert!(sent.len() <= FRAMES_MAX, "{} frames at once", sent.len());
        assert!(sent.iter().map(Frame::len).sum::<usize>() <= BYTES_MAX, "more bytes at once than credit allows");
        let is_message = |frame: &Frame| self.hosts[side].machine.read_frame(frame).is_ok();
        assert!(
            sent.iter().all(|frame| frame.len() <= FRAME_BYTES_MAX && is_message(frame)),
            "no frame of the protocol"
        );
        self.wires[side].extend(sent);
    }

    fn deliver(&mut self, from: usize) {
        if let Some(frame) = self.wires[from].pop_front() {
            self.give(1 - from, Input::Received(LinkId(self.link), frame));
        }
    }

    fn wait(&mut self, ms: u64) {
        let now = Millis(self.hosts[0].now.0 + ms);
        for side in [0, 1] {
            self.hosts[side].wait_until(now);
            self.take(side);
        }
    }

    /// Carries everything that is on the way.
    fn run(&mut self) {
        for _ in 0..10_000 {
            if self.wires.iter().all(VecDeque::is_empty) {
                return;
            }
            [0, 1].into_iter().for_each(|from| self.deliver(from));
        }
        panic!("two replicas go on talking for ever");
    }

    fn ends(&mut self, side: usize) -> Vec<OpId> {
        let Ok(Answer::ChainEnds(ends)) = self.hosts[side].run(Command::ChainEnds) else {
            panic!("chain ends are known")
        };
        let mut ids: Vec<OpId> = ends.into_iter().map(|end| end.id).collect();
        ids.sort_unstable();
        ids
    }

    fn is_equal(&mut self) -> bool {
        self.ends(0) == self.ends(1)
    }

    /// A link that nobody disturbs.
    fn heal(&mut self) {
        self.disconnect();
        self.connect();
        self.run();
        for round in 0..WAITS_MAX {
            if self.is_equal() {
                return;
            }
            self.wait(if round % 8 == 7 { HEARTBEAT_MS } else { NUDGE_MS });
            self.run();
        }
        panic!("two honest replicas do not become equal");
    }

    /// Everything that is here has its bytes and somebody who vouches for it.
    fn verify(&mut self) {
        for host in &mut self.hosts {
            match host.run(Command::Verify) {
                Ok(Answer::Verified(report)) => {
                    assert_eq!((report.corrupt.as_slice(), report.uncovered.as_slice()), (&[][..], &[][..]));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Does one step of a script; false at its end.
    fn step(&mut self, script: &mut Script<'_>) -> bool {
        let Some(choice) = script.byte() else { return false };
        let side = usize::from(choice >> 7);
        match choice % 0x80 % step::COUNT {
            step::DROP => drop(self.wires[side].pop_front()),
            step::REPEAT => self.wires[side].extend(self.wires[side].front().cloned()),
            step::FLIP => self.flip(side, script),
            step::INSERT => self.wires[side].push_front(Frame::Binary(script.piece().to_vec())),
            step::WAIT => self.wait(script.number() as u64),
            step::WRITE => self.write(side),
            step::RECONNECT => {
                self.disconnect();
                self.connect();
            }
            step::SWAP => {
                let first = self.wires[side].pop_front();
                self.wires[side].extend(first);
            }
            _ => self.deliver(side),
        }
        true
    }

    fn flip(&mut self, side: usize, script: &mut Script<'_>) {
        let (at, bits) = (script.number(), script.byte().unwrap_or(1));
        if let Some(Frame::Binary(bytes)) = self.wires[side].front_mut() {
            let len = bytes.len();
            bytes[at % len] ^= bits;
        }
    }

    fn write(&mut self, side: usize) {
        self.writes += 1;
        self.hosts[side].put("notes", &format!("late-{}", self.writes % 4), Value::from(self.writes as i32));
        self.take(side);
    }
}

/// Two replicas whose handshake is done, to be copied.
fn world() -> World {
    thread_local! {
        static WORLD: OnceCell<World> = const { OnceCell::new() };
    }
    let known = || {
        let mut world = World::new();
        world.connect();
        for _ in 0..2 {
            [0, 1].into_iter().for_each(|from| world.deliver(from));
        }
        world
    };
    WORLD.with(|world| world.get_or_init(known).clone())
}

/// Deliveries alone, every kind of disturbance, and every kind of message where it does not belong.
pub(super) fn scripts() -> Vec<Vec<u8>> {
    let deliver = [0, 0x80].repeat(12);
    let disturbed = (step::DROP..step::COUNT).flat_map(|choice| [0, 3, 6].map(|at| (choice, at)));
    let disturbed = disturbed.map(|(choice, at): (u8, usize)| {
        [&deliver[..at], &[choice, 1, 44, 7], &deliver[..8], &[choice | 0x80, 0, 9, 1], &deliver].concat()
    });
    let messages = (0..KINDS).flat_map(|kind| (0..OF_EACH_KIND).map(move |seed| of_kind(kind, &mut Dice::new(seed))));
    let inserted = messages.filter_map(|message| message.encode().ok()).filter(|bytes| bytes.len() < 4_096);
    let inserted = inserted.map(|bytes| [&deliver[..2], &[step::INSERT], &piece(&bytes), &deliver].concat());
    std::iter::once(deliver.clone()).chain(disturbed).chain(inserted).collect()
}

/// Accepts what leaves both equal before anybody has to help.
pub(super) fn check(bytes: &[u8]) -> Verdict {
    let (mut world, mut script) = (world(), Script(bytes));
    while world.step(&mut script) {}
    let is_equal = world.is_equal();
    world.heal();
    world.verify();
    if is_equal { Verdict::Accepted } else { Verdict::Refused }
}

/// Batches of ops as a peer of the session sends them, and those of the vectors.
pub(super) fn batches() -> Vec<Vec<u8>> {
    let mut world = world();
    let mut batches = field("ops_frame.json", "frame");
    while world.wires.iter().any(|wire| !wire.is_empty()) {
        let fronts = world.wires.iter().filter_map(VecDeque::front);
        let ops = fronts.filter(|frame| frame.kind() == Some(FrameKind::Ops));
        batches.extend(ops.cloned().map(Frame::into_bytes));
        [0, 1].into_iter().for_each(|from| world.deliver(from));
    }
    batches
}

/// A batch comes in the middle of a session; accepted is one of which something is new.
pub(super) fn batch(bytes: &[u8]) -> Verdict {
    let mut world = world();
    let before = world.ends(0);
    world.give(0, Input::Received(LinkId(world.link), Frame::Binary(bytes.to_vec())));
    let is_new = world.ends(0) != before;
    world.verify();
    world.heal();
    if is_new { Verdict::Accepted } else { Verdict::Refused }
}
