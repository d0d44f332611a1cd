//! What holds of the meaning of any writes to one entity: the page's laws, on small random histories and in scenes.

use serde_json::{Value as Json, json};
use trellis_core::limits::CONFLICT_SIDES_MAX;
use trellis_core::merge::conflict::{Conflict, SideValue, conflict_id};
use trellis_core::merge::entity::{Effect, Entity, Shown};
use trellis_core::merge::manifest::Manifest;
use trellis_core::op::body::{Content, Leaf};
use trellis_core::op::hex;
use trellis_core::op::id::{Author, OpId};
use trellis_core::op::json::Value;
use trellis_core::op::kind::Kind;
use trellis_core::op::patch::Patch;
use trellis_core::op::pointer::Pointer;
use trellis_core::time::Hlc;
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::entities::{self, ENTITY, Scripted, entity_json, name_bytes, pointer};

fn merged(writes: &[Scripted], manifest: &Manifest) -> Entity {
    entities::merged(writes, &ENTITY, manifest)
}

fn texts() -> Manifest {
    entities::manifest(&json!({ "fields": { "/a": "text" } }))
}

fn any_manifest(dice: &mut Dice) -> Manifest {
    let manifests = [
        json!({}),
        json!({ "fields": { "/a": "text" } }),
        json!({ "mergeStrategy": "crdt" }),
        json!({ "mergeStrategy": { "name": "graph_merge", "onConflict": "auto" } }),
        json!({ "mergeStrategy": { "name": "graph_merge", "tiebreak": "owner_first" } }),
    ];
    entities::manifest(dice.pick(&manifests))
}

/// The `nth` write; those of one clock are ordered by their ids.
fn write(nth: usize, base: Vec<OpId>, content: Content) -> Scripted {
    let id = OpId(name_bytes(&format!("{nth:05}")));
    Scripted {
        id,
        hlc: Hlc((1 + nth as u64 / 2) << 16),
        author: Author(name_bytes("ann")),
        base,
        effect: Effect::Effective,
        content,
    }
}

/// Writes that name any earlier ones, or all that is in the frontier, as base.
fn any_writes(dice: &mut Dice, count: usize) -> Vec<Scripted> {
    let mut writes: Vec<Scripted> = Vec::new();
    for nth in 0..count {
        let base = if dice.chance(40) {
            merged(&writes, &Manifest::default()).base()
        } else {
            writes.iter().map(|write| write.id).filter(|_| dice.chance(30)).collect()
        };
        let mut next = write(nth, base, any_content(dice));
        next.author = Author(name_bytes(if dice.chance(50) { "ann" } else { "bob" }));
        next.effect = if dice.chance(10) { Effect::Ineffective } else { Effect::Effective };
        writes.push(next);
    }
    writes
}

fn any_content(dice: &mut Dice) -> Content {
    match dice.below(20) {
        0..=3 => Content::Put(Leaf::Json(entities::value(&any_object(dice)))),
        4 => Content::Put(Leaf::Bytes(vec![dice.below(2) as u8])),
        5..=6 => Content::Delete,
        7 => Content::Void,
        8 if dice.chance(30) => Content::Missing(*dice.pick(&[Kind::Put, Kind::Patch])),
        _ => Content::Patch(any_patch(dice)),
    }
}

fn any_object(dice: &mut Dice) -> Json {
    json!({ "a": any_text(dice), "b": { "c": dice.below(3) }, "n": dice.below(2), "s": any_set(dice) })
}

/// Some of four lines in one of two forms, or a number now and then.
fn any_text(dice: &mut Dice) -> Json {
    if dice.chance(10) {
        return json!(dice.below(2));
    }
    let lines = ["one\n", "two\n", "three\n", "four\n"];
    lines.iter().map(|line| if dice.chance(25) { line.to_uppercase() } else { (*line).to_string() }).collect()
}

fn any_set(dice: &mut Dice) -> Json {
    (0..dice.below(3)).map(|_| json!(dice.below(3))).collect()
}

