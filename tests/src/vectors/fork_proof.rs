//! Fork proofs: two sides written down by hand, signed by a test key, and everything that is no proof.

use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use trellis_core::log::fork::{Fork, ForkProof, ForkProofError};
use trellis_core::op::hex;
use trellis_core::op::id::{OpId, SIGNATURE_CONTEXT};

use super::cbor::{self, DELETE, bytes};
use super::cbor_bad::reason;
use super::{By, bytes_of, case, expect};
use crate::sealed::{author, key};

/// What the file is.
pub const ABOUT: &str = "Fork proofs. Good: `proof` proves `fork`, and re-encodes to the same bytes. Bad: `proof` is `refused`, by its form \
     or by its check.";

/// The cases.
pub fn cases() -> Vec<Value> {
    let good = good().into_iter().map(|(name, why, proof, fork)| {
        case(By::Hand, name, why, json!({ "proof": hex::encode(&proof), "fork": fork }))
    });
    let bad = [bad_forms(), bad_headers(), bad_signatures()].concat();
    let bad = bad.into_iter().map(|(name, why, proof, refused)| {
        case(By::Hand, name, why, json!({ "proof": hex::encode(&proof), "refused": refused }))
    });
    good.chain(bad).collect()
}

fn cat() -> SigningKey {
    key("cat")
}

/// The `delete` of [`DELETE`] by Cat, with other pairs in the place of those with the same key byte.
fn op(changes: &[&str]) -> Vec<u8> {
    let cat = format!("03 5820 {}", author(&cat()));
    let mut pairs: Vec<&str> = DELETE.to_vec();
    for change in [&[cat.as_str()], changes].concat() {
        let at = pairs.partition_point(|pair| pair[..2] < change[..2]);
        match pairs.get(at).is_some_and(|pair| pair[..2] == change[..2]) {
            true => pairs[at] = change,
            false => pairs.insert(at, change),
        }
    }
    cbor::header(&pairs)
}

/// The op behind another on its chain, with other pairs.
fn next(before: &[u8], seq: u8, changes: &[&str]) -> Vec<u8> {
    let (seq, prev) = (format!("04 {seq:02x}"), format!("05 5820 {}", OpId::of_header(before)));
    op(&[&[seq.as_str(), &prev], changes].concat())
}

/// Cat's op that begins a repo.
fn genesis() -> Vec<u8> {
    let cat = format!("03 5820 {}", author(&cat()));
    cbor::header(&[
        "00 01",
        "02 65 '_repo'",
        &cat,
        "04 01",
        "06 1b 018bcfe568000000",
        "08 65 '_repo'",
        "09 67 'genesis'",
        "0b 00",
        "0c 00",
        "0d 5820 32*33",
        "0e 02",
    ])
}

/// A byte string of 24 to 65,535 bytes.
fn string(content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let head = if len < 256 { vec![0x58, len as u8] } else { vec![0x59, (len >> 8) as u8, len as u8] };
    [head, content.to_vec()].concat()
}

fn signature(header: &[u8], key: &SigningKey) -> Vec<u8> {
    key.sign(&[SIGNATURE_CONTEXT, OpId::of_header(header).as_bytes()].concat()).to_bytes().to_vec()
}

/// A side of at most 23 headers, with Cat's signature of the last.
fn side(headers: &[Vec<u8>]) -> Vec<u8> {
    side_by(headers, &signature(headers.last().expect("a header"), &cat()))
}

/// A side of one header.
fn alone(header: &[u8]) -> Vec<u8> {
    side(&[header.to_vec()])
}

fn side_by(headers: &[Vec<u8>], signature: &[u8]) -> Vec<u8> {
    let headers_cbor: Vec<u8> = headers.iter().flat_map(|header| string(header)).collect();
    [vec![0x82, 0x80 | headers.len() as u8], headers_cbor, string(signature)].concat()
}

const START: &str = "83 6e 'trellis/fork/1'";

fn proof(sides: [Vec<u8>; 2]) -> Vec<u8> {
    [bytes(START), sides.concat()].concat()
}

/// The proof of two sides in their order.
fn ordered(mut sides: [Vec<Vec<u8>>; 2]) -> Vec<u8> {
    sides.sort_by_key(|side| OpId::of_header(&side[0]));
    proof(sides.map(|headers| side(&headers)))
}

fn fork(repo: &str, branch: &str, seq: u32, ops: [&[u8]; 2]) -> Value {
    let mut ops = ops.map(|header| OpId::of_header(header).to_string());
    ops.sort();
    json!({ "repo": repo, "branch": branch, "author": author(&cat()).to_string(), "seq": seq, "ops": ops })
}

fn main_fork(seq: u32, ops: [&[u8]; 2]) -> Value {
    fork(&"11".repeat(32), "main", seq, ops)
}

