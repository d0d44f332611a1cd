//! What the store promises of blobs: whole or not there, once, and never other bytes than were put.

mod common;

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use common::{append, await_line, child_folder, row, rows_of, spawn};
use rusqlite::{Connection, params};
use tempfile::TempDir;
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::ContentHash;
use trellis_sync::Code;
use trellis_sync::store::{OpenMode, Store, Swept};

const MIB: u64 = 1024 * 1024;
/// The content's bytes in a chunk.
const CHUNK: u64 = 256 * 1024;

fn new_store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("store")).unwrap();
    (folder, store)
}

/// Bytes that nothing can make shorter, always the same.
fn noise(seed: u8, len: u64) -> impl Read {
    blake3::Hasher::new().update(&[seed]).finalize_xof().take(len)
}

fn bytes_of(mut content: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes).unwrap();
    bytes
}

fn put(store: &mut Store, content: impl Read) -> BlobRef {
    let mut transaction = store.begin(Duration::ZERO).unwrap();
    let blob = transaction.put_blob(content, Path::new("content")).unwrap();
    transaction.commit().unwrap();
    blob
}

fn get(store: &Store, blob: &BlobRef) -> trellis_sync::Result<Vec<u8>> {
    store.read_blob(&blob.blob)?.into_bytes()
}

fn raw(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join("store")).unwrap()
}

/// The number of blobs, whole or not, of chunks, and of the bytes in these.
fn stored(folder: &TempDir) -> (i64, i64, i64) {
    let sql = "SELECT (SELECT count(*) FROM blobs), count(*), coalesce(sum(length(bytes)), 0) FROM chunks";
    raw(folder).query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
}

#[test]
fn content_of_any_length_is_read_back() {
    let (folder, mut store) = new_store();
    let lens = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7];
    let blobs: Vec<BlobRef> = lens.iter().map(|len| put(&mut store, noise(1, *len))).collect();
    assert_eq!(store.blobs().unwrap(), blobs);
    store.close().unwrap();
    let store = Store::open(folder.path().join("store"), OpenMode::ReadOnly).unwrap();
    for (len, blob) in lens.iter().zip(&blobs) {
        let content = bytes_of(noise(1, *len));
        assert_eq!(*blob, BlobRef::of(&content));
        assert_eq!(store.blob_size(&blob.blob).unwrap(), Some(*len));
        assert_eq!(get(&store, blob).unwrap(), content, "{len} bytes");
    }
    let absent = BlobRef::of(b"absent");
    assert_eq!(store.blob_size(&absent.blob).unwrap(), None);
    assert_eq!(get(&store, &absent).unwrap_err().code(), Code::BodyMissing);
}

#[test]
fn equal_content_is_kept_once() {
    let (folder, mut store) = new_store();
    for len in [0, 100, CHUNK, 5 * CHUNK + 1] {
        let blob = put(&mut store, noise(2, len));
        let before = stored(&folder);
        assert_eq!(put(&mut store, noise(2, len)), blob);
        let mut transaction = store.begin(Duration::ZERO).unwrap();
        assert!(transaction.has_blob(&blob.blob).unwrap());
        assert_eq!(transaction.put_blob(noise(2, len), Path::new("content")).unwrap(), blob);
        transaction.commit().unwrap();
        assert_eq!(stored(&folder), before, "{len} bytes");
    }
}

#[test]
fn chunks_are_compressed_where_that_makes_them_shorter() {
    let (folder, mut store) = new_store();
    put(&mut store, noise(3, 4 * CHUNK));
    let (_, chunks, bytes) = stored(&folder);
    assert_eq!((chunks, bytes), (4, 4 * CHUNK as i64 + 4), "one byte says how each is kept");
    put(&mut store, io::repeat(b'x').take(40 * CHUNK));
    assert!(stored(&folder).2 - bytes < CHUNK as i64 / 8);
}

#[test]
fn a_transaction_that_is_dropped_leaves_no_blob() {
    let (folder, mut store) = new_store();
    let mut transaction = store.begin(Duration::ZERO).unwrap();
    let short = transaction.put_blob(b"short".as_slice(), Path::new("content")).unwrap();
    let long = transaction.put_blob(noise(4, 3 * CHUNK), Path::new("content")).unwrap();
    drop(transaction);
    assert_eq!((store.blob_size(&short.blob).unwrap(), store.blob_size(&long.blob).unwrap()), (None, None));
    assert_eq!(stored(&folder), (0, 0, 0));
}

