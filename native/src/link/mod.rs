//! Links: a repo that talks to its peers.
//!
//! A link is dialled by [`Repo::sync`], which returns at once and keeps it up, or it begins with a connection that
//! somebody else opened. What is said on it the core decides; this moves the frames, and dials again when a connection
//! is lost.

mod backoff;
mod pump;
mod relay;
mod status;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use trellis_core::input::{Command, Guests, LinkId, Side};
use trellis_core::op::id::Author;
use trellis_core::output::Answer;

use self::backoff::Backoff;
use self::pump::{Ended, Pump};
pub(crate) use self::relay::Gate;
#[cfg(feature = "http")]
pub(crate) use self::relay::{Entrance, kind};
pub use self::status::{LinkState, LinkStatus, Progress};
use crate::error::{Code, Result, TrellisError};
use crate::repo::Repo;
use crate::transport::Connection;
use crate::transport::ws::{ConnectOptions, connect};

/// How a link is dialled.
#[derive(Clone, Debug, Default)]
pub struct LinkOptions {
    /// How the connection is made.
    pub connect: ConnectOptions,
    /// The key that has to answer, where it is known.
    pub expected: Option<Author>,
}

/// Whom a repo lets in that a peer has dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Welcome {
    /// Members of the repo.
    Members,
    /// Whoever proves a key.
    Anyone,
}

/// What this side of a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) side: Side,
    pub(crate) expected: Option<Author>,
    pub(crate) guests: Guests,
    pub(crate) is_relay: bool,
}

/// Whether a URL can be dialled at all.
///
/// # Errors
/// As [`Repo::sync`].
pub fn check(url: &str, options: &LinkOptions) -> Result<()> {
    crate::transport::ws::check(url, &options.connect)
}

/// A link. It ends when this is dropped.
#[derive(Debug)]
pub struct Link {
    repo: Repo,
    status: watch::Receiver<LinkStatus>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Repo {
    /// Begins to sync with a peer, and goes on until the link is closed: dials, and dials again with growing pauses when
    /// the connection is lost. Returns at once; needs a tokio runtime.
    ///
    /// # Errors
    /// `invalid_argument` for what is no `ws://` or `wss://` URL, `permission_denied` for plain text to another machine.
    pub fn sync(&self, url: &str) -> Result<Link> {
        self.sync_with(url, LinkOptions::default())
    }

    /// As [`Repo::sync`], otherwise dialled.
    ///
    /// # Errors
    /// As [`Repo::sync`].
    pub fn sync_with(&self, url: &str, options: LinkOptions) -> Result<Link> {
        check(url, &options)?;
        let terms =
            Terms { side: Side::Initiator, expected: options.expected, guests: Guests::Anyone, is_relay: false };
        let (repo, url) = (self.clone(), url.to_owned());
        Ok(Link::start(self, |teller, stop| dial(repo, url, options, terms, teller, stop)))
    }

    /// Syncs over a connection that this side opened.
    pub fn connect(&self, connection: Connection) -> Link {
        let terms = Terms { side: Side::Initiator, expected: None, guests: Guests::Anyone, is_relay: false };
        self.link_over(connection, terms)
    }

    /// Syncs over a connection that the peer opened.
    pub fn accept(&self, connection: Connection, welcome: Welcome) -> Link {
        let guests = match welcome {
            Welcome::Members => Guests::Members,
            Welcome::Anyone => Guests::Anyone,
        };
        self.link_over(connection, Terms { side: Side::Responder, expected: None, guests, is_relay: false })
    }

    fn link_over(&self, connection: Connection, terms: Terms) -> Link {
        let repo = self.clone();
        Link::start(self, |teller, stop| async move {
            let pump = Pump { repo: &repo, terms, teller: &teller, stop: &stop, gate: None };
            let ended = pump.run(connection, None).await;
            teller.send_modify(|status| status.end(&ended));
        })
    }
}

impl Link {
    fn start<F>(repo: &Repo, work: impl FnOnce(Arc<watch::Sender<LinkStatus>>, CancellationToken) -> F) -> Link
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (teller, status) = watch::channel(LinkStatus::default());
        let stop = CancellationToken::new();
        let task = tokio::spawn(work(Arc::new(teller), stop.clone()));
        Link { repo: repo.clone(), status, stop, task: Some(task) }
    }

