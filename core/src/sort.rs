//! Sorting by one routine for all types.
//!
//! The standard library makes some 5 kB of code for every type and order that is sorted, which a browser has to load. Here
//! one routine sorts positions, and what is made for each type only compares and swaps. Lists that are long where speed
//! counts, such as the ops of a batch, are sorted by the standard library still.

use alloc::vec::Vec;
use core::cmp::Ordering;

/// Lists up to this long are sorted in place, without positions.
const SHORT: usize = 16;

/// Sorts a list, ascending; what is equal keeps its order.
pub(crate) fn ascending<T: Ord>(items: &mut [T]) {
    by(items, T::cmp);
}

/// Sorts a list by a key of its items, ascending; what is equal keeps its order.
pub(crate) fn by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    by(items, |left, right| key(left).cmp(&key(right)));
}

/// Sorts a list by an order of its items; what is equal keeps its order.
pub(crate) fn by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    if items.len() <= SHORT {
        return insert_each(items, compare);
    }
    let mut order = order(items.len(), &|left, right| compare(&items[left], &items[right]));
    arrange(items, &mut order);
}

fn insert_each<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    for len in 1..items.len() {
        let mut at = len;
        while at > 0 && compare(&items[at - 1], &items[at]) == Ordering::Greater {
            items.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// The positions of a list in the order of its items.
#[inline(never)]
fn order(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    order.sort_by(|left, right| compare(*left, *right));
    order
}

/// Moves to every place what lies at the position that is named for it.
fn arrange<T>(items: &mut [T], order: &mut [usize]) {
    for start in 0..order.len() {
        let mut at = start;
        loop {
            let from = core::mem::replace(&mut order[at], at);
            if from == start {
                break;
            }
            items.swap(at, from);
            at = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_every_length_are_sorted_and_equals_keep_their_order() {
        let mut random: u64 = 7;
        for len in 0..200 {
            let mut items: Vec<(u64, usize)> = Vec::new();
            for at in 0..len {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                items.push(((random >> 40) % (1 + len as u64 / 2), at));
            }
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            by_key(&mut items, |(key, _)| *key);
            assert_eq!(items, expected, "length {len}");
            items.reverse();
            ascending(&mut items);
            assert_eq!(items, expected, "length {len}, reversed");
        }
    }
}
