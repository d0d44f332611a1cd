//! What a store's file looks like, how old ones become new, and which ones are refused.
//!
//! The application id says that a file is ours, the user version says in which form. A migration moves rows and never
//! re-encodes an op. What is in the file must be exactly the schema below: a trigger or a view that somebody slipped
//! into a shared folder is refused instead of run.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::arriving::ARRIVING;
use super::blobs::{BLOBS, CHUNKS};
use super::fault::from_sqlite;
use crate::error::{Code, Result, TrellisError};

/// `TRLS`: what tells our files from other SQLite files.
pub const APPLICATION_ID: i32 = 0x5452_4c53;
/// The form that this program writes.
pub const SCHEMA_VERSION: i32 = 4;

/// A row of a thousand ops fills hundreds of small pages: of these it is written in 60 % of the time that pages of 4 KiB
/// take, and a row of one op as fast.
pub(super) const PAGE_BYTES: usize = 16 * 1024;

/// A row's small columns stand first: whoever reads `headers` never walks over the pages of `bodies`.
const ROWS: &str = "CREATE TABLE rows (
  seq INTEGER PRIMARY KEY,
  origin INTEGER NOT NULL,
  digest BLOB NOT NULL,
  headers BLOB NOT NULL,
  bodies BLOB NOT NULL
) STRICT";
const META: &str = "CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID";

/// The steps from version 1 on: the first makes version 2 of version 1.
const MIGRATIONS: [fn(&Connection) -> rusqlite::Result<()>; SCHEMA_VERSION as usize - 1] =
    [digest_before_bodies, with_blobs, with_arriving];

/// Version 1 had the digest behind the bodies, so that opening read all of them, and no place for settings.
fn digest_before_bodies(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("ALTER TABLE rows RENAME TO rows_before;")?;
    connection.execute_batch(ROWS)?;
    connection.execute_batch(META)?;
    connection.execute_batch(
        "INSERT INTO rows (seq, origin, digest, headers, bodies)
           SELECT seq, origin, digest, headers, bodies FROM rows_before ORDER BY seq;
         DROP TABLE rows_before;",
    )
}

/// Version 2 had no blobs.
fn with_blobs(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(BLOBS)?;
    connection.execute_batch(CHUNKS)
}

/// Version 3 had no place for blobs that are on their way.
fn with_arriving(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(ARRIVING)
}

/// Writes the schema into an empty file.
pub(super) fn create(connection: &mut Connection, path: &Path) -> Result<()> {
    let write = |connection: &mut Connection| {
        connection.pragma_update(None, "page_size", PAGE_BYTES as i64)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        transaction.execute_batch(ROWS)?;
        transaction.execute_batch(META)?;
        transaction.execute_batch(BLOBS)?;
        transaction.execute_batch(CHUNKS)?;
        transaction.execute_batch(ARRIVING)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))
    };
    let mode = write(connection).map_err(|cause| from_sqlite("create", path, cause))?;
    expect_wal(&mode, path)
}

/// Refuses a store that is not in write-ahead mode, which is the case where the file system has no shared memory.
pub(super) fn expect_wal(mode: &str, path: &Path) -> Result<()> {
    if mode == "wal" {
        return Ok(());
    }
    let message = format!(
        "The store {} cannot be used here: the file system does not support write-ahead logging. Move the repo to a \
         local disk.",
        path.display()
    );
    Err(TrellisError::new(Code::Unsupported, message).at_path(path))
}

/// How far a file is from the form that this program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// It has that form.
    Current,
    /// It has this older one.
    Older(i32),
}

/// Which form the file has.
///
/// # Errors
/// `not_a_repo` for an SQLite file of another program, `schema_newer` for a newer form, `storage_corrupt` for one that
/// no version wrote.
pub(super) fn form(connection: &Connection, path: &Path) -> Result<Form> {
    let failed = |cause| from_sqlite("open", path, cause);
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    if application != APPLICATION_ID {
        return Err(foreign(path));
    }
    match version {
        ..1 => Err(damaged("its version is none that ever was", path)),
        1..SCHEMA_VERSION => Ok(Form::Older(version)),
        SCHEMA_VERSION => Ok(Form::Current),
        _ => Err(newer(version, path)),
    }
}

/// Brings an older file into the current form, all or nothing.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let failed = |cause| from_sqlite("migrate", path, cause);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if let Form::Older(version) = form(&transaction, path)? {
        for step in &MIGRATIONS[version as usize - 1..] {
            step(&transaction).map_err(failed)?;
        }
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// Refuses a file that has anything else in it than the tables above.
pub(super) fn expect_tables(connection: &Connection, path: &Path) -> Result<()> {
    let read = || {
        let mut query =
            connection.prepare("SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name DESC")?;
        query.query_map([], |row| row.get::<_, Option<String>>(0))?.collect::<rusqlite::Result<Vec<_>>>()
    };
    let tables = read().map_err(|cause| from_sqlite("open", path, cause))?;
    match tables.iter().map(Option::as_deref).eq([ROWS, META, CHUNKS, BLOBS, ARRIVING].map(Some)) {
        true => Ok(()),
        false => Err(damaged("its tables are not those of a store", path)),
    }
}

fn foreign(path: &Path) -> TrellisError {
    let message = format!("{} is a database of another program, not the store of a repo.", path.display());
    TrellisError::new(Code::NotARepo, message).at_path(path)
}

fn newer(version: i32, path: &Path) -> TrellisError {
    let message = format!(
        "The store {} has schema {version}, and this program knows schemas up to {SCHEMA_VERSION}. Use the newer \
         version of the program that wrote it.",
        path.display()
    );
    TrellisError::new(Code::SchemaNewer, message).at_path(path)
}

fn damaged(how: &str, path: &Path) -> TrellisError {
    let message = format!("The store {} is damaged: {how}. Restore it from a peer or a backup.", path.display());
    TrellisError::new(Code::StorageCorrupt, message).at_path(path)
}
