//! Settling: the folder becomes what the branch shows, and no change that is not recorded is lost.
//!
//! A file is replaced only where it is as the index says, or holds what is to be written already. Everything else stays
//! as it is and is named. The index is written last, so after a kill the next command finds what was written and goes
//! on.

use std::collections::{BTreeMap, BTreeSet};

use trellis_core::merge::conflict::Conflict;
use trellis_core::op::id::{ContentHash, OpId};
use trellis_core::output::FilesView;
use trellis_core::view::files::{FileMode, FilePath};

use super::conflicts::{FileConflict, file_conflicts};
use super::content::{self, mode_of};
use super::index::Entry;
use super::lines::Merged;
use super::merge::conflicts_of_lines;
use super::stat::{Kind, Seen, Stat};
use super::workspace::Workspace;
use crate::error::{Code, Result, TrellisError};
use crate::progress::Work;

/// What became of a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// Files that were written.
    pub written: Vec<FilePath>,
    /// Files that were removed.
    pub removed: Vec<FilePath>,
    /// Files that stayed as they are because they have changes that are not recorded.
    pub kept_back: Vec<FilePath>,
    /// Files that this system cannot hold.
    pub refused: Vec<FilePath>,
    /// Files whose content is not here.
    pub absent: Vec<FilePath>,
    /// Ops that merged contents by lines.
    pub merged: Vec<OpId>,
    /// The conflicts that are open now.
    pub conflicts: Vec<FileConflict>,
}

/// A file as it is to be in the folder.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) entry: Entry,
    /// The text of a conflict, which is nowhere in the store.
    text: Option<Vec<u8>>,
}

/// What a file holds, and what kind of file it is.
pub(super) type Holds = (ContentHash, FileMode);

/// How a file of the folder stands to its entry in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing is there.
    Absent,
    /// It is as the index says.
    Unchanged,
    /// It is something else.
    Changed(Holds, Stat),
    /// It is no file.
    NoFile,
}

impl Workspace {
    /// Merges what merges, and brings the folder to what its branch shows.
    ///
    /// # Errors
    /// What reading and writing fail with. What was done until then stays, and the next call does the rest.
    pub async fn settle(&mut self) -> Result<Settled> {
        let mut row = self.store.last_seq()?;
        let mut view = self.repo.files(&[]).await?;
        let merged = self.merge_contents(&view).await?;
        if !merged.is_empty() {
            row = self.store.last_seq()?;
            view = self.repo.files(&[]).await?;
        }
        let targets = self.targets(&view)?;
        let mut settled = Settled { merged, conflicts: file_conflicts(&view), ..Settled::default() };
        let blocked = self.blocked(&targets)?;
        let brought = self.bring_all(targets, &blocked, &mut settled);
        brought.map_err(|error| self.half_way(error, settled.written.len() + settled.removed.len()))?;
        self.index.branch = Some(self.repo.branch().to_owned());
        self.index.row = row;
        self.index.conflicts = settled.conflicts.iter().cloned().map(FileConflict::without_record).collect();
        self.write_index()?;
        Ok(settled)
    }

    /// Brings the folder to another branch.
    ///
    /// # Errors
    /// `not_found` where there is no such branch; `unrecorded_changes` where that would meet changes that are not
    /// recorded; otherwise as [`Workspace::settle`].
    pub async fn switch(&mut self, branch: &str) -> Result<Settled> {
        let repo = self.repo.on_branch(branch);
        let view = repo.files(&[]).await?;
        self.expect_recorded(&view)?;
        self.repo = repo;
        self.settle().await
    }

    /// The workspace with an index, made anew from the branch where it is lost: then a file is tracked where something is
    /// at its path, whatever that holds.
    ///
    /// # Errors
    /// What reading fails with.
    pub async fn with_index(mut self) -> Result<Workspace> {
        if self.index.branch.is_some() {
            return Ok(self);
        }
        let view = self.repo.files(&[]).await?;
        for (path, target) in self.targets(&view)? {
            if self.disk.seen(&path)?.is_some_and(|seen| mode_of(seen.kind).is_some()) {
                self.index.files.insert(path, target.entry);
            }
        }
        Ok(self)
    }

