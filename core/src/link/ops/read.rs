//! Reading an `ops` frame: every header is rebuilt from the columns, byte for byte, and hashed.
//!
//! Every step reads at least one byte or fails, and nothing is allocated by a declared length.

use alloc::vec::Vec;
use core::hash::Hash;

use super::shape::Shape;
use super::{ByHalf, COUNTER_BITS, OnLink, OpsFault, field};
use crate::limits::{FRAME_BYTES_MAX, FRAME_OPS_MAX, LINKS_MAX, SEGMENT_BYTES_MAX};
use crate::link::frame::FrameKind;
use crate::link::table::Table;
use crate::log::row::StoredOp;
use crate::op::cbor::{CborError, Reader, Scalar};
use crate::op::header::{BodyRef, Header, HeaderError, Ids};
use crate::op::id::{Author, ContentHash, OpId, RepoId};
use crate::op::sign::{RebuiltBody, RebuiltOp, Signature};
use crate::time::Hlc;

/// What a frame has: ops that prove nothing yet, dependencies first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The repo that all ops name.
    pub repo: RepoId,
    /// At least one op.
    pub ops: Vec<StoredOp>,
}

/// As [`Batch`], of ops that are not looked at again but for their signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebuiltBatch {
    /// The repo that all ops name.
    pub repo: RepoId,
    /// At least one op.
    pub ops: Vec<RebuiltOp>,
}

impl From<RebuiltBatch> for Batch {
    fn from(batch: RebuiltBatch) -> Batch {
        Batch { repo: batch.repo, ops: batch.ops.into_iter().map(StoredOp::from).collect() }
    }
}

/// Reads a whole `ops` frame, from its first byte. What it accepts, [`super::encode_ops`] writes again to the same bytes.
///
/// The ops have canonical headers and the bodies that these name; their signatures are not checked.
///
/// # Errors
/// [`OpsFault`]: the bytes are no such frame. Nothing of it is to be used.
pub fn decode_ops(frame: &[u8]) -> Result<Batch, OpsFault> {
    let (frame, rest) = Frame::open(frame, 0, None)?;
    rest.end()?;
    frame.read().map(Batch::from)
}

/// Reads a whole `ops` frame as it stands on a link, as [`decode_ops`] does for bundles. What it accepts,
/// [`super::encode_ops_on_link`] writes again to the same bytes, given the same ids by half. That `by_half` finds another
/// op than was meant makes other headers, whose signatures do not hold.
///
/// # Errors
/// [`OpsFault`]: the bytes are no such frame. Nothing of it is to be used. [`OpsFault::UnknownHalf`] where `by_half` does
/// not find what the frame names by half.
pub fn decode_ops_on_link(frame: &[u8], by_half: &ByHalf<'_>) -> Result<(OnLink, RebuiltBatch), OpsFault> {
    let (frame, mut rest) = Frame::open(frame, 1, Some(by_half))?;
    let on_link = read_on_link(at(&mut rest, field::ON_LINK)?)?;
    rest.end()?;
    frame.read().map(|batch| (on_link, batch))
}

fn read_on_link(reader: &mut Reader<'_>) -> Result<OnLink, OpsFault> {
    if reader.array()? != 3 {
        return Err(OpsFault::Fields);
    }
    let (batch, more, sent) = (reader.uint()?, reader.uint()?, reader.uint()?);
    if more > 1 { Err(OpsFault::Fields) } else { Ok(OnLink { batch, more: more == 1, sent }) }
}

/// A frame in reading: what is left of its columns, what was written whole so far, and the ops.
struct Frame<'a> {
    /// Finds ids by half, where the frame may have such.
    by_half: Option<&'a ByHalf<'a>>,
    repo: Option<RepoId>,
    runs: Reader<'a>,
    shapes: Reader<'a>,
    times: Reader<'a>,
    counters: Reader<'a>,
    keys: Reader<'a>,
    parents: Reader<'a>,
    bases: Reader<'a>,
    bodies: Reader<'a>,
    signatures: &'a [u8],
    known: Known<'a>,
    last_ms: u64,
    ops: Vec<RebuiltOp>,
    bytes: usize,
}

/// What was written whole.
#[derive(Default)]
struct Known<'a> {
    authors: Table<Author>,
    branches: Table<&'a str>,
    shapes: Table<&'a [u8]>,
    keys: Table<&'a str>,
    ids: Table<OpId>,
}

/// Where the next op stands in its chain.
struct Spot<'a> {
    author: Author,
    branch: &'a str,
    seq: u32,
    prev: Option<OpId>,
}

