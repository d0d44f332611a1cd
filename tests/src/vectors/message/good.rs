//! Messages whose both forms were written down by hand.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
use trellis_core::op::hex;

use super::{digits, hand};
use crate::vectors::cbor::{self, DELETE, bytes};
use crate::vectors::ops_frame::Columns;

type Good = (&'static str, &'static str, &'static str, Value);

pub(super) fn cases() -> Vec<Value> {
    let plain = [handshake(), haves(), wants(), acks(), others()].concat();
    let plain = plain
        .into_iter()
        .map(|(name, why, frame, json)| hand(name, why, json!({ "frame": hex::encode(&bytes(frame)), "json": json })));
    plain.chain(proofs()).chain(ops()).collect()
}

fn handshake() -> Vec<Good> {
    vec![
        (
            "hello",
            "versions and a nonce are all that a hello needs",
            "01 a2 00 81 01 01 5820 32*11",
            json!({ "type": "hello", "versions": [1], "nonce": digits(32, "11") }),
        ),
        (
            "hello-all",
            "every field",
            "01 a5 00 82 01 02 01 5820 32*11 02 73 'https://example.org' 03 82 65 'blobs' 64 'zstd' 04 50 16*22",
            json!({
                "type": "hello", "versions": [1, 2], "nonce": digits(32, "11"), "audience": "https://example.org",
                "capabilities": ["blobs", "zstd"], "tag": digits(16, "22")
            }),
        ),
    ]
}

/// Messages that prove a key, with what their signatures are of.
fn proofs() -> Vec<Value> {
    let proof = |name, why, frame, signed, json: Value| {
        let [frame, signed] = [frame, signed].map(|notation| hex::encode(&bytes(notation)));
        hand(name, why, json!({ "frame": frame, "signed": signed, "json": json }))
    };
    let time = 1_700_000_000_000_u64;
    vec![
        proof(
            "welcome",
            "frames of 1,048,576 bytes are the default; the signature is of the rest",
            "02 a5 00 01 01 5820 32*11 02 5820 32*22 05 1b 0000018bcfe56800 06 5840 64*33",
            "02 a4 00 01 01 5820 32*11 02 5820 32*22 05 1b 0000018bcfe56800",
            json!({
                "type": "welcome", "version": 1, "nonce": digits(32, "11"), "key": digits(32, "22"), "time": time,
                "signature": digits(64, "33")
            }),
        ),
        proof(
            "welcome-all",
            "every field",
            "02 a7 00 01 01 5820 32*11 02 5820 32*22 03 81 64 'zstd' 04 1a 00010000 05 00 06 5840 64*33",
            "02 a6 00 01 01 5820 32*11 02 5820 32*22 03 81 64 'zstd' 04 1a 00010000 05 00",
            json!({
                "type": "welcome", "version": 1, "nonce": digits(32, "11"), "key": digits(32, "22"),
                "capabilities": ["zstd"], "frameBytesMax": 65_536, "time": 0, "signature": digits(64, "33")
            }),
        ),
        proof(
            "auth",
            "a member",
            "03 a2 00 5820 32*22 02 5840 64*33",
            "03 a1 00 5820 32*22",
            json!({ "type": "auth", "key": digits(32, "22"), "signature": digits(64, "33") }),
        ),
        proof(
            "auth-invitation",
            "what is signed names the invitation; its own signature is another matter",
            "03 a4 00 5820 32*22 01 5820 32*44 02 5840 64*33 03 5840 64*55",
            "03 a2 00 5820 32*22 01 5820 32*44",
            json!({
                "type": "auth", "key": digits(32, "22"), "signature": digits(64, "33"),
                "invitation": digits(32, "44"), "invitationSignature": digits(64, "55")
            }),
        ),
    ]
}

fn haves() -> Vec<Good> {
    let [ann, bob] = ["22", "33"].map(|byte| digits(32, byte));
    vec![
        ("have-nothing", "whatever is absent has its default", "04 a0", json!({ "type": "have" })),
        (
            "have-heads",
            "what somebody says who does not know chains",
            "04 a2 02 82 64 'main' 81 5820 32*11 03 18 2a",
            json!({ "type": "have", "heads": { "main": digits(32, "11") }, "opCount": 42 }),
        ),
        (
            "have-all-heads",
            "branches ascend as bytes; `heads` has the greatest of each, and `allHeads` all where a branch has several",
            "04 a1 02 84 62 'ab' 82 5820 32*22 5820 32*11 61 'b' 81 5820 32*33",
            json!({
                "type": "have", "heads": { "ab": digits(32, "22"), "b": digits(32, "33") },
                "allHeads": { "ab": [digits(32, "22"), digits(32, "11")], "b": [digits(32, "33")] }
            }),
        ),
        (
            "have-branches-beyond-ascii",
            "U+FFFF comes before U+1F600 as bytes, and behind it in JCS",
            "04 a1 02 84 63 efbfbf 81 5820 32*11 64 f09f9880 81 5820 32*22",
            json!({ "type": "have", "heads": { "\u{ffff}": digits(32, "11"), "\u{1f600}": digits(32, "22") } }),
        ),
        (
            "have-tips",
            "a branch or author that came before is how many others came first since; a half of an id, a whole one",
            "04 a1 04 8c  64 'main' 5820 32*22 07 50 16*44  00 5820 32*33 18 18 5820 32*55  61 'b' 01 01 50 16*66",
            json!({ "type": "have", "tips": [
                { "branch": "main", "author": ann, "seq": 7, "id": digits(16, "44") },
                { "branch": "main", "author": bob, "seq": 24, "id": digits(32, "55") },
                { "branch": "b", "author": ann, "seq": 1, "id": digits(16, "66") }
            ] }),
        ),
        (
            "have-all",
            "every other field",
            "04 a9 00 82 64 'main' 64 'x/**' 01 5820 32*11 03 01 05 50 16*22 06 50 16*33 \
             07 82 81 5820 32*44 81 5820 32*55 08 02 09 01 0a 19 0100",
            json!({
                "type": "have", "interest": ["main", "x/**"], "state": digits(32, "11"), "opCount": 1,
                "since": digits(16, "22"), "knows": digits(16, "33"),
                "without": { "ops": [digits(32, "44")], "blobs": [digits(32, "55")] },
                "round": 2, "more": true, "sent": 256
            }),
        ),
    ]
}

fn wants() -> Vec<Good> {
    let author = digits(32, "22");
    vec![
        (
            "want-after",
            "everything that is not in the past of an op",
            "05 a1 04 5820 32*11",
            json!({ "type": "want", "afterHash": digits(32, "11") }),
        ),
        (
            "want-all",
            "every other field; a blob from its start",
            "05 a4 00 88 64 'main' 5820 32*22 01 07 00 00 09 1a ffffffff 01 81 5820 32*33 02 81 5820 32*44 \
             03 84 5820 32*55 1a 00040000 5820 32*66 00",
            json!({
                "type": "want",
                "ranges": [
                    { "branch": "main", "author": author, "from": 1, "to": 7 },
                    { "branch": "main", "author": author, "from": 9, "to": 4_294_967_295_u64 }
                ],
                "ids": [digits(32, "33")], "bodies": [digits(32, "44")],
                "blobs": [{ "hash": digits(32, "55"), "from": 262_144 }, { "hash": digits(32, "66") }]
            }),
        ),
        (
            "missing",
            "ops, and blobs",
            "0a a2 00 81 5820 32*11 01 81 5820 32*22",
            json!({ "type": "missing", "ids": [digits(32, "11")], "blobs": [digits(32, "22")] }),
        ),
    ]
}

fn acks() -> Vec<Good> {
    vec![
        ("ack-nothing", "without a level it is the least, `memory`", "08 a0", json!({ "type": "ack" })),
        ("ack-os", "`os` is 1", "08 a1 02 01", json!({ "type": "ack", "level": "os" })),
        (
            "ack-all",
            "every field; `disk` is 2, and of `without` one list is empty",
            "08 a7 00 84 64 'main' 5820 32*22 07 50 16*44 01 82 80 81 5820 32*55 02 02 03 1a 00400000 04 50 16*11 \
             05 5820 32*33 06 81 5820 32*66",
            json!({
                "type": "ack",
                "ends": [{ "branch": "main", "author": digits(32, "22"), "seq": 7, "id": digits(16, "44") }],
                "without": { "blobs": [digits(32, "55")] }, "level": "disk", "credit": 4_194_304,
                "knows": digits(16, "11"), "state": digits(32, "33"), "integrated": [digits(32, "66")]
            }),
        ),
        (
            "nack",
            "each reason, and the head of a linear branch",
            "09 a2 00 86 5820 32*11 01 5820 32*22 02 5820 32*33 03 01 5820 32*44",
            json!({
                "type": "nack",
                "ops": [
                    { "id": digits(32, "11"), "reason": "invalid_op" },
                    { "id": digits(32, "22"), "reason": "permission_denied" },
                    { "id": digits(32, "33"), "reason": "not_fast_forward" }
                ],
                "head": digits(32, "44")
            }),
        ),
    ]
}

fn others() -> Vec<Good> {
    vec![
        (
            "blob",
            "hash, offset, bytes, the length of all, and what was sent before",
            "07 85 5820 32*11 1a 00040000 44 fbefbe00 1a 00040004 18 2a",
            json!({
                "type": "blob", "hash": digits(32, "11"), "offset": 262_144, "bytes": "----AA",
                "len": 262_148, "sent": 42
            }),
        ),
        (
            "blob-empty",
            "the only piece of a blob without content",
            "07 85 5820 32*11 00 40 00 00",
            json!({ "type": "blob", "hash": digits(32, "11"), "len": 0 }),
        ),
        (
            "ephemeral",
            "bytes are base64url without padding",
            "0b a3 00 66 'cursor' 01 43 fbefff 02 5840 64*33",
            json!({ "type": "ephemeral", "topic": "cursor", "bytes": "--__", "signature": digits(64, "33") }),
        ),
        (
            "ephemeral-empty",
            "about nothing, nothing",
            "0b a1 02 5840 64*33",
            json!({ "type": "ephemeral", "signature": digits(64, "33") }),
        ),
        ("error-malformed", "1", "0c a1 00 01", json!({ "type": "error", "code": "invalid_op" })),
        ("error-version", "2", "0c a1 00 02", json!({ "type": "error", "code": "version_mismatch" })),
        ("error-auth", "3", "0c a1 00 03", json!({ "type": "error", "code": "auth_failed" })),
        ("error-repo", "4", "0c a1 00 04", json!({ "type": "error", "code": "repo_mismatch" })),
        ("error-progress", "5", "0c a1 00 05", json!({ "type": "error", "code": "no_progress" })),
        (
            "error-rate",
            "6, and when to come again",
            "0c a2 00 06 01 19 03e8",
            json!({ "type": "error", "code": "rate_limited", "retryAfter": 1000 }),
        ),
        ("error-quota", "7", "0c a1 00 07", json!({ "type": "error", "code": "quota_exceeded" })),
        (
            "error-storage",
            "8; at once is not the same as nothing said",
            "0c a2 00 08 01 00",
            json!({ "type": "error", "code": "storage_full", "retryAfter": 0 }),
        ),
        ("error-timeout", "9", "0c a1 00 09", json!({ "type": "error", "code": "timeout" })),
        ("ping", "a number", "0d a1 00 18 2a", json!({ "type": "ping", "number": 42 })),
        ("ping-0", "0 is left out", "0d a0", json!({ "type": "ping" })),
        (
            "pong-greatest",
            "2^53 - 1 is the greatest number of a message",
            "0e a1 00 1b 001fffffffffffff",
            json!({ "type": "pong", "number": 9_007_199_254_740_991_u64 }),
        ),
        ("bye", "nothing more", "0f a0", json!({ "type": "bye" })),
    ]
}

/// The frame of one plain `delete` as it stands on a link.
pub(super) fn delete_on_link() -> Vec<u8> {
    on_link(&Columns::delete())
}

/// The same with other bytes in place of its parents.
pub(super) fn delete_with_parents(notation: &str) -> Vec<u8> {
    on_link(&Columns::delete().parents(notation))
}

fn on_link(columns: &Columns) -> Vec<u8> {
    let mut frame = columns.frame();
    frame[1] += 1;
    [frame, bytes("0a 83 03 01 18 2a")].concat()
}

/// The op of that frame in JSON, without its copy for people.
pub(super) fn delete_op() -> Value {
    let header = Base64UrlUnpadded::encode_string(&cbor::header(DELETE));
    json!({ "bytes": header, "signature": digits(64, "aa") })
}

fn ops() -> [Value; 2] {
    let mut op = delete_op();
    op["op"] = json!({
        "hash": "0b1739da6742bd0505762f5e29c30aef53ba6b569f24709d1f0f999da1d3fb90", "v": 1, "repo": digits(32, "11"),
        "kind": "delete", "timestamp": "2023-11-14T22:13:20.000Z", "hlc": "111411200000000000",
        "agentId": digits(32, "22"), "branch": "main", "seq": 1, "parents": [digits(32, "11")], "base": [],
        "collection": "notes", "key": "1"
    });
    let json = json!({
        "type": "ops", "batch": 3, "more": true, "sent": 42, "repo": digits(32, "11"), "ops": [op]
    });
    let [frame, by_half] = [delete_on_link(), delete_with_parents("81 50 16*11")].map(|frame| hex::encode(&frame));
    let known = [digits(32, "11"), digits(32, "22")];
    [
        hand(
            "ops",
            "the columns of a bundle's frame, and what only a link says",
            json!({ "frame": frame, "json": json }),
        ),
        hand("ops-half", "the parent's first half", json!({ "frame": by_half, "known": known, "json": json })),
    ]
}

/// The short names of a repo and of a set of ops, hashed without the product.
pub(super) fn names() -> Vec<Value> {
    let hash = |context: &str, rest: &[u8]| blake3::hash(&[context.as_bytes(), rest].concat()).to_hex();
    let (repo, two) = ([0x11; 32], [[0x11; 32], [0x22; 32]].concat());
    let tag = &hash("trellis/tag/1\n", &repo)[..32];
    let state = |ends: &[u8]| hash("trellis/state/1\n", ends).to_string();
    let [one, other] = ["11", "22"].map(|byte| digits(32, byte));
    vec![
        hand("tag", "the first half of a hash", json!({ "repo": one, "tag": tag })),
        hand(
            "state-two",
            "the ids of all chain ends, ascending",
            json!({ "ends": [one, other], "state": state(&two) }),
        ),
        hand("state-one", "one chain end", json!({ "ends": [one], "state": state(&repo) })),
        hand("state-none", "no ops", json!({ "ends": [], "state": state(&[]) })),
    ]
}