    /// How many files the folder shows otherwise than the branch.
    pub(super) fn differing(&self, view: &FilesView) -> Result<usize> {
        let targets = self.targets(view)?;
        let is_shown = |(path, target): &(&FilePath, &Target)| {
            self.index.files.get(*path).is_some_and(|entry| holds(entry) == holds(&target.entry))
        };
        let gone = self.index.files.keys().filter(|path| !targets.contains_key(*path)).count();
        Ok(gone + targets.iter().filter(|file| !is_shown(file)).count())
    }

    /// Refuses where bringing the folder to another branch would meet changes that are not recorded.
    ///
    /// # Errors
    /// `unrecorded_changes`, with the files.
    pub(super) fn expect_recorded(&self, view: &FilesView) -> Result<()> {
        let targets = self.targets(view)?;
        let blocked = self.blocked(&targets)?;
        let is_meant = |(_, entry): &(&FilePath, &Entry)| blocked.contains(&entry.key);
        let mut files: BTreeSet<&FilePath> = self.index.files.iter().filter(is_meant).map(|(path, _)| path).collect();
        files.extend(targets.iter().filter(|(_, target)| blocked.contains(&target.entry.key)).map(|(path, _)| path));
        match files.is_empty() {
            true => Ok(()),
            false => Err(unrecorded(&files)),
        }
    }

    /// Every file as the branch shows it, by the path where it is shown.
    pub(super) fn targets(&self, view: &FilesView) -> Result<BTreeMap<FilePath, Target>> {
        let conflicts = conflicts_of_lines(view);
        let files = view.tree.files.iter().map(|(path, placed)| {
            let shown = view.files.get(&placed.file.key);
            let conflict = conflicts.get(placed.file.key.as_str());
            let text = conflict.map(|conflict| self.marked_text(conflict)).transpose()?.flatten();
            let entry = Entry {
                key: placed.file.key.clone(),
                base: shown.map(|shown| shown.frontier.clone()).unwrap_or_default(),
                twins: placed.twins.clone(),
                path: placed.file.body.path.clone(),
                content: placed.file.body.content,
                mode: placed.file.body.mode,
                marked: text.as_deref().map(ContentHash::of),
                stat: None,
            };
            Ok((path.clone(), Target { entry, text }))
        });
        files.collect()
    }

    fn marked_text(&self, conflict: &Conflict) -> Result<Option<Vec<u8>>> {
        match self.merged(conflict)? {
            Some(Merged::Marked(text)) => Ok(Some(text)),
            _ => Ok(None),
        }
    }

    /// Keys of files that stay as they are: those whose place in the folder, now or as it is to be, has changes that
    /// are not recorded.
    fn blocked(&self, targets: &BTreeMap<FilePath, Target>) -> Result<BTreeSet<String>> {
        let mut blocked = BTreeSet::new();
        for (path, entry) in &self.index.files {
            let target = targets.get(path).filter(|target| target.entry.key == entry.key);
            if target.is_some_and(|target| holds(&target.entry) == holds(entry)) {
                continue;
            }
            let wanted = target.map(|target| holds(&target.entry));
            match self.state(path, Some(entry))? {
                State::Unchanged => {}
                State::Absent if target.is_none() => {}
                State::Changed(holds, _) if Some(holds) == wanted => {}
                _ => drop(blocked.insert(entry.key.clone())),
            }
        }
        let mut open = BTreeMap::new();
        for (path, target) in targets.iter().filter(|(path, _)| !self.index.files.contains_key(*path)) {
            match self.state(path, None)? {
                State::Absent if !self.is_open(path.parent(), &blocked, &mut open)? => {
                    blocked.insert(target.entry.key.clone());
                }
                State::Changed(found, _) if found != holds(&target.entry) => {
                    blocked.insert(target.entry.key.clone());
                }
                State::NoFile if !self.is_emptied(path, targets) => {
                    blocked.insert(target.entry.key.clone());
                }
                _ => {}
            }
        }
        Ok(blocked)
    }

