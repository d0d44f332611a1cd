//! The header of an op: sixteen fields, one encoding, and the bytes that an op's id is the hash of.
//!
//! Decoding borrows from the bytes and accepts only what [`Header::encode`] would write again, so a header and its
//! bytes are interchangeable.

use alloc::vec::Vec;

use super::cbor::{CborError, Reader, Scalar, Writer};
use super::id::{Author, ContentHash, OpId, RepoId};
use super::kind::{Format, Kind};
use crate::limits::{BODY_BYTES_MAX, HEADER_BYTES_MAX, KEY_BYTES_MAX, LINKS_MAX, NAME_BYTES_MAX};
use crate::time::Hlc;

/// The branch that the engine's own entities stand on, and the collection and key of the op that begins a repo.
pub const REPO_BRANCH: &str = "_repo";
/// The key of the genesis op.
pub const GENESIS_KEY: &str = "genesis";
/// The collection of `merge` ops.
pub const BRANCH_COLLECTION: &str = "_branch";

/// The header of one op, borrowed from its bytes or from a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The repo; absent only in the genesis op.
    pub repo: Option<RepoId>,
    /// The branch that the op stands on.
    pub branch: &'a str,
    /// Who wrote it.
    pub author: Author,
    /// Its place in the author's chain on the branch, from 1.
    pub seq: u32,
    /// The op at `seq - 1`; absent at 1.
    pub prev: Option<OpId>,
    /// Its clock.
    pub hlc: Hlc,
    /// The heads of the branch as the author saw them, ascending.
    pub parents: Ids<'a>,
    /// The collection of the entity.
    pub collection: &'a str,
    /// The key of the entity in its collection.
    pub key: &'a str,
    /// The writes to the entity that this op replaces, ascending.
    pub base: Ids<'a>,
    /// What it does.
    pub kind: Kind,
    /// What its body is; absent in a `delete`.
    pub body: Option<BodyRef>,
    /// The schema version of the entity, where it is not 1.
    pub schema: Option<u64>,
    /// On whose behalf, if not the author's own.
    pub actor: Option<&'a str>,
    /// Header keys 17 to 23, of later versions, ascending.
    pub extra: Vec<(u8, Scalar<'a>)>,
}

/// What a header says of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyRef {
    /// What the bytes are.
    pub format: Format,
    /// BLAKE3-256 of the bytes.
    pub hash: ContentHash,
    /// How many bytes, at most [`BODY_BYTES_MAX`].
    pub len: u32,
}

/// Ids in ascending order, borrowed from CBOR or from a slice.
#[derive(Clone, Copy)]
pub enum Ids<'a> {
    /// Encoded items, 34 bytes each.
    Encoded(&'a [u8]),
    /// Ids in memory.
    Slice(&'a [OpId]),
}

/// An id in CBOR: two bytes of head, 32 of id.
const ENCODED_ID_BYTES: usize = 34;
/// What a header needs at most without the ids of its lists, its texts and extra fields: four times 35 bytes of hashes and
/// keys, and heads and integers of at most 9.
const PLAIN_BYTES_MAX: usize = 224;

impl<'a> Ids<'a> {
    /// No ids.
    pub const NONE: Ids<'static> = Ids::Slice(&[]);

    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Ids::Encoded(bytes) => bytes.len() / ENCODED_ID_BYTES,
            Ids::Slice(ids) => ids.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids, ascending.
    pub fn iter(&self) -> impl Iterator<Item = OpId> + use<'a> {
        let (encoded, slice): (&[u8], &[OpId]) = match *self {
            Ids::Encoded(bytes) => (bytes, &[]),
            Ids::Slice(ids) => (&[], ids),
        };
        let decoded = encoded.chunks_exact(ENCODED_ID_BYTES).filter_map(|item| item[2..].try_into().ok().map(OpId));
        decoded.chain(slice.iter().copied())
    }
}

