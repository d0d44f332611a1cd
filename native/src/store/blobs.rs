//! Blobs in the store: content of any length, in chunks, once under its hash.
//!
//! A blob is visible when it is whole. A long one is written in several commits, so that the write-ahead log stays
//! short, and has no hash until its last: what a crash leaves of it is no blob, and is swept out like one that nothing
//! names.

use std::io::{self, Read};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use trellis_core::limits::{BLOB_BYTES_MAX, BLOB_CHUNK_BYTES};
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::ContentHash;
use zstd::bulk::{Compressor, Decompressor};

use super::{Store, Transaction};
use crate::error::{Code, Result, TrellisError, from_io};

/// The chunks that a blob may have. A chunk's key is its blob's number times this, plus its own.
pub(super) const CHUNKS_MAX: i64 = (BLOB_BYTES_MAX / BLOB_CHUNK_BYTES as u64) as i64;
/// What may be written of blobs before it is committed.
const COMMIT_BYTES: usize = 32 * 1024 * 1024;
/// What zstd's authors take as the usual: ten times as fast as a disk, and near the best for text.
const ZSTD_LEVEL: i32 = 3;

/// The first byte of a chunk: whether the others are the content or what zstd made of it.
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

pub(super) const BLOBS: &str = "CREATE TABLE blobs (
  number INTEGER PRIMARY KEY,
  hash BLOB UNIQUE,
  size INTEGER NOT NULL
) STRICT";
pub(super) const CHUNKS: &str = "CREATE TABLE chunks (
  id INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT";

impl Transaction<'_> {
    /// Keeps content, and returns its name. Content that is here already is not kept twice. Costs the memory of a few
    /// chunks, whatever its length.
    ///
    /// What was written in this transaction before may be committed by this.
    ///
    /// # Errors
    /// `payload_too_large` beyond [`BLOB_BYTES_MAX`]; what reading `from` reports; otherwise as
    /// [`Transaction::append`].
    pub fn put_blob(&mut self, mut content: impl Read, from: &Path) -> Result<BlobRef> {
        let mut packer = Packer::new()?;
        let first = next_chunk(&mut content, from)?;
        if first.len() < BLOB_CHUNK_BYTES {
            return self.put_short(&first, &mut packer);
        }
        self.put_long(first, content, from, &mut packer)
    }

    fn put_short(&mut self, content: &[u8], packer: &mut Packer) -> Result<BlobRef> {
        let name = BlobRef::of(content);
        if self.has_blob(&name.blob)? {
            return Ok(name);
        }
        let number = self.new_blob(Some(name))?;
        if !content.is_empty() {
            self.add_chunk(number, 0, &packer.pack(content))?;
        }
        Ok(name)
    }

    fn put_long(
        &mut self,
        first: Vec<u8>,
        mut content: impl Read,
        from: &Path,
        packer: &mut Packer,
    ) -> Result<BlobRef> {
        let number = self.new_blob(None)?;
        let mut hasher = blake3::Hasher::new();
        let (mut chunk, mut at, mut size) = (first, 0, 0_u64);
        while !chunk.is_empty() {
            if at == CHUNKS_MAX {
                self.drop_blob(number)?;
                return Err(too_long(from));
            }
            hasher.update(&chunk);
            self.add_chunk(number, at, &packer.pack(&chunk))?;
            size += chunk.len() as u64;
            at += 1;
            chunk = next_chunk(&mut content, from)?;
        }
        let name = BlobRef { blob: ContentHash(*hasher.finalize().as_bytes()), size };
        match self.has_blob(&name.blob)? {
            true => self.drop_blob(number)?,
            false => self.name_blob(number, name)?,
        }
        Ok(name)
    }

    /// Whether a blob is here, whole.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn has_blob(&self, blob: &ContentHash) -> Result<bool> {
        self.read(|connection| Ok(find(connection, blob)?.is_some()))
    }

    pub(super) fn new_blob(&mut self, name: Option<BlobRef>) -> Result<i64> {
        self.write(|connection| {
            connection
                .prepare_cached("INSERT INTO blobs (hash, size) VALUES (?1, ?2)")?
                .execute(params![name.map(|name| name.blob.0), name.map_or(0, |name| name.size as i64)])?;
            Ok(connection.last_insert_rowid())
        })
    }

    pub(super) fn name_blob(&mut self, number: i64, name: BlobRef) -> Result<()> {
        self.write(|connection| {
            connection
                .prepare_cached("UPDATE blobs SET hash = ?2, size = ?3 WHERE number = ?1")?
                .execute(params![number, name.blob.0, name.size as i64])
                .map(drop)
        })
    }

    pub(super) fn add_chunk(&mut self, number: i64, at: i64, bytes: &[u8]) -> Result<()> {
        self.note_written(bytes.len());
        self.write(|connection| {
            connection
                .prepare_cached("INSERT INTO chunks (id, bytes) VALUES (?1, ?2)")?
                .execute(params![number * CHUNKS_MAX + at, bytes])
        })?;
        if self.uncommitted() < COMMIT_BYTES { Ok(()) } else { self.commit_and_go_on() }
    }

    pub(super) fn drop_blob(&mut self, number: i64) -> Result<()> {
        self.write(|connection| {
            connection
                .prepare_cached("DELETE FROM chunks WHERE id >= ?1 AND id < ?2")?
                .execute(params![number * CHUNKS_MAX, (number + 1) * CHUNKS_MAX])?;
            connection.prepare_cached("DELETE FROM blobs WHERE number = ?1")?.execute([number]).map(drop)
        })
    }
}

