//! Three-way merging of texts by lines.
//!
//! The algorithm is part of the state of every declared text, so it is one pinned version of one crate: another
//! algorithm would be a new kind of field, never an upgrade.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::{max, min};
use core::ops::Range;

use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::{DiffOp, DiffableStr};

use crate::ordered::Map;

/// What `sides` make of `base` together, taken one after the other; none where lines that one changes touch lines that
/// an earlier one changed otherwise, or where there are no sides.
///
/// The cost is that of the diffs, which for texts as long as bodies can be is seconds at worst.
pub fn merge_lines<'t>(base: &str, sides: impl IntoIterator<Item = &'t str>) -> Option<String> {
    let mut sides = sides.into_iter();
    let first = sides.next()?.to_string();
    sides.try_fold(first, |merged, side| merge_two(base, &merged, side))
}

/// What `ours` and `theirs` make of `base`, as `similar::TextMerge` has it; none where it has a conflict.
fn merge_two(base: &str, ours: &str, theirs: &str) -> Option<String> {
    let texts = [base, ours, theirs].map(DiffableStr::tokenize_lines);
    let [base_lines, our_lines, their_lines] = numbered(&texts);
    let mut ours = Side::new(&base_lines, &our_lines);
    let mut theirs = Side::new(&base_lines, &their_lines);
    let [base_text, our_text, their_text] = &texts;
    let mut merged = String::new();
    let mut at = 0;
    while let Some(mut region) = earlier(ours.next_edit(), theirs.next_edit()) {
        let (our_first, their_first) = (ours.taken, theirs.taken);
        while ours.take_touching(&mut region) || theirs.take_touching(&mut region) {}
        merged.extend(base_text[at..region.start].iter().copied());
        at = region.end;
        let (our_part, their_part) = (ours.part_since(our_first, &region), theirs.part_since(their_first, &region));
        match (our_part, their_part) {
            (Some(ours), Some(theirs)) if our_lines[ours.clone()] != their_lines[theirs.clone()] => return None,
            (Some(ours), _) => merged.extend(our_text[ours].iter().copied()),
            (None, theirs) => merged.extend(their_text[theirs.unwrap_or_default()].iter().copied()),
        }
    }
    merged.extend(base_text[at..].iter().copied());
    Some(merged)
}

/// Texts with a number for each line, the same for equal lines.
fn numbered<'t>(texts: &[Vec<&'t str>; 3]) -> [Vec<usize>; 3] {
    let mut numbers: Map<&'t str, usize> = Map::new();
    [0, 1, 2].map(|text| {
        let number = |line: &&'t str| {
            let next = numbers.len();
            *numbers.entry(*line).or_insert(next)
        };
        texts[text].iter().map(number).collect()
    })
}

/// The lines of the base that the earlier of two edits replaces; at one line an insertion is the earlier one.
fn earlier(ours: Option<&Edit>, theirs: Option<&Edit>) -> Option<Range<usize>> {
    let first = ours.into_iter().chain(theirs).min_by_key(|edit| (edit.base.start, edit.base.end))?;
    Some(first.base.clone())
}

/// Lines of the base, and the lines of a side that stand for them.
struct Edit {
    base: Range<usize>,
    side: Range<usize>,
}

/// How a side changed the base.
struct Side {
    /// By lines of the base, none touching another.
    edits: Vec<Edit>,
    /// How many of them are merged.
    taken: usize,
}