impl core::fmt::Debug for Ids<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for Ids<'_> {
    fn eq(&self, other: &Ids<'_>) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Ids<'_> {}

/// Why bytes are not a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A version of the header that this program does not know: the op is held, never refused.
    #[error("the header has version {0}, which this program does not know")]
    Version(u64),
    /// Not the one encoding.
    #[error("the header is not deterministic CBOR: {0}")]
    Cbor(#[from] CborError),
    /// A field that headers of version 1 do not have.
    #[error("header key {0} is not known")]
    UnknownKey(u64),
    /// A field that every header has is absent.
    #[error("header key {0} is absent")]
    Absent(u8),
    /// A field is out of its bounds, empty where it may not be, or not ascending.
    #[error("header key {0} is out of its bounds")]
    OutOfBounds(u8),
    /// More than [`HEADER_BYTES_MAX`] bytes.
    #[error("the header is longer than 16384 bytes")]
    TooLong,
}

impl<'a> Header<'a> {
    /// Reads the one encoding of a header.
    ///
    /// # Errors
    /// [`HeaderError::Version`] where only the version is unknown, and any other for bytes that no version-1 replica
    /// would write.
    pub fn decode(bytes: &'a [u8]) -> Result<Header<'a>, HeaderError> {
        if bytes.len() > HEADER_BYTES_MAX {
            return Err(HeaderError::TooLong);
        }
        let mut fields = Fields { reader: Reader::new(bytes), left: 0, next: None };
        fields.left = fields.reader.map()?;
        fields.advance()?;
        let version = fields.required(0, Reader::uint)?;
        if version != 1 {
            return Err(HeaderError::Version(version));
        }
        let header = Header {
            repo: fields.optional(1, fixed)?.map(RepoId),
            branch: fields.required(2, Reader::text).and_then(|branch| name(2, branch, 1, NAME_BYTES_MAX))?,
            author: Author(fields.required(3, fixed)?),
            seq: fields.required(4, Reader::uint).and_then(seq)?,
            prev: fields.optional(5, fixed)?.map(OpId),
            hlc: fields.required(6, Reader::uint).and_then(hlc)?,
            parents: fields.ids(7)?,
            collection: fields.required(8, Reader::text).and_then(|text| name(8, text, 1, NAME_BYTES_MAX))?,
            key: fields.required(9, Reader::text).and_then(|text| name(9, text, 1, KEY_BYTES_MAX))?,
            base: fields.ids(10)?,
            kind: Kind::from_code(fields.required(11, Reader::uint)?),
            body: fields.body()?,
            schema: fields.optional(15, Reader::uint)?.map(schema).transpose()?,
            actor: fields.optional(16, Reader::text)?.map(|text| name(16, text, 0, NAME_BYTES_MAX)).transpose()?,
            extra: fields.extra()?,
        };
        match fields.next {
            Some(key) => Err(HeaderError::UnknownKey(key)),
            None => Ok(fields.reader.end().map(|()| header)?),
        }
    }

    /// The one encoding of this header.
    ///
    /// # Errors
    /// [`HeaderError::OutOfBounds`] and [`HeaderError::TooLong`] for fields that no header may carry.
    pub fn encode(&self) -> Result<Vec<u8>, HeaderError> {
        let bytes = self.encode_unchecked();
        if self.extra.is_empty() {
            return self.check(bytes.len()).map(|()| bytes);
        }
        let decoded = Header::decode(&bytes)?;
        if decoded == *self { Ok(bytes) } else { Err(HeaderError::Cbor(CborError::NotCanonical)) }
    }

    /// What reading the encoding would say, but for extra fields: in the order of the fields, the first that no header may
    /// carry.
    fn check(&self, bytes: usize) -> Result<(), HeaderError> {
        if bytes > HEADER_BYTES_MAX {
            return Err(HeaderError::TooLong);
        }
        name(2, self.branch, 1, NAME_BYTES_MAX)?;
        seq(self.seq.into())?;
        hlc(self.hlc.0)?;
        ascending(7, self.parents)?;
        name(8, self.collection, 1, NAME_BYTES_MAX)?;
        name(9, self.key, 1, KEY_BYTES_MAX)?;
        ascending(10, self.base)?;
        self.body.map_or(Ok(()), |body| body_len(body.len.into()).map(drop))?;
        self.schema.map_or(Ok(1), schema)?;
        self.actor.map_or(Ok(""), |actor| name(16, actor, 0, NAME_BYTES_MAX))?;
        let is_known = |format: Format| Format::from_code(format.code()) == format;
        let has_one_form = Kind::from_code(self.kind.code()) == self.kind;
        let has_one_form = has_one_form && self.body.is_none_or(|body| is_known(body.format));
        if has_one_form { Ok(()) } else { Err(HeaderError::Cbor(CborError::NotCanonical)) }
    }

    fn encode_unchecked(&self) -> Vec<u8> {
        let mut writer = Writer::with_room(self.bytes_max());
        writer.map(self.pairs());
        writer.uint(0).uint(1);
        if let Some(repo) = &self.repo {
            writer.uint(1).bytes(&repo.0);
        }
        writer.uint(2).text(self.branch);
        writer.uint(3).bytes(&self.author.0);
        writer.uint(4).uint(self.seq.into());
        if let Some(prev) = &self.prev {
            writer.uint(5).bytes(&prev.0);
        }
        writer.uint(6).uint(self.hlc.0);
        write_ids(&mut writer, 7, self.parents);
        writer.uint(8).text(self.collection);
        writer.uint(9).text(self.key);
        write_ids(&mut writer, 10, self.base);
        writer.uint(11).uint(self.kind.code());
        if let Some(body) = &self.body {
            writer.uint(12).uint(body.format.code());
            writer.uint(13).bytes(&body.hash.0);
            writer.uint(14).uint(body.len.into());
        }
        if let Some(schema) = self.schema {
            writer.uint(15).uint(schema);
        }
        if let Some(actor) = self.actor {
            writer.uint(16).text(actor);
        }
        for (key, value) in &self.extra {
            writer.uint(u64::from(*key));
            match *value {
                Scalar::Uint(value) => writer.uint(value),
                Scalar::Bytes(value) => writer.bytes(value),
                Scalar::Text(value) => writer.text(value),
            };
        }
        writer.finish()
    }

    /// What the encoding needs at most, unless it has extra fields: so much that it never has to move.
    fn bytes_max(&self) -> usize {
        let names = self.branch.len() + self.collection.len() + self.key.len() + self.actor.map_or(0, str::len);
        PLAIN_BYTES_MAX + ENCODED_ID_BYTES * (self.parents.len() + self.base.len()) + names
    }

    fn pairs(&self) -> usize {
        let optional = [
            self.repo.is_some(),
            self.prev.is_some(),
            !self.parents.is_empty(),
            !self.base.is_empty(),
            self.schema.is_some(),
            self.actor.is_some(),
        ];
        let present = optional.into_iter().filter(|present| *present).count();
        8 + present + if self.body.is_some() { 3 } else { 0 } + self.extra.len()
    }

    /// Whether this is the header that begins a repo.
    pub fn is_genesis(&self) -> bool {
        self.repo.is_none()
    }

    /// Everything that this op names: `parents`, `prev` and `base`. An id may come more than once.
    pub fn dependencies(&self) -> impl Iterator<Item = OpId> + use<'a> {
        self.parents.iter().chain(self.prev).chain(self.base.iter())
    }

    /// Whether these bytes are the body that the header names.
    pub fn names_body(&self, body: &[u8]) -> bool {
        self.body.is_some_and(|named| named.len as usize == body.len() && named.hash == ContentHash::of(body))
    }

    /// The entity that the op writes to.
    pub fn entity(&self) -> (&'a str, &'a str) {
        (self.collection, self.key)
    }
}

/// The fields of a header's map in ascending order, with the key of the next one read ahead.
struct Fields<'a> {
    reader: Reader<'a>,
    left: u64,
    next: Option<u64>,
}

