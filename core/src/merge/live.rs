//! Live parts: what no later write that saw it has overwritten.
//!
//! Places are walked from the root downwards, with the union of what the live overwrites above have seen: a part is
//! replaced if and only if it is in that union. Live overwrites suffice, since a replaced one was replaced by a write
//! that saw all that it had seen.

use alloc::vec::Vec;

use super::history::{History, Past};
use super::parts::{ByChain, ElementParts, Insert, Overwrite, Parts, PlaceParts, Written};
use crate::op::pointer::Pointer;
use crate::ordered::{Map, Set};
use crate::sort;

/// The writes of which the meaning is asked: a set that has all that its members have seen, some of them counting as
/// not written, though what they have seen stays seen.
pub(super) struct View<'v> {
    pub(super) history: &'v History<'v>,
    pub(super) parts: &'v Parts<'v>,
    pub(super) past: Past,
    pub(super) unwritten: Set<usize>,
}

/// The live parts in and around a place.
pub(super) struct Live<'v> {
    /// Ascending; a place without live parts and discards is left out.
    pub(super) places: Vec<LivePlace<'v>>,
    /// Whether a live write's body is not here.
    pub(super) is_bodyless: bool,
}

/// The live parts of one place.
pub(super) struct LivePlace<'v> {
    pub(super) at: &'v Pointer,
    /// In order. None of them has seen another.
    pub(super) overwrites: Vec<Overwrite<'v>>,
    pub(super) adds: Vec<(usize, i64)>,
    /// By write, then in the order of its list.
    pub(super) inserts: Vec<Insert<'v>>,
    /// By the JCS text of a value, which overwrites of the place have lost it.
    pub(super) discarded: Map<&'v str, Past>,
}

/// What the live overwrites at a place and above it have seen.
struct Shade<'v> {
    at: &'v Pointer,
    past: Past,
}

