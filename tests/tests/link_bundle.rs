//! Bundles: what goes in comes out, dependencies first, and nothing else is ever taken for a whole bundle.

use std::collections::{HashMap, HashSet};

use trellis_core::limits::{BLOB_CHUNK_BYTES, FRAME_BYTES_MAX, FRAME_OPS_MAX};
use trellis_core::link::blob::{BlobFault, BlobPiece};
use trellis_core::link::bundle::{
    BundleError, BundleReader, BundleRefused, BundleWriter, Progress, Signatures, decode_bundle,
};
use trellis_core::link::ops::encode_ops;
use trellis_core::log::row::StoredOp;
use trellis_core::op::cbor::Writer;
use trellis_core::op::header::Header;
use trellis_core::op::id::{ContentHash, OpId};
use trellis_core::time::Hlc;
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::history::{Dials, History, Signing, covered};
use trellis_tests::sealed::{Draft, SealedOp, author, key};

fn history(seed: u64, dials: Dials) -> Vec<StoredOp> {
    let history = History::generate(seed, &Dials { signing: Signing::TransactionEnds, ..dials });
    covered(&history.ops).iter().map(SealedOp::stored).collect()
}

/// A bundle, and the pieces in which its bytes came out.
fn pieces(ops: &[StoredOp], signatures: Signatures) -> Result<Vec<Vec<u8>>, BundleRefused> {
    let mut writer = BundleWriter::new(signatures);
    let mut pieces = Vec::new();
    for op in ops {
        writer.push(op.clone())?;
        pieces.push(writer.take());
    }
    pieces.push(writer.finish()?);
    pieces.retain(|piece| !piece.is_empty());
    Ok(pieces)
}

fn bundle(ops: &[StoredOp], signatures: Signatures) -> Vec<u8> {
    pieces(ops, signatures).unwrap().concat()
}

fn id(op: &StoredOp) -> OpId {
    OpId::of_header(&op.header)
}

fn sorted(mut ops: Vec<StoredOp>) -> Vec<StoredOp> {
    ops.sort_by(|a, b| a.header.cmp(&b.header));
    ops
}

fn unsigned(ops: &[StoredOp]) -> Vec<StoredOp> {
    ops.iter().map(|op| StoredOp { signature: None, ..op.clone() }).collect()
}

/// Any order that puts dependencies first.
fn any_order(ops: &[StoredOp], dice: &mut Dice) -> Vec<StoredOp> {
    let at: HashMap<OpId, usize> = ops.iter().enumerate().map(|(at, op)| (id(op), at)).collect();
    let mut missing: Vec<usize> = vec![0; ops.len()];
    let mut named_by: Vec<Vec<usize>> = vec![Vec::new(); ops.len()];
    for (op, stored) in ops.iter().enumerate() {
        for dependency in Header::decode(&stored.header).unwrap().dependencies() {
            named_by[at[&dependency]].push(op);
            missing[op] += 1;
        }
    }
    let mut ready: Vec<usize> = (0..ops.len()).filter(|op| missing[*op] == 0).collect();
    let mut order = Vec::new();
    while !ready.is_empty() {
        let op = ready.swap_remove(dice.below(ready.len()));
        order.push(ops[op].clone());
        for next in &named_by[op] {
            missing[*next] -= 1;
            if missing[*next] == 0 {
                ready.push(*next);
            }
        }
    }
    order
}

fn assert_dependencies_first(ops: &[StoredOp]) {
    let all: HashSet<OpId> = ops.iter().map(id).collect();
    let mut seen = HashSet::new();
    for op in ops {
        let header = Header::decode(&op.header).unwrap();
        assert!(header.dependencies().all(|dependency| seen.contains(&dependency) || !all.contains(&dependency)));
        seen.insert(id(op));
    }
}

#[test]
fn a_history_comes_back_whole_whatever_the_order_it_went_in() {
    for seed in seeds(40) {
        let ops = history(seed, Dials::any(seed, 500));
        let mut dice = Dice::new(seed);
        for order in [ops.clone(), any_order(&ops, &mut dice), any_order(&ops, &mut dice)] {
            assert_eq!(order.len(), ops.len());
            let all = decode_bundle(&bundle(&order, Signatures::All)).unwrap();
            assert_dependencies_first(&all);
            assert_eq!(sorted(all), sorted(ops.clone()), "seed {seed}");
            let fewest = decode_bundle(&bundle(&order, Signatures::Fewest)).unwrap();
            assert_dependencies_first(&fewest);
            assert_eq!(sorted(unsigned(&fewest)), sorted(unsigned(&ops)), "seed {seed}");
        }
    }
}

