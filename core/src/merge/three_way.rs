//! Three-way merge of values: what two sides made of a common base, in one value.
//!
//! A place where one side changed nothing takes the other's value. Only where both changed the same place, to different
//! values, is there a conflict, and then every side of it is kept beside the merged value.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::json_diff::guarded_diff;
use super::json_patch::JsonPatch;
use crate::op::json::{Object, Value, text};
use crate::op::pointer::Pointer;
use crate::ordered::Map;

/// The lists whose items have an identity: the member that holds it, by the place of the list. Places step through
/// objects only.
pub type ListKeys = Map<Pointer, String>;

/// What holds inside the items of a list: no place there steps through objects only.
static NO_LISTS: ListKeys = Map::new();

/// What [`merge3`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge3 {
    /// Every change that only one side made. A conflict shows the local value here, or the remote one where local
    /// removed it: an edit stands before a removal.
    pub merged: Value,
    /// The places that both sides changed, to different values.
    pub conflicts: Vec<Conflict3>,
    /// What to do to the local value to get the merged one, with a `test` before each replacement and removal.
    pub patch: JsonPatch,
}

/// A place that both sides changed, with what stands there in each; none where nothing does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict3 {
    /// The place in the merged value.
    pub at: Pointer,
    /// What both sides saw.
    pub base: Option<Value>,
    /// What the local side made of it.
    pub local: Option<Value>,
    /// What the remote side made of it.
    pub remote: Option<Value>,
}

/// Merges two values that come from one, or from nothing. Objects are merged by member, the lists of `lists` by item,
/// everything else as a whole.
///
/// A list is merged by item where its items in all three values are objects with distinct texts or numbers as their
/// identity. It keeps the order of the side that reordered it, else the local one, and new items stand behind the item
/// that they stood behind. Where both sides reordered it differently, the list is a conflict too, in local order.
pub fn merge3(base: Option<&Value>, local: &Value, remote: &Value, lists: &ListKeys) -> Merge3 {
    let mut merger = Merger { lists, at: Pointer::ROOT, conflicts: Vec::new() };
    let merged = merger.present(base, local, remote);
    let patch = guarded_diff(local, &merged);
    Merge3 { merged, conflicts: merger.conflicts, patch }
}

struct Merger<'a> {
    lists: &'a ListKeys,
    /// The place in the merged value.
    at: Pointer,
    conflicts: Vec<Conflict3>,
}

/// One place in the three values.
type Sides<'a> = [Option<&'a Value>; 3];

impl Merger<'_> {
    fn place(&mut self, sides: Sides<'_>) -> Option<Value> {
        match sides {
            [base, Some(local), Some(remote)] => Some(self.present(base, local, remote)),
            [base, local, remote] if local == remote || remote == base => local.cloned(),
            [base, local, remote] if local == base => remote.cloned(),
            [_, local, remote] => {
                self.conflict(sides);
                local.or(remote).cloned()
            }
        }
    }

    fn present(&mut self, base: Option<&Value>, local: &Value, remote: &Value) -> Value {
        match (base, local, remote) {
            _ if local == remote || Some(remote) == base => local.clone(),
            _ if Some(local) == base => remote.clone(),
            (None, Value::Object(local), Value::Object(remote)) => self.objects(&Object::new(), local, remote),
            (Some(Value::Object(base)), Value::Object(local), Value::Object(remote)) => {
                self.objects(base, local, remote)
            }
            _ => self.list_or_whole([base, Some(local), Some(remote)]).unwrap_or_else(|| local.clone()),
        }
    }

    /// The merged list; none, and a conflict, where the values are merged as a whole.
    fn list_or_whole(&mut self, sides: Sides<'_>) -> Option<Value> {
        match self.keyed(sides) {
            Some(lists) => Some(self.lists(&lists, sides)),
            None => {
                self.conflict(sides);
                None
            }
        }
    }

    fn objects(&mut self, base: &Object, local: &Object, remote: &Object) -> Value {
        let new = remote.iter().filter(|(name, _)| local.get(name).is_none());
        let names = local.iter().chain(new).map(|(name, _)| name);
        let members = names.filter_map(|name| {
            let sides = [base.get(name), local.get(name), remote.get(name)];
            self.below(name, |merger| merger.place(sides)).map(|value| (name, value))
        });
        Value::object(members.collect::<Vec<_>>())
    }

    fn lists(&mut self, [base, local, remote]: &[Keyed<'_>; 3], sides: Sides<'_>) -> Value {
        if reorders_differ(base, local, remote) {
            self.conflict(sides);
        }
        let lists = core::mem::replace(&mut self.lists, &NO_LISTS);
        let order = merged_order(base, local, remote);
        let items = order.iter().enumerate().filter_map(|(index, key)| {
            let sides = [base, local, remote].map(|list| list.items.get(*key).copied());
            self.below(&index.to_string(), |merger| merger.place(sides))
        });
        let merged = Value::Array(items.collect());
        self.lists = lists;
        merged
    }

    /// The three lists by identity, if this place is declared as such a list and all of them are one.
    fn keyed<'v>(&self, sides: Sides<'v>) -> Option<[Keyed<'v>; 3]> {
        let member = self.lists.get(&self.at)?;
        let [base, local, remote] =
            sides.map(|side| side.map_or(Some(Keyed::default()), |side| Keyed::new(side, member)));
        Some([base?, local?, remote?])
    }

    fn conflict(&mut self, sides: Sides<'_>) {
        let [base, local, remote] = sides.map(Option::<&Value>::cloned);
        self.conflicts.push(Conflict3 { at: self.at.clone(), base, local, remote });
    }

    fn below<T>(&mut self, token: &str, merge: impl FnOnce(&mut Self) -> T) -> T {
        self.at.0.push(token.into());
        let merged = merge(self);
        self.at.0.pop();
        merged
    }
}

