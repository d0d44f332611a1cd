//! `ops` frames: a batch comes back byte for byte, one batch has one frame, and all bounds hold.

use trellis_core::limits::{BODY_BYTES_MAX, FRAME_BYTES_MAX, FRAME_OPS_MAX, SEGMENT_BYTES_MAX};
use trellis_core::link::ops::{OpsFault, OpsRefused, decode_ops, encode_ops};
use trellis_core::log::row::StoredOp;
use trellis_core::op::cbor::{Reader, Scalar, Writer};
use trellis_core::op::header::{BodyRef, Header, HeaderError, Ids};
use trellis_core::op::id::{Author, ContentHash, OpId, RepoId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::time::Hlc;
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::history::{Dials, History, Signing, covered};

const REPO: RepoId = RepoId([1; 32]);

fn encode(ops: &[StoredOp]) -> Result<Vec<u8>, OpsRefused> {
    let ops: Vec<_> = ops.iter().map(|op| op.rehash().unwrap()).collect();
    encode_ops(&ops)
}

fn id(op: &StoredOp) -> OpId {
    OpId::of_header(&op.header)
}

/// Whole transactions of a history, at most `ops_max` ops, from anywhere in it.
fn part(history: &[StoredOp], dice: &mut Dice, ops_max: usize) -> Vec<StoredOp> {
    let ends: Vec<usize> = (0..history.len()).filter(|at| history[*at].signature.is_some()).collect();
    let first = dice.below(ends.len());
    let begin = if first == 0 { 0 } else { ends[first - 1] + 1 };
    let last = ends[first..].iter().rfind(|end| **end - begin < ops_max).unwrap_or(&ends[first]);
    history[begin..=*last].to_vec()
}

#[test]
fn any_part_of_a_history_comes_back_byte_for_byte() {
    for seed in seeds(60) {
        let dials = Dials { signing: Signing::TransactionEnds, ..Dials::any(seed, 500) };
        let history: Vec<StoredOp> =
            covered(&History::generate(seed, &dials).ops).iter().map(|op| op.stored()).collect();
        let mut dice = Dice::new(seed);
        for ops_max in [1, 10, 100, 500] {
            let ops = part(&history, &mut dice, ops_max);
            let frame = encode(&ops).unwrap();
            let batch = decode_ops(&frame).unwrap();
            assert_eq!(batch.ops, ops, "seed {seed}");
            assert_eq!(encode(&batch.ops).unwrap(), frame, "seed {seed}");
        }
    }
}

/// Headers as no author would write them, but canonical: every field, every bound, names and ids new and repeated.
#[test]
fn any_header_comes_back_byte_for_byte() {
    for seed in seeds(200) {
        let mut dice = Dice::new(seed);
        let mut ids: Vec<OpId> = (0..20).map(|number| OpId([number; 32])).collect();
        let ops: Vec<StoredOp> = (0..1 + dice.below(60))
            .map(|_| {
                let op = any_op(&mut dice, &ids);
                ids.push(id(&op));
                op
            })
            .collect();
        let frame = encode(&ops).unwrap();
        let batch = decode_ops(&frame).unwrap();
        assert_eq!((batch.repo, batch.ops), (REPO, ops), "seed {seed}");
    }
}

fn any_op(dice: &mut Dice, ids: &[OpId]) -> StoredOp {
    let long = "long ".repeat(50);
    let names = ["a", "notes", &long, "ü", "\u{80}"];
    let numbers = [0, 1, 23, 24, 255, 256, 65_535, 65_536, u32::MAX.into(), 1 << 40, u64::MAX];
    let seq = *dice.pick(&[1, 1, 2, 24, 1000, u32::MAX]);
    let (parents, base) = (any_ids(dice, ids), any_ids(dice, ids));
    let body = vec![b'x'; *dice.pick(&[0, 1, 23, 24, 255, 256, 300])];
    let named = BodyRef {
        format: Format::from_code(*dice.pick(&numbers)),
        hash: ContentHash::of(&body),
        len: body.len() as u32,
    };
    let scalars = [Scalar::Uint(*dice.pick(&numbers)), Scalar::Bytes(b"\x00\xff"), Scalar::Text("\n")];
    let extra: Vec<u8> = (17..=23).filter(|_| dice.chance(10)).collect();
    let header = Header {
        repo: Some(REPO),
        branch: dice.pick::<&str>(&names),
        author: Author([*dice.pick(&[1, 2, 3]); 32]),
        seq,
        prev: (seq > 1).then(|| *dice.pick(ids)),
        hlc: Hlc(*dice.pick(&[1 << 16, (1 << 63) - 1, 1 << 57, 1 << 57 | 0xffff, 1 << 40])),
        parents: Ids::Slice(&parents),
        collection: dice.pick::<&str>(&names),
        key: dice.pick::<&str>(&names),
        base: Ids::Slice(&base),
        kind: Kind::from_code(*dice.pick(&numbers)),
        body: dice.chance(80).then_some(named),
        schema: dice.chance(20).then(|| *dice.pick(&[0, 2, 24, u64::MAX])),
        actor: dice.chance(20).then(|| *dice.pick(&["", "bob"])),
        extra: extra.into_iter().map(|key| (key, *dice.pick(&scalars))).collect(),
    };
    let is_here = header.body.is_some() && dice.chance(80);
    let signature = Some([dice.below(256) as u8; 64]);
    StoredOp { header: header.encode().unwrap(), body: is_here.then_some(body), signature }
}

fn any_ids(dice: &mut Dice, ids: &[OpId]) -> Vec<OpId> {
    let mut any: Vec<OpId> = (0..*dice.pick(&[0, 1, 1, 2, 5, 32])).map(|_| *dice.pick(ids)).collect();
    any.sort();
    any.dedup();
    any
}

/// Whatever is accepted is the one frame of what it says: a change that a reader does not see does not exist.
#[test]
fn a_changed_frame_is_refused_or_says_something_else() {
    let (mut refused, mut accepted) = (0, 0);
    for seed in seeds(40) {
        let dials = Dials { ops: 40, bodyless: 20, void: 10, signing: Signing::TransactionEnds, ..Dials::default() };
        let history: Vec<StoredOp> =
            covered(&History::generate(seed, &dials).ops).iter().map(|op| op.stored()).collect();
        let mut dice = Dice::new(seed);
        for _ in 0..200 {
            let ops = part(&history, &mut dice, 6);
            let frame = encode(&ops).unwrap();
            let changed = change(&frame, &mut dice);
            match decode_ops(&changed) {
                Err(_) => refused += 1,
                Ok(batch) if changed == frame => assert_eq!(batch.ops, ops),
                Ok(batch) => {
                    accepted += 1;
                    assert_ne!(batch.ops, ops, "seed {seed}");
                    assert_eq!(encode(&batch.ops).unwrap(), changed, "seed {seed}");
                }
            }
        }
    }
    println!("{refused} refused, {accepted} accepted");
    assert!(refused > accepted && accepted > 100);
}

/// The frame with a byte of a column changed, taken out or put in; the lengths around it are right again.
fn change(frame: &[u8], dice: &mut Dice) -> Vec<u8> {
    let (repo, mut columns) = open(frame);
    let column = dice.below(columns.len());
    let column = &mut columns[column];
    let at = dice.below(column.len());
    match dice.below(4) {
        0 => column.insert(at, *dice.pick(&[0, 1, 2, 0x40, 0x60, 0x80, 0x18])),
        1 if !column.is_empty() => drop(column.remove(at)),
        2 if !column.is_empty() => column[at] = dice.below(4) as u8,
        _ if !column.is_empty() => column[at] ^= 1 << dice.below(8),
        _ => {}
    }
    close(repo, &columns)
}

fn open(frame: &[u8]) -> (Option<RepoId>, Vec<Vec<u8>>) {
    let mut reader = Reader::new(&frame[1..]);
    let has_repo = reader.map().unwrap() == 10;
    let repo = has_repo.then(|| (reader.uint().unwrap(), RepoId(*reader.fixed().unwrap())).1);
    let columns = (1..=9).map(|_| (reader.uint().unwrap(), reader.bytes().unwrap().to_vec()).1).collect();
    (repo, columns)
}

fn close(repo: Option<RepoId>, columns: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.map(9 + usize::from(repo.is_some()));
    if let Some(repo) = repo {
        writer.uint(0).bytes(&repo.0);
    }
    for (column, key) in columns.iter().zip(1..) {
        writer.uint(key).bytes(column);
    }
    [&[6], writer.finish().as_slice()].concat()
}

/// A signed `put` of the only author on `main`.
fn put(seq: u32, prev: Option<OpId>, key: &str, body: &[u8]) -> StoredOp {
    let header = Header {
        repo: Some(REPO),
        branch: "main",
        author: Author([2; 32]),
        seq,
        prev,
        hlc: Hlc((1 << 57) + u64::from(seq)),
        parents: Ids::Slice(&[prev.unwrap_or(REPO.genesis())]),
        collection: "notes",
        key,
        base: Ids::NONE,
        kind: Kind::Put,
        body: Some(BodyRef { format: Format::Bytes, hash: ContentHash::of(body), len: body.len() as u32 }),
        schema: None,
        actor: None,
        extra: Vec::new(),
    };
    StoredOp { header: header.encode().unwrap(), body: Some(body.to_vec()), signature: Some([3; 64]) }
}

/// A chain of as many ops.
fn chain(len: u32, key: &str, body: &[u8]) -> Vec<StoredOp> {
    let mut ops: Vec<StoredOp> = Vec::new();
    for seq in 1..=len {
        let prev = ops.last().map(id);
        ops.push(put(seq, prev, key, body));
    }
    ops
}

fn unsigned_but_last(mut ops: Vec<StoredOp>) -> Vec<StoredOp> {
    let last = ops.len() - 1;
    ops[..last].iter_mut().for_each(|op| op.signature = None);
    ops
}

/// One more run of one op in every column of a [`chain`]: what a reader would see that trusts the writer.
fn extend(columns: &mut [Vec<u8>], body: &[u8]) {
    let run = [0, 0, 1, 0x19, 4, 1, 0];
    let more: [&[u8]; 9] = [&run, &[0], &[0], &[1], &[0], &[0x81, 0], &[0x80], body, &[3; 64]];
    columns.iter_mut().zip(more).for_each(|(column, more)| column.extend(more));
}

#[test]
fn ops_that_are_no_batch_are_refused() {
    let [first, second, third] = chain(3, "k", b"{}").try_into().unwrap();
    let unsigned = |op: &StoredOp| StoredOp { signature: None, ..op.clone() };
    let homeless = put(2, None, "k", b"{}");
    let other_repo = History::generate(1, &Dials { signing: Signing::Every, ..Dials::default() });
    let [genesis, stranger] = [0, 1].map(|at: usize| other_repo.ops[at].stored());
    let [first_id, second_id] = [&first, &second].map(id);
    assert_eq!(encode(&[]), Err(OpsRefused::Empty));
    assert_eq!(encode(&[unsigned(&first)]), Err(OpsRefused::NoSignature(first_id)));
    assert_eq!(encode(&[first.clone(), unsigned(&second)]), Err(OpsRefused::NoSignature(second_id)));
    assert_eq!(encode(&[unsigned(&first), third.clone()]), Err(OpsRefused::NoSignature(first_id)));
    assert_eq!(encode(&[first.clone(), genesis.clone()]), Err(OpsRefused::OtherRepo(id(&genesis))));
    assert_eq!(encode(&[first.clone(), stranger.clone()]), Err(OpsRefused::OtherRepo(id(&stranger))));
    assert_eq!(encode(&[genesis, first.clone()]), Err(OpsRefused::OtherRepo(first_id)));
    assert_eq!(encode(&[first.clone(), first.clone()]), Err(OpsRefused::Order(first_id)));
    assert_eq!(encode(&[third, second.clone()]), Err(OpsRefused::Order(second_id)));
    assert_eq!(encode(std::slice::from_ref(&homeless)), Err(OpsRefused::NoPlace(id(&homeless))));
    assert!(encode(&[unsigned(&first), second]).is_ok());
}

#[test]
fn a_frame_takes_1024_ops_and_no_more() {
    let ops = chain(FRAME_OPS_MAX as u32 + 1, "k", b"{}");
    assert_eq!(encode(&ops), Err(OpsRefused::TooManyOps));
    let frame = encode(&ops[..FRAME_OPS_MAX]).unwrap();
    assert_eq!(decode_ops(&frame).unwrap().ops, ops[..FRAME_OPS_MAX]);
    let (repo, mut columns) = open(&frame);
    extend(&mut columns, b"\x42{}");
    assert_eq!(decode_ops(&close(repo, &columns)), Err(OpsFault::TooManyOps));
}

#[test]
fn a_run_takes_what_one_signature_may_vouch_for_and_no_more() {
    let body = vec![b'x'; BODY_BYTES_MAX];
    let two = unsigned_but_last(chain(2, "k", &body));
    let too_long = Err(OpsRefused::RunTooLong(id(&two[1])));
    assert_eq!(encode(&two), too_long);
    let bodyless: Vec<_> = two.iter().map(|op| StoredOp { body: None, ..op.clone() }).collect();
    assert_eq!(encode(&bodyless), too_long, "a body counts wherever it is");

    // Headers and bodies of two ops, to the byte.
    let headers: usize = two.iter().map(|op| op.header.len()).sum();
    let [first, second] = [BODY_BYTES_MAX, SEGMENT_BYTES_MAX - BODY_BYTES_MAX - headers];
    let longest = |more: usize| {
        let first = put(1, None, "k", &body[..first]);
        let second = put(2, Some(id(&first)), "k", &body[..second + more]);
        unsigned_but_last(vec![first, second])
    };
    let frame = encode(&longest(0)).unwrap();
    assert_eq!(decode_ops(&frame).unwrap().ops, longest(0));
    assert!(matches!(encode(&longest(1)), Err(OpsRefused::RunTooLong(_))));
    let (repo, mut columns) = open(&frame);
    columns[7].push(b'x');
    let at = columns[7].len() - second - 1 - 5;
    assert_eq!(columns[7][at], 0x5a);
    columns[7][at + 1..at + 5].copy_from_slice(&(second as u32 + 1).to_be_bytes());
    assert_eq!(decode_ops(&close(repo, &columns)), Err(OpsFault::RunTooLong));
}

#[test]
fn the_largest_segments_fit_a_frame() {
    for (ops, key_bytes) in [(1024, 290), (420, 1024)] {
        let mut segment: Vec<StoredOp> = Vec::new();
        for seq in 1..=ops {
            let prev = segment.last().map(id);
            segment.push(put(seq, prev, &format!("{seq:0key_bytes$}"), b""));
        }
        let segment = unsigned_but_last(segment);
        let bytes: usize = segment.iter().map(|op| op.header.len()).sum();
        assert!(bytes > SEGMENT_BYTES_MAX * 9 / 10 && bytes <= SEGMENT_BYTES_MAX, "{bytes}");
        let frame = encode(&segment).unwrap();
        assert_eq!(decode_ops(&frame).unwrap().ops, segment);
    }
}

/// A small frame cannot become more than a frame's bytes of ops.
#[test]
fn decompression_bombs() {
    let ops = chain(1000, &"k".repeat(1024), b"");
    let whole: usize = ops.iter().map(|op| op.header.len()).sum();
    assert!(whole > FRAME_BYTES_MAX);
    assert_eq!(encode(&ops), Err(OpsRefused::TooLong));
    let fitting = FRAME_BYTES_MAX / ops[999].header.len();
    let (repo, mut columns) = open(&encode(&ops[..fitting]).unwrap());
    (0..3).for_each(|_| extend(&mut columns, &[0x40]));
    let bomb = close(repo, &columns);
    assert!(bomb.len() < 100_000);
    assert_eq!(decode_ops(&bomb), Err(OpsFault::TooLong));
}

#[test]
fn oversized_input() {
    assert_eq!(decode_ops(&vec![6; FRAME_BYTES_MAX + 1]), Err(OpsFault::TooLong));
    assert_ne!(decode_ops(&vec![6; FRAME_BYTES_MAX]), Err(OpsFault::TooLong));
    let five = chain(5, "k", &vec![b'x'; BODY_BYTES_MAX - 100_000]);
    assert!(encode(&five).is_ok());
    let five = chain(5, "k", &vec![b'x'; BODY_BYTES_MAX]);
    assert_eq!(encode(&five), Err(OpsRefused::TooLong));
}

/// The last op of a chain that can never go on.
#[test]
fn a_chain_may_end_at_its_greatest_seq() {
    let first = put(u32::MAX - 1, Some(OpId([7; 32])), "k", b"{}");
    let last = put(u32::MAX, Some(id(&first)), "k", b"{}");
    let ops = unsigned_but_last(vec![first, last]);
    let frame = encode(&ops).unwrap();
    assert_eq!(decode_ops(&frame).unwrap().ops, ops);
    let (repo, mut columns) = open(&frame);
    let at = columns[0].len() - 34 - 5;
    assert_eq!(columns[0][at..at + 5], [0x1a, 0xff, 0xff, 0xff, 0xfe]);
    columns[0][at + 4] = 0xff;
    assert_eq!(decode_ops(&close(repo, &columns)), Err(HeaderError::OutOfBounds(4).into()));
}
