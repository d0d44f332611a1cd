//! The vectors of JSON values: one test per file of `tests/vectors`, through the public functions of the core alone.

use serde_json::Value as Json;
use trellis_core::merge::json_diff::diff;
use trellis_core::merge::json_patch::{EditError, JsonPatch, JsonPatchError};
use trellis_core::merge::patching::{apply, from_json_patch, to_json_patch, value_diff};
use trellis_core::merge::three_way::{Conflict3, ListKeys, merge3};
use trellis_core::op::json::{Number, Value, parse, parse_canonical};
use trellis_core::op::patch::Patch;
use trellis_core::op::pointer::Pointer;
use trellis_tests::vectors::{bytes_of, expect, run};

/// What is wrong with a case.
type Verdict = Result<(), String>;

fn text<'a>(case: &'a Json, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("{name} is a text in {case}"))
}

fn value(json: &Json) -> Value {
    json.to_string().parse().expect("the vectors' own JSON is valid")
}

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).expect("the vectors' own pointers are valid")
}

#[test]
fn jcs() {
    run("jcs.json", |case| match (case["refused"].as_str(), case["input"].as_str()) {
        (Some(reason), _) => refused(text(case, "input").as_bytes(), reason, case["at"].as_str().unwrap_or("")),
        (None, Some(input)) => written(parse(input.as_bytes()).map_err(|error| error.to_string())?, case),
        (None, None) => {
            let bits = u64::from_str_radix(text(case, "ieee"), 16).map_err(|error| error.to_string())?;
            written(Number::new(f64::from_bits(bits)).ok_or("the number is refused")?.into(), case)
        }
    });
}

fn written(value: Value, case: &Json) -> Verdict {
    let canonical = text(case, "canonical");
    expect("the text", value.to_string().as_str(), canonical)?;
    expect("the bytes", value.to_jcs().as_slice(), canonical.as_bytes())?;
    expect("the canonical reading", parse_canonical(canonical.as_bytes()), Some(value))?;
    let input = case["input"].as_str().filter(|input| *input != canonical);
    expect("the canonical reading of another notation", input.and_then(|input| parse_canonical(input.as_bytes())), None)
}

#[test]
fn json_bad() {
    run("json_bad.json", |case| {
        let bytes = match case["text"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => bytes_of(case, "hex")?,
        };
        refused(&bytes, text(case, "reason"), text(case, "at"))
    });
}

fn refused(bytes: &[u8], reason: &str, at: &str) -> Verdict {
    let error = parse(bytes).err().ok_or("it is accepted")?;
    expect("the reason", error.reason.name(), reason)?;
    expect("the place", error.at.to_string().as_str(), at)?;
    expect("the canonical reading", parse_canonical(bytes), None)
}

#[test]
fn pointers() {
    run("pointer.json", |case| {
        let read = Pointer::parse(text(case, "pointer"));
        if case["refused"] == true {
            return expect("the pointer", read.ok(), None);
        }
        let pointer = read.map_err(|error| error.to_string())?;
        expect("the tokens", &serde_json::to_value(&pointer.0).expect("texts"), &case["tokens"])?;
        expect("the text", pointer.to_string().as_str(), text(case, "pointer"))?;
        let document = value(&case["document"]);
        expect("the value", pointer.find(&document).cloned(), case.get("value").map(value))
    });
}

#[test]
fn json_patches() {
    run("json_patch.json", |case| {
        let document = value(&case["document"]);
        if let Some(edits) = case.get("diff") {
            let found = diff(&document, &value(&case["result"]));
            expect("the diff", found.encode(), value(edits))?;
            return expect("what it makes", found.apply(&document), Ok(value(&case["result"])));
        }
        let result = JsonPatch::decode(&value(&case["patch"])).and_then(|patch| {
            assert_eq!(JsonPatch::decode(&patch.encode()).as_ref(), Ok(&patch), "{case}");
            patch.apply(&document)
        });
        match result {
            Ok(result) => expect("the result", Some(result), case.get("result").map(value)),
            Err(error) => {
                expect("the edit", edit_of(error), case["edit"].as_u64())?;
                expect("the error", Some(reason_of(error)), case["error"].as_str())
            }
        }
    });
}

