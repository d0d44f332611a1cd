//! Names as numbers: every branch, collection and author is stored once and compared as an integer.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// Distinct values in the order in which they first came, each with its number.
#[derive(Debug, Clone, Default)]
pub struct Names<T> {
    values: Vec<T>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl<T: Hash + Eq> Names<T> {
    /// The value with this number.
    pub fn get(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    /// The number of a value, if it has one. `same` tells a stored value from others with its hash.
    pub fn find<Q: Hash + ?Sized>(&self, value: &Q, same: impl Fn(&T) -> bool) -> Option<u32> {
        let hash = self.hasher.hash_one(value);
        self.index.find(hash, |number| same(&self.values[*number as usize])).copied()
    }

    /// Gives a value its number. The value has none yet.
    pub fn add(&mut self, value: T) -> u32 {
        let number = self.values.len() as u32;
        let hash = self.hasher.hash_one(&value);
        self.values.push(value);
        let (values, hasher) = (&self.values, &self.hasher);
        self.index.insert_unique(hash, number, |number| hasher.hash_one(&values[*number as usize]));
        number
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All values, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.values.iter()
    }
}

impl Names<Box<str>> {
    /// The number of a text, given now if it has none.
    pub fn number(&mut self, text: &str) -> u32 {
        match self.find(text, |stored| **stored == *text) {
            Some(number) => number,
            None => self.add(text.into()),
        }
    }

    /// The number of a text, if it has one.
    pub fn find_text(&self, text: &str) -> Option<u32> {
        self.find(text, |stored| **stored == *text)
    }
}
