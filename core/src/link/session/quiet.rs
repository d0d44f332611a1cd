//! What a session does when nothing comes: it looks whether both have the same, and whether the peer is still there.

use super::ground::Ground;
use super::{Act, Session};
use crate::limits::{HEARTBEAT_MS, NUDGE_MS, NUDGES_MAX, PING_MS, PINGS_MISSED_MAX};
use crate::link::message::{Message, TroubleCode};
use crate::time::Millis;

impl Session {
    pub(super) fn note_sync(&mut self, ground: &Ground<'_>) {
        if self.durable_state == Some(ground.state()) && self.durable_ops < ground.reach.len() {
            self.durable_ops = ground.reach.len();
            self.out.push(Act::Acknowledged);
        }
        let is_equal = self.theirs.state == Some(ground.state());
        let is_whole = !ground.without.blobs.iter().any(|blob| self.may_give(blob));
        let is_idle = is_whole && self.pieces_open == 0 && !self.is_busy() && self.content.is_at_rest();
        if is_equal && is_idle && !self.is_in_sync {
            (self.nudges, self.is_searching) = (0, false);
            self.out.push(Act::InSync);
        }
        self.is_in_sync = is_equal && is_idle;
        let differs = is_idle && !is_equal && self.theirs.state.is_some();
        self.differs_since = differs.then(|| self.differs_since.unwrap_or(ground.now));
    }

    /// Nothing moves any more, and the two do not have the same: something was lost, or a chain forked far back.
    pub(super) fn nudge(&mut self, ground: &Ground<'_>) {
        self.nudges += 1;
        self.differs_since = Some(ground.now);
        self.is_searching |= self.nudges > 1;
        match self.nudges > NUDGES_MAX {
            true => self.end(TroubleCode::NoProgress),
            false => self.say_have(ground),
        }
    }

    /// Whether something is on its way.
    pub(super) fn is_busy(&self) -> bool {
        self.batches_open > 0 || self.reading.is_some() || !self.waiting.is_empty() || !self.outgoing.is_empty()
    }

    /// When it next wants to be told the time.
    pub fn deadline(&self) -> Millis {
        let ping = Millis(self.heard_at.0.max(self.pinged_at.0) + PING_MS);
        let nudge = self.differs_since.map(|since| Millis(since.0 + NUDGE_MS));
        ping.min(Millis(self.have_at.0 + HEARTBEAT_MS)).min(nudge.unwrap_or(ping))
    }

    /// The time has come for a sign of life.
    pub fn on_time(&mut self, ground: &Ground<'_>) {
        if self.differs_since.is_some_and(|since| ground.now.0 >= since.0 + NUDGE_MS) {
            self.nudge(ground);
        }
        if ground.now.0 >= self.have_at.0 + HEARTBEAT_MS && !planted!(HeartbeatOmitted) {
            self.say_have(ground);
        }
        if ground.now.0 >= self.heard_at.0.max(self.pinged_at.0) + PING_MS {
            self.ping(ground.now);
        }
    }

    pub(super) fn ping(&mut self, now: Millis) {
        if self.pings_open >= PINGS_MISSED_MAX && !planted!(SilenceBorne) {
            return self.end(TroubleCode::Timeout);
        }
        self.pings_open += 1;
        self.pinged_at = now;
        self.say(&Message::Ping(now.0));
    }
}
