//! Links: a repo that talks to its peers.
//!
//! A link is dialled by [`Repo::sync`], which returns at once and keeps it up, or it begins with a connection that
//! somebody else opened. What is said on it the core decides; this moves the frames, and dials again when a connection
//! is lost.

mod backoff;
#[cfg(feature = "http")]
mod exchange;
mod once;
mod port;
mod presence;
mod pump;
mod relay;
mod status;
mod tally;
mod zstd;

use std::sync::{Arc, Weak};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
pub use trellis_core::input::Interest;
use trellis_core::input::{Command, Frame, Guests, LinkId, Side};
use trellis_core::op::id::Author;
use trellis_core::output::Answer;

use self::backoff::Backoff;
#[cfg(feature = "http")]
use self::exchange::Exchange;
pub(crate) use self::once::{Carried, answer, once};
pub use self::presence::{Heard, Presence};
use self::pump::{Ended, Pump};
#[cfg(feature = "http")]
pub(crate) use self::relay::Entrance;
pub(crate) use self::relay::Gate;
use self::status::Teller;
pub use self::status::{LinkState, LinkStatus, Nacked, Progress};
use self::tally::Tally;
pub(crate) use self::zstd::Zstd;
use crate::driver::{Failure, Handle};
use crate::error::{Code, Result, TrellisError};
use crate::invitation::Invitation;
use crate::repo::{Repo, explain};
use crate::transport::Connection;
use crate::transport::ws::{ConnectOptions, connect};
#[cfg(feature = "http")]
use crate::transport::{Speaks, exchange::Caller};

/// How a link is dialled.
#[derive(Clone, Debug, Default)]
pub struct LinkOptions {
    /// How the connection is made.
    pub connect: ConnectOptions,
    /// The key that has to answer, where it is known.
    pub expected: Option<Author>,
    /// The branches that are synced, beside the engine's own: those that both sides want. Every branch by default. Ops
    /// of other branches come along where an op of these stands on them.
    pub branches: Interest,
    /// What is shown to the peer where this device is no member of the repo yet.
    pub invitation: Option<Invitation>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) side: Side,
    pub(crate) expected: Option<Author>,
    pub(crate) guests: Guests,
    pub(crate) is_relay: bool,
    pub(crate) interest: Interest,
}

impl Terms {
    fn dialling() -> Terms {
        let (side, guests) = (Side::Initiator, Guests::Anyone);
        Terms { side, expected: None, guests, is_relay: false, interest: Interest::default() }
    }

    fn answering(guests: Guests) -> Terms {
        Terms { side: Side::Responder, guests, ..Terms::dialling() }
    }
}

/// Whether a URL can be dialled at all.
///
/// # Errors
/// As [`Repo::sync`].
pub fn check(url: &str, options: &LinkOptions) -> Result<()> {
    #[cfg(feature = "http")]
    Speaks::ensure_some(url)?;
    #[cfg(feature = "http")]
    if Speaks::of(url) == Speaks::Exchange {
        return crate::transport::exchange::check(url, &options.connect);
    }
    crate::transport::ws::check(url, &options.connect)
}

/// A link. It ends when this is dropped.
#[derive(Debug)]
pub struct Link {
    repo: Repo,
    status: watch::Receiver<LinkStatus>,
    teller: Weak<Teller>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Repo {
    /// Begins to sync with a peer, and goes on until the link is closed: dials, and dials again with growing pauses when
    /// the connection is lost. Returns at once; needs a tokio runtime.
    ///
    /// By `http://` and `https://` no connection stays open: the peer is asked for news, at least every ten seconds.
    ///
    /// # Errors
    /// `invalid_argument` for what is no URL of `ws`, `wss`, `http` or `https`, `permission_denied` for plain text to another machine.
    pub fn sync(&self, url: &str) -> Result<Link> {
        self.sync_with(url, LinkOptions::default())
    }

    /// As [`Repo::sync`], otherwise dialled.
    ///
    /// # Errors
    /// As [`Repo::sync`]; the link ends with `repo_mismatch` where the invitation is to another repo than this one.
    pub fn sync_with(&self, url: &str, options: LinkOptions) -> Result<Link> {
        check(url, &options)?;
        let (repo, url) = (self.clone(), url.to_owned());
        Ok(Link::start(self, |teller, stop| Dialler { repo, url, options, teller, stop }.run()))
    }

    /// Syncs over a connection that this side opened.
    pub fn connect(&self, connection: Connection) -> Link {
        self.link_over(connection, Terms::dialling())
    }

    /// Syncs over a connection that the peer opened.
    pub fn accept(&self, connection: Connection, welcome: Welcome) -> Link {
        let guests = match welcome {
            Welcome::Members => Guests::Members,
            Welcome::Anyone => Guests::Anyone,
        };
        self.link_over(connection, Terms::answering(guests))
    }

    fn link_over(&self, connection: Connection, terms: Terms) -> Link {
        self.link_through(connection, terms, None, None)
    }

    /// A link of which the first frame was read already, and that lets through what a gate does.
    fn link_through(
        &self,
        connection: Connection,
        terms: Terms,
        first: Option<Frame>,
        gate: Option<Arc<dyn Gate>>,
    ) -> Link {
        let repo = self.clone();
        Link::start(self, |teller, stop| async move {
            let pump = Pump {
                driver: repo.driver(),
                terms,
                invitation: None,
                teller: &teller,
                stop: &stop,
                gate: gate.as_deref(),
                tally: None,
            };
            let ended = pump.run(connection, first).await;
            teller.send_modify(|status| status.end(&ended));
        })
    }
}

impl Link {
    fn start<F>(repo: &Repo, work: impl FnOnce(Arc<Teller>, CancellationToken) -> F) -> Link
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (teller, status) = Teller::new();
        let stop = CancellationToken::new();
        let told = Arc::downgrade(&teller);
        let task = tokio::spawn(work(teller, stop.clone()));
        Link { repo: repo.clone(), status, teller: told, stop, task: Some(task) }
    }

