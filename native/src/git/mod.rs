//! Taking over the history of a git repository: commits become records, with their branches, merges and authors.
//!
//! `source` reads git, `history` puts its commits into an order, `branches` says where each is written, and `replay`
//! writes them. What was written before is found by `known`, so the same import again adds only what is new, and one
//! that was interrupted goes on.

mod branches;
mod changes;
mod history;
mod known;
mod plan;
mod replay;
mod source;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use trellis_core::op::header::REPO_BRANCH;

use self::branches::Branches;
use self::history::{At, History};
use self::known::Known;
use self::replay::Replay;
use self::source::Source;
use crate::error::Result;
use crate::files::{BlobLease, Settled, Workspace, shown_branch};
use crate::progress::Work;
use crate::repo::Repo;

/// Rows that are written before they are made durable together.
const GROUP_ROWS_MAX: usize = 512;
/// Bytes that are written before they are made durable together.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What an import brought.
#[derive(Clone, Debug, Default)]
pub struct GitImport {
    /// Whether there was nothing in the repo before.
    pub was_empty: bool,
    /// The commits that the repository's heads reach.
    pub commits: usize,
    /// Those that were written now.
    pub new_commits: usize,
    /// Every head, the one that is checked out in git first.
    pub heads: Vec<String>,
    /// The branches that carry what only merges reach.
    pub side_branches: usize,
    /// Writes of files.
    pub files: usize,
    /// Contents that were read.
    pub contents: usize,
    /// Where other repositories stand in this one; they are left out.
    pub submodules: BTreeSet<String>,
    /// Paths that no repo holds; their files are left out.
    pub refused: BTreeSet<String>,
    /// Heads that no branch can be called after; they are left out.
    pub refused_heads: Vec<String>,
}

/// Replays the history of the git repository at `path` into a repo: of every local head what is not here yet. Git's own
/// files are only read.
///
/// The thread that calls this does the work. `progress` hears of every commit; whoever waits for the disk hears of it
/// when this returns.
///
/// # Errors
/// `not_found` where there is no git repository, or an object of it is not to be read; `unsupported` for one that has
/// only a part of its history; what writing fails with. What was made durable until then stays, and the next import
/// goes on there.
pub async fn import_git(repo: &Repo, path: &Path) -> Result<GitImport> {
    let lease = BlobLease::share(repo.folder())?;
    let mut bulk = repo.bulk().await?;
    let source = Source::open(path)?;
    let found = source.heads()?;
    let history = History::read(&source, found.heads.iter().map(|(_, id)| *id))?;
    let heads: Vec<(String, At)> =
        found.heads.into_iter().filter_map(|(name, id)| Some((name, history.find(&id)?))).collect();
    let mut group = bulk.begin()?;
    let known = Known::read(&mut group, &history)?;
    let was_empty = known.branches().iter().all(|name| name == REPO_BRANCH);
    let branches = place(&history, &heads, &known);
    let mut replay = Replay::new(&source, history, branches, known);
    let missing = replay.missing();
    let mut meter = repo.watcher().meter(Work::Importing, missing.len() as u64);
    for at in &missing {
        replay.commit(&mut group, *at)?;
        meter.add(1);
        let (rows, bytes) = group.size();
        if rows >= GROUP_ROWS_MAX || bytes >= GROUP_BYTES_MAX {
            group.commit()?;
            group = bulk.begin()?;
        }
    }
    for (name, tip) in &heads {
        replay.move_head(&mut group, name, *tip)?;
    }
    group.commit()?;
    drop(lease);
    let commits = replay.history.len();
    let side_branches = replay.branches.side_count();
    let heads = heads.into_iter().map(|(name, _)| name).collect();
    Ok(GitImport { was_empty, commits, side_branches, heads, refused_heads: found.left_out, ..replay.report })
}

fn place(history: &History, heads: &[(String, At)], known: &Known) -> Branches {
    let written: BTreeMap<At, String> =
        known.commits.iter().map(|(at, written)| (*at, written.branch.clone())).collect();
    let imported: BTreeSet<&String> = written.values().collect();
    let others = known.branches().into_iter().filter(|name| !imported.contains(name));
    let taken = heads.iter().map(|(name, _)| name.clone()).chain(others).collect();
    Branches::place(history, heads, &written, &taken)
}

/// Brings the folder of a repo up to date after an import: where the repo was empty, to the branch that is checked out
/// in git, and else to what its own branch shows now. Returns the branch, and what became of the folder; none where
/// the folder shows no files.
///
/// # Errors
/// `unrecorded_changes` where other files stand in the way of the branch that is checked out in git; nothing of the
/// folder is changed then. Otherwise as [`Workspace::settle`].
pub async fn show_import(repo: &Repo, imported: &GitImport) -> Result<Option<(String, Settled)>> {
    let Some(head) = imported.heads.first().filter(|_| imported.was_empty) else {
        let settled = Workspace::follow(repo).await?;
        let branch = shown_branch(repo.folder())?.unwrap_or_else(|| repo.branch().to_owned());
        return Ok(settled.map(|settled| (branch, settled)));
    };
    let settled = Workspace::open(repo)?.switch(head).await?;
    Ok(Some((head.clone(), settled)))
}
