//! Plans: what they say of a merge is what the merge does, and a merge does nothing else than its plan says.

use std::collections::BTreeMap;

use trellis_core::error::CommandError;
use trellis_core::input::{Base, Change, Command, Edit};
use trellis_core::merge::conflict::Conflict;
use trellis_core::merge::entity::Shown;
use trellis_core::op::id::ConflictId;
use trellis_core::op::json::{Value, parse};
use trellis_core::op::patch::Patch;
use trellis_core::op::pointer::Pointer;
use trellis_core::output::Answer;
use trellis_core::view::plan::Plan;
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::host::{MemoryHost, written};

const BRANCHES: [&str; 2] = ["main", "draft"];

fn json(text: &str) -> Value {
    parse(text.as_bytes()).expect("the test's own JSON")
}

fn at(path: &str) -> Pointer {
    Pointer::parse(path).expect("the test's own pointer")
}

fn edit(key: &str, change: Change) -> Edit {
    Edit::Entity { collection: "notes".into(), key: key.into(), change, base: Base::Shown }
}

fn set(key: &str, path: &str, value: &str) -> Edit {
    edit(key, Change::Patch(Patch { set: vec![(at(path), json(value))], ..Patch::default() }))
}

fn plan(host: &mut MemoryHost) -> Plan {
    match host.run(Command::Plan { branch: "main".into(), source: "draft".into(), at: Vec::new() }) {
        Ok(Answer::Plan(plan)) => plan,
        other => panic!("{other:?}"),
    }
}

fn merge(plan: &Plan) -> Vec<Edit> {
    let (source, at) = (plan.source.clone(), plan.heads.clone());
    vec![Edit::Merge { source, at, plan: Some(plan.id), message: None }]
}

/// What `main` shows of each entity, with its conflicts.
fn shown(host: &mut MemoryHost) -> BTreeMap<String, (Shown, Vec<Conflict>)> {
    let all = Command::Entries { branch: "main".into(), collection: None, key_prefix: String::new(), at: Vec::new() };
    match host.run(all) {
        Ok(Answer::Entries(views)) => views.into_iter().map(|view| (view.key, (view.shown, view.conflicts))).collect(),
        Err(CommandError::NoBranch) => BTreeMap::new(),
        other => panic!("{other:?}"),
    }
}

fn ids(conflicts: &[Conflict]) -> Vec<ConflictId> {
    conflicts.iter().map(|conflict| conflict.id).collect()
}

