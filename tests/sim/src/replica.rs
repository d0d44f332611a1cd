//! A replica: a machine, and a host that does what it asks, one thing at a time and in any order that is allowed.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signer, SigningKey};
use trellis_core::admit::policy::Policies;
use trellis_core::error::CommandError;
use trellis_core::input::{Command, Input, Request, Ticket};
use trellis_core::machine::{Config, KeyUse, Machine};
use trellis_core::op::id::{Author, OpId};
use trellis_core::output::{Answer, Event, Output};
use trellis_core::time::Millis;
use trellis_tests::dice::Dice;
use trellis_tests::host::{author_of, test_key};

use crate::Violation;
use crate::disk::Disk;

/// What a command was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A write, an import or a look: nobody outside waits.
    Own,
    /// The chain ends, to ask `of` for what they do not reach.
    Ask {
        /// Who is asked.
        of: usize,
    },
    /// Ops, for `to`.
    Give {
        /// Who asked.
        to: usize,
    },
}

/// A reply of the machine.
pub type Reply = (Purpose, Result<Answer, CommandError>);

/// One replica.
#[derive(Debug)]
pub struct Replica {
    /// Which one.
    pub number: usize,
    /// The store.
    pub disk: Disk,
    /// How far its clock is ahead of the world's, in milliseconds.
    pub skew_ms: i64,
    /// Ops that were told to be durable here.
    pub acked: BTreeSet<OpId>,
    /// How many inputs the machine took.
    pub steps: usize,
    machine: Machine,
    outputs: Vec<Output>,
    /// Replies that may only be heard when everything that they could speak of is durable.
    unheard: Vec<Reply>,
    open: BTreeMap<Request, Purpose>,
    next_request: u64,
    /// The keys, in the order in which they were made.
    keys: Vec<SigningKey>,
    trace: blake3::Hasher,
}

impl Replica {
    /// A replica without ops.
    pub fn new(number: usize, skew_ms: i64) -> Replica {
        let keys = vec![test_key(number as u64)];
        let (machine, outputs) = opened(&keys[0]);
        Replica {
            number,
            disk: Disk::default(),
            skew_ms,
            acked: BTreeSet::new(),
            steps: 0,
            machine,
            outputs,
            unheard: Vec::new(),
            open: BTreeMap::new(),
            next_request: 0,
            keys,
            trace: blake3::Hasher::new(),
        }
    }

    /// Its clock.
    pub fn now(&self, world: Millis) -> Millis {
        Millis(world.0.saturating_add_signed(self.skew_ms))
    }

    /// The keys that it ever had.
    pub fn authors(&self) -> impl Iterator<Item = Author> {
        self.keys.iter().map(author_of)
    }

    /// The key that it writes under.
    pub fn author(&self) -> Author {
        self.machine.author()
    }

    /// The hash of everything that the machine was told and said.
    pub fn trace(&self) -> [u8; 32] {
        *self.trace.finalize().as_bytes()
    }

    /// Whether something is to be done.
    pub fn is_busy(&self) -> bool {
        !self.outputs.is_empty() || self.disk.unsynced() > 0
    }

    /// Gives the machine a command.
    ///
    /// # Errors
    /// A step that the machine refuses.
    pub fn command(&mut self, command: Command, purpose: Purpose, world: Millis) -> Result<(), Violation> {
        self.next_request += 1;
        let request = Request(self.next_request);
        self.open.insert(request, purpose);
        self.step(Input::Command(request, command), world)
    }

    /// Tells the machine the time.
    ///
    /// # Errors
    /// A step that the machine refuses.
    pub fn tick(&mut self, world: Millis) -> Result<(), Violation> {
        self.step(Input::Tick, world)
    }

    fn step(&mut self, input: Input, world: Millis) -> Result<(), Violation> {
        let now = self.now(world);
        self.steps += 1;
        let outputs = self.machine.step(input, now).map_err(|error| format!("replica {}: {error}", self.number))?;
        for output in &outputs {
            self.trace.update(&now.0.to_le_bytes()).update(told(output).as_bytes());
        }
        self.outputs.extend(outputs);
        Ok(())
    }

    /// Carries out one output of the dice's choice, those for the store in their order. Returns what was said.
    ///
    /// # Errors
    /// What the machine may not do.
    pub fn carry_out(&mut self, world: Millis, dice: &mut Dice) -> Result<Vec<Reply>, Violation> {
        if self.outputs.is_empty() {
            return Ok(Vec::new());
        }
        let mut at = dice.below(self.outputs.len());
        let is_for_store = |output: &Output| matches!(output, Output::Persist(..) | Output::Load(..));
        if is_for_store(&self.outputs[at]) {
            at = self.outputs.iter().position(is_for_store).unwrap_or(at);
        }
        match self.outputs.remove(at) {
            Output::Reply(request, result) => return self.hear(request, result),
            Output::Emit(Event::Corrupt { row }) => {
                return Err(format!("replica {}: row {row} is corrupt", self.number));
            }
            Output::Emit(_) => {}
            Output::Persist(ticket, row) => self.disk.write(ticket, row),
            Output::Sign { ticket, author, message } => {
                let signature = self.key(&author)?.sign(&message).to_bytes();
                self.step(Input::Signed(ticket, signature), world)?;
            }
            Output::MakeKey { ticket } => {
                let number = (self.keys.len() * 1000 + self.number) as u64;
                self.keys.push(test_key(number));
                self.step(Input::KeyMade(ticket, author_of(&test_key(number))), world)?;
            }
            Output::Load(ticket, query) => {
                let loaded = self.disk.load(&query);
                self.step(Input::Loaded(ticket, loaded), world)?;
            }
        }
        Ok(Vec::new())
    }

