//! Receipts: who waits until its ops are safe somewhere else, and is told when they are.

use alloc::vec::Vec;

use super::read::Purpose;
use super::{Machine, Outputs, reply};
use crate::error::CommandError;
use crate::input::{LinkId, Request, Tier};
use crate::link::message::{Nack, Reason};
use crate::link::reach::Reach;
use crate::link::session::Session;
use crate::log::graph::Node;
use crate::log::row::StoredOp;
use crate::op::id::{ContentHash, OpId};
use crate::output::{Answer, Event, LinkEvent, Output};
use crate::time::Millis;

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Who is answered.
    pub(super) request: Request,
    /// How safe the ops are to be.
    pub(super) tier: Tier,
    /// When it is answered that they are not.
    pub(super) until: Millis,
}

/// Somebody who waits.
#[derive(Clone, Debug)]
pub(super) struct Receipt {
    wanted: Wanted,
    ops: Vec<Node>,
    /// The blobs that the ops name.
    blobs: Vec<ContentHash>,
}

impl Machine {
    /// Answers when the ops are as safe as is wanted; with a failure when the time is over. The ops are read for the blobs
    /// that they name.
    pub(super) fn await_durable(
        &mut self,
        wanted: Wanted,
        ids: &[OpId],
        out: &mut Outputs,
    ) -> Result<(), CommandError> {
        let find = |id: &OpId| self.graph.find(id).ok_or(CommandError::NoOp(*id));
        let ops = ids.iter().map(find).collect::<Result<_, _>>()?;
        self.read(ops, Purpose::Durable(wanted), out);
        Ok(())
    }

    /// The ops of a receipt were read.
    pub(super) fn begin_receipt(
        &mut self,
        wanted: Wanted,
        ops: Vec<Node>,
        read: Vec<Option<StoredOp>>,
        out: &mut Outputs,
    ) {
        let read: Vec<StoredOp> = read.into_iter().flatten().collect();
        let bodies = read.iter().filter_map(|op| op.body.as_deref());
        self.receipts.push(Receipt { wanted, ops, blobs: Machine::blobs_named(bodies) });
        self.settle_receipts(out);
    }

    /// When the first of those who wait has waited long enough.
    pub(super) fn receipts_deadline(&self) -> Option<Millis> {
        self.receipts.iter().map(|receipt| receipt.wanted.until).min()
    }

    /// Answers those whose ops are safe.
    pub(super) fn settle_receipts(&mut self, out: &mut Outputs) {
        let (safe, waiting) =
            core::mem::take(&mut self.receipts).into_iter().partition(|receipt| self.is_safe(receipt));
        self.receipts = waiting;
        let safe: Vec<Receipt> = safe;
        for receipt in safe {
            let withheld = |op: &Node| Some((self.graph.id(*op), *self.withheld.get(op)?));
            let answer = Answer::Durable { withheld: receipt.ops.iter().filter_map(withheld).collect() };
            reply(out, receipt.wanted.request, Ok(answer));
        }
    }

    /// Answers those who have waited long enough.
    pub(super) fn end_receipts(&mut self, now: Millis, out: &mut Outputs) {
        let (late, waiting): (Vec<Receipt>, Vec<Receipt>) = core::mem::take(&mut self.receipts)
            .into_iter()
            .partition(|receipt| receipt.wanted.until <= now && !planted!(WaitNeverEnds));
        self.receipts = waiting;
        late.into_iter().for_each(|receipt| reply(out, receipt.wanted.request, Err(CommandError::NotYetSafe)));
    }

    /// A peer refuses ops, or gives them no effect.
    pub(super) fn on_nacked(&mut self, link: LinkId, nack: Nack, out: &mut Outputs) {
        let own = |(id, reason): &(OpId, Reason)| {
            let node = self.graph.find(id).filter(|node| self.graph.is_sealed_here(*node))?;
            Some((node, *reason))
        };
        let (invalid, withheld): (Vec<_>, Vec<_>) =
            nack.ops.iter().filter_map(own).partition(|(_, reason)| *reason == Reason::Invalid);
        self.withheld.extend(withheld);
        self.reject_receipts(&invalid.into_iter().map(|(node, _)| node).collect::<Vec<_>>(), out);
        out.push(Output::Emit(Event::Link(link, LinkEvent::Nacked(nack))));
    }

    /// Answers those whose ops a peer refuses for good.
    fn reject_receipts(&mut self, invalid: &[Node], out: &mut Outputs) {
        let is_refused = |receipt: &Receipt| receipt.ops.iter().find(|op| invalid.contains(op)).copied();
        for receipt in core::mem::take(&mut self.receipts) {
            match is_refused(&receipt) {
                Some(op) => reply(out, receipt.wanted.request, Err(CommandError::Rejected(self.graph.id(op)))),
                None => self.receipts.push(receipt),
            }
        }
    }

    /// Requests that wait here, where the machine ends.
    pub(super) fn drain_receipts(&mut self) -> impl Iterator<Item = Request> + use<> {
        let count = if planted!(WaitLostInFailure) { 0 } else { self.receipts.len() };
        core::mem::take(&mut self.receipts).into_iter().take(count).map(|receipt| receipt.wanted.request)
    }

    fn is_safe(&self, receipt: &Receipt) -> bool {
        let here = receipt.ops.iter().all(|op| op.index() < self.links.durable());
        let has_op =
            |session: &Session, reach: &Reach, op: &Node| session.has_durably(&self.graph, reach, *op, &receipt.blobs);
        let mut holders =
            self.links.sessions().filter(|(_, session, reach)| receipt.ops.iter().all(|op| has_op(session, reach, op)));
        match receipt.wanted.tier {
            Tier::Local => here || planted!(LocalBeforeDurable),
            Tier::Peer => holders.next().is_some(),
            Tier::Relay => holders.any(|(_, session, _)| session.peer().is_relay),
        }
    }
}
