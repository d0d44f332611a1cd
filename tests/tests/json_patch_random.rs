//! Random edits and patches against `json-patch`, which shares no code with the core, and against one another.

use serde_json::{Value as Json, json};
use trellis_core::merge::json_diff::{diff, guarded_diff};
use trellis_core::merge::json_patch::{JsonPatch, JsonPatchError};
use trellis_core::merge::patching::{apply, from_json_patch, to_json_patch, value_diff};
use trellis_core::op::json::Value;
use trellis_core::op::patch::Patch;
use trellis_tests::dice::Dice;
use trellis_tests::documents::{any_edit, core, document, serde};
use trellis_tests::seed;

fn applied_by_both(json: &Json, edits: &Json) -> (Result<Value, JsonPatchError>, Option<Json>) {
    let ours = JsonPatch::decode(&core(edits)).and_then(|patch| patch.apply(&core(json)));
    let theirs: json_patch::Patch = serde_json::from_value(edits.clone()).expect("well-formed edits");
    let mut result = json.clone();
    let theirs = json_patch::patch(&mut result, &theirs).ok().map(|()| result);
    (ours, theirs)
}

#[test]
fn edits_do_what_another_implementation_does() {
    let mut dice = Dice::new(seed!(6902));
    let mut done = [0; 2];
    for _ in 0..40_000 {
        let mut json = document(&mut dice, 3);
        for _ in 0..=dice.below(3) {
            let edit = any_edit(&mut dice, &json);
            let removes_root = edit["op"] == "remove" && edit["path"] == "";
            let moves_root = edit["op"] == "move" && edit["from"] == "";
            if removes_root || moves_root {
                continue;
            }
            let edits = json!([edit]);
            let (ours, theirs) = applied_by_both(&json, &edits);
            assert_eq!(ours.as_ref().ok(), theirs.as_ref().map(core).as_ref(), "{edits} on {json}: {ours:?}");
            done[usize::from(ours.is_ok())] += 1;
            json = theirs.unwrap_or(json);
        }
    }
    assert!(done[0] > 10_000 && done[1] > 30_000, "{done:?} failed and done");
}

#[test]
fn edits_are_made_together_or_not_at_all() {
    let mut dice = Dice::new(seed!(69_020));
    for _ in 0..10_000 {
        let json = document(&mut dice, 3);
        let edits: Vec<Json> = (0..4).map(|_| any_edit(&mut dice, &json)).collect();
        let together =
            JsonPatch::decode(&core(&Json::Array(edits.clone()))).and_then(|patch| patch.apply(&core(&json)));
        let mut alone = Ok(core(&json));
        for edit in edits {
            let edit = JsonPatch::decode(&core(&json!([edit]))).expect("well-formed edits");
            alone = alone.and_then(|value| edit.apply(&value));
        }
        assert_eq!(together.is_ok(), alone.is_ok());
        assert_eq!(together.ok(), alone.ok());
    }
}

#[test]
fn differences_lead_from_one_value_to_the_other() {
    let mut dice = Dice::new(seed!(69_021));
    for _ in 0..10_000 {
        let (old, new) = (document(&mut dice, 3), document(&mut dice, 3));
        let (from, to) = (core(&old), core(&new));
        for edits in [diff(&from, &to), guarded_diff(&from, &to)] {
            assert_eq!(edits.apply(&from).as_ref(), Ok(&to), "{old} to {new}");
            let (_, theirs) = applied_by_both(&old, &serde(&edits.encode()));
            assert_eq!(theirs.as_ref().map(core).as_ref(), Some(&to), "{old} to {new}: {}", edits.encode());
        }
        let theirs = serde_json::to_value(json_patch::diff(&old, &new)).expect("edits");
        assert_eq!(JsonPatch::decode(&core(&theirs)).and_then(|patch| patch.apply(&from)).as_ref(), Ok(&to));
    }
}

