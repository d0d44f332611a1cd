//! What a session says, and in what order it goes out.

use alloc::string::String;
use alloc::vec::Vec;

use super::ground::{Ground, TipForm};
use super::ready::{Frames, ReadOps, ReadyOps};
use super::{Act, Session, TOLD_BEFORE_MAX, Told};
use crate::limits::{CREDIT_BYTES, FRAME_IDS_MAX, FRAME_TIPS_MAX, HEADS_BYTES_MAX, TALK_PER_FRAME};
use crate::link::compress::pack as pack_frame;
use crate::link::message::{Ack, Form, Frame, Have, Message, Ops, StateHalf, StateHash, Tip, Want};
use crate::link::ops::OnLink;
use crate::log::graph::Node;
use crate::log::row::StoredOp;
use crate::op::id::{OpId, RepoId};
use crate::ordered::Set;
use crate::sort;

/// What a head takes in JSON, twice, with its share of the names around it.
const HEAD_BYTES_MAX: usize = 160;

impl Session {
    /// Says what is here: the first words of the initiator, and of whoever has news of itself.
    pub fn say_have(&mut self, ground: &Ground<'_>) {
        let form = if self.is_searching { TipForm::Full } else { TipForm::Short };
        let since = self.told.state.filter(|_| form == TipForm::Short);
        let ends: Vec<Node> = match since {
            Some(_) => ground.moved_since(self.told.ops),
            None => ground.ends(),
        };
        let mut tips: Vec<Tip> = ends.into_iter().rev().map(|end| ground.tip(end, form)).collect();
        loop {
            let rest = tips.split_off(tips.len().min(FRAME_TIPS_MAX));
            let more = !rest.is_empty();
            self.round += 1;
            let have = Have {
                interest: ground.reach.agreed().own.patterns(),
                state: Some(ground.state()).filter(|state| since != Some(*state)),
                heads: self.heads(ground),
                op_count: ground.reach.len() as u64,
                tips,
                since: since.map(|state| state.half()),
                knows: self.theirs.state.map(|state| state.half()),
                without: ground.without.clone(),
                round: self.round,
                more,
                sent: self.gone(),
            };
            self.say(&Message::Have(have));
            if !more {
                break;
            }
            tips = rest;
        }
        self.note_told(ground);
        self.have_at = ground.now;
    }

    pub(super) fn note_told(&mut self, ground: &Ground<'_>) {
        self.told_before.extend(self.told.state);
        self.told_before.drain(..self.told_before.len().saturating_sub(TOLD_BEFORE_MAX));
        self.told = Told { state: Some(ground.state()), ops: ground.reach.len() };
    }

    /// The state of this replica that the peer was told, or had as well, and names by half.
    pub(super) fn own_state(&self, half: StateHalf) -> Option<StateHash> {
        let equal = self.equal.map(|equal| equal.state);
        let known = self.told.state.into_iter().chain(self.told_before.iter().copied()).chain(equal);
        known.into_iter().find(|state| state.half() == half)
    }

    /// Heads are for those who do not know chains. Where they are more than a message has room for beside its tips, whoever
    /// needs them gets none.
    pub(super) fn heads(&self, ground: &Ground<'_>) -> Vec<(String, Vec<OpId>)> {
        if self.form == Form::Binary {
            return Vec::new();
        }
        let graph = ground.graph;
        let heads = |branch| {
            let name = graph.branch_name(branch);
            let mut heads = graph.heads(name);
            sort::by_key(&mut heads, |node| core::cmp::Reverse(graph.ord(*node)));
            (name.into(), heads.into_iter().map(|node| graph.id(node)).collect())
        };
        let mut by_branch: Vec<(String, Vec<OpId>)> = graph.branches().map(heads).collect();
        by_branch.retain(|(_, heads)| !heads.is_empty());
        sort::ascending(&mut by_branch);
        let bytes = |(name, heads): &(String, Vec<OpId>)| name.len() + heads.len() * HEAD_BYTES_MAX;
        let is_fit = by_branch.iter().map(bytes).sum::<usize>() <= HEADS_BYTES_MAX;
        if is_fit { by_branch } else { Vec::new() }
    }

    /// Asks for ops by their ids, each once in a round.
    pub(super) fn ask(&mut self, missing: &[OpId]) {
        let is_new = |id: &&OpId| self.asked.get(*id) != Some(&self.round);
        let ids: Vec<OpId> = missing.iter().filter(is_new).take(FRAME_IDS_MAX).copied().collect();
        if ids.is_empty() {
            return;
        }
        let round = self.round;
        self.asked.retain(|_, asked| *asked == round);
        self.asked.extend(ids.iter().map(|id| (*id, round)));
        self.say(&Message::Want(Want { ids, ..Want::default() }));
    }

    pub(super) fn say_ack(&mut self, ground: &Ground<'_>) {
        let state = if planted!(AckBeforeDurable) { ground.state_of_all() } else { ground.state() };
        let ends = match self.told.state {
            Some(_) => ground.moved_since(self.told.ops),
            None if self.theirs.state == Some(ground.state()) => Vec::new(),
            None => ground.ends(),
        };
        if ends.len() > FRAME_TIPS_MAX {
            self.say_have(ground);
            return self.say_ack(ground);
        }
        let ends: Vec<Tip> = ends.into_iter().map(|end| ground.tip(end, TipForm::Short)).collect();
        // Whoever has the same knows everything by the state alone.
        if self.told.state.is_some() || !ends.is_empty() || self.theirs.state == Some(ground.state()) {
            self.note_told(ground);
        }
        let ack = Ack {
            ends,
            without: ground.without.clone(),
            level: ground.level,
            credit: self.handled + CREDIT_BYTES,
            knows: self.theirs.state.map(|state| state.half()),
            state: Some(state).filter(|state| self.theirs.state != Some(*state)),
            integrated: Vec::new(),
        };
        self.has_acked = true;
        self.say(&Message::Ack(ack));
    }

