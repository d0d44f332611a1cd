//! Conflicts of files, by the paths where people see them.

use trellis_core::merge::conflict::{Conflict, SideValue};
use trellis_core::output::FilesView;
use trellis_core::view::files::{Clash, FilePath, Tree};

/// The places of a file that may be in conflict.
const PLACES: [(&str, About); 3] = [("content", About::Content), ("path", About::Path), ("mode", About::Mode)];

/// What a conflict of a file is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Several sides gave it other content.
    Content,
    /// Several sides gave it other names.
    Path,
    /// Several sides made it another kind of file.
    Mode,
    /// One side removed it, another changed it.
    Removal,
    /// Several files claim one path, or one claims a path where others have a folder.
    Clash,
}

impl About {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            About::Content => "content",
            About::Path => "path",
            About::Mode => "mode",
            About::Removal => "removal",
            About::Clash => "clash",
        }
    }

    /// What the record of a file's conflict is about.
    pub fn of(record: &Conflict) -> About {
        let is_removed = record.path.is_root() || record.sides.iter().any(|side| side.value == SideValue::Absent);
        match PLACES.iter().find(|(name, _)| record.path.0.first().is_some_and(|first| first == name)) {
            Some((_, about)) if !is_removed => *about,
            Some(_) | None if is_removed => About::Removal,
            _ => About::Path,
        }
    }

    /// What the word says.
    pub fn parse(word: &str) -> Option<About> {
        let all = [About::Content, About::Path, About::Mode, About::Removal, About::Clash];
        all.into_iter().find(|about| about.as_str() == word)
    }
}

/// A conflict of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConflict {
    /// Where the file is shown; of a clash the path that is claimed.
    pub path: FilePath,
    /// What it is about.
    pub about: About,
    /// Its record; none of a clash, which is about several entities, and where only the folder's index was read.
    pub record: Option<Conflict>,
    /// Of a clash, where those who claim the path are shown.
    pub shown: Vec<FilePath>,
}

impl FileConflict {
    /// The same, without what its sides say.
    pub(super) fn without_record(self) -> FileConflict {
        FileConflict { record: None, ..self }
    }
}

/// Every conflict of a branch's files, ascending by path.
pub fn file_conflicts(view: &FilesView) -> Vec<FileConflict> {
    let mut conflicts = Vec::new();
    for (path, placed) in &view.tree.files {
        let records = view.files.get(&placed.file.key).into_iter().flat_map(|file| &file.conflicts);
        let of_file = records.map(|record| (About::of(record), record));
        let mut of_file: Vec<(About, &Conflict)> = of_file.collect();
        // Whether the file is there is one question, however many of its places are in conflict about it.
        of_file.dedup_by(|later, earlier| later.0 == earlier.0 && later.0 == About::Removal);
        conflicts.extend(of_file.into_iter().map(|(about, record)| FileConflict {
            path: path.clone(),
            about,
            record: Some(record.clone()),
            shown: Vec::new(),
        }));
    }
    conflicts.extend(clashes(&view.tree));
    conflicts.sort_by(|left, right| (&left.path, left.about).cmp(&(&right.path, right.about)));
    conflicts
}

/// The paths that several files of a tree claim, ascending.
pub fn clashes(tree: &Tree) -> Vec<FileConflict> {
    let clash = |clash: &Clash| FileConflict {
        path: clash.path.clone(),
        about: About::Clash,
        record: None,
        shown: clash.shown.clone(),
    };
    tree.clashes.iter().map(clash).collect()
}
