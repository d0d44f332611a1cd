//! What a patch makes of a value, and the patch that makes one value of another.
//!
//! A patch names places through objects only, so whatever happens inside an array is a `set` of the whole array.

use alloc::string::String;
use alloc::vec::Vec;

use super::json_diff::diff;
use super::json_patch::{Edit, JsonPatch, JsonPatchError};
use crate::op::json::{Number, Object, Value, text};
use crate::op::patch::Patch;
use crate::op::pointer::Pointer;
use crate::ordered::Set;
use crate::sort;

/// The patch that makes `new` of `old`: what a write of a whole value changes of the one that was shown. It is empty
/// for equal values, and one `set` of the root unless both are objects.
pub fn value_diff(old: &Value, new: &Value) -> Patch {
    let mut patch = Patch::default();
    collect_diff(&mut patch, &Pointer::ROOT, old, new);
    sort::by(&mut patch.set, |(left, _), (right, _)| left.cmp(right));
    sort::ascending(&mut patch.remove);
    patch
}

fn collect_diff(patch: &mut Patch, at: &Pointer, old: &Value, new: &Value) {
    match (old, new) {
        _ if old == new => {}
        (Value::Object(old), Value::Object(new)) => {
            let removed = old.iter().filter(|(name, _)| new.get(name).is_none());
            patch.remove.extend(removed.map(|(name, _)| at.child(name)));
            for (name, value) in new.iter() {
                match old.get(name) {
                    Some(old) => collect_diff(patch, &at.child(name), old, value),
                    None => patch.set.push((at.child(name), value.clone())),
                }
            }
        }
        _ => patch.set.push((at.clone(), new.clone())),
    }
}

/// What a patch alone makes of a value: missing objects are created, and a place below an array or scalar stays as it
/// is, as do an `add` on no number and an `insert` or `discard` on no array.
pub fn apply(patch: &Patch, value: Value) -> Value {
    let mut value = value;
    for (at, new) in &patch.set {
        update(&mut value, &at.0, |_| Some(new.clone()));
    }
    for at in &patch.remove {
        remove(&mut value, &at.0);
    }
    for (at, amount) in &patch.add {
        update(&mut value, &at.0, |old| grown(old, *amount));
    }
    for (at, values) in &patch.insert {
        update(&mut value, &at.0, |old| united(old, values));
    }
    for (at, values) in &patch.discard {
        update(&mut value, &at.0, |old| without(old, values));
    }
    value
}

/// The patch that does what RFC 6902 edits do to `current`. Every place that an edit writes is written, also where its
/// value stays the same: writing what is shown is how a conflict is closed.
///
/// # Errors
/// [`JsonPatchError`] with the first edit that cannot be made, a `test` that fails among them.
pub fn from_json_patch(edits: &JsonPatch, current: &Value) -> Result<Patch, JsonPatchError> {
    let mut written = Set::new();
    let result = edits.apply_traced(current, |edit, value| match edit {
        Edit::Add { at, .. } | Edit::Remove { at } | Edit::Replace { at, .. } | Edit::Copy { at, .. } => {
            written.insert(through_objects(at, value));
        }
        Edit::Move { from, at } => written.extend([through_objects(from, value), through_objects(at, value)]),
        Edit::Test { .. } => {}
    })?;
    let mut patch = Patch::default();
    for at in outermost(written) {
        match at.find(&result) {
            Some(value) => patch.set.push((at.clone(), value.clone())),
            None if at.find(current).is_some() => patch.remove.push(at),
            None => {}
        }
    }
    Ok(patch)
}

/// The RFC 6902 edits that do to `current` what a patch does: how a plan is shown.
pub fn to_json_patch(patch: &Patch, current: &Value) -> JsonPatch {
    diff(current, &apply(patch, current.clone()))
}

/// The part of a place that lies in objects: up to the first array that it steps into.
fn through_objects(at: &Pointer, value: &Value) -> Pointer {
    let mut here = Some(value);
    let is_in_object = |token: &&String| {
        let object = here.and_then(Value::as_object);
        here = object.and_then(|object| object.get(token));
        object.is_some()
    };
    Pointer(at.0.iter().take_while(is_in_object).cloned().collect())
}

/// Ascending places without those that lie below another.
fn outermost(places: Set<Pointer>) -> Vec<Pointer> {
    let mut outermost: Vec<Pointer> = Vec::new();
    for at in places {
        if !outermost.last().is_some_and(|last| last.is_prefix_of(&at)) {
            outermost.push(at);
        }
    }
    outermost
}

/// Gives a place a new value made of its old one, unless that is none or the way there steps into no object.
fn update(value: &mut Value, at: &[String], new: impl FnOnce(Option<&Value>) -> Option<Value>) {
    let Some((name, above)) = at.split_last() else {
        if let Some(new) = new(Some(value)) {
            *value = new;
        }
        return;
    };
    let old = above.iter().try_fold(&*value, |value, name| value.member(name)).and_then(|parent| parent.member(name));
    let Some(new) = new(old) else { return };
    let created = above.iter().try_fold(value, |value, name| Some(object_mut(value)?.object_entry(name)));
    if let Some(parent) = created.and_then(object_mut) {
        parent.insert(name.clone(), new);
    }
}

fn remove(value: &mut Value, at: &[String]) {
    let Some((name, above)) = at.split_last() else { return };
    let parent = above.iter().try_fold(value, |value, name| object_mut(value)?.get_mut(name));
    if let Some(parent) = parent.and_then(object_mut) {
        parent.remove(name);
    }
}

fn object_mut(value: &mut Value) -> Option<&mut Object> {
    if let Value::Object(object) = value { Some(object) } else { None }
}

fn grown(old: Option<&Value>, amount: i64) -> Option<Value> {
    let old = old.map_or(Some(Number::saturated(0)), Value::as_number)?;
    let sum = match old.as_integer() {
        Some(integer) => Number::saturated(i128::from(integer) + i128::from(amount)),
        None => {
            let sum = old.get() + amount as f64;
            Number::new(sum).unwrap_or(Number::saturated(sum as i128))
        }
    };
    Some(sum.into())
}

fn united(old: Option<&Value>, values: &[Value]) -> Option<Value> {
    let mut items = old.map_or(Some(&[][..]), Value::as_array)?.to_vec();
    let mut known: Set<String> = items.iter().map(text).collect();
    items.extend(values.iter().filter(|value| known.insert(text(value))).cloned());
    Some(items.into())
}

fn without(old: Option<&Value>, values: &[Value]) -> Option<Value> {
    let gone: Set<String> = values.iter().map(text).collect();
    let items = old?.as_array()?.iter().filter(|item| !gone.contains(&text(item)));
    Some(Value::Array(items.cloned().collect()))
}
