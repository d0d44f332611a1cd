//! `trellis conflicts`: what stands against what.

use std::io;

use clap::Args;
use serde::Serialize;
use trellis_sync::files::About;
use trellis_sync::{Repo, Result};

use super::context::Context;
use super::doc::ConflictDoc;
use super::files::{FileConflictDoc, SettledDoc, clashes_of, print_file_conflicts, shown_paths};
use super::page::{Cell, Look, Page, clean};
use super::report::{Exit, Outcome, Told, done};
use super::words::count;

/// Show the open conflicts of the branch, with every side
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis conflicts\n\nExit code 2 says that there are some.")]
pub(crate) struct Conflicts {}

impl Conflicts {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let (conflicts, clashes) = open_conflicts(&repo).await?;
        done(Open { branch: repo.branch().into(), conflicts, clashes })
    }
}

/// The open conflicts of a branch, those of files by their paths, and paths that several files claim.
pub(crate) async fn open_conflicts(repo: &Repo) -> Result<(Vec<ConflictDoc>, Vec<FileConflictDoc>)> {
    let (conflicts, view) = (repo.conflicts().await?, repo.files(&[]).await?);
    let paths = shown_paths(&view);
    let conflicts = conflicts.iter().map(|conflict| ConflictDoc::named(conflict, &paths)).collect();
    Ok((conflicts, clashes_of(&view.tree)))
}

/// Conflicts.
#[derive(Serialize)]
struct Open {
    branch: String,
    conflicts: Vec<ConflictDoc>,
    clashes: Vec<FileConflictDoc>,
}

impl Told for Open {
    fn is_long(&self) -> bool {
        true
    }

    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let conflicts = each_once(&self.conflicts);
        let open = conflicts.len() + self.clashes.len();
        if open == 0 {
            return page.remark("No open conflicts.");
        }
        print_conflicts(conflicts.into_iter(), page)?;
        print_file_conflicts(&self.clashes, page)?;
        let open = count(open, "conflict");
        match self.conflicts.first().map(ConflictDoc::shown_at) {
            Some(one) => page.remark(format!("{open} open. Choose a side: trellis resolve {} --take A", clean(one))),
            None => page.remark(format!("{open} open.")),
        }
    }

    fn exit(&self) -> Exit {
        if self.clashes.is_empty() { exit_of(&self.conflicts) } else { Exit::ConflictsOpen }
    }
}

/// Conflicts as people count them: whether a file is there is one question, however many of its places are about it.
pub(crate) fn each_once(conflicts: &[ConflictDoc]) -> Vec<&ConflictDoc> {
    let mut once: Vec<&ConflictDoc> = conflicts.iter().collect();
    let is_removal = |conflict: &ConflictDoc| conflict.about == Some(About::Removal.as_str());
    once.dedup_by(|later, earlier| is_removal(later) && is_removal(earlier) && later.file == earlier.file);
    once
}

/// Exit code 2 where conflicts are open, or will be.
fn exit_of(conflicts: &[ConflictDoc]) -> Exit {
    if conflicts.iter().all(|conflict| conflict.merges_by_lines) { Exit::Done } else { Exit::ConflictsOpen }
}

/// Exit code 2 where conflicts are open, those of the folder included.
pub(crate) fn exit_with(conflicts: &[ConflictDoc], folder: Option<&SettledDoc>) -> Exit {
    match folder.map(SettledDoc::exit) {
        Some(Exit::ConflictsOpen) => Exit::ConflictsOpen,
        _ => exit_of(conflicts),
    }
}

/// What became of the folder, and the conflicts that are open. Those of files are told with the folder.
pub(crate) fn print_left(
    conflicts: &[ConflictDoc],
    folder: Option<&SettledDoc>,
    page: &mut Page<'_>,
) -> io::Result<()> {
    folder.map_or(Ok(()), |folder| folder.print(page))?;
    let is_told = |conflict: &&ConflictDoc| folder.is_some() && conflict.file.is_some();
    let once = each_once(conflicts);
    print_conflicts(once.iter().copied().filter(|conflict| !is_told(conflict)), page)?;
    let clashes = folder.map_or(0, SettledDoc::clashes);
    match once.len() + clashes {
        0 => Ok(()),
        open => page.line(format!("{} open.", count(open, "conflict"))),
    }
}

/// Each place with what was there and what every side says.
pub(crate) fn print_conflicts<'d>(
    mut conflicts: impl Iterator<Item = &'d ConflictDoc>,
    page: &mut Page<'_>,
) -> io::Result<()> {
    conflicts.try_for_each(|conflict| {
        let place = page.paint(Look::Name, &clean(conflict.shown_at()));
        match conflict.about {
            Some(about) => page.line(format!("{place} ({about})"))?,
            None => page.line(place)?,
        }
        let mut rows = vec![vec![Cell::new(Look::Dim, "  was"), Cell::new(Look::Plain, &conflict.base.line)]];
        rows.extend(conflict.sides.iter().map(|side| {
            vec![
                Cell::new(Look::Name, &format!("  {}", side.side)),
                Cell::new(Look::Plain, &side.value.line),
                Cell::new(Look::Dim, &format!("by {}", side.author.get(..8).unwrap_or_default())),
                page.id_cell(&side.op),
            ]
        }));
        page.table(&rows)
    })
}
