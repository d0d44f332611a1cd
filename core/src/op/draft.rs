//! A change that is about to be made: what its author decides, and where it is going to stand.

use alloc::vec::Vec;

use super::body::{BodyError, encode_json};
use super::header::{BodyRef, GENESIS_KEY, Header, HeaderError, Ids, REPO_BRANCH};
use super::hex;
use super::id::{Author, ContentHash, OpId, RepoId};
use super::json::Value;
use super::kind::{Format, Kind};
use super::sign::{Signature, Unverified};
use crate::sort;
use crate::time::Hlc;

/// What an author decides about an op.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The branch.
    pub branch: &'a str,
    /// The collection.
    pub collection: &'a str,
    /// The key.
    pub key: &'a str,
    /// What it does.
    pub kind: Kind,
    /// The body and its format.
    pub body: Option<(Format, &'a [u8])>,
    /// The writes that it replaces, in any order; the caller keeps them within the limit.
    pub base: &'a [OpId],
    /// On whose behalf.
    pub actor: Option<&'a str>,
}

/// Where an op is going to stand.
#[derive(Clone, Copy, Debug)]
pub struct Spot<'a> {
    /// The repo; none for its genesis.
    pub repo: Option<RepoId>,
    /// Who writes it.
    pub author: Author,
    /// The op before it on its chain, with that one's `seq`.
    pub prev: Option<(OpId, u32)>,
    /// The heads that the author sees, in any order; the caller keeps them within the limit.
    pub parents: &'a [OpId],
    /// Its clock.
    pub hlc: Hlc,
}

/// An op with its id, which may still lack a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedOp {
    /// Its id.
    pub id: OpId,
    /// The header's bytes.
    pub header: Vec<u8>,
    /// The body's bytes.
    pub body: Option<Vec<u8>>,
    /// The author's signature.
    pub signature: Option<Signature>,
}

impl SealedOp {
    /// The op as one that is still to be verified: our own take the same way as everybody's.
    pub fn unverified(&self) -> Unverified<'_> {
        Unverified { header: &self.header, body: self.body.as_deref(), signature: self.signature.as_ref() }
    }

    /// Bytes of header and body, as segments count them.
    pub fn bytes(&self) -> usize {
        self.header.len() + self.body.as_ref().map_or(0, Vec::len)
    }
}

/// The body of a repo's first op.
///
/// # Errors
/// [`BodyError::TooLong`] for a name that is.
pub fn genesis_body(name: &str, nonce: &[u8; 32]) -> Result<Vec<u8>, BodyError> {
    encode_json(&Value::object([("name", Value::from(name)), ("nonce", hex::encode(nonce).into())]))
}

impl<'a> Draft<'a> {
    /// A repo's first op, with a body of [`genesis_body`].
    pub fn genesis(body: &'a [u8]) -> Draft<'a> {
        Draft {
            branch: REPO_BRANCH,
            collection: REPO_BRANCH,
            key: GENESIS_KEY,
            kind: Kind::Put,
            body: Some((Format::Json, body)),
            base: &[],
            actor: None,
        }
    }
}

impl Draft<'_> {
    /// Makes the canonical bytes and the id.
    ///
    /// # Errors
    /// [`HeaderError`] where a name or a list is out of its bounds.
    pub fn seal(&self, spot: Spot<'_>) -> Result<SealedOp, HeaderError> {
        let (parents, base) = (ascending(spot.parents), ascending(self.base));
        let body = self.body.map(|(format, bytes)| BodyRef {
            format,
            hash: ContentHash::of(bytes),
            len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        });
        let header = Header {
            repo: spot.repo,
            branch: self.branch,
            author: spot.author,
            seq: spot.prev.map_or(1, |(_, seq)| seq.saturating_add(1)),
            prev: spot.prev.map(|(id, _)| id),
            hlc: spot.hlc,
            parents: Ids::Slice(&parents),
            collection: self.collection,
            key: self.key,
            base: Ids::Slice(&base),
            kind: self.kind,
            body,
            schema: None,
            actor: self.actor,
            extra: Vec::new(),
        };
        let header = header.encode()?;
        let body = self.body.map(|(_, bytes)| bytes.to_vec());
        Ok(SealedOp { id: OpId::of_header(&header), header, body, signature: None })
    }
}

fn ascending(ids: &[OpId]) -> Vec<OpId> {
    let mut ids = ids.to_vec();
    sort::ascending(&mut ids);
    ids.dedup();
    ids
}
