//! What the machine's questions to the disk go to: a store, or a transaction of it.
//!
//! Inside a transaction the machine sees the rows that it has just appended, so several writes share one commit.

use std::ops::ControlFlow;

use trellis_core::input::{Kept, Loaded, More, Remembered, RowHeaders};
use trellis_core::log::row::Row;
use trellis_core::op::id::{Author, ContentHash};
use trellis_core::output::{BlobPart, Query, StoredAt};

use crate::error::{Code, Result, TrellisError};
use crate::store::{Store, StoredRow, Transaction};

/// How many bytes of headers are given to the machine at once.
const ROWS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What the machine reads from and writes to.
pub(crate) trait Storage {
    /// The local sequence of the last row.
    fn last_seq(&self) -> Result<u32>;

    /// Reads what the machine asked for.
    fn load(&self, query: Query) -> Result<Loaded>;

    /// Adds a row, which is durable only when whoever owns this says so.
    fn append(&mut self, row: Row) -> Result<()>;

    /// Remembers a peer, if anything is kept.
    fn remember(&mut self, peer: &Author, then: Remembered) -> Result<()>;

    /// Keeps a piece of a blob in the same way.
    fn keep_piece(&mut self, part: &BlobPart) -> Result<Kept>;
}

/// A store as the machine sees it.
#[derive(Debug)]
pub(crate) enum Disk<'a, 'b> {
    /// Without the lock: nothing is appended.
    Reading(&'a Store),
    /// With the lock, until the transaction ends.
    Writing(&'a mut Transaction<'b>),
}

impl Storage for Disk<'_, '_> {
    fn last_seq(&self) -> Result<u32> {
        match self {
            Disk::Reading(store) => store.last_seq(),
            Disk::Writing(transaction) => Ok(transaction.last_seq()),
        }
    }

    fn load(&self, query: Query) -> Result<Loaded> {
        match query {
            Query::Rows { after } => self.rows(after),
            Query::Ops(places) => self.ops(&places, usize::MAX),
            Query::OpsUpTo { ops, bytes_max } => self.ops(&ops, bytes_max),
            Query::LackingBlobs => {
                let named: Vec<ContentHash> = self.store().named_blobs()?.into_iter().collect();
                Ok(Loaded::Blobs(self.store().absent_blobs(&named)?))
            }
            Query::AbsentBlobs(blobs) => Ok(Loaded::Blobs(self.store().absent_blobs(&blobs)?)),
            Query::Peers => Ok(Loaded::Peers(self.store().peers()?)),
            Query::BlobPiece { blob, from } => Ok(Loaded::Piece(self.store().blob_piece(&blob, from)?)),
        }
    }

    fn append(&mut self, row: Row) -> Result<()> {
        match self {
            Disk::Writing(transaction) => transaction.append(&row),
            Disk::Reading(_) => Err(read_only()),
        }
    }

    fn remember(&mut self, peer: &Author, then: Remembered) -> Result<()> {
        match self {
            Disk::Writing(transaction) => transaction.remember(peer, then),
            Disk::Reading(_) => Ok(()),
        }
    }

    fn keep_piece(&mut self, part: &BlobPart) -> Result<Kept> {
        match self {
            Disk::Writing(transaction) => transaction.keep_piece(part),
            Disk::Reading(_) => Err(read_only()),
        }
    }
}

impl Disk<'_, '_> {
    fn store(&self) -> &Store {
        match self {
            Disk::Reading(store) => store,
            Disk::Writing(transaction) => transaction.store(),
        }
    }

    fn ops(&self, places: &[StoredAt], bytes_max: usize) -> Result<Loaded> {
        let places: Vec<_> = places.iter().map(|at| (at.op, at.late_body)).collect();
        let ops = match self {
            Disk::Reading(store) => store.read_ops_up_to(&places, bytes_max)?,
            Disk::Writing(transaction) => transaction.read_ops_up_to(&places, bytes_max)?,
        };
        Ok(Loaded::Ops(ops.into_iter().map(std::result::Result::ok).collect()))
    }

    fn rows(&self, after: u32) -> Result<Loaded> {
        let (mut rows, mut bytes, mut more) = (Vec::new(), 0, More::End);
        let visit = |row: StoredRow<'_>| {
            if bytes >= ROWS_BYTES_MAX {
                more = More::Follows;
                return ControlFlow::Break(());
            }
            bytes += row.headers.len();
            let headers = row.headers.to_vec();
            rows.push(RowHeaders { seq: row.seq, origin: row.origin, headers, digest: row.digest });
            ControlFlow::Continue(())
        };
        match self {
            Disk::Reading(store) => store.rows_after(after, visit)?,
            Disk::Writing(transaction) => transaction.rows_after(after, visit)?,
        }
        Ok(Loaded::Rows { rows, more })
    }
}

fn read_only() -> TrellisError {
    TrellisError::new(Code::Aborted, "A read may not write to the store.")
}

/// Looks at the whole file, and rehashes every row; returns the rows that are not what was written.
///
/// # Errors
/// `storage_corrupt` for a file that is not sound as such.
pub(crate) fn corrupt_rows(store: &Store) -> Result<Vec<u32>> {
    store.check()?;
    let mut corrupt = Vec::new();
    store.rows_after(0, |row| {
        if row.records(|_| ()).is_err() {
            corrupt.push(row.seq);
        }
        ControlFlow::Continue(())
    })?;
    Ok(corrupt)
}
