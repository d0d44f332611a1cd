//! A history of several authors who write in turn, and what comes on top of it.

use std::ops::Range;

use trellis_core::log::row::StoredOp;
use trellis_core::op::draft::SealedOp;

use crate::corpus::{Book, Pen, stored};

/// Writes to each entity, on average.
const WRITES_PER_ENTITY: usize = 4;

/// Ops of one author, each on top of the one before; the last is signed.
pub(crate) struct Run {
    pub(crate) author: usize,
    pub(crate) ops: Vec<SealedOp>,
}

/// What the tail of a story writes to.
#[derive(Clone, Copy)]
pub(crate) enum Spread {
    /// Entities that were written before: each op names the write that it replaces.
    Known,
    /// Entities that nobody wrote before, but for a rare one.
    New,
}

/// Entities to draw new ones from.
const NEW_ENTITIES: usize = 8_000_000;

/// What everybody has, and what somebody has beyond that.
pub(crate) struct Story {
    pub(crate) genesis: SealedOp,
    pub(crate) shared: Vec<Run>,
    pub(crate) tail: Vec<Run>,
}

impl Story {
    /// `shared` and then `tail` ops, in runs of at most `run` by so many authors in turn.
    pub(crate) fn new(authors: usize, counts: [usize; 2], run: usize) -> Story {
        Story::spread(authors, counts, run, Spread::Known)
    }

    /// As [`Story::new`]; what the tail writes to is chosen.
    pub(crate) fn spread(authors: usize, [shared, tail]: [usize; 2], run: usize, spread: Spread) -> Story {
        let (mut book, genesis) = Book::begin();
        let mut pens: Vec<Pen> = (0..authors as u64).map(Pen::new).collect();
        let entities = (shared / WRITES_PER_ENTITY).max(1);
        let (mut head, mut turn) = (genesis.id, 0);
        let mut runs = |count: usize, entities: Range<usize>| {
            let mut runs = Vec::new();
            for from in (0..count).step_by(run) {
                let author = turn % authors;
                let ops = book.run(&mut pens[author], head, run.min(count - from), entities.clone());
                head = ops.last().map_or(head, |op| op.id);
                runs.push(Run { author, ops });
                turn += 1;
            }
            runs
        };
        let tail_entities = match spread {
            Spread::Known => 0..entities,
            Spread::New => entities..entities + NEW_ENTITIES,
        };
        let (shared, tail) = (runs(shared, 0..entities), runs(tail, tail_entities));
        Story { genesis, shared, tail }
    }

    /// What everybody has, as it is stored.
    pub(crate) fn stored_shared(&self) -> Vec<StoredOp> {
        std::iter::once(stored(&self.genesis)).chain(stored_all(&self.shared)).collect()
    }

    /// What somebody has beyond that.
    pub(crate) fn stored_tail(&self) -> Vec<StoredOp> {
        stored_all(&self.tail).collect()
    }

    /// How many authors write.
    pub(crate) fn authors(&self) -> usize {
        self.shared.iter().chain(&self.tail).map(|run| run.author + 1).max().unwrap_or_default()
    }

    /// How many ops there are beyond what everybody has.
    pub(crate) fn tail_len(&self) -> usize {
        self.tail.iter().map(|run| run.ops.len()).sum()
    }
}

fn stored_all(runs: &[Run]) -> impl Iterator<Item = StoredOp> {
    runs.iter().flat_map(|run| run.ops.iter().map(stored))
}
