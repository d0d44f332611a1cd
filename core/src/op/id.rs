//! The 32-byte names of ops, authors, repos and contents.
//!
//! An id is always computed from bytes, never taken from the wire, so two replicas that name the same thing hold the
//! same thing.

use core::fmt;

use super::hex;

/// What stands before a header when its id is hashed.
pub const OP_CONTEXT: &[u8] = b"trellis/op/1\n";
/// What stands before an id when it is signed.
pub const SIGNATURE_CONTEXT: &[u8] = b"trellis/sig/1\n";
/// What stands before the repo id and the new key when an old key names its successor.
pub const SUCCESSOR_CONTEXT: &[u8] = b"trellis/successor/1\n";
/// What stands before the record of a conflict when its id is hashed.
pub const CONFLICT_CONTEXT: &[u8] = b"trellis/conflict/1\n";
/// What stands before the record of a plan when its id is hashed.
pub const PLAN_CONTEXT: &[u8] = b"trellis/plan/1\n";

macro_rules! name32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// Reads 64 lower-case hex digits.
            pub fn parse_hex(text: &str) -> Option<$name> {
                hex::parse(text).map($name)
            }

            /// The bytes.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first 12 hex digits, for people.
            pub fn short(&self) -> alloc::string::String {
                hex::encode(&self.0[..6])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex::write(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl From<[u8; 32]> for $name {
            fn from(bytes: [u8; 32]) -> $name {
                $name(bytes)
            }
        }
    };
}

name32! {
    /// The id of an op: BLAKE3-256 of [`OP_CONTEXT`] and its header's bytes.
    OpId
}
name32! {
    /// Who wrote an op: an Ed25519 public key, one per device and repo.
    Author
}
name32! {
    /// The id of a repo: the id of its genesis op.
    RepoId
}
name32! {
    /// BLAKE3-256 of content: a body's or a blob's bytes.
    ContentHash
}
name32! {
    /// The id of a conflict, which changes with its members.
    ConflictId
}
name32! {
    /// The id of a plan: plans that do the same have the same.
    PlanId
}

impl OpId {
    /// The id of the op that has these canonical header bytes.
    pub fn of_header(header: &[u8]) -> OpId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(OP_CONTEXT);
        hasher.update(header);
        OpId(*hasher.finalize().as_bytes())
    }

    /// The first half, which tells it from all others that anybody has met.
    pub fn half(&self) -> [u8; 16] {
        self.0.first_chunk().copied().unwrap_or_default()
    }

    /// What an author signs to vouch for this op and the chain behind it.
    pub fn signed_message(&self) -> [u8; SIGNATURE_CONTEXT.len() + 32] {
        let mut message = [0; SIGNATURE_CONTEXT.len() + 32];
        message[..SIGNATURE_CONTEXT.len()].copy_from_slice(SIGNATURE_CONTEXT);
        message[SIGNATURE_CONTEXT.len()..].copy_from_slice(&self.0);
        message
    }
}

impl ContentHash {
    /// The hash of these bytes.
    pub fn of(content: &[u8]) -> ContentHash {
        ContentHash(*blake3::hash(content).as_bytes())
    }
}

impl From<OpId> for RepoId {
    fn from(genesis: OpId) -> RepoId {
        RepoId(genesis.0)
    }
}

impl RepoId {
    /// The op that began the repo.
    pub fn genesis(&self) -> OpId {
        OpId(self.0)
    }
}