/// Content whose reading fails after a while.
struct Broken(u64);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = io::repeat(1).take(self.0).read(buffer)?;
        self.0 -= count as u64;
        if count == 0 { Err(io::Error::other("the disk is gone")) } else { Ok(count) }
    }
}

#[test]
fn content_that_cannot_be_read_to_its_end_is_no_blob() {
    let (_folder, mut store) = new_store();
    for len in [10, 2 * CHUNK + 10] {
        let mut transaction = store.begin(Duration::ZERO).unwrap();
        let failed = transaction.put_blob(Broken(len), Path::new("the-file")).unwrap_err();
        assert!(failed.message().contains("the-file"), "{failed}");
        transaction.commit().unwrap();
        assert_eq!(store.blobs().unwrap(), []);
    }
    let whole = put(&mut store, Broken(0).take(0));
    assert_eq!((store.blobs().unwrap(), get(&store, &whole).unwrap()), (vec![whole], Vec::new()));
}

#[test]
fn damage_is_found_before_the_last_byte() {
    let (folder, mut store) = new_store();
    let blob = put(&mut store, noise(5, 3 * CHUNK + 5));
    let other = put(&mut store, noise(6, 3 * CHUNK + 5));
    let bomb = [&[1], zstd::bulk::compress(&vec![0; 64 * MIB as usize], 3).unwrap().as_slice()].concat();
    let zeros = vec![0; CHUNK as usize + 1];
    let damages: [(&str, &str, &[u8]); 9] = [
        ("other bytes in the first chunk", "UPDATE chunks SET bytes = ?1 WHERE id = ?2", &zeros),
        ("other bytes in the last chunk", "UPDATE chunks SET bytes = ?1 WHERE id = ?2 + 3", b"\x00abcde"),
        ("a chunk that is too short", "UPDATE chunks SET bytes = ?1 WHERE id = ?2", b"\x00abcde"),
        ("a chunk of no known kind", "UPDATE chunks SET bytes = ?1 WHERE id = ?2", b"\x07abcde"),
        ("a chunk that is far too long", "UPDATE chunks SET bytes = ?1 WHERE id = ?2", &bomb),
        ("a chunk that is gone", "DELETE FROM chunks WHERE id = ?2 + 2 AND ?1 = ?1", b""),
        ("a shorter length", "UPDATE blobs SET size = 262144 WHERE number = ?2 / 16384 AND ?1 = ?1", b""),
        ("a longer length", "UPDATE blobs SET size = size + 1 WHERE number = ?2 / 16384 AND ?1 = ?1", b""),
        ("no length", "UPDATE blobs SET size = 0 WHERE number = ?2 / 16384 AND ?1 = ?1", b""),
    ];
    let first: i64 = raw(&folder).query_row("SELECT min(id) FROM chunks", [], |row| row.get(0)).unwrap();
    for (what, sql, bytes) in damages {
        let connection = raw(&folder);
        connection
            .execute_batch("CREATE TEMP TABLE b AS SELECT * FROM blobs; CREATE TEMP TABLE c AS SELECT * FROM chunks")
            .unwrap();
        assert_eq!(connection.execute(sql, params![bytes, first]).unwrap(), 1, "{what}");
        let refused = get(&store, &blob).unwrap_err();
        assert_eq!(refused.code(), Code::StorageCorrupt, "{what}");
        assert!(refused.message().contains(&blob.blob.short().to_string()), "{refused}");
        if let Ok(mut reader) = store.read_blob(&blob.blob) {
            let mut read = Vec::new();
            assert_eq!(reader.read_to_end(&mut read).unwrap_err().kind(), io::ErrorKind::InvalidData, "{what}");
            assert!((read.len() as u64) < blob.size, "{what}");
        }
        assert_eq!(get(&store, &other).unwrap().len() as u64, other.size);
        connection
            .execute_batch(
                "DELETE FROM blobs; DELETE FROM chunks;
                 INSERT INTO blobs SELECT * FROM b; INSERT INTO chunks SELECT * FROM c",
            )
            .unwrap();
        assert!(get(&store, &blob).is_ok(), "{what} was mended");
    }
}

