//! The map.

use alloc::vec::Vec;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::mem;
use core::ops::{Bound, Index, RangeBounds};

use super::{Entry, IntoIter, Iter};

/// About how many bytes a chunk has.
const CHUNK_BYTES: usize = 2048;

/// A map in the order of its keys. Equal maps have equal entries, however they came about.
#[derive(Clone)]
pub struct Map<K, V> {
    /// The first chunk; empty only if there is no other one.
    pub(super) head: Vec<(K, V)>,
    /// The chunks after it, none of them empty.
    pub(super) tail: Vec<Vec<(K, V)>>,
    len: usize,
}

/// A place among the entries: one's own, or the one before which it would stand.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Which chunk, the head being 0.
    chunk: usize,
    at: usize,
}

impl<K, V> Map<K, V> {
    /// How many entries a chunk has at most.
    pub(super) const CHUNK: usize = match CHUNK_BYTES / (size_of::<(K, V)>() + 1) {
        ..64 => 64,
        256.. => 256,
        count => count,
    };

    /// A map without entries. It takes no memory.
    pub const fn new() -> Map<K, V> {
        Map { head: Vec::new(), tail: Vec::new(), len: 0 }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Takes all entries out.
    pub fn clear(&mut self) {
        *self = Map::new();
    }

    /// The entries, ascending.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { front: self.head.iter(), chunks: self.tail.iter(), back: [].iter() }
    }

    /// The keys, ascending.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// The values, ascending by key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// The keys, ascending, without their values.
    pub fn into_keys(self) -> impl Iterator<Item = K> {
        self.into_iter().map(|(key, _)| key)
    }

    /// The values, ascending by key, without their keys.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }

    /// The entry of the smallest key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.head.first().map(|(key, value)| (key, value))
    }

    /// The entry of the greatest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.tail.last().unwrap_or(&self.head).last().map(|(key, value)| (key, value))
    }

    /// The value of the greatest key.
    pub fn last_value_mut(&mut self) -> Option<&mut V> {
        self.tail.last_mut().unwrap_or(&mut self.head).last_mut().map(|(_, value)| value)
    }

    /// Takes out the entry of the smallest key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.is_empty()).then(|| self.remove_at(Place { chunk: 0, at: 0 }))
    }

    /// Takes out every entry that `is_kept` is false for.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&K, &mut V) -> bool) {
        let mut left = Map::new();
        for chunk in core::iter::once(&mut self.head).chain(&mut self.tail) {
            chunk.retain_mut(|(key, value)| is_kept(key, value));
            left.push_chunk(mem::take(chunk));
        }
        *self = left;
    }

    fn push_chunk(&mut self, chunk: Vec<(K, V)>) {
        let is_first = self.is_empty();
        self.len += chunk.len();
        match is_first {
            true => self.head = chunk,
            false if !chunk.is_empty() => self.tail.push(chunk),
            false => {}
        }
    }

    fn chunk(&self, chunk: usize) -> &[(K, V)] {
        match chunk {
            0 => &self.head,
            _ => &self.tail[chunk - 1],
        }
    }

    fn chunk_mut(&mut self, chunk: usize) -> &mut Vec<(K, V)> {
        match chunk {
            0 => &mut self.head,
            _ => &mut self.tail[chunk - 1],
        }
    }

    pub(super) fn value_at(&mut self, place: Place) -> &mut V {
        &mut self.chunk_mut(place.chunk)[place.at].1
    }

    /// The place behind the last entry.
    fn end(&self) -> Place {
        Place { chunk: self.tail.len(), at: self.chunk(self.tail.len()).len() }
    }

    /// Puts an entry at a place, and returns its value.
    #[inline(never)]
    pub(super) fn insert_at(&mut self, place: Place, entry: (K, V)) -> &mut V {
        let Place { mut chunk, mut at } = place;
        let is_last = chunk == self.tail.len();
        let full = self.chunk_mut(chunk);
        if full.len() == Self::CHUNK {
            // Chunks that are filled in ascending order stay full; else both halves have room.
            let half = if is_last && at == Self::CHUNK { at } else { Self::CHUNK / 2 };
            let right = full.split_off(half);
            self.tail.insert(chunk, right);
            if at >= half {
                (chunk, at) = (chunk + 1, at - half);
            }
        }
        self.len += 1;
        &mut self.chunk_mut(chunk).insert_mut(at, entry).1
    }

    #[inline(never)]
    fn remove_at(&mut self, place: Place) -> (K, V) {
        self.len -= 1;
        let chunk = self.chunk_mut(place.chunk);
        let entry = chunk.remove(place.at);
        if chunk.is_empty() && !self.tail.is_empty() {
            match place.chunk {
                0 => self.head = self.tail.remove(0),
                _ => drop(self.tail.remove(place.chunk - 1)),
            }
        }
        entry
    }
}

