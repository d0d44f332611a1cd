//! A replica: a machine, and a host that does what it asks, one thing at a time and in any order that is allowed.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signer, SigningKey};
use trellis_core::admit::policy::Policies;
use trellis_core::error::CommandError;
use trellis_core::input::{Command, Connection, Frame, Guests, Input, Interest, LinkId, Request, Side, Ticket, Tier};
use trellis_core::link::message::{Ack, Have, Message, Tip, TipId};
use trellis_core::machine::{Config, KeyUse, Machine};
use trellis_core::op::id::{Author, OpId};
use trellis_core::output::{Answer, Event, LinkEvent, Output, TroubleCode};
use trellis_core::time::Millis;
use trellis_tests::dice::Dice;
use trellis_tests::host::{author_of, test_key};
use trellis_tests::pair::Zstd;

use crate::Violation;
use crate::disk::Disk;
use crate::ledger::Ledger;
use crate::wires::plain;

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
    /// Word that ops are safe.
    Wait,
}

/// Somebody who waits until ops are safe.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The ops.
    pub ops: Vec<OpId>,
    /// How safe.
    pub tier: Tier,
    /// Whether a hostile peer may have claimed that it keeps them, or have refused them.
    is_excused: bool,
}

/// How often a machine may be told something until it has nothing more to do.
const SETTLING_MAX: usize = 200_000;

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
    /// Whether it can pack frames.
    packs: bool,
    /// What its device asks of those who write.
    policies: Policies,
    machine: Machine,
    outputs: Vec<Output>,
    /// Replies that may only be heard when everything that they could speak of is durable.
    unheard: Vec<Reply>,
    open: BTreeMap<Request, Purpose>,
    next_request: u64,
    /// The keys, in the order in which they were made.
    keys: Vec<SigningKey>,
    trace: blake3::Hasher,
    /// Frames for peers, and ends of links, in order.
    sent: Vec<(LinkId, Option<Frame>)>,
    /// Links of which both ends were said to have the same.
    pub in_sync: BTreeSet<LinkId>,
    /// Ops that it was just told to be safe, and where. The world looks whether that is true.
    pub told_safe: Vec<Wait>,
    waits: BTreeMap<Request, Wait>,
    /// Links to hostile peers.
    hostile: BTreeSet<LinkId>,
    ledger: Ledger,
    next_link: u64,
}