/// The deletes of `notes/1` and of `notes/2`, each the first op of Cat's chain.
fn two() -> [Vec<u8>; 2] {
    [op(&[]), op(&["09 61 '2'"])]
}

type Good = (&'static str, &'static str, Vec<u8>, Value);

fn good() -> Vec<Good> {
    let [one, other] = two();
    let (second, third) = (next(&one, 2, &["09 61 '3'"]), next(&other, 2, &["09 61 '4'"]));
    let last = next(&second, 3, &["09 61 '5'"]);
    let begin = genesis();
    let id = OpId::of_header(&begin).to_string();
    let (repo, parent) = (format!("01 5820 {id}"), format!("07 81 5820 {id}"));
    let beside = op(&["02 65 '_repo'", &repo, &parent]);
    let late = op(&["09 61 '3'", "11 01", "12 61 'x'"]);
    vec![
        (
            "two",
            "two deletes at the beginning of a chain, each signed",
            ordered([vec![one.clone()], vec![other.clone()]]),
            main_fork(1, [&one, &other]),
        ),
        (
            "covered",
            "the third op of a transaction vouches for its first",
            ordered([vec![one.clone(), second.clone(), last], vec![other.clone()]]),
            main_fork(1, [&one, &other]),
        ),
        (
            "further",
            "the ops behind two that fork have one place too, though not one prev",
            ordered([vec![second.clone()], vec![third.clone()]]),
            main_fork(2, [&second, &third]),
        ),
        (
            "genesis",
            "another op in the place of the genesis, whose repo is its own id",
            ordered([vec![begin.clone()], vec![beside.clone()]]),
            fork(&id, "_repo", 1, [&begin, &beside]),
        ),
        (
            "later-keys",
            "keys of later versions are part of a header",
            ordered([vec![one.clone()], vec![late.clone()]]),
            main_fork(1, [&one, &late]),
        ),
    ]
}

