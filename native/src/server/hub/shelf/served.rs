//! One repo of a hub.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use trellis_core::link::frame::FrameKind;
use trellis_core::link::message::{Frame, Message, RepoTag, TroubleCode};

use crate::error::{Result, TrellisError, from_io};
use crate::folder::NAME;
use crate::link::Gate;
use crate::repo::{Missing, Repo};
use crate::server::hub::notices::log_events;
use crate::server::hub::quota::{Meter, Total};
use crate::server::hub::short;

/// A repo that can be had.
#[derive(Debug)]
pub(in crate::server::hub) struct Served {
    folder: PathBuf,
    /// Which it is; none where only the repo itself knows.
    tag: Option<RepoTag>,
    /// What to do if it is not there.
    missing: Missing,
    meter: Meter,
    total: Arc<Total>,
    opened: Mutex<Option<Repo>>,
    is_open: AtomicBool,
    /// Whether it has ops, and so an id that is known.
    is_begun: AtomicBool,
    links: AtomicUsize,
    used_at: StdMutex<Instant>,
}

impl Served {
    /// A repo that is open already.
    pub(super) fn open(repo: Repo, total: Arc<Total>) -> Served {
        let served = Served::at(repo.folder().root().to_owned(), None, Missing::Refuse, total);
        served.is_open.store(true, Ordering::Relaxed);
        Served { opened: Mutex::new(Some(repo)), ..served }
    }

    /// A repo that is there and has ops.
    pub(super) fn closed(folder: PathBuf, tag: RepoTag, total: Arc<Total>) -> Served {
        let served = Served::at(folder, Some(tag), Missing::Refuse, total);
        served.is_begun.store(true, Ordering::Relaxed);
        served
    }

    /// A repo that is made when it is first used.
    pub(super) fn new(folder: PathBuf, tag: RepoTag, total: Arc<Total>) -> Served {
        Served::at(folder, Some(tag), Missing::Create, total)
    }