impl Side {
    fn new(base: &[usize], side: &[usize]) -> Side {
        let mut hook = Compact::new(Replace::new(Capture::new()), base, side);
        // The hook cannot fail.
        let _ = myers::diff(&mut hook, base, 0..base.len(), side, 0..side.len());
        let ops = hook.into_inner().into_inner().into_ops();
        let mut edits: Vec<Edit> = Vec::new();
        for op in ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. })) {
            let edit = Edit { base: op.old_range(), side: op.new_range() };
            match edits.last_mut() {
                Some(last) if last.base.end == edit.base.start && last.side.end == edit.side.start => {
                    (last.base.end, last.side.end) = (edit.base.end, edit.side.end);
                }
                _ => edits.push(edit),
            }
        }
        Side { edits, taken: 0 }
    }

    fn next_edit(&self) -> Option<&Edit> {
        self.edits.get(self.taken)
    }

    /// Takes the next edit into a region of the base, and widens it, where the two touch.
    fn take_touching(&mut self, region: &mut Range<usize>) -> bool {
        let touches = |edit: &&Edit| edit.base.start <= region.end && region.start <= edit.base.end;
        let Some(edit) = self.edits.get(self.taken).filter(touches) else { return false };
        *region = min(region.start, edit.base.start)..max(region.end, edit.base.end);
        self.taken += 1;
        true
    }

    /// The lines that stand here for a region of the base, if any of the edits from `first` on that were taken changed it.
    fn part_since(&self, first: usize, region: &Range<usize>) -> Option<Range<usize>> {
        let edits = &self.edits[first..self.taken];
        let (first, last) = (edits.first()?, edits.last()?);
        let before = first.base.start - region.start;
        Some(first.side.start - before..last.side.end + (region.end - last.base.end))
    }
}

#[cfg(test)]
mod tests {
    use similar::TextMerge;

    use super::*;

    const BASE: &str = "one\ntwo\nthree\nfour\nfive\n";

    #[test]
    fn changes_of_different_lines_are_all_kept() {
        let sides = ["ONE\ntwo\nthree\nfour\nfive\n", "one\ntwo\nTHREE\nfour\nfive\n", "one\ntwo\nthree\nfour\n"];
        assert_eq!(merge_lines(BASE, sides).as_deref(), Some("ONE\ntwo\nTHREE\nfour\n"));
    }

    #[test]
    fn equal_changes_are_one() {
        let sides = ["one\nTWO\nthree\nfour\nfive\n", "one\nTWO\nthree\nfour\nFIVE\n", BASE];
        assert_eq!(merge_lines(BASE, sides).as_deref(), Some("one\nTWO\nthree\nfour\nFIVE\n"));
    }

    #[test]
    fn changes_that_touch_do_not_merge() {
        let pairs = [("ONE\n", "one\ninserted\n"), ("ONE\n", "uno\n"), ("", "ONE\n"), ("a\none\n", "b\none\n")];
        for (left, right) in pairs {
            assert_eq!(merge_lines("one\n", [left, right]), None, "{left:?} {right:?}");
        }
    }

    #[test]
    fn ends_of_lines_are_part_of_them() {
        assert_eq!(merge_lines("a\r\nb\nc", ["A\r\nb\nc", "a\r\nb\nC"]).as_deref(), Some("A\r\nb\nC"));
        assert_eq!(merge_lines("a\nb\nc\n", ["a\nb\nc", "A\nb\nc\n"]).as_deref(), Some("A\nb\nc"));
    }

    /// A text of up to seven lines of a few kinds.
    fn text(random: &mut u64) -> String {
        let mut draw = |bound: u64| {
            *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*random >> 33) % bound
        };
        (0..draw(8)).map(|_| ["a\n", "b\n", "c\r\n", "d\r", "e"][draw(5) as usize]).collect()
    }

    #[test]
    fn texts_merge_as_the_crate_merges_them() {
        let random = &mut 1;
        for _ in 0..20_000 {
            let (base, ours, theirs) = (text(random), text(random), text(random));
            let merge = TextMerge::from_lines(base.as_str(), ours.as_str(), theirs.as_str());
            let expected = (!merge.is_conflicted()).then(|| merge.to_string());
            assert_eq!(merge_two(&base, &ours, &theirs), expected, "{base:?} {ours:?} {theirs:?}");
        }
    }
}
