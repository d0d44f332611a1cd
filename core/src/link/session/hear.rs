//! What a session makes of what the peer says.

use alloc::vec::Vec;

use super::ground::{Ground, TipForm};
use super::{Act, Batch, Equal, Said, Session, Taken, Told};
use crate::limits::{CREDIT_BYTES, FRAME_BYTES_MAX, FRAME_IDS_MAX};
use crate::link::message::{
    Ack, Have, Level, Message, Missing, Nack, Range, Reason, StateHalf, StateHash, Tip, TipId, TroubleCode, Want,
    Without,
};
use crate::link::ops::{OnLink, RebuiltBatch};
use crate::log::graph::{Graph, Node};
use crate::ordered::Set;

impl Session {
    pub(super) fn on_have(&mut self, have: &Have, ground: &Ground<'_>) {
        self.received = self.received.max(have.sent);
        self.count_lost();
        if have.since.is_some_and(|since| !self.stand_on(since)) && !planted!(SinceUnchecked) {
            self.theirs.clear();
            self.told.state = None;
            return self.say_have(ground);
        }
        if have.since.is_none() && !self.is_paging {
            self.theirs.clear();
        }
        if !have.tips.is_empty() {
            self.wants_whole_ids = have.tips.iter().any(|tip| matches!(tip.id, TipId::Full(_)));
        }
        self.theirs.update(ground.graph, &have.tips);
        self.note_said(&have.tips, have.since.is_none());
        self.is_paging = have.more;
        if have.more {
            return;
        }
        let state = have.state.or(self.theirs.state.filter(|_| have.since.is_some()));
        if state.is_none() {
            self.take_heads(have, ground);
        }
        self.note_state(state, ground);
        self.note_knows(have.knows);
        self.outgoing.turn();
        if self.theirs.state != Some(ground.state()) {
            self.outgoing.collect(ground, &self.theirs);
        }
        self.give_bodies(&have.without, ground);
        self.hope_again();
        self.answer_have(have, ground);
        self.go_on(ground);
    }

    /// Whether it is known what the peer had in a state: the last one that it said, or that in which both had the same.
    fn stand_on(&mut self, since: StateHalf) -> bool {
        if self.theirs.state.is_some_and(|state| state.half() == since) {
            return true;
        }
        let Some(equal) = self.equal.filter(|equal| equal.state.half() == since) else { return false };
        self.theirs.clear();
        self.theirs.is_equal_to(equal.ops);
        self.theirs.state = Some(equal.state);
        true
    }

    /// The peer says which state of this replica it knows. Where that is none that it was told, it knows nothing.
    fn note_knows(&mut self, knows: Option<StateHalf>) {
        let is_known = |state: &StateHash| knows == Some(state.half());
        if self.told.state.iter().chain(&self.told_before).any(is_known) {
            return;
        }
        self.told = match self.equal.filter(|equal| is_known(&equal.state)) {
            Some(equal) => Told { state: Some(equal.state), ops: equal.ops },
            None => Told { state: None, ..self.told },
        };
    }

    /// The peer would take bodies and blobs. Blobs it asks for by itself.
    pub(super) fn give_bodies(&mut self, without: &Without, ground: &Ground<'_>) {
        self.content.set_peer_lacks(&without.blobs);
        let is_here = |node: &Node| node.index() < ground.durable && ground.graph.has_body(*node);
        let here: Vec<Node> = without.ops.iter().filter_map(|id| ground.graph.find(id)).filter(is_here).collect();
        here.into_iter().for_each(|node| self.outgoing.force(node, ground, &self.theirs));
    }

    /// Where nothing of the peer's is being stored, bytes that it sent and that did not come are lost, and count back.
    pub(super) fn count_lost(&mut self) {
        if self.batches_open + self.pieces_open == 0 && !planted!(LostBytesKept) {
            self.handled = self.handled.max(self.received);
        }
    }

    /// The peer says what its ops come to. Where that is what ours come to, it has the same.
    pub(super) fn note_state(&mut self, state: Option<StateHash>, ground: &Ground<'_>) {
        self.theirs.state = state;
        if state == Some(ground.state()) {
            self.theirs.is_equal_to(ground.reach.len());
            self.equal = Some(Equal { state: ground.state(), ops: ground.reach.len() });
        }
    }

    pub(super) fn note_said(&mut self, tips: &[Tip], is_all: bool) {
        match &mut self.said {
            Said::Ends(ends) if !is_all => ends.extend_from_slice(tips),
            said => *said = Said::All,
        }
    }

