//! Canonical headers: fields, the one encoding, and the id.

use serde_json::{Value, json};
use trellis_core::op::cbor::Scalar;
use trellis_core::op::header::{BodyRef, Header, Ids};
use trellis_core::op::hex;
use trellis_core::op::id::{Author, ContentHash, OpId, RepoId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::time::Hlc;

use super::cbor::{self, DELETE, PUT, with, without};
use super::{By, bytes_of, case, expect, unhex};
use crate::history::{Dials, History};

/// What the file is.
pub const ABOUT: &str = "Headers in their one encoding. `bytes` decode to `fields` and `fields` encode to `bytes`; `id` is BLAKE3-256 of \
     \"trellis/op/1\\n\" and the bytes. An hlc is a decimal string, `extra` holds keys 17 to 23 as [key, type, value].";

/// The cases.
pub fn cases() -> Vec<Value> {
    let mut cases: Vec<Value> = by_hand().into_iter().map(hand_case).collect();
    let history = History::generate(7, &Dials { ops: 40, ..Dials::default() });
    cases.extend(history.ops.iter().step_by(3).enumerate().map(|(at, op)| {
        let fields = fields_of(&op.header());
        let fields = json!({ "bytes": hex::encode(&op.header), "fields": fields, "id": op.id.to_string() });
        case(By::Generated, &format!("history-{at}"), "a header of a generated history", fields)
    }));
    cases
}

type HandCase = (&'static str, &'static str, Vec<&'static str>, Value);

fn hand_case((name, why, pairs, changed): HandCase) -> Value {
    let bytes = cbor::header(&pairs);
    let id = blake3::hash(&[b"trellis/op/1\n", bytes.as_slice()].concat()).to_hex().to_string();
    // The clock is 0x018bcfe568000000: 1,700,000,000,000 ms, counter 0.
    let mut fields = json!({
        "v": 1, "repo": "11".repeat(32), "branch": "main", "author": "22".repeat(32), "seq": 1,
        "hlc": "111411200000000000", "parents": ["11".repeat(32)], "base": [], "collection": "notes", "key": "1",
        "kind": 2, "extra": []
    });
    merge(&mut fields, changed);
    case(By::Hand, name, why, json!({ "bytes": hex::encode(&bytes), "fields": fields, "id": id }))
}

/// Members of `changed` replace those of `fields`; null takes one out.
fn merge(fields: &mut Value, changed: Value) {
    let (Value::Object(fields), Value::Object(changed)) = (fields, changed) else { return };
    for (name, value) in changed {
        if value.is_null() {
            fields.remove(&name)
        } else {
            fields.insert(name, value)
        };
    }
}

fn put_fields(changed: Value) -> Value {
    let mut fields = json!({ "kind": 0, "format": 0, "bodyHash": "33".repeat(32), "bodyLen": 2 });
    for (name, value) in changed.as_object().into_iter().flatten() {
        fields[name] = value.clone();
    }
    fields
}

fn by_hand() -> Vec<HandCase> {
    let genesis = with(&without(&without(PUT, "01"), "07"), &["02 65 '_repo'", "08 65 '_repo'", "09 67 'genesis'"]);
    let genesis_fields =
        json!({ "repo": null, "parents": [], "branch": "_repo", "collection": "_repo", "key": "genesis" });
    let hlc = |hlc: &str| json!({ "hlc": hlc });
    vec![
        ("delete", "the smallest common header: no body, one parent", DELETE.to_vec(), json!({})),
        ("put", "the three body fields stand together", PUT.to_vec(), put_fields(json!({}))),
        ("genesis", "no repo and no parents: absent, not empty", genesis, put_fields(genesis_fields)),
        (
            "every-field",
            "all keys from 0 to 16",
            with(
                PUT,
                &["04 02", "05 5820 32*44", "07 82 5820 32*11 5820 32*44", "0a 81 5820 32*55", "0f 02", "10 63 'bob'"],
            ),
            put_fields(json!({
                "seq": 2, "prev": "44".repeat(32), "parents": ["11".repeat(32), "44".repeat(32)],
                "base": ["55".repeat(32)], "schema": 2, "actor": "bob"
            })),
        ),
        (
            "extra-keys",
            "keys 17 to 23 belong to later versions: kept, hashed and relayed",
            with(
                DELETE,
                &["11 00", "12 1903e8", "13 40", "14 42 beef", "15 60", "16 62 c3a9", "17 1bffffffffffffffff"],
            ),
            json!({ "extra": [
                [17, "uint", "0"], [18, "uint", "1000"], [19, "bytes", ""], [20, "bytes", "beef"], [21, "text", ""],
                [22, "text", "é"], [23, "uint", "18446744073709551615"]
            ] }),
        ),
        (
            "extra-control",
            "bounds on text hold for the fields of version 1, not for later ones",
            with(DELETE, &["17 61 0a"]),
            json!({ "extra": [[23, "text", "\n"]] }),
        ),
        (
            "kind-unknown",
            "a kind of a later version is valid and has no effect",
            with(PUT, &["0b 05"]),
            put_fields(json!({ "kind": 5 })),
        ),
        (
            "kind-greatest",
            "a kind is any uint",
            with(PUT, &["0b 1bffffffffffffffff"]),
            put_fields(json!({ "kind": u64::MAX })),
        ),
        (
            "format-unknown",
            "a format of a later version is valid and has no effect",
            with(PUT, &["0c 04"]),
            put_fields(json!({ "format": 4 })),
        ),
        ("format-bytes", "format 1", with(PUT, &["0c 01"]), put_fields(json!({ "format": 1 }))),
        ("format-sealed", "format 2", with(PUT, &["0c 02"]), put_fields(json!({ "format": 2 }))),
        ("format-salted", "format 3", with(PUT, &["0c 03"]), put_fields(json!({ "format": 3 }))),
        ("patch", "kind 1", with(PUT, &["0b 01"]), put_fields(json!({ "kind": 1 }))),
        ("append", "kind 3", with(PUT, &["0b 03"]), put_fields(json!({ "kind": 3 }))),
        (
            "merge",
            "kind 4 stands in _branch and names the source branch as its key",
            with(PUT, &["08 67 '_branch'", "09 64 'side'", "0b 04"]),
            put_fields(json!({ "kind": 4, "collection": "_branch", "key": "side" })),
        ),
        ("body-empty", "a body may have no bytes", with(PUT, &["0e 00"]), put_fields(json!({ "bodyLen": 0 }))),
        (
            "body-longest",
            "262,144 bytes is the most",
            with(PUT, &["0e 1a00040000"]),
            put_fields(json!({ "bodyLen": 262_144 })),
        ),
        ("seq-24", "24 is the first integer with a byte of its own", with(DELETE, &["04 1818"]), json!({ "seq": 24 })),
        ("seq-255", "the last of one byte", with(DELETE, &["04 18ff"]), json!({ "seq": 255 })),
        ("seq-256", "the first of two bytes", with(DELETE, &["04 190100"]), json!({ "seq": 256 })),
        ("seq-65535", "the last of two bytes", with(DELETE, &["04 19ffff"]), json!({ "seq": 65_535 })),
        ("seq-65536", "the first of four bytes", with(DELETE, &["04 1a00010000"]), json!({ "seq": 65_536 })),
        ("seq-greatest", "2^32 - 1", with(DELETE, &["04 1affffffff"]), json!({ "seq": u32::MAX })),
        ("hlc-least", "2^16: one millisecond", with(DELETE, &["06 1a00010000"]), hlc("65536")),
        ("hlc-four-bytes", "the last of four bytes", with(DELETE, &["06 1affffffff"]), hlc("4294967295")),
        ("hlc-eight-bytes", "the first of eight bytes", with(DELETE, &["06 1b0000000100000000"]), hlc("4294967296")),
        ("hlc-greatest", "2^63 - 1", with(DELETE, &["06 1b7fffffffffffffff"]), hlc("9223372036854775807")),
        ("schema-0", "only 1 is written by leaving it out", with(DELETE, &["0f 00"]), json!({ "schema": 0 })),
        (
            "schema-greatest",
            "a schema version is any uint but 1",
            with(DELETE, &["0f 1bffffffffffffffff"]),
            json!({ "schema": u64::MAX }),
        ),
        (
            "actor-empty",
            "an actor may be empty: only its greatest length is bounded",
            with(DELETE, &["10 60"]),
            json!({ "actor": "" }),
        ),
        ("actor-longest", "255 bytes", with(DELETE, &["10 78ff 255*61"]), json!({ "actor": "a".repeat(255) })),
        ("branch-longest", "255 bytes", with(DELETE, &["02 78ff 255*62"]), json!({ "branch": "b".repeat(255) })),
        ("branch-one", "one byte", with(DELETE, &["02 61 'b'"]), json!({ "branch": "b" })),
        (
            "collection-longest",
            "255 bytes",
            with(DELETE, &["08 78ff 255*63"]),
            json!({ "collection": "c".repeat(255) }),
        ),
        ("key-longest", "1,024 bytes", with(DELETE, &["09 790400 1024*6b"]), json!({ "key": "k".repeat(1024) })),
        (
            "key-23",
            "23 bytes: the length fits the head",
            with(DELETE, &["09 77 23*6b"]),
            json!({ "key": "k".repeat(23) }),
        ),
        (
            "key-24",
            "24 bytes: the length has a byte of its own",
            with(DELETE, &["09 7818 24*6b"]),
            json!({ "key": "k".repeat(24) }),
        ),
        (
            "text-composed",
            "text is never normalised: e acute as one character",
            with(DELETE, &["09 62 c3a9"]),
            json!({ "key": "\u{e9}" }),
        ),
        (
            "text-decomposed",
            "and as two, which is another key",
            with(DELETE, &["09 63 65cc81"]),
            json!({ "key": "e\u{301}" }),
        ),
        (
            "text-space",
            "U+0020 is the first character that is allowed",
            with(DELETE, &["09 61 20"]),
            json!({ "key": " " }),
        ),
        ("text-tilde", "U+007E is below the one that is not", with(DELETE, &["09 61 7e"]), json!({ "key": "~" })),
        (
            "text-c1",
            "U+0080 to U+009F are not among the forbidden",
            with(DELETE, &["09 62 c280"]),
            json!({ "key": "\u{80}" }),
        ),
        ("text-four-bytes", "beyond the first plane", with(DELETE, &["09 64 f09f8cbf"]), json!({ "key": "🌿" })),
        (
            "text-noncharacter",
            "noncharacters are characters to UTF-8",
            with(DELETE, &["09 63 efbfbf"]),
            json!({ "key": "\u{ffff}" }),
        ),
        (
            "no-parents",
            "decodes; that it is invalid is for its dependencies to say",
            without(DELETE, "07"),
            json!({ "parents": [] }),
        ),
        (
            "put-bodyless",
            "decodes; that only a delete has no body is a rule of shape",
            with(DELETE, &["0b 00"]),
            json!({ "kind": 0 }),
        ),
    ]
}

/// Checks one case.
///
/// # Errors
/// What differs.
pub fn check(case: &Value) -> Result<(), String> {
    let bytes = bytes_of(case, "bytes")?;
    let header = Header::decode(&bytes).map_err(|error| error.to_string())?;
    expect("fields", fields_of(&header), case["fields"].clone())?;
    expect(
        "bytes",
        with_header(&case["fields"], |header| header.encode())?.map_err(|e| e.to_string())?,
        bytes.clone(),
    )?;
    let id = blake3::hash(&[b"trellis/op/1\n", bytes.as_slice()].concat()).to_hex().to_string();
    expect("id by hash", json!(id), case["id"].clone())?;
    expect("id", json!(OpId::of_header(&bytes).to_string()), case["id"].clone())
}

/// A header's fields as JSON.
pub fn fields_of(header: &Header<'_>) -> Value {
    let ids = |ids: Ids<'_>| ids.iter().map(|id| id.to_string()).collect::<Vec<_>>();
    let extra: Vec<_> = header.extra.iter().map(|(key, value)| extra_of(*key, value)).collect();
    let mut fields = json!({
        "v": 1, "branch": header.branch, "author": header.author.to_string(), "seq": header.seq,
        "hlc": header.hlc.0.to_string(), "parents": ids(header.parents), "collection": header.collection,
        "key": header.key, "base": ids(header.base), "kind": header.kind.code(), "extra": extra
    });
    let optional = json!({
        "repo": header.repo.map(|id| id.to_string()), "prev": header.prev.map(|id| id.to_string()),
        "format": header.body.map(|body| body.format.code()), "bodyHash": header.body.map(|body| body.hash.to_string()),
        "bodyLen": header.body.map(|body| body.len), "schema": header.schema, "actor": header.actor
    });
    merge(&mut fields, optional);
    fields
}

fn extra_of(key: u8, value: &Scalar<'_>) -> Value {
    match value {
        Scalar::Uint(value) => json!([key, "uint", value.to_string()]),
        Scalar::Bytes(value) => json!([key, "bytes", hex::encode(value)]),
        Scalar::Text(value) => json!([key, "text", value]),
    }
}

/// Calls `f` with the header that has these fields.
fn with_header<T>(fields: &Value, f: impl FnOnce(&Header<'_>) -> T) -> Result<T, String> {
    let text = |name: &str| fields[name].as_str();
    let id = |value: &Value| value.as_str().and_then(hex::parse::<32>).map(OpId);
    let ids = |name: &str| fields[name].as_array().map(|ids| ids.iter().filter_map(id).collect::<Vec<_>>());
    let (parents, base) = (ids("parents").ok_or("parents")?, ids("base").ok_or("base")?);
    let stored: Vec<(u8, String, Vec<u8>)> = extra_fields(fields)?;
    let extra = stored.iter().map(|(key, text, bytes)| (*key, scalar(text, bytes))).collect();
    let body = || {
        let hash = ContentHash(id(&fields["bodyHash"])?.0);
        let len = fields["bodyLen"].as_u64()? as u32;
        Some(BodyRef { format: Format::from_code(fields["format"].as_u64()?), hash, len })
    };
    Ok(f(&Header {
        repo: id(&fields["repo"]).map(RepoId::from),
        branch: text("branch").ok_or("branch")?,
        author: id(&fields["author"]).map(|id| Author(id.0)).ok_or("author")?,
        seq: fields["seq"].as_u64().ok_or("seq")? as u32,
        prev: id(&fields["prev"]),
        hlc: text("hlc").and_then(|hlc| hlc.parse().ok()).map(Hlc).ok_or("hlc")?,
        parents: Ids::Slice(&parents),
        collection: text("collection").ok_or("collection")?,
        key: text("key").ok_or("key")?,
        base: Ids::Slice(&base),
        kind: Kind::from_code(fields["kind"].as_u64().ok_or("kind")?),
        body: body(),
        schema: fields["schema"].as_u64(),
        actor: text("actor"),
        extra,
    }))
}

/// Header keys 17 to 23 as (key, type, bytes of the value).
fn extra_fields(fields: &Value) -> Result<Vec<(u8, String, Vec<u8>)>, String> {
    let read = |item: &Value| {
        let (kind, value) = (item[1].as_str()?, item[2].as_str()?);
        let bytes = if kind == "bytes" { unhex(value)? } else { value.as_bytes().to_vec() };
        Some((item[0].as_u64()? as u8, kind.to_string(), bytes))
    };
    fields["extra"].as_array().into_iter().flatten().map(|item| read(item).ok_or("extra".into())).collect()
}

fn scalar<'a>(kind: &str, bytes: &'a [u8]) -> Scalar<'a> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    match kind {
        "uint" => Scalar::Uint(text.parse().unwrap_or_default()),
        "text" => Scalar::Text(text),
        _ => Scalar::Bytes(bytes),
    }
}
