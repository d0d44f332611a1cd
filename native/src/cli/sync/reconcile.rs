//! `trellis sync reconcile`: makes this repo and another one on this machine equal.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use trellis_sync::core::merge::conflict::Conflict;
use trellis_sync::core::op::id::ConflictId;
use trellis_sync::core::reconcile::{Reconciled, Relation};
use trellis_sync::files::{Folders, merging_by_lines};
use trellis_sync::{Access, Code, Exchange, Keep, Repo, Result, TrellisError};

use crate::cli::clone::expect_folder;
use crate::cli::conflicts::{each_once, exit_with, print_conflicts, print_left};
use crate::cli::context::Context;
use crate::cli::doc::{ConflictDoc, ids};
use crate::cli::files::{
    FileConflictDoc, FilePaths, SettledDoc, clashes_of, missing_blobs, paths_in, print_file_conflicts, print_missing,
    shown_paths,
};
use crate::cli::page::{Look, Page, clean};
use crate::cli::report::{ErrorDoc, Exit, Outcome, Told, done};
use crate::cli::words::count;

/// Compare with another repo on this machine, and exchange what each lacks
///
/// Without --apply this is a preview: nothing is changed anywhere.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  trellis sync reconcile --remote ../notes
  trellis sync reconcile --remote ../notes --apply

Exit code 2 says that conflicts are open, or would be.")]
pub(crate) struct Reconcile {
    /// The folder of the other repo
    #[arg(long, value_name = "PATH")]
    remote: PathBuf,
    /// Do it: both repos then hold the same ops
    #[arg(long)]
    apply: bool,
    /// Whose line stays, where a linear branch has diverged
    #[arg(long, value_name = "SIDE", requires = "apply")]
    keep: Option<Side>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Side {
    Local,
    Remote,
}

impl From<Side> for Keep {
    fn from(side: Side) -> Keep {
        match side {
            Side::Local => Keep::Local,
            Side::Remote => Keep::Remote,
        }
    }
}

impl Reconcile {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        expect_folder(context, &self.remote)?;
        let local = context.repo().await?;
        let access = if self.apply { Access::Write } else { Access::Read };
        let remote = context.open(&context.path(&self.remote), access).await?;
        expect_two(&local, &remote)?;
        if !self.apply {
            return done(Compared::before(&local, &remote, self.remote).await?);
        }
        let exchange = local.reconcile_with(&remote, self.keep.map(Keep::from)).await?;
        let paths = paths_of_both(&local, &remote).await;
        let clashes = clashes_of(&local.files(&[]).await.unwrap_or_default().tree);
        let compared = Compared::new(&exchange.reconciled, self.remote, &paths, &BTreeSet::new());
        done(Compared { clashes, ..compared.applied(&exchange, self.keep) })
    }
}

/// Where the files of both are shown. A side that does not have the branch shows none.
async fn paths_of_both(local: &Repo, remote: &Repo) -> FilePaths {
    let mut paths = FilePaths::new();
    for repo in [&remote.on_branch(local.branch()), local] {
        paths.extend(shown_paths(&repo.files(&[]).await.unwrap_or_default()));
    }
    paths
}

fn expect_two(local: &Repo, remote: &Repo) -> Result<()> {
    if local.folder() != remote.folder() {
        return Ok(());
    }
    let path = remote.folder().root();
    let message = format!("{} is this very repo. Name the folder of another one.", path.display());
    Err(TrellisError::new(Code::InvalidArgument, message).at_path(path))
}

/// What to do about a linear branch with several lines, before and after a side gave way.
fn two_lines(branch: &str, keep: Option<Side>) -> TrellisError {
    let message = match keep {
        None => format!(
            "The linear branch {branch} has two lines, and nobody can write to it. Say whose line stays: add --keep local \
             or --keep remote."
        ),
        Some(_) => format!(
            "The linear branch {branch} has another line, of a third copy, and nobody can write to it. Reconcile with that \
             one in the same way."
        ),
    };
    TrellisError::new(Code::Diverged, message)
}

/// What two repos make together.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Compared {
    remote: PathBuf,
    applied: bool,
    relation: &'static str,
    fork_point: Option<String>,
    fork_heads: Vec<String>,
    merged: usize,
    only_local: Vec<String>,
    only_remote: Vec<String>,
    conflicts: Vec<String>,
    conflict_records: Vec<ConflictDoc>,
    /// Paths that several files claim, or would.
    clashes: Vec<FileConflictDoc>,
    new_conflicts: Vec<String>,
    clean: bool,
    missing: Vec<String>,
    invalid: Vec<InvalidDoc>,
    /// Ops that were written anew on top of the line that stays.
    rebased: Vec<String>,
    /// Linear branches that still have two lines.
    diverged: Vec<String>,
    /// Blobs that were carried either way.
    blobs: usize,
    /// Blobs that ops name and that the side which gave the ops lacks itself.
    missing_blobs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<SettledDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_folder: Option<SettledDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorDoc>,
    #[serde(skip)]
    keep: Option<Side>,
}

#[derive(Serialize)]
struct InvalidDoc {
    op: String,
    reason: String,
}

