//! The naive model against the sentences of the design, one scene each, worked out by hand.

use serde_json::{Value, json};
use trellis_core::op::id::{OpId, RepoId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::op::pointer::Pointer;
use trellis_core::time::Hlc;
use trellis_tests::json::jcs;
use trellis_tests::model::Model;
use trellis_tests::model_op::Entity;
use trellis_tests::sealed::{Draft, SealedOp, author, key};

/// Ops on `notes/1` of `main`, each by an author of its own, in the order of their clocks.
struct Scene {
    ops: Vec<SealedOp>,
}

impl Scene {
    fn new() -> Scene {
        Scene { ops: vec![Draft::genesis(author(&key("owner")), "scene", 1, Hlc(1 << 30)).seal()] }
    }

    fn write(&mut self, kind: Kind, body: Option<Value>, base: &[OpId]) -> OpId {
        let writer = author(&key(&format!("writer {}", self.ops.len())));
        let mut draft = Draft::first(RepoId::from(self.ops[0].id), writer, "main", &self.ops[0]);
        draft.hlc = Hlc((1 << 30) + self.ops.len() as u64);
        draft.kind = kind;
        draft.base = base.to_vec();
        draft.body = body.map(|body| (Format::Json, jcs(&body).into_bytes()));
        self.ops.push(draft.seal());
        self.ops[self.ops.len() - 1].id
    }

    fn put(&mut self, body: Value, base: &[OpId]) -> OpId {
        self.write(Kind::Put, Some(body), base)
    }

    fn patch(&mut self, body: Value, base: &[OpId]) -> OpId {
        self.write(Kind::Patch, Some(body), base)
    }

    fn delete(&mut self, base: &[OpId]) -> OpId {
        self.write(Kind::Delete, None, base)
    }

    fn shown(&self) -> Entity {
        Model::new(&self.ops).entity("main", "notes", "1")
    }

    fn value(&self) -> Value {
        self.shown().value.unwrap_or(json!("nothing"))
    }

    /// Open conflicts as (path, how many members).
    fn open(&self) -> Vec<(String, usize)> {
        self.shown().conflicts.iter().map(|(path, conflict)| (path.to_string(), conflict.members.len())).collect()
    }
}

#[test]
fn a_form_saves_only_what_changed() {
    let mut scene = Scene::new();
    let first = scene.put(json!({ "a": 1, "b": 1 }), &[]);
    scene.patch(json!({ "set": { "/a": 2 } }), &[first]);
    scene.patch(json!({ "set": { "/b": 3 } }), &[first]);
    assert_eq!(scene.value(), json!({ "a": 2, "b": 3 }));
    assert!(scene.open().is_empty());
}

#[test]
fn concurrent_overwrites_of_one_path_conflict_until_a_write_has_seen_both() {
    let mut scene = Scene::new();
    let first = scene.put(json!({ "a": 1, "b": 1 }), &[]);
    let left = scene.patch(json!({ "set": { "/a": 2 } }), &[first]);
    let right = scene.patch(json!({ "set": { "/a": 3 } }), &[first]);
    assert_eq!(scene.open(), [("/a".into(), 2)]);
    assert_eq!(scene.shown().conflicts[&Pointer::parse("/a").unwrap()].base, Some(Some(json!(1))));
    let other = scene.patch(json!({ "set": { "/b": 5 } }), &[left, right]);
    assert_eq!(scene.open(), [("/a".into(), 2)], "an edit of another path closes nothing");
    scene.patch(json!({ "set": { "/a": 4 } }), &[other]);
    assert!(scene.open().is_empty(), "seen is transitive");
    assert_eq!(scene.value(), json!({ "a": 4, "b": 5 }));
}

#[test]
fn equal_values_do_not_conflict() {
    let mut scene = Scene::new();
    let first = scene.put(json!({ "a": 1 }), &[]);
    scene.patch(json!({ "set": { "/a": 2 } }), &[first]);
    scene.put(json!({ "a": 2 }), &[first]);
    assert!(scene.open().is_empty());
}

#[test]
fn a_put_conflicts_with_a_patch_below_it_at_the_lower_path() {
    let mut scene = Scene::new();
    let first = scene.put(json!({ "a": { "x": 1 } }), &[]);
    scene.patch(json!({ "set": { "/a/x": 2 } }), &[first]);
    scene.put(json!({ "a": { "x": 3 } }), &[first]);
    assert_eq!(scene.open(), [("/a/x".into(), 2)]);
    assert_eq!(scene.value(), json!({ "a": { "x": 3 } }));
}

#[test]
fn a_delete_in_conflict_is_as_if_it_were_not_written() {
    let mut scene = Scene::new();
    let first = scene.put(json!({ "a": 1, "n": 1 }), &[]);
    scene.delete(&[first]);
    scene.patch(json!({ "add": { "/n": 2 } }), &[first]);
    assert_eq!(scene.open(), [("/n".into(), 2)]);
    assert_eq!(scene.value(), json!({ "a": 1, "n": 3 }));
}

#[test]
fn two_deletes_agree() {
    let mut scene = Scene::new();
    let first = scene.put(json!({}), &[]);
    scene.delete(&[first]);
    scene.delete(&[first]);
    assert!(scene.open().is_empty());
    assert_eq!(scene.shown().value, None);
    assert_eq!(scene.shown().frontier.len(), 2);
}

#[test]
fn counters_add_up_and_an_overwrite_that_saw_them_starts_over() {
    let mut scene = Scene::new();
    let first = scene.put(json!({ "n": 10 }), &[]);
    let one = scene.patch(json!({ "add": { "/n": 1 } }), &[first]);
    scene.patch(json!({ "add": { "/n": -3 } }), &[first]);
    assert_eq!(scene.value(), json!({ "n": 8 }));
    scene.patch(json!({ "set": { "/n": 100 } }), &[one]);
    assert_eq!(scene.value(), json!({ "n": 97 }), "the add that it had not seen still counts");
}

#[test]
fn counters_saturate_where_numbers_end() {
    let mut scene = Scene::new();
    let most = (1_i64 << 53) - 1;
    for _ in 0..3 {
        scene.patch(json!({ "add": { "/n": most } }), &[]);
    }
    assert_eq!(scene.value(), json!({ "n": most }));
    scene.patch(json!({ "add": { "/n": -most } }), &[]);
    scene.patch(json!({ "add": { "/n": -most } }), &[]);
    scene.patch(json!({ "add": { "/n": -1 } }), &[]);
    assert_eq!(scene.value(), json!({ "n": most - 1 }), "the sum is not saturated on the way");
}

#[test]
fn sets_unite_and_discards_take_what_they_have_seen() {
    let mut scene = Scene::new();
    let first = scene.put(json!({ "t": ["a"] }), &[]);
    let b = scene.patch(json!({ "insert": { "/t": ["b"] } }), &[first]);
    scene.patch(json!({ "insert": { "/t": ["b", "c"] } }), &[first]);
    assert_eq!(scene.value(), json!({ "t": ["a", "b", "c"] }));
    scene.patch(json!({ "discard": { "/t": ["a", "b"] } }), &[b]);
    assert_eq!(scene.value(), json!({ "t": ["b", "c"] }), "the insert of b that it had not seen stays");
}

#[test]
fn pointers_step_through_objects_only() {
    let mut scene = Scene::new();
    let first = scene.put(json!({ "a": 1, "t": [1] }), &[]);
    scene.patch(json!({ "set": { "/a/x": 1, "/t/0": 2, "/m/x": 3 } }), &[first]);
    assert_eq!(scene.value(), json!({ "a": 1, "m": { "x": 3 }, "t": [1] }));
}

#[test]
fn a_void_body_overwrites_nothing_and_still_passes_supersession_on() {
    let mut scene = Scene::new();
    let first = scene.put(json!({ "a": 1 }), &[]);
    let void = scene.patch(json!({ "set": { "/m": 1, "/m/x": 2 } }), &[first]);
    assert_eq!(scene.value(), json!({ "a": 1 }));
    assert_eq!(scene.shown().frontier, [void]);
    scene.put(json!({ "a": 2 }), &[void]);
    assert_eq!(scene.value(), json!({ "a": 2 }));
    assert!(scene.open().is_empty());
}

#[test]
fn a_live_bodyless_write_hides_the_entity_until_it_is_overwritten() {
    let mut scene = Scene::new();
    let first = scene.put(json!({ "a": 1 }), &[]);
    let gone = scene.patch(json!({ "set": { "/a": 2 } }), &[first]);
    scene.ops.last_mut().unwrap().body = None;
    assert!(scene.shown().body_missing);
    scene.patch(json!({ "set": { "/a": 3 } }), &[gone]);
    assert!(scene.shown().body_missing, "nobody knows what else it set");
    scene.put(json!({ "a": 4 }), &[gone]);
    assert_eq!(scene.value(), json!({ "a": 4 }));
}

#[test]
fn supersession_passes_through_ineffective_ops() {
    let mut scene = Scene::new();
    let first = scene.put(json!({ "a": 1 }), &[]);
    let stranger = scene.put(json!({ "a": 2 }), &[first]);
    let mut model = Model::new(&scene.ops);
    model.ineffective.insert(stranger);
    let shown = model.entity("main", "notes", "1");
    assert_eq!((shown.value, shown.frontier), (Some(json!({ "a": 1 })), vec![first]));
    let last = scene.put(json!({ "a": 3 }), &[stranger]);
    let mut model = Model::new(&scene.ops);
    model.ineffective.insert(stranger);
    let shown = model.entity("main", "notes", "1");
    assert_eq!((shown.value, shown.frontier), (Some(json!({ "a": 3 })), vec![last]));
}

#[test]
fn texts_merge_by_lines_or_conflict_as_one() {
    let mut scene = Scene::new();
    let first = scene.put(json!({ "text": "one\ntwo\nthree\n" }), &[]);
    scene.patch(json!({ "set": { "/text": "ONE\ntwo\nthree\n" } }), &[first]);
    scene.patch(json!({ "set": { "/text": "one\ntwo\nTHREE\n" } }), &[first]);
    let text = |scene: &Scene| {
        let mut model = Model::new(&scene.ops);
        model.text.insert(Pointer::parse("/text").unwrap());
        model.entity("main", "notes", "1")
    };
    assert_eq!(text(&scene).value, Some(json!({ "text": "ONE\ntwo\nTHREE\n" })));
    assert!(text(&scene).conflicts.is_empty());
    scene.patch(json!({ "set": { "/text": "uno\ntwo\nthree\n" } }), &[first]);
    assert_eq!(text(&scene).conflicts.values().next().unwrap().members.len(), 3);
}
