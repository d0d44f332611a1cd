//! The world: its moves, and the three phases of a run.

use trellis_core::error::CommandError;
use trellis_core::input::{Base, Change, Choice, Command, Edit, Interest, Role, Transaction};
use trellis_core::log::row::StoredOp;
use trellis_core::op::id::OpId;
use trellis_core::op::json::Value;
use trellis_core::op::patch::Patch;
use trellis_core::output::Answer;
use trellis_core::time::{Hlc, Millis};
use trellis_tests::dice::Dice;
use trellis_tests::host::{REPO, START};
use trellis_tests::sealed::SealedOp;

use crate::check::{self, Chains};
use crate::dials::Dials;
use crate::hostile::Hostile;
use crate::liar::{AHEAD_MS_MAX, Liar};
use crate::network::{Message, Network};
use crate::replica::{Purpose, Replica, Reply};
use crate::rules;
use crate::wires::Wires;
use crate::{Outcome, Reached, Violation};

/// Replicas, what is between them, and the time.
#[derive(Debug)]
pub struct World {
    pub(crate) dials: Dials,
    pub(crate) dice: Dice,
    pub(crate) now: Millis,
    pub(crate) replicas: Vec<Replica>,
    network: Network,
    pub(crate) wires: Wires,
    liar: Liar,
    pub(crate) hostile: Hostile,
    chains: Chains,
    reached: Reached,
}

/// What a check or a move comes to.
pub(crate) type Done = Result<(), Violation>;
/// What goes wrong with a replica.
type Fault = fn(&mut World, usize) -> Done;

impl World {
    /// The world of a seed, before anything has happened.
    pub fn new(seed: u64, dials: Dials) -> World {
        let mut dice = Dice::new(seed);
        let skew = |dice: &mut Dice| dice.below(2 * dials.skew_ms as usize + 1) as i64 - dials.skew_ms as i64;
        let policies = rules::policies(&dials);
        let mut replica = |number| Replica::new(number, skew(&mut dice), dice.chance(dials.packing), policies.clone());
        let replicas = (0..dials.replicas).map(&mut replica).collect();
        World {
            replicas,
            dials,
            dice,
            now: START,
            network: Network::default(),
            wires: Wires::default(),
            liar: Liar::new(),
            hostile: Hostile::new(),
            chains: Chains::default(),
            reached: Reached::default(),
        }
    }

    /// What the run came to.
    pub fn outcome(&self) -> Outcome {
        let mut trace = blake3::Hasher::new();
        for replica in &self.replicas {
            trace.update(&replica.trace());
        }
        let steps = self.replicas.iter().map(|replica| replica.steps).sum();
        Outcome { trace: *trace.finalize().as_bytes(), steps, reached: self.reached }
    }

    /// Everybody writes, crashes, lies and talks at once.
    ///
    /// # Errors
    /// The first invariant that does not hold after a move.
    pub fn chaos(&mut self) -> Done {
        let create = Command::Create { name: "sim".into(), nonce: [7; 32] };
        self.ask(0, create)?.map_err(|error| error.to_string())?;
        for who in 1..self.replicas.len() {
            if self.dice.chance(self.dials.early) {
                self.hand_over(0, who)?;
            }
        }
        for _ in 0..self.dials.moves {
            self.now = Millis(self.now.0 + self.dice.below(self.dials.pace_ms as usize) as u64);
            let who = self.dice.below(self.replicas.len());
            self.one_move(who)?;
            self.collect()?;
            self.chains.check(&self.replicas[who])?;
        }
        Ok(())
    }

    fn one_move(&mut self, who: usize) -> Done {
        if let Some(fault) = self.fault() {
            return fault(self, who);
        }
        if self.replicas[who].deadline().is_some_and(|deadline| deadline <= self.replicas[who].now(self.now)) {
            self.replicas[who].tick(self.now)?;
        }
        if !self.wires.is_empty() && self.dice.chance(40) {
            return self.carry();
        }
        match self.dice.below(10) {
            0 if self.dice.chance(20) => self.wait(who, &[]),
            0..=2 => self.write(who),
            3 | 4 => {
                let of = self.dice.below(self.replicas.len());
                self.replicas[who].command(Command::ChainEnds, Purpose::Ask { of }, self.now)
            }
            5 | 6 => self.deliver(),
            7 => {
                let heard = self.replicas[who].sync(self.now)?;
                self.pass_on(who, heard)
            }
            _ => self.work(who),
        }
    }