    /// Whether a folder can be there: nothing else is at its path or one above it but tracked files that go. `known` keeps
    /// answers.
    fn is_open(
        &self,
        folder: Option<FilePath>,
        blocked: &BTreeSet<String>,
        known: &mut BTreeMap<FilePath, bool>,
    ) -> Result<bool> {
        let Some(folder) = folder else { return Ok(true) };
        if let Some(is_open) = known.get(&folder) {
            return Ok(*is_open);
        }
        let is_open = match self.disk.seen(&folder)?.map(|seen| seen.kind) {
            Some(Kind::Folder) => true,
            Some(_) => self.index.files.get(&folder).is_some_and(|entry| !blocked.contains(&entry.key)),
            None => self.is_open(folder.parent(), blocked, known)?,
        };
        known.insert(folder, is_open);
        Ok(is_open)
    }

    /// Whether a folder that stands where a file is to be holds only tracked files that go.
    fn is_emptied(&self, path: &FilePath, targets: &BTreeMap<FilePath, Target>) -> bool {
        let goes = |file: &FilePath| !targets.contains_key(file);
        self.disk
            .files_below(path)
            .is_ok_and(|files| files.iter().all(|file| self.index.files.contains_key(file) && goes(file)))
    }

    /// Removes files that the branch no longer has at their path. Returns the keys of those that stay.
    fn remove_others(
        &mut self,
        targets: &BTreeMap<FilePath, Target>,
        blocked: &BTreeSet<String>,
        settled: &mut Settled,
    ) -> Result<BTreeSet<String>> {
        let mut kept = BTreeSet::new();
        let is_other = |(path, _): &(&FilePath, &Entry)| !targets.contains_key(*path);
        let others: Vec<(FilePath, String)> =
            self.index.files.iter().filter(is_other).map(|(path, entry)| (path.clone(), entry.key.clone())).collect();
        for (path, key) in others {
            if blocked.contains(&key) {
                settled.kept_back.push(path);
                kept.insert(key);
                continue;
            }
            self.disk.remove(&path)?;
            self.index.files.remove(&path);
            settled.removed.push(path);
        }
        Ok(kept)
    }

    /// Removes what is to go, and makes every file that is not blocked what it is to be.
    fn bring_all(
        &mut self,
        targets: BTreeMap<FilePath, Target>,
        blocked: &BTreeSet<String>,
        settled: &mut Settled,
    ) -> Result<()> {
        let kept = self.remove_others(&targets, blocked, settled)?;
        let mut meter = self.repo.watcher().meter(Work::Writing, size_of(&targets));
        for (path, target) in targets {
            let size = target.entry.content.size;
            match (blocked.contains(&target.entry.key), kept.contains(&target.entry.key)) {
                (false, _) => self.bring(path, target, settled)?,
                (true, false) => settled.kept_back.push(path),
                (true, true) => {}
            }
            meter.add(size);
        }
        Ok(())
    }

    /// Makes one file what it is to be.
    fn bring(&mut self, path: FilePath, target: Target, settled: &mut Settled) -> Result<()> {
        let before = self.index.files.get(&path);
        let state = self.state(&path, before)?;
        let wanted = holds(&target.entry);
        let stat = match (state, before) {
            (State::Changed(found, stat), _) if found == wanted => Some(stat),
            // Whether it has changes that are not recorded or not, nothing new is to be written.
            (_, Some(before)) if holds(before) == wanted => before.stat,
            (State::Changed(_, stat), None) => {
                self.keep_what_came(path, stat, settled);
                return Ok(());
            }
            _ => match self.write(&path, &target, settled)? {
                Some(stat) => Some(stat),
                None => return Ok(()),
            },
        };
        self.index.files.insert(path, Entry { stat, ..target.entry });
        Ok(())
    }

