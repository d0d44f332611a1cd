//! An op as bytes that are kept or carried, before they are proven.

use alloc::vec::Vec;

use super::sign::{RebuiltOp, Refused, Signature, Unverified, VerifiedOp};

/// An op as a store or a program gives it: owned, and as unproven as anything from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOp {
    /// The header's bytes.
    pub header: Vec<u8>,
    /// The body, if it is here.
    pub body: Option<Vec<u8>>,
    /// The signature, if it is here.
    pub signature: Option<Signature>,
}

impl From<RebuiltOp> for StoredOp {
    fn from(op: RebuiltOp) -> StoredOp {
        let (header, body, signature) = op.into_parts();
        StoredOp { header, body, signature }
    }
}

impl StoredOp {
    /// The op as one that is still to be verified.
    pub fn unverified(&self) -> Unverified<'_> {
        Unverified { header: &self.header, body: self.body.as_deref(), signature: self.signature.as_ref() }
    }

    /// Rehashes what was read.
    ///
    /// # Errors
    /// [`Refused`]: the bytes on disk are not what was written.
    pub fn rehash(&self) -> Result<VerifiedOp<'_>, Refused> {
        self.unverified().rehash()
    }
}
