//! Bytes and texts that are no message.

use serde_json::{Value, json};
use trellis_core::op::hex;

use super::good::{delete_on_link, delete_op, delete_with_parents};
use super::{digits, hand};
use crate::vectors::cbor::bytes;
use crate::vectors::ops_frame::Columns;

type Bad = (&'static str, &'static str, &'static str, &'static str);

pub(super) fn frames() -> Vec<Value> {
    let written = [types(), maps(), handshake(), lists(), chains(), values(), blobs()].concat();
    let written = written.into_iter().map(|(name, why, notation, refused)| (name, why, bytes(notation), refused));
    let frame = |(name, why, frame, refused): (&str, &str, Vec<u8>, &str)| {
        hand(name, why, json!({ "frame": hex::encode(&frame), "refused": refused }))
    };
    written.chain(ops()).map(frame).chain(halves()).collect()
}

fn types() -> Vec<Bad> {
    vec![
        ("bad-nothing", "no byte", "", "empty"),
        ("bad-type-0", "the end of a bundle is no message", "00 82 00 5820 32*11", "unknown_type:0"),
        ("bad-type-16", "kept for range-based reconciliation", "10 a0", "unknown_type:16"),
        ("bad-type-17", "kept for snapshots", "11 a0", "unknown_type:17"),
        ("bad-type-255", "no message", "ff a0", "unknown_type:255"),
    ]
}

fn maps() -> Vec<Bad> {
    vec![
        ("bad-type-alone", "no map", "04", "truncated"),
        ("bad-array", "fields stand in a map", "04 80", "wrong_type"),
        ("bad-map-long", "the length of the map has a shorter form", "04 b8 00", "not_canonical"),
        ("bad-map-indefinite", "lengths are definite", "04 bf ff", "not_canonical"),
        ("bad-map-endless", "a declared length proves nothing", "04 bb ffff ffff ffff ffff", "truncated"),
        ("bad-map-short", "the map says more pairs than follow", "04 a2 03 01", "truncated"),
        ("bad-trailing", "a byte follows the map", "04 a0 00", "trailing"),
        ("bad-key-unknown", "no field of this version", "04 a1 0b 00", "unknown_key:11"),
        ("bad-key-text", "keys are numbers", "04 a1 61 'x' 00", "wrong_type"),
        ("bad-key-long", "a key has a shorter form", "04 a1 1803 01", "not_canonical"),
        ("bad-keys-descend", "keys ascend", "04 a2 08 01 03 01", "not_canonical"),
        ("bad-key-twice", "a key stands once", "04 a2 03 01 03 01", "not_canonical"),
        ("bad-bye-field", "a bye has no fields", "0f a1 00 01", "unknown_key:0"),
        (
            "bad-hello-later",
            "later versions say more by capabilities, not by keys",
            "01 a3 00 8101 01 5820 32*11 05 00",
            "unknown_key:5",
        ),
        ("bad-default", "a default is written by leaving it out", "04 a1 03 00", "not_canonical"),
        ("bad-default-flag", "a default is written by leaving it out", "04 a1 09 00", "not_canonical"),
        ("bad-default-list", "so is a list of nothing", "04 a1 00 80", "not_canonical"),
        ("bad-default-text", "and a text of nothing", "01 a3 00 8101 01 5820 32*11 02 60", "not_canonical"),
        ("bad-default-content", "and bytes of nothing", "0b a2 01 40 02 5840 64*33", "not_canonical"),
        ("bad-default-without", "nothing is not there", "04 a1 07 82 80 80", "not_canonical"),
        ("bad-default-level", "`memory` is the default", "08 a1 02 00", "not_canonical"),
        (
            "bad-default-frame",
            "1,048,576 is the default",
            "02 a6 00 01 01 5820 32*11 02 5820 32*22 04 1a 00100000 05 00 06 5840 64*33",
            "not_canonical",
        ),
    ]
}

