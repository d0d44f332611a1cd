//! Three-way merging of texts by lines.
//!
//! The algorithm is part of the state of every declared text, so it is one pinned version of one crate: another
//! algorithm would be a new kind of field, never an upgrade.

use alloc::string::{String, ToString};

use similar::TextMerge;

/// What `sides` make of `base` together, taken one after the other; none where lines that one changes touch lines that
/// an earlier one changed otherwise.
pub fn merge_lines<'t>(base: &str, sides: impl IntoIterator<Item = &'t str>) -> Option<String> {
    sides.into_iter().try_fold(base.to_string(), |merged, side| {
        let merge = TextMerge::from_lines(base, merged.as_str(), side);
        (!merge.is_conflicted()).then(|| merge.to_string())
    })
}
