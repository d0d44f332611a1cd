//! The value of an entity, built from its live parts.
//!
//! A live overwrite that a later one covers leaves no trace but the objects that led to it, so only the others are
//! written, from the root downwards: the result is that of writing all in order, at the cost of writing each once. Then
//! come all counters, and then all sets, each from the root downwards.

use alloc::string::String;
use alloc::vec::Vec;

use super::entity::Shown;
use super::history::History;
use super::live::{Live, LivePlace};
use super::manifest::Tiebreak;
use super::parts::{Insert, Overwrite, Written};
use crate::op::id::Author;
use crate::op::json::{Number, Object, Value, text};
use crate::op::pointer::Pointer;
use crate::ordered::Set;

/// Which of two writes that have not seen one another is shown.
#[derive(Clone, Copy)]
pub(super) struct Precedence {
    pub(super) tiebreak: Tiebreak,
    pub(super) owner: Option<Author>,
}

impl Precedence {
    /// Greater is shown.
    fn rank(self, history: &History<'_>, write: usize) -> (bool, usize) {
        let is_by = |owner| history.write(write).author == owner;
        (self.tiebreak == Tiebreak::OwnerFirst && self.owner.is_some_and(is_by), write)
    }

    /// Whether an overwrite, at the same place or above, hides one whose writer has not seen it.
    fn covers(self, history: &History<'_>, outer: usize, inner: usize) -> bool {
        self.rank(history, outer) > self.rank(history, inner) && !history.has_seen(inner, outer)
    }
}

/// The value that live parts make, with `texts` in the places of merged texts.
pub(super) fn value(
    history: &History<'_>,
    live: &Live<'_>,
    texts: Vec<(&Pointer, String)>,
    precedence: Precedence,
) -> Shown {
    let mut whole = Shown::Absent;
    let sources = write_all(history, &mut whole, live, precedence);
    for (at, merged) in texts {
        if let Some(text @ Value::String(_)) = find_mut(&mut whole, &at.0) {
            *text = merged.into();
        }
    }
    for place in live.places.iter().filter(|place| !place.adds.is_empty()) {
        let sum = place.adds.iter().map(|(_, amount)| i128::from(*amount)).sum();
        update(&mut whole, place.at, |old| grown(old, sum));
    }
    for (place, source) in live.places.iter().zip(sources) {
        change_set(history, &mut whole, place, source);
    }
    whole
}

