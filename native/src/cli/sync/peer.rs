//! `trellis sync URL`: makes this repo and that of a peer equal, once or from now on.

use std::io;

use serde::Serialize;
use trellis_sync::core::limits::{INTEREST_MAX, NAME_BYTES_MAX};
use trellis_sync::files::Workspace;
use trellis_sync::link::{Interest, Link, LinkOptions, LinkState, Nacked};
use trellis_sync::{Code, Progress, Repo, Result, TrellisError, Work};

use super::Peer;
use super::peers::url_of;
use super::reconcile::Compared;
use crate::cli::conflicts::{exit_with, open_conflicts, print_left};
use crate::cli::context::Context;
use crate::cli::doc::ConflictDoc;
use crate::cli::files::SettledDoc;
use crate::cli::page::{Look, Page, clean};
use crate::cli::report::{Exit, Outcome, Told, done};
use crate::cli::words::count;

/// How often a link is asked how far it is, in milliseconds.
const LOOK_MS: u64 = 100;

impl Peer {
    /// Syncs, once or until it is interrupted.
    pub(super) async fn run(self, context: &Context, peer: &str) -> Outcome {
        let repo = context.repo().await?;
        let url = &url_of(&repo, peer)?;
        if self.preview {
            let compared = self.preview(context, &repo, url).await?;
            if !self.apply {
                return done(compared);
            }
            context.say(&compared)?;
        }
        let mut link = repo.sync_with(url, self.options()?)?;
        watch(context, &mut link).await?;
        let synced = Synced { is_part: !self.branches.is_empty(), ..Synced::of(&repo, &link, url).await? };
        if !self.live {
            link.close().await;
            return done(synced);
        }
        self.stay(context, &repo, link, synced).await
    }

    /// What syncing would bring: all of the peer's ops come into a folder of their own, which is gone afterwards, and the
    /// peer gets nothing.
    async fn preview(&self, context: &Context, repo: &Repo, url: &str) -> Result<Compared> {
        let folder = tempfile::tempdir().map_err(no_room)?;
        let remote = context.keep(context.options().in_name_of(repo).open(folder.path()).await?);
        let mut link = remote.sync_with(url, self.options()?)?;
        watch(context, &mut link).await?;
        link.close().await;
        match (repo.status().await?.repo, remote.status().await?.repo) {
            (Some(ours), Some(theirs)) if ours != theirs => Err(other_repo(url)),
            _ => Compared::before(repo, &remote, url.into()).await,
        }
    }

    fn options(&self) -> Result<LinkOptions> {
        let mut options = LinkOptions::default();
        options.connect.allow_plain.clone_from(&self.allow_plain);
        options.branches = Interest::parse(&self.branches).ok_or_else(no_pattern)?;
        Ok(options)
    }

    /// Stays connected, brings what comes into the folder, and tells of it, until Ctrl-C.
    async fn stay(&self, context: &Context, repo: &Repo, mut link: Link, first: Synced) -> Outcome {
        context.say(&first)?;
        let mut state = link.status().state;
        loop {
            tokio::select! {
                stopped = tokio::signal::ctrl_c() => {
                    stopped.map_err(no_signal)?;
                    break;
                }
                status = link.changed() => {
                    if status.state != state {
                        state = status.state;
                        context.note(&format!("The link is {}.", state.name()));
                    }
                    if matches!(state, LinkState::NeedsAuth | LinkState::Rejected) {
                        link.in_sync().await?;
                    }
                    if status.is_in_sync {
                        Workspace::follow(repo).await?;
                    }
                }
            }
        }
        let last = Synced { is_part: first.is_part, ..Synced::of(repo, &link, &first.peer).await? };
        link.close().await;
        done(last)
    }
}

/// Waits until both have the same, and shows how far it is.
///
/// # Errors
/// As [`Link::in_sync`].
pub(crate) async fn watch(context: &Context, link: &mut Link) -> Result<()> {
    loop {
        tokio::select! {
            reached = link.in_sync() => return reached,
            () = tokio::time::sleep(std::time::Duration::from_millis(LOOK_MS)) => {}
        }
        if let Some(now) = link.progress().await? {
            let done = now.ops_in + now.ops_out;
            context.tell_progress(Progress { work: Work::Syncing, done, total: done + now.pending + now.behind_by });
        }
    }
}