fn handshake() -> Vec<Bad> {
    vec![
        ("bad-hello-versions", "a hello speaks something", "01 a1 01 5820 32*11", "bounds:versions"),
        ("bad-hello-nonce", "a hello has a nonce", "01 a1 00 8101", "absent:nonce"),
        ("bad-hello-nonce-31", "of 32 bytes", "01 a2 00 8101 01 581f 31*11", "wrong_type"),
        ("bad-hello-descending", "versions ascend", "01 a2 00 82 02 01 01 5820 32*11", "bounds:versions"),
        ("bad-hello-twice", "each version once", "01 a2 00 82 01 01 01 5820 32*11", "bounds:versions"),
        (
            "bad-hello-nine",
            "8 versions are the most",
            "01 a2 00 89 010203040506070809 01 5820 32*11",
            "bounds:versions",
        ),
        (
            "bad-hello-beyond",
            "2^53 - 1 is the greatest number",
            "01 a2 00 81 1b 0020000000000000 01 5820 32*11",
            "bounds:versions",
        ),
        (
            "bad-hello-capabilities",
            "capabilities ascend",
            "01 a3 00 8101 01 5820 32*11 03 82 61 'b' 61 'a'",
            "bounds:capabilities",
        ),
        (
            "bad-hello-capability-empty",
            "a capability is a word",
            "01 a3 00 8101 01 5820 32*11 03 81 60",
            "bounds:capabilities",
        ),
        (
            "bad-hello-capability-33",
            "of at most 32 bytes",
            "01 a3 00 8101 01 5820 32*11 03 81 7821 33*61",
            "bounds:capabilities",
        ),
        (
            "bad-hello-audience",
            "an audience has no control characters",
            "01 a3 00 8101 01 5820 32*11 02 62 610a",
            "bounds:audience",
        ),
        (
            "bad-hello-audience-301",
            "an audience has at most 300 bytes",
            "01 a3 00 8101 01 5820 32*11 02 79012d 301*61",
            "bounds:audience",
        ),
        ("bad-hello-tag-32", "a tag has 16 bytes", "01 a3 00 8101 01 5820 32*11 04 5820 32*22", "wrong_type"),
        (
            "bad-welcome-unsigned",
            "a welcome proves its key",
            "02 a4 00 01 01 5820 32*11 02 5820 32*22 05 00",
            "absent:signature",
        ),
        ("bad-auth-unsigned", "an auth proves its key", "03 a1 00 5820 32*22", "absent:signature"),
        (
            "bad-auth-invitation",
            "an invitation is proved too",
            "03 a3 00 5820 32*22 01 5820 32*44 02 5840 64*33",
            "absent:invitationSignature",
        ),
        (
            "bad-auth-proof",
            "a proof of no invitation",
            "03 a3 00 5820 32*22 02 5840 64*33 03 5840 64*55",
            "absent:invitation",
        ),
    ]
}

fn lists() -> Vec<Bad> {
    vec![
        ("bad-interest-empty", "a pattern has 1 to 255 bytes", "04 a1 00 81 60", "bounds:interest"),
        ("bad-interest-256", "a pattern has 1 to 255 bytes", "04 a1 00 81 790100 256*61", "bounds:interest"),
        ("bad-interest-65", "64 patterns are the most", "04 a1 00 98 41 130*61", "bounds:interest"),
        ("bad-interest-bytes", "a pattern is text", "04 a1 00 81 41 61", "wrong_type"),
        ("bad-interest-not-utf8", "text is UTF-8", "04 a1 00 81 61 ff", "not_utf8"),
        ("bad-heads-odd", "a branch without its heads", "04 a1 02 81 61 'a'", "wrong_type"),
        ("bad-heads-none", "a branch has a head", "04 a1 02 82 61 'a' 80", "bounds:heads"),
        (
            "bad-heads-descending",
            "branches ascend",
            "04 a1 02 84 61 'b' 81 5820 32*11 61 'a' 81 5820 32*11",
            "bounds:heads",
        ),
        (
            "bad-heads-by-length",
            "as bytes, so `ab` comes before `b`",
            "04 a1 02 84 61 'b' 81 5820 32*11 62 'ab' 81 5820 32*11",
            "bounds:heads",
        ),
        ("bad-without-three", "ops and blobs", "04 a1 07 83 80 80 80", "wrong_type"),
        ("bad-ids-endless", "a declared length proves nothing", "05 a1 01 9b ffff ffff ffff ffff", "bounds:ids"),
        ("bad-ids-short", "the list says more than follow", "05 a1 01 82 5820 32*11", "truncated"),
        ("bad-id-31", "an id has 32 bytes", "05 a1 01 81 581f 31*11", "wrong_type"),
        ("bad-blob-wants-odd", "a blob and where to begin", "05 a1 03 81 5820 32*11", "wrong_type"),
        (
            "bad-blob-want-beyond",
            "no blob is longer than 4 GiB",
            "05 a1 03 82 5820 32*11 1b 0000000100000001",
            "bounds:blobs",
        ),
    ]
}

