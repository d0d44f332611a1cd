//! Ops across the border: their bytes, or an object that people read and that comes back as the same bytes.

use alloc::vec::Vec;

use super::plain::FromPlain;
use serde::Serialize;

use super::scalar::{Bytes, Unreadable, exactly};
use crate::log::row;

/// An op by its bytes. It proves nothing until the machine has verified it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
pub struct StoredOp {
    /// The header's bytes.
    pub header: Bytes,
    /// The body, if it is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Bytes>,
    /// The signature, if it is here: 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Bytes>,
}

impl From<row::StoredOp> for StoredOp {
    fn from(op: row::StoredOp) -> StoredOp {
        StoredOp {
            header: Bytes(op.header),
            body: op.body.map(Bytes),
            signature: op.signature.map(|signature| Bytes(Vec::from(signature))),
        }
    }
}

impl TryFrom<StoredOp> for row::StoredOp {
    type Error = Unreadable;

    fn try_from(op: StoredOp) -> Result<row::StoredOp, Unreadable> {
        let signature = op.signature.map(|bytes| exactly("signature", &bytes)).transpose()?;
        Ok(row::StoredOp { header: op.header.0, body: op.body.map(|body| body.0), signature })
    }
}