    fn at(folder: PathBuf, tag: Option<RepoTag>, missing: Missing, total: Arc<Total>) -> Served {
        let meter = Meter::new(folder.join(NAME).join("store.db"), Arc::clone(&total));
        let (is_open, is_begun, links) = (AtomicBool::new(false), AtomicBool::new(false), AtomicUsize::new(0));
        let (opened, used_at) = (Mutex::default(), StdMutex::new(Instant::now()));
        Served { folder, tag, missing, meter, total, opened, is_open, is_begun, links, used_at }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn tag(&self) -> Option<RepoTag> {
        self.tag
    }

    /// As [`Served::tag`]; what only the repo knows it is asked for.
    pub(super) async fn learn_tag(&self) -> Option<RepoTag> {
        let asked = async { Ok::<_, TrellisError>(self.repo().await?.status().await?.repo) };
        self.tag.or(asked.await.ok().flatten().map(|id| RepoTag::of(&id)))
    }

    pub(super) fn total(&self) -> &Total {
        &self.total
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// Whether a link uses it.
    pub(super) fn is_used(&self) -> bool {
        self.links.load(Ordering::Acquire) > 0
    }

    pub(super) fn used_at(&self) -> Instant {
        *self.used_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has ops. One that cannot be asked is left alone, as if it had.
    pub(super) async fn is_begun(&self) -> bool {
        if !self.is_begun.load(Ordering::Acquire) {
            let has_ops = async { Ok::<_, TrellisError>(self.repo().await?.status().await?.repo.is_some()) };
            self.is_begun.fetch_or(has_ops.await.unwrap_or(true), Ordering::AcqRel);
        }
        self.is_begun.load(Ordering::Acquire)
    }

    async fn repo(&self) -> Result<Repo> {
        let mut opened = self.opened.lock().await;
        if let Some(repo) = &*opened {
            return Ok(repo.clone());
        }
        let repo = Repo::options().missing(self.missing).events(log_events(self.tag)).open(&self.folder).await?;
        self.is_open.store(true, Ordering::Relaxed);
        self.meter.measure();
        tracing::debug!(repo = short(self.tag), "repo opened");
        *opened = Some(repo.clone());
        Ok(repo)
    }

    /// Closes it, if no link has used it for so long.
    pub(super) async fn close_unused(&self, idle: Duration) -> Result<()> {
        let opened = self.opened.lock().await;
        match !self.is_used() && self.used_at().elapsed() >= idle {
            true => self.close_held(opened).await,
            false => Ok(()),
        }
    }

    pub(super) async fn close(&self) -> Result<()> {
        self.close_held(self.opened.lock().await).await
    }

    async fn close_held(&self, mut opened: tokio::sync::MutexGuard<'_, Option<Repo>>) -> Result<()> {
        let Some(repo) = opened.take() else { return Ok(()) };
        self.is_open.store(false, Ordering::Relaxed);
        let closed = repo.close().await;
        self.meter.measure();
        tracing::debug!(repo = short(self.tag), "repo closed");
        closed
    }

    /// Closes it and removes it; its folder stays where there is something else in it.
    pub(super) async fn remove(&self) -> Result<()> {
        self.close().await?;
        let path = self.folder.join(NAME);
        std::fs::remove_dir_all(&path).map_err(|cause| from_io("remove", &path, cause))?;
        // Whoever put something into it keeps it.
        let _ = std::fs::remove_dir(&self.folder);
        Ok(())
    }
}

impl Gate for Served {
    /// No more comes into a repo that is full; and into one that is empty comes the repo that it was made for.
    fn pass(&self, frame: &Frame) -> std::result::Result<(), TroubleCode> {
        if !matches!(frame.kind(), Some(FrameKind::Ops | FrameKind::Blob)) {
            return Ok(());
        }
        if self.meter.is_full() {
            return Err(TroubleCode::QuotaExceeded);
        }
        let Some(tag) = self.tag.filter(|_| !self.is_begun.load(Ordering::Acquire)) else { return Ok(()) };
        match frame.read() {
            Ok(Message::Ops(ops)) if RepoTag::of(&ops.repo) != tag => Err(TroubleCode::RepoMismatch),
            _ => Ok(()),
        }
    }
}

/// A repo that is not closed as long as this is held.
#[derive(Debug)]
pub(super) struct Use(Arc<Served>);

impl Use {
    pub(super) fn of(served: &Arc<Served>) -> Use {
        served.links.fetch_add(1, Ordering::AcqRel);
        Use(Arc::clone(served))
    }

    pub(super) fn served(&self) -> &Arc<Served> {
        &self.0
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        *self.0.used_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.links.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An open repo in use.
#[derive(Debug)]
pub(in crate::server::hub) struct Lease {
    in_use: Use,
    repo: Repo,
    asked: Option<RepoTag>,
}

impl Lease {
    pub(super) async fn of(in_use: Use, asked: Option<RepoTag>) -> Result<Lease> {
        let repo = in_use.served().repo().await?;
        Ok(Lease { in_use, repo, asked })
    }

    pub(in crate::server::hub) fn repo(&self) -> &Repo {
        &self.repo
    }

    pub(in crate::server::hub) fn gate(&self) -> Arc<dyn Gate> {
        Arc::clone(self.in_use.served()) as Arc<dyn Gate>
    }

    /// What the peer asked for, as logs have it.
    pub(in crate::server::hub) fn short(&self) -> String {
        short(self.asked)
    }

    /// Sees what the repo takes now, and whether it has begun.
    pub(in crate::server::hub) async fn look(&self) {
        self.in_use.served().meter.measure();
        self.in_use.served().is_begun().await;
    }

    /// The repo, which may be closed now.
    pub(super) fn into_served(self) -> Arc<Served> {
        Arc::clone(self.in_use.served())
    }
}
