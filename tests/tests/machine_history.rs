//! What a history from elsewhere asks of the machine: branches that begin in the middle of another, notes about nothing,
//! and finding what was written before.

use trellis_core::error::CommandError;
use trellis_core::input::{Base, Change, Command, Edit, EntityQuery, Note, Transaction};
use trellis_core::merge::entity::Shown;
use trellis_core::op::id::OpId;
use trellis_core::op::json::{Value, parse};
use trellis_core::output::{Answer, OpView};
use trellis_tests::host::{MemoryHost, written};

fn json(text: &str) -> Value {
    parse(text.as_bytes()).expect("the test's own JSON")
}

fn shown(host: &mut MemoryHost, branch: &str) -> Shown {
    let query = EntityQuery { branch: branch.into(), collection: "notes".into(), key: "1".into(), at: Vec::new() };
    match host.run(Command::Get(query)) {
        Ok(Answer::Entity(view)) => view.shown,
        other => panic!("{other:?}"),
    }
}

fn merge(source: &str, at: &[OpId]) -> Edit {
    Edit::Merge { source: source.into(), at: at.to_vec(), plan: None, message: None }
}

fn record(host: &mut MemoryHost, key: &str, edits: Vec<Edit>, from: Option<(&str, &str)>) -> Vec<OpId> {
    let from = from.map(|(system, name)| (system.into(), name.into()));
    let note = Note { key: key.into(), from, ..Note::default() };
    let transaction = Transaction { branch: "main".into(), actor: None, edits, note: Some(note), random: [7; 32] };
    written(host.run(Command::Write(transaction)))
}

fn writes(host: &mut MemoryHost, prefix: &str) -> Vec<OpView> {
    match host.run(Command::Writes { collection: "_records".into(), key_prefix: prefix.into() }) {
        Ok(Answer::Log(ops)) => ops,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_branch_begins_at_any_op_and_joins_any_op() {
    let mut ann = MemoryHost::new(1);
    ann.create();
    let ops: Vec<OpId> = ["1", "2", "3"].map(|value| ann.put("notes", "1", json(value))).to_vec();
    assert_eq!(written(ann.write("draft", vec![merge("main", &ops[..1])])).len(), 1);
    assert_eq!(shown(&mut ann, "draft"), Shown::Json(json("1")));
    written(ann.write("draft", vec![merge("main", &ops[1..2])]));
    assert_eq!(shown(&mut ann, "draft"), Shown::Json(json("2")));
    assert_eq!(written(ann.write("draft", vec![merge("main", &ops[..1])])), [], "it is here already");
    assert_eq!(shown(&mut ann.reopened(), "draft"), Shown::Json(json("2")));
}

#[test]
fn an_op_of_another_branch_is_not_joined_as_one_of_the_source() {
    let mut ann = MemoryHost::new(1);
    ann.create();
    let first = ann.put("notes", "1", json("1"));
    let begun = written(ann.write("draft", vec![merge("main", &[first])]));
    assert_eq!(ann.write("other", vec![merge("main", &begun)]), Err(CommandError::NoOp(begun[0])));
    let nowhere = OpId([9; 32]);
    assert_eq!(ann.write("other", vec![merge("main", &[nowhere])]), Err(CommandError::NoOp(nowhere)));
}

#[test]
fn what_happened_elsewhere_is_noted_even_if_nothing_changed() {
    let mut ann = MemoryHost::new(1);
    ann.create();
    assert_eq!(record(&mut ann, "a-1", Vec::new(), None), []);
    let noted = record(&mut ann, "a-2", Vec::new(), Some(("git", "12")));
    assert_eq!(noted.len(), 1);
    assert_eq!(ann.write("main", vec![Edit::Undo]), Err(CommandError::NothingToUndo));
}

#[test]
fn writes_are_found_on_every_branch() {
    let mut ann = MemoryHost::new(1);
    ann.create();
    let edit = |value: &str| Edit::Entity {
        collection: "notes".into(),
        key: "1".into(),
        change: Change::Replace(json(value)),
        base: Base::Shown,
    };
    let noted = *record(&mut ann, "a-1", vec![edit("1")], None).last().expect("a note");
    record(&mut ann, "b-1", vec![edit("2")], None);
    written(ann.write("draft", vec![merge("main", &[])]));
    let found = writes(&mut ann, "a-");
    assert_eq!(found.iter().map(|op| (op.id, op.key.as_str())).collect::<Vec<_>>(), [(noted, "a-1")]);
    assert_eq!(writes(&mut ann, "").len(), 2);
}
