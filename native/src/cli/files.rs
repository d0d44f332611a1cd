//! What the commands of the working folder share: paths as people type them, and what became of the folder.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use trellis_sync::core::output::FilesView;
use trellis_sync::core::view::files::{FileMode, FilePath, Tree};
use trellis_sync::files::{About, BadRule, Carried, Change, Changes, FileConflict, Settled, clashes, repo_path};
use trellis_sync::folder::Folder;
use trellis_sync::{Code, Result, TrellisError};

use super::context::Context;
use super::doc::ids;
use super::page::{Cell, Look, Page, clean};
use super::report::Exit;
use super::words::count;

/// A path of the command line as one of the repo: meant from the folder that the command acts in, and below the repo's.
///
/// # Errors
/// `path_refused` for one that is not in the repo's folder, or that no repo holds.
pub(crate) fn file_path(context: &Context, folder: &Folder, typed: &Path) -> Result<FilePath> {
    let from = std::fs::canonicalize(context.dir()).unwrap_or_else(|_| context.dir().to_owned());
    let plain = plain(&from.join(typed));
    let below = plain.strip_prefix(folder.root()).ok().and_then(repo_path);
    below.ok_or_else(|| {
        let message = format!("{} is no file of the repo in {}.", typed.display(), folder.root().display());
        TrellisError::new(Code::PathRefused, message).at_path(typed)
    })
}

/// The same for several. The repo's folder itself stands for everything in it.
///
/// # Errors
/// As [`file_path`].
pub(crate) fn file_paths(context: &Context, folder: &Folder, typed: &[PathBuf]) -> Result<Vec<FilePath>> {
    let from = std::fs::canonicalize(context.dir()).unwrap_or_else(|_| context.dir().to_owned());
    if typed.iter().any(|path| plain(&from.join(path)) == folder.root()) {
        return Ok(Vec::new());
    }
    typed.iter().map(|path| file_path(context, folder, path)).collect()
}

/// A path without `.` and `..`, links not looked at.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            component => plain.push(component),
        }
    }
    plain
}

/// Where files are shown, by the keys of their entities.
pub(crate) type FilePaths = BTreeMap<String, FilePath>;

/// Where the files of a branch are shown.
pub(crate) fn shown_paths(view: &FilesView) -> FilePaths {
    paths_in(&view.tree)
}

/// Where the files of a tree are shown.
pub(crate) fn paths_in(tree: &Tree) -> FilePaths {
    tree.files.iter().map(|(path, placed)| (placed.file.key.clone(), path.clone())).collect()
}

/// Several files that claim one path.
pub(crate) fn clashes_of(tree: &Tree) -> Vec<FileConflictDoc> {
    clashes(tree).iter().map(FileConflictDoc::of).collect()
}

/// A change of the folder.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeDoc {
    pub(crate) path: String,
    pub(crate) change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<&'static str>,
}

impl ChangeDoc {
    fn new(path: &FilePath, change: &Change) -> ChangeDoc {
        let (word, from, mode) = match change {
            Change::Added { mode } => ("added", None, Some(*mode)),
            Change::Removed => ("removed", None, None),
            Change::Edited { mode, .. } => ("edited", None, Some(*mode)),
            Change::Renamed { from, mode, .. } => ("renamed", Some(from.to_string()), Some(*mode)),
        };
        ChangeDoc { path: path.to_string(), change: word, from, mode: mode.map(FileMode::as_str) }
    }

    pub(crate) fn all(changes: &Changes) -> Vec<ChangeDoc> {
        changes.files.iter().map(|(path, change)| ChangeDoc::new(path, change)).collect()
    }

    fn row(&self) -> Vec<Cell> {
        let look = match self.change {
            "added" => Look::Good,
            "removed" => Look::Bad,
            _ => Look::Name,
        };
        let path = match &self.from {
            Some(from) => format!("{from} -> {}", self.path),
            None => self.path.clone(),
        };
        vec![Cell::new(look, &format!("  {}", self.change)), Cell::new(Look::Plain, &path)]
    }
}

/// Changes, a line each.
pub(crate) fn print_changes(changes: &[ChangeDoc], page: &mut Page<'_>) -> io::Result<()> {
    page.table(&changes.iter().map(ChangeDoc::row).collect::<Vec<_>>())
}

/// Says which rules are none, so that nobody believes them to pass files over.
pub(crate) fn note_bad_rules(context: &Context, changes: &Changes) {
    for BadRule { path, line, why } in &changes.bad_rules {
        let place = line.map_or_else(|| path.clone(), |line| format!("{path}:{line}"));
        context.note(&format!("{place} is no rule and passes nothing over: {why}."));
    }
}

/// A conflict of a file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileConflictDoc {
    pub(crate) path: String,
    pub(crate) about: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) shown: Vec<String>,
}

