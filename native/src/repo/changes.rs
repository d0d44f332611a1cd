//! What this device took in, commit by commit: a feed for those who keep up with it.

use std::ops::ControlFlow;

use trellis_core::log::row::{Origin, Record};
use trellis_core::op::id::OpId;
use trellis_core::output::OpView;
use trellis_core::surface::Hex;

use super::Repo;
use crate::error::{Code, Result};
use crate::store::{OpenMode, Store};
use crate::surface::{Changed, Commit};

/// A row of the store: its sequence, whether its ops were written here, and which ops they are.
type Row = (u32, bool, Vec<OpId>);

impl Repo {
    /// Commits behind the local sequence `since`, in order, `rows_max` of them at most; whoever comes back with the last
    /// one's sequence misses nothing. What came of a row that is damaged is left out.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn changes(&self, since: u32, rows_max: usize) -> Result<Vec<Changed>> {
        let mut changes = Vec::new();
        for (seq, is_local, ids) in self.rows(since, rows_max)? {
            let ops = self.known(&ids).await?.into_iter().map(Into::into).collect();
            changes.push(Changed { seq, is_local, ops });
        }
        Ok(changes)
    }

    /// As [`Repo::changes`], with ids in place of ops. It reads the store, and waits for nobody.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn commits(&self, since: u32, rows_max: usize) -> Result<Vec<Commit>> {
        let rows = self.rows(since, rows_max)?.into_iter();
        let commit =
            |(seq, is_local, ids): Row| Commit { seq, is_local, ops: ids.iter().map(|id| Hex(id.0)).collect() };
        Ok(rows.map(commit).collect())
    }

    fn rows(&self, since: u32, rows_max: usize) -> Result<Vec<Row>> {
        let store = Store::open(self.folder().store(), OpenMode::ReadOnly)?;
        let mut rows = Vec::new();
        if rows_max > 0 {
            store.rows_after(since, |row| {
                let mut ids = Vec::new();
                let read = row.records(|record| {
                    if let Record::Op { op, .. } = record {
                        ids.push(op.id());
                    }
                });
                if read.is_ok() {
                    rows.push((row.seq, row.origin == Origin::Local, ids));
                }
                if rows.len() < rows_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
        }
        Ok(rows)
    }

    /// Those of these ops that are in the log.
    async fn known(&self, ids: &[OpId]) -> Result<Vec<OpView>> {
        match self.ops(ids).await {
            Err(error) if error.code() == Code::NotFound => {}
            found => return found,
        }
        let mut known = Vec::new();
        for id in ids {
            match self.op(*id).await {
                Ok(op) => known.push(op),
                Err(error) if error.code() == Code::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(known)
    }
}
