//! What the store promises to those who write to it, read from it and open it.

mod common;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use common::{TestOp, append, await_line, child_folder, row, row_with_places, rows_of, spawn};
use rusqlite::Connection;
use tempfile::TempDir;
use trellis_core::log::row::{CorruptRow, Origin, Place, RowBuilder};
use trellis_sync::Code;
use trellis_sync::store::{APPLICATION_ID, OpenMode, SCHEMA_VERSION, Store};

fn new_store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("store")).unwrap();
    (folder, store)
}

fn reopen(folder: &TempDir) -> Store {
    Store::open(folder.path().join("store"), OpenMode::ReadWrite).unwrap()
}

fn code_of(path: &Path, mode: OpenMode) -> Code {
    Store::open(path, mode).unwrap_err().code()
}

#[test]
fn what_was_committed_is_read_back_byte_for_byte() {
    let (folder, mut store) = new_store();
    let rows = [row(1, 3), row(2, 1), row(3, 200)];
    append(&mut store, &rows[..2]);
    append(&mut store, &rows[2..]);
    store.close().unwrap();
    let mut read = Vec::new();
    reopen(&folder)
        .rows_after(0, |row| {
            read.push((row.seq, row.origin, row.digest, row.headers.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    let written = rows.map(|row| (row.seq, row.origin, row.digest, row.headers));
    assert_eq!(read, written);
}

#[test]
fn reading_rows_starts_behind_a_sequence_and_stops_when_told() {
    let (_folder, mut store) = new_store();
    append(&mut store, &[row(1, 1), row(2, 1), row(3, 1), row(4, 1)]);
    let mut seen = Vec::new();
    store
        .rows_after(1, |row| {
            seen.push(row.seq);
            if row.seq == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen, [2, 3]);
}

#[test]
fn ops_are_read_from_where_they_lie_in_any_order() {
    let (folder, mut store) = new_store();
    let (big, big_ops) = row_with_places(1, 900);
    let (small, small_ops) = row_with_places(2, 1);
    append(&mut store, &[big, small]);
    let mut ops: Vec<_> = big_ops.into_iter().chain(small_ops).collect();
    ops.reverse();
    ops.rotate_left(13);
    let places: Vec<_> = ops.iter().map(|(place, _)| (*place, None)).collect();
    for store in [&store, &reopen(&folder)] {
        let read = store.read_ops(&places).unwrap();
        assert_eq!(read.len(), ops.len());
        for (read, (_, op)) in read.into_iter().zip(&ops) {
            let read = read.unwrap();
            assert_eq!((&read.header, read.body.as_ref(), read.signature), (&op.header, Some(&op.body), op.signature));
            read.rehash().unwrap();
        }
    }
}

#[test]
fn a_body_that_came_later_is_read_from_its_own_record() {
    let (_folder, mut store) = new_store();
    let op = TestOp::new(1, b"\"late\"");
    let mut first = RowBuilder::new(1, Origin::Remote);
    let at = op.push(&mut first, None);
    let mut second = RowBuilder::new(2, Origin::Remote);
    TestOp::new(2, b"\"other\"").push(&mut second, Some(b"\"other\""));
    let late = second.push_body(op.id(), &op.body);
    append(&mut store, &[first.finish(), second.finish()]);
    let read = store.read_ops(&[(at, None), (at, Some(late))]).unwrap();
    let bodies: Vec<_> = read.into_iter().map(|op| op.unwrap().rehash().unwrap().body().map(<[u8]>::to_vec)).collect();
    assert_eq!(bodies, [None, Some(op.body)]);
}

#[test]
fn a_place_that_holds_no_op_is_corrupt_and_spoils_no_other_answer() {
    let (_folder, mut store) = new_store();
    let (row, ops) = row_with_places(1, 2);
    append(&mut store, &[row]);
    let good = ops[1].0;
    let no_row = Place { row: 9, ..good };
    let no_record = Place { header_at: good.header_at + 1, ..good };
    let no_header = Place { header_at: u32::MAX, ..good };
    let no_body = Place { body_at: u32::MAX, ..good };
    let questions = [no_row, no_record, good, no_header, no_body].map(|place| (place, None));
    let read = store.read_ops(&questions).unwrap();
    assert!(read[2].is_ok());
    let corrupt = |index: usize| read[index].clone().unwrap_err();
    assert_eq!(corrupt(0), CorruptRow { row: 9 });
    assert_eq!([corrupt(1), corrupt(3), corrupt(4)], [CorruptRow { row: 1 }; 3]);
    let late = store.read_ops(&[(good, Some(no_record))]).unwrap();
    assert_eq!(late, [Err(CorruptRow { row: 1 })]);
}

#[test]
fn a_transaction_that_is_dropped_leaves_nothing() {
    let (folder, mut store) = new_store();
    append(&mut store, &[row(1, 1)]);
    let mut transaction = store.begin(Duration::ZERO).unwrap();
    transaction.append(&row(2, 1)).unwrap();
    transaction.set_meta("cursor", b"2").unwrap();
    assert_eq!(transaction.last_seq(), 2);
    drop(transaction);
    assert_eq!((store.last_seq().unwrap(), store.meta("cursor").unwrap()), (1, None));
    append(&mut store, &[row(2, 1)]);
    assert_eq!(rows_of(&reopen(&folder)), (vec![1, 2], vec![]));
}

#[test]
fn settings_are_part_of_the_transaction() {
    let (folder, mut store) = new_store();
    for value in [b"one".as_slice(), b"two"] {
        let mut transaction = store.begin(Duration::ZERO).unwrap();
        transaction.set_meta("k", value).unwrap();
        assert_eq!(transaction.meta("k").unwrap().as_deref(), Some(value));
        transaction.commit().unwrap();
    }
    assert_eq!(reopen(&folder).meta("k").unwrap().as_deref(), Some(b"two".as_slice()));
    assert_eq!(store.meta("absent").unwrap(), None);
}

#[test]
fn a_row_out_of_order_spoils_its_transaction_and_not_the_store() {
    let (_folder, mut store) = new_store();
    append(&mut store, &[row(1, 1)]);
    for wrong in [1, 3] {
        let mut transaction = store.begin(Duration::ZERO).unwrap();
        transaction.append(&row(2, 1)).unwrap();
        let seq = if wrong == 1 { 1 } else { 4 };
        assert_eq!(transaction.append(&row(seq, 1)).unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(transaction.append(&row(3, 1)).unwrap_err().code(), Code::Aborted);
        assert_eq!(transaction.commit().unwrap_err().code(), Code::Aborted);
        assert_eq!(store.last_seq().unwrap(), 1);
    }
    append(&mut store, &[row(2, 1)]);
}

#[test]
fn a_second_handle_sees_commits_and_nothing_before() {
    let (folder, mut writer) = new_store();
    let reader = Store::open(folder.path().join("store"), OpenMode::ReadOnly).unwrap();
    let mut transaction = writer.begin(Duration::ZERO).unwrap();
    transaction.append(&row(1, 2)).unwrap();
    assert_eq!(reader.last_seq().unwrap(), 0);
    transaction.commit().unwrap();
    assert_eq!(rows_of(&reader), (vec![1], vec![]));
}

#[test]
fn the_lock_keeps_a_second_writer_out_and_names_the_process() {
    if let Some(folder) = child_folder() {
        let mut store = Store::open(folder.join("store"), OpenMode::ReadWrite).unwrap();
        let _held = store.begin(Duration::ZERO).unwrap();
        println!("held");
        std::io::read_to_string(std::io::stdin()).unwrap();
        return;
    }
    let (folder, mut store) = new_store();
    let mut child = spawn("the_lock_keeps_a_second_writer_out_and_names_the_process", folder.path());
    await_line(&mut child, "held");
    let refused = store.begin(Duration::from_millis(20)).unwrap_err();
    assert_eq!(refused.code(), Code::Locked);
    assert!(refused.is_retryable());
    assert!(refused.message().contains(&format!("process {}", child.id())), "{refused}");
    assert_eq!(store.last_seq().unwrap(), 0, "reading goes on");
    child.kill().unwrap();
    child.wait().unwrap();
    append(&mut store, &[row(1, 1)]);
}

#[test]
fn the_lock_of_a_program_that_is_not_ours_has_no_name() {
    let (folder, mut store) = new_store();
    append(&mut store, &[row(1, 1)]);
    let foreign = Connection::open(folder.path().join("store")).unwrap();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.begin(Duration::ZERO).unwrap_err();
    assert_eq!(refused.code(), Code::Locked);
    assert!(refused.message().contains("another process"), "{refused}");
}

#[test]
fn processes_that_write_at_once_lose_nothing() {
    const ROWS: u32 = 40;
    if let Some(folder) = child_folder() {
        let mut store = Store::open(folder.join("store"), OpenMode::ReadWrite).unwrap();
        for _ in 0..ROWS {
            let mut transaction = store.begin(Duration::from_secs(60)).unwrap();
            transaction.append(&row(transaction.last_seq() + 1, 3)).unwrap();
            transaction.commit().unwrap();
        }
        return;
    }
    let (folder, store) = new_store();
    let children = [(); 4].map(|()| spawn("processes_that_write_at_once_lose_nothing", folder.path()));
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(rows_of(&store), ((1..=4 * ROWS).collect(), vec![]));
    store.check().unwrap();
}

#[test]
fn a_killed_writer_leaves_what_it_committed_and_nothing_else() {
    if let Some(folder) = child_folder() {
        let mut store = Store::open(folder.join("store"), OpenMode::ReadWrite).unwrap();
        append(&mut store, &[row(1, 50)]);
        let mut transaction = store.begin(Duration::ZERO).unwrap();
        transaction.append(&row(2, 900)).unwrap();
        println!("written");
        std::io::read_to_string(std::io::stdin()).unwrap();
        return;
    }
    let (folder, store) = new_store();
    drop(store);
    let mut child = spawn("a_killed_writer_leaves_what_it_committed_and_nothing_else", folder.path());
    await_line(&mut child, "written");
    child.kill().unwrap();
    child.wait().unwrap();
    let mut store = reopen(&folder);
    assert_eq!(rows_of(&store), (vec![1], vec![]));
    append(&mut store, &[row(2, 1)]);
    store.check().unwrap();
}

#[test]
fn a_flipped_byte_is_found_in_its_row_and_in_no_other() {
    let (folder, mut store) = new_store();
    let (second, ops) = row_with_places(2, 3);
    append(&mut store, &[row(1, 3), second.clone(), row(3, 3)]);
    store.close().unwrap();
    let damage = |column: &str, bytes: &[u8]| {
        let raw = Connection::open(folder.path().join("store")).unwrap();
        raw.execute(&format!("UPDATE rows SET {column} = ?1 WHERE seq = 2"), [bytes]).unwrap();
        raw.close().unwrap();
    };
    for at in [0, 1, 40, second.headers.len() - 1] {
        let mut headers = second.headers.clone();
        headers[at] ^= 1;
        damage("headers", &headers);
        assert_eq!(rows_of(&reopen(&folder)), (vec![1, 3], vec![2]), "byte {at}");
    }
    damage("headers", &second.headers);
    damage("digest", b"short");
    assert_eq!(rows_of(&reopen(&folder)), (vec![1, 3], vec![2]));
    damage("digest", &second.digest);
    assert_eq!(rows_of(&reopen(&folder)), (vec![1, 2, 3], vec![]));
    let mut bodies = second.bodies.clone();
    bodies[3] ^= 1;
    damage("bodies", &bodies);
    let read = reopen(&folder).read_ops(&[(ops[0].0, None), (ops[1].0, None)]).unwrap();
    let fits: Vec<_> = read.iter().map(|op| op.as_ref().unwrap().rehash().is_ok()).collect();
    assert_eq!(fits, [false, true]);
}

#[test]
fn a_damaged_page_and_a_missing_row_are_found_by_the_check() {
    let (folder, mut store) = new_store();
    append(&mut store, &[row(1, 3), row(2, 3), row(3, 900)]);
    store.check().unwrap();
    store.close().unwrap();
    let path = folder.path().join("store");
    let whole = std::fs::read(&path).unwrap();

    let raw = Connection::open(&path).unwrap();
    raw.execute("DELETE FROM rows WHERE seq = 2", []).unwrap();
    raw.close().unwrap();
    let found = reopen(&folder).check().unwrap_err();
    assert_eq!(found.code(), Code::StorageCorrupt);
    assert!(found.message().contains("before row 3"), "{found}");

    let mut torn = whole.clone();
    torn[16384..16384 + 200].fill(0xff);
    std::fs::write(&path, torn).unwrap();
    assert_eq!(reopen(&folder).check().unwrap_err().code(), Code::StorageCorrupt);
}

#[test]
fn files_that_are_no_stores_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    assert_eq!(code_of(&path, OpenMode::ReadWrite), Code::NotFound);
    std::fs::write(&path, "not a database, and longer than a header of one hundred bytes".repeat(20)).unwrap();
    assert_eq!(code_of(&path, OpenMode::ReadWrite), Code::StorageCorrupt);
    assert_eq!(code_of(&path, OpenMode::ReadOnly), Code::StorageCorrupt);
    std::fs::write(&path, "").unwrap();
    assert_eq!(code_of(&path, OpenMode::ReadWrite), Code::NotARepo);
    let foreign = Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE rows (seq INTEGER PRIMARY KEY)").unwrap();
    assert_eq!(code_of(&path, OpenMode::ReadWrite), Code::NotARepo);
    assert_eq!(Store::create(&path).unwrap_err().code(), Code::AlreadyExists);
    assert_eq!(Store::create(folder.path().join("no/store")).unwrap_err().code(), Code::NotFound);
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "a refused create leaves no file behind");
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let (folder, mut store) = new_store();
    append(&mut store, &[row(1, 1)]);
    store.close().unwrap();
    let path = folder.path().join("store");
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    raw.close().unwrap();
    let before = std::fs::read(&path).unwrap();
    for mode in [OpenMode::ReadWrite, OpenMode::ReadOnly] {
        assert_eq!(code_of(&path, mode), Code::SchemaNewer);
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_version_that_never_was_and_tables_that_are_not_ours_are_damage() {
    let (folder, store) = new_store();
    store.close().unwrap();
    let path = folder.path().join("store");
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 0).unwrap();
    assert_eq!(code_of(&path, OpenMode::ReadWrite), Code::StorageCorrupt);
    raw.pragma_update(None, "user_version", SCHEMA_VERSION).unwrap();
    raw.execute_batch("CREATE TRIGGER t AFTER INSERT ON rows BEGIN DELETE FROM rows; END").unwrap();
    assert_eq!(code_of(&path, OpenMode::ReadWrite), Code::StorageCorrupt);
    raw.execute_batch("DROP TRIGGER t").unwrap();
    drop(raw);
    reopen(&folder);
}

/// Version 1, as pre-release programs wrote it: the digest behind the bodies, and no settings.
fn write_version_1(path: &Path, rows: &[trellis_core::log::row::Row]) {
    let raw = Connection::open(path).unwrap();
    raw.execute_batch(
        "CREATE TABLE rows (
           seq INTEGER PRIMARY KEY, origin INTEGER NOT NULL, headers BLOB NOT NULL, bodies BLOB NOT NULL,
           digest BLOB NOT NULL
         ) STRICT;
         PRAGMA user_version = 1;",
    )
    .unwrap();
    raw.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    for row in rows {
        let origin = if row.origin == Origin::Local { 0 } else { 1 };
        raw.execute(
            "INSERT INTO rows (seq, origin, headers, bodies, digest) VALUES (?1, ?2, ?3, ?4, ?5)",
            (row.seq, origin, &row.headers, &row.bodies, row.digest),
        )
        .unwrap();
    }
}

#[test]
fn an_older_schema_is_migrated_without_touching_an_op() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let (second, ops) = row_with_places(2, 300);
    write_version_1(&path, &[row(1, 1), second]);
    assert_eq!(code_of(&path, OpenMode::ReadOnly), Code::VersionMismatch);
    let mut store = Store::open(&path, OpenMode::ReadWrite).unwrap();
    assert_eq!(rows_of(&store), (vec![1, 2], vec![]));
    for ((_, op), read) in
        ops.iter().zip(store.read_ops(&ops.iter().map(|op| (op.0, None)).collect::<Vec<_>>()).unwrap())
    {
        assert_eq!(read.unwrap().header, op.header);
    }
    append(&mut store, &[row(3, 1)]);
    store.check().unwrap();
    drop(store);
    assert_eq!(rows_of(&Store::open(&path, OpenMode::ReadOnly).unwrap()), (vec![1, 2, 3], vec![]));
}

/// Everything in the table of rows.
fn raw_rows(path: &Path) -> Vec<(u32, u32, [Vec<u8>; 3])> {
    let raw = Connection::open(path).unwrap();
    let mut query = raw.prepare("SELECT seq, origin, digest, headers, bodies FROM rows ORDER BY seq").unwrap();
    let rows =
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, [row.get(2)?, row.get(3)?, row.get(4)?]))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn a_store_from_before_blobs_keeps_its_rows_and_takes_a_blob() {
    let (folder, mut store) = new_store();
    append(&mut store, &[row(1, 3), row(2, 200)]);
    let mut transaction = store.begin(Duration::ZERO).unwrap();
    transaction.set_meta("k", b"kept").unwrap();
    transaction.commit().unwrap();
    store.close().unwrap();
    let path = folder.path().join("store");
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("DROP TABLE blobs; DROP TABLE chunks; DROP TABLE arriving; PRAGMA user_version = 2").unwrap();
    drop(raw);
    let before = raw_rows(&path);
    assert_eq!(code_of(&path, OpenMode::ReadOnly), Code::VersionMismatch);
    let mut store = Store::open(&path, OpenMode::ReadWrite).unwrap();
    assert_eq!((raw_rows(&path), store.meta("k").unwrap()), (before, Some(b"kept".to_vec())));
    assert_eq!(rows_of(&store), (vec![1, 2], vec![]));
    let mut transaction = store.begin(Duration::ZERO).unwrap();
    let blob = transaction.put_blob(b"content".as_slice(), &path).unwrap();
    transaction.commit().unwrap();
    drop(store);
    let store = Store::open(&path, OpenMode::ReadOnly).unwrap();
    assert_eq!(store.read_blob(&blob.blob).unwrap().into_bytes().unwrap(), b"content");
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    write_version_1(&path, &[row(1, 1)]);
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("CREATE TABLE meta (in_the_way)").unwrap();
    assert_eq!(code_of(&path, OpenMode::ReadWrite), Code::StorageCorrupt);
    let version: i32 = raw.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let rows: u32 = raw.query_row("SELECT count(*) FROM rows", [], |row| row.get(0)).unwrap();
    assert_eq!((version, rows), (1, 1));
    raw.execute_batch("DROP TABLE meta").unwrap();
    drop(raw);
    assert_eq!(rows_of(&reopen(&folder)).0, [1]);
}

#[test]
fn a_store_opened_for_reading_refuses_to_write() {
    let (folder, mut store) = new_store();
    append(&mut store, &[row(1, 1)]);
    drop(store);
    let path = folder.path().join("store");
    let before = std::fs::read(&path).unwrap();
    let mut store = Store::open(&path, OpenMode::ReadOnly).unwrap();
    assert_eq!(store.begin(Duration::ZERO).unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(rows_of(&store).0, [1]);
    drop(store);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn the_log_does_not_grow_without_bound() {
    let (folder, mut store) = new_store();
    for seq in 1..=120 {
        append(&mut store, &[row(seq, 1000)]);
    }
    let log = std::fs::metadata(folder.path().join("store-wal")).unwrap().len();
    let file = std::fs::metadata(folder.path().join("store")).unwrap().len();
    assert!(log < 12 * 1024 * 1024 && file > log, "{log} bytes of log, {file} bytes of file");
    assert_eq!(rows_of(&store).0.len(), 120);
}

#[test]
fn two_rows_of_the_lowest_places_round_trip_through_a_path_with_odd_letters() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("a ?#%é&=b");
    std::fs::create_dir(&odd).unwrap();
    let mut store = Store::create(odd.join("store")).unwrap();
    append(&mut store, &[row(1, 1), row(2, 1)]);
    store.close().unwrap();
    let store = Store::open(odd.join("store"), OpenMode::ReadOnly).unwrap();
    assert_eq!(rows_of(&store).0, [1, 2]);
}

/// What somebody sees who may read everything and write nothing.
#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_still_read() {
    use std::os::unix::fs::PermissionsExt;
    const NAME: &str = "a_folder_that_cannot_be_written_is_still_read";
    if let Some(folder) = child_folder() {
        if folder.join("to-be-killed").exists() {
            append(&mut Store::open(folder.join("store"), OpenMode::ReadWrite).unwrap(), &[row(2, 5)]);
            let mut store = Store::open(folder.join("store"), OpenMode::ReadWrite).unwrap();
            append(&mut store, &[row(3, 5)]);
            println!("written");
            std::io::read_to_string(std::io::stdin()).unwrap();
        }
        let store = Store::open(folder.join("store"), OpenMode::ReadOnly).unwrap();
        println!("rows {:?}", rows_of(&store).0);
        store.check().unwrap();
        assert_eq!(code_of(&folder.join("store"), OpenMode::ReadWrite), Code::PermissionDenied);
        println!("refused");
        return;
    }
    let (folder, mut store) = new_store();
    append(&mut store, &[row(1, 5)]);
    store.close().unwrap();
    let set_mode = |files: u32, folders: u32| {
        for file in std::fs::read_dir(folder.path()).unwrap() {
            std::fs::set_permissions(file.unwrap().path(), PermissionsExt::from_mode(files)).unwrap();
        }
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(folders)).unwrap();
    };
    let program = tempfile::tempdir().unwrap();
    std::fs::set_permissions(program.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let read = |rows: &str| {
        let seen = common::run_without_rights(NAME, program.path(), folder.path());
        assert!(seen.contains(rows) && seen.contains("refused"), "{seen}");
    };
    set_mode(0o444, 0o555);
    read("rows [1]\n");

    set_mode(0o644, 0o755);
    std::fs::write(folder.path().join("to-be-killed"), "").unwrap();
    let mut child = spawn(NAME, folder.path());
    await_line(&mut child, "written");
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_file(folder.path().join("to-be-killed")).unwrap();
    assert!(folder.path().join("store-wal").metadata().unwrap().len() > 0);
    set_mode(0o444, 0o555);
    read("rows [1, 2, 3]\n");
    set_mode(0o444, 0o755);
    read("rows [1, 2, 3]\n");
}