fn any_patch(dice: &mut Dice) -> Patch {
    let mut body = json!({});
    if dice.chance(50) {
        body["set"] = json!({ "/a": any_text(dice) });
    }
    match dice.below(7) {
        0 => body["set"]["/b"] = json!({ "c": dice.below(2), "d": 1 }),
        1 => body["set"]["/b/c"] = json!(dice.below(3)),
        2 => body["remove"] = json!(["/b/c"]),
        3 => body["remove"] = json!(["/s", "/b"]),
        _ => {}
    }
    match dice.below(5) {
        0 => body["add"] = json!({ "/n": dice.below(7) as i64 - 3 }),
        1 => body["insert"] = json!({ "/t": any_set(dice), "/b/s": any_set(dice) }),
        2 => body["discard"] = json!({ "/t": any_set(dice) }),
        _ => {}
    }
    Patch::decode(entities::value(&body)).unwrap_or_default()
}

/// Calls `visit` with every order of `items`.
fn permutations<T: Clone>(items: &mut Vec<T>, from: usize, visit: &mut impl FnMut(&[T])) {
    if from == items.len() {
        visit(items);
    }
    for at in from..items.len() {
        items.swap(from, at);
        permutations(items, from + 1, visit);
        items.swap(from, at);
    }
}

/// Order of arrival changes nothing.
#[test]
fn every_permutation_means_the_same() {
    for seed in seeds(60) {
        let mut dice = Dice::new(seed);
        let count = 3 + dice.below(4);
        let (mut writes, manifest) = (any_writes(&mut dice, count), any_manifest(&mut dice));
        let expected = merged(&writes, &manifest);
        permutations(&mut writes, 0, &mut |order| assert_eq!(merged(order, &manifest), expected, "seed {seed}"));
    }
}

#[test]
fn duplicates_change_nothing() {
    for seed in seeds(200) {
        let mut dice = Dice::new(seed);
        let (mut writes, manifest) = (any_writes(&mut dice, 12), any_manifest(&mut dice));
        let expected = merged(&writes, &manifest);
        writes.extend(writes.clone().into_iter().filter(|_| dice.chance(50)));
        dice.shuffle(&mut writes);
        assert_eq!(merged(&writes, &manifest), expected, "seed {seed}");
    }
}

/// A write without effect that nobody has seen says nothing.
#[test]
fn ineffective_writes_at_the_end_say_nothing() {
    for seed in seeds(200) {
        let mut dice = Dice::new(seed);
        let (mut writes, manifest) = (any_writes(&mut dice, 10), any_manifest(&mut dice));
        let before = merged(&writes, &manifest);
        let ignored = Scripted { effect: Effect::Ineffective, ..write(90, before.base(), any_content(&mut dice)) };
        writes.push(ignored);
        assert_eq!(merged(&writes, &manifest), before, "seed {seed}");
    }
}

/// The law that other systems break: closing a conflict takes a write of its path.
#[test]
fn an_edit_of_another_path_never_closes_a_conflict() {
    let mut open = 0;
    for seed in seeds(400) {
        let mut dice = Dice::new(seed);
        let manifest = if dice.chance(50) { texts() } else { Manifest::default() };
        let mut writes = any_writes(&mut dice, 12);
        let before = merged(&writes, &manifest).conflicts;
        let edits = ["/x", "/a!", "/b/x", "/bb", "/t/x"];
        for nth in 0..4 {
            let edit = Patch {
                set: vec![(pointer(edits[dice.below(5)]), Value::from(nth as i32))],
                remove: vec![pointer("/y")],
                ..Patch::default()
            };
            let base = merged(&writes, &manifest).base();
            writes.push(write(80 + nth, base, Content::Patch(edit)));
            let after = merged(&writes, &manifest).conflicts;
            for conflict in &before {
                open += 1;
                assert!(after.contains(conflict), "seed {seed}: {conflict:?} is gone or changed");
            }
        }
    }
    assert!(open > 1_000, "there were {open} open conflicts to look at");
}

