//! After a power cut at any moment the store opens, and has everything that was committed and nothing by halves.

mod common;

use std::time::Duration;

use common::{Written, check_image, one_transaction};
use tempfile::TempDir;
use trellis_sync::store::{OpenMode, Store};
use trellis_test_disk::Disk;
use trellis_test_disk::chance::Chance;
use trellis_test_disk::crash::{Luck, Moment};
use trellis_test_disk::record::Event;

/// Writes under a recording layer: transactions of several rows, now and then closing and opening.
fn record(name: &str, seed: u64, transactions: usize, ops_max: usize) -> (TempDir, Disk, Written) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    Store::create(&path).unwrap().close().unwrap();
    let disk = Disk::register(name);
    let mut chance = Chance(seed);
    let mut written = Written::default();
    let mut store = Store::open_on_vfs(&path, OpenMode::ReadWrite, disk.name()).unwrap();
    for _ in 0..transactions {
        one_transaction(&mut store, &mut chance, &mut written, ops_max).unwrap();
        disk.mark(written.last_seq());
        if chance.below(6) == 0 {
            store.close().unwrap();
            store = Store::open_on_vfs(&path, OpenMode::ReadWrite, disk.name()).unwrap();
        }
    }
    store.close().unwrap();
    (folder, disk, written)
}

/// Cuts the power after every `step`th event, once for each kind of luck and several times with mixed luck.
fn cut_everywhere(disk: &Disk, written: &Written, seed: u64, step: usize, mixed: usize) -> usize {
    let mut chance = Chance(seed);
    let mut moment = Moment::default();
    let mut images = 0;
    for (index, event) in disk.events().iter().enumerate() {
        moment.play(event);
        let is_boundary = matches!(event, Event::Mark(_) | Event::Synced(_) | Event::Removed(_));
        if !is_boundary && index % step != 0 {
            continue;
        }
        let lucks = [Luck::None, Luck::All].into_iter().chain(std::iter::repeat_n(Luck::Mixed, mixed));
        for luck in lucks {
            check_image(&moment.image(luck, &mut chance), written, &format!("seed {seed}, event {index}, {luck:?}"));
            images += 1;
        }
    }
    images
}

#[test]
fn small_writes_survive_a_power_cut_after_every_event() {
    for seed in 0..2 {
        let (_folder, disk, written) = record(&format!("small-{seed}"), seed, 12, 4);
        let images = cut_everywhere(&disk, &written, seed, 2, 2);
        assert!(images > 100, "{images} images");
    }
}

#[test]
fn large_writes_survive_a_power_cut_while_the_log_is_copied() {
    let (_folder, disk, written) = record("large", 7, 24, 1000);
    let events = disk.events();
    let copied = events.iter().filter(|event| matches!(event, Event::Written(path, ..) if path.ends_with("store")));
    assert!(copied.count() > 100, "the log is copied in this record");
    cut_everywhere(&disk, &written, 7, 199, 1);
}

/// The test of the test: with a promise that is made before the commit, the same images show the loss.
#[test]
fn a_promise_that_comes_too_early_is_found_out() {
    let (_folder, disk, written) = record("early", 11, 6, 4);
    let mut moment = Moment::default();
    let mut chance = Chance(11);
    let events = disk.events();
    let marks: Vec<_> = events.iter().filter(|event| matches!(event, Event::Mark(_))).cloned().collect();
    let mut next = marks.iter();
    let mut broken = 0;
    for event in &events {
        moment.play(event);
        if matches!(event, Event::Written(path, ..) if path.ends_with("store-wal")) && broken == 0 {
            moment.play(next.next().unwrap());
            let image = moment.image(Luck::None, &mut chance);
            let found = std::panic::catch_unwind(|| check_image(&image, &written, "early"));
            broken += usize::from(found.is_err());
        }
    }
    assert_eq!(broken, 1);
}

#[test]
fn a_store_that_lost_power_is_written_on_and_loses_power_again() {
    let (_folder, disk, mut written) = record("again", 13, 4, 4);
    let mut moment = Moment::default();
    disk.events().iter().for_each(|event| moment.play(event));
    let folder = tempfile::tempdir().unwrap();
    moment.image(Luck::Mixed, &mut Chance(13)).write_to(folder.path()).unwrap();
    let second = Disk::register("again-second");
    let mut store = Store::open_on_vfs(folder.path().join("store"), OpenMode::ReadWrite, second.name()).unwrap();
    second.mark(store.last_seq().unwrap());
    one_transaction(&mut store, &mut Chance(14), &mut written, 4).unwrap();
    second.mark(written.last_seq());
    assert_eq!(store.begin(Duration::ZERO).unwrap().last_seq(), written.last_seq());
    drop(store);
    cut_everywhere(&second, &written, 15, 1, 3);
}
