//! Where git and we differ because it is meant so: one table, each row with its reason.

use std::collections::BTreeMap;

use trellis_sync::files::About;

use crate::edits::Pair;
use crate::lines::has_line_twice;
use crate::tree::{Mode, Node, Tree, is_below};
use crate::{git, ours};

/// A difference that is meant.
pub(crate) struct Meant {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    /// Whether it may be why both differ in the folder that is looked at.
    applies: fn(&Compared<'_>) -> bool,
}

/// One folder after both have merged.
pub(crate) struct Compared<'a> {
    pub(crate) folder: &'a str,
    pub(crate) pair: &'a Pair,
    pub(crate) git: &'a git::Merged,
    pub(crate) ours: &'a ours::Merged,
    /// What became of each file of the beginning on each side, as both see it.
    pub(crate) became: [Became; 2],
}

/// Where each file of the beginning is in the end, by its path then; a file that is gone has no entry.
pub(crate) struct Became {
    pub(crate) git: BTreeMap<String, String>,
    pub(crate) ours: BTreeMap<String, String>,
}

/// The name of the difference that two equal lines make.
pub(crate) const LINES: &str = "equal lines";

/// Every difference that is meant. docs/format.md says the same, under Files.
pub(crate) const MEANT: &[Meant] = &[
    Meant {
        name: "identity",
        reason: "git guesses from the first and the last state which file is which; here each record says it, and a \
                 file stays the same file whatever becomes of it",
        applies: |seen| seen.became.iter().any(|side| side.differs(seen.folder)),
    },
    Meant {
        name: "links",
        reason: "git calls it a change where a link takes the place of a file, or a file that of a link; here that is \
                 another file, so that nobody's text becomes the target of a link",
        applies: |seen| seen.has_another_kind(),
    },
    Meant {
        name: "moved folders",
        reason: "git moves, or asks whether to move, what is added to a folder that the other side renamed; here a \
                 folder is no thing of its own, and a file stays where it was put",
        applies: |seen| seen.git_said("(file location)"),
    },
    Meant {
        name: "two files",
        reason: "git takes two files that are added at one path for one that began empty, so that an empty one gives \
                 way; here they are two files, and both are shown",
        applies: |seen| seen.open(About::Clash) && seen.has_new(|node| node.bytes.is_empty()),
    },
    Meant {
        name: LINES,
        reason: "beside equal lines a change may be said to be at several places, and git chooses another one: then one of \
                 us may find changes touching, or mark other lines of a conflict; two clean results are always equal",
        applies: |seen| seen.has_equal_lines(),
    },
    Meant {
        name: "taken back",
        reason: "git sees the first and the last state of a side; here a change that a later record takes back was \
                 still said, and stands against what the other side says meanwhile",
        applies: |seen| seen.has_taken_back(),
    },
];

impl Meant {
    /// The first that may be the reason.
    pub(crate) fn of(seen: &Compared<'_>) -> Option<&'static Meant> {
        MEANT.iter().find(|meant| (meant.applies)(seen))
    }
}

impl Became {
    fn differs(&self, folder: &str) -> bool {
        let inside = |map: &BTreeMap<String, String>| {
            map.clone().into_iter().filter(|(path, _)| is_below(path, folder)).collect::<Vec<_>>()
        };
        inside(&self.git) != inside(&self.ours)
    }
}

impl Compared<'_> {
    fn git_said(&self, words: &str) -> bool {
        let folder = format!("{}/", self.folder);
        self.git.said.lines().any(|line| line.contains(words) && line.contains(&folder))
    }

    fn open(&self, about: About) -> bool {
        self.ours.conflicts.iter().any(|open| open.about == about && is_below(&open.path, self.folder))
    }

    /// Whether a side has such a file where the beginning had none.
    fn has_new(&self, is_meant: impl Fn(&Node) -> bool) -> bool {
        let is_new = |path: &String| is_below(path, self.folder) && !self.pair.base.contains_key(path);
        let ends = self.pair.sides.iter().filter_map(|side| side.last());
        ends.flatten().any(|(path, node)| is_new(path) && is_meant(node))
    }

    /// Whether a text that is in conflict for one of us has a line twice.
    fn has_equal_lines(&self) -> bool {
        let of_git = self.git.unmerged.iter().filter(|(path, stages)| is_below(path, self.folder) && stages.len() == 3);
        let of_ours = self.ours.conflicts.iter().filter(|open| open.about == About::Content);
        let texts = of_ours.filter(|open| is_below(&open.path, self.folder)).filter_map(|open| {
            self.pair.sides.iter().filter_map(|side| side.last()?.get(&open.path)).find(|node| node.is_text())
        });
        let mut texts = texts
            .map(|node| node.bytes.as_slice())
            .chain(of_git.flat_map(|(_, stages)| stages.values().map(Vec::as_slice)));
        texts.any(has_line_twice)
    }

    /// Whether a side put a link in place of a file, or the reverse.
    fn has_another_kind(&self) -> bool {
        let is_link = |node: &Node| node.mode == Mode::Link;
        let is_changed = |(path, node): (&String, &Node)| {
            let mut later = self.pair.sides.iter().flatten().filter_map(|tree| tree.get(path));
            is_below(path, self.folder) && later.any(|later| is_link(later) != is_link(node))
        };
        self.pair.base.iter().any(is_changed)
    }

    /// Whether a side changed a file and then made it again what it was, at least in part.
    fn has_taken_back(&self) -> bool {
        let is_meant = |(path, node): &(&String, &Node)| {
            let was = |tree: &Tree, is_same: fn(&Node, &Node) -> bool| {
                tree.get(*path).is_some_and(|other| is_same(node, other))
            };
            let parts: [fn(&Node, &Node) -> bool; 3] =
                [|node, other| node.bytes == other.bytes, |node, other| node.mode == other.mode, |_, _| true];
            is_below(path, self.folder)
                && self.pair.sides.iter().any(|side| {
                    let Some((last, before)) = side.split_last() else { return false };
                    parts.iter().any(|same| was(last, *same) && before.iter().any(|tree| !was(tree, *same)))
                })
        };
        self.pair.base.iter().any(|file| is_meant(&file))
    }
}
