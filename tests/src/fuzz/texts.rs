//! JSON bodies and patches: read as other readers do, and written again as the same bytes.

use serde_json::Value as Json;
use trellis_core::merge::json_patch::JsonPatch;
use trellis_core::merge::patching::{apply, from_json_patch, to_json_patch, value_diff};
use trellis_core::op::body::{Content, encode_json};
use trellis_core::op::json::{Object, Value, parse, parse_canonical};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::op::patch::Patch;

use super::{Verdict, assert_same};
use crate::json;
use crate::vectors::{load, unhex};

pub(super) fn jsons() -> Vec<Vec<u8>> {
    let texts = |file, names: &'static [&str]| {
        let cases = load(file).into_iter();
        cases.flat_map(move |case| {
            names.iter().filter_map(|name| Some(case[*name].as_str()?.into())).collect::<Vec<_>>()
        })
    };
    let bad = load("json_bad.json").into_iter().filter_map(|case| unhex(case["hex"].as_str()?));
    texts("jcs.json", &["input", "canonical"]).chain(texts("json_bad.json", &["text"])).chain(bad).collect()
}

pub(super) fn json(bytes: &[u8]) -> Verdict {
    let canonical = parse_canonical(bytes);
    assert_eq!(canonical.is_some(), json::body(bytes).is_some(), "another reader says otherwise");
    read_as_every_kind(bytes);
    let Ok(value) = parse(bytes) else {
        assert_eq!(canonical, None);
        return Verdict::Refused;
    };
    let written = value.to_jcs();
    assert_eq!(parse_canonical(&written).as_ref(), Some(&value));
    assert_eq!(canonical.is_some(), written == bytes);
    if let Some(value) = canonical {
        assert_same("body", &encode_json(&value).expect("a value that was read can be written"), bytes);
    }
    Verdict::Accepted
}

fn read_as_every_kind(bytes: &[u8]) {
    for kind in [Kind::Put, Kind::Patch, Kind::Delete, Kind::Append, Kind::Merge, Kind::Unknown(9)] {
        for format in [Format::Bytes, Format::Json, Format::SaltedJson, Format::Sealed, Format::Unknown(9)] {
            let _ = Content::decode(kind, Some(format), Some(bytes));
        }
    }
}

pub(super) fn patches() -> Vec<Vec<u8>> {
    let names = ["body", "encoded", "difference", "edits", "patch", "diff"];
    let cases = [load("patch.json"), load("json_patch.json")].concat();
    let values = cases.iter().flat_map(|case| names.iter().filter_map(|name| case.get(*name)));
    values.map(|value: &Json| json::jcs(value).into_bytes()).collect()
}

/// Reads the bytes as the body of a `patch` op and as RFC 6902.
pub(super) fn patch(bytes: &[u8]) -> Verdict {
    let Some(value) = parse_canonical(bytes) else { return Verdict::Refused };
    if let Ok(edits) = JsonPatch::decode(&value) {
        edit(&edits);
        return Verdict::Accepted;
    }
    let Content::Patch(patch) = Content::decode(Kind::Patch, Some(Format::Json), Some(bytes)) else {
        return Verdict::Refused;
    };
    let written = patch.encode().expect("a patch that was read can be written");
    assert_eq!(Patch::decode(written.clone()).as_ref(), Some(&patch));
    assert_same("patch", &encode_json(&written).expect("a body"), &plain(value).to_jcs());
    change(&patch);
    Verdict::Accepted
}

/// The body of a patch without what says nothing, and with `remove` in its order.
fn plain(body: Value) -> Value {
    let Value::Object(parts) = body else { return body };
    let is_hollow = |value: &Value| match value {
        Value::Object(places) => places.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    let parts = parts.into_iter().map(|(name, part)| match (name.as_str(), part) {
        ("insert" | "discard", Value::Object(places)) => {
            let places: Object = places.into_iter().filter(|(_, values)| !is_hollow(values)).collect();
            (name, Value::Object(places))
        }
        ("remove", Value::Array(mut places)) => {
            places.sort_by_key(|at| at.as_str().map(|at| at.split('/').map(unescaped).collect::<Vec<_>>()));
            (name, Value::Array(places))
        }
        (_, part) => (name, part),
    });
    Value::object(parts.filter(|(_, part)| !is_hollow(part)))
}

fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// Values to try patches on: the shapes that the vectors' own patches are about.
fn documents() -> [Value; 4] {
    let texts = ["null", "[]", r#"{"":{},"a":{"b":[1,2]},"n":3,"s":["x"],"t":["y"]}"#, r#"{"a":1,"foo":["bar"]}"#];
    texts.map(|text| text.parse().expect("JSON"))
}

fn change(patch: &Patch) {
    for before in documents() {
        let after = apply(patch, before.clone());
        assert_eq!(to_json_patch(patch, &before).apply(&before).as_ref(), Ok(&after), "what its edits make");
        assert_eq!(apply(&value_diff(&before, &after), before.clone()), after, "what the difference makes");
    }
}

fn edit(edits: &JsonPatch) {
    assert_eq!(JsonPatch::decode(&edits.encode()).as_ref(), Ok(edits));
    for before in documents() {
        let after = edits.apply(&before);
        if let Ok(patch) = from_json_patch(edits, &before) {
            assert_eq!(Ok(apply(&patch, before.clone())), after, "what the patch of the edits makes");
        }
    }
}
