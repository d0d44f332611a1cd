//! Rows of the store: what is accepted is built again as the same bytes.

use trellis_core::link::ops::decode_ops;
use trellis_core::log::row::{Origin, Place, Record, Row, RowBuilder, StoredOp, read_record, read_row};
use trellis_core::op::sign::Unverified;

use super::frames::field;
use super::{Verdict, assert_same};

const SEQ: u32 = 7;

/// A row as bytes: the length of its headers in 4 bytes, the headers, the bodies. Its digest is computed.
pub(super) fn rows() -> Vec<Vec<u8>> {
    let frames = field("ops_frame.json", "frame").into_iter().filter_map(|frame| Some(decode_ops(&frame).ok()?.ops));
    let alone = field("header.json", "bytes").into_iter();
    let alone = alone.map(|header| vec![StoredOp { header, body: None, signature: None }]);
    let late = frames.clone().map(|ops| encode(&late_row(&ops)));
    frames.clone().chain(alone).map(|ops| encode(&op_row(&ops))).chain(late).collect()
}

fn op_row(ops: &[StoredOp]) -> Row {
    let mut row = RowBuilder::new(SEQ, Origin::Local);
    for op in ops {
        row.push_op(&op.rehash().expect("the op of a vector"));
    }
    row.finish()
}

/// Signatures and bodies that came later than their ops.
fn late_row(ops: &[StoredOp]) -> Row {
    let mut row = RowBuilder::new(SEQ, Origin::Remote);
    for op in ops {
        let id = op.rehash().expect("the op of a vector").id();
        if let Some(signature) = &op.signature {
            row.push_signature(id, signature);
        }
        if let Some(body) = &op.body {
            row.push_body(id, body);
        }
    }
    row.finish()
}

fn encode(row: &Row) -> Vec<u8> {
    [&(row.headers.len() as u32).to_be_bytes(), row.headers.as_slice(), &row.bodies].concat()
}

pub(super) fn row(bytes: &[u8]) -> Verdict {
    let Some((len, rest)) = bytes.split_first_chunk::<4>() else { return Verdict::Refused };
    let Some((headers, bodies)) = rest.split_at_checked(u32::from_be_bytes(*len) as usize) else {
        return Verdict::Refused;
    };
    let mut seen = Vec::new();
    let read = read_row(SEQ, headers, &[0; 32], |record| seen.push(record));
    assert_eq!(read.map_err(|corrupt| corrupt.row), Err(SEQ), "no row has this digest");
    let Some(row) = rebuilt(headers, bodies, &seen) else { return Verdict::Refused };
    assert_same("headers", &row.headers, headers);
    assert_same("bodies", &row.bodies, bodies);
    let mut again = Vec::new();
    assert_eq!(read_row(SEQ, headers, &row.digest, |record| again.push(record)), Ok(()));
    assert_eq!(again, seen);
    Verdict::Accepted
}

/// The row of these records, if they are all of `headers` and have their bodies in `bodies`.
fn rebuilt(headers: &[u8], bodies: &[u8], records: &[Record<'_>]) -> Option<Row> {
    let mut builder = RowBuilder::new(SEQ, Origin::Local);
    let mut end = Place { row: SEQ, header_at: 0, body_at: 0 };
    for record in records {
        let (again, len, rest) = read_record(end, &headers[end.header_at as usize..]).expect("a record that was seen");
        assert_eq!(&again, record);
        let body = bodies.get(end.body_at as usize..)?.get(..len as usize)?;
        push(&mut builder, record, body)?;
        let at = |place: &Place| assert_eq!(*place, end);
        match record {
            Record::Op { place, .. } | Record::Body { place, .. } => at(place),
            Record::Signature(..) => {}
        }
        end.header_at = (headers.len() - rest.len()) as u32;
        end.body_at += len;
    }
    let is_whole = end.header_at as usize == headers.len() && end.body_at as usize == bodies.len();
    is_whole.then(|| builder.finish())
}

/// None where the body is not that of the op.
fn push(builder: &mut RowBuilder, record: &Record<'_>, body: &[u8]) -> Option<()> {
    match record {
        Record::Op { op, has_body, .. } => {
            let body = has_body.then_some(body);
            let op = Unverified { header: op.header_bytes(), body, signature: op.signature() };
            builder.push_op(&op.rehash().ok()?);
        }
        Record::Signature(id, signature) => builder.push_signature(*id, signature),
        Record::Body { id, .. } => {
            builder.push_body(*id, body);
        }
    }
    Some(())
}
