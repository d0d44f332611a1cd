//! Transactions that can be told apart, and what must hold of a store after a cut.

#![allow(dead_code, reason = "each test file takes what it needs")]

#[path = "../../../../native/tests/common/mod.rs"]
mod rows;

use std::ops::ControlFlow;
use std::time::Duration;

use tempfile::TempDir;
use trellis_core::log::row::{Place, Row};
use trellis_sync::error::Result;
use trellis_sync::store::{OpenMode, Store};
use trellis_test_disk::chance::Chance;
use trellis_test_disk::crash::Image;

/// All rows that were ever given to a store, and after which of them a transaction ended.
#[derive(Clone, Default)]
pub(crate) struct Written {
    rows: Vec<(Row, Vec<Place>)>,
    ends: Vec<u32>,
}

impl Written {
    pub(crate) fn last_seq(&self) -> u32 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Forgets the rows behind `seq`, which are not in the store.
    pub(crate) fn cut(&mut self, seq: u32) {
        self.rows.truncate(seq as usize);
        self.ends.retain(|end| *end <= seq);
    }
}

/// Writes one to three rows and a setting that says how many rows there are.
pub(crate) fn one_transaction(
    store: &mut Store,
    chance: &mut Chance,
    written: &mut Written,
    ops_max: usize,
) -> Result<()> {
    let first = written.last_seq() + 1;
    let last = first + chance.below(3) as u32;
    let rows = (first..=last).map(|seq| rows::row_with_places(seq, 1 + chance.below(ops_max) as u32));
    let rows: Vec<_> = rows.map(|(row, ops)| (row, ops.into_iter().map(|(place, _)| place).collect())).collect();
    written.rows.extend(rows.iter().cloned());
    written.ends.push(last);
    let mut transaction = store.begin(Duration::ZERO)?;
    for (row, _) in &rows {
        transaction.append(row)?;
    }
    transaction.set_meta("rows", &last.to_be_bytes())?;
    transaction.commit()
}

/// A folder in memory where there is one: an image is only looked at, so its syncs need not reach a disk.
pub(crate) fn fast_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Opens what a power cut left, and checks that it holds what was promised, whole transactions and nothing else.
pub(crate) fn check_image(image: &Image, written: &Written, label: &str) {
    let folder = fast_folder();
    image.write_to(folder.path()).unwrap();
    let path = folder.path().join("store");
    let store = Store::open(&path, OpenMode::ReadWrite).unwrap_or_else(|error| panic!("{label}: {error}"));
    store.check().unwrap_or_else(|error| panic!("{label}: {error}"));
    let last = store.last_seq().unwrap();
    assert!(last >= image.promised.unwrap_or(0), "{label}: {:?} promised, {last} there", image.promised);
    check_content(&store, written, last, label);
}

/// Checks that a store holds the first rows that were written, up to the end of a transaction, byte for byte.
pub(crate) fn check_content(store: &Store, written: &Written, last: u32, label: &str) {
    assert!(last == 0 || written.ends.contains(&last), "{label}: row {last} ends no transaction");
    let setting = store.meta("rows").unwrap().map_or(0, |value| u32::from_be_bytes(value.try_into().unwrap()));
    assert_eq!(setting, last, "{label}: the setting is of another transaction");
    let mut expected = written.rows[..last as usize].iter();
    let visit = |row: trellis_sync::store::StoredRow<'_>| {
        let (written, _) = expected.next().unwrap();
        let is_same = (row.seq, row.headers, row.digest) == (written.seq, &written.headers[..], written.digest);
        assert!(is_same, "{label}: row {} is another", row.seq);
        ControlFlow::Continue(())
    };
    store.rows_after(0, visit).unwrap();
    assert!(expected.next().is_none(), "{label}: rows are missing");
    let places: Vec<_> = written.rows[..last as usize].iter().flat_map(|(_, places)| places).collect();
    let places: Vec<_> = places.iter().map(|place| (**place, None)).collect();
    for op in store.read_ops(&places).unwrap() {
        op.unwrap().rehash().unwrap_or_else(|refused| panic!("{label}: {refused}"));
    }
}
