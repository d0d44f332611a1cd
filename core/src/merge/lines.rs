//! Three-way merging of texts by lines.
//!
//! The algorithm is part of the state of every declared text, so it is one pinned version of one crate: another
//! algorithm would be a new kind of field, never an upgrade.

use alloc::string::{String, ToString};

use similar::TextMerge;

/// What `sides` make of `base` together, taken one after the other; none where lines that one changes touch lines that
/// an earlier one changed otherwise, or where there are no sides.
///
/// The cost is that of the diffs, which for texts as long as bodies can be is seconds at worst.
pub fn merge_lines<'t>(base: &str, sides: impl IntoIterator<Item = &'t str>) -> Option<String> {
    let mut sides = sides.into_iter();
    let first = sides.next()?.to_string();
    sides.try_fold(first, |merged, side| {
        let merge = TextMerge::from_lines(base, merged.as_str(), side);
        (!merge.is_conflicted()).then(|| merge.to_string())
    })
}

#[cfg(test)]
mod tests {
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
}
