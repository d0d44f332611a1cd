//! Bytes that are no header of version 1, and why.

use serde_json::{Value, json};
use trellis_core::op::cbor::CborError;
use trellis_core::op::header::{Header, HeaderError};
use trellis_core::op::hex;

use super::cbor::{self, DELETE, PUT, bytes, with, without};
use super::{By, bytes_of, case, expect};
use crate::dice::Dice;
use crate::history::{Dials, History};

/// What the file is.
pub const ABOUT: &str = "Bytes that every decoder of headers refuses. `refused` is what is wrong with them; a second implementation need only \
     refuse. `version:n` is not refused but held.";

/// The cases.
pub fn cases() -> Vec<Value> {
    let headers = [integers(), lengths(), order(), types(), keys(), absent(), ids(), bounds(), texts()].concat();
    let headers = headers.into_iter().map(|(name, why, pairs, refused)| (name, why, cbor::header(&pairs), refused));
    let mut cases: Vec<Value> = headers
        .chain(raw())
        .map(|(name, why, bytes, refused)| case(By::Hand, name, why, fields(&bytes, refused)))
        .collect();
    cases.extend(mutated());
    cases
}

type Bad = (&'static str, &'static str, Vec<&'static str>, &'static str);

fn fields(bytes: &[u8], refused: &str) -> Value {
    json!({ "bytes": hex::encode(bytes), "refused": refused })
}

fn integers() -> Vec<Bad> {
    let bad = |name, pair| (name, "an integer has a shorter form", with(DELETE, &[pair]), "not_canonical");
    vec![
        bad("seq-1-in-two-bytes", "04 1801"),
        bad("seq-23-in-two-bytes", "04 1817"),
        bad("seq-24-in-three-bytes", "04 190018"),
        bad("seq-255-in-three-bytes", "04 1900ff"),
        bad("seq-256-in-five-bytes", "04 1a00000100"),
        bad("seq-65535-in-five-bytes", "04 1a0000ffff"),
        bad("seq-65536-in-nine-bytes", "04 1b0000000000010000"),
        bad("hlc-in-nine-bytes", "06 1b00000000ffffffff"),
        bad("version-in-two-bytes", "00 1801"),
        bad("kind-in-two-bytes", "0b 1802"),
        bad("extra-in-two-bytes", "11 1800"),
        (
            "key-in-two-bytes",
            "a map key has a shorter form",
            with(DELETE, &["0b 02", "0f 1802"])
                .into_iter()
                .map(|pair| if pair == "0f 1802" { "180f 02" } else { pair })
                .collect(),
            "not_canonical",
        ),
        bad("additional-28", "04 1c"),
        bad("additional-29", "04 1d"),
        bad("additional-30", "04 1e"),
        bad("integer-indefinite", "04 1f"),
    ]
}

fn lengths() -> Vec<Bad> {
    let bad = |name, why, pair| (name, why, with(DELETE, &[pair]), "not_canonical");
    vec![
        bad("repo-length-in-three-bytes", "a length has a shorter form", "01 590020 32*11"),
        bad("text-length-in-two-bytes", "a length has a shorter form", "02 7804 'main'"),
        bad("array-length-in-two-bytes", "a length has a shorter form", "07 9801 5820 32*11"),
        bad("parent-length-in-three-bytes", "a length inside an array has a shorter form", "07 81 590020 32*11"),
        bad("text-indefinite", "lengths are definite", "02 7f 64 'main' ff"),
        bad("bytes-indefinite", "lengths are definite", "01 5f 5820 32*11 ff"),
        bad("array-indefinite", "lengths are definite", "07 9f 5820 32*11 ff"),
        bad("extra-text-indefinite", "lengths are definite in keys of later versions too", "17 7f 61 'a' ff"),
    ]
}

fn order() -> Vec<Bad> {
    let swapped = |left: usize, right: usize| {
        let mut pairs = DELETE.to_vec();
        pairs.swap(left, right);
        pairs
    };
    let twice =
        |pair: &'static str| DELETE.iter().flat_map(|p| if *p == pair { vec![*p, *p] } else { vec![*p] }).collect();
    vec![
        ("keys-swapped", "keys ascend: 9 stands before 8", swapped(7, 8), "absent:8"),
        ("kind-before-key", "keys ascend: 11 stands before 9", swapped(8, 9), "absent:9"),
        ("key-twice", "a key stands once", twice("04 01"), "not_canonical"),
        ("last-key-twice", "a key stands once, at the end too", twice("0b 02"), "not_canonical"),
        ("extra-twice", "keys of later versions stand once", [DELETE, &["11 00", "11 00"]].concat(), "not_canonical"),
        ("extra-descending", "keys of later versions ascend", [DELETE, &["12 00", "11 00"]].concat(), "not_canonical"),
    ]
}

