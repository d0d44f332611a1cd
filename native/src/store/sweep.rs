//! Taking out what nobody names any more.

use std::collections::BTreeSet;

use rusqlite::Connection;
use trellis_core::op::blob::BEFORE_HASH;
use trellis_core::op::hex;
use trellis_core::op::id::ContentHash;

use super::blobs::every_blob;
use super::{Store, Transaction, checkpoint};
use crate::error::Result;

/// The hex digits of a hash.
const HASH_DIGITS: usize = 64;
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
        self.read(|connection| {
            let mut named = BTreeSet::new();
            let mut query = connection.prepare("SELECT bodies FROM rows")?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                named.extend(row.get_ref(0)?.as_blob().map(names_in).unwrap_or_default());
            }
            Ok(named)
        })
    }

    /// Takes out every blob that is not among `named`, and what is left of those that never became whole. What another
    /// process wrote and has not yet named goes too, so the caller keeps others from writing.
    ///
    /// # Errors
    /// As [`Transaction::append`].
    pub fn sweep_blobs(&mut self, named: &BTreeSet<ContentHash>) -> Result<Swept> {
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

fn pages(connection: &Connection, which: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, &format!("{which}_count"), |row| row.get(0))
}

/// The hashes behind [`BEFORE_HASH`] in bodies that stand one behind the other.
fn names_in(bodies: &[u8]) -> Vec<ContentHash> {
    let mut names = Vec::new();
    let mut rest = bodies;
    while let Some(at) = rest.windows(BEFORE_HASH.len()).position(|bytes| bytes == BEFORE_HASH) {
        rest = &rest[at + BEFORE_HASH.len()..];
        let digits = rest.get(..HASH_DIGITS).and_then(|digits| std::str::from_utf8(digits).ok());
        names.extend(digits.and_then(hex::parse).map(ContentHash));
    }
    names
}