fn chains() -> Vec<Bad> {
    vec![
        ("bad-tips-three", "a tip has four values", "04 a1 04 83 61 'a' 5820 32*22 01", "wrong_type"),
        ("bad-tips-endless", "a declared length proves nothing", "04 a1 04 9b ffff ffff ffff fffc", "bounds:tips"),
        ("bad-tip-branch", "no branch came before", "04 a1 04 84 00 5820 32*22 01 50 16*44", "reference"),
        ("bad-tip-author", "no author came before", "04 a1 04 84 61 'a' 00 01 50 16*44", "reference"),
        (
            "bad-tip-too-far",
            "one author came before",
            "04 a1 04 88 61 'a' 5820 32*22 01 50 16*44 00 01 01 50 16*44",
            "reference",
        ),
        (
            "bad-tip-branch-again",
            "a branch that came before is a number",
            "04 a1 04 88 61 'a' 5820 32*22 01 50 16*44 61 'a' 00 01 50 16*44",
            "repeated",
        ),
        (
            "bad-tip-author-again",
            "an author that came before is a number",
            "04 a1 04 88 61 'a' 5820 32*22 01 50 16*44 00 5820 32*22 01 50 16*44",
            "repeated",
        ),
        ("bad-tip-branch-bytes", "a branch is text", "04 a1 04 84 41 61 5820 32*22 01 50 16*44", "wrong_type"),
        ("bad-tip-branch-empty", "a branch has 1 to 255 bytes", "04 a1 04 84 60 5820 32*22 01 50 16*44", "bounds:tips"),
        ("bad-tip-author-31", "an author has 32 bytes", "04 a1 04 84 61 'a' 581f 31*22 01 50 16*44", "wrong_type"),
        ("bad-tip-seq-0", "chains begin at 1", "04 a1 04 84 61 'a' 5820 32*22 00 50 16*44", "bounds:tips"),
        (
            "bad-tip-seq-2-to-the-32",
            "2^32 - 1 is the most",
            "04 a1 04 84 61 'a' 5820 32*22 1b 0000000100000000 50 16*44",
            "bounds:tips",
        ),
        ("bad-tip-id-17", "an id has 32 bytes, its half 16", "04 a1 04 84 61 'a' 5820 32*22 01 51 17*44", "wrong_type"),
        ("bad-range-0", "chains begin at 1", "05 a1 00 84 61 'a' 5820 32*22 00 01", "bounds:ranges"),
        ("bad-range-backwards", "from before to", "05 a1 00 84 61 'a' 5820 32*22 02 01", "bounds:ranges"),
    ]
}

fn values() -> Vec<Bad> {
    vec![
        ("bad-count-beyond", "2^53 - 1 is the greatest number", "04 a1 03 1b 0020000000000000", "bounds:opCount"),
        ("bad-count-long", "a number has a shorter form", "04 a1 03 1801", "not_canonical"),
        ("bad-count-negative", "no negative numbers", "04 a1 03 20", "wrong_type"),
        ("bad-more-2", "so, or not", "04 a1 09 02", "bounds:more"),
        ("bad-more-true", "no truth values of CBOR", "04 a1 09 f5", "wrong_type"),
        ("bad-state-31", "a state has 32 bytes", "04 a1 01 581f 31*11", "wrong_type"),
        ("bad-level", "no level", "08 a1 02 03", "bounds:level"),
        ("bad-reason-0", "no reason", "09 a1 00 82 5820 32*11 00", "bounds:ops"),
        ("bad-reason-4", "no reason", "09 a1 00 82 5820 32*11 04", "bounds:ops"),
        ("bad-error-nothing", "an error says which", "0c a0", "absent:code"),
        ("bad-error-0", "no code", "0c a1 00 00", "bounds:code"),
        ("bad-error-10", "no code", "0c a1 00 0a", "bounds:code"),
        ("bad-ping", "2^53 - 1 is the greatest number", "0d a1 00 1b 0020000000000000", "bounds:number"),
        ("bad-ephemeral-unsigned", "presence is signed", "0b a1 00 61 'a'", "absent:signature"),
        (
            "bad-ephemeral-topic",
            "a topic has at most 255 bytes",
            "0b a2 00 790100 256*61 02 5840 64*33",
            "bounds:topic",
        ),
        ("bad-ephemeral-long", "4,096 bytes are the most", "0b a2 01 591001 4097*00 02 5840 64*33", "bounds:bytes"),
    ]
}

