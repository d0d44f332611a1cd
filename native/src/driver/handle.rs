//! The way to a driver, and what it is asked by.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use trellis_core::admit::policy::Policies;
#[cfg(feature = "http")]
use trellis_core::input::Proof;
use trellis_core::input::{Command, Connection, Input, LinkId};
#[cfg(feature = "http")]
use trellis_core::op::{id::Author, sign::Signature};
use trellis_core::output::{Answer, Event};
use trellis_core::time::Millis;

use super::engine::{Clock, Failure, Work};
use super::ports::{LinkJob, Port};
use super::signer::{Access, Whose};
use super::{Bulk, Driver, Open, closed};
use crate::error::{Code, Result, TrellisError};
use crate::folder::Folder;

/// Something for the driver to do.
pub(super) enum Job {
    Run(Box<Work>),
    Check(oneshot::Sender<Result<Vec<u32>>>),
    Close(oneshot::Sender<Result<()>>),
    Tell(oneshot::Sender<Start>),
    Link(Box<LinkJob>),
    /// Sign what this makes of the device's key, with that key.
    #[cfg(feature = "http")]
    Sign(ToSign, oneshot::Sender<Result<(Author, Signature)>>),
    /// Answer when everything that came before is done.
    #[cfg(feature = "http")]
    Settle(oneshot::Sender<()>),
}

/// Makes a message of the key that signs it.
#[cfg(feature = "http")]
pub(crate) type ToSign = Box<dyn FnOnce(Author) -> Vec<u8> + Send>;

/// The way to a driver; the thread ends when the last handle is gone.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    jobs: Sender<Job>,
    /// The number of the next link.
    next_link: Arc<AtomicU64>,
    clock: Clock,
}

/// What a driver is started with.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) folder: Folder,
    pub(crate) access: Access,
    pub(crate) policies: Policies,
    pub(crate) clock: Clock,
    pub(crate) events: Option<UnboundedSender<Event>>,
    pub(crate) opening: Opening,
    pub(crate) whose: Whose,
}

/// When the store is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Before anything else, so that whoever opens a repo hears of what is wrong with it.
    #[default]
    AtOnce,
    /// With the first job.
    WhenAsked,
}

impl Handle {
    /// Opens the repo, on a thread of its own.
    pub(crate) async fn start(start: Start) -> Result<Handle> {
        let (opened, opening) = oneshot::channel();
        let open = |start: &Start| match start.opening {
            Opening::AtOnce => Open::new(start).map(Some),
            Opening::WhenAsked => Ok(None),
        };
        let handle = Handle::spawn(start.clock.clone(), move |inbox| match open(&start) {
            Ok(open) => {
                let _ = opened.send(Ok(()));
                Driver { start, open, inbox, retry_at: None, looked_at: None }.run();
            }
            Err(error) => drop(opened.send(Err(error))),
        })?;
        opening.await.unwrap_or_else(|_| Err(closed()))?;
        Ok(handle)
    }

    /// Runs a driver on a thread of its own.
    pub(super) fn spawn(clock: Clock, run: impl FnOnce(Receiver<Job>) + Send + 'static) -> Result<Handle> {
        let (jobs, inbox) = channel();
        thread::Builder::new().name("trellis".into()).spawn(move || run(inbox)).map_err(no_thread)?;
        Ok(Handle { jobs, next_link: Arc::default(), clock })
    }

    /// Has a command carried out.
    pub(crate) async fn run(&self, command: Command) -> std::result::Result<Answer, Failure> {
        let (waiter, answer) = oneshot::channel();
        self.jobs.send(Job::Run(Box::new((command, waiter)))).map_err(|_| Failure::Host(closed()))?;
        answer.await.unwrap_or_else(|_| Err(Failure::Host(closed())))
    }

    /// Looks at the store's file and rehashes every row; returns the rows that are not what was written.
    pub(crate) async fn check(&self) -> Result<Vec<u32>> {
        let (waiter, checked) = oneshot::channel();
        self.jobs.send(Job::Check(waiter)).map_err(|_| closed())?;
        checked.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Opens the repo once more, to write very much by the caller's own thread.
    pub(crate) async fn bulk(&self) -> Result<Bulk> {
        let (waiter, start) = oneshot::channel();
        self.jobs.send(Job::Tell(waiter)).map_err(|_| closed())?;
        Bulk::open(&start.await.map_err(|_| closed())?)
    }

    /// The time, by the clock that the repo was opened with.
    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Tells the driver of a new connection.
    pub(crate) fn connect(&self, connection: Connection, port: Box<dyn Port>) -> Result<LinkId> {
        self.open_link(port, |id| Input::Connected(id, connection))
    }

    /// Tells the driver of a way on which everything is proved.
    #[cfg(feature = "http")]
    pub(crate) fn prove(&self, proof: Proof, port: Box<dyn Port>) -> Result<LinkId> {
        self.open_link(port, |id| Input::Proved(id, proof))
    }

    fn open_link(&self, port: Box<dyn Port>, input: impl FnOnce(LinkId) -> Input) -> Result<LinkId> {
        let id = LinkId(self.next_link.fetch_add(1, Ordering::Relaxed));
        let input = input(id);
        self.tell_link(LinkJob { input, port: Some((id, port)), _room: None })?;
        Ok(id)
    }

    /// Tells the driver of what happened to a connection.
    pub(crate) fn tell_link(&self, job: LinkJob) -> Result<()> {
        self.jobs.send(Job::Link(Box::new(job))).map_err(|_| closed())
    }

    /// Has signed what `message` makes of the device's key, with that key; returns the key, too.
    #[cfg(feature = "http")]
    pub(crate) async fn sign(&self, message: ToSign) -> Result<(Author, Signature)> {
        let (waiter, signed) = oneshot::channel();
        self.jobs.send(Job::Sign(message, waiter)).map_err(|_| closed())?;
        signed.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Waits until everything that the driver was told so far is done, and durable.
    #[cfg(feature = "http")]
    pub(crate) async fn settled(&self) -> Result<()> {
        let (waiter, done) = oneshot::channel();
        self.jobs.send(Job::Settle(waiter)).map_err(|_| closed())?;
        done.await.map_err(|_| closed())
    }

    /// Ends the thread and closes the store; every handle is of no use afterwards.
    pub(crate) async fn close(&self) -> Result<()> {
        let (waiter, ended) = oneshot::channel();
        match self.jobs.send(Job::Close(waiter)) {
            Ok(()) => ended.await.unwrap_or(Ok(())),
            Err(_) => Ok(()),
        }
    }
}

fn no_thread(cause: std::io::Error) -> TrellisError {
    TrellisError::new(Code::QuotaExceeded, "The system does not give this program another thread.").caused_by(cause)
}