    /// How it stands.
    pub fn status(&self) -> LinkStatus {
        self.status.borrow().clone()
    }

    /// Waits until it stands otherwise than when it was last looked at.
    pub async fn changed(&mut self) -> LinkStatus {
        // Once the sender is gone nothing changes any more.
        let _ = self.status.changed().await;
        self.status.borrow_and_update().clone()
    }

    /// Waits for news of it; false where there will be none any more.
    #[cfg(feature = "http")]
    pub(crate) async fn heard(&mut self) -> bool {
        let is_told = self.status.changed().await.is_ok();
        self.status.mark_unchanged();
        is_told
    }

    /// Waits until it has ended for good: closed, refused, or lost where this side did not dial.
    pub async fn ended(&mut self) -> LinkStatus {
        while self.status.changed().await.is_ok() {}
        self.status.borrow().clone()
    }

    /// Waits until the peer is known.
    ///
    /// # Errors
    /// As [`Link::in_sync`].
    pub async fn known(&mut self) -> Result<LinkStatus> {
        let reached = self.status.wait_for(|status| status.peer.is_some() || status.failure.is_some()).await;
        match reached {
            Ok(status) => match &status.failure {
                Some(failure) => Err(failure.error()),
                None => Ok(status.clone()),
            },
            Err(_) => Err(closed()),
        }
    }

    /// Waits until both sides have the same, durably.
    ///
    /// # Errors
    /// What ended the link, or keeps the peer from being reached: `offline`, `auth_failed`, `repo_mismatch`, ...
    pub async fn in_sync(&mut self) -> Result<()> {
        let reached = self.status.wait_for(|status| status.is_in_sync || status.failure.is_some()).await;
        match reached {
            Ok(status) => status.failure.as_ref().filter(|_| !status.is_in_sync).map_or(Ok(()), |f| Err(f.error())),
            Err(_) => Err(closed()),
        }
    }

    /// How far it is; nothing while the peer is not known.
    ///
    /// # Errors
    /// What keeps the repo from answering.
    pub async fn progress(&self) -> Result<Option<Progress>> {
        let id = self.status.borrow().id;
        match id {
            Some(id) => progress(&self.repo, id).await,
            None => Ok(None),
        }
    }

    /// Ends it, and tells the peer.
    pub async fn close(mut self) {
        self.end().await;
    }

    /// As [`Link::close`]; how it ended can be looked at then.
    pub(crate) async fn end(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            // A task that panicked has nothing left to end.
            let _ = task.await;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn progress(repo: &Repo, id: LinkId) -> Result<Option<Progress>> {
    let Answer::Links(links) = repo.run(Command::Links, || "look at the links".into()).await? else { return Ok(None) };
    Ok(links.into_iter().find(|link| link.link == id).and_then(|link| link.progress))
}

/// Dials until the link is closed or nothing can come of it.
async fn dial(
    repo: Repo,
    url: String,
    options: LinkOptions,
    terms: Terms,
    teller: Arc<watch::Sender<LinkStatus>>,
    stop: CancellationToken,
) {
    let mut backoff = Backoff::default();
    loop {
        teller.send_modify(LinkStatus::dial);
        let Some(dialled) = stop.run_until_cancelled(connect(&url, &options.connect)).await else { break };
        let ended = match dialled {
            Ok(connection) => {
                let pump = Pump { repo: &repo, terms, teller: &teller, stop: &stop, gate: None };
                pump.run(connection, None).await
            }
            Err(error) => Ended::failed(error),
        };
        teller.send_modify(|status| status.end(&ended));
        if ended.is_final() || stop.is_cancelled() {
            break;
        }
        if ended.has_progress {
            backoff = Backoff::default();
        }
        if stop.run_until_cancelled(tokio::time::sleep(backoff.next())).await.is_none() {
            break;
        }
    }
    teller.send_modify(LinkStatus::close);
}

fn closed() -> TrellisError {
    TrellisError::new(Code::Aborted, "The link was closed.")
}
