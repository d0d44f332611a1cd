//! The driver: one thread that owns a repo's machine, store and key.
//!
//! It takes what waits, reads first, then carries all waiting writes out under one lock and one commit. Nobody waits
//! for company: a write that comes alone is committed alone, and those that come meanwhile share the next commit.
//! When anything of the disk fails, the machine is thrown away and the next job opens a new one from the store.

mod bulk;
mod disk;
mod engine;
mod handle;
#[cfg(feature = "ws")]
mod lent;
mod ports;
#[cfg(feature = "ws")]
mod rows;
mod signer;

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use trellis_core::input::{Command, Frame, Input};
use trellis_core::link::frame::FrameKind;
#[cfg(feature = "http")]
use trellis_core::op::{id::Author, sign::Signature};
use trellis_core::time::Millis;

use crate::error::{Code, Result, TrellisError};
use crate::store::{OpenMode, Store, WAIT};
use disk::Disk;
use engine::{Engine, Setup, Work};
use handle::Job;
use signer::Keys;

pub(crate) use bulk::{Bulk, Group};
pub(crate) use engine::{Clock, Failure, again, random};
#[cfg(feature = "http")]
pub(crate) use handle::ToSign;
pub(crate) use handle::{Handle, Opening, Start};
#[cfg(feature = "ws")]
pub(crate) use lent::{Lent, Refusal};
#[cfg(feature = "http")]
pub(crate) use ports::Queues;
pub(crate) use ports::{LinkJob, Port};
pub use signer::Access;
pub(crate) use signer::Whose;

/// Ops that may share one commit.
const GROUP_OPS_MAX: usize = 1024;
/// How often other processes' commits are looked for while links are open.
const LOOK: Duration = Duration::from_millis(100);
/// How long what is due and could not be done is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// What the thread owns.
struct Driver {
    start: Start,
    open: Option<Open>,
    inbox: Receiver<Job>,
    /// Before this, nothing that is due is tried again.
    retry_at: Option<Instant>,
    /// When other processes' commits were looked for.
    looked_at: Option<Instant>,
}

impl Driver {
    fn run(mut self) {
        while let Some(jobs) = self.wait() {
            let (mut reads, mut writes, mut links, mut close) = (Vec::new(), Vec::new(), Vec::new(), None);
            let mut settled: Vec<oneshot::Sender<()>> = Vec::new();
            for job in jobs {
                match job {
                    Job::Run(work) if ops_of(&work.0) > 0 => writes.push(*work),
                    Job::Run(work) => reads.push(*work),
                    Job::Link(job) => links.push(*job),
                    Job::Check(waiter) => drop(waiter.send(self.check())),
                    Job::Close(waiter) => close = Some(waiter),
                    Job::Tell(waiter) => drop(waiter.send(self.start.clone())),
                    #[cfg(feature = "http")]
                    Job::Sign(message, waiter) => drop(waiter.send(self.sign(message))),
                    #[cfg(feature = "http")]
                    Job::Settle(waiter) => settled.push(waiter),
                }
            }
            self.serve(reads, Open::read);
            for group in groups(writes) {
                self.serve(group, Open::write);
            }
            self.serve_links(links);
            for waiter in settled {
                let _ = waiter.send(());
            }
            if let Some(waiter) = close {
                return self.close(waiter);
            }
            if self.time_left() == Some(Duration::ZERO) {
                self.tick();
            }
            self.look();
        }
    }