    /// How it stands.
    pub fn status(&self) -> LinkStatus {
        self.status.borrow().clone()
    }

    /// Where its status is told, with all that was told so far still to be looked at.
    #[cfg(feature = "surface")]
    pub(crate) fn status_seen(&self) -> watch::Receiver<LinkStatus> {
        let mut status = self.status.clone();
        status.mark_changed();
        status
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
        until_in_sync(&mut self.status).await
    }

    /// How far it is; nothing while the peer is not known.
    ///
    /// # Errors
    /// What keeps the repo from answering.
    pub async fn progress(&self) -> Result<Option<Progress>> {
        let id = self.status.borrow().id;
        match id {
            Some(id) => progress(self.repo.driver(), id).await,
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

/// Waits until a link's status says that both sides have the same.
///
/// # Errors
/// As [`Link::in_sync`].
pub(crate) async fn until_in_sync(status: &mut watch::Receiver<LinkStatus>) -> Result<()> {
    let reached = status.wait_for(|status| status.is_in_sync || status.failure.is_some()).await;
    match reached {
        Ok(status) => status.failure.as_ref().filter(|_| !status.is_in_sync).map_or(Ok(()), |f| Err(f.error())),
        Err(_) => Err(closed()),
    }
}

async fn progress(driver: &Handle, id: LinkId) -> Result<Option<Progress>> {
    let asked = driver.run(Command::Link(id)).await.map_err(|failure| explain(failure, "look at a link"));
    let Answer::Links(links) = asked? else { return Ok(None) };
    Ok(links.into_iter().next().and_then(|link| link.progress))
}

/// How a link is kept up.
struct Dialler {
    repo: Repo,
    url: String,
    options: LinkOptions,
    teller: Arc<Teller>,
    stop: CancellationToken,
}

impl Dialler {
    /// Dials until the link is closed or nothing can come of it.
    async fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            self.teller.send_modify(LinkStatus::dial);
            let has_begun = self.has_begun().await;
            let Some(ended) = self.once().await else { break };
            self.teller.send_modify(|status| status.end(&ended));
            let is_final = ended.is_final() && (has_begun || !ended.is_refused());
            if is_final || self.stop.is_cancelled() {
                break;
            }
            if ended.has_progress {
                backoff = Backoff::default();
            }
            if self.stop.run_until_cancelled(tokio::time::sleep(backoff.next())).await.is_none() {
                break;
            }
        }
        self.teller.send_modify(LinkStatus::close);
    }

    /// Whether the repo has ops. One without asks for whatever repo there is, and may be let in once it has its own.
    async fn has_begun(&self) -> bool {
        self.repo.status().await.is_ok_and(|status| status.repo.is_some())
    }

    /// One connection, or as many requests as go well; none where the link was closed before.
    async fn once(&self) -> Option<Ended> {
        #[cfg(feature = "http")]
        if Speaks::of(&self.url) == Speaks::Exchange {
            return Some(self.exchange().await);
        }
        let Dialler { repo, url, options, teller, stop } = self;
        let interest = options.branches.clone();
        let terms = Terms { expected: options.expected, interest, ..Terms::dialling() };
        match stop.run_until_cancelled(connect(url, &options.connect)).await? {
            Ok(connection) => {
                let driver = repo.driver();
                let invitation = options.invitation.as_ref();
                Some(
                    Pump { driver, terms, invitation, teller, stop, gate: None, tally: None }
                        .run(connection, None)
                        .await,
                )
            }
            Err(error) => Some(Ended::failed(error)),
        }
    }

    #[cfg(feature = "http")]
    async fn exchange(&self) -> Ended {
        let Dialler { repo, url, options, teller, stop } = self;
        let caller = match Caller::new(url, &options.connect) {
            Ok(caller) => caller,
            Err(error) => return Ended::failed(error),
        };
        let (known, expected) = (teller.status.borrow().peer, options.expected);
        let (driver, tally) = (repo.driver(), &Tally::default());
        let interest = options.branches.clone();
        Exchange { driver, caller, expected, interest, known, teller, stop, tally }.run().await
    }
}

fn explained(failure: Failure) -> TrellisError {
    explain(failure, "look at the repo")
}

fn closed() -> TrellisError {
    TrellisError::new(Code::Aborted, "The link was closed.")
}
