//! Which new files are tracked ones that moved: those of equal content, else those with half of their lines in common.
//! Empty files are all alike, so nothing tells which of them moved.

use std::collections::{BTreeMap, HashMap};

use trellis_core::op::id::ContentHash;
use trellis_core::view::files::FilePath;

/// Pairs that are compared by lines, at most: beyond that only equal content counts.
pub(crate) const PAIRS_MAX: usize = 250_000;

/// A file that is gone, or new, as it is compared.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Where it is or was.
    pub path: FilePath,
    /// The hash of its content.
    pub blob: ContentHash,
    /// How often it has which line, by the line's hash; empty for what is no text.
    pub lines: Lines,
}

/// How often a text has which line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    counts: HashMap<u64, u32>,
    total: u32,
}

impl Lines {
    /// The lines of a text; none of what is no text, or is empty.
    pub(crate) fn of(content: &[u8]) -> Lines {
        let mut lines = Lines::default();
        if !super::lines::is_text(content) {
            return lines;
        }
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            let hash = blake3::hash(line);
            let (word, _) = hash.as_bytes().split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
            *lines.counts.entry(u64::from_le_bytes(*word)).or_default() += 1;
            lines.total += 1;
        }
        lines
    }

    /// How many lines both have.
    fn common(&self, other: &Lines) -> u32 {
        let (few, many) = if self.counts.len() <= other.counts.len() { (self, other) } else { (other, self) };
        few.counts.iter().map(|(line, count)| (*count).min(many.counts.get(line).copied().unwrap_or(0))).sum()
    }
}

/// Where the files that are gone went: by each new path the old one. Every file moves at most once; of several ways the
/// one with the most in common is taken, then that of equal names, then the first in order.
pub(crate) fn renames(gone: &[Candidate], new: &[Candidate]) -> BTreeMap<FilePath, FilePath> {
    let mut pairs = equal_pairs(gone, new);
    if gone.len().saturating_mul(new.len()) <= PAIRS_MAX {
        pairs.extend(similar_pairs(gone, new));
    }
    pairs.sort_unstable_by(|left, right| {
        (right.in_common, right.is_same_name, left.ends()).cmp(&(left.in_common, left.is_same_name, right.ends()))
    });
    let (mut renames, mut moved) = (BTreeMap::new(), std::collections::BTreeSet::new());
    for pair in pairs {
        if !renames.contains_key(pair.to) && moved.insert(pair.from) {
            renames.insert(pair.to.clone(), pair.from.clone());
        }
    }
    renames
}

struct Pair<'c> {
    from: &'c FilePath,
    to: &'c FilePath,
    /// In thousandths; of equal content more than of any other.
    in_common: u32,
    is_same_name: bool,
}

impl<'c> Pair<'c> {
    fn of(from: &'c Candidate, to: &'c Candidate, in_common: u32) -> Pair<'c> {
        let name = |path: &'c FilePath| path.components().next_back();
        let is_same_name = name(&from.path) == name(&to.path);
        Pair { from: &from.path, to: &to.path, in_common, is_same_name }
    }

    fn ends(&self) -> (&FilePath, &FilePath) {
        (self.from, self.to)
    }
}

fn equal_pairs<'c>(gone: &'c [Candidate], new: &'c [Candidate]) -> Vec<Pair<'c>> {
    let mut by_blob: HashMap<ContentHash, Vec<&Candidate>> = HashMap::new();
    let empty = ContentHash::of(b"");
    for from in gone.iter().filter(|from| from.blob != empty) {
        by_blob.entry(from.blob).or_default().push(from);
    }
    let pairs_of = |to: &'c Candidate| {
        let from = by_blob.get(&to.blob).into_iter().flatten();
        from.map(|from| Pair::of(from, to, 1_001)).collect::<Vec<_>>()
    };
    new.iter().flat_map(pairs_of).collect()
}

fn similar_pairs<'c>(gone: &'c [Candidate], new: &'c [Candidate]) -> Vec<Pair<'c>> {
    let pairs = gone.iter().flat_map(|from| new.iter().map(move |to| (from, to)));
    let similar = pairs.filter_map(|(from, to)| {
        let most = from.lines.total.max(to.lines.total);
        if most == 0 || from.lines.total.min(to.lines.total) * 2 < most {
            return None;
        }
        let common = from.lines.common(&to.lines);
        (common * 2 >= most).then(|| Pair::of(from, to, (u64::from(common) * 1_000 / u64::from(most)) as u32))
    });
    similar.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(path: &str, content: &str) -> Candidate {
        Candidate {
            path: FilePath::new(path).unwrap(),
            blob: ContentHash::of(content.as_bytes()),
            lines: Lines::of(content.as_bytes()),
        }
    }

    fn found(gone: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<(String, String)> {
        let candidates =
            |files: &[(&str, &str)]| files.iter().map(|(path, text)| candidate(path, text)).collect::<Vec<_>>();
        let renames = renames(&candidates(gone), &candidates(new));
        renames.into_iter().map(|(to, from)| (from.to_string(), to.to_string())).collect()
    }

    fn pair(from: &str, to: &str) -> (String, String) {
        (from.into(), to.into())
    }

    #[test]
    fn equal_content_moves_and_the_same_name_is_preferred() {
        assert_eq!(found(&[("a", "x")], &[("b", "y"), ("c", "x")]), [pair("a", "c")]);
        assert_eq!(
            found(&[("p/a", "x"), ("p/b", "x")], &[("q/a", "x"), ("q/b", "x")]),
            [pair("p/a", "q/a"), pair("p/b", "q/b")]
        );
        assert_eq!(found(&[("a", "\0")], &[("b", "\0")]), [pair("a", "b")]);
        assert_eq!(found(&[("a", "")], &[("b", "")]), []);
    }

    #[test]
    fn half_of_the_lines_are_enough_and_less_is_not() {
        assert_eq!(found(&[("a", "1\n2\n3\n4\n")], &[("b", "1\n2\n5\n6\n")]), [pair("a", "b")]);
        assert_eq!(found(&[("a", "1\n2\n3\n4\n")], &[("b", "1\n5\n6\n7\n")]), []);
        assert_eq!(found(&[("a", "1\n1\n1\n1\n")], &[("b", "1\n5\n6\n7\n")]), []);
        assert_eq!(found(&[("a", "")], &[("b", "x")]), []);
    }

    #[test]
    fn the_most_in_common_wins() {
        let new = [("b", "1\n2\n3\nx\n"), ("c", "1\n2\n3\n4\n5\n")];
        assert_eq!(found(&[("a", "1\n2\n3\n4\n")], &new), [pair("a", "c")]);
    }
}