impl Compared {
    /// What two repos would make together.
    pub(super) async fn before(local: &Repo, remote: &Repo, shown: PathBuf) -> Result<Compared> {
        let (preview, tree) = local.reconcile_preview(remote).await?;
        let mut paths = paths_of_both(local, remote).await;
        paths.extend(paths_in(&tree));
        let merging = merging_by_lines(&[local, remote], &preview.conflict_records).await?;
        let clashes = clashes_of(&tree);
        Ok(Compared { clashes, ..Compared::new(&preview, shown, &paths, &merging) })
    }

    fn new(of: &Reconciled, remote: PathBuf, paths: &FilePaths, merging: &BTreeSet<ConflictId>) -> Compared {
        let record = |conflict: &Conflict| ConflictDoc {
            merges_by_lines: merging.contains(&conflict.id),
            ..ConflictDoc::named(conflict, paths)
        };
        let invalid =
            of.invalid.iter().map(|(op, reason)| InvalidDoc { op: op.to_string(), reason: reason.to_string() });
        Compared {
            remote,
            applied: false,
            relation: relation_word(of.relation),
            fork_point: of.fork_point.map(|op| op.to_string()),
            fork_heads: ids(&of.fork_heads),
            merged: of.merged.len(),
            only_local: ids(&of.only_local),
            only_remote: ids(&of.only_remote),
            conflicts: of.conflicts.clone(),
            conflict_records: of.conflict_records.iter().map(record).collect(),
            clashes: Vec::new(),
            new_conflicts: of.new_conflicts.iter().map(|conflict| conflict.id.to_string()).collect(),
            clean: of.clean,
            missing: ids(&of.missing),
            invalid: invalid.collect(),
            rebased: Vec::new(),
            diverged: Vec::new(),
            blobs: 0,
            missing_blobs: Vec::new(),
            folder: None,
            remote_folder: None,
            error: None,
            keep: None,
        }
    }

    fn applied(self, exchange: &Exchange, keep: Option<Side>) -> Compared {
        let diverged = exchange.diverged.clone();
        let error = diverged.first().map(|branch| ErrorDoc::from(&two_lines(branch, keep)));
        let Folders { local, remote, carried } = &exchange.folders;
        Compared {
            applied: true,
            rebased: ids(&exchange.rebased),
            diverged,
            blobs: carried.blobs.len(),
            missing_blobs: missing_blobs(carried),
            folder: local.as_ref().map(SettledDoc::new),
            remote_folder: remote.as_ref().map(SettledDoc::new),
            error,
            keep,
            ..self
        }
    }

    fn print_applied(&self, page: &mut Page<'_>) -> io::Result<()> {
        print_missing(&self.missing_blobs, page)?;
        print_left(&self.conflict_records, self.folder.as_ref(), page)?;
        match &self.remote_folder {
            Some(folder) if !folder.kept_back.is_empty() => {
                page.line(format!("In {}:", clean(&self.remote.display().to_string())))?;
                folder.print_stayed(page)
            }
            _ => Ok(()),
        }
    }

    fn print_expected(&self, page: &mut Page<'_>) -> io::Result<()> {
        let (merging, open): (Vec<&ConflictDoc>, Vec<&ConflictDoc>) =
            each_once(&self.conflict_records).into_iter().partition(|conflict| conflict.merges_by_lines);
        for conflict in merging {
            page.line(format!("  {} merges by lines", clean(conflict.shown_at())))?;
        }
        print_conflicts(open.iter().copied(), page)?;
        print_file_conflicts(&self.clashes, page)?;
        match open.len() + self.clashes.len() {
            0 => Ok(()),
            open => page.line(format!("{} would be open.", count(open, "conflict"))),
        }
    }

    fn headline(&self, page: &Page<'_>) -> String {
        let (ours, theirs) = (count(self.only_local.len(), "op"), count(self.only_remote.len(), "op"));
        let other = page.paint(Look::Name, &clean(&self.remote.display().to_string()));
        match (self.relation, self.applied) {
            ("equal", _) => format!("Equal: this repo and {other} hold the same {}.", count(self.merged, "op")),
            (_, true) => {
                format!("Took {theirs} from {other} and gave it {ours}. Both now hold {}.", count(self.merged, "op"))
            }
            (_, false) => format!("Would take {theirs} from {other} and give it {ours}."),
        }
    }
}

fn relation_word(relation: Relation) -> &'static str {
    match relation {
        Relation::Equal => "equal",
        Relation::Behind => "behind",
        Relation::Ahead => "ahead",
        Relation::Diverged => "diverged",
    }
}

impl Told for Compared {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        page.line(self.headline(page))?;
        match self.applied {
            true => self.print_applied(page)?,
            false => self.print_expected(page)?,
        }
        if !self.rebased.is_empty() {
            page.line(format!("{} written anew on top of the line that stays.", count(self.rebased.len(), "op")))?;
        }
        self.diverged.iter().try_for_each(|branch| page.line(two_lines(branch, self.keep).message()))?;
        match self.applied || self.relation == "equal" {
            true => Ok(()),
            false => page.remark("Nothing was changed; --apply does it."),
        }
    }

    fn exit(&self) -> Exit {
        match (&self.error, self.clashes.is_empty()) {
            (Some(_), _) => Exit::Error,
            (None, false) => Exit::ConflictsOpen,
            (None, true) => exit_with(&self.conflict_records, self.folder.as_ref()),
        }
    }
}
