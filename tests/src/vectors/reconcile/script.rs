//! The ops and cases that are written by hand, from the notation of `ops.txt` and `cases.txt`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trellis_core::op::hex;
use trellis_core::op::id::{OpId, RepoId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::time::Hlc;

use super::{Expected, Record, Sides};
use crate::sealed::{Draft, SealedOp, author, key};

/// How many writes stand in the one conflict that is longer than its record shows.
const CROWD: usize = 40;

/// The ops of `ops.txt`, by name, and the crowd's: `w00`, `w01` and so on.
pub(super) fn ops() -> BTreeMap<String, SealedOp> {
    let mut ops = BTreeMap::new();
    for line in lines(include_str!("ops.txt")).filter(|line| !line.is_empty()) {
        let (name, op) = sealed(line, &ops);
        assert!(ops.insert(name.into(), op).is_none(), "{name} stands twice in ops.txt");
    }
    for number in 0..CROWD {
        let name = format!("w{number:02}");
        let line = format!("{name} {name}@main {} - g - put notes/11 {number}", 400 + number);
        let op = sealed(&line, &ops).1;
        ops.insert(name, op);
    }
    ops
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with('#'))
}

fn sealed<'l>(line: &'l str, ops: &BTreeMap<String, SealedOp>) -> (&'l str, SealedOp) {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.trim_start().split_once(' ').expect("a line of ops.txt has seven words or more");
        rest = after;
        word
    };
    let (name, place, at) = (word(), word(), word());
    let [prev, parents, base] = [word(), word(), word()].map(|names| named(names, ops));
    let (who, branch) = place.split_once('@').expect("author@branch");
    let (branch, seq) = branch.split_once('#').unwrap_or((branch, ""));
    let first = parents.iter().chain(&prev).chain(&base).next().unwrap_or(&"g");
    let draft = Draft {
        branch: branch.into(),
        seq: seq.parse().unwrap_or(prev.first().map_or(1, |prev| ops[*prev].header().seq + 1)),
        prev: prev.first().map(|prev| ops[*prev].id),
        parents: parents.iter().map(|parent| ops[*parent].id).collect(),
        base: base.iter().map(|base| ops[*base].id).collect(),
        ..Draft::genesis(author(&key(who)), "", 0, Hlc(at.parse::<u64>().expect("a clock") << 16))
    };
    let repo = ops.get(*first).map(|op| op.header().repo.unwrap_or(RepoId::from(op.id)));
    (name, said(&filled(rest.trim_start(), ops), repo, draft).seal())
}

fn named<'l>(names: &'l str, ops: &BTreeMap<String, SealedOp>) -> Vec<&'l str> {
    let names: Vec<&str> = names.split(',').filter(|name| *name != "-").collect();
    assert!(names.iter().all(|name| ops.contains_key(*name)), "{names:?} come later or not at all");
    names
}

/// The text with ids for `${op}` and keys for `@{author}`.
fn filled(text: &str, ops: &BTreeMap<String, SealedOp>) -> String {
    let replaced = |text: String, (mark, with): (String, String)| text.replace(&mark, &with);
    let ids = ops.iter().map(|(name, op)| (format!("${{{name}}}"), op.id.to_string()));
    let keys = ["bob", "cat"].map(|name| (format!("@{{{name}}}"), author(&key(name)).to_string()));
    ids.chain(keys).fold(text.to_string(), replaced)
}

/// The draft that says `text`: what it does, to which entity, and the body.
fn said(text: &str, repo: Option<RepoId>, draft: Draft) -> Draft {
    let (what, rest) = text.split_once(' ').expect("what it says");
    let (entity, body) = rest.split_once(' ').unwrap_or((rest, ""));
    let (collection, key) = match what {
        "genesis" => return Draft { body: Draft::genesis(draft.author, entity, 1, draft.hlc).body, ..draft },
        "merge" => ("_branch", entity),
        _ => entity.split_once('/').expect("collection/key"),
    };
    let json = |body: &str| Some((Format::Json, body.as_bytes().to_vec()));
    let (kind, body) = match what {
        "put" => (Kind::Put, json(body)),
        "patch" => (Kind::Patch, json(body)),
        "delete" => (Kind::Delete, None),
        "append" => (Kind::Append, json(body)),
        "merge" => (Kind::Merge, json("{}")),
        "bytes" => (Kind::Put, super::super::unhex(body).map(|bytes| (Format::Bytes, bytes))),
        "salted" => (Kind::Put, Some((Format::SaltedJson, salted(body)))),
        "kind9" => (Kind::Unknown(9), json(body)),
        "format9" => (Kind::Put, Some((Format::Unknown(9), body.as_bytes().to_vec()))),
        other => panic!("{other} is nothing that an op says"),
    };
    Draft { repo, collection: collection.into(), key: key.into(), kind, body, ..draft }
}

/// 16 times the first letter for a salt, and the JSON behind it.
fn salted(text: &str) -> Vec<u8> {
    let (salt, json) = text.split_once(' ').expect("a salt");
    [salt.repeat(16).as_bytes(), json.as_bytes()].concat()
}

/// Inputs that are no ops, by name: header and body.
pub(super) fn junk(ops: &BTreeMap<String, SealedOp>) -> BTreeMap<String, (Vec<u8>, Option<Vec<u8>>)> {
    let header = |name: &str| ops[name].header.clone();
    let body = |name: &str| ops[name].body.clone().expect("a body");
    let mut cut = header("a");
    cut.pop();
    let junk = [
        ("!empty", vec![], None),
        ("!cut", cut, None),
        ("!longer", [header("a"), vec![0]].concat(), None),
        ("!float", vec![0xa1, 0x00, 0xf9, 0x3c, 0x00], None),
        ("!body", header("a"), Some(body("b"))),
        ("!length", header("a"), Some([body("a"), b" ".to_vec()].concat())),
        ("!delete", header("db"), Some(b"{}".to_vec())),
    ];
    junk.map(|(name, header, body)| (name.into(), (header, body))).into_iter().collect()
}