impl<'a> Frame<'a> {
    /// The columns of a frame, behind which so many pairs follow.
    fn open(
        frame: &'a [u8],
        pairs_behind: u64,
        by_half: Option<&'a ByHalf<'a>>,
    ) -> Result<(Frame<'a>, Reader<'a>), OpsFault> {
        if frame.len() > FRAME_BYTES_MAX {
            return Err(OpsFault::TooLong);
        }
        let mut reader = Reader::new(frame.strip_prefix(&[FrameKind::Ops.code()]).ok_or(OpsFault::NotOps)?);
        let repo = match reader.map()?.checked_sub(field::COLUMNS as u64 + pairs_behind) {
            Some(0) => None,
            Some(1) => Some(RepoId(*at(&mut reader, field::REPO)?.fixed()?)),
            _ => return Err(OpsFault::Fields),
        };
        let mut column = |key| at(&mut reader, key)?.bytes().map_err(OpsFault::from);
        let frame = Frame {
            by_half,
            repo,
            runs: Reader::new(column(field::RUNS)?),
            shapes: Reader::new(column(field::SHAPES)?),
            times: Reader::new(column(field::TIMES)?),
            counters: Reader::new(column(field::COUNTERS)?),
            keys: Reader::new(column(field::KEYS)?),
            parents: Reader::new(column(field::PARENTS)?),
            bases: Reader::new(column(field::BASES)?),
            bodies: Reader::new(column(field::BODIES)?),
            signatures: column(field::SIGNATURES)?,
            known: Known::default(),
            last_ms: 0,
            ops: Vec::new(),
            bytes: 0,
        };
        Ok((frame, reader))
    }

    fn read(mut self) -> Result<RebuiltBatch, OpsFault> {
        while !self.runs.rest().is_empty() {
            self.read_run()?;
        }
        self.finish()
    }

    fn read_run(&mut self) -> Result<(), OpsFault> {
        let (mut spot, len) = self.read_run_head()?;
        let mut segment_bytes = self.read_op(&spot)?;
        for _ in 1..len {
            spot.seq = spot.seq.checked_add(1).ok_or(HeaderError::OutOfBounds(4))?;
            spot.prev = self.known.ids.back(0);
            segment_bytes += self.read_op(&spot)?;
            if segment_bytes > SEGMENT_BYTES_MAX {
                return Err(OpsFault::RunTooLong);
            }
        }
        let (signature, rest) = self.signatures.split_first_chunk().ok_or(OpsFault::Signatures)?;
        self.signatures = rest;
        self.sign_last(signature);
        Ok(())
    }

    fn sign_last(&mut self, signature: &Signature) {
        if let Some(last) = self.ops.last_mut() {
            last.signature = Some(*signature);
        }
    }

    fn read_run_head(&mut self) -> Result<(Spot<'a>, u64), OpsFault> {
        let author = refer(&mut self.runs, &mut self.known.authors, author)?;
        let branch = refer(&mut self.runs, &mut self.known.branches, text)?;
        let len = self.runs.uint()?;
        if len == 0 {
            return Err(OpsFault::EmptyRun);
        }
        let seq = u32::try_from(self.runs.uint()?).map_err(|_| HeaderError::OutOfBounds(4))?;
        let prev = if seq == 1 { None } else { Some(refer_id(&mut self.runs, &mut self.known.ids, self.by_half)?) };
        Ok((Spot { author, branch, seq, prev }, len))
    }

    /// Rebuilds one op; returns how many bytes it counts in its segment.
    fn read_op(&mut self, spot: &Spot<'_>) -> Result<usize, OpsFault> {
        let shape = Shape::decode(refer(&mut self.shapes, &mut self.known.shapes, bytes)?)?;
        let hlc = self.read_clock()?;
        let key = refer(&mut self.keys, &mut self.known.keys, text)?;
        let parents = read_ids(&mut self.parents, &mut self.known.ids, self.by_half, 7)?;
        let base = read_ids(&mut self.bases, &mut self.known.ids, self.by_half, 10)?;
        let body = self.read_body(&shape)?;
        let header = Header {
            repo: self.repo,
            branch: spot.branch,
            author: spot.author,
            seq: spot.seq,
            prev: spot.prev,
            hlc,
            parents: Ids::Slice(&parents),
            collection: shape.collection,
            key,
            base: Ids::Slice(&base),
            kind: shape.kind,
            body: None,
            schema: shape.schema,
            actor: shape.actor,
            extra: shape.extra,
        };
        let body_bytes = match body {
            RebuiltBody::None => 0,
            RebuiltBody::Here(_, body) => body.len(),
            RebuiltBody::Named(named) => named.len as usize,
        };
        let op = RebuiltOp::new(header, body)?;
        let segment_bytes = op.header_bytes().len() + body_bytes;
        self.push(op)?;
        Ok(segment_bytes)
    }

