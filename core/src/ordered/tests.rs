//! The map and the set, beside those of the standard library.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Bound;

use super::{Map, Set};

/// The dice of a seed: each roll is below the given number.
fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// A value that makes chunks as small as they become.
type Wide = [u64; 16];

fn wide(value: u64) -> Wide {
    [value; 16]
}

/// Whether all chunks are as they should be.
fn ensure_sound<K: Ord, V>(map: &Map<K, V>) {
    let chunks: Vec<&Vec<(K, V)>> = core::iter::once(&map.head).chain(&map.tail).collect();
    assert!(map.tail.iter().all(|chunk| !chunk.is_empty()) && (!map.head.is_empty() || map.tail.is_empty()));
    assert!(chunks.iter().all(|chunk| chunk.len() <= Map::<K, V>::CHUNK));
    assert!(map.iter().map(|(key, _)| key).is_sorted_by(|left, right| left < right));
    assert_eq!(map.len(), chunks.iter().map(|chunk| chunk.len()).sum::<usize>());
}

fn expect_equal(map: &Map<u64, Wide>, model: &BTreeMap<u64, Wide>) {
    ensure_sound(map);
    assert!(map.iter().eq(model));
    assert!(map.iter().rev().eq(model.iter().rev()));
    assert!(map.keys().eq(model.keys()) && map.values().rev().eq(model.values().rev()));
    assert!(map.clone().into_iter().eq(model.clone()));
    assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
    assert!(map.iter().size_hint().0 <= model.len() && map.clone().into_iter().size_hint().0 <= model.len());
    assert_eq!(map.first_key_value(), model.first_key_value());
    assert_eq!(map.last_key_value(), model.last_key_value());
}

#[test]
fn any_steps_leave_what_a_tree_would_have() {
    for seed in 0..12 {
        let mut roll = dice(seed);
        let (mut map, mut model) = (Map::new(), BTreeMap::new());
        let (keys, growth) = ([40, 300, 3_000][seed as usize % 3], 4 + seed % 4);
        for step in 0..12_000 {
            let key = roll(keys);
            // It grows in the first half and shrinks in the second.
            let is_growing = roll(10) < if step < 6_000 { growth } else { 9 - growth };
            match (is_growing, roll(8)) {
                (true, 0) => {
                    *map.entry(key).or_insert_with(|| wide(1)) = wide(step);
                    *model.entry(key).or_insert_with(|| wide(1)) = wide(step);
                }
                (true, 1) => assert_eq!(map.entry(key).or_default(), model.entry(key).or_default()),
                (true, 2) => assert_eq!(map.entry(key).or_insert(wide(9)), model.entry(key).or_insert(wide(9))),
                (true, _) => assert_eq!(map.insert(key, wide(step)), model.insert(key, wide(step)), "seed {seed}"),
                (false, 0) => assert_eq!(map.pop_first(), model.pop_first(), "seed {seed}"),
                (false, 1) => assert_eq!(map.get_mut(&key), model.get_mut(&key)),
                (false, 2) => assert_eq!(map.last_value_mut(), model.last_entry().as_mut().map(|last| last.get_mut())),
                (false, _) => assert_eq!(map.remove(&key), model.remove(&key), "seed {seed}"),
            }
            let asked = roll(keys);
            assert_eq!(map.get_key_value(&asked), model.get_key_value(&asked), "seed {seed}");
            assert_eq!(map.contains_key(&asked), model.contains_key(&asked), "seed {seed}");
            if step % 1_000 == 999 {
                expect_equal(&map, &model);
            }
        }
    }
}

#[test]
fn chunks_go_when_they_become_empty() {
    for seed in 0..12 {
        let mut roll = dice(seed);
        let mut map: Map<u64, Wide> = (0..200).map(|key| (key, wide(key))).collect();
        let mut left: Vec<u64> = (0..200).collect();
        while !left.is_empty() {
            let at = [0, left.len() - 1, roll(left.len() as u64) as usize][seed as usize % 3];
            let key = left.remove(at);
            assert_eq!(map.remove(&key), Some(wide(key)), "seed {seed}");
            ensure_sound(&map);
            assert!(map.keys().eq(&left), "seed {seed}");
        }
        assert_eq!((map.pop_first(), map.remove(&0)), (None, None));
    }
}

#[test]
fn entries_that_are_not_kept_go_from_all_chunks() {
    for seed in 0..50 {
        let mut roll = dice(seed);
        let mut model: BTreeMap<u64, Wide> = (0..roll(700)).map(|value| (roll(2_000), wide(value))).collect();
        let mut map: Map<u64, Wide> = model.clone().into_iter().collect();
        // Runs of keys, so that whole chunks become empty.
        let (from, to, odd) = (roll(1_000), roll(2_000), 1 + roll(3));
        map.retain(|key, _| (from..to).contains(key) && key % odd == 0);
        model.retain(|key, _| (from..to).contains(key) && key % odd == 0);
        expect_equal(&map, &model);
        map.insert(1_000, wide(0));
        model.insert(1_000, wide(0));
        expect_equal(&map, &model);
        map.clear();
        expect_equal(&map, &BTreeMap::new());
    }
}

