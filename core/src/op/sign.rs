//! One change, from bytes to verified.
//!
//! An op earns trust by changing type. [`Unverified`] is what a peer, a file or a disk hands us, and it proves
//! nothing. [`VerifiedOp`] is what the log accepts, and [`Unverified::verify`] is the only way to get one.

use alloc::vec::Vec;

use ed25519_dalek::{Signature as DalekSignature, VerifyingKey};

use super::header::{BodyRef, Header, HeaderError};
use super::id::{Author, ContentHash, OpId};
use super::kind::Format;

/// An Ed25519 signature over [`OpId::signed_message`].
pub type Signature = [u8; 64];

/// An op as it came, which proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unverified<'a> {
    /// What claims to be a header's one encoding.
    pub header: &'a [u8],
    /// What claims to be the body; absent where it was not sent, withheld or redacted, and in a `delete`.
    pub body: Option<&'a [u8]>,
    /// What claims to be the author's signature over the id.
    pub signature: Option<&'a Signature>,
}

/// An op whose header is canonical, whose body is the one that its header names, and whose signature, if it still has
/// one, is its author's. Whether it is *valid* depends on its dependencies, which `admit` looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedOp<'a> {
    id: OpId,
    header: Header<'a>,
    bytes: &'a [u8],
    body: Option<&'a [u8]>,
    signature: Option<&'a Signature>,
}

/// Why an op is refused before its dependencies are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The header is not one that version 1 knows.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The body is not the one that the header names.
    #[error("the body is not the one whose hash and length stand in the header")]
    Body,
}

impl<'a> Unverified<'a> {
    /// Decodes, hashes, and checks the signature with `verify_strict`. A signature that does not hold is dropped: the
    /// op is then as good as one that came without, and may still be covered by a later one of its chain.
    ///
    /// # Errors
    /// [`Refused::Header`] and [`Refused::Body`].
    pub fn verify(self) -> Result<VerifiedOp<'a>, Refused> {
        let mut op = self.rehash()?;
        op.signature = op.signature.filter(|signature| is_signed(&op.header.author, &op.id, signature));
        Ok(op)
    }

    /// Decodes and hashes what this replica's own store kept. The store keeps a signature only after
    /// [`Unverified::verify`] accepted it, so it is not checked again.
    ///
    /// # Errors
    /// [`Refused::Header`] and [`Refused::Body`]: the row is corrupt.
    pub fn rehash(self) -> Result<VerifiedOp<'a>, Refused> {
        let (header, id) = self.hashed()?;
        Ok(VerifiedOp { id, header, bytes: self.header, body: self.body, signature: self.signature })
    }

    /// As [`Unverified::rehash`], for the op in short.
    ///
    /// # Errors
    /// [`Refused::Header`] and [`Refused::Body`].
    pub fn rehash_in_short(self) -> Result<ShortOp<'a>, Refused> {
        self.hashed().map(|(header, id)| ShortOp { id, hlc: header.hlc, op: self })
    }

    fn hashed(&self) -> Result<(Header<'a>, OpId), Refused> {
        let header = Header::decode(self.header)?;
        match body_fits(&header, self.body) {
            true => Ok((header, OpId::of_header(self.header))),
            false => Err(Refused::Body),
        }
    }
}

impl<'a> VerifiedOp<'a> {
    /// The id, computed here.
    pub fn id(&self) -> OpId {
        self.id
    }

    /// The header.
    pub fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// The header's canonical bytes.
    pub fn header_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The body, if it is here.
    pub fn body(&self) -> Option<&'a [u8]> {
        self.body
    }

    /// The author's signature, if it is here; it holds.
    pub fn signature(&self) -> Option<&'a Signature> {
        self.signature
    }

    /// The op as one that a later op of its chain vouches for.
    pub fn without_signature(self) -> VerifiedOp<'a> {
        VerifiedOp { signature: None, ..self }
    }

    /// The key of the total order: the clock, then the id.
    pub fn ord(&self) -> Ord40 {
        Ord40 { hlc: self.header.hlc, id: self.id }
    }
}

/// An op whose header was encoded here, and whose body was hashed here for it, from what came in another form. So its
/// bytes are what they have to be without another look; what is left to be checked is the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebuiltOp {
    id: OpId,
    header: Vec<u8>,
    body: Option<Vec<u8>>,
    /// What claims to be the author's signature over the id.
    pub signature: Option<Signature>,
}

