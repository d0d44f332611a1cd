//! Merging texts by lines, as git does: a clean result is git's, byte for byte, and a conflict has its markers.
//!
//! The merge is made once, by whoever merges or resolves, and written as an op; so another version of the algorithm
//! changes no state.

use gix::bstr::ByteSlice;
use gix::diff::blob::{Algorithm, Diff, InternedInput};
use gix::merge::blob::Resolution;
use gix::merge::blob::builtin_driver::text::{Conflict, ConflictStyle, Labels, Merge};

/// Where a zero byte says that content is no text, as in git.
const LOOKED_AT_MAX: usize = 8000;
/// Content that is merged or compared by lines, at most.
pub(super) const TEXT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What every line of markers begins with.
const MARKERS: [&[u8]; 3] = [b"<<<<<<< ", b"||||||| ", b">>>>>>> "];

/// What two sides make of their base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// All changes of both.
    Clean(Vec<u8>),
    /// All changes that do not touch; where they do, both sides and the base between markers.
    Marked(Vec<u8>),
}

/// Names of the sides, for the markers.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The first side.
    pub ours: &'a str,
    /// What both began from.
    pub base: &'a str,
    /// The second side.
    pub theirs: &'a str,
}

/// Whether content is text: it has lines, and no zero byte near its start.
pub fn is_text(content: &[u8]) -> bool {
    content.len() <= TEXT_BYTES_MAX && !content[..content.len().min(LOOKED_AT_MAX)].contains(&0)
}

/// Whether a text still has the lines that [`merge`] marks a conflict with.
pub fn has_markers(content: &[u8]) -> bool {
    MARKERS.iter().all(|marker| content.lines().any(|line| line.starts_with(marker)))
}

/// The lines of a text, each with what ends it.
pub(super) fn lines_of(text: &[u8]) -> Vec<&[u8]> {
    text.lines_with_terminator().collect()
}

/// The lines that two texts have in common in the same order: by number in `new` that in `old`, as a diff has them.
pub(super) fn common_lines(old: &[u8], new: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let kept = |len: usize, is_changed: &dyn Fn(u32) -> bool| -> Vec<u32> {
        (0..len as u32).filter(|line| !is_changed(*line)).collect()
    };
    let old = kept(input.before.len(), &|line| diff.is_removed(line));
    let new = kept(input.after.len(), &|line| diff.is_added(line));
    new.into_iter().zip(old)
}

/// Merges two texts that began as `base`.
pub fn merge(base: &[u8], ours: &[u8], theirs: &[u8], names: Names<'_>) -> Merged {
    let mut input = InternedInput::default();
    let merge = Merge::new(&mut input, ours, base, theirs, Algorithm::Histogram);
    let labels = Labels {
        ancestor: Some(names.base.into()),
        current: Some(names.ours.into()),
        other: Some(names.theirs.into()),
    };
    let marker_size = Conflict::DEFAULT_MARKER_SIZE.try_into().unwrap_or(std::num::NonZeroU8::MIN);
    let mut merged = Vec::new();
    match merge.run(&mut merged, labels, Conflict::Keep { style: ConflictStyle::Diff3, marker_size }) {
        Resolution::Conflict => Merged::Marked(with_ends_of(&[base, ours, theirs], merged)),
        Resolution::Complete | Resolution::CompleteWithAutoResolvedConflict => Merged::Clean(merged),
    }
}

/// A text with markers, where these texts are all it is made of: where each of their lines ends with a carriage return
/// and a line feed, so do the lines that merging added.
fn with_ends_of(texts: &[&[u8]], marked: Vec<u8>) -> Vec<u8> {
    let mut lines = texts.iter().flat_map(|text| text.lines_with_terminator()).filter(|line| line.ends_with(b"\n"));
    if !lines.all(|line| line.ends_with(b"\r\n")) || !texts.iter().any(|text| text.contains(&b'\n')) {
        return marked;
    }
    let line = |line: &[u8]| match line.strip_suffix(b"\n") {
        Some(text) if !text.ends_with(b"\r") => [text, b"\r\n"].concat(),
        _ => line.to_vec(),
    };
    marked.lines_with_terminator().flat_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'_> = Names { ours: "A", base: "base", theirs: "B" };

    #[test]
    fn changes_of_different_lines_merge() {
        let merged = merge(b"1\n2\n3\n4\n", b"one\n2\n3\n4\n", b"1\n2\n3\nfour\n", NAMES);
        assert_eq!(merged, Merged::Clean(b"one\n2\n3\nfour\n".to_vec()));
    }

    #[test]
    fn changes_of_one_line_stand_between_markers() {
        let Merged::Marked(text) = merge(b"1\n2\n3\n", b"1\ntwo\n3\n", b"1\nzwei\n3\n", NAMES) else {
            panic!("a conflict");
        };
        let expected = "1\n<<<<<<< A\ntwo\n||||||| base\n2\n=======\nzwei\n>>>>>>> B\n3\n";
        assert_eq!(String::from_utf8_lossy(&text), expected);
        assert!(has_markers(&text) && !has_markers(b"1\n<<<<<<< A\n"));
    }

    #[test]
    fn markers_end_as_the_lines_around_them() {
        let Merged::Marked(text) = merge(b"1\r\n", b"1\r\ntwo", b"1\r\nzwei\r\n", NAMES) else { panic!("a conflict") };
        let expected = "1\r\n<<<<<<< A\r\ntwo\r\n||||||| base\r\n=======\r\nzwei\r\n>>>>>>> B\r\n";
        assert_eq!(String::from_utf8_lossy(&text), expected);
    }

    #[test]
    fn zero_bytes_are_no_text() {
        assert!(is_text(b"") && is_text(b"a\n") && is_text("é".as_bytes()) && is_text(b"\xff"));
        assert!(!is_text(b"a\0"));
    }
}