/// Ann's repo with a note, and a draft begun from it.
fn ann_with_a_draft() -> MemoryHost {
    let mut ann = MemoryHost::new(1);
    ann.create();
    written(ann.write("main", vec![edit("1", Change::Put(json(r#"{"title":"t","body":"b"}"#)))]));
    begin_draft(&mut ann);
    ann
}

fn begin_draft(host: &mut MemoryHost) {
    written(host.write("draft", vec![Edit::Merge { source: "main".into(), at: vec![], plan: None, message: None }]));
}

fn any_edit(dice: &mut Dice) -> Edit {
    let key = ["1", "2", "3", "4"][dice.below(4)];
    let value = format!("{}", dice.below(4));
    match dice.below(8) {
        0 => edit(key, Change::Delete),
        1 => edit(key, Change::Replace(json(&value))),
        2 => edit(key, Change::Put(json(&format!(r#"{{"title":{value},"tags":[{value}]}}"#)))),
        3 => edit(key, Change::Patch(Patch { add: vec![(at("/votes"), 1)], ..Patch::default() })),
        4 => edit(key, Change::Patch(Patch { insert: vec![(at("/tags"), vec![json(&value)])], ..Patch::default() })),
        5 => edit(key, Change::Append(json(&value))),
        _ => set(key, ["/title", "/body", "/title/part"][dice.below(3)], &value),
    }
}

/// Two that write to both branches, and hear of each other now and then. The first has everything in the end.
fn world(dice: &mut Dice) -> [MemoryHost; 2] {
    let mut hosts = [MemoryHost::new(1), MemoryHost::new(2)];
    hosts[0].create();
    if dice.chance(70) {
        written(hosts[0].write("main", vec![any_edit(dice)]));
        begin_draft(&mut hosts[0]);
    }
    let [ann, bob] = &mut hosts;
    ann.send_to(bob);
    for _ in 0..dice.below(24) {
        let host = if dice.chance(50) { &mut *ann } else { &mut *bob };
        let branch = *dice.pick(&BRANCHES);
        let edits = (0..1 + dice.below(2)).map(|_| any_edit(dice)).collect();
        written(host.write(branch, edits));
        if dice.chance(20) {
            ann.send_to(bob);
        }
        if dice.chance(20) {
            bob.send_to(ann);
        }
    }
    written(ann.write("draft", vec![any_edit(dice)]));
    bob.send_to(ann);
    ann.send_to(bob);
    hosts
}

#[test]
fn a_merge_does_what_its_plan_says() {
    for seed in seeds(150) {
        let [mut ann, mut bob] = world(&mut Dice::new(seed));
        let before = shown(&mut ann);
        let plan = plan(&mut ann);
        assert_eq!(plan, self::plan(&mut bob), "seed {seed}: the same ops give the same plan");
        assert_eq!(shown(&mut ann), before, "seed {seed}: a plan changes nothing");

        let known = status_ops(&mut ann);
        let ops = written(ann.write("main", merge(&plan)));
        assert_eq!(ops.len(), usize::from(!plan.heads.is_empty()), "seed {seed}");
        assert_eq!(status_ops(&mut ann), known + ops.len(), "seed {seed}");
        let after = shown(&mut ann);
        let nothing = (Shown::Absent, Vec::new());
        for key in ["1", "2", "3", "4"] {
            let [before, after] = [&before, &after].map(|shown| shown.get(key).unwrap_or(&nothing));
            let Some(item) = plan.items.iter().find(|item| item.key == key) else {
                assert_eq!(before, after, "seed {seed}: {key} is no item");
                continue;
            };
            assert_eq!((&item.before, &item.after), (&before.0, &after.0), "seed {seed}: {key}");
            let mut open = ids(&before.1);
            open.retain(|id| !item.closed.contains(id));
            open.extend(ids(&item.conflicts));
            let mut left = ids(&after.1);
            open.sort_unstable();
            left.sort_unstable();
            assert_eq!(open, left, "seed {seed}: the conflicts of {key}");
            if let (Some(patch), Shown::Json(old), Shown::Json(new)) = (&item.patch, &before.0, &after.0) {
                assert_eq!(patch.apply(old).as_ref(), Ok(new), "seed {seed}: the edits of {key}");
            }
        }
        let again = self::plan(&mut ann);
        assert!(again.items.is_empty() && again.heads.is_empty(), "seed {seed}: {again:?}");
        assert_eq!(written(ann.write("main", merge(&plan))), [], "seed {seed}: it is joined already");
    }
}

fn status_ops(host: &mut MemoryHost) -> usize {
    match host.run(Command::Status) {
        Ok(Answer::Status(status)) => status.ops,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_moved_since_is_planned_again() {
    let mut ann = ann_with_a_draft();
    written(ann.write("draft", vec![set("1", "/title", r#""draft""#)]));
    let seen = plan(&mut ann);
    written(ann.write("main", vec![set("1", "/title", r#""main""#)]));
    let before = shown(&mut ann);
    assert_eq!(ann.write("main", merge(&seen)), Err(CommandError::PlanMoved));
    assert_eq!(shown(&mut ann), before, "nothing was changed");

    let anew = plan(&mut ann);
    assert_ne!(anew.id, seen.id);
    assert_eq!(anew.items[0].conflicts[0].path, at("/title"));
    assert_eq!(written(ann.write("main", merge(&anew))).len(), 1);
    assert_eq!(shown(&mut ann)["1"].1.len(), 1);
}

#[test]
fn what_changed_elsewhere_leaves_a_plan_as_it_is() {
    let mut ann = ann_with_a_draft();
    written(ann.write("draft", vec![set("1", "/title", r#""draft""#)]));
    let seen = plan(&mut ann);
    written(ann.write("main", vec![set("1", "/body", r#""main""#), set("2", "/title", "2")]));
    assert_eq!(plan(&mut ann).id, seen.id);
    assert_eq!(written(ann.write("main", merge(&seen))).len(), 1);
    assert_eq!(shown(&mut ann)["1"].0, Shown::Json(json(r#"{"title":"draft","body":"main"}"#)));
}

#[test]
fn what_is_written_to_the_draft_later_waits_for_the_next_plan() {
    let mut ann = ann_with_a_draft();
    written(ann.write("draft", vec![set("1", "/title", r#""draft""#)]));
    let seen = plan(&mut ann);
    written(ann.write("draft", vec![set("1", "/title", r#""later""#)]));
    written(ann.write("main", merge(&seen)));
    assert_eq!(shown(&mut ann)["1"].0, Shown::Json(json(r#"{"title":"draft","body":"b"}"#)));
    let next = plan(&mut ann);
    assert_eq!((next.ops, next.items.len()), (1, 1));
}

#[test]
fn a_draft_can_begin_a_branch() {
    let mut ann = MemoryHost::new(1);
    ann.create();
    written(ann.write("draft", vec![set("1", "/title", "1")]));
    let plan = plan(&mut ann);
    assert_eq!(plan.items[0].before, Shown::Absent);
    assert_eq!(written(ann.write("main", merge(&plan))).len(), 1);
    assert_eq!(shown(&mut ann)["1"].0, Shown::Json(json(r#"{"title":1}"#)));
}

#[test]
fn a_plan_needs_its_branch() {
    let mut ann = MemoryHost::new(1);
    ann.create();
    let command = Command::Plan { branch: "main".into(), source: "draft".into(), at: Vec::new() };
    assert_eq!(ann.run(command), Err(CommandError::NoBranch));
}