/// Joined runs keep a signature that vouches for each op, and it is one that the op's author made.
#[test]
fn with_the_fewest_signatures_every_op_is_still_vouched_for() {
    for seed in seeds(20) {
        let ops = history(seed, Dials::any(seed, 300));
        let signed: HashMap<OpId, StoredOp> = ops.iter().map(|op| (id(op), op.clone())).collect();
        let fewest = decode_bundle(&bundle(&ops, Signatures::Fewest)).unwrap();
        for pair in fewest.windows(2).filter(|pair| pair[0].signature.is_none()) {
            assert_eq!(Header::decode(&pair[1].header).unwrap().prev, Some(id(&pair[0])), "seed {seed}");
        }
        assert!(fewest.last().unwrap().signature.is_some());
        assert!(fewest.iter().all(|op| op.signature.is_none() || signed[&id(op)] == *op), "seed {seed}");
        let count = |ops: &[StoredOp]| ops.iter().filter(|op| op.signature.is_some()).count();
        assert!(count(&fewest) <= count(&ops));
    }
}

/// A frame of a piece, with its length before it.
fn piece(of: &[u8], offset: usize, bytes: &[u8]) -> Vec<u8> {
    let frame = BlobPiece { blob: ContentHash::of(of), offset: offset as u64, bytes: bytes.to_vec() }.encode();
    [&(frame.len() as u32).to_be_bytes(), frame.as_slice()].concat()
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

/// How a reader ends that gets these frames of pieces, and then the end of a bundle without ops.
fn end_of(frames: &[Vec<u8>]) -> Result<(), BundleError> {
    let bytes = [b"trellis\x01".as_slice(), &frames.concat()].concat();
    let mut end = Writer::new();
    end.array(2).uint(0).bytes(blake3::hash(&bytes).as_bytes());
    let end = [&[0], end.finish().as_slice()].concat();
    decode_bundle(&[bytes, (end.len() as u32).to_be_bytes().to_vec(), end].concat()).map(drop)
}

#[test]
fn blobs_come_out_as_they_went_in() {
    let ops = history(5, Dials { ops: 12, ..Dials::default() });
    let contents: Vec<Vec<u8>> =
        [0, 1, BLOB_CHUNK_BYTES - 1, BLOB_CHUNK_BYTES, BLOB_CHUNK_BYTES + 1, 3 * BLOB_CHUNK_BYTES].map(content).into();
    let mut writer = BundleWriter::new(Signatures::All);
    for content in &contents {
        let chunks = content.chunks(BLOB_CHUNK_BYTES).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let chunks = if chunks.is_empty() { vec![Vec::new()] } else { chunks };
        for (at, bytes) in chunks.into_iter().enumerate() {
            let (blob, offset) = (ContentHash::of(content), (at * BLOB_CHUNK_BYTES) as u64);
            writer.push_blob(&BlobPiece { blob, offset, bytes }).unwrap();
        }
    }
    ops.iter().for_each(|op| writer.push(op.clone()).unwrap());
    let bytes = [writer.take(), writer.finish().unwrap()].concat();
    let (mut reader, mut read, mut rest) =
        (BundleReader::new(), Vec::<(ContentHash, Vec<u8>)>::new(), bytes.as_slice());
    loop {
        match reader.read(&mut rest).unwrap() {
            Progress::Blob(piece) if piece.offset == 0 => read.push((piece.blob, piece.bytes)),
            Progress::Blob(piece) => read.last_mut().unwrap().1.extend(piece.bytes),
            Progress::Ops(_) => {}
            Progress::More | Progress::End => break,
        }
    }
    let named = contents.iter().map(|content| (ContentHash::of(content), content.clone()));
    assert_eq!(read, named.collect::<Vec<_>>());
    assert_eq!(sorted(decode_bundle(&bytes).unwrap()), sorted(ops));
}

#[test]
fn pieces_of_a_blob_have_one_form() {
    const CHUNK: usize = BLOB_CHUNK_BYTES;
    let long = content(CHUNK + 1);
    let [first, second] = [piece(&long, 0, &long[..CHUNK]), piece(&long, CHUNK, &long[CHUNK..])];
    assert_eq!(end_of(&[first.clone(), second.clone()]), Ok(()));
    let chunk = piece(&content(CHUNK), 0, &content(CHUNK));
    assert_eq!(end_of(std::slice::from_ref(&chunk)), Ok(()));
    let fault = |frames: &[Vec<u8>]| match end_of(frames) {
        Err(BundleError::Blob { fault, .. }) => fault,
        end => panic!("{end:?}"),
    };
    let empty = piece(&content(CHUNK), CHUNK, &[]);
    assert_eq!(fault(&[chunk, empty]), BlobFault::OutOfOrder);
    assert_eq!(fault(&[piece(&long, 0, &long)]), BlobFault::TooLong);
    assert_eq!(fault(&[first.clone(), piece(&long, CHUNK + 1, &[0])]), BlobFault::OutOfOrder);
    assert_eq!(fault(&[first.clone(), second.clone(), second.clone()]), BlobFault::OutOfOrder);
    assert_eq!(fault(&[first.clone(), first.clone()]), BlobFault::OutOfOrder);
    assert_eq!(fault(&[second]), BlobFault::OutOfOrder);
    let wrong = BlobFault::WrongHash(ContentHash::of(&long));
    assert_eq!(fault(std::slice::from_ref(&first)), wrong);
    assert_eq!(fault(&[first, piece(&[], 0, &[])]), wrong);
}

#[test]
fn a_writer_refuses_pieces_that_make_no_blob() {
    let piece = |offset, bytes: &[u8]| BlobPiece { blob: ContentHash::of(b"abc"), offset, bytes: bytes.to_vec() };
    let refused = |error| matches!(error, Err(BundleRefused::Blob(_)));
    let mut writer = BundleWriter::new(Signatures::All);
    assert!(refused(writer.push_blob(&piece(1, b"abc"))));
    let mut writer = BundleWriter::new(Signatures::All);
    writer.push_blob(&piece(0, b"ab")).unwrap();
    assert!(refused(writer.finish().map(drop)));
    let mut writer = BundleWriter::new(Signatures::All);
    writer.push_blob(&piece(0, b"ab")).unwrap();
    assert!(refused(writer.push(history(3, Dials::default()).remove(0))));
}

#[test]
fn a_bundle_cut_anywhere_is_cut_short() {
    let bytes = bundle(&history(3, Dials { ops: 12, ..Dials::default() }), Signatures::All);
    for len in 0..bytes.len() {
        assert!(matches!(decode_bundle(&bytes[..len]), Err(BundleError::Truncated { .. })), "{len}");
    }
    assert!(decode_bundle(&bytes).is_ok());
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    let mut bytes = bundle(&history(3, Dials { ops: 12, ..Dials::default() }), Signatures::All);
    for at in 0..bytes.len() * 8 {
        bytes[at / 8] ^= 1 << (at % 8);
        assert!(decode_bundle(&bytes).is_err(), "bit {at}");
        bytes[at / 8] ^= 1 << (at % 8);
    }
}

#[test]
fn a_bundle_comes_in_pieces_of_any_size() {
    let bytes = bundle(&chains(3000, 5, b"{}"), Signatures::All);
    let whole = decode_bundle(&bytes).unwrap();
    for seed in seeds(10) {
        let mut dice = Dice::new(seed);
        let mut reader = BundleReader::new();
        let (mut ops, mut rest) = (Vec::new(), bytes.as_slice());
        while !rest.is_empty() {
            let (mut piece, more) = rest.split_at(rest.len().min(1 + dice.below(100_000)));
            while let Progress::Ops(mut batch) = reader.read(&mut piece).unwrap() {
                ops.append(&mut batch);
            }
            assert!(piece.is_empty());
            rest = more;
        }
        assert_eq!(reader.read(&mut rest), Ok(Progress::End));
        assert_eq!(reader.finish(), Ok(()));
        assert_eq!(ops, whole);
    }
}

#[test]
fn an_error_stays() {
    let mut reader = BundleReader::new();
    assert_eq!(reader.read(&mut b"nothing".as_slice()), Err(BundleError::NotABundle));
    assert_eq!(reader.read(&mut b"trellis\x01".as_slice()), Err(BundleError::NotABundle));
    assert_eq!(reader.finish(), Err(BundleError::NotABundle));
}

/// Authors who write in turn, transactions of three ops, without knowing of one another. Nobody checks the signatures.
fn chains(ops: usize, authors: usize, body: &[u8]) -> Vec<StoredOp> {
    let keys: Vec<_> = (0..authors).map(|number| key(&number.to_string())).collect();
    let genesis = Draft::genesis(author(&keys[0]), "repo", 1, Hlc(1 << 57)).seal();
    let mut ends: Vec<(SealedOp, u32)> = vec![(genesis.clone(), 0); authors];
    let mut all = vec![StoredOp { signature: Some([1; 64]), ..genesis.stored() }];
    for at in 0..ops {
        let who = at % authors;
        let (prev, seq) = &ends[who];
        let draft = Draft {
            seq: seq + 1,
            prev: (*seq > 0).then_some(prev.id),
            body: Some((trellis_core::op::kind::Format::Bytes, body.to_vec())),
            ..Draft::first(genesis.id.into(), author(&keys[who]), "main", prev)
        };
        ends[who] = (draft.seal(), seq + 1);
        let is_end = ends[who].1.is_multiple_of(3) || at + authors >= ops;
        all.push(StoredOp { signature: is_end.then_some([1; 64]), ..ends[who].0.stored() });
    }
    all
}

/// Lengths of the frames of a bundle, but for the last.
fn frame_lengths(mut bundle: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    bundle = &bundle[8..];
    while let Some((length, rest)) = bundle.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        lengths.push(length);
        bundle = &rest[length..];
    }
    lengths.pop();
    lengths
}

