//! P6 and P7: what two replicas say to each other to become equal, in messages and bytes, beside the bounds of the goals.

use std::time::Duration;

use anyhow::{Result, ensure};
use ed25519_dalek::{Signer, SigningKey};
use trellis_core::input::{Base, Change, Command, Connection, Edit, Frame, Guests, Input, LinkId, Side, Transaction};
use trellis_core::link::message::Message;
use trellis_core::machine::KeyUse;
use trellis_core::op::id::OpId;
use trellis_core::op::json::Value;
use trellis_core::output::Answer;
use trellis_tests::host::MemoryHost;

use crate::Setting;
use crate::corpus::{BRANCH, Book, NOW, Pen, RUN_OPS, stored};
use crate::measure::{median, worked};
use crate::report::{Report, US};

const OPS: usize = 100_000;
/// Strict verifies that are timed, to have something to compare with.
const VERIFIES: usize = 50;
/// Rounds of one op each.
const ROUNDS: usize = 31;

/// What went over a link.
#[derive(Clone, Copy, Debug, Default)]
struct Traffic {
    /// Stretches in which one side speaks and the other listens.
    flights: usize,
    frames: usize,
    /// All bytes, and those of frames that are neither ops nor of the handshake.
    bytes: usize,
    talk_bytes: usize,
}

/// Two replicas and the link between them.
struct Pair {
    sides: [MemoryHost; 2],
    links: u64,
}

impl Pair {
    fn connect(&mut self) {
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
            };
            host.give(Input::Connected(LinkId(self.links), connection));
        }
    }

    fn disconnect(&mut self) {
        for host in &mut self.sides {
            host.give(Input::Disconnected(LinkId(self.links)));
        }
    }

    /// Carries frames, all of one side's before any of the other's, until nobody has anything to say.
    fn run(&mut self) -> Traffic {
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

    fn is_equal(&mut self) -> bool {
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
    /// Whether it is more than a part of the handshake.
    fn count(&mut self, frame: &Frame) -> bool {
        self.frames += 1;
        self.bytes += frame.len();
        match frame.read() {
            Ok(Message::Hello(_) | Message::Welcome(_) | Message::Auth(_)) => false,
            Ok(Message::Ops(_)) => true,
            _ => {
                self.talk_bytes += frame.len();
                true
            }
        }
    }
}

fn write(host: &mut MemoryHost, ops: usize, tag: &str) -> Result<()> {
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
fn shared(authors: usize, ops: usize) -> Result<Pair> {
    let (mut book, genesis) = Book::begin();
    let mut pens: Vec<Pen> = (0..authors as u64).map(Pen::new).collect();
    let (mut head, mut all) = (genesis.id, vec![stored(&genesis)]);
    let run = RUN_OPS.min(ops / authors);
    for turn in 0..ops / run {
        let pens_len = pens.len();
        let ops = book.run(&mut pens[turn % pens_len], head, run, 0..25_000);
        head = ops.last().map_or(head, |op| op.id);
        all.extend(ops.iter().map(stored));
    }
    let mut first = MemoryHost::open(1_001, Vec::new(), NOW, KeyUse::Own);
    first.run(Command::Import(all))?;
    let second = MemoryHost::open(1_002, first.rows.clone(), NOW, KeyUse::Own);
    Ok(Pair { sides: [first, second], links: 0 })
}

pub(crate) fn run_discovery(setting: &Setting, report: &mut Report) -> Result<()> {
    let ops = OPS.min(setting.ops_max);
    let mut pair = shared(20, ops)?;
    report.note(format_args!("  fed: {ops} shared ops, 20 authors, in frames of CBOR, both sides in memory"));
    pair.connect();
    let equal = pair.run();
    report.figures(
        "equal, first contact: bytes beside the handshake",
        [equal.talk_bytes as f64, 128.0],
        "B",
        Some(1.0),
    );
    pair.disconnect();
    pair.connect();
    let again = pair.run();
    report.figures("equal, connected again: bytes", [again.talk_bytes as f64, 128.0], "B", Some(1.0));
    pair.disconnect();
    for (host, tag) in pair.sides.iter_mut().zip(["one", "other"]) {
        write(host, 100, tag)?;
    }
    pair.connect();
    let apart = pair.run();
    ensure!(pair.is_equal(), "the two have the same afterwards");
    report.figures("100 + 100 apart, connected again: bytes", [apart.talk_bytes as f64, 1000.0], "B", Some(1.0));
    report.figures("... one-way messages, the acks included", [apart.flights as f64, 3.0], "", None);
    Ok(())
}

pub(crate) fn run_one_op(setting: &Setting, report: &mut Report) -> Result<()> {
    let ops = OPS.min(setting.ops_max);
    let mut pair = shared(20, ops)?;
    pair.connect();
    pair.run();
    let (mut costs, mut bytes) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        write(&mut pair.sides[0], 1, &format!("round-{round}"))?;
        let (cost, traffic) = worked(|| pair.run());
        costs.push(cost.as_secs_f64());
        bytes.push(traffic.bytes as f64);
    }
    ensure!(pair.is_equal(), "the two have the same afterwards");
    report.figures("1 new op on an open link: bytes, both ways", [median(bytes.into_iter()), 600.0], "B", Some(1.0));
    pair.disconnect();
    write(&mut pair.sides[0], 1, "last")?;
    pair.connect();
    let all = pair.run();
    report.figures("1 new op, with connecting: bytes, both ways", [all.bytes as f64, 1500.0], "B", Some(1.0));
    let verify = verify_cost();
    let ours = median(costs.into_iter()) * US.1;
    report.figures(
        "1 new op on an open link: CPU of both sides, and 10 strict verifies",
        [ours, verify * 10.0 * US.1],
        US.0,
        Some(1.0),
    );
    Ok(())
}

/// What a strict verify costs, in seconds.
fn verify_cost() -> f64 {
    let key = SigningKey::from_bytes(&[9; 32]);
    let signature = key.sign(b"message");
    let (cost, ()) = worked(|| {
        for _ in 0..VERIFIES {
            let _ = std::hint::black_box(key.verifying_key().verify_strict(b"message", &signature));
        }
    });
    Duration::as_secs_f64(&cost) / VERIFIES as f64
}
