//! Bundles: frames in a file, with a count and a hash at the end.

use serde_json::{Value, json};
use trellis_core::link::blob::{BlobFault, BlobPiece};
use trellis_core::link::bundle::{BundleError, BundleReader, BundleWriter, Progress, Signatures, decode_bundle};
use trellis_core::log::row::StoredOp;
use trellis_core::op::hex;
use trellis_core::op::id::ContentHash;

use super::cbor::{self, DELETE, bytes};
use super::cbor_bad::reason;
use super::ops_frame::{Columns, op_of, op_of_stored, refused, stored, story};
use super::{By, bytes_of, case, expect};

/// What the file is.
pub const ABOUT: &str = "Bundles. Good: `bundle` has `ops`, in this order, written as in ops_frame.json. Bad: reading `bundle` ends with \
     `refused`. Signatures are not checked. Where ops are put into frames is the writer's choice.";

/// The cases.
pub fn cases() -> Vec<Value> {
    let good = good().into_iter().map(|(name, why, bundle, ops)| {
        case(By::Hand, name, why, json!({ "bundle": hex::encode(&bundle), "ops": ops }))
    });
    let bad = bad().into_iter().map(|(name, why, bundle, refused)| {
        case(By::Hand, name, why, json!({ "bundle": hex::encode(&bundle), "refused": refused }))
    });
    good.chain(bad).chain(generated()).collect()
}

fn generated() -> Vec<Value> {
    let of_story = |(name, why, signatures)| {
        let mut writer = BundleWriter::new(signatures);
        story().iter().for_each(|op| writer.push(op.stored()).expect("an op"));
        let bundle = [writer.take(), writer.finish().expect("a signature vouches for each op")].concat();
        let ops: Vec<Value> = decode_bundle(&bundle).expect("a bundle").iter().map(op_of_stored).collect();
        case(By::Generated, name, why, json!({ "bundle": hex::encode(&bundle), "ops": ops }))
    };
    let written = [
        ("story", "a repo from its genesis, with real signatures", Signatures::All),
        ("story-fewest", "one signature for what follows at once in a chain", Signatures::Fewest),
    ];
    written.into_iter().map(of_story).collect()
}

const MAGIC: &str = "'trellis' 01";

/// A frame with its length before it.
fn with_length(frame: &[u8]) -> Vec<u8> {
    [(frame.len() as u32).to_be_bytes().as_slice(), frame].concat()
}

/// The last frame behind `before`, with its length before it; `count` is CBOR.
fn end(before: &[u8], count: &str) -> Vec<u8> {
    let hash = blake3::hash(before).to_hex();
    with_length(&bytes(&format!("00 82 {count} 5820 {hash}")))
}

/// A whole bundle of these frames.
fn bundle(frames: &[Vec<u8>], count: &str) -> Vec<u8> {
    let frames: Vec<u8> = frames.iter().flat_map(|frame| with_length(frame)).collect();
    let before = [bytes(MAGIC), frames].concat();
    [before.clone(), end(&before, count)].concat()
}

/// The frame of the `delete` of [`DELETE`] in this repo, and the op.
fn delete(repo: &str) -> (Vec<u8>, Value) {
    let pair = format!("01 {repo}");
    let mut pairs = DELETE.to_vec();
    pairs[1] = &pair;
    (Columns::delete().repo(Some(repo)).frame(), op_of(&cbor::header(&pairs), None, Some(&[0xaa; 64])))
}

type Good = (&'static str, &'static str, Vec<u8>, Vec<Value>);

fn good() -> Vec<Good> {
    let (one, first) = delete("5820 32*11");
    let short = content(5);
    vec![
        ("empty", "no op: 8 bytes, and the count 0 with their hash", bundle(&[], "00"), vec![]),
        ("one", "one frame", bundle(std::slice::from_ref(&one), "01"), vec![first.clone()]),
        (
            "blob",
            "a blob before the op: it does not count",
            bundle(&[whole(&short), one.clone()], "01"),
            vec![first.clone()],
        ),
        (
            "blob-behind",
            "and behind it: the order is a writer's habit",
            bundle(&[one.clone(), whole(&short)], "01"),
            vec![first.clone()],
        ),
        ("blob-alone", "a blob that no op names", bundle(&[whole(&short)], "00"), vec![]),
        ("blob-empty", "the empty blob has one piece, without bytes", bundle(&[whole(&[])], "00"), vec![]),
        (
            "blob-blob",
            "one blob behind the other, and the first again",
            bundle(&[whole(&short), whole(&[]), whole(&short)], "00"),
            vec![],
        ),
        (
            "again",
            "frames know nothing of each other: an op may come again, and counts again",
            bundle(&[one.clone(), one], "02"),
            vec![first.clone(), first],
        ),
    ]
}

/// Content of this length.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

/// A frame with a piece of the blob `of`.
fn piece(of: &[u8], offset: u64, bytes: &[u8]) -> Vec<u8> {
    BlobPiece { blob: ContentHash::of(of), offset, bytes: bytes.to_vec() }.encode()
}