/// A case by hand.
pub(super) struct Case {
    /// Its name.
    pub(super) name: String,
    /// Why it is there.
    pub(super) why: String,
    /// The two sets.
    pub(super) sides: Sides,
    /// What is expected.
    pub(super) expected: Expected,
}

/// The cases of `cases.txt`, and that of the crowd.
pub(super) fn cases() -> Vec<Case> {
    let text: Vec<&str> = lines(include_str!("cases.txt")).collect();
    let blocks = text.split(|line| line.is_empty()).filter(|block| !block.is_empty());
    blocks.map(case).chain([crowd()]).collect()
}

fn case(lines: &[&str]) -> Case {
    let (name, why) = lines[0].split_once(": ").expect("a case begins with its name and its reason");
    let mut case = Case { name: name.into(), why: why.into(), sides: Sides::default(), expected: Expected::default() };
    for line in &lines[1..] {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words = || rest.split_whitespace().map(String::from).collect::<Vec<_>>();
        match what {
            "local" => case.sides.local = words(),
            "remote" => case.sides.remote = words(),
            "merged" => case.expected.merged = rest.split_whitespace().map(mark).collect(),
            "heads" => case.expected.heads = words(),
            "conflict" => case.expected.records.push(record(rest)),
            "missing" => case.expected.missing = words(),
            "invalid" => case.expected.invalid.extend(pair(rest)),
            "malformed" => case.expected.malformed = rest.parse().expect("a count"),
            other => panic!("{name}: {other} is nothing that a case tells"),
        }
    }
    case
}

fn mark(word: &str) -> (char, String) {
    (word.chars().next().expect("a mark"), word[1..].into())
}

fn pair(text: &str) -> Option<(String, String)> {
    let (left, right) = text.split_once(' ')?;
    Some((left.into(), right.into()))
}

/// `new main notes/1 /t | base 0 | b 1 | c 2`
fn record(text: &str) -> Record {
    let mut parts = text.split(" | ");
    let place: Vec<&str> = parts.next().expect("a place").split(' ').collect();
    let mut values = parts.map(|part| pair(part).map(|(name, text)| (name, value(&text))).expect("a name and a value"));
    let [age, branch, entity, path] = place[..] else { panic!("{text}: a place has four words") };
    Record {
        is_new: age == "new",
        branch: branch.into(),
        entity: entity.into(),
        path: if path == "\"\"" { String::new() } else { path.into() },
        base: values.next().expect("a base").1,
        sides: values.collect(),
    }
}

fn value(text: &str) -> Value {
    let json = |text: &str| serde_json::from_str::<Value>(text).expect("a value is JSON");
    match (text, text.as_bytes()[0]) {
        ("absent", _) => json!("absent"),
        ("missing", _) => json!("body_missing"),
        (_, b'x') => json!({ "bytes": text[1..] }),
        (_, b'+') if text.as_bytes()[1] == b'[' => json!({ "insert": json(&text[1..]) }),
        (_, b'+') => json!({ "add": json(&text[1..]) }),
        _ => json!({ "json": json(text) }),
    }
}

/// More members than a record shows.
fn crowd() -> Case {
    let names: Vec<String> = (0..CROWD).map(|number| format!("w{number:02}")).collect();
    let side = |names: &[String]| [&["g".to_string()], names].concat();
    let (local, remote) = names.split_at(CROWD / 2);
    let marked = |mark: char, names: &[String]| names.iter().map(|name| (mark, name.clone())).collect::<Vec<_>>();
    let record = Record {
        is_new: true,
        branch: "main".into(),
        entity: "notes/11".into(),
        path: String::new(),
        base: json!("absent"),
        sides: names.iter().enumerate().map(|(number, name)| (name.clone(), json!({ "json": number }))).collect(),
    };
    Case {
        name: "more members than a record shows".into(),
        why: "all are members, and the 32 of smallest ord are shown".into(),
        sides: Sides { local: side(local), remote: side(remote) },
        expected: Expected {
            merged: [vec![('=', "g".into())], marked('<', local), marked('>', remote)].concat(),
            heads: vec!["g".into()],
            records: vec![record],
            ..Expected::default()
        },
    }
}

/// The id of the conflict of these ops, told a second time: BLAKE3 of the context and the CBOR of an array.
pub(super) fn conflict_id(branch: &str, (collection, key): (&str, &str), path: &str, members: &[OpId]) -> String {
    let mut bytes = b"trellis/conflict/1\n\x85".to_vec();
    let head = |major: u8, len: usize| match len {
        0..24 => vec![major << 5 | len as u8],
        24..256 => vec![major << 5 | 24, len as u8],
        _ => [vec![major << 5 | 25], (len as u16).to_be_bytes().to_vec()].concat(),
    };
    for text in [branch, collection, key, path] {
        bytes.extend([head(3, text.len()), text.into()].concat());
    }
    let mut members = members.to_vec();
    members.sort();
    bytes.extend(head(4, members.len()));
    for id in members {
        bytes.extend([head(2, 32), id.0.to_vec()].concat());
    }
    hex::encode(blake3::hash(&bytes).as_bytes())
}
