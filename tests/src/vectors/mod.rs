//! Vectors: small files that say what bytes and verdicts version 1 promises, for every runtime to repeat.
//!
//! Every case has its reason and says who vouches for its outcome. A case never changes: `LOCK` holds a digest of each,
//! so new cases are free and a changed or missing one is refused unless somebody accepts it on purpose.

pub mod bundle;
pub mod cbor;
pub mod cbor_bad;
pub mod clocks;
pub mod fork_proof;
pub mod header;
pub mod invitation;
pub mod message;
pub mod ops_frame;
pub mod order;
pub mod reconcile;
pub mod signatures;
pub mod validity;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use trellis_core::op::hex;

/// Who vouches for the outcome of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A person wrote it down from the design.
    Hand,
    /// A published document or set of vectors.
    Rfc,
    /// The naive model computed it.
    Model,
    /// The product computed it: it says only that nothing changed.
    Generated,
}

impl By {
    fn name(self) -> &'static str {
        match self {
            By::Hand => "hand",
            By::Rfc => "rfc",
            By::Model => "model",
            By::Generated => "generated",
        }
    }
}

/// One case: its name in its file, why it is there, who vouches for it, and what its file's runner reads.
pub fn case(by: By, name: &str, why: &str, fields: Value) -> Value {
    let mut case = json!({ "name": name, "why": why, "by": by.name() });
    if let (Value::Object(case), Value::Object(fields)) = (&mut case, fields) {
        case.extend(fields);
    }
    case
}

/// The files that this crate generates, by name; other files in the folder are written by hand.
pub fn generated() -> Vec<(&'static str, &'static str, Vec<Value>)> {
    vec![
        ("header.json", header::ABOUT, header::cases()),
        ("cbor_bad.json", cbor_bad::ABOUT, cbor_bad::cases()),
        ("signatures.json", signatures::ABOUT, signatures::cases()),
        ("clocks.json", clocks::ABOUT, clocks::cases()),
        ("order.json", order::ABOUT, order::cases()),
        ("ops_frame.json", ops_frame::ABOUT, ops_frame::cases()),
        ("message.json", message::ABOUT, message::cases()),
        ("invitation.json", invitation::ABOUT, invitation::cases()),
        ("bundle.json", bundle::ABOUT, bundle::cases()),
        ("fork_proof.json", fork_proof::ABOUT, fork_proof::cases()),
        ("validity.json", validity::ABOUT, validity::cases()),
        ("reconcile.json", reconcile::ABOUT, reconcile::cases()),
    ]
}

/// What the cases of a generated file share, by name; null where they share nothing.
fn shared(name: &str) -> Value {
    if name == "reconcile.json" { reconcile::ops() } else { Value::Null }
}

/// The folder of vectors.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// The cases of a vector file.
///
/// # Panics
/// If the file is not there or not of a vector file's shape.
pub fn load(name: &str) -> Vec<Value> {
    match &file(name)["cases"] {
        Value::Array(cases) if !cases.is_empty() => cases.clone(),
        _ => panic!("{name} has no cases"),
    }
}

/// What the cases of a vector file share, by name: its member `ops`.
///
/// # Panics
/// If the file is not there or no JSON.
pub fn load_shared(name: &str) -> Value {
    file(name)["ops"].clone()
}

fn file(name: &str) -> Value {
    let text = fs::read_to_string(folder().join(name)).expect("the vector file is there");
    serde_json::from_str(&text).expect("the vector file is JSON")
}

/// Runs `check` on every case of a file, and fails with the names of all cases that fail.
///
/// # Panics
/// If a case fails.
pub fn run(name: &str, check: impl Fn(&Value) -> Result<(), String>) {
    let cases = load(name);
    let failed: Vec<_> =
        cases.iter().filter_map(|case| check(case).err().map(|error| format!("{}: {error}", case["name"]))).collect();
    assert!(failed.is_empty(), "{name}: {} of {} fail\n{}", failed.len(), cases.len(), failed.join("\n"));
}

/// The bytes of a vector file. Where cases share something, each stands on a line.
pub fn text(about: &str, cases: &[Value], shared: &Value) -> String {
    if let Value::Object(shared) = shared {
        let shared: Vec<String> = shared.iter().map(|(name, value)| format!("{}: {value}", json!(name))).collect();
        let cases: Vec<String> = cases.iter().map(Value::to_string).collect();
        let (shared, cases) = (shared.join(",\n    "), cases.join(",\n    "));
        let about = json!(about);
        return format!(
            "{{\n  \"about\": {about},\n  \"ops\": {{\n    {shared}\n  }},\n  \"cases\": [\n    {cases}\n  ]\n}}\n"
        );
    }
    let file: Map<String, Value> =
        [("about".into(), json!(about)), ("cases".into(), json!(cases))].into_iter().collect();
    let mut text = serde_json::to_string_pretty(&file).expect("JSON values can be written");
    text.push('\n');
    text
}