fn blobs() -> Vec<Bad> {
    vec![
        ("bad-blob-bundle", "on a link a piece has five values", "07 83 5820 32*11 00 41 61", "blob"),
        ("bad-blob-six", "no more", "07 86 5820 32*11 00 41 61 01 00 00", "blob"),
        ("bad-blob-nothing", "a piece of something is something", "07 85 5820 32*11 00 40 01 00", "bounds:bytes"),
        ("bad-blob-something", "a piece of nothing is nothing", "07 85 5820 32*11 00 41 61 00 00", "bounds:bytes"),
        ("bad-blob-behind", "a piece ends within its blob", "07 85 5820 32*11 01 41 61 01 00", "bounds:offset"),
        ("bad-blob-empty-behind", "nothing begins at 0", "07 85 5820 32*11 01 40 00 00", "bounds:offset"),
        (
            "bad-blob-beyond",
            "no blob is longer than 4 GiB",
            "07 85 5820 32*11 00 41 61 1b 0000000100000001 00",
            "bounds:len",
        ),
        ("bad-blob-offset", "an offset that wraps", "07 85 5820 32*11 1b ffffffffffffffff 41 61 01 00", "blob"),
        ("bad-blob-trailing", "a byte follows", "07 85 5820 32*11 00 41 61 01 00 00", "blob"),
    ]
}

fn ops() -> Vec<(&'static str, &'static str, Vec<u8>, &'static str)> {
    let good = delete_on_link();
    let tail = |tail: &str| [&good[..good.len() - 5], bytes(tail).as_slice()].concat();
    vec![
        ("bad-ops-bundle", "a link says which batch it is", Columns::delete().frame(), "fields"),
        ("bad-ops-two", "batch, more, and sent", tail("82 03 01"), "fields"),
        ("bad-ops-four", "and nothing else", tail("84 03 01 00 00"), "fields"),
        ("bad-ops-more", "so, or not", tail("83 03 02 00"), "fields"),
        ("bad-ops-sent", "2^53 - 1 is the greatest number", tail("83 03 01 1b 0020000000000000"), "bounds:sent"),
        ("bad-ops-key", "no other key", [&good[..good.len() - 6], &bytes("0b 83 03 01 00")].concat(), "fields"),
        ("bad-ops-trailing", "a byte follows the map", [good.as_slice(), &[0]].concat(), "trailing"),
    ]
}

/// A frame that names its parent by half, and who reads it.
fn halves() -> Vec<Value> {
    let half = hand_known("81 50 16*11");
    let [one, other, third] = ["11", "22", "33"].map(|byte| digits(32, byte));
    let same_half = digits(16, "11") + &digits(16, "44");
    vec![
        half("bad-ops-half-unknown", "no op begins so", &[&other], "unknown_half"),
        half("bad-ops-half-two", "several ops begin so", &[&one, &same_half], "unknown_half"),
        hand_known("81 51 17*11")("bad-ops-half-17", "a half has 16 bytes", &[&one], "wrong_type"),
        hand_known("82 50 16*11 5820 32*11")("bad-ops-half-twice", "an op is named once", &[&one], "repeated"),
        hand_known("82 50 16*33 50 16*11")("bad-ops-half-order", "ids ascend", &[&one, &third], "out_of_bounds:7"),
    ]
}

/// A bad frame with these parents, for who has the ops `known`.
fn hand_known(parents: &str) -> impl Fn(&str, &str, &[&String], &str) -> Value {
    let frame = hex::encode(&delete_with_parents(parents));
    move |name, why, known, refused| hand(name, why, json!({ "frame": frame, "known": known, "refused": refused }))
}

