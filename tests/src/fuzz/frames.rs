//! Headers, `ops` frames, bundles and fork proofs: what is accepted is written again as the same bytes.

use std::collections::HashSet;

use trellis_core::link::blob::{BlobPiece, WholeBlobs};
use trellis_core::link::bundle::{BundleError, BundleReader, BundleWriter, Progress, Signatures, decode_bundle};
use trellis_core::link::ops::{decode_ops, encode_ops};
use trellis_core::log::fork::ForkProof;
use trellis_core::log::row::StoredOp;
use trellis_core::op::header::Header;
use trellis_core::op::id::OpId;
use trellis_core::op::sign::Unverified;

use super::{Verdict, assert_same};
use crate::vectors::{load, unhex};

/// `text` of every case of a vector file that has it, as bytes.
pub(super) fn field(file: &str, name: &str) -> Vec<Vec<u8>> {
    load(file).iter().filter_map(|case| unhex(case[name].as_str()?)).collect()
}

pub(super) fn headers() -> Vec<Vec<u8>> {
    [field("header.json", "bytes"), field("cbor_bad.json", "bytes")].concat()
}

pub(super) fn header(bytes: &[u8]) -> Verdict {
    let op = Unverified { header: bytes, body: None, signature: Some(&[1; 64]) };
    let Ok(header) = Header::decode(bytes) else {
        assert!(op.verify().is_err());
        return Verdict::Refused;
    };
    assert_same("header", &header.encode().expect("a header that was read can be written"), bytes);
    let op = op.verify().expect("a header is an op without its body");
    assert_eq!((op.id(), op.signature(), op.header()), (OpId::of_header(bytes), None, &header));
    let named = header.parents.len() + header.base.len() + usize::from(header.prev.is_some());
    assert_eq!(header.dependencies().count(), named);
    Verdict::Accepted
}

pub(super) fn ops_frames() -> Vec<Vec<u8>> {
    field("ops_frame.json", "frame")
}

pub(super) fn ops_frame(bytes: &[u8]) -> Verdict {
    let Ok(batch) = decode_ops(bytes) else { return Verdict::Refused };
    for op in &batch.ops {
        let op = op.rehash().expect("an op that was read is an op");
        assert_eq!(op.header().repo.unwrap_or(op.id().into()), batch.repo);
    }
    assert_same("frame", &frame_of(&batch.ops), bytes);
    Verdict::Accepted
}

fn frame_of(ops: &[StoredOp]) -> Vec<u8> {
    let ops: Vec<_> = ops.iter().map(|op| op.rehash().expect("an op")).collect();
    encode_ops(&ops).expect("a batch that was read can be written")
}

pub(super) fn fork_proofs() -> Vec<Vec<u8>> {
    field("fork_proof.json", "proof")
}

pub(super) fn fork_proof(bytes: &[u8]) -> Verdict {
    let Ok(proof) = ForkProof::decode(bytes) else { return Verdict::Refused };
    assert_same("proof", &proof.encode(), bytes);
    if let Ok(fork) = proof.verify() {
        assert!(fork.ops[0] < fork.ops[1]);
    }
    Verdict::Accepted
}

pub(super) fn bundles() -> Vec<Vec<u8>> {
    field("bundle.json", "bundle")
}

/// The bytes as they are, and as a bundle that is ended well: its hash is nothing that mutations find.
pub(super) fn bundle(bytes: &[u8]) -> Verdict {
    let as_it_is = whole_bundle(bytes);
    let ended = match read_in_pieces(bytes, bytes.len().max(1)) {
        (frames, Err(BundleError::Truncated { at })) if at >= 8 && ends_whole(&frames) => {
            with_end(&bytes[..at as usize], &frames)
        }
        (frames, Err(BundleError::WrongHash | BundleError::WrongCount { .. } | BundleError::BadEnd { .. })) => {
            with_end(&again(&frames), &frames)
        }
        _ => return as_it_is,
    };
    assert_eq!(whole_bundle(&ended), Verdict::Accepted, "a bundle that is ended well");
    as_it_is
}

