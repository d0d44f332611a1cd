//! The funnel: whatever writes to the graph comes through here.
//!
//! Ops are judged together, the admitted ones are put into rows and appended, the others are held or refused, and what
//! waited for an admitted op is judged next. The rows go to the host, and nothing is said about their ops before it
//! has confirmed them.

use alloc::vec::Vec;

use super::{Machine, Outputs, Waiting, reply};
use crate::admit::cover::{self, Admitted, Replica, Verdict};
use crate::admit::intrinsic::Invalid;
use crate::error::CommandError;
use crate::input::{LinkId, Request};
use crate::limits::FRAME_OPS_MAX;
use crate::link::session::Taken;
use crate::log::graph::{Keeping, Node, Presence};
use crate::log::hold::{HeldOp, Wait};
use crate::log::row::{Origin, Row, RowBuilder, StoredOp};
use crate::op::body::Content;
use crate::op::header::HeaderError;
use crate::op::id::{Author, OpId};
use crate::op::sign::{Refused, Unverified, VerifiedOp};
use crate::ordered::Set;
use crate::output::{Answer, Event, ImportReport, Output};
use crate::time::Millis;
use crate::view::state::State;

/// Refused ops that are remembered, as evidence and so that what names them is refused at once.
const REFUSED_MAX: usize = 4096;
/// How often ops that wait for each other are judged together for one batch: each time lets some of them in or out.
const CIRCLES_MAX: usize = 8;

impl Machine {
    pub(super) fn import(&mut self, request: Request, ops: &[StoredOp], now: Millis, out: &mut Outputs) {
        if self.is_before_genesis() {
            return reply(out, request, Err(CommandError::ClockAhead));
        }
        let unverified: Vec<Unverified<'_>> = ops.iter().map(StoredOp::unverified).collect();
        let (report, rows) = self.integrate(&unverified, Origin::Remote, now, out);
        self.persist_then(rows, AfterPersist::Reply(request, Answer::Imported(report)), out);
    }

    /// Takes ops of any origin in: verifies, judges, appends and holds them.
    pub(super) fn integrate(
        &mut self,
        ops: &[Unverified<'_>],
        origin: Origin,
        now: Millis,
        out: &mut Outputs,
    ) -> (ImportReport, Vec<Row>) {
        let mut funnel = Funnel::new(self.last_row + 1, origin);
        let verified = self.verify_all(ops, &mut funnel);
        self.pass(&verified, funnel, now, out)
    }

    /// As [`Machine::integrate`], for ops that are verified.
    pub(super) fn integrate_verified(
        &mut self,
        ops: &[VerifiedOp<'_>],
        origin: Origin,
        now: Millis,
        out: &mut Outputs,
    ) -> (ImportReport, Vec<Row>) {
        self.pass(ops, Funnel::new(self.last_row + 1, origin), now, out)
    }

    fn pass(
        &mut self,
        ops: &[VerifiedOp<'_>],
        mut funnel: Funnel,
        now: Millis,
        out: &mut Outputs,
    ) -> (ImportReport, Vec<Row>) {
        self.admit(ops, &mut funnel, now);
        self.judge_decided(&mut funnel, now);
        self.judge_circles(&mut funnel, now);
        self.extend_state(funnel.report.admitted.len());
        let rows = funnel.rows.finish();
        self.last_row += rows.len() as u32;
        self.announce(&funnel.report, out);
        (funnel.report, rows)
    }

    /// Judges held ops that wait for what was decided, until nothing more is.
    fn judge_decided(&mut self, funnel: &mut Funnel, now: Millis) {
        while let Some(released) = self.next_released(funnel) {
            self.judge_again(released, funnel, now);
        }
    }

    /// Judges together held ops that wait for each other. What of them is held again may make another circle, so this is
    /// done some times.
    fn judge_circles(&mut self, funnel: &mut Funnel, now: Millis) {
        for _ in 0..CIRCLES_MAX {
            let circles = self.hold.release_circles(&funnel.report.held);
            if circles.is_empty() {
                break;
            }
            self.judge_again(circles, funnel, now);
            self.judge_decided(funnel, now);
        }
    }

    fn judge_again(&mut self, released: Vec<(OpId, HeldOp)>, funnel: &mut Funnel, now: Millis) {
        let ids: Set<OpId> = released.iter().map(|(id, _)| *id).collect();
        funnel.report.held.retain(|held| !ids.contains(held));
        let held: Vec<Unverified<'_>> = released.iter().map(|(_, op)| op.unverified()).collect();
        let verified = self.verify_all(&held, funnel);
        self.admit(&verified, funnel, now);
    }

    fn verify_all<'a>(&mut self, ops: &[Unverified<'a>], funnel: &mut Funnel) -> Vec<VerifiedOp<'a>> {
        let mut verified = Vec::with_capacity(ops.len());
        for op in ops {
            match op.verify() {
                Ok(op) => verified.push(op),
                Err(Refused::Header(HeaderError::Version(version))) => self.hold_version(op, version, funnel),
                Err(_) => funnel.report.malformed += 1,
            }
        }
        verified
    }

