//! Iteration over chunks.

use alloc::vec;
use alloc::vec::Vec;
use core::mem;
use core::slice;

/// Entries of a map, ascending.
pub struct Iter<'a, K, V> {
    /// What is left of the chunk that is being gone through.
    pub(super) front: slice::Iter<'a, (K, V)>,
    /// Chunks of which none has been begun.
    pub(super) chunks: slice::Iter<'a, Vec<(K, V)>>,
    /// What is left of the chunk that is being gone through from behind.
    pub(super) back: slice::Iter<'a, (K, V)>,
}

impl<'a, K, V> Iter<'a, K, V> {
    /// Entries that stand in one chunk.
    pub(super) fn of(entries: &'a [(K, V)]) -> Iter<'a, K, V> {
        Iter { front: entries.iter(), chunks: [].iter(), back: [].iter() }
    }
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Iter { front: self.front.clone(), chunks: self.chunks.clone(), back: self.back.clone() }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<(&'a K, &'a V)> {
        loop {
            if let Some((key, value)) = self.front.next() {
                return Some((key, value));
            }
            self.front = match self.chunks.next() {
                Some(chunk) => chunk.iter(),
                None if self.back.len() == 0 => return None,
                None => mem::take(&mut self.back),
            };
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.front.len() + self.back.len(), None)
    }
}

impl<'a, K, V> DoubleEndedIterator for Iter<'a, K, V> {
    fn next_back(&mut self) -> Option<(&'a K, &'a V)> {
        loop {
            if let Some((key, value)) = self.back.next_back() {
                return Some((key, value));
            }
            self.back = match self.chunks.next_back() {
                Some(chunk) => chunk.iter(),
                None if self.front.len() == 0 => return None,
                None => mem::take(&mut self.front),
            };
        }
    }
}

/// The entries of a map, ascending, taken out of it.
pub struct IntoIter<K, V> {
    pub(super) front: vec::IntoIter<(K, V)>,
    pub(super) chunks: vec::IntoIter<Vec<(K, V)>>,
}

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        loop {
            if let Some(entry) = self.front.next() {
                return Some(entry);
            }
            self.front = self.chunks.next()?.into_iter();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.front.len(), None)
    }
}