fn types() -> Vec<Bad> {
    let bad = |name, why, pair| (name, why, with(DELETE, &[pair]), "wrong_type");
    vec![
        bad("float-half", "no floats", "04 f93c00"),
        bad("float-single", "no floats", "04 fa3f800000"),
        bad("float-double", "no floats", "04 fb3ff0000000000000"),
        bad("extra-float", "no floats in keys of later versions", "11 f93c00"),
        bad("tag", "no tags", "06 c1 1a00010000"),
        bad("tag-bignum", "no tags, not even the one for long integers", "06 c2 48 018bcfe568000000"),
        bad("extra-tag", "no tags in keys of later versions", "11 c1 00"),
        bad("negative", "no negative integers", "04 20"),
        bad("extra-negative", "no negative integers in keys of later versions", "11 20"),
        bad("extra-array", "keys of later versions hold uint, bytes or text: no array", "11 80"),
        bad("extra-map", "nor a map", "11 a0"),
        bad("null", "absent is absent, not null", "01 f6"),
        bad("undefined", "absent is absent, not undefined", "01 f7"),
        bad("boolean", "no booleans", "04 f5"),
        bad("simple", "no simple values", "04 f0"),
        bad("branch-bytes", "a branch is text", "02 44 'main'"),
        bad("key-bytes", "a key is text", "09 41 '1'"),
        bad("author-text", "an author is bytes", "03 7820 32*22"),
        bad("author-31", "an author has 32 bytes, not 31", "03 581f 31*22"),
        bad("author-33", "an author has 32 bytes, not 33", "03 5821 33*22"),
        bad("repo-empty", "a repo id has 32 bytes", "01 40"),
        bad("repo-31", "a repo id has 32 bytes", "01 581f 31*11"),
        bad("prev-33", "an op id has 32 bytes", "05 5821 33*11"),
        bad("parent-31", "an op id in an array has 32 bytes", "07 81 581f 31*11"),
        bad("parent-text", "an op id in an array is bytes", "07 81 7820 32*61"),
        bad("parents-bare", "one parent stands in an array too", "07 5820 32*11"),
        bad("parents-map", "parents are an array", "07 a0"),
        bad("seq-text", "a seq is an integer", "04 61 '1'"),
        bad("seq-bytes", "a seq is an integer", "04 41 01"),
    ]
}

fn keys() -> Vec<Bad> {
    let last = |name, why, pair, refused| (name, why, [DELETE, &[pair]].concat(), refused);
    vec![
        last("key-24", "24 is beyond the keys of later versions", "1818 00", "unknown_key:24"),
        last("key-255", "so is every greater key", "18ff 00", "unknown_key:255"),
        last("key-greatest", "up to 2^64 - 1", "1bffffffffffffffff 00", "unknown_key:18446744073709551615"),
        last("key-negative", "keys are unsigned", "20 00", "wrong_type"),
        last("key-text", "keys are integers", "61 'a' 00", "wrong_type"),
        last("body-hash-alone", "the body's fields stand together", "0d 5820 32*33", "unknown_key:13"),
        last("body-len-alone", "the body's fields stand together", "0e 02", "unknown_key:14"),
        last("format-alone", "the body's fields stand together", "0c 00", "absent:13"),
        ("body-len-missing", "the body's fields stand together", without(PUT, "0e"), "absent:14"),
        ("body-hash-missing", "the body's fields stand together", without(PUT, "0d"), "absent:13"),
        ("format-missing", "the body's fields stand together", without(PUT, "0c"), "unknown_key:13"),
        ("version-2", "a later version is held, not refused", with(DELETE, &["00 02"]), "version:2"),
        ("version-0", "there is no version 0; it is as unknown as a later one", with(DELETE, &["00 00"]), "version:0"),
    ]
}

fn absent() -> Vec<Bad> {
    let bad = |name, key, refused| (name, "every header has this field", without(DELETE, key), refused);
    vec![
        bad("no-version", "00", "absent:0"),
        bad("no-branch", "02", "absent:2"),
        bad("no-author", "03", "absent:3"),
        bad("no-seq", "04", "absent:4"),
        bad("no-hlc", "06", "absent:6"),
        bad("no-collection", "08", "absent:8"),
        bad("no-key", "09", "absent:9"),
        bad("no-kind", "0b", "absent:11"),
        ("empty-map", "nothing is there", vec![], "absent:0"),
    ]
}