#[test]
fn differences_of_flat_arrays_are_the_shortest() {
    let mut dice = Dice::new(seed!(69_025));
    for _ in 0..10_000 {
        let [old, new] = [(); 2].map(|()| (0..dice.below(8)).map(|_| dice.below(3)).collect::<Vec<_>>());
        let edits = diff(&core(&json!(old)), &core(&json!(new)));
        assert_eq!(edits.0.len(), edit_distance(&old, &new), "{old:?} to {new:?}");
    }
}

/// The least number of items to add, remove or replace, by trying everything.
fn edit_distance(old: &[usize], new: &[usize]) -> usize {
    match (old, new) {
        (rest, []) | ([], rest) => rest.len(),
        ([one, old @ ..], [other, new @ ..]) if one == other => edit_distance(old, new),
        ([_, old_rest @ ..], [_, new_rest @ ..]) => {
            let removed = edit_distance(old_rest, new);
            1 + removed.min(edit_distance(old, new_rest)).min(edit_distance(old_rest, new_rest))
        }
    }
}

/// Alignment of long arrays would cost the product of their lengths.
#[test]
fn differences_of_long_arrays_lead_there_too() {
    let mut dice = Dice::new(seed!(69_026));
    for _ in 0..20 {
        let [old, new] = [(); 2].map(|()| (0..300 + dice.below(300)).map(|_| dice.below(3)).collect::<Vec<_>>());
        let (from, to) = (core(&json!(old)), core(&json!(new)));
        let edits = diff(&from, &to);
        assert_eq!(edits.apply(&from).as_ref(), Ok(&to));
        assert!(edits.0.len() <= old.len().max(new.len()));
    }
}

/// On another value than it was made for, a guarded difference fails or removes nothing but what it names.
#[test]
fn guarded_differences_overwrite_no_other_value() {
    let mut dice = Dice::new(seed!(69_022));
    for _ in 0..2000 {
        let from = core(&json!({ "a": dice.below(3), "b": { "c": dice.below(3) } }));
        let to = core(&json!({ "a": dice.below(3), "b": {} }));
        let moved = core(&json!({ "a": dice.below(3), "b": { "c": dice.below(3) } }));
        let applies = guarded_diff(&from, &to).apply(&moved).is_ok();
        let keeps_a = from.member("a") == to.member("a");
        assert_eq!(
            applies,
            from.member("b") == moved.member("b") && (keeps_a || from.member("a") == moved.member("a"))
        );
    }
}

#[test]
fn patches_do_what_the_edits_do() {
    let mut dice = Dice::new(seed!(69_023));
    let mut made = 0;
    for _ in 0..20_000 {
        let json = document(&mut dice, 3);
        let edits: Vec<Json> = (0..=dice.below(3)).map(|_| any_edit(&mut dice, &json)).collect();
        let edits = JsonPatch::decode(&core(&Json::Array(edits))).expect("well-formed edits");
        let current = core(&json);
        let Ok(patch) = from_json_patch(&edits, &current) else { continue };
        made += 1;
        assert_eq!(Ok(apply(&patch, current.clone())), edits.apply(&current), "{} on {json}", edits.encode());
        assert_is_body(&patch);
        let shown = to_json_patch(&patch, &current);
        assert_eq!(shown.apply(&current), edits.apply(&current));
    }
    assert!(made > 5000, "{made} patches were made");
}

fn assert_is_body(patch: &Patch) {
    let body = patch.encode().expect("a patch that is not void");
    assert_eq!(Patch::decode(body).as_ref(), Some(patch));
}

#[test]
fn a_written_value_is_the_difference_and_nothing_else() {
    let mut dice = Dice::new(seed!(69_024));
    for _ in 0..20_000 {
        let (old, new) = (core(&document(&mut dice, 3)), core(&document(&mut dice, 3)));
        let patch = value_diff(&old, &new);
        assert_eq!(apply(&patch, old.clone()), new);
        assert_eq!(patch.is_empty(), old == new);
        assert!(patch.set.iter().all(|(at, value)| at.find(&old) != Some(value)), "{old} to {new}");
        assert!(patch.remove.iter().all(|at| at.find(&old).is_some() && at.find(&new).is_none()), "{old} to {new}");
        assert_is_body(&patch);
    }
}