fn whole_bundle(bytes: &[u8]) -> Verdict {
    let whole = decode_bundle(bytes);
    for piece in [1, 7, bytes.len().max(1)] {
        let (frames, end) = read_in_pieces(bytes, piece);
        assert_eq!(end.map(|()| ops_of(&frames).cloned().collect()), whole, "in pieces of {piece} bytes");
        if whole.is_ok() {
            assert_same("bundle", &with_end(&again(&frames), &frames), bytes);
        }
    }
    let Ok(ops) = whole else { return Verdict::Refused };
    written_anew(ops);
    Verdict::Accepted
}

/// What a bundle consists of.
enum Frame {
    Ops(Vec<StoredOp>),
    Blob(BlobPiece),
}

fn ops_of(frames: &[Frame]) -> impl Iterator<Item = &StoredOp> {
    frames.iter().flat_map(|frame| match frame {
        Frame::Ops(ops) => ops.as_slice(),
        Frame::Blob(_) => &[],
    })
}

/// Whether no blob is left open at the end of frames that a reader took.
fn ends_whole(frames: &[Frame]) -> bool {
    let mut blobs = WholeBlobs::default();
    let taken = frames.iter().try_for_each(|frame| match frame {
        Frame::Ops(_) => blobs.end(),
        Frame::Blob(piece) => blobs.piece(piece),
    });
    taken.expect("frames that were taken");
    blobs.end().is_ok()
}

/// The frames, and how reading ended.
fn read_in_pieces(bytes: &[u8], size: usize) -> (Vec<Frame>, Result<(), BundleError>) {
    let (mut reader, mut frames) = (BundleReader::new(), Vec::new());
    for mut piece in bytes.chunks(size) {
        loop {
            match reader.read(&mut piece) {
                Ok(Progress::Ops(ops)) => frames.push(Frame::Ops(ops)),
                Ok(Progress::Blob(piece)) => frames.push(Frame::Blob(piece)),
                Ok(Progress::More | Progress::End) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, reader.finish())
}

/// A bundle of these frames, without its end.
fn again(frames: &[Frame]) -> Vec<u8> {
    let frames = frames.iter().map(|frame| match frame {
        Frame::Ops(ops) => with_length(&frame_of(ops)),
        Frame::Blob(piece) => with_length(&piece.encode()),
    });
    frames.fold(b"trellis\x01".to_vec(), |bundle, frame| [bundle, frame].concat())
}

fn with_length(frame: &[u8]) -> Vec<u8> {
    [&(frame.len() as u32).to_be_bytes(), frame].concat()
}

/// What `before` is a bundle with: the count of the ops, and the hash.
fn with_end(before: &[u8], frames: &[Frame]) -> Vec<u8> {
    let mut end = trellis_core::op::cbor::Writer::new();
    end.array(2).uint(ops_of(frames).count() as u64).bytes(blake3::hash(before).as_bytes());
    [before, &with_length(&[&[0], end.finish().as_slice()].concat())].concat()
}

/// A writer may put the ops into other frames, but never other ops.
fn written_anew(mut ops: Vec<StoredOp>) {
    let mut once = HashSet::new();
    if !ops.iter().all(|op| once.insert(&op.header)) {
        return;
    }
    let mut writer = BundleWriter::new(Signatures::All);
    ops.iter().for_each(|op| writer.push(op.clone()).expect("an op that was read"));
    let bytes = [writer.take(), writer.finish().expect("ops that were vouched for")].concat();
    let mut read = decode_bundle(&bytes).expect("a bundle that was written");
    for ops in [&mut read, &mut ops] {
        ops.sort_by(|one, other| one.header.cmp(&other.header));
    }
    assert_eq!(read, ops);
}
