//! Ops to feed: histories of many authors, the same ones in every run.

use std::ops::Range;

use ed25519_dalek::{Signer, SigningKey};
use hashbrown::HashMap;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use trellis_core::log::row::StoredOp;
use trellis_core::op::draft::{Draft, SealedOp, Spot};
use trellis_core::op::header::{GENESIS_KEY, REPO_BRANCH};
use trellis_core::op::id::{Author, OpId, RepoId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::op::sign::Unverified;
use trellis_core::time::{Hlc, Millis};

/// The collection that all ops write to.
pub(crate) const COLLECTION: &str = "notes";
/// The branch that all ops stand on.
pub(crate) const BRANCH: &str = "main";
/// Ops of a run: the last one is signed and vouches for the others.
pub(crate) const RUN_OPS: usize = 1024;
/// The first op's time: 2025-01-01.
const FIRST_MS: u64 = 1_735_689_600_000;
/// Before every op.
pub(crate) const BEFORE: Millis = Millis(FIRST_MS - 1);
/// When everything is fed: later than every op.
pub(crate) const NOW: Millis = Millis(FIRST_MS + 1_000_000_000);

/// An author with the chain that it writes.
#[derive(Clone, Debug)]
pub(crate) struct Pen {
    key: SigningKey,
    author: Author,
    end: Option<(OpId, u32)>,
}

impl Pen {
    /// The author with this number.
    pub(crate) fn new(number: u64) -> Pen {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        let key = SigningKey::from_bytes(&seed);
        let author = Author(key.verifying_key().to_bytes());
        Pen { key, author, end: None }
    }

    /// Signs an op of this author.
    pub(crate) fn sign(&self, op: &mut SealedOp) {
        op.signature = Some(self.key.sign(&op.id.signed_message()).to_bytes());
    }
}

/// A history in the making: each op has a later clock than all before it.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    repo: Option<RepoId>,
    ops: u64,
    dice: ChaCha8Rng,
    /// By entity: its last write.
    last: HashMap<usize, OpId>,
}

impl Book {
    /// A history of a repo that is already there.
    pub(crate) fn of(repo: RepoId) -> Book {
        Book { repo: Some(repo), ..Book::empty() }
    }

    /// A history with a repo of its own, and its genesis.
    pub(crate) fn begin() -> (Book, SealedOp) {
        let mut pen = Pen::new(u64::MAX);
        let body = format!("{{\"name\":\"bench\",\"nonce\":\"{}\"}}", "0".repeat(64));
        let draft = Draft {
            branch: REPO_BRANCH,
            collection: REPO_BRANCH,
            key: GENESIS_KEY,
            kind: Kind::Put,
            body: Some((Format::Json, body.as_bytes())),
            base: &[],
            actor: None,
        };
        let mut book = Book::empty();
        let mut genesis = book.seal(&mut pen, &draft, &[]);
        pen.sign(&mut genesis);
        book.repo = Some(genesis.id.into());
        (book, genesis)
    }

    fn empty() -> Book {
        Book { repo: None, ops: 0, dice: ChaCha8Rng::seed_from_u64(1), last: HashMap::new() }
    }

    /// Puts some sixty bytes of JSON into the entity with this number, in place of the last write to it; unsigned.
    pub(crate) fn put(&mut self, pen: &mut Pen, entity: usize, parents: &[OpId]) -> SealedOp {
        let body = self.text();
        let base = self.last.get(&entity).copied();
        let draft = Draft {
            branch: BRANCH,
            collection: COLLECTION,
            key: &key_of(entity),
            kind: Kind::Put,
            body: Some((Format::Json, body.as_bytes())),
            base: base.as_slice(),
            actor: None,
        };
        let op = self.seal(pen, &draft, parents);
        self.last.insert(entity, op.id);
        op
    }

    /// A run of one author, each op on top of the one before it, to entities drawn from `entities`; the last is signed.
    pub(crate) fn run(&mut self, pen: &mut Pen, from: OpId, ops: usize, entities: Range<usize>) -> Vec<SealedOp> {
        let mut head = from;
        let mut run: Vec<SealedOp> = Vec::with_capacity(ops);
        for _ in 0..ops {
            let entity = entities.start + self.roll(entities.len());
            let op = self.put(pen, entity, &[head]);
            head = op.id;
            run.push(op);
        }
        run.last_mut().into_iter().for_each(|last| pen.sign(last));
        run
    }

    /// A random number below `bound`, near enough.
    pub(crate) fn roll(&mut self, bound: usize) -> usize {
        (self.dice.next_u64() % bound.max(1) as u64) as usize
    }

    /// The same history, to be continued by somebody else with other texts.
    pub(crate) fn copy(&self, seed: u64) -> Book {
        Book { dice: ChaCha8Rng::seed_from_u64(seed), ..self.clone() }
    }

    fn text(&mut self) -> String {
        let letters: String = (0..40).map(|_| char::from(b'a' + (self.dice.next_u32() % 26) as u8)).collect();
        format!("{{\"n\":{},\"text\":\"{letters}\"}}", self.ops)
    }

    fn seal(&mut self, pen: &mut Pen, draft: &Draft<'_>, parents: &[OpId]) -> SealedOp {
        let hlc = Hlc(((FIRST_MS + self.ops / 4) << 16) + self.ops % 4);
        self.ops += 1;
        let spot = Spot { repo: self.repo, author: pen.author, prev: pen.end, parents, hlc };
        let op = draft.seal(spot).expect("what a benchmark writes is within bounds");
        pen.end = Some((op.id, pen.end.map_or(1, |(_, seq)| seq + 1)));
        op
    }
}

/// What is sent or stored of an op.
pub(crate) fn stored(op: &SealedOp) -> StoredOp {
    StoredOp { header: op.header.clone(), body: op.body.clone(), signature: op.signature }
}

/// All ops as they come from outside.
pub(crate) fn unverified(ops: &[SealedOp]) -> Vec<Unverified<'_>> {
    ops.iter().map(SealedOp::unverified).collect()
}

/// Puts things into an order that has nothing to do with the one they had.
pub(crate) fn shuffle<T>(things: &mut [T]) {
    let mut dice = ChaCha8Rng::seed_from_u64(2);
    for at in (1..things.len()).rev() {
        things.swap(at, (dice.next_u64() % (at as u64 + 1)) as usize);
    }
}

/// The key of the entity with this number.
pub(crate) fn key_of(entity: usize) -> String {
    format!("note-{entity:07}")
}
