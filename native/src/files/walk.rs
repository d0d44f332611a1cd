//! Looking through the folder: every file that is there, with its stamps, links not followed.
//!
//! What `.trellisignore` files name is passed over, with git's rules, unless it is tracked already. `.git`, `.trellis`
//! and folders with a repo of their own are not looked into.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc;

use ignore::{DirEntry, WalkBuilder, WalkState};
use trellis_core::view::files::FilePath;

use super::disk::{Disk, repo_path};
use super::index::Index;
use super::stat::{Kind, Seen};
use crate::error::{Code, Result, TrellisError, from_io};
use crate::folder::NAME;

/// The files whose rules say what is passed over.
pub const IGNORE: &str = ".trellisignore";

/// What a folder holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Files and links by their path.
    pub files: BTreeMap<FilePath, Seen>,
    /// What was passed over although nobody named it, and why.
    pub skipped: BTreeMap<String, Skipped>,
    /// Rules that are none.
    pub bad_rules: BTreeSet<BadRule>,
}

/// A line of a file of rules that is no rule, or a whole file that cannot be read. It passes nothing over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BadRule {
    /// The file, from the folder on.
    pub path: String,
    /// Which line it is, from 1; none for the whole file.
    pub line: Option<u64>,
    /// What is wrong.
    pub why: String,
}

/// Why something in a folder cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// A socket, a pipe or a device.
    NoFile,
    /// A folder with a repo of its own.
    OtherRepo,
    /// A name that no repo may hold.
    Name,
}

/// One thing that the walk met.
enum Met {
    /// A folder to look into, or something that is gone by now.
    Nothing,
    File(FilePath, Seen),
    Skipped(String, Skipped),
    BadRule(BadRule),
}

/// Looks through a folder. Tracked files are there even if a rule passes them over.
///
/// # Errors
/// What the system reports. A rule that is none passes nothing over, as in git, and is told.
pub(super) fn walk(root: &Path, disk: &Disk, index: &Index) -> Result<Found> {
    let mut found = Found::default();
    let (sender, met) = mpsc::channel();
    builder(root).build_parallel().run(|| {
        let sender = sender.clone();
        Box::new(move |entry| {
            let rules = entry.as_ref().ok().and_then(DirEntry::error).map(|cause| bad_rules(root, cause));
            for rule in rules.into_iter().flatten() {
                let _ = sender.send(Ok(Met::BadRule(rule)));
            }
            let met = entry.map_err(|cause| broken(root, cause)).and_then(|entry| meet(root, &entry));
            let is_closed = matches!(met, Ok(Met::Skipped(_, Skipped::OtherRepo)));
            match (sender.send(met), is_closed) {
                (Err(_), _) => WalkState::Quit,
                (Ok(()), true) => WalkState::Skip,
                (Ok(()), false) => WalkState::Continue,
            }
        })
    });
    drop(sender);
    for met in met {
        match met? {
            Met::Nothing => {}
            Met::File(path, seen) => drop(found.files.insert(path, seen)),
            Met::Skipped(path, why) => drop(found.skipped.insert(path, why)),
            Met::BadRule(rule) => drop(found.bad_rules.insert(rule)),
        }
    }
    add_tracked(disk, index, &mut found)?;
    Ok(found)
}

fn builder(root: &Path) -> WalkBuilder {
    let mut builder = WalkBuilder::new(root);
    builder.standard_filters(false).add_custom_ignore_filename(IGNORE).follow_links(false).threads(0);
    builder.filter_entry(|entry| entry.file_name() != NAME && entry.file_name() != ".git");
    builder
}

fn meet(root: &Path, entry: &DirEntry) -> Result<Met> {
    let path = entry.path();
    let below = path.strip_prefix(root).unwrap_or(path);
    let Some(seen) = Seen::at(path).map_err(|cause| from_io("look at", path, cause))? else {
        return Ok(Met::Nothing);
    };
    let skipped = |why| Met::Skipped(below.to_string_lossy().into_owned(), why);
    Ok(match (repo_path(below), seen.kind) {
        (_, Kind::Folder) if entry.depth() > 0 && is_repo(path) => skipped(Skipped::OtherRepo),
        (_, Kind::Folder) => Met::Nothing,
        (_, Kind::Other) => skipped(Skipped::NoFile),
        (None, _) => skipped(Skipped::Name),
        (Some(path), _) => Met::File(path, seen),
    })
}

fn is_repo(path: &Path) -> bool {
    path.join(NAME).join("store.db").is_file()
}

/// Tracked files that the walk did not meet: gone, or named by a rule that came after them.
fn add_tracked(disk: &Disk, index: &Index, found: &mut Found) -> Result<()> {
    for path in index.files.keys() {
        if found.files.contains_key(path) {
            continue;
        }
        match disk.seen(path)? {
            Some(seen) if !matches!(seen.kind, Kind::Folder | Kind::Other) => {
                found.files.insert(path.clone(), seen);
            }
            _ => {}
        }
    }
    Ok(())
}

/// What is wrong with the rules of a folder.
fn bad_rules(root: &Path, cause: &ignore::Error) -> Vec<BadRule> {
    let (mut rules, mut open) = (Vec::new(), vec![(cause, root.join(IGNORE), None)]);
    while let Some((cause, path, line)) = open.pop() {
        match cause {
            ignore::Error::Partial(causes) => open.extend(causes.iter().map(|cause| (cause, path.clone(), line))),
            ignore::Error::WithPath { path, err } => open.push((err, path.clone(), line)),
            ignore::Error::WithLineNumber { line, err } => open.push((err, path, Some(*line))),
            ignore::Error::WithDepth { err, .. } => open.push((err, path, line)),
            cause => {
                let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                rules.push(BadRule { path, line, why: cause.to_string() });
            }
        }
    }
    rules
}

fn broken(root: &Path, cause: ignore::Error) -> TrellisError {
    match cause.io_error() {
        Some(_) => TrellisError::new(Code::PermissionDenied, format!("Could not look through the folder: {cause}.")),
        None => TrellisError::new(Code::ConfigInvalid, format!("A rule in a {IGNORE} file is none: {cause}.")),
    }
    .at_path(root)
}
