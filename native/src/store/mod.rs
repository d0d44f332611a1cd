//! The store of one repo: an SQLite file that has a batch of ops, or none of it.
//!
//! A store knows rows and settings, nothing of what an op is. All writing happens in a [`Transaction`], which holds the
//! lock that keeps other processes from writing; reading needs no lock. When a write fails for another reason than a full
//! disk, the store closes its file and takes no more calls: what the system still holds of that write is unknown, so the
//! only way on is to open the file again and to read what is there.

mod arriving;
mod blobs;
mod fault;
mod holder;
mod ops;
mod peers;
mod read;
mod schema;
mod sweep;
mod transaction;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::{Code, Result, TrellisError, from_io};
use crate::whole_file::{self, Readers};
use fault::from_sqlite;
use holder::Holder;
use schema::Form;

pub use blobs::BlobReader;
pub use read::StoredRow;
pub use schema::{APPLICATION_ID, SCHEMA_VERSION};
pub use sweep::Swept;
pub use transaction::Transaction;

/// How long a write waits for another process's, unless it is told otherwise.
pub const WAIT: Duration = Duration::from_secs(10);
/// Older SQLite can lose a commit when a write-ahead log is reset at the wrong moment.
const SQLITE_VERSION_MIN: i32 = 3_053_000;
/// How much may stand in the write-ahead log before it is copied into the file: some hundred small writes.
const LOG_PAGES_MAX: usize = 8 * 1024 * 1024 / schema::PAGE_BYTES;
/// What is kept of the write-ahead log's file after a larger batch went through it.
const LOG_BYTES_KEPT: i64 = 16 * 1024 * 1024;

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Reading and writing; an older form is migrated.
    ReadWrite,
    /// Reading alone; nothing on disk is changed.
    ReadOnly,
}

/// The store of one repo.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    mode: OpenMode,
    file: File,
    holder: Holder,
    log_pages: usize,
}

#[derive(Debug)]
enum File {
    Open(Connection),
    /// Closed by a failed write, which had this code.
    Closed(Code),
}

impl Store {
    /// Makes a new store and opens it. The file is complete before it gets its name, so no crash leaves half of one.
    ///
    /// # Errors
    /// `already_exists` if there is a file at `path`; `storage_full`, `permission_denied` and the like.
    pub fn create(path: impl AsRef<Path>) -> Result<Store> {
        let path = path.as_ref();
        let failed = |cause| from_io("create the store", path, cause);
        let file = whole_file::beside(path, Readers::Usual).map_err(failed)?;
        let mut connection = Connection::open(file.path()).map_err(|cause| from_sqlite("create", path, cause))?;
        schema::create(&mut connection, path)?;
        connection.close().map_err(|(_, cause)| from_sqlite("create", path, cause))?;
        whole_file::name_new(file, path).map_err(failed)?;
        Store::open(path, OpenMode::ReadWrite)
    }

    /// Opens a store, and migrates it if it has an older form.
    ///
    /// # Errors
    /// `not_found` if there is none; `not_a_repo` for a database of another program; `schema_newer` and
    /// `version_mismatch` for other forms; `locked`; `permission_denied` where it cannot be written, or read, as asked;
    /// `storage_corrupt`.
    pub fn open(path: impl AsRef<Path>, mode: OpenMode) -> Result<Store> {
        Store::open_on(path.as_ref(), mode, None)
    }

