//! Single texts: three-way merges beside `git merge-file`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use trellis_sync::files::lines::{Merged, Names, merge};
use trellis_tests::dice::{Dice, seeds};

use crate::folder;
use crate::git::merge_file;

/// How many triples of texts are merged in which no line comes twice, and in which many do.
const DISTINCT: u64 = 150;
const REPEATING: u64 = 250;
const NAMES: Names<'_> = Names { ours: "A", base: "base", theirs: "B" };

/// How two merges of the same texts compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Compared {
    /// Both are clean, and the same.
    Clean,
    /// Both have the same conflicts.
    Marked,
    /// Both have conflicts, and other lines stand in them.
    OtherHunks,
    /// git has conflicts, and we have none.
    OnlyGitMarks,
    /// We have conflicts, and git has none.
    OnlyWeMark,
}

#[test]
fn texts_of_distinct_lines_merge_as_by_git_merge_file() {
    let compared = compared(DISTINCT, distinct_line);
    assert!(compared.keys().all(|compared| matches!(compared, Compared::Clean | Compared::Marked)), "{compared:?}");
}

/// Where lines repeat, a change can be said to be at several places, and we may choose another one than git. Clean results
/// are the same all the same.
#[test]
fn texts_of_equal_lines_merge_nearly_as_by_git_merge_file() {
    let compared = compared(REPEATING, any_line);
    let same: usize = [Compared::Clean, Compared::Marked].iter().filter_map(|same| compared.get(same)).sum();
    let all: usize = compared.values().sum();
    assert!(same * 10 >= all * 9, "{compared:?}");
}

fn compared(triples: u64, line: Line) -> BTreeMap<Compared, usize> {
    let home = tempfile::tempdir_in(folder()).unwrap();
    let mut compared = BTreeMap::new();
    for seed in seeds(triples) {
        *compared.entry(compare(home.path(), seed, line)).or_default() += 1;
    }
    println!("{compared:?}");
    compared
}

fn compare(home: &Path, seed: u64, line: Line) -> Compared {
    let mut dice = Dice::new(seed);
    let base = text(&mut dice, line);
    let [ours, theirs] = [edited(&base, &mut dice, line), edited(&base, &mut dice, line)];
    let (conflicts, expected) = merge_file(home, [&base, &ours, &theirs].map(String::as_bytes));
    let is_mixed = has_mixed_ends(&[base.as_str(), &ours, &theirs].concat());
    let merged = merge(base.as_bytes(), ours.as_bytes(), theirs.as_bytes(), NAMES);
    match (merged, conflicts) {
        (Merged::Clean(text), 0) => {
            assert_eq!(String::from_utf8(text).unwrap(), expected, "TRELLIS_SEED={seed}: {base:?} {ours:?} {theirs:?}");
            Compared::Clean
        }
        (Merged::Clean(_), _) => Compared::OnlyGitMarks,
        (Merged::Marked(_), 0) => Compared::OnlyWeMark,
        (Merged::Marked(text), _) => {
            let text = String::from_utf8(text).unwrap();
            let is_same = text == expected || is_mixed && hunks(&text) == hunks(&expected);
            if is_same { Compared::Marked } else { Compared::OtherHunks }
        }
    }
}

/// Whether a line comes twice in a text.
pub(crate) fn has_line_twice(text: &[u8]) -> bool {
    let mut lines = BTreeSet::new();
    !text.split_inclusive(|byte| *byte == b'\n').all(|line| lines.insert(line))
}

fn has_mixed_ends(text: &str) -> bool {
    text.contains('\r') && text.split_inclusive('\n').any(|line| line.ends_with('\n') && !line.ends_with("\r\n"))
}

/// Draws a line.
type Line = fn(&mut Dice, &str) -> String;

/// One of few, so that many are equal.
fn any_line(dice: &mut Dice, end: &str) -> String {
    let word = match dice.below(4) {
        0 => "",
        1 => "}",
        _ => *dice.pick(&["größer", "two", "three", "four", "five", "six", "seven", "eight"]),
    };
    format!("{word}{end}")
}

fn distinct_line(dice: &mut Dice, end: &str) -> String {
    format!("größer {:x}{end}", dice.number())
}

fn text(dice: &mut Dice, line: Line) -> String {
    let end = if dice.chance(25) { "\r\n" } else { "\n" };
    let lines = dice.below(30);
    let text: String = (0..lines).map(|_| line(dice, end)).collect();
    if dice.chance(20) { text.trim_end().into() } else { text }
}

fn edited(base: &str, dice: &mut Dice, line: Line) -> String {
    let end = if base.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = base.split_inclusive('\n').map(ToOwned::to_owned).collect();
    for _ in 0..dice.below(4) {
        let at = dice.below(lines.len() + 1);
        match dice.below(5) {
            0 | 1 => lines.insert(at, line(dice, end)),
            2 if at < lines.len() => drop(lines.remove(at)),
            3 if at < lines.len() => lines[at] = line(dice, end),
            _ => lines.extend((0..2).map(|_| line(dice, end))),
        }
    }
    let text = lines.concat();
    match dice.below(20) {
        0 => text.trim_end().into(),
        1 => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        2 => String::new(),
        _ => text,
    }
}

/// Stretches of a text with markers: what is not in conflict, and the two sides and the base of what is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stretch {
    Plain(String),
    Hunk { sides: [String; 2], base: String },
}

/// The stretches of a text with markers, whatever the sides are called, whichever stands first, and however lines end.
pub(crate) fn hunks(text: &str) -> Vec<Stretch> {
    stretches(&text.replace('\r', ""))
}

fn stretches(text: &str) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut parts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        match line.get(..7) {
            Some("<<<<<<<") if parts.len() == 1 => {
                stretches.push(Stretch::Plain(parts.remove(0)));
                parts = vec![String::new(), String::new()];
            }
            Some("|||||||") if parts.len() == 2 => parts.push(String::new()),
            Some("=======") if parts.len() == 3 => parts.push(String::new()),
            Some(">>>>>>>") if parts.len() == 4 => {
                let [ours, base, theirs] = [1, 2, 3].map(|at| std::mem::take(&mut parts[at]));
                let mut sides = [ours, theirs];
                sides.sort();
                stretches.push(Stretch::Hunk { sides, base });
                parts = vec![String::new()];
            }
            _ => parts.last_mut().unwrap().push_str(line),
        }
    }
    stretches.push(Stretch::Plain(parts.concat()));
    stretches
}