    /// An error after some files were brought up to date.
    fn half_way(&self, error: TrellisError, brought: usize) -> TrellisError {
        if brought == 0 {
            return error;
        }
        let (message, branch) = (error.message(), self.repo.branch());
        let message = format!(
            "{message} {brought} of the folder's files were brought up to date before that; `trellis switch {branch}` \
             does the rest."
        );
        let told = TrellisError::new(error.code(), message);
        match error.path() {
            Some(path) => told.at_path(path),
            None => told,
        }
        .caused_by(error)
    }

    /// What stands where nothing did when the folder was looked at: either it came meanwhile, or it is another file of the
    /// branch, under a name that this system takes for the same. Neither is overwritten.
    fn keep_what_came(&self, path: FilePath, stat: Stat, settled: &mut Settled) {
        let is_of_branch = self.index.files.values().any(|entry| entry.stat == Some(stat));
        let stayed = if is_of_branch { &mut settled.refused } else { &mut settled.kept_back };
        stayed.push(path);
    }

    /// Writes a file; none where that cannot be, which is told and is no failure.
    fn write(&mut self, path: &FilePath, target: &Target, settled: &mut Settled) -> Result<Option<Stat>> {
        if self.disk.seen(path)?.is_some_and(|seen| seen.kind == Kind::Folder) {
            self.disk.remove_folders(path)?;
        }
        match self.write_target(path, target) {
            Ok(seen) => {
                settled.written.push(path.clone());
                Ok(Some(seen.stat))
            }
            Err(error) if error.code() == Code::PathRefused => {
                settled.refused.push(path.clone());
                Ok(None)
            }
            Err(error) if error.code() == Code::BodyMissing => {
                settled.absent.push(path.clone());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Puts what a file is to hold in its place.
    pub(super) fn write_target(&mut self, path: &FilePath, target: &Target) -> Result<Seen> {
        match &target.text {
            Some(text) => self.disk.write(path, target.entry.mode, text.as_slice()),
            None => self.disk.write(path, target.entry.mode, self.store.read_blob(&target.entry.content.blob)?),
        }
    }

    /// Whether the folder holds what an entry says.
    pub(super) fn is_held(&self, path: &FilePath, entry: &Entry) -> Result<bool> {
        Ok(match self.state(path, self.index.files.get(path))? {
            State::Unchanged => self.index.files.get(path).is_some_and(|tracked| holds(tracked) == holds(entry)),
            State::Changed(found, _) => found == holds(entry),
            State::Absent | State::NoFile => false,
        })
    }

    fn state(&self, path: &FilePath, entry: Option<&Entry>) -> Result<State> {
        let Some(seen) = self.disk.seen(path)? else { return Ok(State::Absent) };
        let Some(mode) = mode_of(seen.kind) else { return Ok(State::NoFile) };
        if entry.is_some_and(|entry| entry.mode == mode && self.index.is_proven(entry, &seen.stat)) {
            return Ok(State::Unchanged);
        }
        let (content, seen) = content::hash(&self.disk, path)?;
        match entry {
            Some(entry) if entry.hash() == content.blob && entry.mode == mode => Ok(State::Unchanged),
            _ => Ok(State::Changed((content.blob, mode), seen.stat)),
        }
    }
}

/// What the folder holds for an entry.
pub(super) fn holds(entry: &Entry) -> Holds {
    (entry.hash(), entry.mode)
}

/// How long all files are, in bytes.
fn size_of(targets: &BTreeMap<FilePath, Target>) -> u64 {
    targets.values().map(|target| target.entry.content.size).sum()
}

fn unrecorded(files: &BTreeSet<&FilePath>) -> TrellisError {
    let shown: Vec<String> = files.iter().take(10).map(|path| path.to_string()).collect();
    let more =
        if files.len() > shown.len() { format!(" and {} more", files.len() - shown.len()) } else { String::new() };
    let message = format!(
        "These files have changes that are not recorded and would be overwritten: {}{more}. Record them with \
         `trellis record`, or give them back with `trellis restore`.",
        shown.join(", ")
    );
    TrellisError::new(Code::UnrecordedChanges, message)
}