fn whole(content: &[u8]) -> Vec<u8> {
    piece(content, 0, content)
}

/// A frame by hand: its pieces of `06 05 04` at 0.
fn blob_by_hand(body: &str) -> Vec<u8> {
    let hash = blake3::hash(&[6, 5, 4]).to_hex().to_string();
    bytes(&body.replace("HASH", &hash))
}

fn bad_blobs() -> Vec<Bad> {
    let (one, _) = delete("5820 32*11");
    let short = content(5);
    let by_hand = |body: &str| bundle(&[blob_by_hand(body)], "00");
    vec![
        ("blob-two", "a piece says where it begins", by_hand("07 82 5820 HASH 43 060504"), "blob:8:wrong_type"),
        ("blob-four", "and nothing else", by_hand("07 84 5820 HASH 00 43 060504 00"), "blob:8:wrong_type"),
        ("blob-trailing", "bytes behind a piece", by_hand("07 83 5820 HASH 00 43 060504 00"), "blob:8:trailing"),
        ("blob-text", "content is bytes", by_hand("07 83 5820 HASH 00 63 'abc'"), "blob:8:wrong_type"),
        ("blob-cut", "a piece that is cut short", by_hand("07 83 5820 HASH 00 43 0605"), "blob:8:truncated"),
        ("blob-long-form", "a length has one form", by_hand("07 83 5820 HASH 00 5803 060504"), "blob:8:not_canonical"),
        (
            "blob-beyond",
            "a piece that ends behind 4 GiB",
            by_hand("07 83 5820 HASH 1a fffffffe 43 060504"),
            "blob:8:too_long",
        ),
        (
            "blob-endless",
            "an offset that overflows",
            by_hand("07 83 5820 HASH 1b ffffffffffffffff 41 06"),
            "blob:8:too_long",
        ),
        ("blob-late", "the first piece begins at 0", bundle(&[piece(&short, 1, &short)], "00"), "blob:8:out_of_order"),
        (
            "blob-short-first",
            "only the last piece is shorter than a chunk",
            bundle(&[piece(&short, 0, &short[..2]), piece(&short, 2, &short[2..])], "00"),
            "blob:52:out_of_order",
        ),
        (
            "blob-again",
            "a blob directly behind itself",
            bundle(&[whole(&short), whole(&short)], "00"),
            "blob:55:out_of_order",
        ),
        ("blob-wrong", "the content of another", bundle(&[piece(&short, 0, &[0; 5])], "00"), "blob:55:wrong_hash"),
        (
            "blob-wrong-op",
            "an op behind a piece that is not all of it",
            bundle(&[piece(&short, 0, &short[..2]), one], "01"),
            "blob:52:wrong_hash",
        ),
        (
            "blob-wrong-blob",
            "or another blob",
            bundle(&[piece(&short, 0, &short[..2]), whole(&[])], "00"),
            "blob:52:wrong_hash",
        ),
    ]
}

