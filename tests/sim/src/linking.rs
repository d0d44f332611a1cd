//! A world by its links: nets of several shapes, receipts that must be true, ops that reach everybody as they come, and
//! quiet when there is nothing to say.

use std::collections::BTreeSet;

use trellis_core::input::{Interest, Tier};
use trellis_core::limits::{HEARTBEAT_MS, NUDGE_MS};
use trellis_core::link::frame::FrameKind;
use trellis_core::op::id::OpId;
use trellis_core::time::Millis;

use crate::Violation;
use crate::replica::Wait;
use crate::wires::{End, Tally};
use crate::world::{Done, World};

/// Rounds after which replicas that are connected have nothing more to say.
const ROUNDS_MAX: usize = 1_000;
/// How often replicas whose chains forked may have to say that they do not have the same.
const NUDGES: usize = 30;
/// How long links that lost anything may take to notice: two heartbeats, and what they then find out.
const LOST_MS: u64 = 2 * HEARTBEAT_MS + 20 * NUDGE_MS;
/// How long replicas are listened to that have nothing to say, in heartbeats.
const QUIET_BEATS: u64 = 20;
/// Frames that an end may send in that time: a have, an ack, a ping and a pong at each heartbeat.
const QUIET_FRAMES_MAX: u64 = 5 * QUIET_BEATS;

/// How replicas are connected.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Line,
    Star,
    Ring,
    Full,
}

impl Shape {
    fn pairs(self, count: usize) -> BTreeSet<[usize; 2]> {
        let pairs = (0..count).flat_map(|one| (one + 1..count).map(move |other| [one, other]));
        let is_of_shape = |[one, other]: &[usize; 2]| match self {
            Shape::Line => one + 1 == *other,
            Shape::Star => *one == 0,
            Shape::Ring => one + 1 == *other || (*one == 0 && other + 1 == count),
            Shape::Full => true,
        };
        pairs.filter(is_of_shape).collect()
    }
}

impl World {
    /// Takes what the machines sent, and looks whether what they said is true.
    pub(crate) fn collect(&mut self) -> Done {
        self.wires.collect(&mut self.replicas, self.now)?;
        for ((who, id), frame) in std::mem::take(&mut self.wires.strange) {
            self.hostile.hear(&mut self.replicas[who], id, frame, self.now)?;
        }
        self.check_safe()
    }

    /// Some way carries nothing any more, or carries frames again.
    pub(crate) fn flip(&mut self, _who: usize) -> Done {
        self.wires.flip(&mut self.dice);
        Ok(())
    }

    /// Wires of a replica come and go before a word is said on them.
    pub(crate) fn flap(&mut self, who: usize) -> Done {
        for _ in 0..1 + self.dice.below(4) {
            self.wire(who)?;
            self.collect()?;
        }
        Ok(())
    }

    /// Somebody wants word that ops are safe, old ones or `new` ones.
    pub(crate) fn wait(&mut self, who: usize, new: &[OpId]) -> Done {
        let known: Vec<OpId> = self.replicas[who].disk.durable().keys().copied().collect();
        let ops = match new.is_empty() && !known.is_empty() {
            true => (0..1 + self.dice.below(3)).map(|_| *self.dice.pick(&known)).collect(),
            false => new.to_vec(),
        };
        let tier = *self.dice.pick(&[Tier::Local, Tier::Peer, Tier::Peer, Tier::Peer, Tier::Relay]);
        let time_ms = *self.dice.pick(&[100, 5_000, 100_000]);
        self.replicas[who].wait(ops, tier, time_ms, self.now)
    }

    /// What was told to be safe is.
    fn check_safe(&mut self) -> Done {
        for who in 0..self.replicas.len() {
            for wait in std::mem::take(&mut self.replicas[who].told_safe) {
                if !self.is_safe(who, &wait) {
                    return Err(format!("replica {who} was told that ops are safe which nobody keeps: {wait:?}"));
                }
            }
        }
        Ok(())
    }

    /// No replica is a relay.
    fn is_safe(&self, who: usize, wait: &Wait) -> bool {
        let has_all = |at: usize| wait.ops.iter().all(|id| self.replicas[at].disk.durable().contains_key(id));
        match wait.tier {
            Tier::Local => has_all(who),
            Tier::Peer => (0..self.replicas.len()).any(|other| other != who && has_all(other)),
            Tier::Relay => false,
        }
    }

    /// Everybody is connected with somebody, by old wires that lost what was on them or by new ones, and in the end with
    /// everybody.
    pub(crate) fn exchange_by_links(&mut self) -> Done {
        self.wires.mend();
        self.wires.cut_narrow(&mut self.replicas, self.now)?;
        if self.dice.chance(50) {
            for who in 0..self.replicas.len() {
                self.wires.cut(&mut self.replicas, who, self.now)?;
            }
        }
        if !self.wires.is_empty() {
            self.pass_time(LOST_MS)?;
        }
        let fresh = self.connect_all()?;
        self.run_until_quiet()?;
        for _ in 0..NUDGES {
            let carried = self.wires.carried;
            self.pass_time(NUDGE_MS)?;
            if self.wires.carried == carried {
                break;
            }
        }
        self.check_in_sync(&fresh)
    }