    fn key(&self, author: &Author) -> Result<&SigningKey, Violation> {
        let key = self.keys.iter().find(|key| author_of(key) == *author);
        key.ok_or_else(|| format!("replica {} was asked to sign as somebody else", self.number))
    }

    fn hear(&mut self, request: Request, result: Result<Answer, CommandError>) -> Result<Vec<Reply>, Violation> {
        let purpose = self.open.remove(&request);
        let purpose = purpose.ok_or_else(|| format!("replica {} answered a command twice", self.number))?;
        match &result {
            Ok(Answer::Written(ids)) => self.ack(ids)?,
            Ok(Answer::Imported(report)) => self.ack(&report.admitted)?,
            Err(error @ (CommandError::Damaged | CommandError::Corrupt(_) | CommandError::BadSignature)) => {
                return Err(format!("replica {}: {error}", self.number));
            }
            _ => {}
        }
        let reply = (purpose, result);
        if purpose == Purpose::Own || self.disk.unsynced() + self.unwritten() == 0 {
            return Ok(vec![reply]);
        }
        self.unheard.push(reply);
        Ok(Vec::new())
    }

    /// Rows that the machine has given out and the disk has not seen.
    fn unwritten(&self) -> usize {
        self.outputs.iter().filter(|output| matches!(output, Output::Persist(..))).count()
    }

    /// Durable before spoken.
    fn ack(&mut self, ids: &[OpId]) -> Result<(), Violation> {
        if let Some(id) = ids.iter().find(|id| !self.disk.durable().contains_key(*id)) {
            return Err(format!("replica {} spoke of {} before it was durable", self.number, id.short()));
        }
        self.acked.extend(ids);
        Ok(())
    }

    /// Syncs the disk. Returns what may be heard now.
    ///
    /// # Errors
    /// A step that the machine refuses.
    pub fn sync(&mut self, world: Millis) -> Result<Vec<Reply>, Violation> {
        for ticket in self.disk.sync() {
            self.step(Input::Persisted(ticket), world)?;
        }
        Ok(if self.unwritten() == 0 { std::mem::take(&mut self.unheard) } else { Vec::new() })
    }

    /// The disk fails to sync; everybody who waits must hear so, and the machine begins anew.
    ///
    /// # Errors
    /// A command that is not answered, or answered with success.
    pub fn fail(&mut self, world: Millis) -> Result<(), Violation> {
        let Some(ticket) = self.disk.fail() else { return Ok(()) };
        let answered = |output: &Output| match output {
            Output::Reply(request, result) => Some((*request, result.is_ok())),
            _ => None,
        };
        let before: Vec<(Request, bool)> = self.outputs.iter().filter_map(answered).collect();
        self.step(Input::PersistFailed(ticket), world)?;
        let all: BTreeMap<Request, bool> = self.outputs.iter().filter_map(answered).collect();
        let is_new = |(request, is_ok): (&Request, &bool)| *is_ok && !before.contains(&(*request, true));
        if all.iter().any(is_new) || self.open.keys().any(|request| !all.contains_key(request)) {
            return Err(format!("replica {}: a failed write was not told to everybody", self.number));
        }
        self.reopen();
        Ok(())
    }

    /// Loses power and comes back.
    pub fn crash(&mut self, dice: &mut Dice) {
        let kept = dice.below(self.disk.unsynced() + 1);
        self.disk.crash(kept);
        self.reopen();
    }

    /// Comes back with an older disk, as somebody who restores a backup.
    pub fn restore(&mut self, dice: &mut Dice) {
        let rows = 1 + dice.below(self.disk.synced());
        self.disk.restore(rows);
        self.acked.retain(|id| self.disk.durable().contains_key(id));
        self.reopen();
    }

    /// A new machine on what the disk holds, under the last key of which the disk knows.
    fn reopen(&mut self) {
        let known = self.disk.authors();
        let last = self.keys.iter().rposition(|key| known.contains(&author_of(key))).unwrap_or(0);
        (self.machine, self.outputs) = opened(&self.keys[last]);
        self.open.clear();
        self.unheard.clear();
    }

    /// Does everything that there is to do.
    ///
    /// # Errors
    /// What the machine may not do.
    pub fn settle(&mut self, world: Millis, dice: &mut Dice) -> Result<Vec<Reply>, Violation> {
        let mut heard = Vec::new();
        while self.is_busy() {
            while !self.outputs.is_empty() {
                heard.extend(self.carry_out(world, dice)?);
            }
            heard.extend(self.sync(world)?);
        }
        Ok(heard)
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// What the machine may not do.
    pub fn ask(
        &mut self,
        command: Command,
        world: Millis,
        dice: &mut Dice,
    ) -> Result<Result<Answer, CommandError>, Violation> {
        self.settle(world, dice)?;
        self.command(command, Purpose::Own, world)?;
        let mut heard = self.settle(world, dice)?;
        match heard.pop() {
            Some((_, result)) if heard.is_empty() => Ok(result),
            _ => Err(format!("replica {}: a command was not answered once", self.number)),
        }
    }
}

fn opened(key: &SigningKey) -> (Machine, Vec<Output>) {
    let policies = Policies::default();
    Machine::open(Config { author: author_of(key), key_use: KeyUse::Own, id_key: 5, policies })
}

/// An output in short: equal outputs have equal texts.
fn told(output: &Output) -> String {
    match output {
        Output::Persist(Ticket(ticket), row) => format!("{ticket} {:?}", row.digest),
        Output::Load(Ticket(ticket), _) => format!("{ticket} load"),
        Output::Sign { message, .. } => format!("sign {message:?}"),
        Output::Reply(request, result) => format!("{request:?} {}", result.is_ok()),
        other => format!("{other:?}"),
    }
}