fn ids() -> Vec<Bad> {
    let bad = |name, why, pair, refused| (name, why, with(DELETE, &[pair]), refused);
    vec![
        bad("parents-empty", "an array is present only if it is not empty", "07 80", "out_of_bounds:7"),
        bad("base-empty", "an array is present only if it is not empty", "0a 80", "out_of_bounds:10"),
        bad("parents-descending", "ids ascend", "07 82 5820 32*22 5820 32*11", "out_of_bounds:7"),
        bad("parents-equal", "ids ascend strictly", "07 82 5820 32*11 5820 32*11", "out_of_bounds:7"),
        bad("base-descending", "ids ascend", "0a 82 5820 32*22 5820 32*11", "out_of_bounds:10"),
        bad("base-equal", "ids ascend strictly", "0a 82 5820 32*11 5820 32*11", "out_of_bounds:10"),
        bad(
            "parents-last-byte",
            "ids ascend by their last byte too",
            "07 82 5820 31*11 12 5820 32*11",
            "out_of_bounds:7",
        ),
    ]
}

fn bounds() -> Vec<Bad> {
    let bad = |name, why, pair, refused| (name, why, with(DELETE, &[pair]), refused);
    vec![
        bad("seq-0", "a chain begins at 1", "04 00", "out_of_bounds:4"),
        bad("seq-too-great", "2^32 is beyond the greatest seq", "04 1b0000000100000000", "out_of_bounds:4"),
        bad("hlc-0", "a clock is at least 2^16", "06 00", "out_of_bounds:6"),
        bad("hlc-too-small", "2^16 - 1", "06 19ffff", "out_of_bounds:6"),
        bad("hlc-too-great", "2^63", "06 1b8000000000000000", "out_of_bounds:6"),
        bad("hlc-greatest-uint", "2^64 - 1", "06 1bffffffffffffffff", "out_of_bounds:6"),
        bad("schema-1", "version 1 of a schema is written by leaving the field out", "0f 01", "out_of_bounds:15"),
        bad("branch-empty", "a branch has a name", "02 60", "out_of_bounds:2"),
        bad("branch-256", "255 bytes are the most", "02 790100 256*62", "out_of_bounds:2"),
        bad("collection-empty", "a collection has a name", "08 60", "out_of_bounds:8"),
        bad("collection-256", "255 bytes are the most", "08 790100 256*63", "out_of_bounds:8"),
        bad("key-empty", "an entity has a key", "09 60", "out_of_bounds:9"),
        bad("key-1025", "1,024 bytes are the most", "09 790401 1025*6b", "out_of_bounds:9"),
        bad("actor-256", "255 bytes are the most", "10 790100 256*61", "out_of_bounds:16"),
        (
            "branch-86-characters",
            "bounds count bytes: 128 characters of two",
            with(DELETE, &["02 790100 128*c3a9"]),
            "out_of_bounds:2",
        ),
        ("body-too-long", "262,145 bytes", with(PUT, &["0e 1a00040001"]), "out_of_bounds:14"),
        (
            "body-len-2-to-the-32",
            "a length that wraps to 0 in 32 bits",
            with(PUT, &["0e 1b0000000100000000"]),
            "out_of_bounds:14",
        ),
    ]
}

fn texts() -> Vec<Bad> {
    let bad = |name, why, pair, refused| (name, why, with(DELETE, &[pair]), refused);
    vec![
        bad("key-nul", "U+0000", "09 61 00", "out_of_bounds:9"),
        bad("key-newline", "U+000A", "09 63 61 0a 62", "out_of_bounds:9"),
        bad("key-1f", "U+001F, the last of the forbidden range", "09 61 1f", "out_of_bounds:9"),
        bad("key-delete", "U+007F", "09 61 7f", "out_of_bounds:9"),
        bad("branch-tab", "U+0009", "02 61 09", "out_of_bounds:2"),
        bad("collection-escape", "U+001B", "08 61 1b", "out_of_bounds:8"),
        bad("actor-nul", "U+0000", "10 61 00", "out_of_bounds:16"),
        bad("utf8-lone-continuation", "not UTF-8", "09 61 80", "not_utf8"),
        bad("utf8-overlong", "not UTF-8: NUL in two bytes", "09 62 c080", "not_utf8"),
        bad("utf8-surrogate", "not UTF-8: U+D800", "09 63 eda080", "not_utf8"),
        bad("utf8-beyond", "not UTF-8: U+110000", "09 64 f4908080", "not_utf8"),
        bad("utf8-cut", "not UTF-8: a character without its end", "09 62 c3 61", "not_utf8"),
        bad("extra-not-utf8", "text of later versions is UTF-8 too", "17 61 ff", "not_utf8"),
    ]
}