fn other_repo(url: &str) -> TrellisError {
    let message = format!("{url} has another repo, and two repos never merge. Clone it into a new folder instead.");
    TrellisError::new(Code::RepoMismatch, message)
}

fn no_pattern() -> TrellisError {
    let message = format!(
        "--branches takes at most {INTEREST_MAX} patterns, each of 1 to {NAME_BYTES_MAX} bytes and without three '*' in a row. Write them otherwise."
    );
    TrellisError::new(Code::InvalidArgument, message)
}

fn no_room(cause: io::Error) -> TrellisError {
    let message = "The folder for temporary files takes no more. Make room there, or set TMPDIR.";
    TrellisError::new(Code::StorageFull, message).caused_by(cause)
}

fn no_signal(cause: io::Error) -> TrellisError {
    let message = "The system does not tell this program of Ctrl-C. Leave out --live.";
    TrellisError::new(Code::Unsupported, message).caused_by(cause)
}

/// What a sync came to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Synced {
    peer: String,
    /// The peer's key.
    key: String,
    relay: bool,
    /// Whether some branches were synced and not all.
    #[serde(skip)]
    is_part: bool,
    /// Ops that came and ops that went.
    taken: u64,
    given: u64,
    bytes_in: u64,
    bytes_out: u64,
    ops: usize,
    /// What the peer refuses, or gives no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    nacked: Option<NackedDoc>,
    conflicts: Vec<ConflictDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<SettledDoc>,
}

/// Ops that a peer refuses, or gives no effect.
#[derive(Serialize)]
struct NackedDoc {
    ops: u64,
    code: &'static str,
    /// The head of the line that they do not continue.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
}

impl NackedDoc {
    fn of(nacked: &Nacked) -> NackedDoc {
        let head = nacked.head.map(|head| head.to_string());
        NackedDoc { ops: nacked.ops, code: nacked.code.as_str(), head }
    }

    fn told(&self) -> String {
        let ops = count(self.ops as usize, "op");
        match self.code {
            "not_fast_forward" => format!(
                "The peer has another line of this branch: {ops} of ours do not continue it. `trellis sync reconcile` tells how one of the two gives way."
            ),
            "permission_denied" => format!("The peer gives {ops} of ours no effect: their author may not write that."),
            _ => format!("The peer refuses {ops} of ours as invalid."),
        }
    }
}

impl Synced {
    /// Brings the folder to what the branch shows now, and looks at what came of it.
    async fn of(repo: &Repo, link: &Link, peer: &str) -> Result<Synced> {
        let (status, progress) = (link.status(), link.progress().await?.unwrap_or_default());
        let settled = Workspace::follow(repo).await?;
        Ok(Synced {
            peer: peer.to_owned(),
            key: status.peer.map(|key| key.to_string()).unwrap_or_default(),
            relay: status.is_relay,
            is_part: false,
            taken: progress.ops_in,
            given: progress.ops_out,
            bytes_in: progress.bytes_in,
            bytes_out: progress.bytes_out,
            ops: repo.status().await?.ops,
            nacked: status.nacked.as_ref().map(NackedDoc::of),
            conflicts: open_conflicts(repo).await?.0,
            folder: settled.as_ref().map(SettledDoc::new),
        })
    }
}

impl Told for Synced {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let other = page.paint(Look::Name, &clean(&self.peer));
        let same = match self.is_part {
            true => "Both now have the same of these branches".to_owned(),
            false => format!("Both now hold {}", count(self.ops, "op")),
        };
        let (taken, given) = (count(self.taken as usize, "op"), count(self.given as usize, "op"));
        page.line(format!("Took {taken} from {other} and gave it {given}. {same}."))?;
        if let Some(nacked) = &self.nacked {
            page.line(nacked.told())?;
        }
        print_left(&self.conflicts, self.folder.as_ref(), page)
    }

    fn exit(&self) -> Exit {
        exit_with(&self.conflicts, self.folder.as_ref())
    }
}
