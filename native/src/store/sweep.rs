//! Taking out what nobody names any more.

use std::collections::BTreeSet;

use rusqlite::Connection;
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::ContentHash;

use super::blobs::every_blob;
use super::{Store, Transaction, checkpoint};
use crate::error::Result;

/// The store's file is written anew when more than one of so many of its pages is empty.
const EMPTY_PAGES_ONE_OF: i64 = 8;

/// What sweeping took out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Blobs, those included that never became whole.
    pub blobs: usize,
    /// The bytes of their content, as far as it is known.
    pub bytes: u64,
}

impl Transaction<'_> {
    /// Every blob that a body in the store names, of whatever op: also of one that waits, that has no effect or that
    /// stands on a row which is damaged.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn named_blobs(&self) -> Result<BTreeSet<ContentHash>> {
        self.read(named)
    }

    /// Takes out every blob that is not among `named`, and what is left of those that never became whole. What another
    /// process wrote and has not yet named goes too, so the caller keeps others from writing.
    ///
    /// # Errors
    /// As [`Transaction::append`].
    pub fn sweep_blobs(&mut self, named: &BTreeSet<ContentHash>) -> Result<Swept> {
        self.write(|connection| connection.execute("DELETE FROM arriving", []).map(drop))?;
        let all = self.read(every_blob)?;
        let mut swept = Swept::default();
        for (number, hash, size) in all {
            if hash.is_none_or(|hash| !named.contains(&hash)) {
                self.drop_blob(number)?;
                swept.blobs += 1;
                swept.bytes += size;
            }
        }
        Ok(swept)
    }
}

impl Store {
    /// As [`Transaction::named_blobs`].
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn named_blobs(&self) -> Result<BTreeSet<ContentHash>> {
        self.read(named)
    }

    /// Gives the disk back what sweeping freed, if it is worth writing the whole file anew. Needs as much room beside the
    /// file as it has itself for as long.
    ///
    /// # Errors
    /// `locked` while another process writes; `storage_full`; what SQLite reports.
    pub fn shrink(&mut self) -> Result<()> {
        let (pages, empty) =
            self.read(|connection| Ok((pages(connection, "page")?, pages(connection, "freelist")?)))?;
        if empty * EMPTY_PAGES_ONE_OF <= pages {
            return Ok(());
        }
        let connection = self.connection()?;
        match connection.execute_batch("VACUUM").and_then(|()| checkpoint(connection)) {
            Ok(()) => Ok(()),
            Err(cause) => Err(self.fail("shrink", cause)),
        }
    }
}

fn named(connection: &Connection) -> rusqlite::Result<BTreeSet<ContentHash>> {
    let mut named = BTreeSet::new();
    let mut query = connection.prepare("SELECT bodies FROM rows")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        named.extend(row.get_ref(0)?.as_blob().map(BlobRef::hashes_in).unwrap_or_default());
    }
    Ok(named)
}

fn pages(connection: &Connection, which: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, &format!("{which}_count"), |row| row.get(0))
}
