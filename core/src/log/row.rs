//! A batch of records as a store keeps it: one row, written in one transaction, read back verbatim.
//!
//! A row has two columns, so that opening a repo reads `headers` and leaves `bodies` on disk. Its digest covers the
//! ids, the signatures and which bodies are here; bodies are covered by the hashes in their headers.

use alloc::vec::Vec;

use crate::op::id::OpId;
use crate::op::sign::{Signature, Unverified, VerifiedOp};
pub use crate::op::stored::StoredOp;

/// What stands before the records of a row when its digest is hashed.
const ROW_CONTEXT: &[u8] = b"trellis/row/1\n";

const OP: u8 = 0;
const SIGNATURE: u8 = 1;
const BODY: u8 = 2;
const HAS_SIGNATURE: u8 = 0x40;
const HAS_BODY: u8 = 0x80;

/// Where an op lies in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The local sequence of the row.
    pub row: u32,
    /// Where its record begins in `headers`.
    pub header_at: u32,
    /// Where its body begins in `bodies`, if it has one there.
    pub body_at: u32,
}

/// Whether this store sealed a row's ops itself. Only such ops may be continued by our own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Written here.
    Local,
    /// Received or imported.
    Remote,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The local sequence: 1, 2, 3, ... without gaps.
    pub seq: u32,
    /// Who sealed its ops.
    pub origin: Origin,
    /// The records, without bodies.
    pub headers: Vec<u8>,
    /// The bodies, one after the other.
    pub bodies: Vec<u8>,
    /// What [`RowBuilder::finish`] computed; a row whose digest differs is corrupt.
    pub digest: [u8; 32],
}

/// One record of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all records are ops, and a box for each would slow opening")]
pub enum Record<'a> {
    /// An op, with its place and whether its body is in the row. The body itself was not read.
    Op {
        /// The op, rehashed, without its body.
        op: VerifiedOp<'a>,
        /// Where it lies.
        place: Place,
        /// Whether `bodies` has its body.
        has_body: bool,
    },
    /// A verified signature of an op of an earlier row.
    Signature(OpId, &'a Signature),
    /// A body, in this row's `bodies`, of an op of an earlier row: its place and length.
    Body {
        /// The op.
        id: OpId,
        /// Where the body begins, with `header_at` at this record.
        place: Place,
        /// Its length in bytes.
        len: u32,
    },
}

/// A row whose bytes are not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row} of the store does not hold what was written to it")]
pub struct CorruptRow {
    /// The row's local sequence.
    pub row: u32,
}

/// Builds one row, record by record.
#[derive(Debug)]
pub struct RowBuilder {
    seq: u32,
    origin: Origin,
    headers: Vec<u8>,
    bodies: Vec<u8>,
    digest: blake3::Hasher,
}

impl RowBuilder {
    /// An empty row at `seq`.
    pub fn new(seq: u32, origin: Origin) -> RowBuilder {
        let mut digest = blake3::Hasher::new();
        digest.update(ROW_CONTEXT);
        RowBuilder { seq, origin, headers: Vec::new(), bodies: Vec::new(), digest }
    }

    /// Adds an op with what it has; returns where it lies.
    pub fn push_op(&mut self, op: &VerifiedOp<'_>) -> Place {
        let place = self.place();
        let has_signature = if op.signature().is_some() { HAS_SIGNATURE } else { 0 };
        let has_body = if op.body().is_some() { HAS_BODY } else { 0 };
        let tag = OP | has_signature | has_body;
        self.headers.push(tag);
        self.headers.extend_from_slice(&(op.header_bytes().len() as u16).to_be_bytes());
        self.headers.extend_from_slice(op.header_bytes());
        self.digest.update(&[tag]).update(&op.id().0);
        if let Some(signature) = op.signature() {
            self.headers.extend_from_slice(signature);
            self.digest.update(signature);
        }
        self.bodies.extend_from_slice(op.body().unwrap_or_default());
        place
    }

    /// Adds a verified signature of an op that an earlier row holds.
    pub fn push_signature(&mut self, id: OpId, signature: &Signature) {
        self.headers.push(SIGNATURE);
        self.headers.extend_from_slice(&id.0);
        self.headers.extend_from_slice(signature);
        self.digest.update(&[SIGNATURE]).update(&id.0).update(signature);
    }

