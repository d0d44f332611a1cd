//! The vectors of JSON values: one test per file of `tests/vectors`, through the public functions of the core alone.
//!
//! A case that fails is named with its reason to be; all cases of a file are run before the test fails.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;
use trellis_core::merge::json_diff::diff;
use trellis_core::merge::json_patch::{EditError, JsonPatch, JsonPatchError};
use trellis_core::merge::patching::{apply, from_json_patch, to_json_patch, value_diff};
use trellis_core::merge::three_way::{Conflict3, ListKeys, merge3};
use trellis_core::op::json::{Number, Value, parse, parse_canonical};
use trellis_core::op::patch::Patch;
use trellis_core::op::pointer::Pointer;

/// What a case finds wrong; a file's test fails with all of it.
type Verdict = Result<(), String>;

fn run(file: &str, check: impl Fn(&Json) -> Verdict) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    let vectors: Json = serde_json::from_slice(&std::fs::read(path).expect("the file is there")).expect("it is JSON");
    let cases = vectors["cases"].as_array().expect("it has cases");
    check_origins(cases);
    let failed: Vec<String> = cases.iter().filter_map(|case| failure(case, check(case).err()?)).collect();
    assert!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

fn failure(case: &Json, what: String) -> Option<String> {
    Some(format!("{} ({}): {what}", case["name"], case["why"]))
}

/// Every case has a name of its own and a reason, and a third of them come from a person or a standard.
fn check_origins(cases: &[Json]) {
    let names: BTreeSet<&str> = cases.iter().map(|case| case["name"].as_str().expect("a name")).collect();
    assert_eq!(names.len(), cases.len(), "names are distinct");
    assert!(cases.iter().all(|case| !case["why"].as_str().expect("a reason").is_empty()));
    let origins = cases.iter().map(|case| case["by"].as_str().expect("an origin"));
    assert!(origins.clone().all(|by| ["hand", "rfc", "model", "generated"].contains(&by)));
    assert!(origins.filter(|by| ["hand", "rfc"].contains(by)).count() * 3 >= cases.len());
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Verdict {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?}, not {expected:?}")) }
}

fn text<'a>(case: &'a Json, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("{name} is a text in {case}"))
}

fn value(json: &Json) -> Value {
    json.to_string().parse().expect("the vectors' own JSON is valid")
}

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).expect("the vectors' own pointers are valid")
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).expect("hex") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
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
    same("the text", value.to_string().as_str(), canonical)?;
    same("the bytes", value.to_jcs().as_slice(), canonical.as_bytes())?;
    same("the canonical reading", parse_canonical(canonical.as_bytes()), Some(value))?;
    let input = case["input"].as_str().filter(|input| *input != canonical);
    same("the canonical reading of another notation", input.and_then(|input| parse_canonical(input.as_bytes())), None)
}

#[test]
fn json_bad() {
    run("json_bad.json", |case| {
        let bytes = case["text"].as_str().map_or_else(|| hex(text(case, "hex")), |text| text.as_bytes().to_vec());
        refused(&bytes, text(case, "reason"), text(case, "at"))
    });
}

fn refused(bytes: &[u8], reason: &str, at: &str) -> Verdict {
    let error = parse(bytes).err().ok_or("it is accepted")?;
    same("the reason", error.reason.name(), reason)?;
    same("the place", error.at.to_string().as_str(), at)?;
    same("the canonical reading", parse_canonical(bytes), None)
}

#[test]
fn pointers() {
    run("pointer.json", |case| {
        let read = Pointer::parse(text(case, "pointer"));
        if case["refused"] == true {
            return same("the pointer", read.ok(), None);
        }
        let pointer = read.map_err(|error| error.to_string())?;
        same("the tokens", &serde_json::to_value(&pointer.0).expect("texts"), &case["tokens"])?;
        same("the text", pointer.to_string().as_str(), text(case, "pointer"))?;
        let document = value(&case["document"]);
        same("the value", pointer.find(&document).cloned(), case.get("value").map(value))
    });
}

#[test]
fn json_patches() {
    run("json_patch.json", |case| {
        let document = value(&case["document"]);
        if let Some(edits) = case.get("diff") {
            let found = diff(&document, &value(&case["result"]));
            same("the diff", found.encode(), value(edits))?;
            return same("what it makes", found.apply(&document), Ok(value(&case["result"])));
        }
        let result = JsonPatch::decode(&value(&case["patch"])).and_then(|patch| {
            assert_eq!(JsonPatch::decode(&patch.encode()).as_ref(), Ok(&patch), "{case}");
            patch.apply(&document)
        });
        match result {
            Ok(result) => same("the result", Some(result), case.get("result").map(value)),
            Err(error) => {
                same("the edit", edit_of(error), case["edit"].as_u64())?;
                same("the error", Some(reason_of(error)), case["error"].as_str())
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
    let Some(patch) = patch else { return same("void", Some(true), case["void"].as_bool()) };
    let encoded = patch.encode().map_err(|error| error.to_string())?;
    same("the encoding", Some(encoded.clone()), case.get("encoded").map(value))?;
    same("what the encoding says", Patch::decode(encoded).as_ref(), Some(&patch))?;
    let Some(before) = case.get("before").map(value) else { return Ok(()) };
    let after = value(&case["after"]);
    same("what it makes", apply(&patch, before.clone()), after.clone())?;
    same("what its edits make", to_json_patch(&patch, &before).apply(&before), Ok(after))
}

fn differs(old: &Value, new: &Value, expected: &Value) -> Verdict {
    let patch = value_diff(old, new);
    same("the difference", patch.encode().as_ref(), Ok(expected))?;
    same("the order of its parts", Patch::decode(expected.clone()).as_ref(), Some(&patch))?;
    same("what it makes", &apply(&patch, old.clone()), new)
}

fn comes_from(edits: &Value, case: &Json) -> Verdict {
    let edits = JsonPatch::decode(edits).map_err(|error| error.to_string())?;
    let current = value(&case["current"]);
    match from_json_patch(&edits, &current) {
        Ok(patch) => {
            same("the patch", patch.encode().ok(), case.get("patch").map(value))?;
            same("what it makes", Ok(apply(&patch, current.clone())), edits.apply(&current))
        }
        Err(error) => same("the error", Some(reason_of(error)), case["error"].as_str()),
    }
}

#[test]
fn three_way_merges() {
    run("merge3.json", |case| {
        let [base, local, remote] = ["base", "local", "remote"].map(|side| case.get(side).map(value));
        let local = local.ok_or("no local value")?;
        let found = merge3(base.as_ref(), &local, &remote.ok_or("no remote value")?, &list_keys(case));
        same("the merged value", &found.merged, &value(&case["merged"]))?;
        let expected: Vec<Conflict3> = case["conflicts"].as_array().ok_or("no list")?.iter().map(conflict).collect();
        same("the conflicts", &found.conflicts, &expected)?;
        same("what the patch makes", found.patch.apply(&local), Ok(found.merged))?;
        case.get("patch").map_or(Ok(()), |patch| same("the patch", found.patch.encode(), value(patch)))
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