    /// A fault that the dials want now.
    fn fault(&mut self) -> Option<Fault> {
        let faults: [(u32, Fault); 9] = [
            (self.dials.wiring, World::wire),
            (self.dials.one_way, World::flip),
            (self.dials.flapping, World::flap),
            (self.dials.hostile, World::attack),
            (self.dials.crash, World::crash),
            (self.dials.disk_failure, World::fail),
            (self.dials.restore, World::restore),
            (self.dials.jump, World::jump),
            (self.dials.liar, World::lie),
        ];
        let dice = &mut self.dice;
        faults.into_iter().find(|(chance, _)| dice.chance(*chance)).map(|(_, fault)| fault)
    }

    /// Connects a replica with another one, or cuts it off.
    pub(crate) fn wire(&mut self, who: usize) -> Done {
        let other = self.dice.below(self.replicas.len());
        match who == other || self.wires.connects([who, other]) {
            true => return self.wires.cut(&mut self.replicas, who, self.now),
            false => self.connect([who, other])?,
        }
        if self.dice.chance(70) { self.shake([who, other]) } else { Ok(()) }
    }

    fn connect(&mut self, pair: [usize; 2]) -> Done {
        let pair = pair.map(|who| (who, self.interest()));
        self.wires.connect(&mut self.replicas, pair, &mut self.dice, self.now)
    }

    /// What a replica wants over a wire: every branch, or some.
    fn interest(&mut self) -> Interest {
        let some: [&[&str]; 4] = [&["main"], &["side"], &["main", "third"], &["*d*"]];
        let branches = if self.dice.chance(self.dials.narrow) { *self.dice.pick(&some) } else { &[] };
        Interest::parse(branches).expect("patterns")
    }

    /// Two replicas get through with their handshake at once.
    fn shake(&mut self, pair: [usize; 2]) -> Done {
        for _ in 0..3 {
            for who in pair {
                let heard = self.replicas[who].settle(self.now, &mut self.dice)?;
                self.pass_on(who, heard)?;
            }
            self.collect()?;
            self.wires.shake(&mut self.replicas, pair[0], self.now)?;
        }
        Ok(())
    }

    /// Ends every connection of a replica.
    fn cut_off(&mut self, who: usize) -> Done {
        self.hostile.forget(who);
        self.wires.cut(&mut self.replicas, who, self.now)
    }

    /// A hostile peer, who has all that a replica has, says something to it.
    fn attack(&mut self, who: usize) -> Done {
        let seen = self.give(who, Vec::new())?;
        if seen.is_empty() {
            return Ok(());
        }
        let lies = if self.dice.chance(70) { self.lies(&seen) } else { vec![self.dice.pick(&seen).clone()] };
        self.hostile.attack(&mut self.replicas[who], (&seen, lies), &mut self.dice, self.now)
    }

    fn crash(&mut self, who: usize) -> Done {
        self.cut_off(who)?;
        self.replicas[who].crash(&mut self.dice);
        check::kept(&mut self.replicas[who], self.now, &mut self.dice)
    }

    fn fail(&mut self, who: usize) -> Done {
        self.replicas[who].fail(self.now)?;
        self.cut_off(who)?;
        check::kept(&mut self.replicas[who], self.now, &mut self.dice)
    }

    fn restore(&mut self, who: usize) -> Done {
        self.cut_off(who)?;
        let replica = &mut self.replicas[who];
        if replica.disk.synced() > 0 {
            self.chains.forgiven.extend(replica.authors());
            replica.restore(&mut self.dice);
        }
        Ok(())
    }

    fn jump(&mut self, who: usize) -> Done {
        let far = self.dials.jump_ms;
        self.replicas[who].skew_ms += self.dice.below(2 * far as usize + 1) as i64 - far as i64;
        self.replicas[who].tick(self.now)
    }

    /// The liar has all that a replica has, and sends what it makes of it to somebody.
    fn lie(&mut self, who: usize) -> Done {
        let seen = self.give(who, Vec::new())?;
        if !seen.is_empty() {
            let lies = self.lies(&seen);
            let to = self.dice.below(self.replicas.len());
            self.network.send(to, Message::Ops(lies), &self.dials, &mut self.dice);
        }
        Ok(())
    }

