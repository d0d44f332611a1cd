//! Writing: several rows and settings that become durable together, or not at all.
//!
//! The lock is taken before anything is read, so what a transaction reads is what it adds to. Dropping a transaction
//! takes everything back.

use std::ops::ControlFlow;
use std::time::Duration;

use rusqlite::params;
use trellis_core::log::row::{CorruptRow, Place, Row, StoredOp};
use trellis_core::op::id::ContentHash;

use super::blobs::BlobReader;
use super::fault::from_sqlite;
use super::read::{StoredRow, last_seq, meta, origin_code, rows_after};
use super::schema::PAGE_BYTES;
use super::{File, LOG_PAGES_MAX, OpenMode, Store, WAIT, checkpoint};
use crate::error::{Code, Result, TrellisError};

/// The pages that a row needs beside those of its own bytes: as good as the count of what is due must be.
const PAGES_PER_ROW: usize = 2;

/// A write that is under way, with the lock held.
#[derive(Debug)]
pub struct Transaction<'a> {
    store: &'a mut Store,
    last_seq: u32,
    state: State,
    /// The bytes that were written since the lock was taken.
    uncommitted: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// A call failed: nothing of this transaction may be committed any more.
    Spoiled,
    Ended,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(store: &'a mut Store, wait: Duration) -> Result<Transaction<'a>> {
        if store.mode == OpenMode::ReadOnly {
            return Err(opened_to_read(store));
        }
        let mut transaction = Transaction { store, last_seq: 0, state: State::Ended, uncommitted: 0 };
        transaction.take_lock(wait)?;
        Ok(transaction)
    }

    fn take_lock(&mut self, wait: Duration) -> Result<()> {
        let connection = self.store.connection()?;
        let take = || {
            connection.busy_timeout(wait.min(Duration::from_millis(i32::MAX as u64)))?;
            let taken = connection.execute_batch("BEGIN IMMEDIATE");
            connection.busy_timeout(WAIT)?;
            taken
        };
        take().map_err(|cause| refused(self.store, wait, cause))?;
        self.store.holder.claim();
        (self.state, self.uncommitted) = (State::Open, 0);
        self.last_seq = self.store.read(last_seq)?;
        Ok(())
    }

    /// The greatest sequence among the rows, those of this transaction included; 0 if there is none.
    pub fn last_seq(&self) -> u32 {
        self.last_seq
    }

    /// Reads the rows behind `seq` in order, without their bodies, until `visit` has had enough.
    ///
    /// # Errors
    /// What SQLite reports; `visit` may have seen rows by then.
    pub fn rows_after(&self, seq: u32, visit: impl FnMut(StoredRow<'_>) -> ControlFlow<()>) -> Result<()> {
        self.store.read(|connection| rows_after(connection, seq, visit))
    }

    /// As [`Store::named_blobs`] and [`Store::blob_piece`] see it: the store, with what this transaction wrote.
    pub(crate) fn store(&self) -> &Store {
        self.store
    }

    /// Reads ops, those of this transaction included, as [`Store::read_ops`] does.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn read_ops(&self, ops: &[(Place, Option<Place>)]) -> Result<Vec<std::result::Result<StoredOp, CorruptRow>>> {
        self.store.read_ops(ops)
    }

    /// As [`Store::read_ops_up_to`], with the ops of this transaction.
    ///
    /// # Errors
    /// As [`Store::read_ops`].
    pub fn read_ops_up_to(
        &self,
        ops: &[(Place, Option<Place>)],
        bytes_max: usize,
    ) -> Result<Vec<std::result::Result<StoredOp, CorruptRow>>> {
        self.store.read_ops_up_to(ops, bytes_max)
    }

    /// Reads a blob, one of this transaction included, as [`Store::read_blob`] does.
    ///
    /// # Errors
    /// As there.
    pub fn read_blob(&self, blob: &ContentHash) -> Result<BlobReader<'_>> {
        self.store.read_blob(blob)
    }

    /// Adds a row, whose sequence must be the next one.
    ///
    /// # Errors
    /// `invalid_argument` for another sequence: the caller has not read what others committed. Otherwise what SQLite
    /// reports; unless the disk is full the store is then closed. Either way nothing of this transaction can be committed.
    pub fn append(&mut self, row: &Row) -> Result<()> {
        if Some(row.seq) != self.last_seq.checked_add(1) {
            self.state = State::Spoiled;
            return Err(out_of_order(self.store));
        }
        self.write(|connection| {
            connection
                .prepare_cached("INSERT INTO rows (seq, origin, digest, headers, bodies) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![row.seq, origin_code(row.origin), row.digest, row.headers, row.bodies])
        })?;
        self.last_seq = row.seq;
        self.note_written(row.headers.len() + row.bodies.len());
        Ok(())
    }

    /// Reads one setting.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn meta(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.store.read(|connection| meta(connection, key))
    }

    /// Writes one setting.
    ///
    /// # Errors
    /// As [`Transaction::append`].
    pub fn set_meta(&mut self, key: &str, value: &[u8]) -> Result<()> {
        self.write(|connection| {
            connection
                .prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")?
                .execute(params![key, value])
        })?;
        self.note_written(value.len());
        Ok(())
    }

    /// Makes everything durable: when this returns, it is on the disk.
    ///
    /// # Errors
    /// `aborted` if a call of this transaction failed before; otherwise what SQLite
    /// reports, and unless the disk is full the store is closed.
    pub fn commit(mut self) -> Result<()> {
        self.end()
    }

    /// Makes durable what was written so far, and takes the lock again; others may write in between.
    ///
    /// # Errors
    /// As [`Transaction::commit`] and [`Store::begin`].
    pub(super) fn commit_and_go_on(&mut self) -> Result<()> {
        self.end()?;
        self.take_lock(WAIT)
    }

    fn end(&mut self) -> Result<()> {
        self.write(|connection| connection.execute_batch("COMMIT"))?;
        self.state = State::Ended;
        self.store.holder.release();
        self.store.copy_log_if_due();
        Ok(())
    }

    /// Counts what goes into the write-ahead log.
    pub(super) fn note_written(&mut self, bytes: usize) {
        self.store.log_pages += PAGES_PER_ROW + bytes / PAGE_BYTES;
        self.uncommitted += bytes;
    }

    /// The bytes that were written and not committed.
    pub(crate) fn uncommitted(&self) -> usize {
        self.uncommitted
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>) -> Result<T> {
        self.store.read(read)
    }

    pub(super) fn write<T>(&mut self, write: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>) -> Result<T> {
        if self.state != State::Open {
            return Err(spoiled(self.store));
        }
        let written = write(self.store.connection()?);
        written.map_err(|cause| {
            self.state = State::Ended;
            self.store.holder.release();
            self.store.fail("write to", cause)
        })
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.state == State::Ended {
            return;
        }
        if !self.store.roll_back() {
            self.store.file = File::Closed(Code::StorageCorrupt);
        }
        self.store.holder.release();
    }
}