fn raw() -> Vec<(&'static str, &'static str, Vec<u8>, &'static str)> {
    let good = cbor::header(DELETE);
    let pairs = DELETE.join(" ");
    let and = |tail: &[u8]| [good.as_slice(), tail].concat();
    let many = |count: u8| {
        let ids: Vec<u8> = (0..count).flat_map(|id| [bytes("5820 31*00"), vec![id]].concat()).collect();
        let parents = [vec![7, 0x98, count], ids].concat();
        [bytes("aa"), bytes(&DELETE[..6].join(" ")), parents, bytes(&DELETE[7..].join(" "))].concat()
    };
    vec![
        ("nothing", "no bytes", vec![], "truncated"),
        ("cut", "the last byte is missing", good[..good.len() - 1].to_vec(), "truncated"),
        ("cut-in-id", "cut inside an id", good[..20].to_vec(), "truncated"),
        ("cut-in-length", "cut inside a length", bytes("aa 00 01 01 58"), "truncated"),
        ("trailing-zero", "a byte follows the map", and(&[0]), "trailing"),
        ("trailing-header", "a second header follows the map", and(&good), "trailing"),
        ("map-too-short", "the map says fewer pairs than follow", [bytes("a9"), bytes(&pairs)].concat(), "absent:11"),
        ("map-too-long", "the map says more pairs than follow", [bytes("ab"), bytes(&pairs)].concat(), "truncated"),
        (
            "map-length-in-two-bytes",
            "the map's length has a shorter form",
            [bytes("b80a"), bytes(&pairs)].concat(),
            "not_canonical",
        ),
        ("map-indefinite", "lengths are definite", [bytes("bf"), bytes(&pairs), bytes("ff")].concat(), "not_canonical"),
        (
            "map-endless",
            "a declared length proves nothing",
            [bytes("bbffffffffffffffff"), bytes(&pairs)].concat(),
            "truncated",
        ),
        ("array", "a header is a map", bytes("80"), "wrong_type"),
        ("map-in-tag", "not even the self-described tag", [bytes("d9d9f7"), good.clone()].concat(), "wrong_type"),
        ("text-endless", "a length of 2^64 - 1", bytes("aa 00 01 02 7bffffffffffffffff"), "truncated"),
        (
            "parents-endless",
            "an array of 2^64 - 1 ids that are not there",
            [bytes("aa"), bytes(&DELETE[..6].join(" ")), bytes("07 9bffffffffffffffff")].concat(),
            "truncated",
        ),
        ("parents-33", "32 parents are the most", many(33), "out_of_bounds:7"),
        (
            "too-long",
            "16,385 bytes: no header of version 1 is as long, but one with keys of later versions could be",
            [
                bytes("ab"),
                bytes(&pairs),
                bytes("17 59"),
                (16_385 - good.len() as u16 - 4).to_be_bytes().to_vec(),
                vec![0; 16_385 - good.len() - 4],
            ]
            .concat(),
            "too_long",
        ),
    ]
}

/// Headers of a history with one byte changed, cut or added, where that leaves no header.
fn mutated() -> Vec<Value> {
    let mut dice = Dice::new(11);
    let history = History::generate(11, &Dials { ops: 30, ..Dials::default() });
    let changed = history.ops.iter().map(|op| {
        let mut bytes = op.header.clone();
        let at = dice.below(bytes.len());
        match dice.below(3) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, dice.below(256) as u8),
        }
        bytes
    });
    let refused = changed.filter_map(|bytes| Some((Header::decode(&bytes).err()?, bytes)));
    let name = |at| format!("mutated-{at}");
    let case = |(at, (error, bytes)): (usize, (HeaderError, Vec<u8>))| {
        case(
            By::Generated,
            &name(at),
            "a header with one byte changed, dropped or added",
            fields(&bytes, &reason(error)),
        )
    };
    refused.take(20).enumerate().map(case).collect()
}

/// Why a header was refused, in a word.
pub fn reason(error: HeaderError) -> String {
    match error {
        HeaderError::Version(version) => format!("version:{version}"),
        HeaderError::Cbor(CborError::Truncated) => "truncated".into(),
        HeaderError::Cbor(CborError::NotCanonical) => "not_canonical".into(),
        HeaderError::Cbor(CborError::WrongType) => "wrong_type".into(),
        HeaderError::Cbor(CborError::NotUtf8) => "not_utf8".into(),
        HeaderError::Cbor(CborError::Trailing) => "trailing".into(),
        HeaderError::UnknownKey(key) => format!("unknown_key:{key}"),
        HeaderError::Absent(key) => format!("absent:{key}"),
        HeaderError::OutOfBounds(key) => format!("out_of_bounds:{key}"),
        HeaderError::TooLong => "too_long".into(),
    }
}

/// Checks one case.
///
/// # Errors
/// What differs.
pub fn check(case: &Value) -> Result<(), String> {
    let bytes = bytes_of(case, "bytes")?;
    match Header::decode(&bytes) {
        Ok(_) => Err("decodes".into()),
        Err(error) => expect("refused", json!(reason(error)), case["refused"].clone()),
    }
}
