//! Ops taken out of the rows in which they lie, by hosts that have whole rows at hand.

use alloc::vec::Vec;

use super::row::{Place, Record, Records, StoredOp, read_record};
use crate::op::id::OpId;
use crate::ordered::Map;

/// The bytes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowBytes {
    /// The local sequence.
    pub seq: u32,
    /// The records, without bodies.
    pub headers: Vec<u8>,
    /// The bodies, one after the other.
    pub bodies: Vec<u8>,
}

/// A row's headers and its bodies.
pub type Columns<'r> = (&'r [u8], &'r [u8]);

/// Rows of which each is found by its local sequence.
pub trait Rows {
    /// A row; none where it is not here.
    fn row(&self, seq: u32) -> Option<Columns<'_>>;
}

impl Rows for Map<u32, Columns<'_>> {
    fn row(&self, seq: u32) -> Option<Columns<'_>> {
        self.get(&seq).copied()
    }
}

/// Rows that stand in any order.
pub fn by_seq(rows: &[RowBytes]) -> Map<u32, Columns<'_>> {
    rows.iter().map(|row| (row.seq, (row.headers.as_slice(), row.bodies.as_slice()))).collect()
}

/// The op at a place, with its body where that came later; none where a row is absent or damaged.
pub fn op_in(rows: &dyn Rows, at: Place, late_body: Option<Place>) -> Option<StoredOp> {
    let (record, len) = record_in(rows, at)?;
    let Record::Op { op, has_body, .. } = record else { return None };
    let body = match late_body {
        Some(late) => record_in(rows, late).and_then(|(_, len)| body_in(rows, late, len)),
        None => has_body.then(|| body_in(rows, at, len)).flatten(),
    };
    Some(StoredOp { header: op.header_bytes().to_vec(), body, signature: op.signature().copied() })
}

/// The first of the ops at these places: at least one, no more when they have so many bytes, and none behind that one
/// whose rows are absent. With them how many bytes they have.
pub fn ops_in_up_to(
    rows: &dyn Rows,
    places: impl IntoIterator<Item = (Place, Option<Place>)>,
    bytes_max: usize,
) -> (Vec<Option<StoredOp>>, usize) {
    let (mut bytes, mut read) = (0, Vec::new());
    for (at, late_body) in places {
        let is_here = rows.row(at.row).is_some() && late_body.is_none_or(|late| rows.row(late.row).is_some());
        if !read.is_empty() && (bytes >= bytes_max || !is_here) {
            break;
        }
        let op = op_in(rows, at, late_body);
        bytes += op.as_ref().map_or(0, |op| op.header.len() + op.body.as_ref().map_or(0, Vec::len));
        read.push(op);
    }
    (read, bytes)
}

/// The record at a place, and the length of its body.
fn record_in(rows: &dyn Rows, at: Place) -> Option<(Record<'_>, u32)> {
    let (headers, _) = rows.row(at.row)?;
    read_record(at, headers.get(at.header_at as usize..)?).map(|(record, len, _)| (record, len))
}

/// A body of so many bytes at a place.
fn body_in(rows: &dyn Rows, at: Place, len: u32) -> Option<Vec<u8>> {
    let (_, bodies) = rows.row(at.row)?;
    bodies.get(at.body_at as usize..)?.get(..len as usize).map(<[u8]>::to_vec)
}

/// The ops that the rows behind one bring up to a last one, or complete by a body, in order. Those before them hold ops that
/// they complete.
pub fn ops_brought(rows: &dyn Rows, behind: u32, last: u32) -> Vec<(OpId, StoredOp)> {
    let mut brought = Vec::new();
    for seq in behind + 1..=last {
        for record in records(rows, seq) {
            let (id, at, late_body) = match record {
                Ok(Record::Op { op, place, .. }) => (op.id(), Some(place), None),
                Ok(Record::Body { id, place, .. }) => (id, find(rows, last, id), Some(place)),
                _ => continue,
            };
            brought.extend(at.and_then(|at| op_in(rows, at, late_body)).map(|op| (id, op)));
        }
    }
    brought
}

/// Looks for an op from the last row on. A body that comes later than its op is rare.
fn find(rows: &dyn Rows, last: u32, wanted: OpId) -> Option<Place> {
    for seq in (1..=last).rev() {
        for record in records(rows, seq) {
            match record {
                Ok(Record::Op { op, place, .. }) if op.id() == wanted => return Some(place),
                _ => {}
            }
        }
    }
    None
}

fn records(rows: &dyn Rows, seq: u32) -> Records<'_> {
    let headers = rows.row(seq).map_or(&[][..], |(headers, _)| headers);
    Records::of(seq, headers)
}
