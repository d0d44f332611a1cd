//! The driver of an engine: a machine over the log of a program that has a store of its own.
//!
//! The log is read once, and from then on only what was added to it. What a peer brings goes to the program before the
//! machine hears that it is durable, so nothing is acknowledged that the program does not have. When the program cannot
//! keep it, the machine is thrown away, and the next job opens a new one from what there was before.

use std::collections::HashSet;
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use trellis_core::admit::policy::Policies;
use trellis_core::input::{Command, Input};
use trellis_core::log::row::StoredOp;
use trellis_core::op::id::OpId;
#[cfg(feature = "http")]
use trellis_core::op::{id::Author, sign::Signature};
use trellis_core::output::Answer;

use super::engine::{Clock, Engine, Setup, Work, again};
#[cfg(feature = "http")]
use super::handle::ToSign;
use super::handle::{Handle, Job};
use super::ports::LinkJob;
use super::refuse;
use super::rows::Rows;
use super::signer::Keys;
use crate::engine::{OnOps, OpLog};
use crate::error::{Result, TrellisError};
use crate::keys::Identity;

/// Ops of the log that are asked for at once.
const PAGE_OPS: usize = 1024;
/// Jobs that are done together.
const JOBS_MAX: usize = 1024;

/// Why the program did not take ops, until somebody asks.
pub(crate) type Refusal = Arc<Mutex<Option<TrellisError>>>;

/// What a program lends to its engine.
pub(crate) struct Lent {
    pub(crate) identity: Identity,
    pub(crate) policies: Policies,
    pub(crate) log: Box<dyn OpLog>,
    pub(crate) on_ops: OnOps,
    pub(crate) refusal: Refusal,
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Lent {
    /// Runs an engine on a thread of its own.
    pub(crate) fn start(self) -> Result<Handle> {
        let clock = Clock::default();
        let runner = |inbox| Runner {
            lent: self,
            clock: Clock::default(),
            rows: Rows::default(),
            engine: None,
            read: 0,
            bare: Vec::new(),
            inbox,
        };
        Handle::spawn(clock, move |inbox| runner(inbox).run())
    }
}

/// What the thread owns.
struct Runner {
    lent: Lent,
    clock: Clock,
    rows: Rows,
    engine: Option<Engine>,
    /// How many ops of the log were read.
    read: usize,
    /// Ops of the log that nothing vouched for when they were read: the log may have grown in the middle of a run.
    bare: Vec<StoredOp>,
    inbox: Receiver<Job>,
}

impl Runner {
    fn run(mut self) {
        while let Some(jobs) = self.wait() {
            let (mut work, mut links) = (Vec::new(), Vec::new());
            let mut settled: Vec<oneshot::Sender<()>> = Vec::new();
            for job in jobs {
                match job {
                    Job::Run(one) => work.push(*one),
                    Job::Link(job) => links.push(*job),
                    #[cfg(feature = "http")]
                    Job::Sign(message, waiter) => drop(waiter.send(self.sign(message))),
                    #[cfg(feature = "http")]
                    Job::Settle(waiter) => settled.push(waiter),
                    Job::Close(waiter) => return drop(waiter.send(Ok(()))),
                    Job::Check(_) | Job::Tell(_) => {}
                }
            }
            self.serve(work, links);
            for waiter in settled {
                let _ = waiter.send(());
            }
        }
    }

    /// Everything that waits, at least one job unless a deadline has come; none when nobody can ask any more.
    fn wait(&mut self) -> Option<Vec<Job>> {
        let first = match self.time_left() {
            None => self.inbox.recv().ok()?,
            Some(left) => match self.inbox.recv_timeout(left) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => return Some(Vec::new()),
                Err(RecvTimeoutError::Disconnected) => return None,
            },
        };
        Some(std::iter::once(first).chain(self.inbox.try_iter().take(JOBS_MAX)).collect())
    }