impl Replica {
    /// A replica without ops.
    pub fn new(number: usize, skew_ms: i64, packs: bool, policies: Policies) -> Replica {
        let keys = vec![test_key(number as u64)];
        let (machine, outputs) = opened(&keys[0], packs, policies.clone());
        Replica {
            number,
            disk: Disk::default(),
            skew_ms,
            acked: BTreeSet::new(),
            steps: 0,
            packs,
            policies,
            machine,
            outputs,
            unheard: Vec::new(),
            open: BTreeMap::new(),
            next_request: 0,
            keys,
            trace: blake3::Hasher::new(),
            sent: Vec::new(),
            in_sync: BTreeSet::new(),
            told_safe: Vec::new(),
            waits: BTreeMap::new(),
            hostile: BTreeSet::new(),
            ledger: Ledger::default(),
            next_link: 0,
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

    /// Asks for word that ops are safe.
    ///
    /// # Errors
    /// A step that the machine refuses.
    pub fn wait(&mut self, ops: Vec<OpId>, tier: Tier, time_ms: u64, world: Millis) -> Result<(), Violation> {
        let wait = Wait { ops: ops.clone(), tier, is_excused: !self.hostile.is_empty() };
        self.waits.insert(Request(self.next_request + 1), wait);
        let until = Millis(self.now(world).0 + time_ms);
        self.command(Command::Durable { ops, tier, until }, Purpose::Wait, world)
    }

    /// Whether every command was answered.
    pub fn is_answered(&self) -> bool {
        self.open.is_empty()
    }

    /// When the machine wants to be told the time, by its own clock.
    pub fn deadline(&self) -> Option<Millis> {
        self.machine.deadline()
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
            self.note(output)?;
        }
        self.outputs.extend(outputs);
        Ok(())
    }

    /// What is true of an output when the machine says it, whenever that is heard.
    fn note(&mut self, output: &Output) -> Result<(), Violation> {
        match output {
            Output::Send(id, frame) => {
                let message = self.read(frame)?;
                self.ledger.sent(*id, &message, frame).map_err(|fault| self.blame(&fault))
            }
            Output::Reply(request, result) => match (self.waits.remove(request), result) {
                (Some(wait), Ok(Answer::Durable { .. })) => {
                    self.told_safe.extend(Some(wait).filter(|wait| !wait.is_excused));
                    Ok(())
                }
                (Some(wait), Err(CommandError::Rejected(id))) if !wait.is_excused => {
                    Err(self.blame(&format!("an honest peer is said to refuse {}", id.short())))
                }
                _ => Ok(()),
            },
            Output::Emit(Event::Link(id, LinkEvent::Closed(Some(code)))) if !self.hostile.contains(id) => match code {
                TroubleCode::NoProgress | TroubleCode::Timeout => Ok(()),
                code => Err(self.blame(&format!("a link to an honest peer ended with {code:?}"))),
            },
            _ => Ok(()),
        }
    }

    fn blame(&self, what: &str) -> Violation {
        format!("replica {}: {what}", self.number)
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
        let is_for_link = |output: &Output| matches!(output, Output::Send(..) | Output::Close(_));
        for is_ordered in [is_for_store, is_for_link] {
            if is_ordered(&self.outputs[at]) {
                at = self.outputs.iter().position(is_ordered).unwrap_or(at);
            }
        }
        match self.outputs.remove(at) {
            Output::Reply(request, result) => return self.hear(request, result),
            Output::Emit(Event::Corrupt { row }) => {
                return Err(format!("replica {}: row {row} is corrupt", self.number));
            }
            Output::Emit(Event::Link(id, LinkEvent::InSync)) => drop(self.in_sync.insert(id)),
            Output::Emit(_) => {}
            Output::Send(id, frame) => {
                self.check_spoken(&frame)?;
                self.sent.push((id, Some(frame)));
            }
            Output::Remember(peer, then) => self.disk.remember(peer, then),
            Output::KeepPiece(..) => return Err(format!("replica {} fetched what nobody named", self.number)),
            Output::Close(id) => self.sent.push((id, None)),
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

    /// Opens a link; the peer does the same.
    ///
    /// # Errors
    /// A step that the machine refuses.
    pub fn connect(
        &mut self,
        side: Side,
        interest: Interest,
        dice: &mut Dice,
        world: Millis,
    ) -> Result<LinkId, Violation> {
        self.next_link += 1;
        let id = LinkId(self.next_link);
        let mut nonce = [0; 32];
        nonce[..8].copy_from_slice(&dice.number().to_le_bytes());
        let connection = Connection {
            side,
            nonce,
            origin: "sim".into(),
            binding: b"sim".to_vec(),
            expected: None,
            guests: Guests::Anyone,
            is_relay: false,
            interest,
            joining: None,
        };
        self.ledger.open(id);
        self.step(Input::Connected(id, connection), world)?;
        Ok(id)
    }

    /// Opens a link to a hostile peer, whose word is worth nothing.
    ///
    /// # Errors
    /// A step that the machine refuses.
    pub fn connect_hostile(&mut self, side: Side, dice: &mut Dice, world: Millis) -> Result<LinkId, Violation> {
        self.hostile.insert(LinkId(self.next_link + 1));
        self.waits.values_mut().for_each(|wait| wait.is_excused = true);
        self.connect(side, Interest::default(), dice, world)
    }

    /// Gives the machine a frame.
    ///
    /// # Errors
    /// A step that the machine refuses.
    pub fn receive(&mut self, id: LinkId, frame: Frame, world: Millis) -> Result<(), Violation> {
        self.ledger.received(id, &frame);
        self.step(Input::Received(id, frame), world)
    }

    /// Tells the machine that a connection is gone.
    ///
    /// # Errors
    /// A step that the machine refuses.
    pub fn disconnect(&mut self, id: LinkId, world: Millis) -> Result<(), Violation> {
        self.ledger.close(id);
        self.hostile.remove(&id);
        self.step(Input::Disconnected(id), world)
    }

    /// Takes the frames that are to be sent; none in place of a frame ends the link.
    pub fn take_sent(&mut self) -> Vec<(LinkId, Option<Frame>)> {
        std::mem::take(&mut self.sent)
    }

    /// Durable before spoken: no frame names an op of this replica's that a crash could take.
    fn check_spoken(&self, frame: &Frame) -> Result<(), Violation> {
        let halves: Vec<[u8; 16]> = match self.read(frame)? {
            Message::Have(Have { tips, .. }) | Message::Ack(Ack { ends: tips, .. }) => tips.iter().map(half).collect(),
            Message::Ops(ops) => ops.ops.iter().map(|op| half_of(&OpId::of_header(&op.header))).collect(),
            _ => Vec::new(),
        };
        match halves.into_iter().all(|half| self.disk.has_half(&half)) {
            true => Ok(()),
            false => Err(format!("replica {} told a peer of an op before it was durable", self.number)),
        }
    }

    /// What it wrote, which may name by half what it has itself.
    fn read(&self, frame: &Frame) -> Result<Message, Violation> {
        self.machine.read_frame(&plain(frame)).map_err(|fault| self.blame(&format!("wrote no message: {fault}")))
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
        if matches!(purpose, Purpose::Own | Purpose::Wait) || self.disk.unsynced() + self.unwritten() == 0 {
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
        (self.machine, self.outputs) = opened(&self.keys[last], self.packs, self.policies.clone());
        self.sent.clear();
        self.in_sync.clear();
        self.waits.clear();
        self.hostile.clear();
        self.ledger = Ledger::default();
        self.open.clear();
        self.unheard.clear();
    }

    /// Does everything that there is to do.
    ///
    /// # Errors
    /// What the machine may not do.
    pub fn settle(&mut self, world: Millis, dice: &mut Dice) -> Result<Vec<Reply>, Violation> {
        let mut heard = Vec::new();
        let steps = self.steps;
        while self.is_busy() {
            if self.steps > steps + SETTLING_MAX {
                return Err(self.blame("there is no end of what the machine asks for"));
            }
            while !self.outputs.is_empty() && self.steps <= steps + SETTLING_MAX {
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
        heard.retain(|(purpose, _)| *purpose == Purpose::Own);
        match heard.pop() {
            Some((_, result)) if heard.is_empty() => Ok(result),
            _ => Err(format!("replica {}: a command was not answered once", self.number)),
        }
    }
}

fn half(tip: &Tip) -> [u8; 16] {
    match &tip.id {
        TipId::Short(half) => *half,
        TipId::Full(id) => half_of(id),
    }
}

fn half_of(id: &OpId) -> [u8; 16] {
    id.0[..16].try_into().expect("an id has two halves")
}

fn opened(key: &SigningKey, packs: bool, policies: Policies) -> (Machine, Vec<Output>) {
    let (mut machine, outputs) =
        Machine::open(Config { author: author_of(key), key_use: KeyUse::Own, id_key: 5, policies });
    if packs {
        machine.compress_with(&Zstd);
    }
    (machine, outputs)
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
