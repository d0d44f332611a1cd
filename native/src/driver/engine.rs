//! The machine with everything that it asks for at hand: a disk, the device's key, the time.
//!
//! The machine says what it needs, this file does it and tells the machine, until nothing is asked for any more. Rows
//! go into the disk as they come, and are confirmed to the machine only when the caller has committed them.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use trellis_core::admit::policy::Policies;
use trellis_core::error::CommandError;
use trellis_core::input::{Command, Frame, Input, LinkId, Request, Ticket};
use trellis_core::machine::{Config, Machine};
#[cfg(feature = "http")]
use trellis_core::op::{id::Author, sign::Signature};
use trellis_core::output::{Answer, Event, Output};
use trellis_core::time::Millis;

use super::disk::Storage;
#[cfg(feature = "http")]
use super::handle::ToSign;
use super::ports::{LinkJob, Ports};
use super::signer::Keys;
use crate::error::{Code, Result, TrellisError};
use crate::link::Zstd;

/// Why a command has no answer: the machine's reason, or the host's.
#[derive(Debug)]
pub(crate) enum Failure {
    Command(CommandError),
    Host(TrellisError),
}

/// Who waits for an answer.
pub(crate) type Waiter = oneshot::Sender<std::result::Result<Answer, Failure>>;
/// A command, and who waits for its answer.
pub(crate) type Work = (Command, Waiter);

/// What time it is.
#[derive(Clone)]
pub(crate) struct Clock(pub(crate) Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    pub(crate) fn now(&self) -> Millis {
        (self.0)()
    }
}

impl Default for Clock {
    /// The system's.
    fn default() -> Clock {
        let since_1970 = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock(Arc::new(move || Millis(since_1970().as_millis() as u64)))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// What an engine begins with.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) policies: Policies,
    pub(crate) events: Option<UnboundedSender<Event>>,
    pub(crate) now: Millis,
}

/// A machine, its key, and who waits for its replies.
#[derive(Debug)]
pub(crate) struct Engine {
    machine: Machine,
    keys: Keys,
    events: Option<UnboundedSender<Event>>,
    untold: Vec<Event>,
    is_key_new: bool,
    now: Millis,
    waiting: HashMap<Request, Waiter>,
    next_request: u64,
    ports: Ports,
    /// Links whose connection is gone: what is still said about them may be heard, and then nothing more.
    gone: Vec<LinkId>,
}

impl Engine {
    /// Opens a machine on what a disk holds.
    pub(crate) fn open(keys: Keys, setup: Setup, disk: &mut dyn Storage) -> Result<Engine> {
        let Setup { policies, events, now } = setup;
        let config =
            Config { author: keys.author(), key_use: keys.key_use()?, id_key: u64::from_ne_bytes(random()?), policies };
        let (mut machine, outputs) = Machine::open(config);
        machine.compress_with(&Zstd);
        let (untold, is_key_new, waiting, next_request) = (Vec::new(), false, HashMap::new(), 1);
        let (ports, gone) = (Ports::default(), Vec::new());
        let mut engine = Engine { machine, keys, events, untold, is_key_new, now, waiting, next_request, ports, gone };
        engine.carry_out(outputs, disk)?;
        engine.settle();
        Ok(engine)
    }

    /// Sets the time that all steps see until it is set again.
    pub(crate) fn set_now(&mut self, now: Millis) {
        self.now = now;
    }

    /// When the machine next wants to be told the time.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.machine.deadline()
    }

    /// Takes work on: whoever waits for it is answered from now on, by a reply or by [`Engine::fail`].
    pub(crate) fn enlist(&mut self, work: Vec<Work>) -> Vec<Input> {
        work.into_iter().map(|(command, waiter)| Input::Command(self.request(waiter), command)).collect()
    }

    /// Signs what `message` makes of the key that the device writes under, with that key.
    #[cfg(feature = "http")]
    pub(crate) fn sign(&self, message: ToSign) -> Result<(Author, Signature)> {
        let author = self.machine.author();
        Ok((author, self.keys.sign(&author, &message(author))?))
    }

    /// Leaves content alone from now on.
    #[cfg(feature = "ws")]
    pub(crate) fn leave_content(&mut self) {
        self.machine.leave_content();
    }

    /// Whether a link is open.
    pub(crate) fn has_links(&self) -> bool {
        !self.ports.is_empty()
    }

    /// Takes what happened to links.
    pub(crate) fn link(&mut self, jobs: Vec<LinkJob>) -> Vec<Input> {
        let take = |job: LinkJob| {
            if let Some((id, port)) = job.port {
                self.ports.add(id, port);
            }
            if let Input::Disconnected(id) = &job.input {
                self.gone.push(*id);
            }
            job.input
        };
        jobs.into_iter().map(take).collect()
    }