/// Everything that is wrong with the folder: generated files that differ, cases that are malformed, changed, missing or
/// not locked yet. Empty means that all is well.
pub fn problems() -> Vec<String> {
    let mut problems = Vec::new();
    for (name, about, cases) in generated() {
        let kept = fs::read_to_string(folder().join(name)).unwrap_or_default();
        if kept != text(about, &cases, &shared(name)) {
            problems.push(format!("{name}: the generator does not reproduce this file"));
        }
    }
    let digests = digests(&mut problems);
    problems.extend(broken(&digests));
    let unlocked = digests.keys().filter(|case| !lock().contains_key(*case));
    problems.extend(unlocked.map(|case| format!("{case}: not in LOCK; run the generator with --write")));
    problems
}

/// Writes the generated files, and locks every case of the folder.
///
/// # Errors
/// What [`Accept::Additions`] forbids: locked cases that would change or go. Nothing is written to `LOCK` then.
pub fn write(accept: Accept) -> Result<(), Vec<String>> {
    let mut problems = Vec::new();
    for (name, about, cases) in generated() {
        if let Err(error) = fs::write(folder().join(name), text(about, &cases, &shared(name))) {
            problems.push(format!("{name}: {error}"));
        }
    }
    let digests = digests(&mut problems);
    if accept == Accept::Additions {
        problems.extend(broken(&digests));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let lock: String = digests.iter().map(|(case, digest)| format!("{digest} {case}\n")).collect();
    fs::write(folder().join("LOCK"), lock).map_err(|error| vec![format!("LOCK: {error}")])
}

/// What a rewrite may do to cases that are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// New cases only.
    Additions,
    /// Locked cases may change and go.
    Changes,
}

fn broken(digests: &BTreeMap<String, String>) -> Vec<String> {
    let verdict = |case: &String, locked: &String| match digests.get(case) {
        None => Some(format!("{case}: locked, but gone")),
        Some(digest) if digest != locked => Some(format!("{case}: differs from its locked form")),
        Some(_) => None,
    };
    lock().iter().filter_map(|(case, locked)| verdict(case, locked)).collect()
}

fn lock() -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder().join("LOCK")).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once(' ')).map(|(digest, case)| (case.into(), digest.into())).collect()
}

fn digests(problems: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut digests = BTreeMap::new();
    for name in file_names() {
        let cases = load(&name);
        for (op, entry) in load_shared(&name).as_object().into_iter().flatten() {
            digests.insert(format!("{name} ops {op}"), digest(entry));
        }
        let vouched = cases.iter().filter(|case| case["by"] != "generated").count();
        if vouched * 3 < cases.len() {
            problems
                .push(format!("{name}: fewer than a third of the cases are vouched for by anything but the product"));
        }
        for case in cases {
            let label = format!("{name} {}", case["name"].as_str().unwrap_or_default());
            if !is_well_formed(&case) {
                problems.push(format!("{label}: a case needs `name`, `why` and `by`"));
            }
            if digests.insert(label.clone(), digest(&case)).is_some() {
                problems.push(format!("{label}: two cases have this name"));
            }
        }
    }
    digests
}

fn file_names() -> Vec<String> {
    let entries = fs::read_dir(folder()).expect("the vector folder is there");
    let mut names: Vec<_> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| name.ends_with(".json"));
    names.sort();
    names
}

fn is_well_formed(case: &Value) -> bool {
    let has = |field: &str| case[field].as_str().is_some_and(|text| !text.is_empty());
    let by = case["by"].as_str().unwrap_or_default();
    has("name") && has("why") && ["hand", "rfc", "model", "generated"].contains(&by)
}

fn digest(case: &Value) -> String {
    let text = sorted(case).to_string();
    hex::encode(blake3::hash(text.as_bytes()).as_bytes())
}

/// The value with members in one order, whatever order this build of the JSON library keeps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            Value::Object(members.into_iter().collect())
        }
        other => other.clone(),
    }
}

/// Reads hex digits of any even length.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    let bytes =
        pairs.map(|pair| pair.filter(|pair| pair.len() == 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()));
    bytes.collect()
}

/// The bytes in a case's field of hex digits.
///
/// # Errors
/// The field's name, if it is not there or not hex.
pub fn bytes_of(case: &Value, field: &str) -> Result<Vec<u8>, String> {
    case[field].as_str().and_then(unhex).ok_or(format!("no hex in `{field}`"))
}

/// Fails unless what came is what the case expects.
///
/// # Errors
/// Both, for the report.
pub fn expect<T: PartialEq + std::fmt::Debug>(what: &str, came: T, expected: T) -> Result<(), String> {
    if came == expected { Ok(()) } else { Err(format!("{what}: {came:?} came, {expected:?} was expected")) }
}
