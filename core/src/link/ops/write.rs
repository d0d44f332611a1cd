//! Writing an `ops` frame: every op is taken apart into the columns.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::shape::Shape;
use super::{COUNTER_BITS, IsKnown, OnLink, OpsRefused, field};
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
    encode(ops, None, &|_| false)
}

/// The one `ops` frame of these ops on a link, as [`encode_ops`] makes it for bundles. Of the ops that they name and that
/// are not among them, those of which `is_known` is true are named by half: the reader has to have each, and no other op
/// with such a half.
///
/// # Errors
/// [`OpsRefused`]: these ops are no batch.
pub fn encode_ops_on_link(
    on_link: OnLink,
    ops: &[VerifiedOp<'_>],
    is_known: &IsKnown<'_>,
) -> Result<Vec<u8>, OpsRefused> {
    encode(ops, Some(on_link), is_known)
}

fn encode(ops: &[VerifiedOp<'_>], on_link: Option<OnLink>, is_known: &IsKnown<'_>) -> Result<Vec<u8>, OpsRefused> {
    Columns::of(ops)?.frame(on_link, is_known)
}

/// The columns of a frame, but for what differs from reader to reader: which ids are halved, and what a link says.
#[derive(Debug)]
pub(in crate::link) struct Columns {
    repo: Option<RepoId>,
    columns: [Column; 8],
    signatures: Vec<u8>,
}

/// A column with whole ids.
#[derive(Debug, Default)]
struct Column {
    bytes: Vec<u8>,
    /// The ids that are not those of ops of the frame, each with where it is written.
    ids: Vec<(usize, OpId)>,
}

/// What stands before 32 bytes in CBOR.
const WHOLE_HEAD_BYTES: usize = 2;

impl Columns {
    /// Takes ops apart as [`encode_ops`] does.
    ///
    /// # Errors
    /// As [`encode_ops`], but for how long the frame is.
    pub(in crate::link) fn of(ops: &[VerifiedOp<'_>]) -> Result<Columns, OpsRefused> {
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
        Ok(frame.finish(first.header().repo))
    }

    /// The frame of a link, or of a bundle, in which those ids are halved that `is_known` names.
    ///
    /// # Errors
    /// [`OpsRefused::TooLong`].
    pub(in crate::link) fn frame(
        &self,
        on_link: Option<OnLink>,
        is_known: &IsKnown<'_>,
    ) -> Result<Vec<u8>, OpsRefused> {
        let mut body = Writer::new();
        body.map(field::COLUMNS + usize::from(self.repo.is_some()) + usize::from(on_link.is_some()));
        if let Some(repo) = self.repo {
            body.uint(field::REPO).bytes(&repo.0);
        }
        for (column, key) in self.columns.iter().zip(field::RUNS..) {
            body.uint(key).bytes(&column.halved(is_known));
        }
        body.uint(field::SIGNATURES).bytes(&self.signatures);
        if let Some(OnLink { batch, more, sent }) = on_link {
            body.uint(field::ON_LINK).array(3).uint(batch).uint(more.into()).uint(sent);
        }
        let mut bytes = alloc::vec![FrameKind::Ops.code()];
        bytes.append(&mut body.finish());
        if bytes.len() > FRAME_BYTES_MAX { Err(OpsRefused::TooLong) } else { Ok(bytes) }
    }
}

impl Column {
    /// The column with halves in place of the ids that `is_known` names.
    fn halved(&self, is_known: &IsKnown<'_>) -> Cow<'_, [u8]> {
        let known: Vec<&(usize, OpId)> = self.ids.iter().filter(|(_, id)| is_known(id)).collect();
        if known.is_empty() {
            return Cow::Borrowed(&self.bytes);
        }
        let (mut halved, mut done) = (Writer::with_room(self.bytes.len()), 0);
        for (at, id) in known {
            halved.encoded(&self.bytes[done..*at]).bytes(&id.half());
            done = at + WHOLE_HEAD_BYTES + id.0.len();
        }
        halved.encoded(&self.bytes[done..]);
        Cow::Owned(halved.finish())
    }
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
    runs: IdWriter,
    shapes: Writer,
    times: Writer,
    counters: Writer,
    keys: Writer,
    parents: IdWriter,
    bases: IdWriter,
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
        let runs = &mut self.runs.column;
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
            self.runs.push(&mut self.known.ids, prev);
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
        self.parents.push_all(&mut self.known.ids, header.parents);
        self.bases.push_all(&mut self.known.ids, header.base);
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

    fn finish(self, repo: Option<RepoId>) -> Columns {
        let plain = |column: Writer| Column { bytes: column.finish(), ids: Vec::new() };
        let [shapes, times, counters, keys] = [self.shapes, self.times, self.counters, self.keys].map(plain);
        let [runs, parents, bases] = [self.runs, self.parents, self.bases].map(IdWriter::finish);
        let columns = [runs, shapes, times, counters, keys, parents, bases, plain(self.bodies)];
        Columns { repo, columns, signatures: self.signatures }
    }
}

/// A column in the making that has ids.
#[derive(Default)]
struct IdWriter {
    column: Writer,
    ids: Vec<(usize, OpId)>,
}

impl IdWriter {
    fn push_all(&mut self, known: &mut Table<OpId>, ids: Ids<'_>) {
        self.column.array(ids.len());
        ids.iter().for_each(|id| self.push(known, id));
    }

    fn push(&mut self, known: &mut Table<OpId>, id: OpId) {
        if let Some(distance) = known.refer(id) {
            self.column.uint(distance);
        } else {
            self.ids.push((self.column.position(), id));
            self.column.bytes(&id.0);
        }
    }

    fn finish(self) -> Column {
        Column { bytes: self.column.finish(), ids: self.ids }
    }
}

/// The bytes that an op counts in its segment, whether its body is here or not.
pub(in crate::link) fn segment_bytes(op: &VerifiedOp<'_>) -> usize {
    op.header_bytes().len() + op.header().body.map_or(0, |body| body.len as usize)
}

/// Small numbers for small differences either way: 0, -1, 1, -2, 2, ...
fn zigzag(difference: i64) -> u64 {
    ((difference << 1) ^ (difference >> 63)) as u64
}
