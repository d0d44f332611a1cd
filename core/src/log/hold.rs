//! The hold: ops that wait outside the graph, each for one thing.
//!
//! A held op names what it waits for. When that comes, the op is taken out together with the held ops that it depends
//! on and those that vouch for it, and judged again, like any op that has just arrived. The hold is bounded and forgets the newest first: what was
//! forgotten is wanted again from whoever has it.

use alloc::vec::Vec;

use crate::limits::{HOLD_AHEAD_PER_AUTHOR_MAX, HOLD_BYTES_MAX, HOLD_OPS_MAX};
use crate::op::id::{Author, OpId};
use crate::op::sign::{Signature, Unverified};
use crate::ordered::{Map, Set};
use crate::time::{Hlc, Millis};

/// What a held op waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// For this op, which is missing or held itself.
    Op(OpId),
    /// For the time when its clock is within the bound.
    Time(Hlc),
    /// For a program that knows its version.
    Version(u64),
}

/// An op outside the graph, with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldOp {
    /// Who wrote it; none where the version hides it.
    pub author: Option<Author>,
    /// What it names, ascending.
    pub dependencies: Vec<OpId>,
    /// What it waits for.
    pub wait: Wait,
    /// The header's bytes.
    pub header: Vec<u8>,
    /// The body, if it came.
    pub body: Option<Vec<u8>>,
    /// The signature, if it came and holds.
    pub signature: Option<Signature>,
}

impl HeldOp {
    /// The op as unproven as it came: it is verified again when it leaves the hold.
    pub fn unverified(&self) -> Unverified<'_> {
        Unverified { header: &self.header, body: self.body.as_deref(), signature: self.signature.as_ref() }
    }

    fn bytes(&self) -> usize {
        self.header.len() + self.body.as_ref().map_or(0, Vec::len) + 64 + 32 * self.dependencies.len()
    }
}

/// All held ops of one repo.
#[derive(Clone, Debug, Default)]
pub struct Hold {
    ops: Map<OpId, HeldOp>,
    waiting: Set<(Wait, OpId)>,
    bytes: usize,
}

impl Hold {
    /// Holds an op, or changes what a held one waits for. Where the bounds are met, others are forgotten: of one
    /// author's ops ahead of time the farthest, and otherwise this one itself.
    pub fn insert(&mut self, id: OpId, op: HeldOp) {
        self.take(&id);
        if self.ops.len() >= HOLD_OPS_MAX || self.bytes + op.bytes() > HOLD_BYTES_MAX {
            return;
        }
        self.bytes += op.bytes();
        self.waiting.insert((op.wait, id));
        let author = op.author;
        self.ops.insert(id, op);
        if let Some(author) = author {
            self.forget_farthest(author);
        }
    }

    /// The held op with this id.
    pub fn get(&self, id: &OpId) -> Option<&HeldOp> {
        self.ops.get(id)
    }

    /// Takes an op out.
    pub fn take(&mut self, id: &OpId) -> Option<HeldOp> {
        let op = self.ops.remove(id)?;
        self.waiting.remove(&(op.wait, *id));
        self.bytes -= op.bytes();
        Some(op)
    }

    /// Takes out what waits for `wait`, the held ops that those depend on, and behind an op without a signature what waits
    /// for it: the rest of its run, up to the op that vouches for it.
    pub fn release(&mut self, wait: Wait) -> Vec<(OpId, HeldOp)> {
        let waiting = self.waiting_for(wait).collect();
        self.take_whole(waiting)
    }

    /// Takes out held ops that wait for each other in a circle, so that none will ever be decided before the others: runs
    /// that stand on one another and came one by one. The circles are looked for from these ops on.
    pub fn release_circles(&mut self, from: &[OpId]) -> Vec<(OpId, HeldOp)> {
        let (mut seen, mut circles) = (Set::new(), Vec::new());
        for id in from {
            let mut walk = Set::new();
            let mut at = Some(*id);
            while let Some(id) = at.filter(|id| seen.insert(*id)) {
                walk.insert(id);
                at = self.held_wait(&id);
            }
            circles.extend(at.filter(|id| walk.contains(id)));
        }
        let mut members = Vec::new();
        for id in circles {
            let next = |at: &OpId| self.held_wait(at).filter(|next| *next != id);
            members.extend(core::iter::successors(Some(id), next));
        }
        self.take_whole(members)
    }

    /// The held op that a held op waits for.
    fn held_wait(&self, id: &OpId) -> Option<OpId> {
        match self.ops.get(id)?.wait {
            Wait::Op(other) => Some(other).filter(|other| self.ops.contains_key(other)),
            _ => None,
        }
    }

    fn take_whole(&mut self, ids: Vec<OpId>) -> Vec<(OpId, HeldOp)> {
        let (mut open, mut taken) = (ids, Vec::new());
        while let Some(id) = open.pop() {
            if let Some(op) = self.take(&id) {
                open.extend(op.dependencies.iter().copied());
                if op.signature.is_none() && !planted!(RunReleasedInParts) {
                    open.extend(self.waiting_for(Wait::Op(id)));
                }
                taken.push((id, op));
            }
        }
        taken
    }

    /// What waits for `wait`, ascending.
    pub fn waiting_for(&self, wait: Wait) -> impl Iterator<Item = OpId> + '_ {
        let range = (wait, OpId([0; 32]))..=(wait, OpId([0xff; 32]));
        self.waiting.range(range).map(|(_, id)| *id)
    }

    /// The clocks of ops whose time has come.
    pub fn due(&self, now: Millis) -> Vec<Hlc> {
        let times = self.times().filter(|hlc| !hlc.is_ahead(now));
        times.collect::<Set<_>>().into_iter().collect()
    }

    /// When the next op's time comes.
    pub fn deadline(&self) -> Option<Millis> {
        let next = self.times().next()?;
        Some(Millis(next.millis().0.saturating_sub(crate::limits::CLOCK_AHEAD_MS_MAX)))
    }

    /// Ids that held ops wait for and that are not held themselves, ascending: what to ask others for.
    pub fn missing(&self) -> Vec<OpId> {
        let waited = self.waiting.iter().filter_map(|(wait, _)| match wait {
            Wait::Op(id) if !self.ops.contains_key(id) => Some(*id),
            _ => None,
        });
        waited.collect::<Set<_>>().into_iter().collect()
    }

    /// Every held op, ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = (&OpId, &HeldOp)> {
        self.ops.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    fn times(&self) -> impl Iterator<Item = Hlc> + '_ {
        let first = (Wait::Time(Hlc(0)), OpId([0; 32]));
        self.waiting.range(first..).map_while(|(wait, _)| match wait {
            Wait::Time(hlc) => Some(*hlc),
            _ => None,
        })
    }

    fn forget_farthest(&mut self, author: Author) {
        let is_ahead = |(_, op): &(&OpId, &HeldOp)| op.author == Some(author) && matches!(op.wait, Wait::Time(_));
        let ahead: Vec<(Wait, OpId)> = self.ops.iter().filter(is_ahead).map(|(id, op)| (op.wait, *id)).collect();
        let is_over = ahead.len() > HOLD_AHEAD_PER_AUTHOR_MAX && !planted!(AheadUnbounded);
        if let Some((_, farthest)) = ahead.into_iter().max().filter(|_| is_over) {
            self.take(&farthest);
        }
    }
}
