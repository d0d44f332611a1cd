//! What people do with repos, through the machine alone: write apart, meet, see conflicts and close them.

use trellis_core::error::CommandError;
use trellis_core::input::{Base, Change, Choice, Command, Edit, EntityQuery, Note, Role, Transaction};
use trellis_core::log::row::StoredOp;
use trellis_core::machine::KeyUse;
use trellis_core::merge::conflict::Conflict;
use trellis_core::merge::entity::Shown;
use trellis_core::op::id::OpId;
use trellis_core::op::json::{Value, parse};
use trellis_core::op::patch::Patch;
use trellis_core::op::pointer::Pointer;
use trellis_core::output::{Answer, EntityView, Event, Status};
use trellis_core::time::Millis;
use trellis_tests::host::{MemoryHost, REPO, START, written};

fn json(text: &str) -> Value {
    parse(text.as_bytes()).expect("the test's own JSON")
}

fn set(path: &str, value: &str) -> Change {
    let path = Pointer::parse(path).expect("the test's own pointer");
    Change::Patch(Patch { set: vec![(path, json(value))], ..Patch::default() })
}

fn view(host: &mut MemoryHost, collection: &str, key: &str) -> EntityView {
    let query = EntityQuery { branch: "main".into(), collection: collection.into(), key: key.into(), at: Vec::new() };
    match host.run(Command::Get(query)) {
        Ok(Answer::Entity(view)) => view,
        other => panic!("{other:?}"),
    }
}

fn shown(host: &mut MemoryHost, key: &str) -> Shown {
    view(host, "notes", key).shown
}

fn conflicts(host: &mut MemoryHost) -> Vec<Conflict> {
    match host.run(Command::Conflicts { branch: "main".into() }) {
        Ok(Answer::Conflicts(conflicts)) => conflicts,
        other => panic!("{other:?}"),
    }
}

fn status(host: &mut MemoryHost) -> Status {
    match host.run(Command::Status) {
        Ok(Answer::Status(status)) => status,
        other => panic!("{other:?}"),
    }
}

fn meet(one: &mut MemoryHost, two: &mut MemoryHost) {
    one.send_to(two);
    two.send_to(one);
}