impl<'v> View<'v> {
    /// The live parts at a place, above it and below it.
    pub(super) fn live(&self, around: &Pointer) -> Live<'v> {
        let mut shades: Vec<Shade<'_>> = Vec::new();
        let mut places = Vec::new();
        let nothing = Past::NOTHING;
        let mut parts = self.parts.around(around).peekable();
        while let Some((at, here)) = parts.next() {
            while shades.last().is_some_and(|shade| !shade.at.is_prefix_of(at)) {
                shades.pop();
            }
            let above = shades.last().map_or(&nothing, |shade| &shade.past);
            let overwrites = self.live_overwrites(here, above);
            let has_below = parts.peek().is_some_and(|(below, _)| at.is_prefix_of(below));
            if !overwrites.is_empty() && (has_below || here.has_changes()) {
                let past = self.shade(above, &overwrites);
                shades.push(Shade { at, past });
            }
            let shade = shades.last().map_or(&nothing, |shade| &shade.past);
            places.push(self.live_place(at, here, overwrites, shade));
        }
        let is_bodyless = places.first().is_some_and(LivePlace::is_bodyless) || self.has_bodyless_patch();
        places.retain(|place| !place.is_empty());
        Live { places, is_bodyless }
    }

    /// The deletes that are live, in order.
    pub(super) fn live_deletes(&self) -> Vec<usize> {
        let root = self.parts.places.get(&Pointer::ROOT);
        let overwrites = root.map(|root| self.live_overwrites(root, &Past::NOTHING)).unwrap_or_default();
        overwrites.into_iter().filter(|overwrite| overwrite.value.is_deletion()).map(|delete| delete.write).collect()
    }

    fn live_place(
        &self,
        at: &'v Pointer,
        here: &'v PlaceParts<'v>,
        overwrites: Vec<Overwrite<'v>>,
        shade: &Past,
    ) -> LivePlace<'v> {
        let adds = here.adds.iter().copied().filter(|(write, _)| self.is_lit(*write, shade)).collect();
        let mut place = LivePlace { at, overwrites, adds, inserts: Vec::new(), discarded: Map::new() };
        for (text, element) in &here.elements {
            self.push_element(&mut place, text, element, shade);
        }
        sort::by_key(&mut place.inserts, |insert| (insert.write, insert.nth));
        place
    }

    fn push_element(&self, place: &mut LivePlace<'v>, text: &'v str, element: &ElementParts<'v>, shade: &Past) {
        let discarded = self.seen_by_any(&element.discards);
        let is_live =
            |insert: &&Insert<'_>| self.is_lit(insert.write, shade) && !self.history.contains(&discarded, insert.write);
        place.inserts.extend(element.inserts.iter().filter(is_live));
        if !discarded.is_empty() {
            place.discarded.insert(text, discarded);
        }
    }

    /// Whether a write counts here and is not in the shade.
    fn is_lit(&self, write: usize, shade: &Past) -> bool {
        self.history.contains(&self.past, write) && !self.history.contains(shade, write)
    }

    /// One overwrite per chain can be live. The latest of those decides first, since an earlier one has not seen it.
    fn live_overwrites(&self, here: &PlaceParts<'v>, above: &Past) -> Vec<Overwrite<'v>> {
        let lasts = here.overwrites.values().filter_map(|chain| self.last(chain, |overwrite| overwrite.write)).copied();
        let mut lasts: Vec<Overwrite<'_>> = lasts.collect();
        if let [only] = lasts[..] {
            lasts.retain(|_| !self.history.contains(above, only.write));
            return lasts;
        }
        sort::by_key(&mut lasts, |overwrite| core::cmp::Reverse(overwrite.write));
        let mut seen = above.clone();
        lasts.retain(|overwrite| {
            let is_live = !self.history.contains(&seen, overwrite.write);
            if is_live {
                self.history.extend(&mut seen, overwrite.write);
            }
            is_live
        });
        lasts.reverse();
        lasts
    }

    fn shade(&self, above: &Past, overwrites: &[Overwrite<'_>]) -> Past {
        let mut past = above.clone();
        for overwrite in overwrites {
            self.history.extend(&mut past, overwrite.write);
        }
        past
    }

    /// A bodyless patch is live until a put or a delete that saw it.
    fn has_bodyless_patch(&self) -> bool {
        let mut patches = self.parts.bodyless_patches.values().filter_map(|chain| self.last(chain, |write| *write));
        let Some(first) = patches.next() else { return false };
        let replaced = self.seen_by_any(&self.parts.wholes);
        !self.history.contains(&replaced, *first) || patches.any(|patch| !self.history.contains(&replaced, *patch))
    }

    /// What at least one of these writes has seen.
    fn seen_by_any(&self, writes: &ByChain<usize>) -> Past {
        let mut past = Past::NOTHING;
        for write in writes.values().filter_map(|chain| self.last(chain, |write| *write)) {
            self.history.extend(&mut past, *write);
        }
        past
    }

    /// The last item of a chain that counts here.
    fn last<'i, T>(&self, chain: &'i [T], write: impl Fn(&T) -> usize) -> Option<&'i T> {
        let here = chain.partition_point(|item| self.history.contains(&self.past, write(item)));
        chain[..here].iter().rev().find(|item| !self.unwritten.contains(&write(item)))
    }
}

impl LivePlace<'_> {
    fn is_bodyless(&self) -> bool {
        self.overwrites.iter().any(|overwrite| overwrite.value == Written::Bodyless)
    }

    fn is_empty(&self) -> bool {
        self.overwrites.is_empty() && self.adds.is_empty() && self.inserts.is_empty() && self.discarded.is_empty()
    }
}

impl PlaceParts<'_> {
    /// Whether there is more than overwrites.
    fn has_changes(&self) -> bool {
        !self.adds.is_empty() || !self.elements.is_empty()
    }
}

impl<'w> Parts<'w> {
    /// What is said of a place and those above and below it, ascending.
    fn around(&self, at: &Pointer) -> impl Iterator<Item = (&'w Pointer, &PlaceParts<'w>)> {
        let above = (0..at.0.len()).filter_map(|names| {
            let (above, parts) = self.places.get_key_value(&Pointer(at.0[..names].to_vec()))?;
            Some((*above, parts))
        });
        let above: Vec<_> = above.collect();
        let from_here = self.places.range::<Pointer, _>(at..);
        let below = from_here.take_while(|(place, _)| at.is_prefix_of(place)).map(|(place, parts)| (*place, parts));
        above.into_iter().chain(below)
    }
}