type Bad = (&'static str, &'static str, Vec<u8>, &'static str);

fn bad_forms() -> Vec<Bad> {
    let [one, other] = two();
    let good = ordered([vec![one.clone()], vec![other.clone()]]);
    let swapped = |bad: &[u8]| {
        let at = bytes(START).len();
        let half = (bad.len() - at) / 2;
        [&bad[..at], &bad[at + half..], &bad[at..at + half]].concat()
    };
    let tail = good[bytes(START).len()..].to_vec();
    let starting = |start: &str| [bytes(start), tail.clone()].concat();
    let empty = [bytes(START), side_by(&[], &[0; 64]), alone(&one)].concat();
    let many = [bytes(START), bytes("82 99 0401 1025*40 5840 64*00"), alone(&one)].concat();
    vec![
        ("nothing", "no byte", vec![], "truncated"),
        ("cut", "the last byte is missing", good[..good.len() - 1].to_vec(), "truncated"),
        ("trailing", "a byte behind the proof", [good.clone(), vec![0]].concat(), "trailing"),
        ("other-name", "a proof of something else", starting("83 6e 'trellis/cork/1'"), "not_a_proof"),
        ("version-2", "a proof of a later version", starting("83 6e 'trellis/fork/2'"), "not_a_proof"),
        ("name-as-bytes", "the name is text", starting("83 4e 'trellis/fork/1'"), "wrong_type"),
        ("name-long-form", "a length has one form", starting("83 78 0e 'trellis/fork/1'"), "not_canonical"),
        ("one-side", "an array of two", starting("82 6e 'trellis/fork/1'"), "not_a_proof"),
        ("three-sides", "an array of four", starting("84 6e 'trellis/fork/1'"), "not_a_proof"),
        ("indefinite", "an array without a length", starting("9f 6e 'trellis/fork/1'"), "not_canonical"),
        (
            "side-of-three",
            "a side has headers and a signature, nothing else",
            [bytes(START), vec![0x83], tail[1..].to_vec()].concat(),
            "not_a_proof",
        ),
        ("empty-side", "a side without a header", empty, "empty"),
        ("too-many", "a declared 1,025 headers", many, "too_large"),
        (
            "endless",
            "a declared length proves nothing",
            [bytes(START), bytes("82 9b ffffffffffffffff")].concat(),
            "too_large",
        ),
        ("swapped", "the greater id first", swapped(&good), "order"),
        ("one-op", "one op twice", proof([alone(&one), alone(&one)]), "order"),
        (
            "signature-63",
            "a signature has 64 bytes",
            proof([side_by(std::slice::from_ref(&one), &[0; 63]), side_by(std::slice::from_ref(&other), &[0; 63])]),
            "wrong_type",
        ),
    ]
}

fn bad_headers() -> Vec<Bad> {
    let [one, other] = two();
    let against = |headers: &[Vec<u8>]| ordered([vec![other.clone()], headers.to_vec()]);
    let chained = |seq: u8, changes: &[&str]| against(&[one.clone(), next(&one, seq, changes)]);
    let stranger = format!("03 5820 {}", author(&key("dan")));
    vec![
        ("no-header", "bytes that are no header", against(&[vec![0xff; 40]]), "header"),
        ("version-of-header", "a header of a later version", against(&[op(&["00 02"])]), "header"),
        ("header-trailing", "a byte behind a header", against(&[[op(&[]), vec![0]].concat()]), "header"),
        ("other-repo", "the two are of different repos", against(&[op(&["01 5820 32*12"])]), "repo_mismatch"),
        ("other-branch", "on different branches", against(&[op(&["02 64 'side'"])]), "place"),
        ("other-seq", "at different places", against(&[next(&one, 2, &[])]), "place"),
        ("skips", "seq goes up by one", chained(3, &[]), "chain"),
        ("stays", "seq goes up by one", chained(1, &[]), "chain"),
        ("no-prev", "an op without prev follows none", against(&[one.clone(), op(&["04 02"])]), "chain"),
        ("another-prev", "prev is another op", against(&[one.clone(), next(&other, 2, &[])]), "chain"),
        ("chain-of-repos", "a chain stays in its repo", chained(2, &["01 5820 32*12"]), "chain"),
        ("chain-of-branches", "a chain stays on its branch", chained(2, &["02 64 'side'"]), "chain"),
        ("chain-of-authors", "a chain has one author", chained(2, &[&stranger]), "chain"),
        (
            "only-behind",
            "what stands behind the signed op is not vouched for",
            {
                let later = next(&one, 2, &[]);
                proof_with(&[one.clone(), later], &signature(&one, &cat()))
            },
            "signature",
        ),
    ]
}

/// The proof of the second of [`two`] against a side with a signature of its own.
fn proof_with(headers: &[Vec<u8>], signature: &[u8]) -> Vec<u8> {
    let other = two()[1].clone();
    let mut sides =
        [(OpId::of_header(&other), side(&[other])), (OpId::of_header(&headers[0]), side_by(headers, signature))];
    sides.sort();
    proof(sides.map(|(_, side)| side))
}

fn bad_signatures() -> Vec<Bad> {
    let one = two()[0].clone();
    let with = |signature: &[u8]| proof_with(std::slice::from_ref(&one), signature);
    let small_order = {
        let identity = bytes("01 31*00");
        let weak = op(&[&format!("03 5820 {}", hex::encode(&identity))]);
        let weaker = op(&[&format!("03 5820 {}", hex::encode(&identity)), "09 61 '2'"]);
        let signature = [identity, vec![0; 32]].concat();
        let mut sides = [weak, weaker].map(|header| (OpId::of_header(&header), side_by(&[header], &signature)));
        sides.sort();
        proof(sides.map(|(_, side)| side))
    };
    let changed = {
        let mut changed = signature(&one, &cat());
        changed[0] ^= 1;
        changed
    };
    vec![
        ("unsigned", "no signature", with(&[0; 64]), "signature"),
        ("signed-by-other", "another key's signature", with(&signature(&one, &key("dan"))), "signature"),
        ("signature-of-other", "the signature of the other op", with(&signature(&two()[1], &cat())), "signature"),
        ("signature-changed", "one bit of it", with(&changed), "signature"),
        ("small-order", "a key that signs everything, where a check is not strict", small_order, "signature"),
    ]
}

fn refused(error: ForkProofError) -> String {
    match error {
        ForkProofError::Cbor(error) => reason(error.into()),
        ForkProofError::NotAProof => "not_a_proof".into(),
        ForkProofError::Empty => "empty".into(),
        ForkProofError::TooLarge => "too_large".into(),
        ForkProofError::Order => "order".into(),
        ForkProofError::Header(_) => "header".into(),
        ForkProofError::Chain => "chain".into(),
        ForkProofError::RepoMismatch => "repo_mismatch".into(),
        ForkProofError::Place => "place".into(),
        ForkProofError::Signature => "signature".into(),
    }
}

fn fork_of(Fork { repo, branch, author, seq, ops }: Fork) -> Value {
    let (repo, author) = (repo.to_string(), author.to_string());
    json!({ "repo": repo, "branch": branch, "author": author, "seq": seq, "ops": ops.map(|op| op.to_string()) })
}

/// Checks one case.
///
/// # Errors
/// What differs.
pub fn check(case: &Value) -> Result<(), String> {
    let bytes = bytes_of(case, "proof")?;
    let came = ForkProof::decode(&bytes);
    if let Ok(proof) = &came {
        expect("encoded again", proof.encode(), bytes)?;
    }
    let proven = came.and_then(|proof| proof.verify());
    match case["refused"].as_str() {
        Some(expected) => expect("refused", proven.map_err(refused), Err(expected.into())),
        None => expect("fork", json!(proven.map(fork_of).map_err(refused)?), case["fork"].clone()),
    }
}