/// Ann's repo with one note, and Bob's copy of it.
fn ann_and_bob() -> (MemoryHost, MemoryHost) {
    let (mut ann, mut bob) = (MemoryHost::new(1), MemoryHost::new(2));
    ann.create();
    ann.put("notes", "1", json(r#"{"body":"b","title":"t"}"#));
    ann.send_to(&mut bob);
    (ann, bob)
}

/// Two people edit one title apart: both see the same conflict with base and sides, and one op closes it for both.
#[test]
fn a_conflict_is_the_same_everywhere_until_it_is_resolved() {
    let (mut ann, mut bob) = ann_and_bob();
    let calm = ann.change("notes", "1", set("/title", r#""Calm""#));
    let storm = bob.change("notes", "1", set("/title", r#""Storm""#));
    meet(&mut ann, &mut bob);
    let open = conflicts(&mut ann);
    assert_eq!(open, conflicts(&mut bob));
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].path.to_string(), "/title");
    assert_eq!(open[0].base, Shown::Json(json(r#""t""#)));
    let mut members = open[0].members.clone();
    members.sort_unstable();
    let mut sides = [calm, storm];
    sides.sort_unstable();
    assert_eq!(members, sides);

    bob.change("notes", "1", set("/body", r#""other""#));
    assert_eq!(conflicts(&mut bob).len(), 1, "an edit of another path keeps it open");
    bob.send_to(&mut ann);
    let resolve = |conflict, choice| Edit::Resolve { collection: "notes".into(), key: "1".into(), conflict, choice };
    written(ann.write("main", vec![resolve(open[0].id, Choice::Side(calm))]));
    meet(&mut ann, &mut bob);
    assert_eq!(conflicts(&mut ann), []);
    assert_eq!(conflicts(&mut bob), []);
    assert_eq!(shown(&mut bob, "1"), Shown::Json(json(r#"{"body":"other","title":"Calm"}"#)));
    assert_eq!(shown(&mut ann, "1"), shown(&mut bob, "1"));
    let moved = ann.write("main", vec![resolve(open[0].id, Choice::Absent)]);
    assert_eq!(moved, Err(CommandError::ConflictMoved(open[0].id)));
}

/// Whoever chooses an edit over a deletion keeps the whole entity, and closes no other conflict of it.
#[test]
fn an_edit_that_is_chosen_over_a_deletion_keeps_the_rest() {
    let (mut ann, mut bob) = ann_and_bob();
    ann.change("notes", "1", Change::Put(json(r#"{"body":{"a":1,"b":2},"stars":3,"title":"t"}"#)));
    meet(&mut ann, &mut bob);
    ann.change("notes", "1", Change::Delete);
    let edit = bob.change("notes", "1", set("/body/a", "7"));
    bob.change("notes", "1", set("/title", r#""Storm""#));
    meet(&mut ann, &mut bob);
    let open = conflicts(&mut ann);
    assert_eq!(open.iter().map(|open| open.path.to_string()).collect::<Vec<_>>(), ["/body/a", "/title"]);
    let resolve = |conflict, choice| Edit::Resolve { collection: "notes".into(), key: "1".into(), conflict, choice };
    written(ann.write("main", vec![resolve(open[0].id, Choice::Side(edit))]));
    assert_eq!(conflicts(&mut ann).iter().map(|open| open.path.to_string()).collect::<Vec<_>>(), ["/title"]);
    let whole = Shown::Json(json(r#"{"body":{"a":7,"b":2},"stars":3,"title":"Storm"}"#));
    assert_eq!(shown(&mut ann, "1"), whole);
    let open = conflicts(&mut ann);
    written(ann.write("main", vec![resolve(open[0].id, Choice::Value(json(r#""Storm""#)))]));
    meet(&mut ann, &mut bob);
    assert_eq!((conflicts(&mut ann), conflicts(&mut bob)), (vec![], vec![]));
    assert_eq!((shown(&mut ann, "1"), shown(&mut bob, "1")), (whole.clone(), whole));
}

/// Putting a form back touches only the fields that changed, so it does not overwrite what others changed meanwhile.
#[test]
fn a_put_writes_the_difference() {
    let (mut ann, mut bob) = ann_and_bob();
    bob.change("notes", "1", set("/body", r#""bob's""#));
    ann.change("notes", "1", Change::Put(json(r#"{"body":"b","title":"ann's"}"#)));
    meet(&mut ann, &mut bob);
    assert_eq!(shown(&mut ann, "1"), Shown::Json(json(r#"{"body":"bob's","title":"ann's"}"#)));
    assert_eq!(conflicts(&mut ann), []);
    let same = Edit::Entity {
        collection: "notes".into(),
        key: "1".into(),
        change: Change::Put(json(r#"{"body":"bob's","title":"ann's"}"#)),
        base: Base::Shown,
    };
    assert_eq!(written(ann.write("main", vec![same])), []);
}

/// Saving a stale form is a conflict and not an overwrite.
#[test]
fn a_stale_base_conflicts() {
    let (mut ann, _) = ann_and_bob();
    let first = view(&mut ann, "notes", "1").frontier;
    ann.change("notes", "1", set("/title", r#""new""#));
    let stale = Edit::Entity {
        collection: "notes".into(),
        key: "1".into(),
        change: set("/title", r#""stale""#),
        base: Base::Ops(first),
    };
    written(ann.write("main", vec![stale]));
    assert_eq!(conflicts(&mut ann).len(), 1);
}

/// Undo gives back what the last own write replaced, and nothing of what others wrote.
#[test]
fn undo_takes_back_the_own_last_write() {
    let (mut ann, mut bob) = ann_and_bob();
    ann.change("notes", "1", set("/title", r#""oops""#));
    ann.send_to(&mut bob);
    bob.change("notes", "1", set("/body", r#""bob's""#));
    bob.send_to(&mut ann);
    written(ann.write("main", vec![Edit::Undo]));
    meet(&mut ann, &mut bob);
    assert_eq!(shown(&mut bob, "1"), Shown::Json(json(r#"{"body":"bob's","title":"t"}"#)));
    assert_eq!(conflicts(&mut bob), []);
}

/// Undo of a record gives back what all of it replaced, in one record; undoing that one does it again.
#[test]
fn undo_takes_back_a_whole_record() {
    let (mut ann, mut bob) = ann_and_bob();
    let edit = |key: &str, change: Change| Edit::Entity {
        collection: "notes".into(),
        key: key.into(),
        change,
        base: Base::Shown,
    };
    let twice = [json(r#"{"title":"x"}"#), json(r#"{"title":"y"}"#)].map(|value| edit("1", Change::Replace(value)));
    let edits = twice.into_iter().chain([edit("2", Change::Replace(json("2")))]).collect();
    let note = Some(Note { key: "first".into(), message: Some("Say y".into()), ..Note::default() });
    let transaction = Transaction { branch: "main".into(), actor: None, edits, note, random: [7; 32] };
    assert_eq!(written(ann.run(Command::Write(transaction))).len(), 4);
    assert_eq!(written(ann.write("main", vec![Edit::Undo])).len(), 3);
    meet(&mut ann, &mut bob);
    assert_eq!(shown(&mut bob, "1"), Shown::Json(json(r#"{"body":"b","title":"t"}"#)));
    assert_eq!(shown(&mut bob, "2"), Shown::Absent);
    assert_eq!(written(ann.write("main", vec![Edit::Undo])).len(), 3);
    meet(&mut ann, &mut bob);
    assert_eq!(shown(&mut bob, "1"), Shown::Json(json(r#"{"title":"y"}"#)));
    assert_eq!(shown(&mut bob, "2"), Shown::Json(json("2")));
    assert_eq!(conflicts(&mut bob), []);
}

/// A transaction is one signature: its ops enter together.
#[test]
fn a_transaction_enters_whole() {
    let (mut ann, mut bob) = ann_and_bob();
    let edit = |key: &str| Edit::Entity {
        collection: "notes".into(),
        key: key.into(),
        change: Change::Replace(json("1")),
        base: Base::Shown,
    };
    let ops = written(ann.write("main", vec![edit("a"), edit("b"), edit("c")]));
    let Ok(Answer::Ops(mut all)) = ann.run(Command::Export { known: vec![] }) else { panic!("ops") };
    let last = all.pop().expect("the signed one");
    let Ok(Answer::Imported(report)) = bob.run(Command::Import(all)) else { panic!("a report") };
    assert_eq!(report.admitted, []);
    assert_eq!(report.dropped.len(), 2);
    let mut rest: Vec<_> = match ann.run(Command::Export { known: vec![] }) {
        Ok(Answer::Ops(ops)) => ops,
        other => panic!("{other:?}"),
    };
    rest.reverse();
    assert_eq!(rest[0], last);
    let Ok(Answer::Imported(report)) = bob.run(Command::Import(rest)) else { panic!("a report") };
    assert_eq!(report.admitted, ops);
}

/// A removal cuts: what the member wrote until then keeps its effect, what comes later has none, on every replica.
#[test]
fn members_write_with_effect_until_they_are_removed() {
    let (mut ann, mut bob) = ann_and_bob();
    let mut eve = MemoryHost::new(3);
    ann.send_to(&mut eve);
    let add = Edit::AddMember { author: bob.author(), name: "Bob".into(), role: Role::Writer };
    written(ann.write(REPO, vec![add]));
    eve.change("notes", "1", set("/title", r#""eve's""#));
    eve.send_to(&mut ann);
    assert_eq!(shown(&mut ann, "1"), Shown::Json(json(r#"{"body":"b","title":"t"}"#)));
    ann.send_to(&mut bob);
    ann.send_to(&mut eve);
    let refused = eve.write("main", vec![Edit::Undo]);
    assert_eq!(refused, Err(CommandError::NotPermitted));

    bob.change("notes", "2", Change::Replace(json("1")));
    bob.send_to(&mut ann);
    written(ann.write(REPO, vec![Edit::RemoveMember { author: bob.author() }]));
    bob.change("notes", "2", Change::Replace(json("2")));
    meet(&mut ann, &mut bob);
    assert_eq!(shown(&mut ann, "2"), Shown::Json(json("1")));
    assert_eq!(shown(&mut bob, "2"), Shown::Json(json("1")));
    let stays = ann.write(REPO, vec![Edit::RemoveMember { author: ann.author() }]);
    assert_eq!(stays, Err(CommandError::OwnerStays));
}

/// The first member makes everybody who has written one too.
#[test]
fn the_first_member_brings_in_whoever_wrote() {
    let (mut ann, mut bob) = ann_and_bob();
    bob.change("notes", "2", Change::Replace(json("2")));
    bob.send_to(&mut ann);
    let carl = MemoryHost::new(3);
    written(ann.write(REPO, vec![Edit::AddMember { author: carl.author(), name: "Carl".into(), role: Role::Reader }]));
    assert_eq!(shown(&mut ann, "2"), Shown::Json(json("2")));
}

/// A copied store takes a new key before it writes, which has the old one's standing; no chain forks.
#[test]
fn a_copied_store_takes_a_new_key() {
    let (mut ann, mut bob) = ann_and_bob();
    let ann_key = ann.author();
    let mut copy = MemoryHost::open(1, ann.rows.clone(), START, KeyUse::Copied);
    written(ann.write(REPO, vec![Edit::AddMember { author: bob.author(), name: "Bob".into(), role: Role::Reader }]));
    copy.change("notes", "1", set("/title", r#""from the copy""#));
    assert_ne!(copy.author(), ann_key);
    assert!(copy.events.contains(&Event::KeyChanged { from: ann_key, to: copy.author() }));
    ann.change("notes", "1", set("/body", r#""from the first""#));
    meet(&mut ann, &mut copy);
    ann.send_to(&mut bob);
    assert_eq!(shown(&mut bob, "1"), Shown::Json(json(r#"{"body":"from the first","title":"from the copy"}"#)));
    assert_eq!(status(&mut bob).forks, []);
}

/// A backup that is restored and written to shows itself when the lost ops come back: both stay, and a new key goes on.
#[test]
fn a_restored_backup_is_noticed() {
    let (mut ann, mut bob) = ann_and_bob();
    let backup = ann.rows.clone();
    ann.change("notes", "1", set("/title", r#""lost""#));
    ann.send_to(&mut bob);
    let mut restored = MemoryHost::open(1, backup, START, KeyUse::Own);
    restored.change("notes", "1", set("/title", r#""after""#));
    bob.send_to(&mut restored);
    assert_eq!(status(&mut restored).forks.len(), 1);
    let before = restored.author();
    restored.change("notes", "2", Change::Replace(json("2")));
    assert_ne!(restored.author(), before);
    restored.send_to(&mut bob);
    assert_eq!(conflicts(&mut bob).len(), 1);
    assert_eq!(status(&mut bob).forks.len(), 1);
}

/// An op that is far ahead of the local clock waits, with what depends on it, and enters when its time has come.
#[test]
fn ops_ahead_of_time_wait() {
    let (mut ann, mut bob) = ann_and_bob();
    ann.now = Millis(START.0 + 300_000);
    ann.change("notes", "1", set("/title", r#""just in time""#));
    ann.now = Millis(START.0 + 300_001);
    ann.change("notes", "1", set("/title", r#""too early""#));
    ann.now = START;
    ann.send_to(&mut bob);
    assert_eq!(shown(&mut bob, "1"), Shown::Json(json(r#"{"body":"b","title":"just in time"}"#)));
    assert_eq!(status(&mut bob).held, 1);
    let due = bob.machine.deadline().expect("something waits for the time");
    assert_eq!(due, Millis(START.0 + 1));
    bob.wait_until(due);
    assert_eq!(status(&mut bob).held, 0);
    assert_eq!(shown(&mut bob, "1"), Shown::Json(json(r#"{"body":"b","title":"too early"}"#)));
}

/// Anybody can make up an op without a signature: it waits for its time only if one behind it vouches for it.
#[test]
fn of_ops_ahead_of_time_only_proven_ones_wait() {
    let (mut ann, mut bob) = ann_and_bob();
    ann.now = Millis(START.0 + 300_001);
    let early = [1, 2].map(|number| ann.change("notes", "1", Change::Replace(Value::from(number))));
    let Ok(Answer::Ops(ops)) = ann.run(Command::Export { known: Vec::new() }) else { panic!("ops") };
    let op = |id: &OpId| ops.iter().find(|op| OpId::of_header(&op.header) == *id).expect("an op").clone();
    let [first, second] = early.each_ref().map(op);
    let bare = StoredOp { signature: None, ..first };
    let imported = |bob: &mut MemoryHost, ops: &[&StoredOp]| match bob
        .run(Command::Import(ops.iter().map(|op| (*op).clone()).collect()))
    {
        Ok(Answer::Imported(report)) => (report.held.len(), report.dropped.len()),
        other => panic!("{other:?}"),
    };
    assert_eq!(imported(&mut bob, &[&bare]), (0, 1));
    assert_eq!(imported(&mut bob, &[&bare, &second]), (2, 0));
    bob.wait_until(Millis(START.0 + 1));
    assert_eq!((status(&mut bob).held, shown(&mut bob, "1")), (0, Shown::Json(Value::from(2))));
}

/// What waits is nobody's parent: writing goes on beside it, on top of what is here.
#[test]
fn an_op_that_waits_is_no_parent() {
    let (mut ann, mut bob) = ann_and_bob();
    let head = status(&mut bob).branches.iter().find(|branch| branch.name == "main").expect("main").heads.clone();
    ann.now = Millis(START.0 + 300_001);
    ann.change("notes", "1", set("/title", r#""too early""#));
    ann.send_to(&mut bob);
    assert_eq!(status(&mut bob).held, 1);
    let written = bob.change("notes", "2", Change::Replace(json("2")));
    let Ok(Answer::Log(log)) = bob.run(Command::Show(vec![written])) else { panic!("an op") };
    assert_eq!(log[0].parents, head);
    assert!(log[0].hlc.millis() < Millis(START.0 + 1), "what waits does not move the clock");
}

/// Own ops that lie too far ahead of a clock that was set back stay out at opening. Their places in the chain are
/// taken, so the device goes on under a new key, and nothing forks when their time comes.
#[test]
fn own_ops_ahead_of_time_are_not_written_anew() {
    let (mut ann, mut bob) = ann_and_bob();
    let before = ann.author();
    ann.now = Millis(START.0 + 3_600_000);
    ann.change("notes", "1", set("/title", r#""in an hour""#));
    ann.now = START;
    let mut ann = ann.reopened();
    ann.change("notes", "1", set("/title", r#""now""#));
    assert_ne!(ann.author(), before);
    ann.now = Millis(START.0 + 3_600_000);
    let mut ann = ann.reopened();
    bob.now = ann.now;
    ann.send_to(&mut bob);
    assert_eq!(status(&mut bob).ops, status(&mut ann).ops);
    assert_eq!(status(&mut ann).forks, []);
    assert_eq!(conflicts(&mut ann).len(), 1);
    assert_eq!(conflicts(&mut ann), conflicts(&mut bob));
}

/// By a clock that was set back before the repo began there is nothing here, but the store is not an empty one.
#[test]
fn a_clock_before_the_repo_began_begins_no_second_one() {
    let (mut ann, mut bob) = ann_and_bob();
    let rows = ann.rows.clone();
    ann.now = Millis(START.0 - 3_600_000);
    let mut early = ann.reopened();
    let second = early.run(Command::Create { name: "second".into(), nonce: [9; 32] });
    assert_eq!(second, Err(CommandError::ClockAhead));
    assert_eq!(early.write("main", vec![Edit::Undo]), Err(CommandError::ClockAhead));
    assert_eq!(early.author(), ann.author());
    let mut other = MemoryHost::new(3);
    other.create();
    let Ok(Answer::Ops(ops)) = other.run(Command::Export { known: vec![] }) else { panic!("ops") };
    assert_eq!(early.run(Command::Import(ops)), Err(CommandError::ClockAhead));
    assert_eq!(early.rows, rows);
    early.now = START;
    assert_eq!(status(&mut early.reopened()).repo, status(&mut bob).repo);
}

/// A clock that is far behind what it has seen refuses to write.
#[test]
fn a_clock_far_behind_does_not_write() {
    let (mut ann, _) = ann_and_bob();
    ann.now = Millis(START.0 - 300_001);
    let edit = Edit::Entity {
        collection: "notes".into(),
        key: "1".into(),
        change: Change::Replace(json("1")),
        base: Base::Shown,
    };
    assert_eq!(ann.write("main", vec![edit]), Err(CommandError::ClockAhead));
}

/// Ops that a wrong clock keeps out at opening come back when their time has come, with what waited for them; and the
/// device does not use their places in its chain a second time.
#[test]
fn ops_kept_out_at_opening_come_back() {
    let (mut ann, mut bob) = ann_and_bob();
    ann.now = Millis(START.0 + 400_000);
    ann.change("notes", "1", set("/title", r#""later""#));
    bob.now = ann.now;
    ann.send_to(&mut bob);
    bob.change("notes", "1", set("/body", r#""too""#));
    let mut again = MemoryHost::open(1, ann.rows.clone(), START, KeyUse::Own);
    bob.send_to(&mut again);
    assert_eq!(shown(&mut again, "1"), Shown::Json(json(r#"{"body":"b","title":"t"}"#)));
    let due = again.machine.deadline().expect("something waits for the time");
    assert_eq!(due, Millis(START.0 + 100_000));
    again.wait_until(due);
    assert_eq!(shown(&mut again, "1"), Shown::Json(json(r#"{"body":"too","title":"later"}"#)));
    assert_eq!(status(&mut again).held, 0);
    again.change("notes", "2", Change::Replace(json("2")));
    assert_ne!(again.author(), ann.author());
    assert_eq!(status(&mut again).forks, []);
}

/// Redacted places read alike everywhere, for those who have the body and for those who do not.
#[test]
fn redacted_places_are_hidden_everywhere() {
    let (mut ann, mut bob) = ann_and_bob();
    let secret = bob.change("notes", "1", set("/title", r#""secret""#));
    bob.send_to(&mut ann);
    written(ann.write(REPO, vec![Edit::Redact { ops: vec![secret], pointers: vec![] }]));
    meet(&mut ann, &mut bob);
    let hidden = Shown::Json(json(r#"{"body":"b","title":{"$redacted":true}}"#));
    assert_eq!(shown(&mut ann, "1"), hidden);
    assert_eq!(shown(&mut bob, "1"), hidden);
}

/// A redaction may arrive before the op that it hides: that is hidden as soon as it is here.
#[test]
fn a_redaction_that_comes_first_hides_what_comes_later() {
    let (mut ann, mut bob) = ann_and_bob();
    let secret = bob.change("notes", "1", set("/title", r#""secret""#));
    bob.send_to(&mut ann);
    written(ann.write(REPO, vec![Edit::Redact { ops: vec![secret], pointers: vec![] }]));
    let Ok(Answer::Ops(ops)) = ann.run(Command::Export { known: vec![] }) else { panic!("ops") };
    let is_on_repo = |op: &StoredOp| op.rehash().expect("an op").header().branch == REPO;
    let (first, later): (Vec<StoredOp>, Vec<StoredOp>) = ops.into_iter().partition(is_on_repo);
    let mut carl = MemoryHost::new(3);
    for part in [first, later] {
        carl.run(Command::Import(part)).expect("an import is answered");
    }
    assert_eq!(shown(&mut carl, "1"), Shown::Json(json(r#"{"body":"b","title":{"$redacted":true}}"#)));
}

/// While the body of a removal is withheld nobody knows what it leaves, so nothing of the member has effect; and a
/// repo whose first members are withheld is not open to everybody.
#[test]
fn a_withheld_body_of_a_member_gives_no_standing() {
    let (mut ann, mut bob) = ann_and_bob();
    let mut eve = MemoryHost::new(3);
    ann.send_to(&mut eve);
    written(ann.write(REPO, vec![Edit::AddMember { author: bob.author(), name: "Bob".into(), role: Role::Writer }]));
    ann.send_to(&mut bob);
    bob.change("notes", "2", Change::Replace(json("2")));
    eve.change("notes", "2", Change::Replace(json("3")));
    bob.send_to(&mut ann);
    eve.send_to(&mut ann);
    let Ok(Answer::Ops(whole)) = ann.run(Command::Export { known: vec![] }) else { panic!("ops") };
    let mut withheld = whole.clone();
    for op in &mut withheld {
        let is_member = op.rehash().expect("an op").header().collection == "_members";
        op.body = op.body.take().filter(|_| !is_member);
    }
    let mut carl = MemoryHost::new(4);
    carl.run(Command::Import(withheld)).expect("an import is answered");
    assert_eq!(shown(&mut carl, "2"), Shown::Absent);
    assert_eq!(shown(&mut carl, "1"), shown(&mut ann, "1"), "the owner needs no member");
    carl.run(Command::Import(whole)).expect("an import is answered");
    assert_eq!(shown(&mut carl, "2"), Shown::Json(json("2")));
}

/// A branch begins from another, goes on alone, and is joined again.
#[test]
fn branches_begin_and_join() {
    let (mut ann, mut bob) = ann_and_bob();
    written(ann.write("draft", vec![Edit::Merge { source: "main".into(), at: vec![], plan: None, message: None }]));
    let edit = Edit::Entity {
        collection: "notes".into(),
        key: "1".into(),
        change: set("/title", r#""draft""#),
        base: Base::Shown,
    };
    written(ann.write("draft", vec![edit]));
    assert_eq!(shown(&mut ann, "1"), Shown::Json(json(r#"{"body":"b","title":"t"}"#)));
    ann.send_to(&mut bob);
    let join = Edit::Merge { source: "draft".into(), at: vec![], plan: None, message: Some("ready".into()) };
    assert_eq!(written(bob.write("main", vec![join.clone()])).len(), 1);
    assert_eq!(written(bob.write("main", vec![join])).len(), 0);
    assert_eq!(shown(&mut bob, "1"), Shown::Json(json(r#"{"body":"b","title":"draft"}"#)));
    assert_eq!(shown(&mut bob.reopened(), "1"), shown(&mut bob, "1"));
}

/// Verifying reads and rehashes every op.
#[test]
fn verify_counts_everything_and_finds_a_changed_body() {
    let (mut ann, _) = ann_and_bob();
    let Ok(Answer::Verified(report)) = ann.run(Command::Verify) else { panic!("a report") };
    assert_eq!((report.ops, report.signatures, report.corrupt.len()), (2, 2, 0));
    let bodies = &mut ann.rows[1].bodies;
    bodies[3] ^= 1;
    let Ok(Answer::Verified(report)) = ann.run(Command::Verify) else { panic!("a report") };
    assert_eq!(report.corrupt.len(), 1);
}

/// However often an entity was replaced, a read looks at the last replacement and at what came after or beside it.
#[test]
fn a_read_looks_at_no_more_than_what_decides() {
    let (mut ann, mut bob) = ann_and_bob();
    let read = |host: &mut MemoryHost| {
        let before = host.ops_read;
        (shown(host, "1"), host.ops_read - before)
    };
    for number in 0..50 {
        ann.put("notes", "1", Value::from(number));
    }
    assert_eq!(read(&mut ann), (Shown::Json(json("49")), 1));
    ann.change("notes", "1", Change::Delete);
    assert_eq!(read(&mut ann), (Shown::Absent, 1));
    ann.put("notes", "1", json(r#"{"a":1}"#));
    ann.change("notes", "1", set("/b", "2"));
    assert_eq!(read(&mut ann), (Shown::Json(json(r#"{"a":1,"b":2}"#)), 2));
    bob.put("notes", "1", json("0"));
    bob.send_to(&mut ann);
    let (_, writes) = read(&mut ann);
    assert_eq!(writes, 55, "what stands beside another leads back to what both had seen");
    let before = ann.ops_read;
    ann.change("notes", "1", Change::Replace(json("1")));
    assert_eq!(ann.ops_read, before, "who replaces an entity reads nothing");
    assert_eq!(read(&mut ann), (Shown::Json(json("1")), 1));
}