    fn time_left(&self) -> Option<Duration> {
        let deadline = self.engine.as_ref()?.deadline()?;
        Some(Duration::from_millis(deadline.0.saturating_sub(self.clock.now().0)))
    }

    #[cfg(feature = "http")]
    fn sign(&self, message: ToSign) -> Result<(Author, Signature)> {
        let author = self.lent.identity.author();
        Ok((author, self.lent.identity.sign(&message(author))))
    }

    fn serve(&mut self, work: Vec<Work>, links: Vec<LinkJob>) {
        let mut engine = match self.engine.take().map_or_else(|| self.open(), Ok) {
            Ok(engine) => engine,
            Err(error) => return refuse(work, &error),
        };
        engine.set_now(self.clock.now());
        let mut inputs = engine.enlist(work);
        inputs.extend(engine.link(links));
        inputs.push(Input::Tick);
        match self.grow(&mut engine).and_then(|own| self.carry_out(&mut engine, inputs, &own)) {
            Ok(()) => self.engine = Some(engine),
            Err(error) => {
                // Whoever waits for a link hears that it is gone when the engine is, and then asks why.
                let told = again(&error);
                *self.lent.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                engine.fail(&told);
            }
        }
    }

    /// A machine over the rows that there are.
    fn open(&mut self) -> Result<Engine> {
        let keys = Keys::Passing(self.lent.identity.clone());
        let setup = Setup { policies: self.lent.policies.clone(), events: None, now: self.clock.now() };
        let mut engine = Engine::open(keys, setup, &mut self.rows)?;
        engine.leave_content();
        Ok(engine)
    }

    /// Takes in what the log has grown by.
    fn grow(&mut self, engine: &mut Engine) -> Result<HashSet<OpId>> {
        let mut ops = std::mem::take(&mut self.bare);
        loop {
            let page = self.lent.log.read(self.read, PAGE_OPS);
            if page.is_empty() {
                break;
            }
            self.read += page.len();
            ops.extend(page);
        }
        let own: HashSet<OpId> = ops.iter().map(id_of).collect();
        if !ops.is_empty() {
            self.import(engine, ops, &own)?;
        }
        Ok(own)
    }

    fn import(&mut self, engine: &mut Engine, ops: Vec<StoredOp>, own: &HashSet<OpId>) -> Result<()> {
        let (waiter, mut answer) = oneshot::channel();
        let inputs = engine.enlist(vec![(Command::Import(ops.clone()), waiter)]);
        if let Err(error) = self.carry_out(engine, inputs, own) {
            self.bare = ops;
            return Err(error);
        }
        if let Ok(Ok(Answer::Imported(report))) = answer.try_recv() {
            let dropped: HashSet<OpId> = report.dropped.into_iter().collect();
            self.bare = ops.into_iter().filter(|op| dropped.contains(&id_of(op))).collect();
        }
        Ok(())
    }

    /// Has inputs carried out. The program gets what is new to it before the machine hears that it is durable.
    fn carry_out(&mut self, engine: &mut Engine, mut inputs: Vec<Input>, own: &HashSet<OpId>) -> Result<()> {
        while !inputs.is_empty() {
            let before = self.rows.len();
            inputs = engine.run(inputs, &mut self.rows)?;
            if let Err(error) = self.give(before, own) {
                self.rows.truncate(before);
                return Err(error);
            }
        }
        engine.settle();
        Ok(())
    }

    fn give(&mut self, before: usize, own: &HashSet<OpId>) -> Result<()> {
        let brought = self.rows.ops_since(before).into_iter();
        let new: Vec<StoredOp> = brought.filter(|(id, _)| !own.contains(id)).map(|(_, op)| op).collect();
        if new.is_empty() {
            return Ok(());
        }
        (self.lent.on_ops)(new)
    }
}

fn id_of(op: &StoredOp) -> OpId {
    OpId::of_header(&op.header)
}