/// What a header says of its body, and the bytes where they are here.
#[derive(Clone, Copy, Debug)]
pub enum RebuiltBody<'a> {
    /// There is none.
    None,
    /// It is here, and hashed when the op is made.
    Here(Format, &'a [u8]),
    /// It is elsewhere.
    Named(BodyRef),
}

impl RebuiltOp {
    /// The op with this header, of which `body` takes the place.
    ///
    /// # Errors
    /// As [`Header::encode`].
    pub fn new(header: Header<'_>, body: RebuiltBody<'_>) -> Result<RebuiltOp, HeaderError> {
        let (named, body) = match body {
            RebuiltBody::None => (None, None),
            RebuiltBody::Here(format, body) => {
                let len = u32::try_from(body.len()).map_err(|_| HeaderError::OutOfBounds(14))?;
                (Some(BodyRef { format, hash: ContentHash::of(body), len }), Some(body))
            }
            RebuiltBody::Named(named) => (Some(named), None),
        };
        let header = Header { body: named, ..header }.encode()?;
        Ok(RebuiltOp { id: OpId::of_header(&header), header, body: body.map(<[u8]>::to_vec), signature: None })
    }

    /// A copy of a verified op.
    pub fn of(op: &VerifiedOp<'_>) -> RebuiltOp {
        RebuiltOp {
            id: op.id,
            header: op.bytes.to_vec(),
            body: op.body.map(<[u8]>::to_vec),
            signature: op.signature.copied(),
        }
    }

    /// The id, computed here.
    pub fn id(&self) -> OpId {
        self.id
    }

    /// The header's canonical bytes.
    pub fn header_bytes(&self) -> &[u8] {
        &self.header
    }

    /// The body, if it is here.
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// Checks the signature as [`Unverified::verify`] does, and nothing else. Never none, since the bytes are a header.
    pub fn verify(&self) -> Option<VerifiedOp<'_>> {
        let header = Header::decode(&self.header).ok()?;
        let signature = self.signature.as_ref().filter(|signature| is_signed(&header.author, &self.id, signature));
        Some(VerifiedOp { id: self.id, header, bytes: &self.header, body: self.body.as_deref(), signature })
    }

    /// Its header, body and signature.
    pub fn into_parts(self) -> (Vec<u8>, Option<Vec<u8>>, Option<Signature>) {
        (self.header, self.body, self.signature)
    }
}

/// A verified op in short, for whoever keeps many: what its bytes say is read again when it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortOp<'a> {
    id: OpId,
    hlc: crate::time::Hlc,
    op: Unverified<'a>,
}

impl<'a> ShortOp<'a> {
    /// The id, computed here.
    pub fn id(&self) -> OpId {
        self.id
    }

    /// The header's canonical bytes.
    pub fn header_bytes(&self) -> &'a [u8] {
        self.op.header
    }

    /// The op at length. Never none, since the bytes were read before.
    pub fn read(&self) -> Option<VerifiedOp<'a>> {
        let Unverified { header: bytes, body, signature } = self.op;
        Header::decode(bytes).ok().map(|header| VerifiedOp { id: self.id, header, bytes, body, signature })
    }

    /// The key of the total order: the clock, then the id.
    pub fn ord(&self) -> Ord40 {
        Ord40 { hlc: self.hlc, id: self.id }
    }
}

/// `ord(op)`: the total order of ops, which is a causal order because a valid op's clock exceeds its dependencies'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ord40 {
    /// The clock decides.
    pub hlc: crate::time::Hlc,
    /// Among equal clocks, the id.
    pub id: OpId,
}

impl Ord40 {
    /// The 40 bytes whose order is the order of ops in every runtime.
    pub fn to_bytes(self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..8].copy_from_slice(&self.hlc.0.to_be_bytes());
        bytes[8..].copy_from_slice(&self.id.0);
        bytes
    }
}

/// Whether `signature` over `message` is by the holder of `author`, as strictly as RFC 8032 allows: no small-order
/// keys, no malleable signatures, the same verdict on every replica.
pub fn is_signed_message(author: &Author, message: &[u8], signature: &Signature) -> bool {
    let verify = if planted!(LooseSignatures) { ed25519_dalek::Verifier::verify } else { VerifyingKey::verify_strict };
    VerifyingKey::from_bytes(&author.0)
        .is_ok_and(|key| verify(&key, message, &DalekSignature::from_bytes(signature)).is_ok())
}

fn is_signed(author: &Author, id: &OpId, signature: &Signature) -> bool {
    is_signed_message(author, &id.signed_message(), signature)
}

fn body_fits(header: &Header<'_>, body: Option<&[u8]>) -> bool {
    body.is_none_or(|body| header.names_body(body))
}