type Bad = (&'static str, &'static str, Vec<u8>, &'static str);

fn bad() -> Vec<Bad> {
    [bad_starts(), bad_frames(), bad_blobs(), bad_ends()].concat()
}

fn bad_starts() -> Vec<Bad> {
    let good = bundle(&[delete("5820 32*11").0], "01");
    let cut = |len: usize| good[..len].to_vec();
    vec![
        ("nothing", "no byte", vec![], "truncated:0"),
        ("start-cut", "the beginning of the first 8 bytes", cut(7), "truncated:0"),
        ("other-file", "the first byte is another", bytes("50 4b 03 04"), "not_a_bundle"),
        ("other-name", "the seventh byte is another", bytes("'trelliz' 01"), "not_a_bundle"),
        ("version-2", "a bundle of a later version", bytes("'trellis' 02 00"), "version:2"),
        ("start-alone", "no last frame", cut(8), "truncated:8"),
        ("length-cut", "inside of the length of the first frame", cut(11), "truncated:8"),
        ("frame-cut", "inside of the first frame", cut(100), "truncated:8"),
        ("end-missing", "whole frames, and no last one", cut(good.len() - 41), "truncated:234"),
        ("end-cut", "the last byte is missing", cut(good.len() - 1), "truncated:234"),
    ]
}

fn bad_frames() -> Vec<Bad> {
    let (one, _) = delete("5820 32*11");
    let (other, _) = delete("5820 32*12");
    let start = |tail: &str| bytes(&format!("{MAGIC} {tail}"));
    let with_run_0 = {
        let mut frame = one.clone();
        frame[79] = 0;
        frame
    };
    vec![
        ("frame-empty", "a frame has a type", start("00000000"), "damaged:8:not_ops"),
        ("frame-unknown", "a type of no frame in bundles", start("00000001 63"), "unknown_frame:8:99"),
        ("frame-hello", "a message of sessions", start("00000002 01 a0"), "unknown_frame:8:1"),
        ("frame-too-large", "1,048,577 bytes", start("00100001 06"), "too_large:8"),
        ("frame-endless", "a declared length proves nothing", start("ffffffff 06"), "too_large:8"),
        ("frame-largest", "1,048,576 bytes are allowed, and not here", start("00100000 06"), "truncated:8"),
        ("frame-damaged", "an ops frame that is none", start("00000002 06 80"), "damaged:8:wrong_type"),
        ("run-empty", "what is wrong with the frame is told", bundle(&[with_run_0], "01"), "damaged:8:empty_run"),
        (
            "second-damaged",
            "and where",
            [start(""), with_length(&one), bytes("00000001 06")].concat(),
            "damaged:234:truncated",
        ),
        ("other-repo", "a bundle is of one repo", bundle(&[one, other], "02"), "other_repo:234"),
    ]
}

fn bad_ends() -> Vec<Bad> {
    let one = delete("5820 32*11").0;
    let frames = [one];
    let good = bundle(&frames, "01");
    let before = &good[..good.len() - 41];
    let and = |tail: &[u8]| [good.as_slice(), tail].concat();
    let ending = |notation: &str| {
        let hash = blake3::hash(before).to_hex().to_string();
        [before.to_vec(), with_length(&bytes(&notation.replace("HASH", &hash)))].concat()
    };
    let damaged = |at: usize, bit: u8| {
        let mut bundle = good.clone();
        bundle[at] ^= bit;
        bundle
    };
    vec![
        ("count-too-small", "0 of 1", bundle(&frames, "00"), "wrong_count:0:1"),
        ("count-too-great", "2 of 1", bundle(&frames, "02"), "wrong_count:2:1"),
        ("count-long-form", "a count has one form", bundle(&frames, "18 01"), "bad_end:234"),
        ("hash-wrong", "the last byte of the hash", damaged(good.len() - 1, 1), "wrong_hash"),
        ("signature-damaged", "a frame is well formed, and not what was written", damaged(199, 1), "wrong_hash"),
        ("end-alone", "a type without a count", ending("00"), "bad_end:234"),
        ("end-one", "a count without a hash", ending("00 81 01"), "bad_end:234"),
        ("end-three", "an array of three", ending("00 83 01 5820 HASH 00"), "bad_end:234"),
        ("end-hash-31", "a hash has 32 bytes", ending("00 82 01 581f 31*00"), "bad_end:234"),
        ("end-trailing", "bytes in the last frame", ending("00 82 01 5820 HASH 00"), "bad_end:234"),
        ("trailing", "a byte behind the last frame", and(&[0]), "trailing:275"),
        ("trailing-bundle", "a second bundle behind the first", and(&good), "trailing:275"),
    ]
}

fn error_of(error: BundleError) -> String {
    match error {
        BundleError::NotABundle => "not_a_bundle".into(),
        BundleError::Version(version) => format!("version:{version}"),
        BundleError::Truncated { at } => format!("truncated:{at}"),
        BundleError::TooLarge { at } => format!("too_large:{at}"),
        BundleError::UnknownFrame { at, kind } => format!("unknown_frame:{at}:{kind}"),
        BundleError::Damaged { at, fault } => format!("damaged:{at}:{}", refused(fault)),
        BundleError::Blob { at, fault } => format!("blob:{at}:{}", blob_fault(fault)),
        BundleError::OtherRepo { at } => format!("other_repo:{at}"),
        BundleError::BadEnd { at } => format!("bad_end:{at}"),
        BundleError::WrongCount { stated, counted } => format!("wrong_count:{stated}:{counted}"),
        BundleError::WrongHash => "wrong_hash".into(),
        BundleError::Trailing { at } => format!("trailing:{at}"),
    }
}

fn blob_fault(fault: BlobFault) -> String {
    match fault {
        BlobFault::Shape(fault) => reason(fault.into()),
        BlobFault::TooLong => "too_long".into(),
        BlobFault::OutOfOrder => "out_of_order".into(),
        BlobFault::WrongHash(_) => "wrong_hash".into(),
    }
}

/// Checks one case: read at once, and byte by byte.
///
/// # Errors
/// What differs.
pub fn check(case: &Value) -> Result<(), String> {
    let bundle = bytes_of(case, "bundle")?;
    let came = decode_bundle(&bundle).map_err(error_of);
    expect("byte by byte", &by_bytes(&bundle).map_err(error_of), &came)?;
    match case["ops"].as_array() {
        None => expect("refused", json!(came.err()), case["refused"].clone()),
        Some(ops) => expect("ops", came?, ops.iter().map(stored).collect::<Result<_, _>>()?),
    }
}

fn by_bytes(bundle: &[u8]) -> Result<Vec<StoredOp>, BundleError> {
    let mut reader = BundleReader::new();
    let mut all = Vec::new();
    for byte in bundle.chunks(1) {
        if let Progress::Ops(ops) = reader.read(&mut &*byte)? {
            all.extend(ops);
        }
    }
    reader.finish().map(|()| all)
}