impl Store {
    /// Copies the write-ahead log into the file when there is enough of it. What was committed is safe in the log, so a
    /// failure concerns the next write, not this one.
    fn copy_log_if_due(&mut self) {
        if self.log_pages < LOG_PAGES_MAX {
            return;
        }
        self.log_pages = 0;
        if let Ok(connection) = self.connection()
            && let Err(cause) = checkpoint(connection)
        {
            self.fail("write to", cause);
        }
    }
}

fn refused(store: &Store, wait: Duration, cause: rusqlite::Error) -> TrellisError {
    let error = from_sqlite("write to", &store.path, cause);
    if error.code() != Code::Locked {
        return error;
    }
    let holder = store.holder.id().map_or("another process".to_owned(), |id| format!("process {id}"));
    let message = format!(
        "The store {} is being written by {holder}, which did not finish within {} s. Try again when it is done, or \
         end it.",
        store.path.display(),
        wait.as_secs_f32()
    );
    TrellisError::new(Code::Locked, message).at_path(&store.path).caused_by(error)
}

fn opened_to_read(store: &Store) -> TrellisError {
    let message = format!("The store {} was opened for reading and cannot be written.", store.path.display());
    TrellisError::new(Code::PermissionDenied, message).at_path(&store.path)
}

fn out_of_order(store: &Store) -> TrellisError {
    let message = format!(
        "A row for the store {} does not have the next sequence. Read what others committed, then write again.",
        store.path.display()
    );
    TrellisError::new(Code::InvalidArgument, message).at_path(&store.path)
}

fn spoiled(store: &Store) -> TrellisError {
    let message = format!(
        "A part of this write to the store {} failed, so none of it is saved. Write it again.",
        store.path.display()
    );
    TrellisError::new(Code::Aborted, message).at_path(&store.path)
}
