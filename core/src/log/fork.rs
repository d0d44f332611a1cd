//! Fork proofs: bytes that show, without a graph or a store, that an author put two ops into one place of a chain.
//!
//! A side is the header of an op and those that follow it on its chain, up to one that the author signed. Ids commit to
//! `prev`, so that signature vouches for the first header, and two sides for one place can only come from the
//! author's key. Whether the ops are *valid* is not proven: that takes their dependencies.

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::{SEGMENT_BYTES_MAX, SEGMENT_OPS_MAX};
use crate::op::cbor::{CborError, Reader, Writer};
use crate::op::header::{Header, HeaderError};
use crate::op::id::{Author, OpId, RepoId};
use crate::op::sign::{Signature, is_signed_message};

/// The text that every fork proof begins with.
pub const FORK_CONTEXT: &str = "trellis/fork/1";

/// Two ops with one place in an author's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The repo.
    pub repo: RepoId,
    /// The branch.
    pub branch: String,
    /// Whose chain.
    pub author: Author,
    /// The place that both have.
    pub seq: u32,
    /// The two, ascending.
    pub ops: [OpId; 2],
}

/// What shows a fork to somebody who has none of the ops. It claims; [`ForkProof::verify`] tells whether it proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkProof {
    sides: [Side; 2],
}

/// One of the two ops, and what vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The op's header, and those behind it on its chain up to one that is signed: at most [`SEGMENT_OPS_MAX`], with
    /// at most [`SEGMENT_BYTES_MAX`] bytes.
    pub headers: Vec<Vec<u8>>,
    /// The author's signature of the last one.
    pub signature: Signature,
}

/// Why bytes are no fork proof, or prove no fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForkProofError {
    /// Not the one encoding.
    #[error("it is not deterministic CBOR: {0}")]
    Cbor(#[from] CborError),
    /// Well-formed CBOR of something else, or a proof of a later version.
    #[error("it is not an array of \"trellis/fork/1\" and two sides")]
    NotAProof,
    /// A side without a header.
    #[error("a side has no header")]
    Empty,
    /// A side that is larger than what one signature may vouch for.
    #[error("a side has more than 1024 headers or more than 524288 bytes of them")]
    TooLarge,
    /// The sides are not ascending by the ids of their first headers, or they are one op.
    #[error("the sides are not two ops in ascending order")]
    Order,
    /// A header that is none.
    #[error("a header cannot be read: {0}")]
    Header(#[from] HeaderError),
    /// A header that is not the next of its chain.
    #[error("a header does not follow the one before it on its chain")]
    Chain,
    /// Ops of two repos.
    #[error("the two ops are of different repos")]
    RepoMismatch,
    /// Ops of two branches, of two authors, or of two places in a chain.
    #[error("the two ops do not have one place in one author's chain")]
    Place,
    /// A signature that does not hold.
    #[error("a signature does not hold under the author's key")]
    Signature,
}

impl ForkProof {
    /// The proof that two sides make, in any order.
    ///
    /// # Errors
    /// [`ForkProofError::Empty`], [`ForkProofError::TooLarge`], and [`ForkProofError::Order`] for one op twice.
    pub fn new(one: Side, other: Side) -> Result<ForkProof, ForkProofError> {
        let sides = if one.op()? < other.op()? { [one, other] } else { [other, one] };
        ForkProof::checked(sides)
    }

    /// Reads the one encoding of a proof.
    ///
    /// # Errors
    /// [`ForkProofError`], but never of headers, chains, places and signatures: those are not looked at.
    pub fn decode(bytes: &[u8]) -> Result<ForkProof, ForkProofError> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != 3 || reader.text()? != FORK_CONTEXT {
            return Err(ForkProofError::NotAProof);
        }
        let sides = [Side::read(&mut reader)?, Side::read(&mut reader)?];
        reader.end()?;
        ForkProof::checked(sides)
    }

    fn checked(sides: [Side; 2]) -> Result<ForkProof, ForkProofError> {
        if sides.iter().any(Side::is_too_large) {
            return Err(ForkProofError::TooLarge);
        }
        if sides[0].op()? < sides[1].op()? { Ok(ForkProof { sides }) } else { Err(ForkProofError::Order) }
    }

    /// The one encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(3).text(FORK_CONTEXT);
        self.sides.iter().for_each(|side| side.write(&mut writer));
        writer.finish()
    }

    /// What the proof proves. Needs nothing but the bytes, and checks all of them.
    ///
    /// # Errors
    /// [`ForkProofError`] of headers, chains, repos, places and signatures.
    pub fn verify(&self) -> Result<Fork, ForkProofError> {
        let [one, other] = [self.sides[0].verify()?, self.sides[1].verify()?];
        if one.repo != other.repo {
            return Err(ForkProofError::RepoMismatch);
        }
        if (one.branch, one.author, one.seq) != (other.branch, other.author, other.seq) {
            return Err(ForkProofError::Place);
        }
        Ok(Fork {
            repo: one.repo,
            branch: one.branch.into(),
            author: one.author,
            seq: one.seq,
            ops: [one.id, other.id],
        })
    }
}

/// An op's place in its chain.
#[derive(Clone, Copy)]
struct Link<'a> {
    id: OpId,
    repo: RepoId,
    branch: &'a str,
    author: Author,
    seq: u32,
    prev: Option<OpId>,
}

impl<'a> Link<'a> {
    fn read(header: &'a [u8]) -> Result<Link<'a>, ForkProofError> {
        let id = OpId::of_header(header);
        let Header { repo, branch, author, seq, prev, .. } = Header::decode(header)?;
        Ok(Link { id, repo: repo.unwrap_or_else(|| id.into()), branch, author, seq, prev })
    }

    fn follows(&self, before: &Link<'_>) -> bool {
        self.prev == Some(before.id)
            && Some(self.seq) == before.seq.checked_add(1)
            && (self.repo, self.branch, self.author) == (before.repo, before.branch, before.author)
    }
}

impl Side {
    /// The op that the side is about.
    fn op(&self) -> Result<OpId, ForkProofError> {
        self.headers.first().map(|header| OpId::of_header(header)).ok_or(ForkProofError::Empty)
    }

    fn is_too_large(&self) -> bool {
        let bytes: usize = self.headers.iter().map(Vec::len).sum();
        self.headers.len() > SEGMENT_OPS_MAX || bytes > SEGMENT_BYTES_MAX
    }

    /// The first header's link, if the rest of the side vouches for it.
    fn verify(&self) -> Result<Link<'_>, ForkProofError> {
        let (first, rest) = self.headers.split_first().ok_or(ForkProofError::Empty)?;
        let first = Link::read(first)?;
        let mut last = first;
        for header in rest {
            let next = Link::read(header)?;
            if !next.follows(&last) {
                return Err(ForkProofError::Chain);
            }
            last = next;
        }
        match is_signed_message(&first.author, &last.id.signed_message(), &self.signature) {
            true => Ok(first),
            false => Err(ForkProofError::Signature),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Side, ForkProofError> {
        if reader.array()? != 2 {
            return Err(ForkProofError::NotAProof);
        }
        let count = reader.array()?;
        if count > SEGMENT_OPS_MAX as u64 {
            return Err(ForkProofError::TooLarge);
        }
        let mut headers = Vec::new();
        for _ in 0..count {
            headers.push(reader.bytes()?.to_vec());
        }
        Ok(Side { headers, signature: *reader.fixed()? })
    }

    fn write(&self, writer: &mut Writer) {
        writer.array(2).array(self.headers.len());
        for header in &self.headers {
            writer.bytes(header);
        }
        writer.bytes(&self.signature);
    }
}
