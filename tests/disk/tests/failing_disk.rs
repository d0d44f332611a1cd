//! When the disk fails or is full, the write fails, nothing is left by halves, and the store goes on when it is healed.

mod common;

use std::path::Path;

use common::{Written, check_content, check_image, one_transaction};
use trellis_sync::Code;
use trellis_sync::error::Result;
use trellis_sync::store::{OpenMode, Store};
use trellis_test_disk::Disk;
use trellis_test_disk::chance::Chance;
use trellis_test_disk::crash::{Luck, Moment};
use trellis_test_disk::record::{Call, Failure, Fault};

/// Six transactions, with a close in the middle and at the end, until something fails. What was promised is marked.
fn work(disk: &Disk, path: &Path, written: &mut Written, fault: Fault) -> Result<()> {
    let mut chance = Chance(fault.after as u64);
    for _ in 0..2 {
        let mut store = Store::open_on_vfs(path, OpenMode::ReadWrite, disk.name())?;
        for _ in 0..3 {
            if let Err(error) = one_transaction(&mut store, &mut chance, written, 40) {
                if fault.call != Call::Read {
                    check_failed_store(&mut store, written, error.code());
                }
                return Err(error);
            }
            disk.mark(written.last_seq());
        }
        store.close()?;
    }
    Ok(())
}

/// A full disk is still read; any other failure closes the store.
fn check_failed_store(store: &mut Store, written: &Written, code: Code) {
    match code {
        Code::StorageFull => {
            let last = store.last_seq().unwrap();
            assert!(last < written.last_seq(), "what failed is not there");
            check_content(store, written, last, "after a full disk");
        }
        _ => {
            assert_eq!(store.last_seq().unwrap_err().code(), code);
            assert_eq!(store.begin(std::time::Duration::ZERO).unwrap_err().code(), code);
        }
    }
}

/// Runs the work with one fault, then heals the disk and goes on. Says whether the fault struck.
fn run(name: &str, fault: Fault, expected: Code) -> bool {
    let folder = common::fast_folder();
    let path = folder.path().join("store");
    Store::create(&path).unwrap().close().unwrap();
    let disk = Disk::register(name);
    disk.fail(fault);
    let mut written = Written::default();
    let outcome = work(&disk, &path, &mut written, fault);
    let has_struck = disk.heal();
    if let Err(error) = &outcome {
        assert_eq!(error.code(), expected, "{name}: {error}");
        assert!(error.message().contains(&path.display().to_string()), "{name}: {error}");
    }
    assert!(outcome.is_ok() || has_struck, "{name}");
    let events = disk.events().len();
    let mut chance = Chance(events as u64);
    for end in [1 + chance.below(events), 1 + chance.below(events), events] {
        cut_power(&disk, end, &written, name);
    }
    go_on(&disk, &path, &mut written, name);
    cut_power(&disk, disk.events().len(), &written, name);
    has_struck
}

/// Cuts the power after the first `end` events.
fn cut_power(disk: &Disk, end: usize, written: &Written, name: &str) {
    let mut moment = Moment::default();
    disk.events()[..end].iter().for_each(|event| moment.play(event));
    for luck in [Luck::None, Luck::All, Luck::Mixed] {
        let image = moment.image(luck, &mut Chance(end as u64));
        check_image(&image, written, &format!("{name}, event {end}, {luck:?}"));
    }
}

fn go_on(disk: &Disk, path: &Path, written: &mut Written, name: &str) {
    let mut store = Store::open_on_vfs(path, OpenMode::ReadWrite, disk.name()).unwrap();
    let last = store.last_seq().unwrap();
    check_content(&store, written, last, name);
    written.cut(last);
    one_transaction(&mut store, &mut Chance(99), written, 40).unwrap();
    disk.mark(written.last_seq());
    store.check().unwrap();
}

/// Lets each call of a kind fail in turn, until there are no more of them; at least `calls_min` must have been there.
fn fail_each(call: Call, failure: Failure, times: usize, expected: Code, calls_min: usize) {
    let struck = (0..).find(|after| {
        let fault = Fault { call, after: *after, times, failure };
        !run(&format!("{call:?}-{failure:?}-{times}-{after}"), fault, expected)
    });
    assert!(struck >= Some(calls_min), "{struck:?} calls of this kind");
}

#[test]
fn a_sync_that_fails_once_is_never_taken_for_a_success() {
    fail_each(Call::Sync, Failure::Device, 1, Code::StorageCorrupt, 8);
}

#[test]
fn a_disk_that_syncs_no_more_keeps_what_was_synced() {
    fail_each(Call::Sync, Failure::Device, usize::MAX, Code::StorageCorrupt, 8);
}

#[test]
fn a_write_that_fails_once_leaves_no_half() {
    fail_each(Call::Write, Failure::Device, 1, Code::StorageCorrupt, 30);
}

#[test]
fn a_disk_that_is_full_for_a_moment_leaves_no_half() {
    fail_each(Call::Write, Failure::Full, 1, Code::StorageFull, 30);
}

#[test]
fn a_disk_that_stays_full_is_still_read() {
    fail_each(Call::Write, Failure::Full, usize::MAX, Code::StorageFull, 30);
}

#[test]
fn a_sync_that_finds_the_disk_full_is_a_failed_write() {
    fail_each(Call::Sync, Failure::Full, 1, Code::StorageFull, 8);
}

#[test]
fn a_read_that_fails_is_reported_and_harms_nothing() {
    fail_each(Call::Read, Failure::Device, 1, Code::StorageCorrupt, 8);
}