    fn read_clock(&mut self) -> Result<Hlc, OpsFault> {
        let (difference, counter) = (unzigzag(self.times.uint()?), self.counters.uint()?);
        let ms = self.last_ms.checked_add_signed(difference).filter(|ms| *ms <= Hlc::MAX.millis().0);
        self.last_ms = ms.filter(|_| counter < 1 << COUNTER_BITS).ok_or(OpsFault::Clock)?;
        Ok(Hlc(self.last_ms << COUNTER_BITS | counter))
    }

    fn read_body(&mut self, shape: &Shape<'_>) -> Result<RebuiltBody<'a>, OpsFault> {
        let Some(format) = shape.format else { return Ok(RebuiltBody::None) };
        match self.bodies.scalar()? {
            Scalar::Bytes(body) => Ok(RebuiltBody::Here(format, body)),
            Scalar::Uint(len) => {
                let len = u32::try_from(len).map_err(|_| HeaderError::OutOfBounds(14))?;
                let hash = ContentHash(*self.bodies.fixed()?);
                Ok(RebuiltBody::Named(BodyRef { format, hash, len }))
            }
            Scalar::Text(_) => Err(CborError::WrongType.into()),
        }
    }

    fn push(&mut self, op: RebuiltOp) -> Result<(), OpsFault> {
        if self.ops.len() == FRAME_OPS_MAX {
            return Err(OpsFault::TooManyOps);
        }
        self.bytes += op.header_bytes().len() + op.body().map_or(0, <[u8]>::len);
        if self.bytes > FRAME_BYTES_MAX {
            return Err(OpsFault::TooLong);
        }
        let id = self.known.ids.add(op.id()).ok_or(OpsFault::Order)?;
        self.repo.get_or_insert(id.into());
        self.ops.push(op);
        Ok(())
    }

    fn finish(self) -> Result<RebuiltBatch, OpsFault> {
        let columns = [self.shapes, self.times, self.counters, self.keys, self.parents, self.bases, self.bodies];
        columns.iter().try_for_each(Reader::end)?;
        if !self.signatures.is_empty() {
            return Err(OpsFault::Signatures);
        }
        match self.repo {
            Some(repo) if !self.ops.is_empty() => Ok(RebuiltBatch { repo, ops: self.ops }),
            _ => Err(OpsFault::Empty),
        }
    }
}

/// The reader behind `key`, which has to stand here.
fn at<'r, 'a>(reader: &'r mut Reader<'a>, key: u64) -> Result<&'r mut Reader<'a>, OpsFault> {
    if reader.uint()? == key { Ok(reader) } else { Err(OpsFault::Fields) }
}

/// A value that is written whole or as the distance back to it.
pub(in crate::link) fn refer<'a, T: Clone + Eq + Hash>(
    column: &mut Reader<'a>,
    known: &mut Table<T>,
    whole: impl FnOnce(Scalar<'a>) -> Option<T>,
) -> Result<T, OpsFault> {
    match column.scalar()? {
        Scalar::Uint(distance) => known.back(distance).ok_or(OpsFault::Reference),
        scalar => known.add(whole(scalar).ok_or(CborError::WrongType)?).ok_or(OpsFault::Repeated),
    }
}

/// A value that is text.
pub(in crate::link) fn text(scalar: Scalar<'_>) -> Option<&str> {
    if let Scalar::Text(text) = scalar { Some(text) } else { None }
}

fn bytes(scalar: Scalar<'_>) -> Option<&[u8]> {
    if let Scalar::Bytes(bytes) = scalar { Some(bytes) } else { None }
}

/// A value that is an author.
pub(in crate::link) fn author(scalar: Scalar<'_>) -> Option<Author> {
    bytes(scalar)?.try_into().ok().map(Author)
}

/// An id that is written whole, by half, or as the distance back to it.
fn refer_id(column: &mut Reader<'_>, known: &mut Table<OpId>, by_half: Option<&ByHalf<'_>>) -> Result<OpId, OpsFault> {
    let id = match (column.scalar()?, by_half) {
        (Scalar::Uint(distance), _) => return known.back(distance).ok_or(OpsFault::Reference),
        (Scalar::Bytes(bytes), Some(by_half)) if bytes.len() == 16 => {
            let half = bytes.try_into().map_err(|_| CborError::WrongType)?;
            by_half(half).ok_or(OpsFault::UnknownHalf)?
        }
        (scalar, _) => bytes(scalar).and_then(|bytes| bytes.try_into().ok().map(OpId)).ok_or(CborError::WrongType)?,
    };
    known.add(id).ok_or(OpsFault::Repeated)
}

fn read_ids(
    column: &mut Reader<'_>,
    known: &mut Table<OpId>,
    by_half: Option<&ByHalf<'_>>,
    key: u8,
) -> Result<Vec<OpId>, OpsFault> {
    let len = column.array()?;
    if len > LINKS_MAX as u64 {
        return Err(HeaderError::OutOfBounds(key).into());
    }
    (0..len).map(|_| refer_id(column, known, by_half)).collect()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}
