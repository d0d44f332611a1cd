//! Rows in memory: what an engine has of a program's log.

use std::collections::BTreeSet;

use trellis_core::input::{Kept, Loaded, More, Remembered, RowHeaders};
use trellis_core::log::row::{Row, StoredOp};
use trellis_core::log::rows::{self, Columns, ops_brought, ops_in_up_to};
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
        ops_brought(self, from as u32, self.0.len() as u32)
    }

    fn named_blobs(&self) -> Vec<ContentHash> {
        let ops = self.ops_since(0);
        let bodies = ops.iter().filter_map(|(_, op)| op.body.as_deref());
        let named: BTreeSet<ContentHash> = bodies.flat_map(BlobRef::hashes_in).collect();
        named.into_iter().collect()
    }

    fn up_to(&self, places: &[StoredAt], bytes_max: usize) -> Vec<Option<StoredOp>> {
        ops_in_up_to(self, places.iter().map(|at| (at.op, at.late_body)), bytes_max).0
    }
}

impl rows::Rows for Rows {
    fn row(&self, seq: u32) -> Option<Columns<'_>> {
        let row = self.0.get((seq as usize).checked_sub(1)?)?;
        Some((&row.headers, &row.bodies))
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