    /// Adds the body of an op that an earlier row holds without it; returns where it lies.
    pub fn push_body(&mut self, id: OpId, body: &[u8]) -> Place {
        let place = self.place();
        let len = (body.len() as u32).to_be_bytes();
        self.headers.push(BODY);
        self.headers.extend_from_slice(&id.0);
        self.headers.extend_from_slice(&len);
        self.digest.update(&[BODY]).update(&id.0).update(&len);
        self.bodies.extend_from_slice(body);
        place
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// The row.
    pub fn finish(self) -> Row {
        let digest = *self.digest.finalize().as_bytes();
        Row { seq: self.seq, origin: self.origin, headers: self.headers, bodies: self.bodies, digest }
    }

    fn place(&self) -> Place {
        Place { row: self.seq, header_at: self.headers.len() as u32, body_at: self.bodies.len() as u32 }
    }
}

/// Reads every record of a row's `headers` and checks the digest; `visit` sees them in order.
///
/// # Errors
/// [`CorruptRow`] where a record or the digest is not what was written. `visit` may have seen records by then: the
/// caller keeps nothing of them.
pub fn read_row<'a>(
    seq: u32,
    headers: &'a [u8],
    digest: &[u8; 32],
    mut visit: impl FnMut(Record<'a>),
) -> Result<(), CorruptRow> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(ROW_CONTEXT);
    for record in Records::of(seq, headers) {
        let record = record?;
        hash_record(&mut hasher, &record);
        visit(record);
    }
    if hasher.finalize().as_bytes() == digest { Ok(()) } else { Err(CorruptRow { row: seq }) }
}

/// The records of a row's `headers`, in order, up to one that is damaged. Nobody checks the digest.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    headers: &'a [u8],
    /// Where the next record and its body begin.
    next: Place,
}

impl<'a> Records<'a> {
    /// The records of this row.
    pub fn of(seq: u32, headers: &'a [u8]) -> Records<'a> {
        Records { headers, next: Place { row: seq, header_at: 0, body_at: 0 } }
    }

    fn read(&mut self, bytes: &'a [u8]) -> Option<Record<'a>> {
        let (record, len, tail) = read_record(self.next, bytes)?;
        self.next.header_at = (self.headers.len() - tail.len()) as u32;
        self.next.body_at = self.next.body_at.checked_add(len)?;
        Some(record)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, CorruptRow>;

    fn next(&mut self) -> Option<Result<Record<'a>, CorruptRow>> {
        let rest = self.headers.get(self.next.header_at as usize..).filter(|rest| !rest.is_empty())?;
        let read = self.read(rest).ok_or(CorruptRow { row: self.next.row });
        if read.is_err() {
            self.headers = &[];
        }
        Some(read)
    }
}

/// Reads the record at the start of `bytes`; returns it, the length of its body in `bodies`, and the bytes behind it.
pub fn read_record(place: Place, bytes: &[u8]) -> Option<(Record<'_>, u32, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    match tag & !(HAS_SIGNATURE | HAS_BODY) {
        OP => {
            let (len, rest) = rest.split_first_chunk::<2>()?;
            let (header, rest) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
            let (signature, rest) = match tag & HAS_SIGNATURE {
                0 => (None, rest),
                _ => rest.split_first_chunk::<64>().map(|(signature, rest)| (Some(signature), rest))?,
            };
            let op = Unverified { header, body: None, signature }.rehash().ok()?;
            let has_body = tag & HAS_BODY != 0;
            let len = if has_body { op.header().body?.len } else { 0 };
            Some((Record::Op { op, place, has_body }, len, rest))
        }
        SIGNATURE => {
            let (id, rest) = rest.split_first_chunk::<32>()?;
            let (signature, rest) = rest.split_first_chunk::<64>()?;
            (tag == SIGNATURE).then_some((Record::Signature(OpId(*id), signature), 0, rest))
        }
        BODY => {
            let (id, rest) = rest.split_first_chunk::<32>()?;
            let (len, rest) = rest.split_first_chunk::<4>()?;
            let len = u32::from_be_bytes(*len);
            (tag == BODY).then_some((Record::Body { id: OpId(*id), place, len }, len, rest))
        }
        _ => None,
    }
}

fn hash_record(hasher: &mut blake3::Hasher, record: &Record<'_>) {
    match record {
        Record::Op { op, has_body, .. } => {
            let has_signature = if op.signature().is_some() { HAS_SIGNATURE } else { 0 };
            let tag = OP | has_signature | if *has_body { HAS_BODY } else { 0 };
            hasher.update(&[tag]).update(&op.id().0);
            op.signature().map(|signature| hasher.update(signature));
        }
        Record::Signature(id, signature) => {
            hasher.update(&[SIGNATURE]).update(&id.0).update(*signature);
        }
        Record::Body { id, len, .. } => {
            hasher.update(&[BODY]).update(&id.0).update(&len.to_be_bytes());
        }
    }
}