fn edit_of(error: JsonPatchError) -> Option<u64> {
    if let JsonPatchError::Edit { index, .. } = error { Some(index as u64) } else { None }
}

fn reason_of(error: JsonPatchError) -> &'static str {
    let JsonPatchError::Edit { reason, .. } = error else { return "not_an_array" };
    match reason {
        EditError::UnknownOp => "unknown_op",
        EditError::Shape => "shape",
        EditError::BadPointer => "bad_pointer",
        EditError::NotFound => "not_found",
        EditError::TestFailed => "test_failed",
        EditError::IntoItself => "into_itself",
        EditError::RemovesAll => "removes_all",
        EditError::TooDeep => "too_deep",
        EditError::TooLarge => "too_large",
    }
}

#[test]
fn patches() {
    run("patch.json", |case| {
        if let Some(expected) = case.get("difference") {
            differs(&value(&case["old"]), &value(&case["new"]), &value(expected))
        } else if let Some(edits) = case.get("edits") {
            comes_from(&value(edits), case)
        } else {
            is_read(case)
        }
    });
}

fn is_read(case: &Json) -> Verdict {
    let patch = Patch::decode(value(&case["body"]));
    let Some(patch) = patch else { return expect("void", Some(true), case["void"].as_bool()) };
    let encoded = patch.encode().map_err(|error| error.to_string())?;
    expect("the encoding", Some(encoded.clone()), case.get("encoded").map(value))?;
    expect("what the encoding says", Patch::decode(encoded).as_ref(), Some(&patch))?;
    let Some(before) = case.get("before").map(value) else { return Ok(()) };
    let after = value(&case["after"]);
    expect("what it makes", apply(&patch, before.clone()), after.clone())?;
    expect("what its edits make", to_json_patch(&patch, &before).apply(&before), Ok(after))
}

fn differs(old: &Value, new: &Value, expected: &Value) -> Verdict {
    let patch = value_diff(old, new);
    expect("the difference", patch.encode().as_ref(), Ok(expected))?;
    expect("the order of its parts", Patch::decode(expected.clone()).as_ref(), Some(&patch))?;
    expect("what it makes", &apply(&patch, old.clone()), new)
}

fn comes_from(edits: &Value, case: &Json) -> Verdict {
    let edits = JsonPatch::decode(edits).map_err(|error| error.to_string())?;
    let current = value(&case["current"]);
    match from_json_patch(&edits, &current) {
        Ok(patch) => {
            expect("the patch", patch.encode().ok(), case.get("patch").map(value))?;
            expect("what it makes", Ok(apply(&patch, current.clone())), edits.apply(&current))
        }
        Err(error) => expect("the error", Some(reason_of(error)), case["error"].as_str()),
    }
}

#[test]
fn three_way_merges() {
    run("merge3.json", |case| {
        let [base, local, remote] = ["base", "local", "remote"].map(|side| case.get(side).map(value));
        let local = local.ok_or("no local value")?;
        let found = merge3(base.as_ref(), &local, &remote.ok_or("no remote value")?, &list_keys(case));
        expect("the merged value", &found.merged, &value(&case["merged"]))?;
        let expected: Vec<Conflict3> = case["conflicts"].as_array().ok_or("no list")?.iter().map(conflict).collect();
        expect("the conflicts", &found.conflicts, &expected)?;
        expect("what the patch makes", found.patch.apply(&local), Ok(found.merged))?;
        case.get("patch").map_or(Ok(()), |patch| expect("the patch", found.patch.encode(), value(patch)))
    });
}

fn list_keys(case: &Json) -> ListKeys {
    let lists = case["lists"].as_object().into_iter().flatten();
    lists.map(|(at, member)| (pointer(at), member.as_str().expect("a name").into())).collect()
}

fn conflict(json: &Json) -> Conflict3 {
    let [base, local, remote] = ["base", "local", "remote"].map(|side| json.get(side).map(value));
    Conflict3 { at: pointer(text(json, "at")), base, local, remote }
}