#[test]
fn many_ops_come_out_in_full_frames_while_they_go_in() {
    for authors in [1, 7] {
        let ops = chains(20_000, authors, b"{}");
        for signatures in [Signatures::All, Signatures::Fewest] {
            let pieces = pieces(&ops, signatures).unwrap();
            assert!(pieces.len() > 4, "bytes come before the end");
            let bytes = pieces.concat();
            let came = decode_bundle(&bytes).unwrap();
            assert_dependencies_first(&came);
            assert_eq!(sorted(unsigned(&came)), sorted(unsigned(&ops)));
            assert!(frame_lengths(&bytes).len() <= 20_001_usize.div_ceil(FRAME_OPS_MAX - 2) + 1);
        }
    }
}

#[test]
fn large_bodies_fill_frames_by_bytes() {
    let ops = chains(60, 3, &vec![b'x'; 170_000]);
    let pieces = pieces(&ops, Signatures::Fewest).unwrap();
    assert!(pieces.len() > 2);
    let bytes = pieces.concat();
    let lengths = frame_lengths(&bytes);
    assert!(lengths.iter().all(|length| *length <= FRAME_BYTES_MAX));
    assert!(lengths.len() <= 20, "{lengths:?}");
    assert_eq!(sorted(unsigned(&decode_bundle(&bytes).unwrap())), sorted(unsigned(&ops)));
}