/// What saw everything and writes the path ends the conflict, and leaves those of other paths.
#[test]
fn an_overwrite_that_saw_the_members_closes_a_conflict_and_no_other() {
    for seed in seeds(400) {
        let mut dice = Dice::new(seed);
        let mut writes = any_writes(&mut dice, 12);
        let before = merged(&writes, &Manifest::default());
        let mut resolvable = before.conflicts.iter().filter(|conflict| !conflict.path.is_root());
        let Some(resolved) = resolvable.next_back().filter(|_| before.base() == frontier_bytes(&before)) else {
            continue;
        };
        let resolution = Patch { set: vec![(resolved.path.clone(), Value::from("r"))], ..Patch::default() };
        writes.push(write(90, before.base(), Content::Patch(resolution)));
        let after = merged(&writes, &Manifest::default()).conflicts;
        let others = before.conflicts.iter().filter(|other| !resolved.path.is_prefix_of(&other.path));
        assert_eq!(after.iter().collect::<Vec<_>>(), others.collect::<Vec<_>>(), "seed {seed}");
    }
}

fn frontier_bytes(entity: &Entity) -> Vec<OpId> {
    let mut frontier = entity.frontier.clone();
    frontier.sort();
    frontier
}

#[test]
fn a_put_that_saw_everything_is_all_that_counts() {
    for seed in seeds(200) {
        let mut dice = Dice::new(seed);
        let (mut writes, manifest) = (any_writes(&mut dice, 12), any_manifest(&mut dice));
        let last = write(90, merged(&writes, &manifest).base(), Content::Put(Leaf::Json(Value::from("last"))));
        writes.push(last.clone());
        let alone = merged(&[last], &manifest);
        assert_eq!(merged(&writes, &manifest), alone, "seed {seed}");
    }
}

/// Every conflict's members were written, differ or delete, and none has seen another.
#[test]
fn members_of_a_conflict_have_not_seen_one_another_all() {
    for seed in seeds(300) {
        let mut dice = Dice::new(seed);
        let writes = any_writes(&mut dice, 12);
        for conflict in merged(&writes, &Manifest::default()).conflicts {
            assert!(conflict.members.len() > 1, "seed {seed}: {conflict:?}");
            for member in &conflict.members {
                let rival = conflict.members.iter().any(|other| {
                    other != member && !has_seen(&writes, member, other) && !has_seen(&writes, other, member)
                });
                assert!(rival, "seed {seed}: {member} stands against nobody in {conflict:?}");
            }
        }
    }
}

fn has_seen(writes: &[Scripted], later: &OpId, earlier: &OpId) -> bool {
    let mut open = vec![*later];
    while let Some(id) = open.pop() {
        let base = writes.iter().find(|write| write.id == id).map(|write| write.base.clone()).unwrap_or_default();
        if base.contains(earlier) {
            return true;
        }
        open.extend(base);
    }
    false
}

/// Bases that are not there, name themselves or each other, and clocks that run backwards do no harm.
#[test]
fn any_input_means_something() {
    for seed in seeds(300) {
        let mut dice = Dice::new(seed);
        let mut writes = any_writes(&mut dice, 10);
        let ids: Vec<OpId> = (0..12).map(|nth| OpId(name_bytes(&format!("{nth:05}")))).collect();
        for write in &mut writes {
            write.base = (0..dice.below(4)).map(|_| *dice.pick(&ids)).collect();
            write.hlc = Hlc(dice.number() >> (dice.below(64)));
        }
        let manifest = any_manifest(&mut dice);
        let expected = merged(&writes, &manifest);
        dice.shuffle(&mut writes);
        assert_eq!(merged(&writes, &manifest), expected, "seed {seed}");
    }
}

#[test]
fn a_conflict_of_many_shows_the_first_and_names_all() {
    let put = |nth: usize| write(nth, Vec::new(), Content::Put(Leaf::Json(Value::from(nth as i32))));
    let writes: Vec<Scripted> = (0..40).map(put).collect();
    let entity = merged(&writes, &Manifest::default());
    let [conflict] = &entity.conflicts[..] else { panic!("one conflict, not {:?}", entity.conflicts) };
    assert_eq!(conflict.members, writes.iter().map(|write| write.id).collect::<Vec<_>>());
    assert_eq!(conflict.members, entity.frontier);
    assert_eq!(conflict.sides.len(), CONFLICT_SIDES_MAX);
    assert_eq!(conflict.sides[31].value, SideValue::Json(Value::from(31)));
    assert_eq!(entity.base(), conflict.members[..32].to_vec());
}

