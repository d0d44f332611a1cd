//! A disk: rows that are synced, and rows that a crash may lose.

use std::collections::{BTreeMap, BTreeSet};

use trellis_core::input::{Loaded, Remembered, Ticket};
use trellis_core::log::row::{Record, Row, read_row};
use trellis_core::op::id::{Author, OpId};
use trellis_core::output::Query;
use trellis_core::time::Hlc;
use trellis_tests::host::load_rows;

/// An op's place in its author's chain: branch, author, `seq`.
pub type ChainPlace = (String, Author, u32);

/// What is known of a durable op.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where it stands.
    pub place: ChainPlace,
    /// Its clock.
    pub hlc: Hlc,
}

/// The rows of one store.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    rows: Vec<Row>,
    /// How many of `rows` are synced.
    synced: usize,
    /// The tickets of the rows that are not.
    tickets: Vec<Ticket>,
    durable: BTreeMap<OpId, Kept>,
    /// Of how many rows the ops are in `durable`.
    counted: usize,
    /// When peers last had the same. It may outlive rows that are lost, or be of a time before them.
    remembered: BTreeMap<Author, Remembered>,
}

impl Disk {
    /// Writes a row; it is not synced yet.
    pub fn write(&mut self, ticket: Ticket, row: Row) {
        assert_eq!(row.seq as usize, self.rows.len() + 1, "rows come in order");
        self.rows.push(row);
        self.tickets.push(ticket);
    }

    /// Reads, also what is not synced yet.
    pub fn load(&self, query: &Query) -> Loaded {
        match query {
            Query::Peers => Loaded::Peers(self.remembered.clone().into_iter().collect()),
            query => load_rows(&self.rows, query),
        }
    }

    /// Remembers when a peer last had the same.
    pub fn remember(&mut self, peer: Author, then: Remembered) {
        self.remembered.insert(peer, then);
    }

    /// Syncs everything that was written; returns whose rows are durable now.
    pub fn sync(&mut self) -> Vec<Ticket> {
        self.synced = self.rows.len();
        self.count_durable();
        std::mem::take(&mut self.tickets)
    }

    /// Fails to sync: nothing of it is kept. Returns the first row's ticket.
    pub fn fail(&mut self) -> Option<Ticket> {
        self.rows.truncate(self.synced);
        let first = self.tickets.first().copied();
        self.tickets.clear();
        first
    }

    /// Loses power: of what was not synced, the first `kept` rows happen to be there afterwards.
    pub fn crash(&mut self, kept: usize) {
        self.rows.truncate(self.synced + kept);
        self.synced = self.rows.len();
        self.tickets.clear();
        self.count_durable();
    }

    /// Becomes what it was when it had only so many rows.
    pub fn restore(&mut self, rows: usize) {
        self.rows.truncate(rows);
        self.synced = self.rows.len();
        self.tickets.clear();
        self.durable.clear();
        self.counted = 0;
        self.count_durable();
    }

    /// How many rows wait for a sync.
    pub fn unsynced(&self) -> usize {
        self.rows.len() - self.synced
    }

    /// How many rows are synced.
    pub fn synced(&self) -> usize {
        self.synced
    }

    /// The ops that no crash can take.
    pub fn durable(&self) -> &BTreeMap<OpId, Kept> {
        &self.durable
    }

    /// Whether a durable op's id begins with this half.
    pub fn has_half(&self, half: &[u8; 16]) -> bool {
        let mut first = [0; 32];
        first[..16].copy_from_slice(half);
        self.durable.range(OpId(first)..).next().is_some_and(|(id, _)| id.0.starts_with(half))
    }

    /// The authors of durable ops.
    pub fn authors(&self) -> BTreeSet<Author> {
        self.durable.values().map(|kept| kept.place.1).collect()
    }

    fn count_durable(&mut self) {
        for row in &self.rows[self.counted..self.synced] {
            let note = |record: Record<'_>| {
                if let Record::Op { op, .. } = record {
                    let header = op.header();
                    let place = (header.branch.into(), header.author, header.seq);
                    self.durable.insert(op.id(), Kept { place, hlc: header.hlc });
                }
            };
            read_row(row.seq, &row.headers, &row.digest, note).expect("a row is what was written");
        }
        self.counted = self.synced;
    }
}