    fn lies(&mut self, seen: &[StoredOp]) -> Vec<StoredOp> {
        let sealed = |op: &StoredOp| SealedOp {
            id: OpId::of_header(&op.header),
            header: op.header.clone(),
            body: op.body.clone(),
            signature: op.signature,
        };
        let seen: Vec<SealedOp> = seen.iter().map(sealed).collect();
        self.liar.lie(&seen, self.now, &mut self.dice)
    }

    /// Some frames arrive.
    fn carry(&mut self) -> Done {
        for _ in 0..1 + self.dice.below(4) {
            self.wires.deliver(&mut self.replicas, &self.dials, &mut self.dice, self.now)?;
        }
        let who = self.dice.below(self.replicas.len());
        self.work(who)
    }

    /// Carries out some of what a machine asked for.
    fn work(&mut self, who: usize) -> Done {
        for _ in 0..1 + self.dice.below(8) {
            let heard = self.replicas[who].carry_out(self.now, &mut self.dice)?;
            self.pass_on(who, heard)?;
        }
        Ok(())
    }

    /// Sends on what a machine answered for somebody else.
    fn pass_on(&mut self, who: usize, heard: Vec<Reply>) -> Done {
        for (purpose, result) in heard {
            let (to, message) = match (purpose, result) {
                (Purpose::Ask { of }, Ok(Answer::ChainEnds(ends))) => {
                    (of, Message::Want { from: who, known: ends.into_iter().map(|end| end.id).collect() })
                }
                (Purpose::Give { to }, Ok(Answer::Ops(ops))) => (to, Message::Ops(ops)),
                (Purpose::Own, Ok(Answer::Written(new))) if self.dice.chance(50) => {
                    self.wait(who, &new)?;
                    continue;
                }
                _ => continue,
            };
            self.network.send(to, message, &self.dials, &mut self.dice);
        }
        Ok(())
    }

    fn deliver(&mut self) -> Done {
        match self.network.take(&mut self.dice) {
            None => Ok(()),
            Some((to, Message::Want { from, known })) => {
                self.replicas[to].command(Command::Export { known }, Purpose::Give { to: from }, self.now)
            }
            Some((to, Message::Ops(ops))) => self.replicas[to].command(Command::Import(ops), Purpose::Own, self.now),
        }
    }

    fn write(&mut self, who: usize) -> Done {
        let command = match self.dice.below(100) {
            0..=7 => self.resolution(who)?,
            8..=11 => self.on_branch(vec![Edit::Undo]),
            12..=15 => self.joining(),
            16..=18 => self.redaction(who),
            19..=24 if self.dials.linear > 0 => self.rebase(who)?,
            _ if self.dice.chance(self.dials.members) => self.membership(who),
            _ if self.dice.chance(self.dials.schemas) => self.declaration(),
            _ => {
                let edits = (0..*self.dice.pick(&[1, 1, 1, 2, 5])).map(|_| self.edit()).collect();
                self.on_branch(edits)
            }
        };
        self.replicas[who].command(command, Purpose::Own, self.now)
    }

    fn branch(&mut self) -> String {
        (*self.dice.pick(rules::branches(&self.dials))).into()
    }

    fn on_branch(&mut self, edits: Vec<Edit>) -> Command {
        let branch = self.branch();
        self.transaction(&branch, edits)
    }

    fn transaction(&mut self, branch: &str, edits: Vec<Edit>) -> Command {
        let mut random = [0; 32];
        random[..8].copy_from_slice(&self.dice.number().to_le_bytes());
        Command::Write(Transaction { branch: branch.into(), actor: None, edits, note: None, random })
    }

    fn edit(&mut self) -> Edit {
        let key = self.dice.below(self.dials.entities).to_string();
        let number = Value::from(self.dice.below(9) as i32);
        let change = match self.dice.below(10) {
            _ if self.dice.chance(self.dials.heavy) => Change::Bytes(self.heavy_bytes()),
            0 => Change::Delete,
            1 => Change::Replace(number),
            2 => Change::Append(number),
            3 | 4 => Change::Put(Value::object([("a", number), ("t", Value::Array(Vec::new()))])),
            _ => Change::Patch(self.patch()),
        };
        let collection = rules::collection(&self.dials, &mut self.dice).into();
        Edit::Entity { collection, key, change, base: Base::Shown }
    }