    fn hold_version(&mut self, op: &Unverified<'_>, version: u64, funnel: &mut Funnel) {
        let id = OpId::of_header(op.header);
        let held = HeldOp {
            author: None,
            dependencies: Vec::new(),
            wait: Wait::Version(version),
            header: op.header.to_vec(),
            body: op.body.map(<[u8]>::to_vec),
            signature: op.signature.copied(),
        };
        self.hold.insert(id, held);
        funnel.report.held.push(id);
    }

    fn admit(&mut self, ops: &[VerifiedOp<'_>], funnel: &mut Funnel, now: Millis) {
        let replica = Replica { graph: &self.graph, hold: &self.hold, refused: &self.refused, now };
        let (verdicts, admitted) = cover::judge(ops, replica);
        for Admitted { at, base } in admitted {
            self.admit_one(&ops[at], base, funnel);
        }
        for (op, verdict) in ops.iter().zip(verdicts) {
            if !matches!(verdict, Verdict::Hold(_)) {
                self.hold.take(&op.id());
            }
            match verdict {
                Verdict::Admit => {}
                Verdict::Known => self.complete_known(op, funnel),
                Verdict::Hold(wait) => self.hold_op(op, wait, funnel),
                Verdict::Refuse(reason) => self.refuse(op.id(), reason, funnel),
                Verdict::Drop => funnel.report.dropped.push(op.id()),
            }
        }
    }

    fn admit_one(&mut self, op: &VerifiedOp<'_>, base: Option<Node>, funnel: &mut Funnel) {
        let place = funnel.rows.next().push_op(op);
        let body = if op.body().is_some() { Presence::Here } else { Presence::Absent };
        let node = self.append(op, Keeping { place, body, origin: funnel.rows.origin }, base);
        self.note_repo_content(node, op);
        funnel.report.admitted.push(op.id());
    }

    fn append(&mut self, op: &VerifiedOp<'_>, keeping: Keeping, base: Option<Node>) -> Node {
        self.note_own(op, keeping.origin);
        self.graph.append_with_base(op, keeping, base)
    }

    /// Ops by this device's key move its clock, and one that came from elsewhere says that the key is used there too.
    pub(super) fn note_own(&mut self, op: &VerifiedOp<'_>, origin: Origin) {
        if op.header().author == self.author {
            self.own_clock = self.own_clock.max(Some(op.header().hlc));
            if origin == Origin::Remote {
                self.key_use = super::KeyUse::Copied;
            }
        }
    }

    fn note_repo_content(&mut self, node: Node, op: &VerifiedOp<'_>) {
        if self.graph.is_repo_branch(self.graph.branch(node)) {
            let format = op.header().body.map(|body| body.format);
            self.repo_contents.insert(node, Content::decode(op.header().kind, format, op.body()));
            self.is_state_stale = true;
        }
    }

    /// Computes anew what the engine's own branch says of effect, if ops came to it.
    pub(super) fn refresh_state(&mut self) {
        if core::mem::take(&mut self.is_state_stale) {
            self.state = State::of(&self.graph, &self.repo_contents, &self.policies);
            self.grounds += 1;
        }
    }

    /// Lets the last `count` ops to arrive count.
    pub(super) fn extend_state(&mut self, count: usize) {
        let nodes: Vec<Node> = self.graph.nodes().skip(self.graph.len() - count).collect();
        let is_asked_anew = |node: &Node| {
            self.state.awaits(&self.graph.id(*node)) || self.state.authority.is_cut(&self.graph.author(*node))
        };
        self.is_state_stale |= nodes.iter().any(is_asked_anew);
        match self.is_state_stale {
            true => self.refresh_state(),
            false => self.state.authority.extend(&self.graph, &nodes),
        }
    }

    /// A known op may bring a body or a signature that this replica lacks.
    fn complete_known(&mut self, op: &VerifiedOp<'_>, funnel: &mut Funnel) {
        funnel.report.known += 1;
        let Some(node) = self.graph.find(&op.id()) else { return };
        if let (Some(signature), false) = (op.signature(), self.graph.is_signed(node)) {
            funnel.rows.next().push_signature(op.id(), signature);
            self.graph.set_signed(node, signature);
        }
        if let (Some(body), false) = (op.body(), self.graph.has_body(node)) {
            let place = funnel.rows.next().push_body(op.id(), body);
            self.graph.set_body(node, place);
            self.grounds += 1;
            self.note_repo_content(node, op);
        }
    }

    fn hold_op(&mut self, op: &VerifiedOp<'_>, wait: Wait, funnel: &mut Funnel) {
        let held = HeldOp {
            author: Some(op.header().author),
            dependencies: op.header().dependencies().collect(),
            wait,
            header: op.header_bytes().to_vec(),
            body: op.body().map(<[u8]>::to_vec),
            signature: op.signature().copied(),
        };
        self.hold.insert(op.id(), held);
        funnel.report.held.push(op.id());
    }

    fn refuse(&mut self, id: OpId, reason: Invalid, funnel: &mut Funnel) {
        if self.refused.len() < REFUSED_MAX {
            self.refused.insert(id, reason);
        }
        funnel.report.refused.push((id, reason));
    }

    /// Held ops that wait for something which was decided since the last look.
    fn next_released(&mut self, funnel: &mut Funnel) -> Option<Vec<(OpId, HeldOp)>> {
        while let Some(id) = funnel.next_decided() {
            let released = self.hold.release(Wait::Op(id));
            if !released.is_empty() {
                return Some(released);
            }
        }
        None
    }

    /// Judges held ops whose time has come.
    pub(super) fn release_due(&mut self, now: Millis, out: &mut Outputs) {
        for hlc in self.hold.due(now) {
            self.judge_released(Wait::Time(hlc), now, out);
        }
    }

    /// Judges the held ops that wait for something that has come.
    pub(super) fn judge_released(&mut self, wait: Wait, now: Millis, out: &mut Outputs) {
        let released = self.hold.release(wait);
        if released.is_empty() {
            return;
        }
        let held: Vec<Unverified<'_>> = released.iter().map(|(_, op)| op.unverified()).collect();
        let (_, rows) = self.integrate(&held, Origin::Remote, now, out);
        self.persist_then(rows, AfterPersist::Nothing, out);
    }

    /// Gives rows to the host; what follows happens when the last is durable, or at once where there is none.
    pub(super) fn persist_then(&mut self, rows: Vec<Row>, then: AfterPersist, out: &mut Outputs) {
        let mut then = then;
        let last = rows.len().saturating_sub(usize::from(!planted!(SeqReusedAfterCrash)));
        for (at, row) in rows.into_iter().enumerate() {
            let then = if at == last { core::mem::take(&mut then) } else { AfterPersist::Nothing };
            let ticket = self.tickets.open(Waiting::Persisted { row: row.seq, then });
            out.push(Output::Persist(ticket, row));
        }
        if let AfterPersist::Reply(request, answer) = then {
            reply(out, request, Ok(answer));
        }
    }

    fn announce(&self, report: &ImportReport, out: &mut Outputs) {
        if !report.admitted.is_empty() {
            out.push(Output::Emit(Event::Admitted { ops: report.admitted.len() }));
        }
        for fork in self.graph.forks_since(report.admitted.len()) {
            let ops = [self.graph.id(fork.first), self.graph.id(fork.second)];
            out.push(Output::Emit(Event::ChainForked { author: self.graph.author(fork.second), ops }));
        }
    }
}

/// What follows when rows are durable.
#[derive(Clone, Debug, Default)]
pub(super) enum AfterPersist {
    /// Nothing.
    #[default]
    Nothing,
    /// A reply.
    Reply(Request, Answer),
    /// A link is told what became of what came on it.
    Taken(LinkId, Taken),
    /// The peer of a link is a member, by this invitation.
    Joined(LinkId, Author),
}

impl AfterPersist {
    pub(super) fn into_request(self) -> Option<Request> {
        match self {
            AfterPersist::Reply(request, _) => Some(request),
            AfterPersist::Nothing | AfterPersist::Taken(..) | AfterPersist::Joined(..) => None,
        }
    }
}

/// What one pass through the funnel gathers.
struct Funnel {
    report: ImportReport,
    rows: Rows,
}

impl Funnel {
    fn new(first_row: u32, origin: Origin) -> Funnel {
        Funnel { report: ImportReport::default(), rows: Rows::new(first_row, origin) }
    }

