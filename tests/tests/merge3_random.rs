//! Laws of the three-way merge, on random values.

use serde_json::{Value as Json, json};
use trellis_core::merge::json_patch::JsonPatch;
use trellis_core::merge::three_way::{ListKeys, Merge3, merge3};
use trellis_core::op::json::Value;
use trellis_core::op::pointer::Pointer;
use trellis_tests::dice::Dice;
use trellis_tests::documents::{any_edit, core, document, serde};
use trellis_tests::seed;

/// What somebody may make of a document by some edits.
fn edited(dice: &mut Dice, json: &Json) -> Value {
    (0..dice.below(4)).fold(core(json), |value, _| {
        let edit = core(&json!([any_edit(dice, &serde(&value))]));
        JsonPatch::decode(&edit).and_then(|edit| edit.apply(&value)).unwrap_or(value)
    })
}

fn merged(base: &Value, local: &Value, remote: &Value) -> Merge3 {
    merge3(Some(base), local, remote, &ListKeys::new())
}

#[test]
fn merging_keeps_every_one_sided_change() {
    let mut dice = Dice::new(seed!(3));
    let mut conflicts = 0;
    for _ in 0..20_000 {
        let json = json!({ "a": document(&mut dice, 3), "b": document(&mut dice, 2), "c": 1 });
        let base = core(&json);
        let [local, remote] = [(); 2].map(|()| edited(&mut dice, &json));
        let found = merged(&base, &local, &remote);
        assert_eq!(found.patch.apply(&local).as_ref(), Ok(&found.merged));
        one_sided_changes_survive(&found, [Some(&base), Some(&local), Some(&remote)], &Pointer::ROOT);
        let swapped = merged(&base, &remote, &local);
        let places =
            |found: &Merge3| found.conflicts.iter().map(|conflict| conflict.at.to_string()).collect::<Vec<_>>();
        let (mut ours, mut theirs) = (places(&found), places(&swapped));
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs);
        conflicts += usize::from(!ours.is_empty());
        assert!(!ours.is_empty() || found.merged == swapped.merged);
    }
    assert!((1500..18_500).contains(&conflicts), "{conflicts} had conflicts");
}

/// Where no conflict stands at or above a place, it has what the one side that changed it made of it; where one
/// stands, it holds all three values.
fn one_sided_changes_survive(found: &Merge3, sides: [Option<&Value>; 3], at: &Pointer) {
    if let Some(conflict) = found.conflicts.iter().find(|conflict| conflict.at == *at) {
        let held = [&conflict.base, &conflict.local, &conflict.remote].map(Option::as_ref);
        return assert_eq!(held, sides, "{at}");
    }
    let [base, local, remote] = sides;
    let expected = match sides {
        _ if local == base => remote,
        _ if remote == base || local == remote => local,
        _ => {
            let members = sides.map(|side| side.and_then(Value::as_object));
            let names = members.into_iter().flatten().flat_map(|object| object.iter().map(|(name, _)| name));
            assert!(members[1].is_some() && members[2].is_some(), "{at} changed on both sides without a conflict");
            return names.for_each(|name| {
                let sides = members.map(|object| object.and_then(|object| object.get(name)));
                one_sided_changes_survive(found, sides, &at.child(name));
            });
        }
    };
    assert_eq!(at.find(&found.merged), expected, "{at}");
}

#[test]
fn merging_what_did_not_change_changes_nothing() {
    let mut dice = Dice::new(seed!(33));
    for _ in 0..5000 {
        let [base, other] = [(); 2].map(|()| core(&document(&mut dice, 3)));
        for (local, remote) in [(&base, &other), (&other, &base), (&other, &other)] {
            let found = merged(&base, local, remote);
            assert_eq!((&found.merged, found.conflicts.len()), (&other, 0));
        }
    }
}

/// A list of items with distinct ids, some of them of the base.
fn list(dice: &mut Dice, base: &[Json]) -> Vec<Json> {
    let mut items: Vec<Json> = base.iter().filter(|_| dice.below(5) > 0).cloned().collect();
    for item in &mut items {
        if dice.below(4) == 0 {
            item[*dice.pick(&["x", "y"])] = json!(dice.below(3));
        }
    }
    if dice.below(3) == 0 && items.len() > 1 {
        let (one, other) = (dice.below(items.len()), dice.below(items.len()));
        items.swap(one, other);
    }
    for _ in 0..dice.below(3) {
        let id = 100 + dice.below(100);
        if items.iter().all(|item| item["id"] != id) {
            let at = dice.below(items.len() + 1);
            items.insert(at, json!({ "id": id, "x": dice.below(2) }));
        }
    }
    items
}

#[test]
fn lists_are_merged_by_item() {
    let mut dice = Dice::new(seed!(333));
    let lists = ListKeys::from([(Pointer(vec!["l".into()]), "id".into())]);
    for _ in 0..20_000 {
        let ids: Vec<Json> = (0..dice.below(6)).map(|id| json!({ "id": id, "x": 0 })).collect();
        let [local_items, remote_items] = [(); 2].map(|()| list(&mut dice, &ids));
        let [base, local, remote] = [&ids, &local_items, &remote_items].map(|items| core(&json!({ "l": items })));
        let found = merge3(Some(&base), &local, &remote, &lists);
        assert_eq!(found.patch.apply(&local).as_ref(), Ok(&found.merged));
        let items = Pointer(vec!["l".into()]);
        let sides = [&base, &local, &remote].map(|value| items_of(value, &items));
        let merged = items_of(&found.merged, &items);
        for id in sides.iter().flat_map(|items| items.iter()).filter_map(|item| item.member("id")) {
            one_sided_item_survives(merged, sides.map(|items| item_of(items, id)), id);
        }
        let ids: std::collections::BTreeSet<String> =
            merged.iter().filter_map(|item| item.member("id")).map(Value::to_string).collect();
        assert_eq!(ids.len(), merged.len(), "every item stands once");
    }
}

fn items_of<'a>(value: &'a Value, at: &Pointer) -> &'a [Value] {
    at.find(value).and_then(Value::as_array).expect("a list")
}

fn item_of<'a>(items: &'a [Value], id: &Value) -> Option<&'a Value> {
    items.iter().find(|item| item.member("id") == Some(id))
}

fn one_sided_item_survives(merged: &[Value], [base, local, remote]: [Option<&Value>; 3], id: &Value) {
    let kept = item_of(merged, id);
    if local == base {
        assert_eq!(kept, remote, "the remote change of item {id} survives");
    } else if remote == base || remote == local {
        assert_eq!(kept, local, "the local change of item {id} survives");
    } else {
        assert!(kept.is_some(), "item {id} that both changed is shown");
    }
}