impl Store {
    /// The length of a blob in bytes, if it is here.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn blob_size(&self, blob: &ContentHash) -> Result<Option<u64>> {
        self.read(|connection| Ok(find(connection, blob)?.map(|(_, size)| size)))
    }

    /// Reads a blob from its start.
    ///
    /// # Errors
    /// `body_missing` where it is not here; `storage_corrupt`; what SQLite reports.
    pub fn read_blob(&self, blob: &ContentHash) -> Result<BlobReader<'_>> {
        match self.read(|connection| find(connection, blob))? {
            Some((number, size)) => {
                let reader = BlobReader::new(self, *blob, number, size);
                // Without a chunk nothing else would look at the hash.
                if size == 0 && *blob != ContentHash::of(&[]) { Err(reader.damaged()) } else { Ok(reader) }
            }
            None => Err(not_here(blob)),
        }
    }

    /// Every whole blob, in the order in which they came.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn blobs(&self) -> Result<Vec<BlobRef>> {
        let all = self.read(every_blob)?;
        Ok(all.into_iter().filter_map(|(_, hash, size)| Some(BlobRef { blob: hash?, size })).collect())
    }
}

/// Reads one blob. The last bytes come only when all of them have the blob's hash; else the read fails with
/// `InvalidData`, so whoever has read to the end has read what was written.
#[derive(Debug)]
pub struct BlobReader<'s> {
    store: &'s Store,
    blob: ContentHash,
    next_id: i64,
    /// The content's bytes behind the current chunk.
    left: u64,
    chunk: Vec<u8>,
    read: usize,
    hasher: blake3::Hasher,
}

impl<'s> BlobReader<'s> {
    fn new(store: &'s Store, blob: ContentHash, number: i64, size: u64) -> BlobReader<'s> {
        let hasher = blake3::Hasher::new();
        BlobReader { store, blob, next_id: number * CHUNKS_MAX, left: size, chunk: Vec::new(), read: 0, hasher }
    }

    /// All of it. For content that is known to be short.
    ///
    /// # Errors
    /// `storage_corrupt`.
    pub fn into_bytes(mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(cause) => Err(self.damaged().caused_by(cause)),
        }
    }

    /// The error of a blob that is not what was written.
    pub fn damaged(&self) -> TrellisError {
        let message = format!(
            "The blob {} is not what was written to the store. Get it again from a peer or a backup.",
            self.blob.short()
        );
        TrellisError::new(Code::StorageCorrupt, message).at_path(self.store.path())
    }