#[test]
fn ranges_are_those_of_a_tree() {
    for seed in 0..20 {
        let mut roll = dice(seed);
        let (mut map, mut model) = (Map::new(), BTreeMap::new());
        for _ in 0..[10, 100, 1_000][seed as usize % 3] {
            let key = 2 * roll(1_000);
            map.insert(key, wide(key));
            model.insert(key, wide(key));
        }
        for _ in 0..1_000 {
            let (from, to) = (roll(2_010), roll(2_010));
            let [from, to] = [from.min(to), from.max(to)];
            assert!(map.range(from..to).eq(model.range(from..to)), "seed {seed}: {from}..{to}");
            assert!(map.range(from..=to).rev().eq(model.range(from..=to).rev()), "seed {seed}: {from}..={to}");
            assert!(map.range(..to).eq(model.range(..to)) && map.range(from..).rev().eq(model.range(from..).rev()));
            let behind = (Bound::Excluded(from), Bound::Included(to));
            assert!(map.range(behind).eq(model.range(behind)), "seed {seed}: {from} {to}");
            assert!(from == to || map.range(to..from).next().is_none());
        }
        assert!(map.range::<u64, _>(..).eq(&model));
    }
}

#[test]
fn both_ends_meet() {
    let map: Map<u64, Wide> = (0..300).map(|key| (key, wide(key))).collect();
    for seed in 0..20 {
        let (mut roll, mut entries, mut left) = (dice(seed), map.iter(), 0..300);
        while !left.is_empty() {
            assert!(entries.size_hint().0 <= left.size_hint().0);
            match roll(2) {
                0 => assert_eq!(entries.next().map(|(key, _)| *key), left.next()),
                _ => assert_eq!(entries.next_back().map(|(key, _)| *key), left.next_back()),
            }
        }
        assert_eq!((entries.clone().next(), entries.next_back()), (None, None));
    }
}

#[test]
fn chunks_are_full_after_ascending_and_at_least_half_full_after_other_insertions() {
    let chunk = Map::<u64, Wide>::CHUNK;
    let ascending: Map<u64, Wide> = (0..10_000).map(|key| (key, wide(key))).collect();
    assert_eq!(ascending.tail.len(), (10_000 - 1) / chunk);
    let descending: Map<u64, Wide> = (0..10_000).rev().map(|key| (key, wide(key))).collect();
    let mut roll = dice(1);
    let any: Map<u64, Wide> = (0..10_000).map(|key| (roll(1 << 31), wide(key))).collect();
    for map in [&ascending, &descending, &any] {
        ensure_sound(map);
        assert!(map.tail.len() <= 2 * map.len() / chunk);
    }
    assert_eq!(ascending, descending);
    assert!(ascending.tail.len() < descending.tail.len(), "equality knows no chunks");
}

#[test]
fn maps_compare_as_lists_of_their_entries() {
    let mut roll = dice(7);
    let any =
        |roll: &mut dyn FnMut(u64) -> u64| -> BTreeMap<u64, u64> { (0..roll(4)).map(|_| (roll(3), roll(3))).collect() };
    for _ in 0..2_000 {
        let (left, right) = (any(&mut roll), any(&mut roll));
        let ours = [&left, &right].map(|model| model.iter().map(|(key, value)| (*key, *value)).collect::<Map<_, _>>());
        assert_eq!((ours[0] == ours[1], ours[0].cmp(&ours[1])), (left == right, left.cmp(&right)));
        assert_eq!(ours[0].partial_cmp(&ours[1]), left.partial_cmp(&right));
        assert_eq!(alloc::format!("{:?}", ours[0]), alloc::format!("{left:?}"));
    }
}

#[test]
fn a_later_value_of_a_key_counts() {
    let map = Map::from([("b", 1), ("a", 2), ("b", 3)]);
    assert_eq!((map["a"], map["b"], map.len()), (2, 3, 2));
    assert_eq!(map.clone().into_keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(map.into_values().collect::<Vec<_>>(), [2, 3]);
    let texts: Map<String, u64> = [("x".to_string(), 1)].into();
    assert_eq!((texts.get("x"), texts.get("y")), (Some(&1), None));
}

#[test]
fn a_set_has_the_members_of_a_tree() {
    for seed in 0..6 {
        let mut roll = dice(seed);
        let (mut set, mut model) = (Set::new(), BTreeSet::new());
        for _ in 0..8_000 {
            let key = roll([30, 3_000][seed as usize % 2]) as u32;
            match roll(5) {
                0 => assert_eq!(set.remove(&key), model.remove(&key)),
                1 if roll(4) == 0 => assert_eq!(set.pop_first(), model.pop_first()),
                _ => assert_eq!(set.insert(key), model.insert(key)),
            }
            assert_eq!((set.first(), set.last(), set.contains(&9)), (model.first(), model.last(), model.contains(&9)));
        }
        assert!(
            set.iter().eq(&model) && set.iter().rev().eq(model.iter().rev()) && set.range(7..).eq(model.range(7..))
        );
        assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
        assert_eq!(alloc::format!("{set:?}"), alloc::format!("{model:?}"));
        set.retain(|key| key % 3 == 0);
        model.retain(|key| key % 3 == 0);
        set.extend(&[1, 2, 1]);
        model.extend(&[1, 2, 1]);
        assert!(set.clone().into_iter().eq(model));
        assert_eq!(set, set.iter().rev().copied().collect());
        set.clear();
        assert_eq!((set.iter().next(), Set::from([2, 1]).into_iter().collect::<Vec<_>>()), (None, [1, 2].into()));
    }
}
