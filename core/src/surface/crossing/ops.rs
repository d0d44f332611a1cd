//! Lists of ops in bytes: one behind the other, each with its lengths before it.

use alloc::vec::Vec;

use super::read::unexpected;
use crate::op::stored::StoredOp;
use crate::surface::Unreadable;

/// Numbers before each op: the bytes of its header, those of its body and one more, those of its signature; nothing is 0.
const LENGTHS: usize = 3;

/// Reads ops that stand one behind the other, each with its lengths in little-endian before it.
///
/// # Errors
/// These are no such bytes.
pub fn read_ops(mut bytes: &[u8]) -> Result<Vec<StoredOp>, Unreadable> {
    let mut ops = Vec::new();
    while !bytes.is_empty() {
        ops.push(read_op(&mut bytes).ok_or_else(unexpected)?);
    }
    Ok(ops)
}

fn read_op(bytes: &mut &[u8]) -> Option<StoredOp> {
    let mut lengths = [0; LENGTHS];
    for length in &mut lengths {
        *length = u32::from_le_bytes(*bytes.split_off(..4)?.first_chunk()?) as usize;
    }
    let [header, body, signature] = lengths;
    let header = bytes.split_off(..header)?.to_vec();
    let body = match body.checked_sub(1) {
        Some(length) => Some(bytes.split_off(..length)?.to_vec()),
        None => None,
    };
    let signature = match signature {
        0 => None,
        length => Some(bytes.split_off(..length)?.try_into().ok()?),
    };
    Some(StoredOp { header, body, signature })
}

/// Writes ops as [`read_ops`] reads them.
pub fn give_ops(ops: impl IntoIterator<Item = StoredOp>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for StoredOp { header, body, signature } in ops {
        let lengths =
            [header.len(), body.as_ref().map_or(0, |body| body.len() + 1), signature.map_or(0, |it| it.len())];
        lengths.iter().for_each(|length| bytes.extend_from_slice(&(*length as u32).to_le_bytes()));
        bytes.extend(header);
        bytes.extend(body.unwrap_or_default());
        bytes.extend(signature.iter().flatten());
    }
    bytes
}