    /// Everything that waits, at least one job unless a deadline has come; none when nobody can ask any more.
    fn wait(&mut self) -> Option<Vec<Job>> {
        let first = match self.idle_time() {
            None => self.inbox.recv().ok()?,
            Some(left) => match self.inbox.recv_timeout(left) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => return Some(Vec::new()),
                Err(RecvTimeoutError::Disconnected) => return None,
            },
        };
        Some(std::iter::once(first).chain(self.inbox.try_iter().take(GROUP_OPS_MAX)).collect())
    }

    /// How long nothing has to be done; while links are open, other processes' commits are looked for.
    fn idle_time(&self) -> Option<Duration> {
        let has_links = self.open.as_ref().is_some_and(|open| open.engine.has_links());
        self.time_left().into_iter().chain(has_links.then_some(LOOK)).min()
    }

    fn time_left(&self) -> Option<Duration> {
        let deadline = self.open.as_ref()?.engine.deadline()?;
        let left = Duration::from_millis(deadline.0.saturating_sub(self.start.clock.now().0));
        let pause = self.retry_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
        Some(left.max(pause))
    }

    /// The time has come for something that the machine holds. Whoever has the lock now is not waited for.
    fn tick(&mut self) {
        let now = self.start.clock.now();
        let Some(open) = &mut self.open else { return };
        let failed = open.transact(Duration::ZERO, |_| vec![Input::Tick], now).err();
        self.retry_at = failed.as_ref().map(|_| Instant::now() + RETRY);
        if failed.is_some_and(|error| error.code() != Code::Locked) {
            self.open = None;
        }
    }

    fn serve(&mut self, work: Vec<Work>, session: fn(&mut Open, Vec<Work>, Millis) -> Result<()>) {
        if work.is_empty() {
            return;
        }
        if let Err(error) = self.reopen() {
            return refuse(work, &error);
        }
        let now = self.start.clock.now();
        let failed = self.open.as_mut().and_then(|open| session(open, work, now).err());
        if let Some(error) = failed
            && let Some(open) = self.open.take()
        {
            open.engine.fail(&error);
        }
    }

    /// Has happened what happened to links. A driver whose store fails drops all of them: their peers come back.
    fn serve_links(&mut self, jobs: Vec<LinkJob>) {
        if jobs.is_empty() || self.reopen().is_err() {
            return;
        }
        let now = self.start.clock.now();
        let Some(open) = &mut self.open else { return };
        let served = match jobs.iter().any(|job| may_write(&job.input)) {
            true => open.transact(WAIT, |engine| engine.link(jobs), now),
            false => open.look(|engine| engine.link(jobs), now),
        };
        if let Err(error) = served
            && let Some(open) = self.open.take()
        {
            open.engine.fail(&error);
        }
    }

    /// What other processes committed goes out on the links, too.
    fn look(&mut self) {
        let has_links = self.open.as_ref().is_some_and(|open| open.engine.has_links());
        if !has_links || self.looked_at.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        self.looked_at = Some(Instant::now());
        let now = self.start.clock.now();
        let failed = self.open.as_mut().and_then(|open| open.look(|_| Vec::new(), now).err());
        if let Some(error) = failed
            && let Some(open) = self.open.take()
        {
            open.engine.fail(&error);
        }
    }

    fn reopen(&mut self) -> Result<()> {
        if self.open.is_none() {
            self.open = Some(Open::new(&self.start)?);
        }
        Ok(())
    }

    fn check(&mut self) -> Result<Vec<u32>> {
        self.reopen()?;
        self.open.as_ref().map_or_else(|| Err(closed()), |open| disk::corrupt_rows(&open.store))
    }

    #[cfg(feature = "http")]
    fn sign(&mut self, message: ToSign) -> Result<(Author, Signature)> {
        self.reopen()?;
        self.open.as_ref().map_or_else(|| Err(closed()), |open| open.engine.sign(message))
    }

    fn close(self, waiter: oneshot::Sender<Result<()>>) {
        let closed = self.open.map_or(Ok(()), |open| open.store.close());
        let _ = waiter.send(closed);
    }
}

/// A repo that is open.
#[derive(Debug)]
struct Open {
    store: Store,
    engine: Engine,
}

impl Open {
    fn new(start: &Start) -> Result<Open> {
        let store = open_store(start)?;
        let keys = Keys::of(&start.whose, &start.folder, start.access)?;
        let setup = Setup { policies: start.policies.clone(), events: start.events.clone(), now: start.clock.now() };
        let engine = Engine::open(keys, setup, &mut Disk::Reading(&store))?;
        Ok(Open { store, engine })
    }

    /// Answers questions.
    fn read(&mut self, work: Vec<Work>, now: Millis) -> Result<()> {
        self.look(|engine| engine.enlist(work), now)
    }