impl<K: Ord, V> Map<K, V> {
    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The entry of a key.
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let Place { chunk, at } = self.find(key).ok()?;
        self.chunk(chunk).get(at).map(|(key, value)| (key, value))
    }

    /// The value of a key, to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(self.value_at(place))
    }

    /// Whether a key has a value.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Gives a key a value, and returns the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => Some(mem::replace(self.value_at(place), value)),
            Err(place) => {
                self.insert_at(place, (key, value));
                None
            }
        }
    }

    /// Gives a key a value: at once, where it is behind all others.
    pub(super) fn add(&mut self, key: K, value: V) {
        match self.last_key_value() {
            Some((last, _)) if *last >= key => {
                self.insert(key, value);
            }
            _ => {
                self.insert_at(self.end(), (key, value));
            }
        }
    }

    /// Takes the value of a key out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(self.remove_at(place).1)
    }

    /// The place of a key, to look at it and to fill it where it is empty.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        let place = self.find(&key);
        Entry { map: self, key, place }
    }

    /// The entries of a range of keys, ascending; none where it ends before it begins.
    pub fn range<Q: Ord + ?Sized, R: RangeBounds<Q>>(&self, range: R) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let from = match range.start_bound() {
            Bound::Included(key) => self.bound(key, false),
            Bound::Excluded(key) => self.bound(key, true),
            Bound::Unbounded => Place { chunk: 0, at: 0 },
        };
        let to = match range.end_bound() {
            Bound::Included(key) => self.bound(key, true),
            Bound::Excluded(key) => self.bound(key, false),
            Bound::Unbounded => self.end(),
        };
        self.between(from, to)
    }

    /// The place before or behind a key.
    fn bound<Q: Ord + ?Sized>(&self, key: &Q, is_behind: bool) -> Place
    where
        K: Borrow<Q>,
    {
        match self.find(key) {
            Ok(Place { chunk, at }) => Place { chunk, at: at + usize::from(is_behind) },
            Err(place) => place,
        }
    }

    /// The place of a key, or the one where it would stand. The branches let a processor fetch ahead what it compares next.
    #[inline(never)]
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Place, Place>
    where
        K: Borrow<Q>,
    {
        let (mut chunk, mut after) = (0, self.tail.len());
        while chunk < after {
            let middle = (chunk + after) / 2;
            match self.tail[middle].first() {
                Some((first, _)) if first.borrow() <= key => chunk = middle + 1,
                _ => after = middle,
            }
        }
        let entries = self.chunk(chunk);
        let (mut at, mut after) = (0, entries.len());
        while at < after {
            let middle = (at + after) / 2;
            match entries[middle].0.borrow().cmp(key) {
                Ordering::Less => at = middle + 1,
                Ordering::Equal => return Ok(Place { chunk, at: middle }),
                Ordering::Greater => after = middle,
            }
        }
        Err(Place { chunk, at })
    }
}

impl<K, V> Map<K, V> {
    fn between(&self, from: Place, to: Place) -> Iter<'_, K, V> {
        let (first, last) = (self.chunk(from.chunk), self.chunk(to.chunk));
        match from.chunk.cmp(&to.chunk) {
            Ordering::Less => Iter {
                front: first[from.at..].iter(),
                chunks: self.tail[from.chunk..to.chunk - 1].iter(),
                back: last[..to.at].iter(),
            },
            Ordering::Equal => Iter::of(first.get(from.at..to.at).unwrap_or_default()),
            Ordering::Greater => Iter::of(&[]),
        }
    }
}

impl<K: Ord + Borrow<Q>, V, Q: Ord + ?Sized> Index<&Q> for Map<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the key has a value")
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Map<K, V> {
        Map::new()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Map<K, V>) -> bool {
        self.iter().eq(other)
    }
}

impl<K: Eq, V: Eq> Eq for Map<K, V> {}

impl<K: PartialOrd, V: PartialOrd> PartialOrd for Map<K, V> {
    fn partial_cmp(&self, other: &Map<K, V>) -> Option<Ordering> {
        self.iter().partial_cmp(other)
    }
}

impl<K: Ord, V: Ord> Ord for Map<K, V> {
    fn cmp(&self, other: &Map<K, V>) -> Ordering {
        self.iter().cmp(other)
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Ord, V> Extend<(K, V)> for Map<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.add(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Map<K, V> {
        let mut map = Map::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for Map<K, V> {
    fn from(entries: [(K, V); N]) -> Map<K, V> {
        entries.into_iter().collect()
    }
}

impl<K, V> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> IntoIter<K, V> {
        IntoIter { front: self.head.into_iter(), chunks: self.tail.into_iter() }
    }
}

impl<'a, K, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

#[cfg(feature = "surface")]
impl<K: serde::Serialize, V: serde::Serialize> serde::Serialize for Map<K, V> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}