pub(super) fn texts() -> Vec<Value> {
    let written = [objects(), members(), notations()].concat();
    let text = |(name, why, text, refused): (&str, &str, String, &str)| {
        hand(name, why, json!({ "text": text, "refused": refused }))
    };
    written.into_iter().chain(ops_texts()).map(text).collect()
}

type BadText = (&'static str, &'static str, String, &'static str);

fn objects() -> Vec<BadText> {
    let bad = |name, why, text: &str, refused| (name, why, text.to_owned(), refused);
    vec![
        bad("bad-text-nothing", "no JSON", "", "json:unexpected_end"),
        bad("bad-text-syntax", "no JSON", "{'type':'bye'}", "json:syntax"),
        bad("bad-text-array", "a message is an object", r#"[{"type":"bye"}]"#, "not_an_object"),
        bad("bad-text-two", "one message", r#"{"type":"bye"}{"type":"bye"}"#, "json:trailing"),
        bad("bad-text-no-type", "a message says which it is", r#"{"opCount":42}"#, "unknown_word"),
        bad("bad-text-type", "no message of this version", r#"{"type":"HAVE"}"#, "unknown_word"),
        bad("bad-text-type-end", "the end of a bundle is no message", r#"{"type":"end"}"#, "unknown_word"),
        bad("bad-text-type-number", "types are words", r#"{"type":4}"#, "unknown_word"),
        bad(
            "bad-text-twice",
            "a member stands once",
            r#"{"type":"ping","number":1,"number":1}"#,
            "json:duplicate_name",
        ),
        bad("bad-text-type-twice", "so does the type", r#"{"type":"ping","type":"bye"}"#, "json:duplicate_name"),
        bad(
            "bad-text-deep",
            "64 levels are the most",
            &format!("{}{}", "[".repeat(65), "]".repeat(65)),
            "json:too_deep",
        ),
    ]
}

fn members() -> Vec<BadText> {
    let [one, other] = ["11", "22"].map(|byte| digits(32, byte));
    let bad = |name, why, text: &str, refused| (name, why, text.replace('1', &one).replace('2', &other), refused);
    vec![
        bad("bad-text-member", "only a hello may say more", r#"{"type":"have","mood":"x"}"#, "unknown_member:mood"),
        bad("bad-text-snake", "names are as they are", r#"{"type":"have","op_count":0}"#, "unknown_member:op_count"),
        bad(
            "bad-text-inner-member",
            "within a member too",
            r#"{"type":"have","without":{"bodies":[]}}"#,
            "unknown_member:bodies",
        ),
        bad(
            "bad-text-item-member",
            "and within the items of a list",
            r#"{"type":"want","blobs":[{"hash":"1","to":0}]}"#,
            "unknown_member:to",
        ),
        bad("bad-text-range", "a range says all", r#"{"type":"want","ranges":[{"branch":"main"}]}"#, "absent:author"),
        bad("bad-text-nonce", "a hello has a nonce", r#"{"type":"hello","versions":[0]}"#, "absent:nonce"),
        bad("bad-text-code", "an error says which", r#"{"type":"error"}"#, "absent:code"),
        bad(
            "bad-text-heads",
            "two tales of one branch",
            r#"{"type":"have","heads":{"main":"1"},"allHeads":{"main":["2","1"]}}"#,
            "contradiction:heads:allHeads",
        ),
        bad(
            "bad-text-heads-more",
            "all are all",
            r#"{"type":"have","heads":{"a":"1","b":"1"},"allHeads":{"a":["1"]}}"#,
            "contradiction:heads:allHeads",
        ),
        bad("bad-text-heads-none", "a branch has a head", r#"{"type":"have","allHeads":{"a":[]}}"#, "bounds:heads"),
        bad("bad-text-heads-empty", "a branch has a name", r#"{"type":"have","heads":{"":"1"}}"#, "bounds:heads"),
    ]
}

fn notations() -> Vec<BadText> {
    let bad = |name, why, text: &str, refused| (name, why, text.to_owned(), refused);
    let id = |name, why, id: &str| (name, why, format!(r#"{{"type":"missing","ids":["{id}"]}}"#), "wrong_type:ids");
    let content = |name, why, text: &str| {
        let signature = digits(64, "33");
        (name, why, format!(r#"{{"type":"ephemeral","bytes":"{text}","signature":"{signature}"}}"#), "wrong_type:bytes")
    };
    vec![
        bad("bad-text-null", "absent is absent, not null", r#"{"type":"have","state":null}"#, "wrong_type:state"),
        bad("bad-text-flag", "`more` is true or false", r#"{"type":"have","more":1}"#, "wrong_type:more"),
        bad("bad-text-number", "a number is a number", r#"{"type":"ping","number":"1"}"#, "wrong_type:number"),
        bad("bad-text-negative", "no number is below 0", r#"{"type":"ping","number":-1}"#, "wrong_type:number"),
        bad("bad-text-fraction", "numbers are whole", r#"{"type":"ping","number":0.5}"#, "wrong_type:number"),
        bad(
            "bad-text-number-beyond",
            "2^53 - 1 is the greatest number",
            r#"{"type":"ping","number":9007199254740992}"#,
            "json:unsafe_integer",
        ),
        bad("bad-text-list", "a list is a list", r#"{"type":"have","interest":"main"}"#, "wrong_type:interest"),
        bad("bad-text-items", "an interest is texts", r#"{"type":"have","interest":[1]}"#, "wrong_type:interest"),
        bad("bad-text-tips", "tips are objects", r#"{"type":"have","tips":[[]]}"#, "wrong_type:tips"),
        bad("bad-text-level", "no level", r#"{"type":"ack","level":"DISK"}"#, "wrong_type:level"),
        bad("bad-text-level-number", "levels are words here", r#"{"type":"ack","level":2}"#, "wrong_type:level"),
        bad("bad-text-code-unknown", "no code of a link", r#"{"type":"error","code":"offline"}"#, "wrong_type:code"),
        id("bad-text-id-upper", "hex is lower-case", &digits(32, "AA")),
        id("bad-text-id-31", "an id has 64 digits", &digits(31, "aa")),
        id("bad-text-id-odd", "an id has 64 digits", &digits(32, "aa")[1..]),
        id("bad-text-id-word", "an id is hex", &digits(32, "xy")),
        content("bad-text-padded", "no padding", "AA=="),
        content("bad-text-plus", "the alphabet of URLs", "+/+/"),
        content("bad-text-spare-bits", "one notation: spare bits are 0", "AB"),
        content("bad-text-one-char", "no byte has one character", "A"),
        content("bad-text-space", "no spaces", "AA AA"),
    ]
}

fn ops_texts() -> Vec<BadText> {
    let of = |ops: Value| json!({ "type": "ops", "batch": 1, "ops": ops });
    let bad = |name, why, message: Value, refused| (name, why, message.to_string(), refused);
    let with = |field: &str, value: Value| {
        let mut op = delete_op();
        op[field] = value;
        of(json!([op]))
    };
    let mut unsigned = delete_op();
    unsigned.as_object_mut().expect("an object").remove("signature");
    let mut stranger = of(json!([delete_op()]));
    stranger["repo"] = json!(digits(32, "99"));
    vec![
        bad("bad-text-ops-none", "a batch has an op", of(json!([])), "batch"),
        bad("bad-text-ops-unsigned", "a batch ends in a signed op", of(json!([unsigned])), "batch"),
        bad("bad-text-ops-twice", "an op stands in a batch once", of(json!([delete_op(), delete_op()])), "batch"),
        bad("bad-text-ops-bytes", "an op is its bytes", of(json!([{ "op": {} }])), "absent:bytes"),
        bad("bad-text-ops-header", "bytes that are no header", with("bytes", json!("AAAA")), "op"),
        bad("bad-text-ops-body", "a body that the header does not name", with("body", json!("e30")), "op"),
        bad(
            "bad-text-ops-signature",
            "a signature has 64 bytes",
            with("signature", json!("aa")),
            "wrong_type:signature",
        ),
        bad("bad-text-ops-member", "nothing else", with("hash", json!("x")), "unknown_member:hash"),
        bad("bad-text-ops-repo", "the ops say another repo", stranger, "contradiction:repo:ops"),
    ]
}
