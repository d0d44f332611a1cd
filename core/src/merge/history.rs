//! The writes to one entity in order, and which of them each has seen.
//!
//! Writes that follow one another form chains. Who has seen a write has seen its chain up to there, so what was seen is
//! one number per chain, and a long history is crossed chain by chain instead of write by write.

use alloc::collections::BinaryHeap;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use hashbrown::HashMap;

use super::entity::{Effect, Write};
use crate::op::body::Content;
use crate::op::id::OpId;
use crate::ordered::Map;
use crate::sort;

/// The writes to one entity, each once, in `ord` order; their places in it are how the rest of `merge` names them.
pub(super) struct History<'w> {
    writes: Vec<&'w Write<'w>>,
    nodes: Vec<Node>,
    chains: Vec<Chain>,
    /// How many writes no later one names yet.
    heads: usize,
}

/// Where a write stands.
struct Node {
    chain: usize,
    /// How many writes of its chain stand before it.
    position: usize,
    /// It has seen every write before this one, whatever else it has seen.
    floor: usize,
    is_named: bool,
}

/// Writes of which each names the one before as base.
#[derive(Default)]
struct Chain {
    writes: Vec<usize>,
    /// What its writes have seen of another chain, by that chain.
    links: Map<usize, Vec<Link>>,
}

/// From `position` on, the writes of a chain have seen another one up to and including `reach`.
struct Link {
    position: usize,
    reach: usize,
}

/// A set of writes that has, with each write, all that it has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Past {
    /// Every write before this one is in the set.
    floor: usize,
    /// How many writes of a chain, from its start, are in the set.
    counts: Map<usize, usize>,
}

impl Past {
    /// No writes.
    pub(super) const NOTHING: Past = Past { floor: 0, counts: Map::new() };

    /// Whether there are no writes in it.
    pub(super) fn is_empty(&self) -> bool {
        self.floor == 0 && self.counts.is_empty()
    }
}

/// What each write names, one list after the other.
#[derive(Default)]
struct Bases {
    items: Vec<usize>,
    ends: Vec<usize>,
}

impl Bases {
    fn push(&mut self, base: impl Iterator<Item = usize>) {
        let start = self.items.len();
        self.items.extend(base);
        sort::ascending(&mut self.items[start..]);
        let mut kept = start;
        for at in start..self.items.len() {
            if at == start || self.items[at] != self.items[kept - 1] {
                self.items[kept] = self.items[at];
                kept += 1;
            }
        }
        self.items.truncate(kept);
        self.ends.push(kept);
    }

    /// What a write names, in order and each once.
    fn of(&self, write: usize) -> &[usize] {
        let start = write.checked_sub(1).map_or(0, |previous| self.ends[previous]);
        &self.items[start..self.ends[write]]
    }

    /// Which write each continues the chain of, if any. The longer the history that is to come, the earlier a write
    /// chooses from what it names, so that long histories are few chains.
    fn previous(&self) -> Vec<Option<usize>> {
        let heights = self.heights();
        let mut choosing: Vec<usize> = (0..self.ends.len()).collect();
        sort::by_key(&mut choosing, |write| Reverse((heights[*write], *write)));
        let mut is_continued = vec![false; self.ends.len()];
        let mut previous = vec![None; self.ends.len()];
        for write in choosing {
            previous[write] = self.of(write).iter().rev().copied().find(|seen| !is_continued[*seen]);
            previous[write].into_iter().for_each(|seen| is_continued[seen] = true);
        }
        previous
    }

    /// How long the longest history after each write is.
    fn heights(&self) -> Vec<usize> {
        let mut heights = vec![0; self.ends.len()];
        for write in (0..self.ends.len()).rev() {
            for seen in self.of(write) {
                heights[*seen] = heights[*seen].max(heights[write] + 1);
            }
        }
        heights
    }
}

