//! Ops made by hand: a draft with every field in the open, sealed and signed into the bytes that replicas exchange.

use ed25519_dalek::{Signer, SigningKey};
use trellis_core::log::row::StoredOp;
use trellis_core::op::header::{BodyRef, Header, Ids};
use trellis_core::op::id::{Author, ContentHash, OpId, RepoId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::op::sign::{Ord40, Signature, Unverified};
use trellis_core::time::Hlc;

/// The test key of a name: the same everywhere, and worthless.
pub fn key(name: &str) -> SigningKey {
    SigningKey::from_bytes(blake3::hash(format!("trellis test key: {name}").as_bytes()).as_bytes())
}

/// The author that a key signs for.
pub fn author(key: &SigningKey) -> Author {
    Author(key.verifying_key().to_bytes())
}

/// An op as replicas exchange it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedOp {
    /// Computed from the header.
    pub id: OpId,
    /// The canonical bytes.
    pub header: Vec<u8>,
    /// The body, where it is here.
    pub body: Option<Vec<u8>>,
    /// The author's signature, where it is here.
    pub signature: Option<Signature>,
}

impl SealedOp {
    /// The fields.
    ///
    /// # Panics
    /// If the bytes are not canonical, which [`Draft::seal`] excludes.
    pub fn header(&self) -> Header<'_> {
        Header::decode(&self.header).expect("a sealed header decodes")
    }

    /// What a peer would hand over.
    pub fn unverified(&self) -> Unverified<'_> {
        Unverified { header: &self.header, body: self.body.as_deref(), signature: self.signature.as_ref() }
    }

    /// The op as a store or a frame hands it over.
    pub fn stored(&self) -> StoredOp {
        StoredOp { header: self.header.clone(), body: self.body.clone(), signature: self.signature }
    }

    /// Its place in the total order.
    pub fn ord(&self) -> Ord40 {
        Ord40 { hlc: self.header().hlc, id: self.id }
    }

    /// The op with its author's signature.
    pub fn signed(mut self, key: &SigningKey) -> SealedOp {
        self.signature = Some(key.sign(&self.id.signed_message()).to_bytes());
        self
    }

    /// The op without its body: not fetched, withheld or redacted.
    pub fn bodyless(mut self) -> SealedOp {
        self.body = None;
        self
    }
}

/// An op that is not sealed yet. Lists of ids may come in any order; sealing sorts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Absent in a genesis op.
    pub repo: Option<RepoId>,
    /// The branch.
    pub branch: String,
    /// The author.
    pub author: Author,
    /// The place in the chain.
    pub seq: u32,
    /// The op before it.
    pub prev: Option<OpId>,
    /// The clock.
    pub hlc: Hlc,
    /// The heads that the author saw.
    pub parents: Vec<OpId>,
    /// The entity's collection.
    pub collection: String,
    /// The entity's key.
    pub key: String,
    /// The writes that it replaces.
    pub base: Vec<OpId>,
    /// What it does.
    pub kind: Kind,
    /// What the body is, and its bytes.
    pub body: Option<(Format, Vec<u8>)>,
    /// The schema version, where it is not 1.
    pub schema: Option<u64>,
    /// On whose behalf.
    pub actor: Option<String>,
}

impl Draft {
    /// The op that begins a repo.
    pub fn genesis(owner: Author, name: &str, nonce: u64, hlc: Hlc) -> Draft {
        let body = format!("{{\"name\":\"{name}\",\"nonce\":\"{nonce:064x}\"}}");
        Draft {
            repo: None,
            branch: "_repo".into(),
            author: owner,
            seq: 1,
            prev: None,
            hlc,
            parents: Vec::new(),
            collection: "_repo".into(),
            key: "genesis".into(),
            base: Vec::new(),
            kind: Kind::Put,
            body: Some((Format::Json, body.into_bytes())),
            schema: None,
            actor: None,
        }
    }

    /// The first op of `author` on `branch`: a `put` of `{}` on `notes/1`, one tick after `parent`, which it follows.
    pub fn first(repo: RepoId, author: Author, branch: &str, parent: &SealedOp) -> Draft {
        Draft {
            repo: Some(repo),
            branch: branch.into(),
            author,
            seq: 1,
            prev: None,
            hlc: Hlc(parent.header().hlc.0 + 1),
            parents: vec![parent.id],
            collection: "notes".into(),
            key: "1".into(),
            base: Vec::new(),
            kind: Kind::Put,
            body: Some((Format::Json, b"{}".to_vec())),
            schema: None,
            actor: None,
        }
    }

    /// The draft that `op` was sealed from. A body that is not here is `{}` from now on.
    pub fn of(op: &SealedOp) -> Draft {
        let header = op.header();
        let body = op.body.clone().unwrap_or(b"{}".to_vec());
        Draft {
            repo: header.repo,
            branch: header.branch.into(),
            author: header.author,
            seq: header.seq,
            prev: header.prev,
            hlc: header.hlc,
            parents: header.parents.iter().collect(),
            collection: header.collection.into(),
            key: header.key.into(),
            base: header.base.iter().collect(),
            kind: header.kind,
            body: header.body.map(|named| (named.format, body)),
            schema: header.schema,
            actor: header.actor.map(String::from),
        }
    }

    /// The unsigned op.
    ///
    /// # Panics
    /// If a field is out of the bounds of ops.md.
    pub fn seal(&self) -> SealedOp {
        let parents = ascending(&self.parents);
        let base = ascending(&self.base);
        let header = Header {
            repo: self.repo,
            branch: &self.branch,
            author: self.author,
            seq: self.seq,
            prev: self.prev,
            hlc: self.hlc,
            parents: Ids::Slice(&parents),
            collection: &self.collection,
            key: &self.key,
            base: Ids::Slice(&base),
            kind: self.kind,
            body: self.body.as_ref().map(|(format, bytes)| BodyRef {
                format: *format,
                hash: ContentHash::of(bytes),
                len: bytes.len() as u32,
            }),
            schema: self.schema,
            actor: self.actor.as_deref(),
            extra: Vec::new(),
        };
        let header = header.encode().expect("the draft's fields are within bounds");
        let body = self.body.as_ref().map(|(_, bytes)| bytes.clone());
        SealedOp { id: OpId::of_header(&header), header, body, signature: None }
    }
}

fn ascending(ids: &[OpId]) -> Vec<OpId> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    ids
}