    /// Ops that were asked for have been read.
    pub fn on_read(&mut self, read: &mut ReadOps, ground: &Ground<'_>) {
        let Some(asked) = self.reading.take() else { return };
        self.outgoing.put_back(asked.iter().copied().skip(read.count()));
        let frames = read.frames(self.form, ground.graph);
        let cut = self.write_frames(frames, ground);
        match cut.first() {
            Some(first) if cut.len() == frames.proved.len() => self.outgoing.read_alone(*first, &asked, ground),
            _ => {}
        }
        self.outgoing.put_back(cut.into_iter());
        self.go_on(ground);
    }

    /// Writes whole runs; returns the ops of those that are not.
    fn write_frames(&mut self, Frames { proved, frames }: &Frames, ground: &Ground<'_>) -> Vec<Node> {
        let Some(repo) = ground.graph.repo() else { return Vec::new() };
        let mut written: Set<Node> = Set::new();
        for (at, frame) in frames.iter().enumerate() {
            let more = at + 1 < frames.len() || !self.outgoing.is_empty();
            self.batch += 1;
            let bytes = match &frame.ops {
                ReadyOps::Binary(ops) => {
                    let on_link = OnLink { batch: self.batch, more, sent: self.sent };
                    let frame = ops.frame(Some(on_link), &|id| self.is_known_by_half(id, ground));
                    frame.ok().map(|bytes| self.packed(bytes))
                }
                ReadyOps::Text(ops) => self.text_of(repo, more, ops),
            };
            let Some(bytes) = bytes else { continue };
            self.sent += bytes.len() as u64;
            self.progress.ops_out += frame.members.len() as u64;
            self.waiting.push_back(bytes);
            written.extend(&frame.members);
            self.outgoing.give(frame.members.iter().copied());
        }
        proved.iter().copied().filter(|node| !written.contains(node)).collect()
    }

    /// Whether the peer has said that it has an op, and finds ops by half. It might have another one with the same half; then
    /// what it reads proves nothing, or it says that it cannot read it, and both look for what they do not both have.
    fn is_known_by_half(&self, id: &OpId, ground: &Ground<'_>) -> bool {
        let finds_halves = !self.wants_whole_ids && !self.is_searching || planted!(HalvesForEver);
        let node = ground.graph.find_half(&id.half()).filter(|node| finds_halves && ground.graph.id(*node) == *id);
        node.is_some_and(|node| self.theirs.said_to_have(ground, node) || planted!(HalvesGuessed))
    }

    fn text_of(&self, repo: RepoId, more: bool, ops: &[StoredOp]) -> Option<Vec<u8>> {
        let message = Message::Ops(Ops { batch: self.batch, more, sent: self.sent, repo, ops: ops.to_vec() });
        message.to_json().ok().map(String::into_bytes)
    }

    /// The bytes that went out: what waits for credit has not.
    pub(super) fn gone(&self) -> u64 {
        if planted!(UnsentBytesSaid) {
            return self.sent;
        }
        self.sent - self.waiting.iter().map(|frame| frame.len() as u64).sum::<u64>()
    }

    /// Sends what there is credit for, and reads what comes next.
    pub(super) fn go_on(&mut self, ground: &Ground<'_>) {
        let mut gone = self.gone();
        while let Some(frame) = self.waiting.pop_front() {
            if gone + frame.len() as u64 > self.allowed && !planted!(CreditIgnored) {
                self.waiting.push_front(frame);
                break;
            }
            gone += frame.len() as u64;
            self.talk.give(TALK_PER_FRAME);
            self.send(frame);
        }
        if self.reading.is_none() && self.waiting.is_empty() && !self.outgoing.is_empty() {
            let nodes = self.outgoing.next(ground);
            self.reading = Some(nodes.clone());
            self.out.push(Act::Read(nodes));
        } else if self.reading.is_none() && self.waiting.is_empty() {
            self.read_content();
        }
        self.note_sync(ground);
    }

    /// Writes a frame that counts, behind those that wait for credit.
    pub(super) fn write_counted(&mut self, message: &Message) {
        let bytes = match Frame::of(message, self.form) {
            Ok(Frame::Binary(bytes)) => self.packed(bytes),
            Ok(Frame::Text(text)) => text.into_bytes(),
            Err(_) => return,
        };
        self.sent += bytes.len() as u64;
        self.waiting.push_back(bytes);
    }

    fn packed(&self, frame: Vec<u8>) -> Vec<u8> {
        match self.compression {
            Some(compression) => pack_frame(compression, frame),
            None => frame,
        }
    }

    pub(super) fn say(&mut self, message: &Message) {
        self.out.extend(Frame::of(message, self.form).map(Act::Send));
    }

    pub(super) fn send(&mut self, bytes: Vec<u8>) {
        let frame = match self.form {
            Form::Binary => Frame::Binary(bytes),
            Form::Text => Frame::Text(String::from_utf8(bytes).unwrap_or_default()),
        };
        self.out.push(Act::Send(frame));
    }
}
