//! Opening: from the rows of a store to a graph, without reading bodies.
//!
//! What is in the store was admitted once, so its ops are rehashed and appended, and neither judged nor verified
//! again. Left out are ops beyond the clock bound, ops of a corrupt row, and whatever depends on them or is vouched
//! for only by them.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use hashbrown::HashSet;

use super::{KeyUse, Machine, Outputs, Phase, Waiting, reply};
use crate::input::{Command, Input, More, Request, RowHeaders};
use crate::limits::CLOCK_AHEAD_MS_MAX;
use crate::log::graph::{Graph, Hint, Keeping, Presence};
use crate::log::hold::Wait;
use crate::log::row::{CorruptRow, Record, read_row};
use crate::op::id::OpId;
use crate::op::sign::VerifiedOp;
use crate::output::{Answer, Event, Output, Query};
use crate::time::{Hlc, Millis};

/// What opening needs to remember.
#[derive(Clone, Debug, Default)]
pub(super) struct Opening {
    /// Commands that came before the rows.
    pub(super) commands: VecDeque<(Request, Command)>,
    /// What happened to links before the rows came.
    pub(super) links: VecDeque<Input>,
    /// Ops that stay out of the graph, because only such ops as must stay out vouch for them.
    excluded: HashSet<OpId>,
}

/// Rows of the store with ops that stayed out of the graph at opening.
#[derive(Clone, Debug, Default)]
pub(super) struct RowsAhead {
    rows: Vec<RowHeaders>,
    /// The greatest clock among them.
    latest: Option<Hlc>,
}

impl RowsAhead {
    /// When no clock among them is ahead any more.
    pub(super) fn deadline(&self) -> Option<Millis> {
        self.latest.map(|latest| Millis(latest.millis().0.saturating_sub(CLOCK_AHEAD_MS_MAX)))
    }
}

fn clock_of(record: &Record<'_>) -> Option<Hlc> {
    if let Record::Op { op, .. } = record { Some(op.header().hlc) } else { None }
}

impl Machine {
    pub(super) fn load_rows(&mut self, waiting: Waiting, out: &mut Outputs) {
        let ticket = self.tickets.open(waiting);
        out.push(Output::Load(ticket, Query::Rows { after: self.last_row }));
    }

    pub(super) fn on_rows(
        &mut self,
        waiting: Waiting,
        rows: &[RowHeaders],
        more: More,
        now: Millis,
        out: &mut Outputs,
    ) {
        for row in rows {
            if let Err(CorruptRow { row }) = self.append_row(row, now) {
                self.corrupt_rows.insert(row);
                out.push(Output::Emit(Event::Corrupt { row }));
            }
            self.last_row = row.seq;
            self.links.durable_row = self.links.durable_row.max(row.seq);
        }
        match (more, waiting) {
            (More::Follows, waiting) => self.load_rows(waiting, out),
            (More::End, Waiting::NewRows(request)) => {
                self.read_repo_contents(Some(request), out);
            }
            (More::End, _) => self.end_of_rows(out),
        }
    }

