//! Repos behind a server: which one a peer means, whom it lets in, and how much it keeps.
//!
//! A peer's first message names its repo. The hub reads that one message, takes the repo from its shelf, and hands both
//! to a link of it; from there on the repo decides. A repo that is not here looks like one whose door is closed.

mod door;
mod exchange;
mod first;
mod notices;
mod quota;
mod shelf;
mod tally;
mod visit;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use trellis_core::link::message::RepoTag;
use trellis_core::op::hex;

use self::door::ClosedDoor;
use self::exchange::Exchanges;
pub use self::notices::log_events;
pub use self::quota::Quotas;
use self::shelf::{Lease, Shelf};
use self::tally::Tally;
use super::{Answered, Arrived, Asked, Declined, Links, Page};
use crate::error::{Code, Result};
use crate::link::Welcome;
use crate::repo::Repo;

/// How a hub serves.
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// Whom it lets in. With [`Welcome::Anyone`] a hub of many repos makes those that it does not have.
    pub welcome: Welcome,
    /// How much it keeps.
    pub quotas: Quotas,
    /// Repos that are open at a time.
    pub open_max: usize,
    /// How long a repo without links stays open.
    pub idle: Duration,
}

impl Default for HubConfig {
    /// For members, of repos that may grow.
    fn default() -> HubConfig {
        HubConfig { welcome: Welcome::Members, quotas: Quotas::default(), open_max: 64, idle: Duration::from_secs(60) }
    }
}

/// Repos that a server serves.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shelf: Shelf,
    welcome: Welcome,
    tally: Tally,
    door: ClosedDoor,
    exchanges: Exchanges,
    started: Instant,
}

impl Hub {
    /// Serves one repo.
    ///
    /// # Errors
    /// `unsupported` where the system gives no random bytes.
    pub fn one(repo: Repo, config: HubConfig) -> Result<Hub> {
        Hub::of(Shelf::one(repo, config.quotas), config.welcome)
    }

    /// Serves every repo that has a folder in this one, and those that come into it later.
    ///
    /// # Errors
    /// What keeps the folder, or a repo in it, from being read.
    pub async fn many(root: impl Into<PathBuf>, config: HubConfig) -> Result<Hub> {
        let welcome = config.welcome;
        Hub::of(Shelf::many(root.into(), config).await?, welcome)
    }

    fn of(shelf: Shelf, welcome: Welcome) -> Result<Hub> {
        let (tally, door, exchanges) = (Tally::default(), ClosedDoor::new()?, Exchanges::default());
        Ok(Hub(Arc::new(Inner { shelf, welcome, tally, door, exchanges, started: Instant::now() })))
    }

    /// The repos that it has: the tag that peers name each by, which one without ops has not, and its folder.
    pub async fn repos(&self) -> Vec<(Option<RepoTag>, PathBuf)> {
        self.0.shelf.list().await
    }

    /// Closes its repos, after its links have ended.
    ///
    /// # Errors
    /// As [`Repo::close`]; the others are closed nevertheless.
    pub async fn close(&self) -> Result<()> {
        self.0.exchanges.close(&self.0).await;
        self.0.shelf.close().await
    }
}

impl Inner {
    /// As [`Shelf::take`]. Where too many repos are in use, a session that only waits lets go of its own.
    async fn take(&self, tag: Option<RepoTag>) -> Result<Option<Lease>> {
        loop {
            match self.shelf.take(tag).await {
                Err(error) if error.code() == Code::RateLimited && self.exchanges.make_room(self).await => {}
                taken => return taken,
            }
        }
    }
}

impl Links for Hub {
    fn arrived(&self, arrived: Arrived) -> BoxFuture<'static, ()> {
        let hub = Arc::clone(&self.0);
        async move { visit::run(&hub, arrived).await }.boxed()
    }

    fn exchange(&self, asked: Asked) -> BoxFuture<'static, std::result::Result<Answered, Declined>> {
        let hub = Arc::clone(&self.0);
        async move { exchange::exchange(&hub, asked).await }.boxed()
    }

    fn status(&self) -> BoxFuture<'static, serde_json::Value> {
        let hub = &self.0;
        let document = serde_json::json!({
            "v": 1,
            "version": env!("CARGO_PKG_VERSION"),
            "repos": hub.shelf.len(),
            "links": hub.tally.links(),
            "uptimeSeconds": hub.started.elapsed().as_secs(),
        });
        std::future::ready(document).boxed()
    }

    fn metrics(&self, page: &mut Page) {
        let hub = &self.0;
        page.gauge("trellis_repos", "Repos that are served.", &[(&[], hub.shelf.len() as u64)]);
        page.gauge("trellis_repos_open", "Repos that are open.", &[(&[], hub.shelf.open() as u64)]);
        page.gauge(
            "trellis_store_bytes",
            "Bytes of the repos' stores when last looked at.",
            &[(&[], hub.shelf.bytes())],
        );
        page.gauge("trellis_uptime_seconds", "Since the start.", &[(&[], hub.started.elapsed().as_secs())]);
        hub.tally.show(page);
    }
}

/// A tag as logs have it.
fn short(tag: Option<RepoTag>) -> String {
    tag.map_or_else(|| "none".into(), |tag| hex::encode(&tag.0[..4]))
}
