//! What has to be written so that a branch shows the files of a commit: every file of the commit gets an entity, and
//! what is left of the others goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::OpId;
use trellis_core::view::files::{FileMode, FilePath};

use crate::error::Result;
use crate::files::rename::{Candidate, Lines, PAIRS_MAX, renames};

/// What a commit has at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub content: BlobRef,
    pub mode: FileMode,
}

/// A file of the branch that may have to change.
#[derive(Clone, Debug)]
pub(super) struct Present {
    pub key: Arc<str>,
    /// Where it was on the branch before anything was merged into that.
    pub before: Option<FilePath>,
    /// What it shows; none where it is gone.
    pub shown: Option<(FilePath, Wanted)>,
    /// The writes that it is made of.
    pub base: Arc<[OpId]>,
    /// Whether its writes agree.
    pub is_settled: bool,
}

/// What becomes of the files of a branch.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// By path the file that stands there: one that is present, by its number, or a new one.
    pub files: BTreeMap<FilePath, Option<usize>>,
    /// The present ones that go.
    pub gone: Vec<usize>,
}

impl Plan {
    /// Gives every path that is wanted a file: the one that is there, else one that the merge brought there, else one
    /// that moved, else a new one. `lines` reads those of files that may have moved.
    pub(super) fn new(
        wanted: &BTreeMap<FilePath, Wanted>,
        present: &[Present],
        lines: impl FnMut(&BlobRef) -> Result<Lines>,
    ) -> Result<Plan> {
        let mut plan = Draft { wanted, present, taken: BTreeSet::new(), files: BTreeMap::new() };
        plan.take(|path, file, _| is_at(file, path) && file.before.as_ref() == Some(path));
        plan.take(|path, file, wanted| is_at(file, path) && file.shown.as_ref().map(|(_, held)| held) == Some(wanted));
        plan.take(|path, file, _| is_at(file, path));
        plan.take(|path, file, _| file.shown.is_none() && file.before.as_ref() == Some(path));
        plan.take_moved(lines)?;
        Ok(plan.finish())
    }
}

fn is_at(file: &Present, path: &FilePath) -> bool {
    file.shown.as_ref().is_some_and(|(at, _)| at == path)
}

struct Draft<'a> {
    wanted: &'a BTreeMap<FilePath, Wanted>,
    present: &'a [Present],
    taken: BTreeSet<usize>,
    files: BTreeMap<FilePath, Option<usize>>,
}

impl Draft<'_> {
    /// Gives paths that have no file yet the first one that fits.
    fn take(&mut self, fits: impl Fn(&FilePath, &Present, &Wanted) -> bool) {
        let mut at: BTreeMap<&FilePath, Vec<usize>> = BTreeMap::new();
        for (number, file) in self.present.iter().enumerate() {
            let paths: BTreeSet<&FilePath> =
                file.before.iter().chain(file.shown.as_ref().map(|(path, _)| path)).collect();
            paths.into_iter().for_each(|path| at.entry(path).or_default().push(number));
        }
        for (path, wanted) in self.wanted {
            if self.files.contains_key(path) {
                continue;
            }
            let mut candidates = at.get(path).into_iter().flatten();
            let fitting =
                |number: &&usize| !self.taken.contains(*number) && fits(path, &self.present[**number], wanted);
            if let Some(number) = candidates.find(fitting) {
                self.taken.insert(*number);
                self.files.insert(path.clone(), Some(*number));
            }
        }
    }

    /// Finds files that moved as `record` does.
    fn take_moved(&mut self, mut lines: impl FnMut(&BlobRef) -> Result<Lines>) -> Result<()> {
        let gone: Vec<(usize, &FilePath, &Wanted)> = self
            .present
            .iter()
            .enumerate()
            .filter(|(number, _)| !self.taken.contains(number))
            .filter_map(|(number, file)| file.shown.as_ref().map(|(path, held)| (number, path, held)))
            .collect();
        let new: Vec<(&FilePath, &Wanted)> =
            self.wanted.iter().filter(|(path, _)| !self.files.contains_key(*path)).collect();
        if gone.is_empty() || new.is_empty() {
            return Ok(());
        }
        let is_compared = gone.len().saturating_mul(new.len()) <= PAIRS_MAX;
        let mut candidate = |path: &FilePath, held: &Wanted| {
            let lines = match is_compared && held.mode != FileMode::Link {
                true => lines(&held.content)?,
                false => Lines::default(),
            };
            Ok(Candidate { path: path.clone(), blob: held.content.blob, lines })
        };
        let from: Vec<Candidate> = gone.iter().map(|(_, path, held)| candidate(path, held)).collect::<Result<_>>()?;
        let to: Vec<Candidate> = new.iter().map(|(path, held)| candidate(path, held)).collect::<Result<_>>()?;
        for (path, from) in renames(&from, &to) {
            if let Some((number, ..)) = gone.iter().find(|(number, at, _)| **at == from && !self.taken.contains(number))
            {
                self.taken.insert(*number);
                self.files.insert(path, Some(*number));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Plan {
        for path in self.wanted.keys() {
            self.files.entry(path.clone()).or_default();
        }
        let is_left = |(number, file): &(usize, &Present)| {
            !self.taken.contains(number) && (file.shown.is_some() || !file.is_settled)
        };
        let gone = self.present.iter().enumerate().filter(is_left).map(|(number, _)| number).collect();
        Plan { files: self.files, gone }
    }
}
