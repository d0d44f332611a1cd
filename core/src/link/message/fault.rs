//! Why bytes or a text are no message, and why a message has none.

use alloc::string::String;

use crate::limits::FRAME_BYTES_MAX;
use crate::link::blob::BlobFault;
use crate::link::ops::{OpsFault, OpsRefused};
use crate::op::cbor::CborError;
use crate::op::id::RepoId;
use crate::op::json::JsonError;
use crate::op::sign::Refused;

/// Why bytes or a text are no message. Fields have their names of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageFault {
    /// No byte at all.
    #[error("a message has at least one byte")]
    Empty,
    /// More than [`FRAME_BYTES_MAX`] bytes.
    #[error("the message is longer than {FRAME_BYTES_MAX} bytes")]
    TooLong,
    /// A first byte that is no message's of this version.
    #[error("there is no message of the type {0} in this version")]
    UnknownType(u8),
    /// A `type` that is no message's of this version, or none.
    #[error("`type` is not the name of a message of this version")]
    UnknownWord,
    /// Not deterministic CBOR, or not of the message's shape.
    #[error("the message is not deterministic CBOR of its shape: {0}")]
    Cbor(#[from] CborError),
    /// Not strict JSON.
    #[error("the message is not JSON: {0}")]
    Json(#[from] JsonError),
    /// JSON that is no object.
    #[error("a message is a JSON object")]
    NotAnObject,
    /// A field that has to be there.
    #[error("the message lacks `{0}`")]
    Absent(&'static str),
    /// A key that this version does not know there, or one that does not stand in its order.
    #[error("the message has a key {0} that does not belong there")]
    UnknownKey(u64),
    /// A member that this version does not know there; of a long name its first characters.
    #[error("the message has a member \"{0}\" that this version does not know there")]
    UnknownMember(String),
    /// A JSON value of another type or notation than the member takes.
    #[error("`{0}` is not what this member takes")]
    WrongType(&'static str),
    /// Two members that contradict each other.
    #[error("`{0}` and `{1}` contradict each other")]
    Contradiction(&'static str, &'static str),
    /// Values that no message may have.
    #[error(transparent)]
    Bounds(#[from] OutOfBounds),
    /// An `ops` message that is none.
    #[error(transparent)]
    Ops(#[from] OpsFault),
    /// An op that is none, or whose body is not its own.
    #[error("`ops` has an op that is none: {0}")]
    Op(#[from] Refused),
    /// Ops that are no batch.
    #[error("`ops` is no batch: {0}")]
    Batch(#[from] OpsRefused),
    /// A `blob` message that is none.
    #[error(transparent)]
    Blob(#[from] BlobFault),
}

impl MessageFault {
    /// The stable code (api.md, "Errors").
    pub fn code(&self) -> &'static str {
        match self {
            MessageFault::TooLong | MessageFault::Ops(OpsFault::TooLong) => "payload_too_large",
            _ => "invalid_op",
        }
    }
}

/// Why a message cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageRefused {
    /// More than [`FRAME_BYTES_MAX`] bytes.
    #[error("the message has more than {FRAME_BYTES_MAX} bytes; send it in parts")]
    TooLong,
    /// Values that no message may have.
    #[error(transparent)]
    Bounds(#[from] OutOfBounds),
    /// An op that is none, or whose body is not its own.
    #[error(transparent)]
    Op(#[from] Refused),
    /// Ops that are no batch.
    #[error(transparent)]
    Batch(#[from] OpsRefused),
    /// Ops of another repo than the message names.
    #[error("the ops are not of repo {0}")]
    OtherRepo(RepoId),
}

impl MessageRefused {
    /// The stable code (api.md, "Errors").
    pub fn code(&self) -> &'static str {
        match self {
            MessageRefused::TooLong | MessageRefused::Batch(OpsRefused::TooLong) => "payload_too_large",
            MessageRefused::Bounds(_) => "invalid_argument",
            MessageRefused::Op(_) | MessageRefused::Batch(_) => "invalid_op",
            MessageRefused::OtherRepo(_) => "repo_mismatch",
        }
    }
}

/// A value that no message may have: more, longer or greater than a message may hold, empty where it may not be, or out
/// of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is empty, longer, greater or more than a message may have, or out of order")]
pub struct OutOfBounds(pub &'static str);
