//! An op in JSON: its bytes, and beside them a copy for people that no receiver reads.

use super::read::{Members, base64, digits};
use super::write;
use crate::limits::JSON_DEPTH_MAX;
use crate::link::message::MessageFault;
use crate::link::message::form::{Field, field};
use crate::log::row::StoredOp;
use crate::op::json::Value;
use crate::op::plain;
use crate::op::sign::VerifiedOp;

const BYTES: Field = field(0, "bytes");
const BODY: Field = field(1, "body");
const SIGNATURE: Field = field(2, "signature");
const COPY: Field = field(3, "op");

/// How deep a body stands in a message: in the message, its list, the op and the copy.
const LEVELS_ABOVE_BODY: usize = 4;

/// Reads an op.
pub(super) fn take(members: &mut Members) -> Result<StoredOp, MessageFault> {
    members.take(COPY, Some)?;
    Ok(StoredOp {
        header: members.need(BYTES, |value| base64(&value))?,
        body: members.take(BODY, |value| base64(&value))?,
        signature: members.take(SIGNATURE, |value| digits(&value))?,
    })
}

/// Writes an op, with a copy for people or without. The signature stands beside the copy.
pub(super) fn to_value(op: &VerifiedOp<'_>, readable: bool) -> Value {
    let copy = || plain::write(&op.clone().without_signature(), JSON_DEPTH_MAX - LEVELS_ABOVE_BODY);
    let members = [
        Some((BYTES, write::base64(op.header_bytes()))),
        op.body().map(|body| (BODY, write::base64(body))),
        op.signature().map(|signature| (SIGNATURE, write::digits(signature))),
        readable.then(|| (COPY, copy())),
    ];
    Value::object(members.into_iter().flatten().map(|(field, value)| (field.name, value)))
}