/// A list by the identity of its items, which is the JCS text of a member.
#[derive(Default)]
struct Keyed<'a> {
    order: Vec<String>,
    items: Map<String, &'a Value>,
}

impl<'a> Keyed<'a> {
    fn new(list: &'a Value, member: &str) -> Option<Keyed<'a>> {
        let mut keyed = Keyed::default();
        for item in list.as_array()? {
            let identity = item.member(member).filter(|id| matches!(id, Value::String(_) | Value::Number(_)))?;
            let identity = text(identity);
            keyed.order.push(identity.clone());
            if keyed.items.insert(identity, item).is_some() {
                return None;
            }
        }
        Some(keyed)
    }

    fn has(&self, key: &str) -> bool {
        self.items.contains_key(key)
    }

    /// The keys that `is_kept`, in order.
    fn order_of(&self, is_kept: impl Fn(&str) -> bool) -> Vec<&str> {
        self.order.iter().map(String::as_str).filter(|key| is_kept(key)).collect()
    }
}

/// Whether a side changed the order of the items that all three have: (local, remote).
fn reorders(base: &Keyed<'_>, local: &Keyed<'_>, remote: &Keyed<'_>) -> (bool, bool) {
    let in_all = |key: &str| base.has(key) && local.has(key) && remote.has(key);
    let order = base.order_of(in_all);
    (local.order_of(in_all) != order, remote.order_of(in_all) != order)
}

fn reorders_differ(base: &Keyed<'_>, local: &Keyed<'_>, remote: &Keyed<'_>) -> bool {
    let in_all = |key: &str| base.has(key) && local.has(key) && remote.has(key);
    reorders(base, local, remote) == (true, true) && local.order_of(in_all) != remote.order_of(in_all)
}

/// The keys of the merged list in order: those of the leading side, with the other's own behind what they stood behind.
fn merged_order<'a>(base: &'a Keyed<'_>, local: &'a Keyed<'_>, remote: &'a Keyed<'_>) -> Vec<&'a str> {
    let stays = |key: &str| match (base.items.get(key), local.items.get(key), remote.items.get(key)) {
        (_, Some(_), Some(_)) => true,
        (base, kept, None) | (base, None, kept) => kept.is_some() && kept != base,
    };
    let (lead, other) = if reorders(base, local, remote) == (false, true) { (remote, local) } else { (local, remote) };
    let mut behind: Map<Option<&str>, Vec<&str>> = Map::new();
    let mut last = None;
    for key in other.order_of(stays) {
        if lead.has(key) { last = Some(key) } else { behind.entry(last).or_default().push(key) }
    }
    let mut order = Vec::new();
    let mut waiting = behind.remove(&None).unwrap_or_default();
    for key in lead.order_of(stays) {
        if other.has(key) {
            order.append(&mut waiting);
            waiting = behind.remove(&Some(key)).unwrap_or_default();
        }
        order.push(key);
    }
    order.append(&mut waiting);
    order
}
