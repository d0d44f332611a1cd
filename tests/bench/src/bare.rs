//! What the machine itself allows: hashing, filling a map, one row or one sync at a time, and nothing else.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use hashbrown::HashMap;
use rusqlite::{Connection, params};
use trellis_core::log::row::Row;
use trellis_core::op::draft::SealedOp;
use trellis_core::op::id::{OP_CONTEXT, OpId};
use trellis_core::op::sign::{Ord40, Unverified};

use crate::merge::Fork;

/// Pages of the write-ahead log between two copies into the file: as our store does it.
const LOG_PAGES_MAX: usize = 512;
const PAGE_BYTES: usize = 16 * 1024;

/// Hashes every header and body, and fills one map with the ids; returns how many there are.
pub(crate) fn hash_and_fill(lists: [&[Unverified<'_>]; 2]) -> usize {
    let mut map: HashMap<OpId, [u8; 32]> = HashMap::with_capacity(lists[0].len() + lists[1].len());
    for op in lists.into_iter().flatten() {
        let body = blake3::hash(op.body.unwrap_or_default());
        map.insert(id_of(op.header), *body.as_bytes());
    }
    map.len()
}

/// An index of what a replica has: the local one of the two.
pub(crate) fn index_of(fork: &Fork) -> HashMap<OpId, u32> {
    let ops = fork.shared.iter().chain(&fork.tails[0]);
    ops.enumerate().map(|(at, op)| (op.id, at as u32)).collect()
}

/// The tails as what their ops are ordered by.
pub(crate) fn ords_of(tails: &[Vec<SealedOp>; 2]) -> Result<[Vec<Ord40>; 2]> {
    let ords = |tail: &Vec<SealedOp>| tail.iter().map(|op| Ok(op.unverified().rehash()?.ord())).collect::<Result<_>>();
    Ok([ords(&tails[0])?, ords(&tails[1])?])
}

/// Looks each op of the remote tail up in the local index, and merges both tails, which are in order, into one.
pub(crate) fn merge_tails(index: &HashMap<OpId, u32>, [local, remote]: &[Vec<Ord40>; 2]) -> Vec<OpId> {
    let mut merged = Vec::with_capacity(local.len() + remote.len());
    let mut ahead = local.iter().peekable();
    for op in remote.iter().filter(|op| !index.contains_key(&op.id)) {
        while let Some(own) = ahead.next_if(|own| *own < op) {
            merged.push(own.id);
        }
        merged.push(op.id);
    }
    merged.extend(ahead.map(|own| own.id));
    merged
}

/// The id of the op with this header.
pub(crate) fn id_of(header: &[u8]) -> OpId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(OP_CONTEXT).update(header);
    OpId(*hasher.finalize().as_bytes())
}

/// Fills one map with these ids, from empty; returns how many there are.
pub(crate) fn fill(ids: &[OpId]) -> usize {
    let mut map: HashMap<OpId, u32> = HashMap::new();
    for (at, id) in ids.iter().enumerate() {
        map.insert(*id, at as u32);
    }
    map.len()
}

/// A database with the settings of our store and a table of somebody else's.
pub(crate) struct Database {
    connection: Connection,
}

impl Database {
    /// Makes a database with one table.
    pub(crate) fn create(path: &Path, table: &str) -> Result<Database> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "page_size", PAGE_BYTES as i64)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES_MAX as i64, |_| Ok(()))?;
        connection.execute_batch(table)?;
        Ok(Database { connection })
    }

    /// Writes a row's bytes as one blob, durably.
    pub(crate) fn write_blob(&mut self, row: &Row) -> Result<()> {
        let transaction = self.connection.transaction()?;
        transaction
            .prepare_cached("INSERT INTO batches (seq, headers, bodies) VALUES (?1, ?2, ?3)")?
            .execute(params![row.seq, row.headers, row.bodies])?;
        Ok(transaction.commit()?)
    }

    /// Writes a row for each op, durably.
    pub(crate) fn write_ops(&mut self, ops: &[(OpId, Unverified<'_>)]) -> Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO ops (id, header, body, signature) VALUES (?1, ?2, ?3, ?4)")?;
            for (id, op) in ops {
                insert.execute(params![id.0, op.header, op.body, op.signature])?;
            }
        }
        Ok(transaction.commit()?)
    }
}

/// One blob a batch.
pub(crate) const BATCHES: &str = "CREATE TABLE batches (seq INTEGER PRIMARY KEY, headers BLOB, bodies BLOB)";
/// A row an op, found by its id.
pub(crate) const OPS: &str =
    "CREATE TABLE ops (seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, header BLOB, body BLOB, signature BLOB)";

/// A file that grows by one piece at a time, each on the disk when the call returns.
pub(crate) struct Appended(File);

impl Appended {
    pub(crate) fn create(path: &Path) -> Result<Appended> {
        Ok(Appended(OpenOptions::new().create(true).append(true).open(path)?))
    }

    pub(crate) fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.0.write_all(piece)?;
        Ok(self.0.sync_data()?)
    }
}