    /// A replica that has just written wants word that a peer keeps it.
    pub(crate) fn wait_for_peer(&mut self, who: usize, new: Vec<OpId>) -> Done {
        self.replicas[who].wait(new, Tier::Peer, LOST_MS, self.now)
    }

    /// What is new reaches everybody at once, whoever waits hears so, and then nobody has anything to say.
    pub(crate) fn live_on(&mut self) -> Done {
        self.run_until_quiet()?;
        if let Some(replica) = self.replicas.iter().find(|replica| !replica.is_answered()) {
            return Err(format!("replica {} was not told that a peer keeps what it wrote", replica.number));
        }
        self.converge()?;
        if self.dice.chance(25) { self.stay_quiet() } else { Ok(()) }
    }

    /// Connects those that are not yet, in some shape; returns the new ends.
    fn connect_all(&mut self) -> Result<BTreeSet<End>, Violation> {
        let before: BTreeSet<End> = self.wires.ends().collect();
        let shape = *self.dice.pick(&[Shape::Line, Shape::Star, Shape::Ring, Shape::Full]);
        for [one, other] in shape.pairs(self.replicas.len()) {
            if !self.wires.connects([one, other]) {
                let pair = if self.dice.chance(50) { [one, other] } else { [other, one] };
                let pair = pair.map(|who| (who, Interest::default()));
                self.wires.connect(&mut self.replicas, pair, &mut self.dice, self.now)?;
            }
        }
        Ok(self.wires.ends().filter(|end| !before.contains(end)).collect())
    }

    fn check_in_sync(&self, fresh: &BTreeSet<End>) -> Done {
        let here: BTreeSet<End> = self.wires.ends().collect();
        if !fresh.is_subset(&here) {
            return Err("a link between honest replicas ended".into());
        }
        match fresh.iter().find(|(who, id)| !self.replicas[*who].in_sync.contains(id)) {
            Some((who, _)) => Err(format!("replica {who} was not told that it has what its peer has")),
            None => Ok(()),
        }
    }

    /// Delivers everything that there is to deliver, at one moment.
    pub(crate) fn run_until_quiet(&mut self) -> Done {
        self.wires.run_until_quiet(&mut self.replicas, &mut self.dice, self.now, ROUNDS_MAX)?;
        self.check_safe()
    }

    /// Lets time pass while all clocks are right.
    fn pass_time(&mut self, time_ms: u64) -> Done {
        let end = Millis(self.now.0 + time_ms);
        loop {
            let next = self.replicas.iter().filter_map(|replica| replica.deadline()).min();
            self.now = next.map_or(end, |next| next.min(end).max(self.now));
            for replica in &mut self.replicas {
                replica.tick(self.now)?;
                if replica.deadline().is_some_and(|deadline| deadline <= self.now) {
                    return Err(format!("replica {} wants to be told the time again and again", replica.number));
                }
            }
            self.run_until_quiet()?;
            if self.now == end {
                return Ok(());
            }
        }
    }

    /// Replicas that have the same say that they are there, and nothing else.
    pub(crate) fn stay_quiet(&mut self) -> Done {
        self.wires.tally = Some(Tally::new());
        self.pass_time(QUIET_BEATS * HEARTBEAT_MS)?;
        let tally = self.wires.tally.take().unwrap_or_default();
        let ends: Vec<End> = self.wires.ends().collect();
        ends.into_iter().try_for_each(|end| self.check_quiet(end, &tally))
    }

    fn check_quiet(&self, end: End, tally: &Tally) -> Done {
        let of = |end: End, kind: FrameKind| tally.get(&(end, kind.code())).copied().unwrap_or(0);
        let quiet = [FrameKind::Have, FrameKind::Ack, FrameKind::Ping, FrameKind::Pong];
        let all: u64 = tally.iter().filter(|((from, _), _)| *from == end).map(|(_, count)| count).sum();
        let said: u64 = quiet.into_iter().map(|kind| of(end, kind)).sum();
        let peer = self.wires.peer(end).unwrap_or(end);
        let is_quiet = said == all && all <= QUIET_FRAMES_MAX;
        let is_alive = of(end, FrameKind::Have) + 1 >= QUIET_BEATS;
        let is_answered = of(end, FrameKind::Ack) >= of(peer, FrameKind::Have);
        match is_quiet && is_alive && is_answered && of(peer, FrameKind::Ping) == of(end, FrameKind::Pong) {
            true => Ok(()),
            false => Err(format!("replica {} sent on a quiet link, by end and kind: {tally:?}", end.0)),
        }
    }
}
