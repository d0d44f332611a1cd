//! Verifying: whether every op is what was written.

use super::Machine;
use crate::log::graph::Node;
use crate::log::row::StoredOp;
use crate::op::id::OpId;
use crate::op::kind::Kind;
use crate::op::sign::{Refused, Unverified};
use crate::output::VerifyReport;

impl Machine {
    pub(super) fn verify(&self, nodes: &[Node], ops: &[Option<StoredOp>]) -> VerifyReport {
        let mut report = VerifyReport::default();
        for (node, op) in nodes.iter().zip(ops) {
            self.verify_one(*node, op.as_ref(), &mut report);
        }
        report.uncovered = self.ids(self.graph.uncovered().into_iter());
        report
    }

    fn verify_one(&self, node: Node, op: Option<&StoredOp>, report: &mut VerifyReport) {
        let id = self.graph.id(node);
        let verified = op.and_then(|op| verify_stored(op).ok()).filter(|(verified, _)| *verified == id);
        match verified {
            None => report.corrupt.push(id),
            Some((_, signature)) => {
                report.ops += 1;
                let had_signature = op.is_some_and(|op| op.signature.is_some());
                report.signatures += usize::from(signature);
                if had_signature && !signature {
                    report.corrupt.push(id);
                }
                let has_body = op.is_some_and(|op| op.body.is_some());
                let is_bodyless = !has_body && self.graph.kind(node) != Kind::Delete;
                report.bodies_absent += usize::from(is_bodyless);
            }
        }
    }
}

/// The id of a stored op, and whether its signature holds.
fn verify_stored(op: &StoredOp) -> Result<(OpId, bool), Refused> {
    let op: Unverified<'_> = op.unverified();
    op.verify().map(|op| (op.id(), op.signature().is_some()))
}
