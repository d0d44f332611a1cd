//! Writing very much: many transactions under one lock and one commit, by the caller's own thread.
//!
//! Whoever writes a long history needs the ids of what it has just written to go on, and cannot wait for the disk each
//! time. So here a reply comes before the commit, and nothing of it may be told to others until then.

use std::io::Read;
use std::path::Path;

use tokio::sync::oneshot;
use trellis_core::input::Command;
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::ContentHash;
use trellis_core::output::Answer;

use super::disk::Disk;
use super::engine::{Clock, Engine, Failure};
use super::{Open, Start, closed};
use crate::error::Result;
use crate::store::{Store, Transaction, WAIT};

/// A repo that is open once more beside its driver, as another process would have it open.
#[derive(Debug)]
pub(crate) struct Bulk {
    store: Store,
    engine: Engine,
    clock: Clock,
}

impl Bulk {
    pub(super) fn open(start: &Start) -> Result<Bulk> {
        let Open { store, engine } = Open::new(start)?;
        Ok(Bulk { store, engine, clock: start.clock.clone() })
    }

    /// Takes the lock, and reads what others committed. A group that is dropped without its commit leaves this of no
    /// use.
    ///
    /// # Errors
    /// `locked` where another process writes for too long; what the disk reports.
    pub(crate) fn begin(&mut self) -> Result<Group<'_>> {
        let Bulk { store, engine, clock } = self;
        let mut transaction = store.begin(WAIT)?;
        engine.set_now(clock.now());
        engine.refresh(&mut Disk::Writing(&mut transaction))?;
        Ok(Group { transaction, engine, written: 0 })
    }
}

/// Transactions that become durable together.
#[derive(Debug)]
pub(crate) struct Group<'b> {
    transaction: Transaction<'b>,
    engine: &'b mut Engine,
    written: usize,
}

impl Group<'_> {
    /// Has a command carried out. What it wrote is seen by the next one, and durable with the commit.
    ///
    /// # Errors
    /// Why the command was not carried out; nothing of it has happened then.
    pub(crate) fn run(&mut self, command: Command) -> std::result::Result<Answer, Failure> {
        self.carry_out(command).map_err(Failure::Host)?
    }

    fn carry_out(&mut self, command: Command) -> Result<std::result::Result<Answer, Failure>> {
        let (waiter, mut answer) = oneshot::channel();
        let mut disk = Disk::Writing(&mut self.transaction);
        self.engine.refresh(&mut disk)?;
        let inputs = self.engine.enlist(vec![(command, waiter)]);
        let durable = self.engine.run(inputs, &mut disk)?;
        self.written += durable.len();
        self.engine.run(durable, &mut disk)?;
        Ok(answer.try_recv().unwrap_or_else(|_| Err(Failure::Host(closed()))))
    }

    /// Keeps content, as [`Transaction::put_blob`] does.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn put_blob(&mut self, content: impl Read, from: &Path) -> Result<BlobRef> {
        self.transaction.put_blob(content, from)
    }

    /// Reads content that is known to be short.
    ///
    /// # Errors
    /// As [`Transaction::read_blob`].
    pub(crate) fn read_blob(&self, blob: &ContentHash) -> Result<Vec<u8>> {
        self.transaction.read_blob(blob)?.into_bytes()
    }

    /// How many rows wait for the commit, and how many bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.written, self.transaction.uncommitted())
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// What the disk reports.
    pub(crate) fn commit(self) -> Result<()> {
        self.transaction.commit()?;
        self.engine.settle();
        Ok(())
    }
}