/// Writes the overwrites that are shown, and returns for each place the write that its value comes from: that of its
/// own overwrite, or of the nearest one above.
fn write_all(history: &History<'_>, whole: &mut Shown, live: &Live<'_>, precedence: Precedence) -> Vec<Option<usize>> {
    let mut shown: Vec<(&Pointer, Overwrite<'_>)> = Vec::new();
    let sources = live.places.iter().map(|place| {
        while shown.last().is_some_and(|(outer, _)| !outer.is_prefix_of(place.at)) {
            shown.pop();
        }
        if let Some(overwrite) = shown_overwrite(history, &shown, place, precedence) {
            write(whole, place.at, overwrite.value);
            shown.push((place.at, overwrite));
        }
        leave_objects(history, whole, &shown, place, precedence);
        shown.last().map(|(_, overwrite)| overwrite.write)
    });
    sources.collect()
}

/// A set that a removal took away again has created the objects that lead to the removed place.
fn leave_objects(
    history: &History<'_>,
    whole: &mut Shown,
    shown: &[(&Pointer, Overwrite<'_>)],
    place: &LivePlace<'_>,
    precedence: Precedence,
) {
    let sets = place.overwrites.iter().filter(|overwrite| matches!(overwrite.value, Written::Json(_)));
    for set in sets {
        let cover = shown.iter().find(|(_, outer)| precedence.covers(history, outer.write, set.write));
        if let Some((at, Overwrite { value: Written::Nothing, .. })) = cover {
            create_parent(whole, at);
        }
    }
}

/// The overwrite of a place that is shown: of those that no shown one above covers, the greatest.
fn shown_overwrite<'v>(
    history: &History<'_>,
    shown: &[(&Pointer, Overwrite<'_>)],
    place: &LivePlace<'v>,
    precedence: Precedence,
) -> Option<Overwrite<'v>> {
    let is_covered = |inner| shown.iter().any(|(_, outer)| precedence.covers(history, outer.write, inner));
    let uncovered = place.overwrites.iter().filter(|overwrite| !is_covered(overwrite.write));
    uncovered.max_by_key(|overwrite| precedence.rank(history, overwrite.write)).copied()
}

fn write(whole: &mut Shown, at: &Pointer, value: Written<'_>) {
    match value {
        Written::Bytes(bytes) if at.is_root() => *whole = Shown::Bytes(bytes.to_vec()),
        Written::Json(value) if at.is_root() => *whole = Shown::Json(value.clone()),
        _ if at.is_root() => *whole = Shown::Absent,
        Written::Json(value) => update(whole, at, |_| Some(value.clone())),
        _ => remove(whole, at),
    }
}

/// What inserts and discards make of one place whose value comes from `overwrite`.
fn change_set(history: &History<'_>, whole: &mut Shown, place: &LivePlace<'_>, overwrite: Option<usize>) {
    if let Some(overwrite) = overwrite.filter(|_| !place.discarded.is_empty()) {
        let is_kept = |item: &Value| {
            let discarded = place.discarded.get(text(item).as_str());
            discarded.is_none_or(|discarded| !history.contains(discarded, overwrite))
        };
        if let Some(Value::Array(items)) = find_mut(whole, &place.at.0) {
            items.retain(is_kept);
        }
    }
    if !place.inserts.is_empty() {
        update(whole, place.at, |old| united(old, &place.inserts));
    }
}

/// A counter and what is added to it. A counter that is not there is 0; what is no number stays.
fn grown(old: Option<&Value>, sum: i128) -> Option<Value> {
    let old = old.map_or(Some(Number::saturated(0)), Value::as_number)?;
    let grown = match old.as_integer() {
        Some(integer) => Number::saturated(sum.saturating_add(integer.into())),
        None => {
            let grown = old.get() + sum as f64;
            Number::new(grown).unwrap_or(Number::saturated(grown as i128))
        }
    };
    Some(grown.into())
}

/// The items of an array, then the inserted values that are not among them, in order. A set that is not there is
/// empty; what is no array stays.
fn united(old: Option<&Value>, inserts: &[Insert<'_>]) -> Option<Value> {
    let mut items = old.map_or(Some(&[][..]), Value::as_array)?.to_vec();
    let mut known: Set<String> = items.iter().map(text).collect();
    items.extend(inserts.iter().filter(|insert| known.insert(text(insert.value))).map(|insert| insert.value.clone()));
    Some(items.into())
}

/// Gives a place a new value made of its old one, unless that is none or the way there steps into no object. Nothing
/// at all counts as `{}`, and missing objects are created.
fn update(whole: &mut Shown, at: &Pointer, new: impl FnOnce(Option<&Value>) -> Option<Value>) {
    let Some(name) = at.0.last() else {
        if let Some((root, new)) = json_root(whole).and_then(|root| new(Some(root)).map(|new| (root, new))) {
            *root = new;
        }
        return;
    };
    let Some(parent) = create_parent(whole, at) else { return };
    if let Some(new) = new(parent.get(name)) {
        parent.insert(name.clone(), new);
    }
}

/// The object that a place lies in, created where it is missing; none where the way there steps into something else.
fn create_parent<'s>(whole: &'s mut Shown, at: &Pointer) -> Option<&'s mut Object> {
    let (_, above) = at.0.split_last()?;
    let root = json_root(whole)?;
    above.iter().try_fold(root, |value, name| Some(object_mut(value)?.object_entry(name))).and_then(object_mut)
}

fn remove(whole: &mut Shown, at: &Pointer) {
    json_root(whole);
    let Some((name, above)) = at.0.split_last() else { return };
    if let Some(Value::Object(parent)) = find_mut(whole, above) {
        parent.remove(name);
    }
}

fn find_mut<'s>(whole: &'s mut Shown, names: &[String]) -> Option<&'s mut Value> {
    let Shown::Json(root) = whole else { return None };
    names.iter().try_fold(root, |value, name| object_mut(value)?.get_mut(name))
}

/// The value to change; a patch on nothing starts from `{}`, and bytes have no places.
fn json_root(whole: &mut Shown) -> Option<&mut Value> {
    if *whole == Shown::Absent {
        *whole = Shown::Json(Value::Object(Object::new()));
    }
    if let Shown::Json(root) = whole { Some(root) } else { None }
}

fn object_mut(value: &mut Value) -> Option<&mut Object> {
    if let Value::Object(object) = value { Some(object) } else { None }
}

impl Shown {
    /// What stands at a place: pointers step through objects only.
    pub fn at(&self, at: &Pointer) -> Shown {
        match self {
            _ if at.is_root() => self.clone(),
            Shown::Json(value) => {
                let place = at.0.iter().try_fold(value, |value, name| value.member(name));
                place.map_or(Shown::Absent, |value| Shown::Json(value.clone()))
            }
            Shown::Bytes(_) | Shown::Absent => Shown::Absent,
            Shown::BodyMissing => Shown::BodyMissing,
        }
    }
}