/// An op that nothing vouches for, and one that vouches for another only together with a third that depends on it.
#[test]
fn what_nothing_vouches_for_is_refused() {
    // The last three of the chain have one signature.
    let mut ops = chains(30, 1, b"{}");
    ops[30].signature = None;
    assert_eq!(pieces(&ops, Signatures::All), Err(BundleRefused::NotCovered(id(&ops[28]))));

    let [ann, bob] = ["ann", "bob"].map(key);
    let genesis = Draft::genesis(author(&ann), "repo", 1, Hlc(1 << 57)).seal();
    let first = Draft::first(genesis.id.into(), author(&ann), "main", &genesis).seal();
    let between = Draft::first(genesis.id.into(), author(&bob), "main", &first).seal();
    let after =
        Draft { seq: 2, prev: Some(first.id), ..Draft::first(genesis.id.into(), author(&ann), "main", &between) };
    let ops = [genesis.signed(&ann), first.clone(), between.signed(&bob), after.seal().signed(&ann)];
    let ops: Vec<StoredOp> = ops.iter().map(SealedOp::stored).collect();
    assert_eq!(pieces(&ops, Signatures::All), Err(BundleRefused::NotCovered(first.id)));
}

#[test]
fn a_body_of_another_op_is_refused() {
    let mut ops = chains(3, 1, b"{}");
    ops[2].body = Some(b"[]".to_vec());
    assert!(matches!(pieces(&ops, Signatures::All), Err(BundleRefused::Op(_))));
}

/// P5: at most 30 bytes per op beyond bodies and keys. Eight authors write one to four ops at a time on a few entities,
/// and learn of one another after a few transactions.
#[test]
fn a_batch_of_1000_ops_takes_at_most_30_bytes_each() {
    for meet in [5, 15, 35] {
        let dials = Dials {
            ops: 1000,
            authors: 8,
            branches: 1,
            entities: 100,
            meet,
            stale_base: 0,
            stale_parents: 0,
            fork: 0,
            merge: 0,
            bodyless: 0,
            void: 0,
            skew_ms: 1_000,
            ..Dials::default()
        };
        let ops = history(5, dials);
        let beyond = |bundle: &[u8]| {
            let inside =
                |op: &StoredOp| op.body.as_ref().map_or(0, Vec::len) + Header::decode(&op.header).unwrap().key.len();
            (bundle.len() - ops.iter().map(inside).sum::<usize>()) as f64 / ops.len() as f64
        };
        let [fewest, all] = [Signatures::Fewest, Signatures::All].map(|signatures| beyond(&bundle(&ops, signatures)));
        println!("P5: meeting after {meet} % of transactions: {fewest:.1} B per op; with every signature {all:.1} B");
        assert!(meet == 35 || fewest <= 30.0);
    }
}

/// A frame of one op is what a live link sends for one edit.
#[test]
fn one_op_alone_is_small() {
    let ops = chains(3, 1, b"{}");
    let op = StoredOp { signature: Some([1; 64]), ..ops[3].clone() };
    let frame = encode_ops(&[op.rehash().unwrap()]).unwrap();
    println!("one op: a header of {} B, a frame of {} B", op.header.len(), frame.len());
    assert!(frame.len() <= op.header.len() + 2 + 64 + 32);
}
