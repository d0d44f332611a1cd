//! Rows in memory: what an engine has of a program's log.

use std::collections::BTreeSet;

use trellis_core::input::{Kept, Loaded, More, Remembered, RowHeaders};
use trellis_core::log::row::{Place, Record, Row, StoredOp, read_record, read_row};
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::{Author, ContentHash, OpId};
use trellis_core::output::{BlobPart, Query, StoredAt};

use super::disk::Storage;
use crate::error::Result;

/// Rows in their order.
#[derive(Debug, Default)]
pub(super) struct Rows(Vec<Row>);

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets every row but the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// The ops that the rows behind the first `from` bring, or complete by a body, in order.
    pub(super) fn ops_since(&self, from: usize) -> Vec<(OpId, StoredOp)> {
        self.0[from..].iter().flat_map(records).filter_map(|record| self.op_of(&record)).collect()
    }

    fn op_of(&self, record: &Record<'_>) -> Option<(OpId, StoredOp)> {
        let (id, at) = match record {
            Record::Op { op, place, .. } => (op.id(), StoredAt { op: *place, late_body: None }),
            Record::Body { id, place, .. } => (*id, StoredAt { op: self.find(id)?, late_body: Some(*place) }),
            Record::Signature(..) => return None,
        };
        Some((id, self.stored(at)?))
    }

    /// Looks for an op from the last row on. A body that comes later than its op is rare.
    fn find(&self, wanted: &OpId) -> Option<Place> {
        self.0.iter().rev().flat_map(records).find_map(|record| match record {
            Record::Op { op, place, .. } if op.id() == *wanted => Some(place),
            _ => None,
        })
    }

    fn stored(&self, at: StoredAt) -> Option<StoredOp> {
        let row = self.row_of(at.op)?;
        let (record, len, _) = read_record(at.op, row.headers.get(at.op.header_at as usize..)?)?;
        let Record::Op { op, has_body, .. } = record else { return None };
        let body = match at.late_body {
            Some(late) => self.late_body(late),
            None => has_body.then(|| body(row, at.op, len)).flatten(),
        };
        Some(StoredOp { header: op.header_bytes().to_vec(), body, signature: op.signature().copied() })
    }

    fn late_body(&self, at: Place) -> Option<Vec<u8>> {
        let row = self.row_of(at)?;
        let (_, len, _) = read_record(at, row.headers.get(at.header_at as usize..)?)?;
        body(row, at, len)
    }

    fn named_blobs(&self) -> Vec<ContentHash> {
        let ops = self.ops_since(0);
        let bodies = ops.iter().filter_map(|(_, op)| op.body.as_deref());
        let named: BTreeSet<ContentHash> = bodies.flat_map(BlobRef::hashes_in).collect();
        named.into_iter().collect()
    }

    fn row_of(&self, at: Place) -> Option<&Row> {
        self.0.get((at.row as usize).checked_sub(1)?)
    }

    fn up_to(&self, places: &[StoredAt], bytes_max: usize) -> Vec<Option<StoredOp>> {
        let (mut bytes, mut read) = (0, Vec::new());
        for at in places {
            if bytes >= bytes_max {
                break;
            }
            let op = self.stored(*at);
            bytes += op.as_ref().map_or(0, |op| op.header.len() + op.body.as_ref().map_or(0, Vec::len));
            read.push(op);
        }
        read
    }
}

/// None of the content is here that ops name: a program that carries ops alone carries content by itself.
impl Storage for Rows {
    fn last_seq(&self) -> Result<u32> {
        Ok(self.0.len() as u32)
    }

    fn load(&self, query: Query) -> Result<Loaded> {
        Ok(match query {
            Query::Rows { after } => {
                let headers = |row: &Row| RowHeaders {
                    seq: row.seq,
                    origin: row.origin,
                    headers: row.headers.clone(),
                    digest: row.digest,
                };
                Loaded::Rows { rows: self.0.iter().skip(after as usize).map(headers).collect(), more: More::End }
            }
            Query::Ops(places) => Loaded::Ops(self.up_to(&places, usize::MAX)),
            Query::OpsUpTo { ops, bytes_max } => Loaded::Ops(self.up_to(&ops, bytes_max)),
            Query::LackingBlobs => Loaded::Blobs(absent(self.named_blobs())),
            Query::AbsentBlobs(blobs) => Loaded::Blobs(absent(blobs)),
            Query::BlobPiece { .. } => Loaded::Piece(None),
            Query::Peers => Loaded::Peers(Vec::new()),
        })
    }

    /// An engine knows its peers as long as it lives.
    fn remember(&mut self, _: &Author, _: Remembered) -> Result<()> {
        Ok(())
    }

    fn append(&mut self, row: Row) -> Result<()> {
        self.0.push(row);
        Ok(())
    }

    fn keep_piece(&mut self, _part: &BlobPart) -> Result<Kept> {
        Ok(Kept::Damaged)
    }
}

fn absent(blobs: Vec<ContentHash>) -> Vec<(ContentHash, u64)> {
    blobs.into_iter().map(|blob| (blob, 0)).collect()
}

fn records(row: &Row) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    // Nothing changes a row in memory after its digest was computed.
    let _ = read_row(row.seq, &row.headers, &row.digest, |record| records.push(record));
    records
}

fn body(row: &Row, at: Place, len: u32) -> Option<Vec<u8>> {
    row.bodies.get(at.body_at as usize..)?.get(..len as usize).map(<[u8]>::to_vec)
}