    fn heavy_bytes(&mut self) -> Vec<u8> {
        vec![self.dice.below(256) as u8; 100_000 + self.dice.below(150_000)]
    }

    fn patch(&mut self) -> Patch {
        let patches = [
            r#"{"set":{"/a":1}}"#,
            r#"{"set":{"/a":2,"/b":2}}"#,
            r#"{"remove":["/a"]}"#,
            r#"{"add":{"/n":3}}"#,
            r#"{"insert":{"/t":["x"]}}"#,
            r#"{"discard":{"/t":["x"]}}"#,
            r#"{"set":{"/m/x":1}}"#,
            r#"{"set":{"/m":{}}}"#,
            r#"{"set":{"/b":"x\ny\n"}}"#,
            r#"{"set":{"/b":"x\nz\nw\n"}}"#,
            r#"{"set":{"/l":[{"id":1,"v":1},{"id":2}]}}"#,
            r#"{"set":{"/l":[{"id":3},{"id":1,"v":2}]}}"#,
        ];
        let body = self.dice.pick(&patches).parse().expect("JSON");
        Patch::decode(body).expect("a patch")
    }

    /// Closes a conflict that the replica shows, or writes something where it shows none.
    fn resolution(&mut self, who: usize) -> Result<Command, Violation> {
        let branch = self.branch();
        let Ok(Answer::Conflicts(open)) = self.ask(who, Command::Conflicts { branch: branch.clone() })? else {
            let edit = self.edit();
            return Ok(self.on_branch(vec![edit]));
        };
        if open.is_empty() {
            let edit = self.edit();
            return Ok(self.on_branch(vec![edit]));
        }
        let conflict = self.dice.pick(&open).clone();
        let choice = match self.dice.below(3) {
            0 => Choice::Absent,
            1 => Choice::Value(Value::from(7)),
            _ => Choice::Side(*self.dice.pick(&conflict.members)),
        };
        let (collection, key) = (conflict.collection, conflict.key);
        let edits = vec![Edit::Resolve { collection, key, conflict: conflict.id, choice }];
        Ok(self.transaction(&branch, edits))
    }

    /// Joins a branch into another one, where there are two.
    fn joining(&mut self) -> Command {
        let mut branches = rules::branches(&self.dials).to_vec();
        self.dice.shuffle(&mut branches);
        let edit = match branches.get(1) {
            Some(source) => Edit::Merge { source: (*source).into(), at: Vec::new(), plan: None, message: None },
            None => self.edit(),
        };
        self.transaction(branches[0], vec![edit])
    }

    fn redaction(&mut self, who: usize) -> Command {
        let known: Vec<OpId> = self.replicas[who].disk.durable().keys().copied().collect();
        let ops = if known.is_empty() { Vec::new() } else { vec![*self.dice.pick(&known)] };
        self.transaction(REPO, vec![Edit::Redact { ops, pointers: Vec::new() }])
    }

    fn declaration(&mut self) -> Command {
        let collection = rules::collection(&self.dials, &mut self.dice).into();
        let manifest = rules::manifest(&mut self.dice);
        self.transaction(REPO, vec![Edit::Declare { collection, manifest }])
    }

    /// Gives way on a linear branch where it has diverged, and else tries to.
    fn rebase(&mut self, who: usize) -> Result<Command, Violation> {
        let branch = *self.dice.pick(rules::linear(&self.dials));
        let Ok(Answer::Status(status)) = self.ask(who, Command::Status)? else {
            return Err(format!("replica {who} has no status"));
        };
        let heads = status.branches.into_iter().find(|view| view.name == branch).map(|view| view.heads);
        let onto = heads.filter(|heads| !heads.is_empty()).map(|heads| *self.dice.pick(&heads));
        let edit = onto.map_or_else(|| self.edit(), |onto| Edit::Rebase { onto });
        Ok(self.transaction(branch, vec![edit]))
    }

    fn membership(&mut self, who: usize) -> Command {
        let whom = self.dice.below(self.replicas.len());
        let author = self.replicas[whom].author();
        let role = *self.dice.pick(&[Role::Owner, Role::Writer, Role::Writer, Role::Reader]);
        let edit = match self.dice.chance(30) && whom != who {
            true => Edit::RemoveMember { author },
            false => Edit::AddMember { author, name: "x".into(), role },
        };
        self.transaction(REPO, vec![edit])
    }