    fn load(&mut self) -> io::Result<()> {
        let id = self.next_id;
        let stored = self.store.read(|connection| {
            let mut query = connection.prepare_cached("SELECT bytes FROM chunks WHERE id = ?1")?;
            query.query_row([id], |row| row.get::<_, Vec<u8>>(0)).optional()
        });
        let chunk = unpack(&stored.map_err(io::Error::other)?.unwrap_or_default()).ok_or(io::ErrorKind::InvalidData)?;
        if chunk.len() as u64 != self.left.min(BLOB_CHUNK_BYTES as u64) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.hasher.update(&chunk);
        self.left -= chunk.len() as u64;
        if self.left == 0 && self.hasher.finalize() != blake3::Hash::from_bytes(self.blob.0) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        (self.next_id, self.chunk, self.read) = (id + 1, chunk, 0);
        Ok(())
    }
}

impl Read for BlobReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.chunk.len() && self.left > 0 {
            self.load()?;
        }
        let count = (&self.chunk[self.read..]).read(buffer)?;
        self.read += count;
        Ok(count)
    }
}

/// A blob's number and size.
pub(super) fn find(connection: &Connection, blob: &ContentHash) -> rusqlite::Result<Option<(i64, u64)>> {
    let mut query = connection.prepare_cached("SELECT number, size FROM blobs WHERE hash = ?1")?;
    query.query_row([blob.0], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))).optional()
}

/// Every blob, whole or not: its number, hash and size.
pub(super) fn every_blob(connection: &Connection) -> rusqlite::Result<Vec<(i64, Option<ContentHash>, u64)>> {
    let mut query = connection.prepare("SELECT number, hash, size FROM blobs ORDER BY number")?;
    let rows = query.query_map([], |row| {
        let hash: Option<[u8; 32]> = row.get(1)?;
        Ok((row.get(0)?, hash.map(ContentHash), row.get::<_, i64>(2)? as u64))
    })?;
    rows.collect()
}

/// Makes chunks as they are stored.
pub(super) struct Packer {
    compressor: Compressor<'static>,
}

impl Packer {
    pub(super) fn new() -> Result<Packer> {
        let compressor = Compressor::new(ZSTD_LEVEL).map_err(|cause| {
            TrellisError::new(Code::QuotaExceeded, "There is not enough memory to compress; close other programs.")
                .caused_by(cause)
        })?;
        Ok(Packer { compressor })
    }

    pub(super) fn pack(&mut self, content: &[u8]) -> Vec<u8> {
        match self.compressor.compress(content) {
            Ok(packed) if packed.len() < content.len() => [&[ZSTD], packed.as_slice()].concat(),
            _ => [&[PLAIN], content].concat(),
        }
    }
}

/// A chunk's content; none where it is no chunk. At most [`CHUNK_BYTES`] come out, whatever goes in.
pub(super) fn unpack(stored: &[u8]) -> Option<Vec<u8>> {
    match stored.split_first()? {
        (&PLAIN, content) if content.len() <= BLOB_CHUNK_BYTES => Some(content.to_vec()),
        (&ZSTD, packed) => Decompressor::new().ok()?.decompress(packed, BLOB_CHUNK_BYTES).ok(),
        _ => None,
    }
}

/// The next chunk of content, shorter than a chunk only at its end.
fn next_chunk(content: &mut impl Read, from: &Path) -> Result<Vec<u8>> {
    let mut chunk = Vec::new();
    let read = content.take(BLOB_CHUNK_BYTES as u64).read_to_end(&mut chunk);
    read.map_err(|cause| from_io("read", from, cause))?;
    Ok(chunk)
}

fn too_long(from: &Path) -> TrellisError {
    let message = format!("{} is longer than 4 GiB, more than a blob may have.", from.display());
    TrellisError::new(Code::PayloadTooLarge, message).at_path(from)
}

fn not_here(blob: &ContentHash) -> TrellisError {
    let message = format!("The blob {} is not here. Get it from a peer that has it.", blob.short());
    TrellisError::new(Code::BodyMissing, message)
}
