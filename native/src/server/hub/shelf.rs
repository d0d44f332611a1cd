//! The repos of a hub: which there are, which are open, and for how long.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use trellis_core::link::message::RepoTag;
use trellis_core::op::hex;

use super::HubConfig;
use super::quota::{Quotas, Total};
use crate::driver::Access;
use crate::error::{Code, Result, TrellisError, from_io};
use crate::folder::{Folder, NAME};
use crate::link::Welcome;
use crate::repo::{Missing, Repo};

mod served;

pub(super) use served::Lease;
use served::{Served, Use};

/// Where a hub's repos come from.
#[derive(Debug)]
pub(super) enum Shelf {
    One(Arc<Served>),
    Many(Box<Many>),
}

/// Every repo below a folder.
#[derive(Debug)]
pub(super) struct Many {
    root: PathBuf,
    config: HubConfig,
    total: Arc<Total>,
    repos: Mutex<BTreeMap<RepoTag, Arc<Served>>>,
    /// Stores that were looked at and are not served, as they were then.
    passed: Mutex<BTreeMap<PathBuf, Stamp>>,
    /// Held while repos are looked for, made and removed.
    changing: tokio::sync::Mutex<()>,
}

impl Shelf {
    pub(super) fn one(repo: Repo, quotas: Quotas) -> Shelf {
        Shelf::One(Arc::new(Served::open(repo, Total::new(quotas))))
    }

    pub(super) async fn many(root: PathBuf, config: HubConfig) -> Result<Shelf> {
        let root = std::fs::canonicalize(&root).map_err(|cause| from_io("look at the folder", &root, cause))?;
        let total = Total::new(config.quotas);
        let (repos, passed, changing) = (Mutex::default(), Mutex::default(), tokio::sync::Mutex::default());
        let many = Many { root, config, total, repos, passed, changing };
        many.find().await?;
        Ok(Shelf::Many(Box::new(many)))
    }

    /// The repo that a peer means, open; none where it is not here.
    ///
    /// # Errors
    /// `quota_exceeded` where it would have to be made and there are too many; `rate_limited` where too many are in
    /// use; what keeps it from being opened.
    pub(super) async fn take(&self, tag: Option<RepoTag>) -> Result<Option<Lease>> {
        match (self, tag) {
            // Whether it is the one the repo itself decides, once the peer is known.
            (Shelf::One(served), tag) => Lease::of(Use::of(served), tag).await.map(Some),
            (Shelf::Many(many), Some(tag)) => many.take(tag).await,
            (Shelf::Many(_), None) => Ok(None),
        }
    }

    /// Gives a repo back, which may be closed then, or go where nothing came into it.
    pub(super) async fn put_back(&self, lease: Lease) {
        let served = lease.into_served();
        if let (Shelf::Many(many), Some(tag)) = (self, served.tag()) {
            many.after(tag, served).await;
        }
    }

    /// How many repos there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Shelf::One(_) => 1,
            Shelf::Many(many) => many.repos().len(),
        }
    }

    /// Which there are, and where.
    pub(super) async fn list(&self) -> Vec<(Option<RepoTag>, PathBuf)> {
        match self {
            Shelf::One(served) => vec![(served.learn_tag().await, served.folder().to_owned())],
            Shelf::Many(many) => {
                many.repos().iter().map(|(tag, served)| (Some(*tag), served.folder().to_owned())).collect()
            }
        }
    }

    /// How many of them are open.
    pub(super) fn open(&self) -> usize {
        match self {
            Shelf::One(_) => 1,
            Shelf::Many(many) => many.repos().values().filter(|served| served.is_open()).count(),
        }
    }

    /// What they take on the disk.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Shelf::One(served) => served.total().bytes(),
            Shelf::Many(many) => many.total.bytes(),
        }
    }

    /// Closes all of them.
    pub(super) async fn close(&self) -> Result<()> {
        let all = match self {
            Shelf::One(served) => vec![Arc::clone(served)],
            Shelf::Many(many) => many.repos().values().cloned().collect(),
        };
        let mut closed = Ok(());
        for served in all {
            closed = closed.and(served.close().await);
        }
        closed
    }
}