    fn ask(&mut self, who: usize, command: Command) -> Result<Result<Answer, CommandError>, Violation> {
        self.replicas[who].ask(command, self.now, &mut self.dice)
    }

    fn give(&mut self, who: usize, known: Vec<OpId>) -> Result<Vec<StoredOp>, Violation> {
        match self.ask(who, Command::Export { known })? {
            Ok(Answer::Ops(ops)) => Ok(ops),
            other => Err(format!("replica {who} gave {other:?}")),
        }
    }

    /// Clocks are right, nothing is lost any more, and everybody gets everything: all are equal within a few rounds.
    ///
    /// # Errors
    /// What differs.
    pub fn heal(&mut self) -> Done {
        self.network.clear();
        self.hostile.leave(&mut self.replicas, self.now)?;
        for replica in &mut self.replicas {
            replica.settle(self.now, &mut self.dice)?;
            replica.skew_ms = 0;
        }
        let latest = self.replicas.iter().flat_map(|replica| replica.disk.durable().values()).map(|kept| kept.hlc);
        let latest = latest.max().map_or(self.now, Hlc::millis);
        self.now = Millis(latest.max(self.now).0 + AHEAD_MS_MAX);
        for replica in &mut self.replicas {
            replica.tick(self.now)?;
        }
        match self.is_linked() {
            true => self.exchange_by_links()?,
            false => self.exchange_by_hand()?,
        }
        self.check_answered()?;
        self.converge()
    }

    /// Whether replicas are connected by links, or everybody gets everything by hand.
    fn is_linked(&self) -> bool {
        self.dials.wiring > 0
    }

    fn check_answered(&mut self) -> Done {
        for replica in &mut self.replicas {
            replica.settle(self.now, &mut self.dice)?;
            if !replica.is_answered() {
                return Err(format!("replica {} left a command without an answer", replica.number));
            }
        }
        Ok(())
    }

    pub(crate) fn converge(&mut self) -> Done {
        let later_versions = self.liar.later_versions.len();
        self.reached = check::converged(&mut self.replicas, later_versions, self.now, &mut self.dice)?;
        Ok(())
    }

    fn exchange_by_hand(&mut self) -> Done {
        let rounds = self.replicas.len() + 1;
        for _ in 0..rounds {
            let mut is_quiet = true;
            for from in 0..self.replicas.len() {
                for to in (0..self.replicas.len()).filter(|to| *to != from) {
                    is_quiet &= self.hand_over(from, to)? == 0;
                }
            }
            if is_quiet {
                return Ok(());
            }
        }
        Err(format!("there is no end of what replicas have for one another after {rounds} rounds"))
    }

    /// Gives one replica all that it lacks of another; returns how many ops it took.
    fn hand_over(&mut self, from: usize, to: usize) -> Result<usize, Violation> {
        let Ok(Answer::ChainEnds(ends)) = self.ask(to, Command::ChainEnds)? else {
            return Err(format!("replica {to} has no chain ends"));
        };
        let ops = self.give(from, ends.into_iter().map(|end| end.id).collect())?;
        match self.ask(to, Command::Import(ops))? {
            Ok(Answer::Imported(report)) => Ok(report.admitted.len()),
            other => Err(format!("replica {to} answered an import by {other:?}")),
        }
    }

    /// New writes work and reach everybody, and what the disks hold opens to the same picture.
    ///
    /// # Errors
    /// What does not work.
    pub fn afterlife(&mut self) -> Done {
        for who in 0..self.replicas.len() {
            let edit = Edit::Entity {
                collection: "after".into(),
                key: who.to_string(),
                change: Change::Replace(Value::from(who as i32)),
                base: Base::Shown,
            };
            let write = self.transaction("main", vec![edit]);
            match self.ask(who, write)? {
                Ok(Answer::Written(new)) if self.is_linked() => self.wait_for_peer(who, new)?,
                Ok(Answer::Written(_)) | Err(CommandError::NotPermitted) => {}
                other => return Err(format!("replica {who} cannot write any more: {other:?}")),
            }
            self.chains.check(&self.replicas[who])?;
        }
        if self.is_linked() {
            self.live_on()?;
        } else {
            self.exchange_by_hand()?;
        }
        self.converge()?;
        for replica in &mut self.replicas {
            replica.crash(&mut self.dice);
            check::kept(replica, self.now, &mut self.dice)?;
        }
        self.converge()
    }
}
