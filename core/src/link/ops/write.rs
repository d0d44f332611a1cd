//! Writing an `ops` frame: every op is taken apart into the columns.

use alloc::vec::Vec;

use super::shape::Shape;
use super::{COUNTER_BITS, OnLink, OpsRefused, field};
use crate::limits::{FRAME_BYTES_MAX, FRAME_OPS_MAX, SEGMENT_BYTES_MAX};
use crate::link::frame::FrameKind;
use crate::link::table::Table;
use crate::op::cbor::Writer;
use crate::op::header::{Header, Ids};
use crate::op::id::{Author, OpId, RepoId};
use crate::op::sign::VerifiedOp;
use crate::time::Hlc;

/// The one `ops` frame of these ops, which stand in dependency order.
///
/// A signed op ends a run; whatever has no signature is followed by the next op of its chain. At most
/// [`FRAME_OPS_MAX`] ops; the frame has at most [`FRAME_BYTES_MAX`] bytes, and so have the headers and bodies together.
///
/// # Errors
/// [`OpsRefused`]: these ops are no batch.
pub fn encode_ops(ops: &[VerifiedOp<'_>]) -> Result<Vec<u8>, OpsRefused> {
    encode(ops, None)
}

/// The one `ops` frame of these ops on a link, as [`encode_ops`] makes it for bundles: `batch` counts the batches of
/// the link, `more` says whether others follow at once, and `sent` counts the bytes of the `ops` and `blob` frames that
/// went before.
///
/// # Errors
/// [`OpsRefused`]: these ops are no batch.
pub fn encode_ops_on_link(batch: u64, more: bool, sent: u64, ops: &[VerifiedOp<'_>]) -> Result<Vec<u8>, OpsRefused> {
    encode(ops, Some(OnLink { batch, more, sent }))
}

fn encode(ops: &[VerifiedOp<'_>], on_link: Option<OnLink>) -> Result<Vec<u8>, OpsRefused> {
    let first = ops.first().ok_or(OpsRefused::Empty)?;
    if ops.len() > FRAME_OPS_MAX {
        return Err(OpsRefused::TooManyOps);
    }
    let whole: usize = ops.iter().map(|op| op.header_bytes().len() + op.body().map_or(0, <[u8]>::len)).sum();
    if whole > FRAME_BYTES_MAX {
        return Err(OpsRefused::TooLong);
    }
    require_one_repo(ops)?;
    let mut frame = Frame::default();
    for run in runs(ops)? {
        frame.push_run(run)?;
    }
    let bytes = frame.finish(first.header().repo, on_link);
    if bytes.len() > FRAME_BYTES_MAX { Err(OpsRefused::TooLong) } else { Ok(bytes) }
}

/// A genesis has no repo and can only come first, since all others of its repo depend on it.
fn require_one_repo(ops: &[VerifiedOp<'_>]) -> Result<(), OpsRefused> {
    let Some((first, rest)) = ops.split_first() else { return Ok(()) };
    let repo = Some(first.header().repo.unwrap_or_else(|| first.id().into()));
    let stranger = rest.iter().find(|op| op.header().repo != repo);
    stranger.map_or(Ok(()), |op| Err(OpsRefused::OtherRepo(op.id())))
}

/// The ops in stretches that end in a signed op, each in order of its chain.
fn runs<'a, 'b>(ops: &'a [VerifiedOp<'b>]) -> Result<Vec<&'a [VerifiedOp<'b>]>, OpsRefused> {
    for pair in ops.windows(2) {
        if pair[0].signature().is_none() && !continues(&pair[0], &pair[1]) {
            return Err(OpsRefused::NoSignature(pair[0].id()));
        }
    }
    if let Some(last) = ops.last().filter(|op| op.signature().is_none()) {
        return Err(OpsRefused::NoSignature(last.id()));
    }
    Ok(ops.split_inclusive(|op| op.signature().is_some()).collect())
}

/// Whether `next` is the op after `op` in its chain.
pub(in crate::link) fn continues(op: &VerifiedOp<'_>, next: &VerifiedOp<'_>) -> bool {
    let (op_header, next_header) = (op.header(), next.header());
    next_header.prev == Some(op.id())
        && next_header.author == op_header.author
        && next_header.branch == op_header.branch
        && Some(next_header.seq) == op_header.seq.checked_add(1)
}

/// A frame in the making: its columns, and what was written whole so far.
#[derive(Default)]
struct Frame<'a> {
    runs: Writer,
    shapes: Writer,
    times: Writer,
    counters: Writer,
    keys: Writer,
    parents: Writer,
    bases: Writer,
    bodies: Writer,
    signatures: Vec<u8>,
    known: Known<'a>,
    last_ms: u64,
}

/// What was written whole.
#[derive(Default)]
struct Known<'a> {
    authors: Table<Author>,
    branches: Table<&'a str>,
    shapes: Table<Vec<u8>>,
    keys: Table<&'a str>,
    ids: Table<OpId>,
}