    /// Makes the machine read what other processes have committed.
    pub(crate) fn refresh(&mut self, disk: &mut dyn Storage) -> Result<()> {
        if disk.last_seq()? <= self.machine.last_row() {
            return Ok(());
        }
        let (nobody, _) = oneshot::channel();
        let request = self.request(nobody);
        self.run(vec![Input::Command(request, Command::Refresh)], disk).map(drop)
    }

    /// Has the inputs carried out, in order; returns what the machine is to be told once everything is committed.
    pub(crate) fn run(&mut self, inputs: Vec<Input>, disk: &mut dyn Storage) -> Result<Vec<Input>> {
        let mut appended = Vec::new();
        for input in inputs {
            let outputs = self.step(input)?;
            appended.extend(self.carry_out(outputs, disk)?);
        }
        Ok(appended)
    }

    /// Everything that happened so far is durable: events are told, and an old key that was replaced is dropped. That
    /// this fails is no harm; it is dropped another time.
    pub(crate) fn settle(&mut self) {
        if std::mem::take(&mut self.is_key_new) {
            let _ = self.keys.renewed();
        }
        self.gone.drain(..).for_each(|id| self.ports.forget(id));
        for event in self.untold.drain(..) {
            let _ = self.events.as_ref().map(|events| events.send(event));
        }
    }

    /// Answers everybody who still waits with a failure of the host. The engine is of no use afterwards.
    pub(crate) fn fail(self, error: &TrellisError) {
        for waiter in self.waiting.into_values() {
            let _ = waiter.send(Err(Failure::Host(again(error))));
        }
    }

    fn carry_out(&mut self, outputs: Vec<Output>, disk: &mut dyn Storage) -> Result<Vec<Input>> {
        let mut outputs = VecDeque::from(outputs);
        let mut appended = Vec::new();
        while let Some(output) = outputs.pop_front() {
            let input = match output {
                Output::Sign { ticket, author, message } => {
                    Some(Input::Signed(ticket, self.keys.sign(&author, &message)?))
                }
                Output::MakeKey { ticket } => Some(self.renew_key(ticket)?),
                Output::Load(ticket, query) => Some(Input::Loaded(ticket, disk.load(query)?)),
                Output::Persist(ticket, row) => {
                    disk.append(row)?;
                    appended.push(Input::Persisted(ticket));
                    None
                }
                Output::KeepPiece(ticket, part) => {
                    appended.push(Input::PieceKept(ticket, disk.keep_piece(&part)?));
                    None
                }
                Output::Remember(peer, then) => {
                    disk.remember(&peer, then)?;
                    None
                }
                Output::Reply(request, result) => self.reply(request, result),
                Output::Emit(event) => self.emit(event),
                Output::Send(id, frame) => self.send(id, frame),
                Output::Close(id) => self.close(id),
            };
            if let Some(input) = input {
                outputs.extend(self.step(input)?);
            }
        }
        Ok(appended)
    }

    fn step(&mut self, input: Input) -> Result<Vec<Output>> {
        self.machine.step(input, self.now).map_err(|cause| {
            TrellisError::new(Code::Aborted, "The repo was closed after a failure. Open it again.").caused_by(cause)
        })
    }

    fn request(&mut self, waiter: Waiter) -> Request {
        let request = Request(self.next_request);
        self.next_request += 1;
        self.waiting.insert(request, waiter);
        request
    }

    /// Whoever has stopped waiting gets nothing.
    fn reply(&mut self, request: Request, result: std::result::Result<Answer, CommandError>) -> Option<Input> {
        if let Some(waiter) = self.waiting.remove(&request) {
            let _ = waiter.send(result.map_err(Failure::Command));
        }
        None
    }

    fn emit(&mut self, event: Event) -> Option<Input> {
        match event {
            Event::Link(id, event) => self.ports.tell(id, event),
            event => self.untold.push(event),
        }
        None
    }

    fn send(&mut self, id: LinkId, frame: Frame) -> Option<Input> {
        self.ports.send(id, frame);
        None
    }

    fn close(&mut self, id: LinkId) -> Option<Input> {
        self.ports.close(id);
        None
    }

    fn renew_key(&mut self, ticket: Ticket) -> Result<Input> {
        self.is_key_new = true;
        self.keys.renew().map(|author| Input::KeyMade(ticket, author))
    }
}

/// The same failure for one more of those who wait.
pub(crate) fn again(error: &TrellisError) -> TrellisError {
    let copy = TrellisError::new(error.code(), error.message());
    match error.path() {
        Some(path) => copy.at_path(path),
        None => copy,
    }
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| {
        TrellisError::new(Code::Unsupported, "The operating system gives no random bytes, and keys need them.")
    })?;
    Ok(bytes)
}