impl FileConflictDoc {
    pub(crate) fn of(conflict: &FileConflict) -> FileConflictDoc {
        let shown = conflict.shown.iter().map(ToString::to_string).collect();
        FileConflictDoc { path: conflict.path.to_string(), about: conflict.about.as_str(), shown }
    }

    /// What it is about, and what to do.
    fn advice(&self) -> String {
        let path = clean(&self.path);
        match self.about {
            "content" => format!("changed on several sides; edit it, then `trellis resolve {path}`, or add --take A"),
            "clash" => {
                let shown: Vec<_> = self.shown.iter().map(|path| clean(path)).collect();
                match shown.as_slice() {
                    [aside] => {
                        format!("a file and a folder claim this; the file is {aside}; `trellis mv` or remove it")
                    }
                    shown => format!("claimed by several files: {}; `trellis mv` or remove some", shown.join(", ")),
                }
            }
            "removal" => format!("removed on one side and changed on another; `trellis resolve {path} --take A`"),
            _ => format!("another {} on each side; `trellis resolve {path} --take A`", self.about),
        }
    }
}

/// Conflicts of files, a line each with what to do.
pub(crate) fn print_file_conflicts(conflicts: &[FileConflictDoc], page: &mut Page<'_>) -> io::Result<()> {
    let row = |conflict: &FileConflictDoc| {
        vec![Cell::new(Look::Bad, &format!("  {}", conflict.path)), Cell::new(Look::Plain, &conflict.advice())]
    };
    page.table(&conflicts.iter().map(row).collect::<Vec<_>>())
}

/// The blobs that ops name and that did not come with them, in documents.
pub(crate) fn missing_blobs(carried: &Carried) -> Vec<String> {
    carried.missing.iter().map(|blob| blob.blob.to_string()).collect()
}

/// Content that ops name and that did not come with them.
pub(crate) fn print_missing(blobs: &[String], page: &mut Page<'_>) -> io::Result<()> {
    match blobs.len() {
        0 => Ok(()),
        1 => page.line("The content of 1 file was not there to take; it comes from a copy that has it."),
        more => {
            page.line(format!("The content of {more} files was not there to take; it comes from a copy that has it."))
        }
    }
}

/// What became of the folder.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettledDoc {
    pub(crate) written: Vec<String>,
    pub(crate) removed: Vec<String>,
    /// Files that stayed because they have changes that are not recorded.
    pub(crate) kept_back: Vec<String>,
    pub(crate) refused: Vec<String>,
    pub(crate) absent: Vec<String>,
    /// Ops that merged contents by lines.
    pub(crate) merged: Vec<String>,
    pub(crate) file_conflicts: Vec<FileConflictDoc>,
}

impl SettledDoc {
    pub(crate) fn new(settled: &Settled) -> SettledDoc {
        let texts = |paths: &[FilePath]| paths.iter().map(ToString::to_string).collect();
        SettledDoc {
            written: texts(&settled.written),
            removed: texts(&settled.removed),
            kept_back: texts(&settled.kept_back),
            refused: texts(&settled.refused),
            absent: texts(&settled.absent),
            merged: ids(&settled.merged),
            file_conflicts: settled.conflicts.iter().map(FileConflictDoc::of).collect(),
        }
    }

    /// How many paths several files claim.
    pub(crate) fn clashes(&self) -> usize {
        self.file_conflicts.iter().filter(|conflict| conflict.about == About::Clash.as_str()).count()
    }

    /// Exit code 2 where conflicts are open.
    pub(crate) fn exit(&self) -> Exit {
        if self.file_conflicts.is_empty() { Exit::Done } else { Exit::ConflictsOpen }
    }

    /// Files that are not as the branch has them, and why.
    pub(crate) fn print_stayed(&self, page: &mut Page<'_>) -> io::Result<()> {
        let stayed = [
            (&self.kept_back, "stays as it is: it has changes that are not recorded"),
            (&self.refused, "is not here: this system cannot hold its name"),
            (&self.absent, "is not here: its content has not come yet"),
        ];
        for (paths, why) in stayed {
            paths.iter().try_for_each(|path| page.line(format!("  {} {why}", clean(path))))?;
        }
        Ok(())
    }

    pub(crate) fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let changed = self.written.len() + self.removed.len();
        if changed > 0 {
            page.remark(format!("{} of the folder brought up to date.", count(changed, "file")))?;
        }
        if !self.merged.is_empty() {
            page.remark(format!("{} merged by lines.", count(self.merged.len(), "file")))?;
        }
        self.print_stayed(page)?;
        if self.file_conflicts.is_empty() {
            return Ok(());
        }
        page.line("In conflict:")?;
        print_file_conflicts(&self.file_conflicts, page)
    }
}
