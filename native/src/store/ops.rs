//! Reading single ops from where they lie in their rows.
//!
//! A row may hold a thousand ops, and a reader usually wants one of them, so pieces of a row are read by SQLite's
//! incremental I/O and the rest stays on disk.

use rusqlite::blob::Blob;
use rusqlite::{Connection, ErrorCode};
use trellis_core::limits::HEADER_BYTES_MAX;
use trellis_core::log::row::{CorruptRow, Place, Record, StoredOp, read_record};

use super::Store;
use super::fault::from_sqlite;
use crate::error::Result;

/// Enough for nearly every record, and for every record: tag, length, header, signature.
const RECORD_BYTES_USUAL: usize = 1024;
const RECORD_BYTES_MAX: usize = 3 + HEADER_BYTES_MAX + 64;

impl Store {
    /// Reads ops from where they lie, each with its body: from its own row, or from the place of a record that brought
    /// the body later. The answers are in the order of the questions; it is cheaper to ask about one row at a time.
    ///
    /// # Errors
    /// What SQLite reports. A place that holds no such record is [`CorruptRow`] for this op alone.
    pub fn read_ops(&self, ops: &[(Place, Option<Place>)]) -> Result<Vec<std::result::Result<StoredOp, CorruptRow>>> {
        self.read_ops_up_to(ops, usize::MAX)
    }

    /// As [`Store::read_ops`], but only the first of them: at least one, and no more when they have so many bytes.
    ///
    /// # Errors
    /// As [`Store::read_ops`].
    pub fn read_ops_up_to(
        &self,
        ops: &[(Place, Option<Place>)],
        bytes_max: usize,
    ) -> Result<Vec<std::result::Result<StoredOp, CorruptRow>>> {
        let (mut rows, mut bytes, mut read) = (Rows::of(self.connection()?), 0, Vec::new());
        for (op, late_body) in ops {
            if bytes >= bytes_max {
                break;
            }
            let op = rows.read_op(*op, *late_body).map_err(|cause| from_sqlite("read from", &self.path, cause))?;
            let len = |op: &StoredOp| op.header.len() + op.body.as_ref().map_or(0, Vec::len);
            bytes += op.as_ref().map_or(0, len);
            read.push(op);
        }
        Ok(read)
    }
}

struct Rows<'c> {
    headers: Column<'c>,
    bodies: Column<'c>,
}

impl<'c> Rows<'c> {
    fn of(connection: &'c Connection) -> Rows<'c> {
        let column = |name| Column { connection, name, open: None };
        Rows { headers: column("headers"), bodies: column("bodies") }
    }

    fn read_op(
        &mut self,
        place: Place,
        late_body: Option<Place>,
    ) -> rusqlite::Result<std::result::Result<StoredOp, CorruptRow>> {
        let Some((mut op, own_body)) = self.op(place)? else { return Ok(Err(CorruptRow { row: place.row })) };
        let (body, row) = match late_body {
            Some(place) => (self.late_body(place)?.map(Some), place.row),
            None => (self.own_body(place, own_body)?, place.row),
        };
        Ok(body.ok_or(CorruptRow { row }).map(|body| {
            op.body = body;
            op
        }))
    }

    /// The op whose record stands at a place, without its body, and how long the body in its row is.
    fn op(&mut self, place: Place) -> rusqlite::Result<Option<(StoredOp, Option<u32>)>> {
        self.record(place, |record| match record {
            Record::Op { op, has_body, .. } => {
                let body = op.header().body.filter(|_| has_body).map(|body| body.len);
                let op =
                    StoredOp { header: op.header_bytes().to_vec(), body: None, signature: op.signature().copied() };
                Some((op, body))
            }
            _ => None,
        })
    }

    fn own_body(&mut self, place: Place, len: Option<u32>) -> rusqlite::Result<Option<Option<Vec<u8>>>> {
        match len {
            Some(len) => Ok(self.bodies.read(place.row, place.body_at, len as usize)?.map(Some)),
            None => Ok(Some(None)),
        }
    }

    fn late_body(&mut self, place: Place) -> rusqlite::Result<Option<Vec<u8>>> {
        let len = self.record(place, |record| match record {
            Record::Body { len, .. } => Some(len),
            _ => None,
        })?;
        len.map_or(Ok(None), |len| self.bodies.read(place.row, place.body_at, len as usize))
    }

    /// Reads the record at a place, and takes from it what is wanted.
    fn record<T>(
        &mut self,
        place: Place,
        mut take: impl FnMut(Record<'_>) -> Option<T>,
    ) -> rusqlite::Result<Option<T>> {
        for window in [RECORD_BYTES_USUAL, RECORD_BYTES_MAX] {
            let bytes = self.headers.read_up_to(place.row, place.header_at, window)?;
            if let Some((record, _, _)) = read_record(place, &bytes) {
                return Ok(take(record));
            }
        }
        Ok(None)
    }
}

/// One column, with the row that was read last kept open.
struct Column<'c> {
    connection: &'c Connection,
    name: &'static str,
    open: Option<(u32, Blob<'c>)>,
}

impl Column<'_> {
    /// Exactly `len` bytes; none if the row does not have them.
    fn read(&mut self, row: u32, at: u32, len: usize) -> rusqlite::Result<Option<Vec<u8>>> {
        Ok(Some(self.read_up_to(row, at, len)?).filter(|bytes| bytes.len() == len))
    }

    /// At most `len` bytes: fewer where the row ends, none where there is no such row.
    fn read_up_to(&mut self, row: u32, at: u32, len: usize) -> rusqlite::Result<Vec<u8>> {
        let blob = match self.go_to(row) {
            Ok(blob) => blob,
            // What SQLite says where there is no such row, or no bytes in it.
            Err(cause) if cause.sqlite_error_code() == Some(ErrorCode::Unknown) => return Ok(Vec::new()),
            Err(cause) => return Err(cause),
        };
        let mut bytes = vec![0; len.min(blob.len().saturating_sub(at as usize))];
        blob.read_at_exact(&mut bytes, at as usize)?;
        Ok(bytes)
    }

    fn go_to(&mut self, row: u32) -> rusqlite::Result<&Blob<'_>> {
        let blob = match self.open.take() {
            Some((open, blob)) if open == row => blob,
            Some((_, mut blob)) => {
                blob.reopen(row.into())?;
                blob
            }
            None => self.connection.blob_open("main", "rows", self.name, row.into(), true)?,
        };
        Ok(&self.open.insert((row, blob)).1)
    }
}