impl<'w> History<'w> {
    /// Orders writes. Equal ids are one write. Members of a base that are not there, or not earlier, are passed over.
    pub(super) fn of(writes: &'w [Write<'w>]) -> History<'w> {
        let mut ordered: Vec<&Write<'_>> = writes.iter().collect();
        sort::by_key(&mut ordered, |write| (write.hlc, (!planted!(TieByArrival)).then_some(write.id)));
        let size = ordered.len();
        let mut known: HashMap<OpId, usize> = HashMap::with_capacity(size);
        let mut bases = Bases::default();
        ordered.retain(|write| {
            let is_new = !known.contains_key(&write.id);
            if is_new {
                let is_blind = match write.content {
                    Content::Patch(_) => planted!(PatchBaseIgnored),
                    Content::Missing(_) => planted!(BodylessStopsSupersession),
                    _ => false,
                };
                bases.push(write.base.iter().filter(|_| !is_blind).filter_map(|id| known.get(&id).copied()));
                known.insert(write.id, known.len());
            }
            is_new
        });
        let mut history = History { writes: ordered, nodes: Vec::with_capacity(size), chains: Vec::new(), heads: 0 };
        for (write, previous) in bases.previous().into_iter().enumerate() {
            history.push(bases.of(write), previous);
        }
        history
    }

    fn push(&mut self, base: &[usize], previous: Option<usize>) {
        let this = self.nodes.len();
        let floor = self.floor(base);
        let chain = previous.map_or(self.chains.len(), |previous| self.nodes[previous].chain);
        if chain == self.chains.len() {
            self.chains.push(Chain::default());
        }
        let position = self.chains[chain].writes.len();
        for seen in base {
            let Node { chain: target, position: reach, .. } = self.nodes[*seen];
            if target != chain {
                self.chains[chain].link(target, Link { position, reach });
            }
            self.heads -= usize::from(!self.nodes[*seen].is_named);
            self.nodes[*seen].is_named = true;
        }
        self.heads += 1;
        self.chains[chain].writes.push(this);
        self.nodes.push(Node { chain, position, floor, is_named: false });
    }

    /// Who names every head has seen everything; who does not has seen what its base has.
    fn floor(&self, base: &[usize]) -> usize {
        let named_heads = base.iter().filter(|seen| !self.nodes[**seen].is_named).count();
        if named_heads == self.heads {
            return self.nodes.len();
        }
        let floors = base.iter().map(|seen| match self.nodes[*seen].floor {
            floor if floor == *seen => floor + 1,
            floor => floor,
        });
        floors.max().unwrap_or(0)
    }

    /// How many writes.
    pub(super) fn len(&self) -> usize {
        self.writes.len()
    }

    /// The write at a place.
    pub(super) fn write(&self, write: usize) -> &'w Write<'w> {
        self.writes[write]
    }

    /// Which chain a write stands in.
    pub(super) fn chain(&self, write: usize) -> usize {
        self.nodes[write].chain
    }

    /// All writes.
    pub(super) fn everything(&self) -> Past {
        Past { floor: self.writes.len(), counts: Map::new() }
    }

    /// Whether a set has a write.
    pub(super) fn contains(&self, past: &Past, write: usize) -> bool {
        let node = &self.nodes[write];
        write < past.floor || past.counts.get(&node.chain).is_some_and(|count| *count > node.position)
    }

    /// What a write has seen.
    pub(super) fn seen(&self, write: usize) -> Past {
        let mut past = Past::NOTHING;
        self.extend(&mut past, write);
        past
    }

    /// Whether `later` has seen `earlier`.
    pub(super) fn has_seen(&self, later: usize, earlier: usize) -> bool {
        let (node, target) = (&self.nodes[later], &self.nodes[earlier]);
        match () {
            () if earlier >= later => false,
            () if earlier < node.floor || target.chain == node.chain => true,
            () => self.contains(&self.seen(later), earlier),
        }
    }

    /// Adds to a set what a write has seen.
    ///
    /// The latest write not visited yet is visited first, so each chain is entered once, where it is seen furthest.
    pub(super) fn extend(&self, past: &mut Past, write: usize) {
        let Node { chain, position, floor, .. } = self.nodes[write];
        past.floor = past.floor.max(floor);
        if past.floor >= write {
            return;
        }
        let mut open = BinaryHeap::new();
        open.extend(position.checked_sub(1).map(|position| self.chains[chain].writes[position]));
        self.follow(chain, position, past, &mut open);
        while let Some(seen) = open.pop() {
            if !self.contains(past, seen) {
                let Node { chain, position, floor, .. } = self.nodes[seen];
                past.floor = past.floor.max(floor);
                past.counts.insert(chain, position + 1);
                self.follow(chain, position, past, &mut open);
            }
        }
    }

    /// Adds to `open` the last writes of other chains that a chain has seen at a position, but for those in `past`.
    fn follow(&self, chain: usize, position: usize, past: &Past, open: &mut BinaryHeap<usize>) {
        for (target, links) in &self.chains[chain].links {
            let after = links.partition_point(|link| link.position <= position);
            let last = after.checked_sub(1).map(|last| self.chains[*target].writes[links[last].reach]);
            open.extend(last.filter(|seen| !self.contains(past, *seen)));
        }
    }

    /// What all of `writes` have seen; nothing where there are none.
    pub(super) fn seen_by_all(&self, writes: impl IntoIterator<Item = usize>) -> Past {
        let seen = writes.into_iter().map(|write| self.seen(write));
        seen.reduce(|left, right| self.intersection(&left, &right)).unwrap_or_default()
    }

    fn intersection(&self, left: &Past, right: &Past) -> Past {
        let (low, high) = if left.floor <= right.floor { (left, right) } else { (right, left) };
        let counts = low.counts.iter().map(|(chain, count)| (*chain, (*count).min(self.count(high, *chain))));
        Past { floor: low.floor, counts: counts.filter(|(_, count)| *count > 0).collect() }
    }

    fn count(&self, past: &Past, chain: usize) -> usize {
        let counted = past.counts.get(&chain).copied().unwrap_or(0);
        counted.max(self.chains[chain].writes.partition_point(|write| *write < past.floor))
    }

    /// The effective writes that no other effective write has seen, in order.
    pub(super) fn frontier(&self) -> Vec<usize> {
        let is_effective = |write: &&usize| self.writes[**write].effect == Effect::Effective;
        let lasts = self.chains.iter().filter_map(|chain| chain.writes.iter().rev().find(is_effective));
        let mut lasts: Vec<usize> = lasts.copied().collect();
        sort::ascending(&mut lasts);
        let mut seen = Past::NOTHING;
        let mut frontier: Vec<usize> = Vec::new();
        for write in lasts.into_iter().rev() {
            if !self.contains(&seen, write) {
                self.extend(&mut seen, write);
                frontier.push(write);
            }
        }
        frontier.reverse();
        frontier
    }
}