impl Many {
    fn repos(&self) -> MutexGuard<'_, BTreeMap<RepoTag, Arc<Served>>> {
        self.repos.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, tag: RepoTag) -> Result<Option<Lease>> {
        let Some(in_use) = self.use_known(tag).await? else { return Ok(None) };
        if !in_use.served().is_open() {
            self.make_room().await?;
        }
        let lease = Lease::of(in_use, Some(tag)).await;
        if lease.is_err() {
            // If it is still there, it will be found again.
            self.forget(tag);
        }
        lease.map(Some)
    }

    async fn use_known(&self, tag: RepoTag) -> Result<Option<Use>> {
        if let Some(in_use) = self.in_use(tag) {
            return Ok(Some(in_use));
        }
        let _changing = self.changing.lock().await;
        self.find().await?;
        match (self.in_use(tag), self.config.welcome) {
            (None, Welcome::Anyone) => self.make(tag).map(Some),
            (found, _) => Ok(found),
        }
    }

    fn in_use(&self, tag: RepoTag) -> Option<Use> {
        self.repos().get(&tag).map(Use::of)
    }

    /// Whether it was not in use, and so is not known any more.
    fn forget(&self, tag: RepoTag) -> bool {
        let mut repos = self.repos();
        let is_unused = repos.get(&tag).is_some_and(|served| !served.is_used());
        is_unused && repos.remove(&tag).is_some()
    }

    /// Looks for repos that are not known yet.
    async fn find(&self) -> Result<()> {
        let failed = |cause| from_io("look at the folder", &self.root, cause);
        for entry in std::fs::read_dir(&self.root).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let is_known = self.repos().values().any(|served| served.folder() == path);
            if !is_known && Folder::at(&path).is_ok() {
                self.look_into(path).await;
            }
        }
        Ok(())
    }

    /// Adds the repo in a folder, unless it is as it was when it was passed over.
    async fn look_into(&self, path: PathBuf) {
        let stamp = Stamp::of(&path);
        if self.passed().get(&path) == Some(&stamp) {
            return;
        }
        let is_added = match tag_of(&path).await {
            Ok(tag) => tag.is_some_and(|tag| self.add(Served::closed(path.clone(), tag, Arc::clone(&self.total)))),
            Err(error) => {
                tracing::warn!(%error, "a repo is not served");
                false
            }
        };
        if !is_added {
            self.passed().insert(path, stamp);
        }
    }

    fn passed(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Stamp>> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of two copies of one repo the first is served.
    fn add(&self, served: Served) -> bool {
        let Some(tag) = served.tag() else { return false };
        match self.repos().entry(tag) {
            Entry::Vacant(place) => {
                place.insert(Arc::new(served));
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// The place of a repo that comes with its first peer.
    fn make(&self, tag: RepoTag) -> Result<Use> {
        let quota = self.config.quotas.repos;
        if quota.is_some_and(|most| self.repos().len() >= most) || self.total.is_full() {
            let message = "There is no room for another repo. Remove one, or start the server with a greater quota.";
            return Err(TrellisError::new(Code::QuotaExceeded, message));
        }
        let path = self.root.join(hex::encode(&tag.0));
        let served = Arc::new(Served::new(path, tag, Arc::clone(&self.total)));
        let in_use = Use::of(&served);
        self.repos().insert(tag, served);
        Ok(in_use)
    }

    /// Closes repos that nobody uses, the longest unused first, until one more may be opened.
    async fn make_room(&self) -> Result<()> {
        loop {
            let spare = {
                let repos = self.repos();
                let open: Vec<_> = repos.values().filter(|served| served.is_open()).collect();
                if open.len() < self.config.open_max {
                    return Ok(());
                }
                open.into_iter().filter(|served| !served.is_used()).min_by_key(|served| served.used_at()).cloned()
            };
            let Some(spare) = spare else { return Err(too_many(self.config.open_max)) };
            spare.close_unused(Duration::ZERO).await?;
        }
    }

    /// What becomes of a repo after a link: one in which nothing came goes, and one that stays unused is closed.
    async fn after(&self, tag: RepoTag, served: Arc<Served>) {
        if !served.is_begun().await {
            let _changing = self.changing.lock().await;
            // Nobody can begin to use it once it is forgotten.
            if self.forget(tag)
                && !served.is_begun().await
                && let Err(error) = served.remove().await
            {
                tracing::warn!(%error, "an empty repo stays");
            }
            return;
        }
        let (idle, served) = (self.config.idle, Arc::downgrade(&served));
        tokio::spawn(async move {
            tokio::time::sleep(idle).await;
            if let Some(served) = served.upgrade()
                && let Err(error) = served.close_unused(idle).await
            {
                tracing::warn!(%error, "a repo did not close well");
            }
        });
    }
}

/// When a store was last written.
#[derive(Debug, PartialEq, Eq)]
struct Stamp([Option<SystemTime>; 2]);

impl Stamp {
    fn of(folder: &Path) -> Stamp {
        let written = |name| folder.join(NAME).join(name).metadata().and_then(|metadata| metadata.modified()).ok();
        Stamp(["store.db", "store.db-wal"].map(written))
    }
}

/// The tag of the repo in a folder; none where it has no ops.
async fn tag_of(path: &Path) -> Result<Option<RepoTag>> {
    let repo = Repo::options().access(Access::Read).missing(Missing::Refuse).open(path).await?;
    let id = repo.status().await?.repo;
    repo.close().await?;
    Ok(id.map(|id| RepoTag::of(&id)))
}

fn too_many(open: usize) -> TrellisError {
    let message = format!("{open} repos are in use, and no more are opened at a time. Try again later.");
    TrellisError::new(Code::RateLimited, message)
}