    fn append_row(&mut self, row: &RowHeaders, now: Millis) -> Result<(), CorruptRow> {
        let mut records = Vec::new();
        read_row(row.seq, &row.headers, &row.digest, |record| records.push(record))?;
        let latest = records.iter().filter_map(clock_of).max();
        let left_out = self.left_out;
        let hint = |record: &Record<'_>| match record {
            Record::Op { op, .. } => Some(self.graph.hint(op)),
            _ => None,
        };
        let hints: Vec<Option<Hint>> = records.iter().map(hint).collect();
        for (record, hint) in records.iter().zip(hints) {
            match (record, hint) {
                (Record::Op { op, place, has_body }, Some(hint)) => {
                    let body = if *has_body { Presence::Here } else { Presence::Absent };
                    self.restore(op, Keeping { place: *place, body, origin: row.origin }, hint, now);
                }
                (record, _) => self.complete(record),
            }
        }
        if self.left_out > left_out {
            self.rows_ahead.rows.push(row.clone());
            self.rows_ahead.latest = self.rows_ahead.latest.max(latest);
        }
        Ok(())
    }

    /// Ops of the store that stayed out at opening enter the graph once no clock among them is ahead any more, and
    /// whatever waited for them is judged.
    pub(super) fn take_rows_ahead(&mut self, now: Millis, out: &mut Outputs) {
        let is_due = self.rows_ahead.latest.is_some_and(|latest| !latest.is_ahead(now));
        if !is_due || !matches!(self.phase, Phase::Ready) {
            return;
        }
        let known = self.graph.len();
        for row in core::mem::take(&mut self.rows_ahead).rows {
            if let Err(CorruptRow { row }) = self.append_row(&row, now) {
                self.corrupt_rows.insert(row);
            }
        }
        self.rows_ahead = RowsAhead::default();
        self.is_state_stale = true;
        self.refresh_state();
        let entered: Vec<OpId> = self.graph.nodes().skip(known).map(|node| self.graph.id(node)).collect();
        for id in entered {
            self.judge_released(Wait::Op(id), now, out);
        }
        self.read_repo_contents(None, out);
    }

    fn restore(&mut self, op: &VerifiedOp<'_>, keeping: Keeping, hint: Hint, now: Millis) {
        let is_out = op.header().hlc.is_ahead(now) || self.is_excluded(&op.id());
        if !is_out && self.graph.restore(op, keeping, hint).is_some() {
            self.note_own(op, keeping.origin);
        } else if self.graph.find(&op.id()).is_none() {
            self.leave_out(op);
        }
    }

    /// Notes what a record adds to an op of an earlier one.
    fn complete(&mut self, record: &Record<'_>) {
        match record {
            Record::Op { .. } => {}
            Record::Signature(id, signature) => {
                self.graph.find(id).into_iter().for_each(|node| self.graph.set_signed(node, signature));
            }
            Record::Body { id, place, .. } => {
                self.graph.find(id).into_iter().for_each(|node| {
                    self.graph.set_body(node, *place);
                    self.grounds += 1;
                    self.repo_contents.remove(&node);
                });
            }
        }
    }

    /// A chain that goes on outside the graph cannot be continued: our own key's places there are taken.
    fn leave_out(&mut self, op: &VerifiedOp<'_>) {
        self.left_out += 1;
        if op.header().author == self.author && !planted!(OwnOpsAheadContinued) {
            self.key_use = KeyUse::Copied;
        }
    }

    /// The store has a repo, and by the local clock even its genesis lies too far ahead to be here.
    pub(super) fn is_before_genesis(&self) -> bool {
        self.graph.is_empty() && self.left_out > 0
    }

    fn is_excluded(&self, id: &OpId) -> bool {
        matches!(&self.phase, Phase::Opening(opening) if opening.excluded.contains(id))
    }

    /// Where something was left out, its chain may now end in ops that nothing vouches for. They stay out too, and the
    /// rows are read again without them.
    fn end_of_rows(&mut self, out: &mut Outputs) {
        let bare = if self.left_out > 0 { self.graph.uncovered() } else { Vec::new() };
        if bare.is_empty() {
            self.read_repo_contents(None, out);
        } else if let Phase::Opening(opening) = &mut self.phase {
            opening.excluded.extend(bare.iter().map(|node| self.graph.id(*node)));
            self.graph = Graph::new(self.id_key);
            (self.own_clock, self.last_row, self.left_out) = (None, 0, 0);
            self.rows_ahead = RowsAhead::default();
            self.load_rows(Waiting::OpeningRows, out);
        }
    }

    /// Everything is read: the machine carries out what it was told meanwhile.
    pub(super) fn opened(&mut self, now: Millis, out: &mut Outputs) {
        if let Phase::Opening(opening) = core::mem::replace(&mut self.phase, Phase::Ready) {
            out.push(Output::Emit(Event::Opened));
            for (request, command) in opening.commands {
                self.on_command(request, command, now, out);
            }
            for input in opening.links {
                self.on_link(input, now, out);
            }
        }
    }

    pub(super) fn refreshed(&mut self, request: Request, out: &mut Outputs) {
        reply(out, request, Ok(Answer::Done));
    }
}
