//! Collections that declare something: who may, what is refused, how they merge, and the salts of what is worth much.

use std::collections::BTreeSet;

use trellis_core::error::CommandError;
use trellis_core::input::{Base, Change, Choice, Command, Edit, EntityQuery, Role, Transaction};
use trellis_core::limits::BODY_BYTES_MAX;
use trellis_core::merge::entity::Shown;
use trellis_core::op::body::salt;
use trellis_core::op::header::BodyRef;
use trellis_core::op::id::OpId;
use trellis_core::op::json::{Value, parse};
use trellis_core::op::kind::Format;
use trellis_core::op::patch::Patch;
use trellis_core::op::pointer::Pointer;
use trellis_core::output::{Answer, EntityView, ManifestView};
use trellis_tests::host::{MemoryHost, REPO, written};

const HIGH: &str = r#"{"policyClass":"high"}"#;

fn json(text: &str) -> Value {
    parse(text.as_bytes()).expect("the test's own JSON")
}

fn at(pointer: &str) -> Pointer {
    Pointer::parse(pointer).expect("the test's own pointer")
}

fn set(path: &str, value: &str) -> Change {
    Change::Patch(Patch { set: vec![(at(path), json(value))], ..Patch::default() })
}

fn declare(host: &mut MemoryHost, collection: &str, manifest: &str) -> Result<Answer, CommandError> {
    host.write(REPO, vec![Edit::Declare { collection: collection.into(), manifest: json(manifest) }])
}

fn manifests(host: &mut MemoryHost) -> Vec<ManifestView> {
    match host.run(Command::Manifests) {
        Ok(Answer::Manifests(manifests)) => manifests,
        other => panic!("{other:?}"),
    }
}

fn view(host: &mut MemoryHost, key: &str) -> EntityView {
    let query = EntityQuery { branch: "main".into(), collection: "notes".into(), key: key.into(), at: Vec::new() };
    match host.run(Command::Get(query)) {
        Ok(Answer::Entity(view)) => view,
        other => panic!("{other:?}"),
    }
}

fn shown(host: &mut MemoryHost, key: &str) -> Shown {
    view(host, key).shown
}

/// The body of an op as its header names it, and its bytes.
fn body(host: &mut MemoryHost, op: OpId) -> (BodyRef, Vec<u8>) {
    match host.run(Command::Show(vec![op])) {
        Ok(Answer::Log(views)) => {
            let stored = views[0].stored.as_ref().expect("the op itself");
            let header = stored.rehash().expect("an op").header().body.expect("a body");
            (header, stored.body.clone().expect("the body is here"))
        }
        other => panic!("{other:?}"),
    }
}

fn meet(one: &mut MemoryHost, two: &mut MemoryHost) {
    one.send_to(two);
    two.send_to(one);
}