    /// What the peer said to have it has on a disk.
    pub(super) fn note_durable(&mut self, ack: &Ack, state: Option<StateHash>, graph: &Graph) {
        match core::mem::replace(&mut self.said, Said::Ends(Vec::new())) {
            Said::Nothing => self.said = Said::Nothing,
            Said::All => self.durable = self.theirs.clone(),
            Said::Ends(ends) => self.durable.update(graph, &ends),
        }
        if !planted!(AckEndsIgnored) {
            self.durable.update(graph, &ack.ends);
        }
        self.durable.resolve(graph);
        self.durable_state = state;
    }

    /// Every have is answered: by a have where the peer has to know more, by ops, or by an ack. Whoever does not sync every
    /// branch says so before anything else.
    pub(super) fn answer_have(&mut self, have: &Have, ground: &Ground<'_>) {
        if self.round == 0 && !ground.reach.agreed().own.is_all() && !planted!(InterestKeptQuiet) {
            return self.say_have(ground);
        }
        if self.theirs.state == Some(ground.state()) {
            if planted!(EqualHaveUnanswered) {
                return;
            }
            return self.say_ack(ground);
        }
        if have.knows != Some(ground.state().half()) {
            return self.say_have(ground);
        }
        let is_full = have.tips.iter().any(|tip| matches!(tip.id, TipId::Full(_)));
        let ranges: Vec<Range> = self.theirs.ahead().take(FRAME_IDS_MAX).collect();
        match (is_full, self.outgoing.is_empty()) {
            (true, _) => self.search(ranges, ground),
            (false, true) => self.say_ack(ground),
            (false, false) => {}
        }
    }

    /// The peer looks for what the two do not both have, by full ids: this side does the same, and asks for the ends that are
    /// not here. What they stand on is then found step by step.
    pub(super) fn search(&mut self, ranges: Vec<Range>, ground: &Ground<'_>) {
        if !self.is_searching {
            self.is_searching = true;
            self.say_have(ground);
        }
        match ranges.is_empty() {
            true => self.say_ack(ground),
            false => self.say(&Message::Want(Want { ranges, ..Want::default() })),
        }
    }

    /// Someone who does not know chains has what its heads reach.
    pub(super) fn take_heads(&mut self, have: &Have, ground: &Ground<'_>) {
        let graph = ground.graph;
        let heads = have.heads.iter().flat_map(|(_, heads)| heads).filter_map(|id| graph.find(id));
        self.take_past(heads.collect(), ground);
    }

    /// The peer has ops and all that they reach, and nothing else.
    pub(super) fn take_past(&mut self, heads: Vec<Node>, ground: &Ground<'_>) {
        let graph = ground.graph;
        let past = graph.past(heads.into_iter());
        let is_continued: Set<Node> = past.iter().filter_map(|node| graph.prev(node)).collect();
        let ends = past.iter().filter(|node| !is_continued.contains(node));
        let tips: Vec<Tip> = ends.map(|node| ground.tip(node, TipForm::Full)).collect();
        self.theirs.clear();
        self.theirs.update(graph, &tips);
        self.wants_whole_ids = true;
    }

    pub(super) fn on_want(&mut self, want: &Want, ground: &Ground<'_>) {
        let graph = ground.graph;
        let (mut missing, is_idle) = (Missing::default(), self.outgoing.is_empty());
        for id in want.ids.iter().chain(&want.bodies) {
            match graph.find(id).filter(|node| node.index() < ground.durable) {
                Some(node) => {
                    self.theirs.lacks(ground, node);
                    self.outgoing.force(node, ground, &self.theirs);
                }
                None => missing.ids.push(*id),
            }
        }
        for range in &want.ranges {
            let chain = graph.find_chain(&range.branch, &range.author);
            let ends = chain.into_iter().flat_map(|chain| ground.ends_of(chain));
            for last in ends.filter_map(|end| graph.back_to(end, range.to.min(graph.seq(end)))) {
                let behind = core::iter::successors(Some(last), |node| graph.prev(*node));
                for node in behind.take_while(|node| graph.seq(*node) >= range.from) {
                    self.outgoing.force(node, ground, &self.theirs);
                }
            }
        }
        if let Some(after) = want.after {
            match graph.find(&after) {
                Some(node) => {
                    self.take_past(alloc::vec![node], ground);
                    self.outgoing.turn();
                    self.outgoing.turn();
                    self.outgoing.collect(ground, &self.theirs);
                }
                None => missing.ids.push(after),
            }
        }
        self.on_blobs_wanted(&want.blobs);
        if missing != Missing::default() {
            self.say(&Message::Missing(missing));
        } else if is_idle && self.outgoing.is_empty() && want.blobs.is_empty() {
            self.say_ack(ground);
        }
        self.go_on(ground);
    }