impl<'a> Frame<'a> {
    fn push_run(&mut self, run: &'a [VerifiedOp<'_>]) -> Result<(), OpsRefused> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(()) };
        let bytes: usize = run.iter().map(segment_bytes).sum();
        if bytes > SEGMENT_BYTES_MAX {
            return Err(OpsRefused::RunTooLong(last.id()));
        }
        self.push_run_head(first, run.len())?;
        for op in run {
            self.push_op(op)?;
        }
        self.signatures.extend(last.signature().into_iter().flatten());
        Ok(())
    }

    /// The fields that are the same along a run, or follow from the op before.
    fn push_run_head(&mut self, first: &'a VerifiedOp<'_>, len: usize) -> Result<(), OpsRefused> {
        let header = first.header();
        if header.prev.is_none() != (header.seq == 1) {
            return Err(OpsRefused::NoPlace(first.id()));
        }
        let runs = &mut self.runs;
        match self.known.authors.refer(header.author) {
            Some(distance) => runs.uint(distance),
            None => runs.bytes(&header.author.0),
        };
        match self.known.branches.refer(header.branch) {
            Some(distance) => runs.uint(distance),
            None => runs.text(header.branch),
        };
        runs.uint(len as u64).uint(header.seq.into());
        if let Some(prev) = header.prev {
            push_id(runs, &mut self.known.ids, prev);
        }
        Ok(())
    }

    fn push_op(&mut self, op: &'a VerifiedOp<'_>) -> Result<(), OpsRefused> {
        let header = op.header();
        self.push_shape(header);
        self.push_clock(header.hlc);
        match self.known.keys.refer(header.key) {
            Some(distance) => self.keys.uint(distance),
            None => self.keys.text(header.key),
        };
        push_ids(&mut self.parents, &mut self.known.ids, header.parents);
        push_ids(&mut self.bases, &mut self.known.ids, header.base);
        match (op.body(), header.body) {
            (Some(body), _) => drop(self.bodies.bytes(body)),
            (None, Some(named)) => drop(self.bodies.uint(named.len.into()).bytes(&named.hash.0)),
            (None, None) => {}
        }
        self.known.ids.add(op.id()).map(drop).ok_or(OpsRefused::Order(op.id()))
    }

    fn push_shape(&mut self, header: &Header<'_>) {
        let shape = Shape::of(header).encode();
        match self.known.shapes.distance(&shape) {
            Some(distance) => self.shapes.uint(distance),
            None => self.shapes.bytes(&shape),
        };
        self.known.shapes.add(shape);
    }

    fn push_clock(&mut self, hlc: Hlc) {
        let ms = hlc.millis().0;
        self.times.uint(zigzag(ms.wrapping_sub(self.last_ms) as i64));
        self.counters.uint(hlc.0 & ((1 << COUNTER_BITS) - 1));
        self.last_ms = ms;
    }

    fn finish(self, repo: Option<RepoId>, on_link: Option<OnLink>) -> Vec<u8> {
        let mut body = Writer::new();
        body.map(field::COLUMNS + usize::from(repo.is_some()) + usize::from(on_link.is_some()));
        if let Some(repo) = repo {
            body.uint(field::REPO).bytes(&repo.0);
        }
        let columns =
            [self.runs, self.shapes, self.times, self.counters, self.keys, self.parents, self.bases, self.bodies];
        for (column, key) in columns.into_iter().zip(field::RUNS..) {
            body.uint(key).bytes(&column.finish());
        }
        body.uint(field::SIGNATURES).bytes(&self.signatures);
        if let Some(OnLink { batch, more, sent }) = on_link {
            body.uint(field::ON_LINK).array(3).uint(batch).uint(more.into()).uint(sent);
        }
        let mut bytes = alloc::vec![FrameKind::Ops.code()];
        bytes.append(&mut body.finish());
        bytes
    }
}

/// The bytes that an op counts in its segment, whether its body is here or not.
pub(in crate::link) fn segment_bytes(op: &VerifiedOp<'_>) -> usize {
    op.header_bytes().len() + op.header().body.map_or(0, |body| body.len as usize)
}

fn push_ids(column: &mut Writer, known: &mut Table<OpId>, ids: Ids<'_>) {
    column.array(ids.len());
    ids.iter().for_each(|id| push_id(column, known, id));
}

fn push_id(column: &mut Writer, known: &mut Table<OpId>, id: OpId) {
    match known.refer(id) {
        Some(distance) => column.uint(distance),
        None => column.bytes(&id.0),
    };
}

/// Small numbers for small differences either way: 0, -1, 1, -2, 2, ...
fn zigzag(difference: i64) -> u64 {
    ((difference << 1) ^ (difference >> 63)) as u64
}