impl<'a> Fields<'a> {
    fn advance(&mut self) -> Result<(), HeaderError> {
        let last = self.next.take();
        if self.left > 0 {
            self.left -= 1;
            let key = self.reader.uint()?;
            if last.is_some_and(|last| last >= key) {
                return Err(CborError::NotCanonical.into());
            }
            self.next = Some(key);
        }
        Ok(())
    }

    fn optional<T>(
        &mut self,
        key: u8,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, CborError>,
    ) -> Result<Option<T>, HeaderError> {
        if self.next != Some(key.into()) {
            return Ok(None);
        }
        let value = read(&mut self.reader)?;
        self.advance()?;
        Ok(Some(value))
    }

    fn required<T>(
        &mut self,
        key: u8,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, CborError>,
    ) -> Result<T, HeaderError> {
        match self.optional(key, read)? {
            Some(value) => Ok(value),
            None => Err(self
                .next
                .filter(|next| *next < key.into())
                .map_or(HeaderError::Absent(key), HeaderError::UnknownKey)),
        }
    }

    fn ids(&mut self, key: u8) -> Result<Ids<'a>, HeaderError> {
        let ids = self.optional(key, |reader| {
            let count = reader.array()?;
            let encoded = reader.rest();
            let mut last: Option<&[u8; 32]> = None;
            let mut ascending = count > 0 && count <= LINKS_MAX as u64;
            for _ in 0..count {
                let id = reader.fixed::<32>()?;
                ascending &= last.is_none_or(|last| last < id);
                last = Some(id);
            }
            let len = encoded.len() - reader.rest().len();
            Ok((Ids::Encoded(&encoded[..len]), ascending))
        })?;
        match ids {
            None => Ok(Ids::NONE),
            Some((ids, true)) => Ok(ids),
            Some((_, false)) => Err(HeaderError::OutOfBounds(key)),
        }
    }

    fn body(&mut self) -> Result<Option<BodyRef>, HeaderError> {
        let Some(format) = self.optional(12, Reader::uint)? else { return Ok(None) };
        let hash = ContentHash(self.required(13, fixed)?);
        let len = body_len(self.required(14, Reader::uint)?)?;
        Ok(Some(BodyRef { format: Format::from_code(format), hash, len }))
    }

    fn extra(&mut self) -> Result<Vec<(u8, Scalar<'a>)>, HeaderError> {
        let mut extra = Vec::new();
        for key in 17..=23 {
            if let Some(value) = self.optional(key, Reader::scalar)? {
                extra.push((key, value));
            }
        }
        Ok(extra)
    }
}