    /// Opens a store on a file layer (SQLite's VFS) that was registered under a name, for tests that need a disk which
    /// fails.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on_vfs(path: impl AsRef<Path>, mode: OpenMode, vfs: &str) -> Result<Store> {
        Store::open_on(path.as_ref(), mode, Some(vfs))
    }

    fn open_on(path: &Path, mode: OpenMode, vfs: Option<&str>) -> Result<Store> {
        expect_sqlite()?;
        fs::metadata(path).map_err(|cause| from_io("open the store", path, cause))?;
        let mut connection = match mode {
            OpenMode::ReadWrite => connect_to_write(path, vfs)?,
            OpenMode::ReadOnly => connect_to_read(path, vfs)?,
        };
        match (schema::form(&connection, path)?, mode) {
            (Form::Current, _) => {}
            (Form::Older(_), OpenMode::ReadWrite) => schema::migrate(&mut connection, path)?,
            (Form::Older(version), OpenMode::ReadOnly) => return Err(older(version, path)),
        }
        schema::expect_tables(&connection, path)?;
        if mode == OpenMode::ReadWrite {
            prepare_to_write(&connection, path)?;
        }
        let file = File::Open(connection);
        Ok(Store { path: path.to_owned(), mode, file, holder: Holder::of(path), log_pages: 0 })
    }

    /// Where the store's file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock for writing, waiting for other processes up to `wait`.
    ///
    /// # Errors
    /// `locked` with the holder's process id, if it can be told; `permission_denied` if the store was opened for
    /// reading; whatever closed the store.
    pub fn begin(&mut self, wait: Duration) -> Result<Transaction<'_>> {
        Transaction::begin(self, wait)
    }

    /// Reads one setting.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn meta(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.read(|connection| read::meta(connection, key))
    }

    /// The greatest sequence among the rows, 0 if there is none. Cheap enough to ask before every read.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn last_seq(&self) -> Result<u32> {
        self.read(read::last_seq)
    }

    /// Looks at the whole file: pages, tables, and that no row is missing. What stands in the rows is not rehashed.
    ///
    /// # Errors
    /// `storage_corrupt`, with the first thing found.
    pub fn check(&self) -> Result<()> {
        match self.read(read::first_damage)? {
            None => Ok(()),
            Some(damage) => {
                let message = format!(
                    "The store {} is damaged: {damage}. Keep a copy of it, and clone the repo again from a peer.",
                    self.path.display()
                );
                Err(TrellisError::new(Code::StorageCorrupt, message).at_path(&self.path))
            }
        }
    }

    /// Copies the write-ahead log into the file and closes it. Dropping does the same where no other process has the
    /// store open, but cannot tell of failures.
    ///
    /// # Errors
    /// What SQLite reports; everything committed stays committed.
    pub fn close(self) -> Result<()> {
        let File::Open(connection) = self.file else { return Ok(()) };
        let failed = |cause| from_sqlite("close", &self.path, cause);
        if self.mode == OpenMode::ReadWrite {
            checkpoint(&connection).map_err(failed)?;
        }
        connection.close().map_err(|(_, cause)| failed(cause))
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        read(self.connection()?).map_err(|cause| from_sqlite("read from", &self.path, cause))
    }

    fn connection(&self) -> Result<&Connection> {
        match &self.file {
            File::Open(connection) => Ok(connection),
            File::Closed(code) => Err(self.closed(*code)),
        }
    }

    /// Takes a failed write back. On a full disk reading goes on. After any other failure it is unknown what the system
    /// still holds of the write, and the file is closed, which rolls back too.
    fn fail(&mut self, what: &str, cause: rusqlite::Error) -> TrellisError {
        let error = from_sqlite(what, &self.path, cause);
        let is_rolled_back = self.roll_back();
        if let Ok(connection) = self.connection() {
            let _ = bury(connection);
        }
        if error.code() != Code::StorageFull || !is_rolled_back {
            self.file = File::Closed(error.code());
        }
        error
    }

    /// Ends the transaction that may be open; SQLite has ended it already after some failures. Says whether none is
    /// open any more.
    fn roll_back(&self) -> bool {
        self.connection()
            .is_ok_and(|connection| connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok())
    }

    fn closed(&self, code: Code) -> TrellisError {
        let message = format!(
            "The store {} was closed when a write failed; nothing of that write is counted as saved. Open the repo \
             again.",
            self.path.display()
        );
        TrellisError::new(code, message).at_path(&self.path)
    }
}