/// The bytes that a second implementer has to hash.
#[test]
fn the_id_of_a_conflict_is_the_hash_of_its_record() {
    let path = Pointer::parse("/a~1b/c").expect("a pointer");
    let (first, second) = ([0x11; 32], [0x22; 32]);
    let mut record = b"trellis/conflict/1\n".to_vec();
    record.extend(b"\x85\x64main\x65notes\x611\x67/a~1b/c\x82\x58\x20");
    record.extend(first);
    record.extend(b"\x58\x20");
    record.extend(second);
    let id = conflict_id(&ENTITY, &path, &[OpId(second), OpId(first)]);
    assert_eq!(hex::encode(&id.0), blake3::hash(&record).to_hex().as_str());
    assert_eq!(id.to_string(), "b7adc84130314568196dca0b2a1414677d2bef7f24fb8040aae3cd39f4eb5842");
}

#[test]
fn a_conflict_keeps_its_key_and_changes_its_id_with_its_members() {
    let put = |nth: usize| write(nth, Vec::new(), Content::Put(Leaf::Json(Value::from(nth as i32))));
    let key = |conflict: &Conflict| {
        (conflict.branch.clone(), conflict.collection.clone(), conflict.key.clone(), conflict.path.clone())
    };
    let two = merged(&[put(1), put(2)], &Manifest::default()).conflicts.remove(0);
    let three = merged(&[put(1), put(2), put(3)], &Manifest::default()).conflicts.remove(0);
    assert_eq!(key(&two), ("main".into(), "notes".into(), "1".into(), Pointer::ROOT));
    assert_eq!(two.place().to_string(), "notes/1");
    assert_eq!(key(&two), key(&three));
    assert_ne!(two.id, three.id);
    assert_eq!(two.id, conflict_id(&ENTITY, &Pointer::ROOT, &two.members));
}

/// Two people edit one text line by line and never wait for each other: every round is a merge on a merged base.
#[test]
fn texts_merge_on_merged_texts_to_any_depth() {
    let rounds = 2_000;
    let text = |left: usize, right: usize| Value::from(format!("left {left}\nmiddle\nright {right}\n"));
    let set = |text| Content::Patch(Patch { set: vec![(pointer("/a"), text)], ..Patch::default() });
    let mut writes = vec![write(0, Vec::new(), set(text(0, 0)))];
    let mut seen = vec![writes[0].id];
    for round in 1..=rounds {
        let left = write(2 * round, seen.clone(), set(text(round, round - 1)));
        let right = write(2 * round + 1, seen.clone(), set(text(round - 1, round)));
        seen = vec![left.id, right.id];
        writes.extend([left, right]);
    }
    let entity = merged(&writes, &texts());
    assert_eq!(entity.conflicts, []);
    assert_eq!(entity.shown, Shown::Json(Value::object([("a", text(rounds, rounds))])));
}

/// One author writes on and on; somebody else's early write arrives at the end.
#[test]
fn a_late_write_meets_a_long_history() {
    let put = |nth: usize| Content::Put(Leaf::Json(Value::from(nth as i32)));
    let mut writes = vec![write(0, Vec::new(), put(0))];
    for nth in 1..5_000 {
        writes.push(write(2 * nth, vec![writes[nth - 1].id], put(nth)));
    }
    let late = write(3, vec![writes[0].id], put(9));
    writes.push(late.clone());
    let entity = merged(&writes, &Manifest::default());
    let last = writes[4_999].id;
    assert_eq!(entity.frontier, [late.id, last]);
    assert_eq!(entity.shown, Shown::Json(Value::from(4_999)));
    let [conflict] = &entity.conflicts[..] else { panic!("one conflict, not {:?}", entity_json(&entity)) };
    assert_eq!((&conflict.members[..], &conflict.base), (&[late.id, last][..], &Shown::Json(Value::from(0))));
}