fn fixed(reader: &mut Reader<'_>) -> Result<[u8; 32], CborError> {
    reader.fixed::<32>().copied()
}

fn write_ids(writer: &mut Writer, key: u64, ids: Ids<'_>) {
    if !ids.is_empty() {
        writer.uint(key).array(ids.len());
        for id in ids.iter() {
            writer.bytes(&id.0);
        }
    }
}

fn seq(value: u64) -> Result<u32, HeaderError> {
    u32::try_from(value).ok().filter(|seq| *seq > 0).ok_or(HeaderError::OutOfBounds(4))
}

fn body_len(value: u64) -> Result<u32, HeaderError> {
    let len = u32::try_from(value).ok().filter(|len| *len as usize <= BODY_BYTES_MAX);
    len.ok_or(HeaderError::OutOfBounds(14))
}

fn ascending(key: u8, ids: Ids<'_>) -> Result<(), HeaderError> {
    let is_ascending = ids.iter().is_sorted_by(|one, other| one < other);
    if is_ascending && ids.len() <= LINKS_MAX { Ok(()) } else { Err(HeaderError::OutOfBounds(key)) }
}

fn hlc(value: u64) -> Result<Hlc, HeaderError> {
    Some(Hlc(value)).filter(|hlc| (Hlc::MIN..=Hlc::MAX).contains(hlc)).ok_or(HeaderError::OutOfBounds(6))
}

/// Version 1 is written by leaving the field out, so it has one encoding too.
fn schema(value: u64) -> Result<u64, HeaderError> {
    if value == 1 { Err(HeaderError::OutOfBounds(15)) } else { Ok(value) }
}

fn name(key: u8, text: &str, len_min: usize, len_max: usize) -> Result<&str, HeaderError> {
    let fits = (len_min..=len_max).contains(&text.len()) && is_plain(text);
    if fits { Ok(text) } else { Err(HeaderError::OutOfBounds(key)) }
}

/// Whether text is free of the control characters that no name may hold: U+0000 to U+001F and U+007F.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= 0x20 && byte != 0x7f)
}