    /// Counts a frame of ops or content. Whoever sends more than there was credit for is cut off.
    pub(super) fn count_received(&mut self, sent: u64, frame_bytes: usize) {
        self.received = self.received.max(sent.saturating_add(frame_bytes as u64));
        self.bytes_open += frame_bytes as u64;
        let outstanding = self.bytes_open.max(self.received - self.handled);
        if outstanding > CREDIT_BYTES + FRAME_BYTES_MAX as u64 && !planted!(FloodTaken) {
            self.end(TroubleCode::RateLimited);
        }
    }

    pub(super) fn take(&mut self, on_link: OnLink, batch: RebuiltBatch, frame_bytes: usize, ground: &Ground<'_>) {
        self.count_received(on_link.sent, frame_bytes);
        if ground.graph.repo().is_some_and(|repo| repo != batch.repo) {
            return self.end(TroubleCode::RepoMismatch);
        }
        self.batches_open += 1;
        self.progress.ops_in += batch.ops.len() as u64;
        self.out.push(Act::Take(Batch {
            ops: batch.ops,
            upto: self.received,
            bytes: frame_bytes as u64,
            more: on_link.more,
        }));
    }

    /// Ops that came on this link are durable, or wait, or are refused.
    pub fn on_taken(&mut self, taken: &Taken, ground: &Ground<'_>) {
        self.batches_open -= 1;
        self.bytes_open -= taken.bytes;
        self.handled = self.handled.max(taken.upto);
        self.count_lost();
        self.outgoing.give(taken.here.iter().copied());
        let is_news = !taken.here.is_empty() || taken.missing != self.missing;
        self.nudges = if is_news { 0 } else { self.nudges };
        self.missing.clone_from(&taken.missing);
        self.theirs.resolve(ground.graph);
        if !taken.rejected.is_empty() {
            let ops = taken.rejected.iter().take(FRAME_IDS_MAX).copied().collect();
            self.say(&Message::Nack(Nack { ops, head: taken.head }));
        }
        self.ask(&taken.missing);
        self.say_ack(ground);
        self.go_on(ground);
    }

    pub(super) fn on_ack(&mut self, ack: &Ack, ground: &Ground<'_>) {
        self.allowed = if planted!(CreditNotMonotone) { ack.credit } else { self.allowed.max(ack.credit) };
        self.progress.last_ack_at = Some(ground.now);
        self.theirs.update(ground.graph, &ack.ends);
        let state = ack.state.or_else(|| self.own_state(ack.knows?));
        self.note_state(state.or(self.theirs.state), ground);
        self.lacks_bodies = ack.without.ops.iter().copied().collect();
        self.content.set_peer_lacks(&ack.without.blobs);
        if ack.level == Level::Disk || planted!(AckInMemoryCounts) {
            self.note_durable(ack, state, ground.graph);
        }
        let known: Vec<Node> = ack.integrated.iter().filter_map(|id| ground.graph.find(id)).collect();
        self.outgoing.give(known.into_iter());
        if self.theirs.state.is_some_and(|state| state != ground.state()) && !self.is_busy() {
            self.outgoing.collect(ground, &self.theirs);
        }
        // Two that found by their haves that they have the same tell each other once that it is durable.
        if !self.has_acked && self.theirs.state == Some(ground.state()) {
            self.say_ack(ground);
        }
        self.go_on(ground);
        self.out.push(Act::Acknowledged);
    }

    pub(super) fn on_nack(&mut self, nack: Nack, ground: &Ground<'_>) {
        let invalid = nack.ops.iter().filter(|(_, reason)| *reason == Reason::Invalid);
        invalid.filter_map(|(id, _)| ground.graph.find(id)).for_each(|node| self.outgoing.refuse(node));
        if !planted!(NackKeptSecret) {
            self.out.push(Act::Nacked(nack));
        }
    }

    pub(super) fn on_missing(&mut self, missing: &Missing) {
        for id in &missing.ids {
            self.asked.remove(id);
        }
        self.on_blobs_missing(&missing.blobs);
    }

    /// New ops are durable: the peer gets what it lacks of them.
    pub fn on_news(&mut self, ground: &Ground<'_>) {
        if self.theirs.state.is_some() || self.told.state.is_some() {
            self.theirs.resolve(ground.graph);
            if !planted!(NewsKept) {
                self.outgoing.follow(ground, &self.theirs);
            }
            self.go_on(ground);
        }
    }
}
