//! The members of a JSON object, kept in the order in which they are written.
//!
//! The order is RFC 8785's, so looking a name up is a binary search and writing needs no sorting.

use alloc::string::String;
use alloc::vec::{self, Vec};
use core::cmp::Ordering;

use super::Value;
use crate::sort;

/// Members in JCS order: ascending by the UTF-16 code units of their names, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    members: Vec<(String, Value)>,
}

impl Object {
    /// No members.
    pub fn new() -> Object {
        Object::default()
    }

    /// All of `members`, in any order, at the cost of one sort.
    ///
    /// # Errors
    /// A name that comes more than once.
    pub fn from_members(mut members: Vec<(String, Value)>) -> Result<Object, String> {
        sort::by(&mut members, |(left, _), (right, _)| utf16_order(left, right));
        Object::from_ordered(members).map_err(|mut members| {
            let twice = members.windows(2).position(|pair| pair[0].0 == pair[1].0);
            members.swap_remove(twice.unwrap_or(0)).0
        })
    }

    /// All of `members`, in any order, and of equal names the last.
    fn of_last(mut members: Vec<(String, Value)>) -> Object {
        members.reverse();
        sort::by(&mut members, |(left, _), (right, _)| utf16_order(left, right));
        members.dedup_by(|later, first| later.0 == first.0);
        Object { members }
    }

    /// All of `members` if they stand in JCS order, each name once; else they are handed back.
    pub(super) fn from_ordered(members: Vec<(String, Value)>) -> Result<Object, Vec<(String, Value)>> {
        let is_ordered = members.windows(2).all(|pair| utf16_order(&pair[0].0, &pair[1].0) == Ordering::Less);
        if is_ordered { Ok(Object { members }) } else { Err(members) }
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.find(name).ok().map(|at| &self.members[at].1)
    }

    /// The value of a member, to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.find(name).ok().map(|at| &mut self.members[at].1)
    }

    /// Sets a member and returns what it was. Shifts the members behind it: for many at once take
    /// [`Object::from_members`] or collect.
    pub fn insert(&mut self, name: String, value: Value) -> Option<Value> {
        match self.find(&name) {
            Ok(at) => Some(core::mem::replace(&mut self.members[at].1, value)),
            Err(at) => {
                self.members.insert(at, (name, value));
                None
            }
        }
    }

    /// The value of a member, to change; a new one is an empty object.
    pub fn object_entry(&mut self, name: &str) -> &mut Value {
        let at = self.find(name).unwrap_or_else(|at| {
            self.members.insert(at, (name.into(), Value::Object(Object::new())));
            at
        });
        &mut self.members[at].1
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.find(name).ok().map(|at| self.members.remove(at).1)
    }

    /// The members in JCS order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.members.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.members.binary_search_by(|(member, _)| utf16_order(member, name))
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Object {
    /// The last of equal names stays; the strict reader refuses them before this.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(members: I) -> Object {
        Object::of_last(members.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// RFC 8785 §3.2.3: names are ordered by their UTF-16 code units. This differs from the order of UTF-8 bytes in one
/// thing: the characters beyond U+FFFF stand before those from U+E000 on.
fn utf16_order(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    match left.iter().zip(right).find(|(left, right)| left != right) {
        Some((left, right)) => utf16_rank(*left).cmp(&utf16_rank(*right)),
        None => left.len().cmp(&right.len()),
    }
}

/// Where two texts first differ, this decides: lead bytes of U+E000 to U+FFFF (0xee, 0xef) go behind 0xf0 to 0xf4.
fn utf16_rank(byte: u8) -> u8 {
    if matches!(byte, 0xee | 0xef) && !planted!(JcsSortedByUtf8) { byte + 8 } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_utf16_code_units() {
        let chars = "\0 a~\u{7f}\u{80}é\u{7ff}\u{800}\u{d7ff}\u{e000}\u{f000}\u{ffff}\u{10000}\u{1f600}\u{10ffff}";
        let mut texts: Vec<String> = chars.chars().map(String::from).collect();
        texts.push(String::new());
        let pairs: Vec<String> =
            texts.iter().flat_map(|a| texts.iter().map(move |b| alloc::format!("{a}{b}"))).collect();
        for left in &pairs {
            for right in &pairs {
                let expected = left.encode_utf16().cmp(right.encode_utf16());
                assert_eq!(utf16_order(left, right), expected, "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn the_last_of_equal_names_stays_when_collecting() {
        let object = Object::from_iter([("b", 1), ("a", 2), ("b", 3)]);
        assert_eq!(object.iter().collect::<Vec<_>>(), [("a", &Value::from(2)), ("b", &Value::from(3))]);
    }
}