/// Ann's repo in which `notes` declares this, with one note, and Bob's copy of it.
fn ann_and_bob(manifest: &str) -> (MemoryHost, MemoryHost) {
    let (mut ann, mut bob) = (MemoryHost::new(1), MemoryHost::new(2));
    ann.create();
    written(declare(&mut ann, "notes", manifest));
    ann.put("notes", "1", json(r#"{"body":"a\nb\nc\n","title":"t"}"#));
    ann.send_to(&mut bob);
    (ann, bob)
}

#[test]
fn a_declared_text_merges_by_lines() {
    let (mut ann, mut bob) = ann_and_bob(r#"{"fields":{"/body":"text"}}"#);
    ann.change("notes", "1", set("/body", r#""A\nb\nc\n""#));
    bob.change("notes", "1", set("/body", r#""a\nb\nC\n""#));
    meet(&mut ann, &mut bob);
    for host in [&mut ann, &mut bob] {
        let view = view(host, "1");
        assert_eq!((view.shown, view.conflicts), (Shown::Json(json(r#"{"body":"A\nb\nC\n","title":"t"}"#)), vec![]));
    }
}

/// What is declared counts for what was written before, too, and can be taken back.
#[test]
fn a_declaration_changes_how_everything_reads() {
    let (mut ann, mut bob) = ann_and_bob("{}");
    ann.change("notes", "1", set("/title", r#""A""#));
    bob.change("notes", "1", set("/title", r#""B""#));
    meet(&mut ann, &mut bob);
    assert_eq!(view(&mut ann, "1").conflicts.len(), 1);
    let op = written(declare(&mut ann, "notes", r#"{"mergeStrategy":"crdt"}"#))[0];
    ann.send_to(&mut bob);
    for host in &mut [bob.reopened(), ann.clone(), bob] {
        assert_eq!(view(host, "1").conflicts, []);
        let manifest = json(r#"{"mergeStrategy":"crdt"}"#);
        assert_eq!(manifests(host), [ManifestView { collection: "notes".into(), op, manifest }]);
    }
    let again = declare(&mut ann, "notes", r#"{"mergeStrategy":"crdt"}"#);
    assert_eq!(written(again), [], "what is declared already is not written again");
    written(declare(&mut ann, "notes", "{}"));
    assert_eq!(view(&mut ann, "1").conflicts.len(), 1);
}

#[test]
fn a_declaration_with_a_mistake_names_the_field() {
    let (mut ann, _) = ann_and_bob("{}");
    let before = ann.rows.len();
    for (manifest, place) in [
        ("[]", ""),
        (r#"{"colour":1}"#, "/colour"),
        (r#"{"policyClass":"huge"}"#, "/policyClass"),
        (r#"{"mergeStrategy":"quarantine"}"#, "/mergeStrategy"),
        (r#"{"fields":{"/a":"line"}}"#, "/fields/~1a"),
        (r#"{"collection":"letters"}"#, "/collection"),
    ] {
        match declare(&mut ann, "notes", manifest) {
            Err(error @ CommandError::BadManifest { .. }) => {
                assert!(error.to_string().contains(&format!("at \"{place}\"")), "{error}");
                assert_eq!(error.code(), "invalid_argument");
            }
            other => panic!("{manifest}: {other:?}"),
        }
    }
    assert_eq!(declare(&mut ann, "_members", "{}"), Err(CommandError::Reserved));
    assert_eq!(declare(&mut ann, "", "{}"), Err(CommandError::BadName));
    assert_eq!(declare(&mut ann, &"n".repeat(256), "{}"), Err(CommandError::BadName));
    let elsewhere = Edit::Declare { collection: "notes".into(), manifest: json("{}") };
    assert_eq!(ann.write("main", vec![elsewhere]), Err(CommandError::Reserved));
    assert_eq!(ann.rows.len(), before);
    written(declare(&mut ann, "letters", r#"{"collection":"letters"}"#));
}

#[test]
fn only_owners_declare() {
    let (mut ann, mut bob) = ann_and_bob("{}");
    assert_eq!(declare(&mut bob, "notes", HIGH), Err(CommandError::NotPermitted));
    let author = bob.author();
    let add = |role| Edit::AddMember { author, name: "Bob".into(), role };
    written(ann.write(REPO, vec![add(Role::Writer)]));
    ann.send_to(&mut bob);
    assert_eq!(declare(&mut bob, "notes", HIGH), Err(CommandError::NotPermitted));
    written(ann.write(REPO, vec![add(Role::Owner)]));
    ann.send_to(&mut bob);
    written(declare(&mut bob, "notes", HIGH));
}

/// Equal content has other bytes and another hash each time it is written, and reads as the content alone.
#[test]
fn content_of_class_high_is_salted() {
    for class in ["high", "critical"] {
        let (mut ann, mut bob) = ann_and_bob(&format!(r#"{{"policyClass":"{class}"}}"#));
        let edit =
            |key: &str, change| Edit::Entity { collection: "notes".into(), key: key.into(), change, base: Base::Shown };
        let value = || json(r#"{"pin":1}"#);
        let mut ops = written(ann.write(
            "main",
            vec![
                edit("2", Change::Replace(value())),
                edit("3", Change::Replace(value())),
                edit("4", Change::Append(value())),
            ],
        ));
        ops.push(bob.put("notes", "5", value()));
        bob.send_to(&mut ann);
        let mut hashes = BTreeSet::new();
        for op in &ops {
            let (named, bytes) = body(&mut ann, *op);
            assert_eq!((named.format, &bytes[16..]), (Format::SaltedJson, br#"{"pin":1}"#.as_slice()));
            hashes.insert(named.hash);
        }
        assert_eq!(hashes.len(), ops.len());
        let patch = ann.change("notes", "2", Change::Put(json(r#"{"pin":2}"#)));
        let (named, bytes) = body(&mut ann, patch);
        assert_eq!((named.format, &bytes[16..]), (Format::SaltedJson, br#"{"set":{"/pin":2}}"#.as_slice()));
        meet(&mut ann, &mut bob);
        for host in &mut [bob.reopened(), ann, bob] {
            assert_eq!(shown(host, "2"), Shown::Json(json(r#"{"pin":2}"#)));
            assert_eq!(shown(host, "5"), Shown::Json(value()));
        }
    }
}

/// The rule of docs/format.md for salts.
#[test]
fn salts_come_from_the_transactions_random_bytes() {
    let random = [7; 32];
    let hash = blake3::hash(&[b"trellis/salt/1\n".as_slice(), &random, &[0, 0, 0, 2]].concat());
    assert_eq!(salt(&random, 2), hash.as_bytes()[..16]);
    let (mut ann, _) = ann_and_bob(HIGH);
    let edit = |key: &str| Edit::Entity {
        collection: "notes".into(),
        key: key.into(),
        change: Change::Replace(json("1")),
        base: Base::Shown,
    };
    let edits = vec![edit("2"), edit("3"), edit("4")];
    let transaction = Transaction { branch: "main".into(), actor: None, edits, note: None, random };
    let ops = written(ann.run(Command::Write(transaction)));
    for (nth, op) in ops.iter().enumerate() {
        assert_eq!(body(&mut ann, *op).1[..16], salt(&random, nth as u32));
    }
}

#[test]
fn all_else_is_not_salted() {
    for manifest in ["{}", r#"{"policyClass":"medium"}"#] {
        let (mut ann, _) = ann_and_bob(manifest);
        let op = ann.put("notes", "2", json("1"));
        assert_eq!(body(&mut ann, op).0.format, Format::Json, "{manifest}");
    }
    let (mut ann, _) = ann_and_bob(HIGH);
    let bytes = ann.change("notes", "2", Change::Bytes(b"x".to_vec()));
    assert_eq!(body(&mut ann, bytes).0.format, Format::Bytes);
    let elsewhere = ann.put("letters", "1", json("1"));
    assert_eq!(body(&mut ann, elsewhere).0.format, Format::Json);
    let add = Edit::AddMember { author: ann.author(), name: "Ann".into(), role: Role::Owner };
    let member = written(ann.write(REPO, vec![add]))[0];
    assert_eq!(body(&mut ann, member).0.format, Format::Json);
    written(ann.write(
        "draft",
        vec![Edit::Merge { source: "main".into(), at: vec![], plan: None, message: Some("m".into()) }],
    ));
}

#[test]
fn a_salt_counts_for_the_size_of_a_body() {
    let (mut ann, _) = ann_and_bob(HIGH);
    let text = |len: usize| Value::from("x".repeat(len - 2));
    ann.put("notes", "2", text(BODY_BYTES_MAX - 16));
    let edit = Edit::Entity {
        collection: "notes".into(),
        key: "3".into(),
        change: Change::Replace(text(BODY_BYTES_MAX - 15)),
        base: Base::Shown,
    };
    assert_eq!(ann.write("main", vec![edit]), Err(CommandError::TooLarge));
}

#[test]
fn salted_writes_conflict_and_are_resolved_and_undone() {
    let (mut ann, mut bob) = ann_and_bob(HIGH);
    ann.change("notes", "1", set("/title", r#""same""#));
    bob.change("notes", "1", set("/title", r#""same""#));
    meet(&mut ann, &mut bob);
    assert_eq!(view(&mut ann, "1").conflicts, [], "equal values do not conflict, whatever their salts");
    ann.change("notes", "1", set("/title", r#""Calm""#));
    let storm = bob.change("notes", "1", set("/title", r#""Storm""#));
    meet(&mut ann, &mut bob);
    let open = view(&mut ann, "1").conflicts;
    assert_eq!(open, view(&mut bob, "1").conflicts);
    let resolve = Edit::Resolve {
        collection: "notes".into(),
        key: "1".into(),
        conflict: open[0].id,
        choice: Choice::Side(storm),
    };
    let closing = written(ann.write("main", vec![resolve]))[0];
    assert_eq!(body(&mut ann, closing).0.format, Format::SaltedJson);
    ann.send_to(&mut bob);
    let resolved = json(r#"{"body":"a\nb\nc\n","title":"Storm"}"#);
    assert_eq!(shown(&mut bob, "1"), Shown::Json(resolved.clone()));
    ann.change("notes", "1", set("/title", r#""oops""#));
    let undoing = written(ann.write("main", vec![Edit::Undo]))[0];
    assert_eq!(body(&mut ann, undoing).0.format, Format::SaltedJson);
    assert_eq!(shown(&mut ann, "1"), Shown::Json(resolved.clone()));
    let same =
        Edit::Entity { collection: "notes".into(), key: "1".into(), change: Change::Put(resolved), base: Base::Shown };
    assert_eq!(written(ann.write("main", vec![same])), [], "what is there already is not written again");
}

#[test]
fn redaction_hides_salted_content() {
    let (mut ann, mut bob) = ann_and_bob(HIGH);
    let patch = bob.change("notes", "1", set("/title", r#""secret""#));
    let put = bob.put("notes", "2", json(r#""secret""#));
    bob.send_to(&mut ann);
    written(ann.write(REPO, vec![Edit::Redact { ops: vec![patch, put], pointers: vec![] }]));
    meet(&mut ann, &mut bob);
    for host in [&mut ann, &mut bob] {
        let hidden = json(r#"{"body":"a\nb\nc\n","title":{"$redacted":true}}"#);
        assert_eq!(shown(host, "1"), Shown::Json(hidden));
        assert_eq!(shown(host, "2"), Shown::Json(json(r#"{"$redacted":true}"#)));
    }
}

/// Equal inputs give equal outputs: all chance comes from the host.
#[test]
fn equal_random_bytes_give_equal_ops() {
    let (ann, _) = ann_and_bob(HIGH);
    let write = |random: [u8; 32]| {
        let mut ann = ann.clone();
        let edit = Edit::Entity {
            collection: "notes".into(),
            key: "2".into(),
            change: Change::Replace(json("1")),
            base: Base::Shown,
        };
        let transaction = Transaction { branch: "main".into(), actor: None, edits: vec![edit], note: None, random };
        written(ann.run(Command::Write(transaction)));
        ann.rows
    };
    assert_eq!(write([1; 32]), write([1; 32]));
    assert_ne!(write([1; 32]), write([2; 32]));
}