impl Chain {
    fn link(&mut self, target: usize, link: Link) {
        let links = self.links.entry(target).or_default();
        if links.last().is_none_or(|last| last.reach < link.reach) {
            links.push(link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::header::Ids;
    use crate::op::id::Author;
    use crate::ordered::Set;
    use crate::time::Hlc;

    /// What each write names, in order, and what it has seen, found without any shortcut.
    struct Plain {
        bases: Vec<Vec<OpId>>,
        seen: Vec<Set<usize>>,
    }

    impl Plain {
        /// `base` chooses what a write names of those before it.
        fn new(len: usize, mut base: impl FnMut(usize) -> Vec<usize>) -> Plain {
            let mut plain = Plain { bases: Vec::new(), seen: Vec::new() };
            for write in 0..len {
                let base = base(write);
                let mut seen: Set<usize> = base.iter().copied().collect();
                seen.extend(base.iter().flat_map(|earlier| plain.seen[*earlier].iter().copied()));
                plain.bases.push(base.into_iter().map(id).collect());
                plain.seen.push(seen);
            }
            plain
        }

        fn writes(&self, effect: impl Fn(usize) -> Effect) -> Vec<Write<'_>> {
            let writes = self.bases.iter().enumerate().map(|(nth, base)| Write {
                id: id(nth),
                hlc: Hlc(1 + nth as u64),
                author: Author([0; 32]),
                base: Ids::Slice(base),
                effect: effect(nth),
                content: &Content::Void,
            });
            writes.collect()
        }
    }

    fn id(nth: usize) -> OpId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&nth.to_le_bytes());
        OpId(bytes)
    }

