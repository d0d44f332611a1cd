//! Reading rows in order, without their bodies, and settings.
//!
//! What comes from here is as unproven as anything from outside: whoever takes a row rehashes it.

use std::ops::ControlFlow;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};
use trellis_core::log::row::{CorruptRow, Origin, Record, read_row};

use super::Store;
use crate::error::{Result, TrellisError};

/// The origin of rows that were sealed here; every other number means that they came from elsewhere.
const LOCAL: i64 = 0;

/// How an origin is written.
pub(super) fn origin_code(origin: Origin) -> i64 {
    match origin {
        Origin::Local => LOCAL,
        Origin::Remote => 1,
    }
}

/// A row as opening reads it, borrowed from SQLite.
///
/// A row whose columns do not have their types comes without records and with a digest that fits nothing, so it is
/// found out where all rows are rehashed.
#[derive(Clone, Copy, Debug)]
pub struct StoredRow<'a> {
    /// Its local sequence.
    pub seq: u32,
    /// Who sealed its ops.
    pub origin: Origin,
    /// Its records, without bodies.
    pub headers: &'a [u8],
    /// What the records hash to.
    pub digest: [u8; 32],
}

impl StoredRow<'_> {
    /// Rehashes the row; `visit` sees its records in order.
    ///
    /// # Errors
    /// [`CorruptRow`]; `visit` may have seen records by then, of which the caller keeps nothing.
    pub fn records<'a>(&'a self, visit: impl FnMut(Record<'a>)) -> std::result::Result<(), CorruptRow> {
        read_row(self.seq, self.headers, &self.digest, visit)
    }
}

impl Store {
    /// Reads the rows behind `seq` in order, without their bodies, until `visit` has had enough.
    ///
    /// # Errors
    /// What SQLite reports; `visit` may have seen rows by then.
    pub fn rows_after(&self, seq: u32, visit: impl FnMut(StoredRow<'_>) -> ControlFlow<()>) -> Result<()> {
        self.read(|connection| rows_after(connection, seq, visit))
    }
}

pub(super) fn rows_after(
    connection: &Connection,
    seq: u32,
    mut visit: impl FnMut(StoredRow<'_>) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    let mut query =
        connection.prepare_cached("SELECT seq, origin, digest, headers FROM rows WHERE seq > ?1 ORDER BY seq")?;
    let mut rows = query.query([seq])?;
    while let Some(row) = rows.next()? {
        if visit(stored_row(row)?).is_break() {
            break;
        }
    }
    Ok(())
}

fn stored_row<'a>(row: &'a Row<'_>) -> rusqlite::Result<StoredRow<'a>> {
    let origin = match row.get_ref(1)? {
        ValueRef::Integer(LOCAL) => Origin::Local,
        _ => Origin::Remote,
    };
    let digest = blob(row.get_ref(2)?).and_then(|digest| digest.try_into().ok()).unwrap_or([0; 32]);
    Ok(StoredRow { seq: row.get(0)?, origin, headers: blob(row.get_ref(3)?).unwrap_or_default(), digest })
}

fn blob(value: ValueRef<'_>) -> Option<&[u8]> {
    match value {
        ValueRef::Blob(bytes) => Some(bytes),
        _ => None,
    }
}

pub(super) fn last_seq(connection: &Connection) -> rusqlite::Result<u32> {
    let mut query = connection.prepare_cached("SELECT max(seq) FROM rows")?;
    query.query_row([], |row| Ok(row.get::<_, Option<u32>>(0)?.unwrap_or(0)))
}

pub(super) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut query = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    query.query_row([key], |row| row.get(0)).optional()
}

/// The first thing that is wrong with the file, in words.
pub(super) fn first_damage(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Ok(Some(verdict));
    }
    let gap = "SELECT seq FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM rows)
               WHERE seq <> place ORDER BY seq LIMIT 1";
    let gap: Option<i64> = connection.query_row(gap, [], |row| row.get(0)).optional()?;
    Ok(gap.map(|seq| format!("a row before row {seq} is missing")))
}

impl From<CorruptRow> for TrellisError {
    fn from(cause: CorruptRow) -> TrellisError {
        let message = format!(
            "Row {} of the store does not hold what was written to it. Sync with a peer that has these ops, or restore \
             the repo from a backup.",
            cause.row
        );
        TrellisError::new(crate::error::Code::StorageCorrupt, message).caused_by(cause)
    }
}
