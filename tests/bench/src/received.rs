//! P2: frames that a peer sent go in, in memory: decoded, hashed, their signatures checked, admitted, appended, merged
//! and acknowledged.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use trellis_core::input::{Command, Frame, Input, LinkId};
use trellis_core::link::frame::FrameKind;
use trellis_core::link::message::Message;
use trellis_core::machine::KeyUse;
use trellis_core::output::Answer;
use trellis_tests::host::MemoryHost;

use crate::Setting;
use crate::corpus::NOW;
use crate::measure::{Pairs, worked};
use crate::pair::Pair;
use crate::report::{MS, Report};
use crate::story::Story;

const AUTHORS: usize = 8;
const SHARED: usize = 100_000;
const NEW: usize = 10_000;
const RUN: usize = 1_000;
const ROUNDS: usize = 15;

pub(crate) fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let shared = SHARED.min(setting.ops_max);
    let story = Story::new(AUTHORS, [shared, NEW.min(shared)], RUN);
    let arrival = Arrival::of(&story)?;
    let bytes: usize = arrival.frames.iter().map(Frame::len).sum();
    report.note(format_args!(
        "  fed: {} frames of {bytes} bytes with {} ops by {} authors, bodies included, to a replica of {shared} ops, in memory",
        arrival.frames.len(),
        story.tail_len(),
        story.authors(),
    ));
    let mut ours = || arrival.run();
    let pairs = Pairs::take(ROUNDS, &mut ours, || Ok(arrival.decode()))?;
    report.pairs("10 frames of 1,000 ops / decoding them alone", &pairs, MS, None);
    against_peers(&story, &mut ours, report)
}

/// A replica, and frames that are about to reach it.
struct Arrival {
    receiver: MemoryHost,
    link: LinkId,
    frames: Vec<Frame>,
    ops: usize,
}

impl Arrival {
    /// Two replicas meet, of which one has the tail: what it sends is kept back.
    fn of(story: &Story) -> Result<Arrival> {
        let mut receiver = MemoryHost::open(1_001, Vec::new(), NOW, KeyUse::Own);
        receiver.run(Command::Import(story.stored_shared()))?;
        let mut sender = MemoryHost::open(1_002, receiver.rows.clone(), NOW, KeyUse::Own);
        sender.run(Command::Import(story.stored_tail()))?;
        let mut pair = Pair { sides: [sender, receiver], links: 0 };
        pair.connect();
        let frames = pair.run_until_said(FrameKind::Ops);
        ensure!(!frames.is_empty(), "the sender sends ops");
        let ops = ops_of(&mut pair.sides[1])? + story.tail_len();
        let [_, receiver] = pair.sides;
        Ok(Arrival { receiver, link: LinkId(pair.links), frames, ops })
    }

    /// How long it takes to read the frames as messages.
    fn decode(&self) -> Duration {
        let read = |frame: &Frame| self.receiver.machine.read_frame(frame);
        worked(|| self.frames.iter().map(read).filter(Result::is_ok).count()).0
    }

    /// How long it takes a copy of the replica to take all of them.
    fn run(&self) -> Result<Duration> {
        let (mut receiver, frames) = (self.receiver.clone(), self.frames.clone());
        let (time, ()) =
            worked(|| frames.into_iter().for_each(|frame| receiver.give(Input::Received(self.link, frame))));
        let ops = ops_of(&mut receiver)?;
        ensure!(ops == self.ops, "{ops} of {} ops are there", self.ops);
        let acks = receiver.take_sent(self.link).into_iter().flatten();
        ensure!(
            acks.filter(|message| matches!(message, Message::Ack(_))).count() > 0,
            "the sender hears that they are"
        );
        Ok(time)
    }
}

fn ops_of(host: &mut MemoryHost) -> Result<usize> {
    match host.run(Command::Status)? {
        Answer::Status(status) => Some(status.ops),
        _ => None,
    }
    .context("a status is answered with one")
}

#[cfg(feature = "peers")]
fn against_peers(story: &Story, ours: &mut impl FnMut() -> Result<Duration>, report: &mut Report) -> Result<()> {
    for (mut peer, goal) in crate::peers::story::all(story)? {
        let pairs = Pairs::take(ROUNDS, &mut *ours, || peer.merge())?;
        report.pairs(&format!("10 frames of 1,000 ops / {}", peer.name()), &pairs, MS, goal);
    }
    Ok(())
}

#[cfg(not(feature = "peers"))]
fn against_peers(_: &Story, _: &mut impl FnMut() -> Result<Duration>, report: &mut Report) -> Result<()> {
    report.note("  built without peers");
    Ok(())
}