fn expect_sqlite() -> Result<()> {
    if rusqlite::version_number() >= SQLITE_VERSION_MIN {
        return Ok(());
    }
    let message = format!(
        "This program is linked with SQLite {}, which can lose data; it needs at least 3.53. Build it with the bundled \
         SQLite.",
        rusqlite::version()
    );
    Err(TrellisError::new(Code::Unsupported, message))
}

fn connect(path: &Path, flags: OpenFlags, vfs: Option<&str>) -> Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = match vfs {
            None => Connection::open_with_flags(path, flags)?,
            Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs)?,
        };
        connection.busy_timeout(WAIT)?;
        connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
        Ok(connection)
    };
    open().map_err(|cause| from_sqlite("open", path, cause))
}

/// Opens for writing. Where the file cannot be written, SQLite would open it all the same and fail later.
fn connect_to_write(path: &Path, vfs: Option<&str>) -> Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, vfs)?;
    match connection.is_readonly("main").map_err(|cause| from_sqlite("open", path, cause))? {
        false => Ok(connection),
        true => {
            let message = format!(
                "The store {} cannot be written here; check the permissions of the file and its folder.",
                path.display()
            );
            Err(TrellisError::new(Code::PermissionDenied, message).at_path(path))
        }
    }
}

/// Opens for reading. Where the folder cannot be written and there is no write-ahead log, the file is taken as one
/// that nobody changes: SQLite could not make the log's index, and needs none.
fn connect_to_read(path: &Path, vfs: Option<&str>) -> Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, vfs)?;
    match connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) {
        Err(cause) if is_unwritable(&cause) && !has_log(path) => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            connect(Path::new(&immutable_uri(path)), flags, vfs)
        }
        Err(cause) => Err(from_sqlite("open", path, cause)),
        Ok(()) => Ok(connection),
    }
}

fn is_unwritable(cause: &rusqlite::Error) -> bool {
    matches!(cause.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

/// The path as SQLite's URI, with every byte escaped that is not plain.
fn immutable_uri(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let escaped = path.as_os_str().as_encoded_bytes().iter().map(|&byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02x}"),
    });
    format!("file:{}?immutable=1", escaped.collect::<String>())
}

fn prepare_to_write(connection: &Connection, path: &Path) -> Result<()> {
    let prepare = || {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // On macOS a sync reaches the disk only so; elsewhere this means nothing.
        connection.execute_batch("PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;")?;
        // Copying the log is not part of a commit: its failure must not make a commit look failed.
        connection.execute_batch("PRAGMA wal_autocheckpoint = 0;")?;
        connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_KEPT, |_| Ok(()))?;
        Ok(mode)
    };
    let mode = prepare().map_err(|cause| from_sqlite("open", path, cause))?;
    schema::expect_wal(&mode, path)
}

/// Copies the write-ahead log into the file, or as much of it as nobody reads right now.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// Overwrites what a failed commit left in the write-ahead log with a page of no commit.
///
/// A commit whose sync failed is whole in the system's memory and perhaps nowhere else. Whoever opens the log next would
/// take it for committed and write behind it, and after a power cut that would stand behind a hole. A page that is
/// flushed and then taken back lies where the failed commit began, and ends the log there. If this fails too, the
/// log is as it was.
fn bury(connection: &Connection) -> rusqlite::Result<()> {
    // Who writes now overwrites the same place.
    connection.busy_timeout(Duration::ZERO)?;
    let begun = connection.execute_batch("BEGIN IMMEDIATE");
    connection.busy_timeout(WAIT)?;
    begun?;
    connection.execute_batch("INSERT OR REPLACE INTO meta (key, value) VALUES ('', x'');")?;
    let flushed = connection.cache_flush();
    connection.execute_batch("ROLLBACK")?;
    flushed
}

fn older(version: i32, path: &Path) -> TrellisError {
    let message = format!(
        "The store {} has the older schema {version}, and opening it for reading cannot bring it to {SCHEMA_VERSION}. \
         Open it once for writing.",
        path.display()
    );
    TrellisError::new(Code::VersionMismatch, message).at_path(path)
}