    /// Carries out what writes nothing, after a look at what others committed. Time stands still just before the
    /// deadline, so that no row has to be written.
    fn look(&mut self, inputs: impl FnOnce(&mut Engine) -> Vec<Input>, now: Millis) -> Result<()> {
        let deadline = self.engine.deadline().map_or(u64::MAX, |deadline| deadline.0.saturating_sub(1));
        self.engine.set_now(Millis(now.0.min(deadline)));
        let mut disk = Disk::Reading(&self.store);
        let inputs = inputs(&mut self.engine);
        self.engine.refresh(&mut disk)?;
        self.engine.run(inputs, &mut disk)?;
        self.engine.settle();
        Ok(())
    }

    /// Carries writes out and commits them together. Where the lock cannot be had, nothing has happened yet.
    fn write(&mut self, work: Vec<Work>, now: Millis) -> Result<()> {
        let mut work = work;
        let done = self.transact(WAIT, |engine| engine.enlist(std::mem::take(&mut work)), now);
        match done {
            Err(error) if !work.is_empty() => {
                refuse(work, &error);
                if error.code() == Code::Locked { Ok(()) } else { Err(error) }
            }
            done => done,
        }
    }

    /// Takes the lock, reads what others committed, has the inputs carried out, commits once, and only then says so.
    fn transact(&mut self, wait: Duration, inputs: impl FnOnce(&mut Engine) -> Vec<Input>, now: Millis) -> Result<()> {
        let Open { store, engine } = self;
        let mut transaction = store.begin(wait)?;
        engine.set_now(now);
        let inputs = inputs(engine);
        let mut disk = Disk::Writing(&mut transaction);
        engine.refresh(&mut disk)?;
        let durable = engine.run(inputs, &mut disk)?;
        if durable.is_empty() && transaction.uncommitted() == 0 {
            drop(transaction);
        } else {
            transaction.commit()?;
        }
        engine.run(durable, &mut Disk::Reading(store))?;
        engine.settle();
        Ok(())
    }
}

/// A store that cannot be written is opened to be read: everything but writing goes on.
fn open_store(start: &Start) -> Result<Store> {
    let path = start.folder.store();
    match start.access {
        Access::Read => Store::open(path, OpenMode::ReadOnly),
        Access::Write => match Store::open(&path, OpenMode::ReadWrite) {
            Err(error) if error.code() == Code::PermissionDenied => {
                Store::open(&path, OpenMode::ReadOnly).map_err(|_| error)
            }
            opened => opened,
        },
    }
}

/// The ops that a command may write; none for a question.
fn ops_of(command: &Command) -> usize {
    match command {
        Command::Create { .. } => 1,
        Command::Write(transaction) => transaction.edits.len().max(1),
        Command::Import(ops) => ops.len().max(1),
        _ => 0,
    }
}

/// Whether what happened to a link may lead to a row, or to something that is remembered: what peers mostly say, that
/// they have what they were sent, does not.
fn may_write(input: &Input) -> bool {
    use FrameKind::{Ack, Ephemeral, Have, Missing, Nack, Ping, Pong, Want};
    let Input::Received(_, Frame::Binary(bytes)) = input else { return true };
    let kind = bytes.first().and_then(|code| FrameKind::from_code(*code));
    !matches!(kind, Some(Ack | Ephemeral | Have | Missing | Nack | Ping | Pong | Want))
}

/// Writes in their order, parted so that each part shares a commit.
fn groups(writes: Vec<Work>) -> Vec<Vec<Work>> {
    let mut groups: Vec<Vec<Work>> = Vec::new();
    let mut ops = GROUP_OPS_MAX;
    for work in writes {
        let more = ops_of(&work.0);
        match groups.last_mut().filter(|_| ops + more <= GROUP_OPS_MAX) {
            Some(group) => group.push(work),
            None => {
                groups.push(vec![work]);
                ops = 0;
            }
        }
        ops += more;
    }
    groups
}

fn refuse(work: Vec<Work>, error: &TrellisError) {
    for (_, waiter) in work {
        let _ = waiter.send(Err(Failure::Host(again(error))));
    }
}

fn closed() -> TrellisError {
    TrellisError::new(Code::Aborted, "The repo was closed before this was done. Open it again.")
}