    /// The next op that was admitted or refused, each once.
    fn next_decided(&mut self) -> Option<OpId> {
        let admitted = self.report.admitted.get(self.rows.admitted_seen).copied();
        if admitted.is_some() {
            self.rows.admitted_seen += 1;
            return admitted;
        }
        let refused = self.report.refused.get(self.rows.refused_seen).map(|(id, _)| *id);
        self.rows.refused_seen += usize::from(refused.is_some());
        refused
    }
}

/// Rows under construction, each of at most [`FRAME_OPS_MAX`] records.
struct Rows {
    origin: Origin,
    first: u32,
    done: Vec<Row>,
    current: Option<(RowBuilder, usize)>,
    admitted_seen: usize,
    refused_seen: usize,
}

impl Rows {
    fn new(first: u32, origin: Origin) -> Rows {
        Rows { origin, first, done: Vec::new(), current: None, admitted_seen: 0, refused_seen: 0 }
    }

    /// The row that takes the next record.
    fn next(&mut self) -> &mut RowBuilder {
        if self.current.as_ref().is_some_and(|(_, records)| *records >= FRAME_OPS_MAX) {
            self.close();
        }
        let seq = self.first + self.done.len() as u32;
        let (row, records) = self.current.get_or_insert_with(|| (RowBuilder::new(seq, self.origin), 0));
        *records += 1;
        row
    }

    fn close(&mut self) {
        self.done.extend(self.current.take().map(|(row, _)| row.finish()));
    }

    fn finish(mut self) -> Vec<Row> {
        self.close();
        self.done
    }
}
