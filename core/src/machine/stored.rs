//! Where ops lie in the store, and how they are taken out of rows that have come whole.

use alloc::vec::Vec;

use super::read::Read;
use super::{Machine, Outputs};
use crate::input::Ticket;
use crate::log::graph::Node;
use crate::log::row::StoredOp;
use crate::log::rows::{RowBytes, by_seq, op_in, ops_in_up_to};
use crate::output::StoredAt;
use crate::time::Millis;

impl Machine {
    /// Where an op and its body lie.
    pub(super) fn stored_at(&self, node: Node) -> StoredAt {
        StoredAt { op: self.graph.place(node), late_body: self.graph.late_body(node) }
    }

    /// The ops that a read asked for.
    pub(super) fn ops_in(&self, read: &Read, rows: &[RowBytes]) -> Vec<Option<StoredOp>> {
        let rows = by_seq(rows);
        let places = read.nodes.iter().map(|node| self.stored_at(*node));
        places.map(|at| op_in(&rows, at.op, at.late_body)).collect()
    }

    /// Rows have come in which ops lie that are read for a link. What of these was not among them is asked for again: a host
    /// counts the bytes of whole rows, and what is sent is whole runs.
    pub(super) fn on_link_rows(&mut self, ticket: Ticket, rows: &[RowBytes], now: Millis, out: &mut Outputs) {
        let Some(mut read) = self.links.reads.remove(&ticket) else { return };
        let places = read.places[read.ops.len()..].iter().map(|at| (at.op, at.late_body));
        let (ops, bytes) = ops_in_up_to(&by_seq(rows), places, read.bytes_left);
        read.ops.extend(ops);
        read.bytes_left = read.bytes_left.saturating_sub(bytes);
        match read.is_whole() {
            true => self.on_link_read(read, now, out),
            false => self.load_for_link(read, out),
        }
    }
}