#[test]
fn sweeping_takes_what_nothing_names() {
    let (folder, mut store) = new_store();
    append(&mut store, &[row(1, 2)]);
    let kept = [put(&mut store, noise(7, 10)), put(&mut store, noise(7, 2 * CHUNK)), put(&mut store, io::empty())];
    let before = stored(&folder);
    let gone = [put(&mut store, noise(8, 10)), put(&mut store, noise(8, 2 * CHUNK))];
    let named: BTreeSet<ContentHash> = kept.iter().map(|blob| blob.blob).collect();
    let mut sweep = |named: &BTreeSet<ContentHash>| {
        let mut transaction = store.begin(Duration::ZERO).unwrap();
        let swept = transaction.sweep_blobs(named).unwrap();
        transaction.commit().unwrap();
        swept
    };
    assert_eq!(sweep(&named), Swept { blobs: 2, bytes: 10 + 2 * CHUNK });
    assert_eq!(sweep(&named), Swept::default());
    assert_eq!(stored(&folder), before);
    assert_eq!(store.blobs().unwrap(), kept);
    for blob in &kept {
        assert_eq!(BlobRef::of(&get(&store, blob).unwrap()), *blob);
    }
    for blob in &gone {
        assert_eq!(get(&store, blob).unwrap_err().code(), Code::BodyMissing);
    }
    assert_eq!(put(&mut store, noise(8, 2 * CHUNK)), gone[1]);
    assert_eq!(get(&store, &gone[1]).unwrap(), bytes_of(noise(8, 2 * CHUNK)));
    assert_eq!(rows_of(&store), (vec![1], vec![]));
}

#[test]
fn what_a_kill_leaves_of_a_blob_is_invisible_and_swept() {
    const LEN: u64 = 70 * MIB;
    if let Some(folder) = child_folder() {
        let mut store = Store::open(folder.join("store"), OpenMode::ReadWrite).unwrap();
        let mut transaction = store.begin(Duration::ZERO).unwrap();
        transaction.put_blob(noise(9, LEN).chain(Told), Path::new("content")).unwrap();
        return;
    }
    let (folder, mut store) = new_store();
    let whole = put(&mut store, noise(10, 2 * CHUNK));
    let mut child = spawn("what_a_kill_leaves_of_a_blob_is_invisible_and_swept", folder.path());
    await_line(&mut child, "all but the end");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(store.blobs().unwrap(), [whole]);
    let (blobs, chunks, _) = stored(&folder);
    assert!(blobs == 2 && chunks > 2, "a part was committed: {blobs} blobs, {chunks} chunks");
    let mut transaction = store.begin(Duration::from_secs(10)).unwrap();
    assert_eq!(transaction.sweep_blobs(&BTreeSet::from([whole.blob])).unwrap().blobs, 1);
    transaction.commit().unwrap();
    assert_eq!((stored(&folder).0, stored(&folder).1), (1, 2));
    store.check().unwrap();
    let again = put(&mut store, noise(9, LEN));
    assert_eq!((again.size, store.blobs().unwrap()), (LEN, vec![whole, again]));
}

/// Tells that it was reached, and never ends.
struct Told;

impl Read for Told {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        println!("all but the end");
        io::read_to_string(io::stdin()).map(|_| 0)
    }
}

/// The most memory that this process had, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// The length of the write-ahead log's file.
fn log_len(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("store-wal")).map_or(0, |metadata| metadata.len())
}

#[cfg(target_os = "linux")]
#[test]
fn a_long_blob_and_many_short_ones_take_little_memory_and_a_short_log() {
    if let Some(folder) = child_folder() {
        let mut store = Store::open(folder.join("store"), OpenMode::ReadWrite).unwrap();
        let content = || noise(11, 96 * MIB).chain(io::repeat(b'x').take(204 * MIB));
        let blob = put(&mut store, content());
        assert_eq!(blob.size, 300 * MIB);
        let mut transaction = store.begin(Duration::ZERO).unwrap();
        for seed in 12..252 {
            transaction.put_blob(noise(seed, CHUNK - 1), Path::new("content")).unwrap();
        }
        transaction.commit().unwrap();
        let mut hasher = blake3::Hasher::new();
        let read = io::copy(&mut store.read_blob(&blob.blob).unwrap(), &mut hasher).unwrap();
        assert_eq!((read, *hasher.finalize().as_bytes()), (blob.size, blob.blob.0));
        println!("MiB of log: {}", log_len(&folder) / MIB);
        println!("MiB of memory: {}", peak_memory() / MIB);
        return;
    }
    let (folder, store) = new_store();
    store.close().unwrap();
    let child = spawn("a_long_blob_and_many_short_ones_take_little_memory_and_a_short_log", folder.path());
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let figure = |name: &str| -> u64 {
        let figures = printed.lines().find_map(|line| line.split(name).nth(1));
        figures.unwrap_or_else(|| panic!("no {name}: {printed}")).trim().parse().unwrap()
    };
    assert!(figure("MiB of memory: ") < 64, "{printed}");
    assert!(figure("MiB of log: ") < 48, "{printed}");
}