    /// Splitmix, so that every failure repeats.
    fn dice(seed: u64) -> impl FnMut(usize) -> usize {
        let mut state = seed;
        move |bound| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            ((mixed ^ (mixed >> 27)) % bound.max(1) as u64) as usize
        }
    }

    /// Histories of every density, from chains to crowds that hardly meet.
    fn any(seed: u64) -> Plain {
        let mut roll = dice(seed);
        let (len, near) = (2 + roll(40), 1 + roll(12));
        Plain::new(len, |write| {
            let names = if write == 0 { 0 } else { roll(4) };
            let reach = if roll(8) == 0 { write } else { near.min(write) };
            (0..names).map(|_| write - 1 - roll(reach)).collect()
        })
    }

    #[test]
    fn chains_know_what_walking_every_base_finds() {
        for seed in 0..400 {
            let plain = any(seed);
            let writes = plain.writes(|_| Effect::Effective);
            let history = History::of(&writes);
            for (later, seen) in plain.seen.iter().enumerate() {
                let past = history.seen(later);
                for earlier in 0..writes.len() {
                    let is_seen = seen.contains(&earlier);
                    assert_eq!(history.contains(&past, earlier), is_seen, "seed {seed}: {later} {earlier}");
                    assert_eq!(history.has_seen(later, earlier), is_seen, "seed {seed}: {later} {earlier}");
                }
            }
        }
    }

    #[test]
    fn pasts_are_sets() {
        for seed in 0..400 {
            let plain = any(seed);
            let writes = plain.writes(|_| Effect::Effective);
            let history = History::of(&writes);
            let mut roll = dice(seed);
            let some: Vec<usize> = (0..1 + roll(4)).map(|_| roll(writes.len())).collect();
            let common = history.seen_by_all(some.iter().copied());
            let mut union = Past::NOTHING;
            some.iter().for_each(|write| history.extend(&mut union, *write));
            for write in 0..writes.len() {
                let by_all = some.iter().all(|later| plain.seen[*later].contains(&write));
                let by_any = some.iter().any(|later| plain.seen[*later].contains(&write));
                assert_eq!(history.contains(&common, write), by_all, "seed {seed}: {some:?} {write}");
                assert_eq!(history.contains(&union, write), by_any, "seed {seed}: {some:?} {write}");
            }
        }
    }

    #[test]
    fn the_frontier_is_what_no_effective_write_has_seen() {
        for seed in 0..400 {
            let plain = any(seed);
            let is_effective = |write: usize| !(write as u64 + seed).is_multiple_of(3);
            let effect = |write| if is_effective(write) { Effect::Effective } else { Effect::Ineffective };
            let writes = plain.writes(effect);
            let effective = || (0..writes.len()).filter(|write| is_effective(*write));
            let frontier = effective().filter(|write| !effective().any(|later| plain.seen[later].contains(write)));
            assert_eq!(History::of(&writes).frontier(), frontier.collect::<Vec<_>>(), "seed {seed}");
        }
    }

    /// The length of a chain, or what a crowd did before somebody saw it all, costs a question nothing.
    #[test]
    fn long_histories_are_crossed_in_few_steps() {
        let diamonds = Plain::new(2_000, |write| match write {
            0 | 1 => Vec::new(),
            // One write that nobody ever names keeps every shortcut of seeing everything away.
            _ if write < 4 => alloc::vec![1],
            _ => alloc::vec![write / 2 * 2 - 1, write / 2 * 2 - 2],
        });
        let writes = diamonds.writes(|_| Effect::Effective);
        let history = History::of(&writes);
        assert_eq!(history.chains.len(), 3);
        let past = history.seen(1_999);
        assert_eq!((past.floor, past.counts.len()), (0, 2));
        assert!(!history.contains(&past, 0) && history.contains(&past, 1_997) && !history.contains(&past, 1_998));
    }

    #[test]
    fn unusable_bases_count_as_not_named() {
        let (known, unknown) = ([id(0), id(1)], [id(9), id(2)]);
        let write = |nth, base| Write {
            id: id(nth),
            hlc: Hlc(1 + nth as u64),
            author: Author([0; 32]),
            base: Ids::Slice(base),
            effect: Effect::Effective,
            content: &Content::Void,
        };
        // 0 names itself and a later write, 1 names a later write and one that is not there, and 0 comes twice.
        let writes = [write(1, &unknown[..]), write(0, &known), write(2, &known), write(0, &known)];
        let history = History::of(&writes);
        assert_eq!((history.len(), history.frontier()), (3, alloc::vec![2]));
        assert!(!history.has_seen(1, 0) && history.has_seen(2, 0));
    }
}
