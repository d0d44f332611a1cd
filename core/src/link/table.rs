//! Values that are written whole where they first come, and from then on as the distance back to them.
//!
//! So a table needs no place of its own in a frame, and there is one way to write a value.

use alloc::vec::Vec;
use core::hash::Hash;

use hashbrown::HashMap;

/// Distinct values in the order in which they came.
#[derive(Debug)]
pub(in crate::link) struct Table<T> {
    values: Vec<T>,
    index: HashMap<T, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table { values: Vec::new(), index: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Table<T> {
    /// How many values came after `value`; none where it did not come.
    pub(in crate::link) fn distance(&self, value: &T) -> Option<u64> {
        self.index.get(value).map(|at| (self.values.len() - 1 - at) as u64)
    }

    /// The distance back to a value; where there is none, the value is known from now on.
    pub(in crate::link) fn refer(&mut self, value: T) -> Option<u64> {
        let distance = self.distance(&value);
        self.add(value);
        distance
    }

    /// The value after which `distance` values came.
    pub(in crate::link) fn back(&self, distance: u64) -> Option<T> {
        let distance = usize::try_from(distance).ok()?;
        let at = self.values.len().checked_sub(1)?.checked_sub(distance)?;
        self.values.get(at).cloned()
    }

    /// Adds a value and gives it back; none where it came before.
    pub(in crate::link) fn add(&mut self, value: T) -> Option<T> {
        let at = self.values.len();
        if *self.index.entry(value.clone()).or_insert(at) != at {
            return None;
        }
        self.values.push(value.clone());
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_counts_the_values_that_came_after() {
        let mut table = Table::default();
        assert_eq!((table.back(0), table.distance(&'a')), (None, None));
        assert_eq!([table.add('a'), table.add('b'), table.add('a')], [Some('a'), Some('b'), None]);
        assert_eq!([table.distance(&'a'), table.distance(&'b')], [Some(1), Some(0)]);
        let back = [table.back(1), table.back(0), table.back(2), table.back(u64::MAX)];
        assert_eq!(back, [Some('a'), Some('b'), None, None]);
    }
}
