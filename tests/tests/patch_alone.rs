//! What a plan shows of one patch is what the entity becomes by it.

use serde_json::json;
use trellis_core::merge::entity::{Effect, EntityRef, Shown, Write, merge};
use trellis_core::merge::manifest::Manifest;
use trellis_core::merge::patching::apply;
use trellis_core::op::body::{Content, Leaf};
use trellis_core::op::header::Ids;
use trellis_core::op::id::{Author, OpId};
use trellis_core::op::json::Value;
use trellis_core::op::patch::Patch;
use trellis_core::op::pointer::Pointer;
use trellis_core::time::Hlc;
use trellis_tests::dice::Dice;
use trellis_tests::documents::{core, document};
use trellis_tests::seed;

/// The value of an entity that was put and then patched.
fn patched(value: &Value, patch: &Patch) -> Shown {
    let put = OpId([1; 32]);
    let contents = [Content::Put(Leaf::Json(value.clone())), Content::Patch(patch.clone())];
    let write = |id, hlc, base, content| {
        let author = Author([0; 32]);
        Write { id, hlc: Hlc(hlc), author, base, effect: Effect::Effective, content }
    };
    let base = [put];
    let writes = [write(put, 1, Ids::NONE, &contents[0]), write(OpId([2; 32]), 2, Ids::Slice(&base), &contents[1])];
    let entity = EntityRef { branch: "main", collection: "notes", key: "1", owner: None };
    merge(entity, &writes, &Manifest::default()).shown
}

fn any_patch(dice: &mut Dice) -> Patch {
    let mut patch = Patch::default();
    for _ in 0..dice.below(5) {
        let names = (0..=dice.below(2)).map(|_| dice.pick::<&str>(&["a", "b", "c", "0"]).to_string());
        let at = Pointer(names.collect());
        let values: Vec<Value> = (0..=dice.below(3)).map(|_| core(&document(dice, 1))).collect();
        match dice.below(5) {
            0 => patch.set.push((at, core(&document(dice, 2)))),
            1 => patch.remove.push(at),
            2 => patch.add.push((at, dice.below(9) as i64 - 4)),
            3 => patch.insert.push((at, values)),
            _ => patch.discard.push((at, values)),
        }
    }
    patch
}

#[test]
fn a_patch_makes_alone_what_the_entity_shows() {
    let mut dice = Dice::new(seed!());
    let mut changed = 0;
    for _ in 0..20_000 {
        let value = core(&json!({ "a": document(&mut dice, 2), "b": document(&mut dice, 1), "n": 0.5 }));
        let patch = any_patch(&mut dice);
        let Some(patch) = patch.encode().ok().and_then(Patch::decode) else { continue };
        let alone = apply(&patch, value.clone());
        changed += usize::from(alone != value);
        assert_eq!(patched(&value, &patch), Shown::Json(alone), "{value} with {:?}", patch);
    }
    assert!(changed > 5000, "{changed} patches changed something");
}
