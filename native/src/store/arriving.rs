//! Blobs on their way in: pieces that come one behind the other, and make a blob when the last is there.
//!
//! What has come of a blob stays through restarts, so a transfer goes on where it stopped.

use rusqlite::{Connection, OptionalExtension, params};
use trellis_core::input::{Kept, Piece};
use trellis_core::limits::BLOB_CHUNK_BYTES;
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::ContentHash;
use trellis_core::output::BlobPart;

use super::blobs::{CHUNKS_MAX, Packer, find, unpack};
use super::{Store, Transaction};
use crate::error::Result;

pub(super) const ARRIVING: &str = "CREATE TABLE arriving (
  hash BLOB PRIMARY KEY,
  number INTEGER NOT NULL,
  size INTEGER NOT NULL,
  here INTEGER NOT NULL
) STRICT, WITHOUT ROWID";

/// A blob of which pieces are here.
#[derive(Clone, Copy, Debug)]
struct Arriving {
    number: i64,
    size: u64,
    here: u64,
}

impl Transaction<'_> {
    /// Keeps a piece of a blob, if it is the next one.
    ///
    /// # Errors
    /// As [`Transaction::append`].
    pub fn keep_piece(&mut self, part: &BlobPart) -> Result<Kept> {
        if self.has_blob(&part.blob)? {
            return Ok(Kept::Whole);
        }
        let arriving = match self.read(|connection| arriving(connection, &part.blob))? {
            Some(arriving) => arriving,
            None if part.offset == 0 => self.begin_arriving(part)?,
            None => return Ok(Kept::Part(0)),
        };
        if arriving.here != part.offset {
            return Ok(Kept::Part(arriving.here));
        }
        let here = part.offset + part.bytes.len() as u64;
        let is_fit = arriving.size == part.len && (part.bytes.len() == BLOB_CHUNK_BYTES || here == part.len);
        if !is_fit || here > part.len {
            return self.drop_arriving(&part.blob, arriving.number);
        }
        if !part.bytes.is_empty() {
            let packed = Packer::new()?.pack(&part.bytes);
            self.add_chunk(arriving.number, (part.offset / BLOB_CHUNK_BYTES as u64) as i64, &packed)?;
        }
        match here == part.len {
            true => self.end_arriving(part, arriving.number),
            false => self.go_on_arriving(&part.blob, here),
        }
    }

    /// Those of some blobs that are not here, each with how many of its bytes are.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn absent_blobs(&self, blobs: &[ContentHash]) -> Result<Vec<(ContentHash, u64)>> {
        self.read(|connection| absent(connection, blobs))
    }

    fn begin_arriving(&mut self, part: &BlobPart) -> Result<Arriving> {
        let number = self.new_blob(None)?;
        self.write(|connection| {
            connection
                .prepare_cached("INSERT INTO arriving (hash, number, size, here) VALUES (?1, ?2, ?3, 0)")?
                .execute(params![part.blob.0, number, part.len as i64])
                .map(drop)
        })?;
        Ok(Arriving { number, size: part.len, here: 0 })
    }

    fn go_on_arriving(&mut self, blob: &ContentHash, here: u64) -> Result<Kept> {
        self.write(|connection| {
            connection
                .prepare_cached("UPDATE arriving SET here = ?2 WHERE hash = ?1")?
                .execute(params![blob.0, here as i64])
                .map(drop)
        })?;
        Ok(Kept::Part(here))
    }

    /// The last piece is here: the whole is hashed.
    fn end_arriving(&mut self, part: &BlobPart, number: i64) -> Result<Kept> {
        if self.read(|connection| hash_of(connection, number, part.len))? != Some(part.blob) {
            return self.drop_arriving(&part.blob, number);
        }
        self.forget_arriving(&part.blob)?;
        self.name_blob(number, BlobRef { blob: part.blob, size: part.len })?;
        Ok(Kept::Whole)
    }

    fn drop_arriving(&mut self, blob: &ContentHash, number: i64) -> Result<Kept> {
        self.forget_arriving(blob)?;
        self.drop_blob(number)?;
        Ok(Kept::Damaged)
    }

    fn forget_arriving(&mut self, blob: &ContentHash) -> Result<()> {
        self.write(|connection| {
            connection.prepare_cached("DELETE FROM arriving WHERE hash = ?1")?.execute([blob.0]).map(drop)
        })
    }
}

impl Store {
    /// As [`Transaction::absent_blobs`].
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn absent_blobs(&self, blobs: &[ContentHash]) -> Result<Vec<(ContentHash, u64)>> {
        self.read(|connection| absent(connection, blobs))
    }

    /// A chunk of a blob, from a whole number of chunks on; none where the blob is not here, or is shorter.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn blob_piece(&self, blob: &ContentHash, from: u64) -> Result<Option<Piece>> {
        self.read(|connection| {
            let Some((number, len)) = find(connection, blob)? else { return Ok(None) };
            if len == 0 && from == 0 {
                return Ok(Some(Piece { len, bytes: Vec::new() }));
            }
            if from >= len || !from.is_multiple_of(BLOB_CHUNK_BYTES as u64) {
                return Ok(None);
            }
            let bytes = chunk(connection, number, (from / BLOB_CHUNK_BYTES as u64) as i64)?;
            Ok(bytes.map(|bytes| Piece { len, bytes }))
        })
    }
}

fn arriving(connection: &Connection, blob: &ContentHash) -> rusqlite::Result<Option<Arriving>> {
    let mut query = connection.prepare_cached("SELECT number, size, here FROM arriving WHERE hash = ?1")?;
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Arriving { number: row.get(0)?, size: row.get::<_, i64>(1)? as u64, here: row.get::<_, i64>(2)? as u64 })
    };
    query.query_row([blob.0], row).optional()
}

fn absent(connection: &Connection, blobs: &[ContentHash]) -> rusqlite::Result<Vec<(ContentHash, u64)>> {
    let mut absent = Vec::new();
    for blob in blobs {
        if find(connection, blob)?.is_none() {
            absent.push((*blob, arriving(connection, blob)?.map_or(0, |arriving| arriving.here)));
        }
    }
    Ok(absent)
}

/// A chunk's content; none where it is not there, or is damaged.
fn chunk(connection: &Connection, number: i64, at: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut query = connection.prepare_cached("SELECT bytes FROM chunks WHERE id = ?1")?;
    let stored = query.query_row([number * CHUNKS_MAX + at], |row| row.get::<_, Vec<u8>>(0)).optional()?;
    Ok(stored.and_then(|stored| unpack(&stored)))
}

/// What the chunks of a blob hash to; none where one is damaged.
fn hash_of(connection: &Connection, number: i64, size: u64) -> rusqlite::Result<Option<ContentHash>> {
    let mut hasher = blake3::Hasher::new();
    for at in 0..size.div_ceil(BLOB_CHUNK_BYTES as u64) {
        let Some(bytes) = chunk(connection, number, at as i64)? else { return Ok(None) };
        hasher.update(&bytes);
    }
    Ok(Some(ContentHash(*hasher.finalize().as_bytes())))
}
