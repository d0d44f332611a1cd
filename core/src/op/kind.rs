//! What an op does, and what its body is made of.
//!
//! Codes that this version does not know are kept, hashed and relayed, and have no effect until a replica knows them.

use alloc::string::{String, ToString};

/// What an op does to its entity (ops.md, header key 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Replaces the whole entity.
    Put,
    /// Changes paths of the entity.
    Patch,
    /// Removes the entity.
    Delete,
    /// A record that never changes.
    Append,
    /// Joins or starts branches; writes no entity.
    Merge,
    /// A kind of a later version: valid, without effect here.
    Unknown(u64),
}

impl Kind {
    /// The word for it on every surface; of one that this version does not know the number.
    pub fn word(self) -> String {
        match self {
            Kind::Unknown(code) => code.to_string(),
            kind => kind.name().into(),
        }
    }

    /// The number in the header.
    pub fn code(self) -> u64 {
        match self {
            Kind::Put => 0,
            Kind::Patch => 1,
            Kind::Delete => 2,
            Kind::Append => 3,
            Kind::Merge => 4,
            Kind::Unknown(code) => code,
        }
    }

    /// The kind with this number; total.
    pub fn from_code(code: u64) -> Kind {
        match code {
            0 => Kind::Put,
            1 => Kind::Patch,
            2 => Kind::Delete,
            3 => Kind::Append,
            4 => Kind::Merge,
            code => Kind::Unknown(code),
        }
    }

    /// The word in text and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Put => "put",
            Kind::Patch => "patch",
            Kind::Delete => "delete",
            Kind::Append => "append",
            Kind::Merge => "merge",
            Kind::Unknown(_) => "unknown",
        }
    }
}

/// What a body's bytes are (ops.md, header key 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// RFC 8785 (JCS) bytes.
    Json,
    /// Any bytes.
    Bytes,
    /// XChaCha20-Poly1305 ciphertext in a CBOR array.
    Sealed,
    /// 16 random bytes, then JCS bytes, so that a redacted body cannot be guessed from its hash.
    SaltedJson,
    /// A format of a later version: valid, without effect here.
    Unknown(u64),
}

impl Format {
    /// The word for it on every surface; of one that this version does not know the number.
    pub fn word(self) -> String {
        match self {
            Format::Json => "json".into(),
            Format::Bytes => "bytes".into(),
            Format::Sealed => "sealed".into(),
            Format::SaltedJson => "salted_json".into(),
            Format::Unknown(code) => code.to_string(),
        }
    }

    /// The number in the header.
    pub fn code(self) -> u64 {
        match self {
            Format::Json => 0,
            Format::Bytes => 1,
            Format::Sealed => 2,
            Format::SaltedJson => 3,
            Format::Unknown(code) => code,
        }
    }

    /// The format with this number; total.
    pub fn from_code(code: u64) -> Format {
        match code {
            0 => Format::Json,
            1 => Format::Bytes,
            2 => Format::Sealed,
            3 => Format::SaltedJson,
            code => Format::Unknown(code),
        }
    }
}
