//! The laws of the machine: whatever happens in whatever order, they hold.

use std::collections::BTreeSet;

use trellis_core::admit::policy::Policies;
use trellis_core::error::UsageError;
use trellis_core::input::{Base, Change, Command, Edit, Input, Loaded, More, Request, Ticket, Transaction};
use trellis_core::limits::HOLD_OPS_MAX;
use trellis_core::log::row::{Row, StoredOp};
use trellis_core::machine::{Config, KeyUse, Machine};
use trellis_core::op::id::OpId;
use trellis_core::op::json::Value;
use trellis_core::output::{Answer, Output, Query, Status};
use trellis_core::time::Millis;
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::history::{Dials, History, Signing};
use trellis_tests::host::{MemoryHost, START, author_of, test_key};

use ed25519_dalek::Signer;

/// A machine whose outputs are carried out one by one, in an order that dice decide; only the store's keep theirs.
struct Chaos {
    machine: Machine,
    rows: Vec<Row>,
    pending: Vec<Output>,
    replies: Vec<(Request, bool)>,
    inputs: Vec<Input>,
    steps: Vec<Vec<Output>>,
    spoken: BTreeSet<OpId>,
}

impl Chaos {
    fn new() -> Chaos {
        let config =
            Config { author: author_of(&test_key(1)), key_use: KeyUse::Own, id_key: 3, policies: Policies::default() };
        let (machine, pending) = Machine::open(config);
        let (rows, replies, inputs) = (Vec::new(), Vec::new(), Vec::new());
        Chaos { machine, rows, pending, replies, inputs, steps: Vec::new(), spoken: BTreeSet::new() }
    }

    fn step(&mut self, input: Input) {
        self.inputs.push(input.clone());
        let outputs = self.machine.step(input, START).expect("the host keeps to its contract");
        self.steps.push(outputs.clone());
        self.pending.extend(outputs);
    }

    /// Carries out one pending output of the dice's choice; tells whether there was one.
    fn carry_out_one(&mut self, dice: &mut Dice) -> bool {
        if self.pending.is_empty() {
            return false;
        }
        let mut at = dice.below(self.pending.len());
        let is_for_store = |output: &Output| matches!(output, Output::Persist(..) | Output::Load(..));
        if is_for_store(&self.pending[at]) {
            at = self.pending.iter().position(is_for_store).unwrap_or(at);
        }
        let input = match self.pending.remove(at) {
            Output::Reply(request, result) => return self.hear(request, result.as_ref().ok()),
            Output::Emit(_) => return true,
            Output::Send(..) | Output::Close(_) | Output::KeepPiece(..) | Output::Remember(..) => {
                panic!("there is no link")
            }
            Output::Sign { ticket, message, .. } => Input::Signed(ticket, test_key(1).sign(&message).to_bytes()),
            Output::MakeKey { .. } => panic!("nobody else uses this key"),
            Output::Persist(ticket, row) => {
                assert_eq!(row.seq as usize, self.rows.len() + 1, "rows come in order");
                self.rows.push(row);
                Input::Persisted(ticket)
            }
            Output::Load(ticket, query) => Input::Loaded(ticket, self.load(&query)),
        };
        self.step(input);
        true
    }

    /// Durable before spoken: whatever a reply says was written or taken in is in a row by now.
    fn hear(&mut self, request: Request, answer: Option<&Answer>) -> bool {
        self.replies.push((request, answer.is_some()));
        let ids = match answer {
            Some(Answer::Written(ids)) => ids.clone(),
            Some(Answer::Imported(report)) => report.admitted.clone(),
            _ => Vec::new(),
        };
        let store = MemoryHost::open(1, self.rows.clone(), START, KeyUse::Own);
        let durable = exported(store);
        for id in ids {
            assert!(durable.contains(&id), "{id} was spoken of before it was durable");
            self.spoken.insert(id);
        }
        true
    }

    fn load(&self, query: &Query) -> Loaded {
        MemoryHost::open(1, self.rows.clone(), START, KeyUse::Own).load(query)
    }
}

fn exported(mut host: MemoryHost) -> BTreeSet<OpId> {
    match host.run(Command::Export { known: vec![] }) {
        Ok(Answer::Ops(ops)) => ops.iter().map(|op| OpId::of_header(&op.header)).collect(),
        other => panic!("{other:?}"),
    }
}

fn ops_of(history: &[trellis_tests::sealed::SealedOp]) -> Vec<StoredOp> {
    let stored = |op: &trellis_tests::sealed::SealedOp| {
        let op = op.unverified();
        StoredOp { header: op.header.to_vec(), body: op.body.map(<[u8]>::to_vec), signature: op.signature.copied() }
    };
    history.iter().map(stored).collect()
}

fn signed(seed: u64, ops_max: usize) -> History {
    History::generate(seed, &Dials { signing: Signing::TransactionEnds, ..Dials::any(seed, ops_max) })
}

fn any_command(dice: &mut Dice, foreign: &[StoredOp]) -> Command {
    match dice.below(8) {
        0..=3 => {
            let change = match dice.below(3) {
                0 => Change::Delete,
                1 => Change::Put(Value::object([("n", Value::from(dice.below(9) as i32))])),
                _ => Change::Replace(Value::from(dice.below(9) as i32)),
            };
            any_write(dice, change)
        }
        4 => Command::Import(foreign.iter().filter(|_| dice.chance(50)).cloned().collect()),
        5 => Command::Conflicts { branch: "main".into() },
        6 => Command::Entries { branch: "main".into(), collection: None, key_prefix: String::new(), at: Vec::new() },
        _ => Command::Status,
    }
}

fn any_write(dice: &mut Dice, change: Change) -> Command {
    let key = format!("k{}", dice.below(4));
    let edit = Edit::Entity { collection: "c".into(), key, change, base: Base::Shown };
    let edits = vec![edit; 1 + dice.below(3)];
    Command::Write(Transaction { branch: "main".into(), actor: None, edits, note: None, random: [5; 32] })
}

/// Bob's ops on top of Ann's repo, for her to import.
fn chaos_with_a_repo() -> (Chaos, Vec<StoredOp>) {
    let mut chaos = Chaos::new();
    let mut dice = Dice::new(0);
    while chaos.carry_out_one(&mut dice) {}
    chaos.step(Input::Command(Request(0), Command::Create { name: "r".into(), nonce: [1; 32] }));
    while chaos.carry_out_one(&mut dice) {}
    let first = any_write(&mut dice, Change::Replace(Value::Null));
    chaos.step(Input::Command(Request(0), first));
    while chaos.carry_out_one(&mut dice) {}
    chaos.replies.clear();
    let mut ann = MemoryHost::open(1, chaos.rows.clone(), START, KeyUse::Own);
    let mut bob = MemoryHost::new(2);
    ann.send_to(&mut bob);
    for number in 0..6 {
        bob.put("c", &format!("k{}", number % 4), Value::from(number));
    }
    let Ok(Answer::Ops(ops)) = bob.run(Command::Export { known: vec![] }) else { panic!("ops") };
    (chaos, ops)
}

/// One run under chaos: commands come while outputs wait, and outputs are carried out in any order.
fn run(seed: u64) -> Chaos {
    let mut dice = Dice::new(seed);
    let (mut chaos, foreign) = chaos_with_a_repo();
    for number in 1..=30 {
        let command = any_command(&mut dice, &foreign);
        chaos.step(Input::Command(Request(number), command));
        while dice.chance(70) && chaos.carry_out_one(&mut dice) {}
    }
    while chaos.carry_out_one(&mut dice) {}
    chaos
}

#[test]
fn durable_before_spoken_and_answered_once_in_any_order() {
    for seed in seeds(40) {
        let chaos = run(seed);
        let requests: BTreeSet<Request> = chaos.replies.iter().map(|(request, _)| *request).collect();
        assert_eq!(chaos.replies.len(), 30, "each command is answered once (seed {seed})");
        assert_eq!(requests.len(), 30);
        assert!(chaos.replies.iter().all(|(_, is_ok)| *is_ok), "nothing fails without a fault (seed {seed})");
        let reopened = exported(MemoryHost::open(1, chaos.rows.clone(), START, KeyUse::Own));
        assert!(chaos.spoken.is_subset(&reopened));
    }
}

/// A bug report is a list of inputs.
#[test]
fn equal_inputs_give_equal_outputs() {
    for seed in seeds(20) {
        let chaos = run(seed);
        let mut again = Chaos::new();
        for (input, outputs) in chaos.inputs.into_iter().zip(&chaos.steps) {
            assert_eq!(&again.machine.step(input, START).expect("as before"), outputs, "seed {seed}");
        }
    }
}

/// The outputs of one step may be carried out in any order: the same commands end in the same state.
#[test]
fn outputs_of_a_step_commute() {
    for seed in seeds(20) {
        let settle = |order: u64| {
            let mut dice = Dice::new(seed);
            let mut order = Dice::new(order);
            let (mut chaos, foreign) = chaos_with_a_repo();
            for number in 1..=20 {
                chaos.step(Input::Command(Request(number), any_command(&mut dice, &foreign)));
                while chaos.carry_out_one(&mut order) {}
            }
            exported(MemoryHost::open(1, chaos.rows.clone(), START, KeyUse::Own))
        };
        assert_eq!(settle(1), settle(2), "seed {seed}");
    }
}

/// An answer to what was not asked, or a second answer, is the host's error and changes nothing.
#[test]
fn unasked_answers_change_nothing() {
    let chaos = run(1);
    let mut machine = chaos.machine.clone();
    let unasked = [
        Input::Persisted(Ticket(1)),
        Input::PersistFailed(Ticket(2)),
        Input::Signed(Ticket(999), [0; 64]),
        Input::KeyMade(Ticket(3), author_of(&test_key(9))),
        Input::Loaded(Ticket(1), Loaded::Rows { rows: vec![], more: More::End }),
    ];
    for input in unasked {
        assert_eq!(machine.step(input, START), Err(UsageError::UnknownTicket));
    }
    let status = |machine: &mut Machine| machine.step(Input::Command(Request(77), Command::Status), START);
    assert_eq!(status(&mut machine), status(&mut chaos.machine.clone()));
}

/// A failed write ends the machine: everybody who waits hears so, and the store opens to what was durable.
#[test]
fn a_failed_write_ends_the_machine() {
    let (mut chaos, foreign) = chaos_with_a_repo();
    let durable = exported(MemoryHost::open(1, chaos.rows.clone(), START, KeyUse::Own));
    chaos.pending.clear();
    chaos.step(Input::Command(Request(1), Command::Import(foreign)));
    chaos.step(Input::Command(Request(2), Command::Verify));
    let ticket = chaos.pending.iter().find_map(|output| match output {
        Output::Persist(ticket, _) => Some(*ticket),
        _ => None,
    });
    let ticket = ticket.expect("an import persists");
    let outputs = chaos.machine.step(Input::PersistFailed(ticket), START).expect("a failure is an answer");
    let failed: BTreeSet<Request> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Reply(request, Err(_)) => Some(*request),
            _ => None,
        })
        .collect();
    assert_eq!(failed, BTreeSet::from([Request(1), Request(2)]));
    assert_eq!(chaos.machine.step(Input::Tick, START), Err(UsageError::Ended));
    assert_eq!(exported(MemoryHost::open(1, chaos.rows, START, KeyUse::Own)), durable);
}

fn status(host: &mut MemoryHost) -> Status {
    match host.run(Command::Status) {
        Ok(Answer::Status(status)) => status,
        other => panic!("{other:?}"),
    }
}

/// Whatever bytes come, the machine takes them and stays as it was, or grows by what is valid.
#[test]
fn any_bytes_are_taken() {
    for seed in seeds(60) {
        let mut dice = Dice::new(seed);
        let history = signed(seed, 40);
        let mut ops = ops_of(&history.shuffled(&mut dice));
        for op in &mut ops {
            spoil(op, &mut dice);
        }
        let mut host = MemoryHost::new(9);
        let report = host.run(Command::Import(ops.clone())).expect("an import is answered");
        let Answer::Imported(report) = report else { panic!("a report") };
        assert_eq!(status(&mut host).ops, report.admitted.len());
        let again = host.run(Command::Import(ops)).expect("an import is answered");
        let Answer::Imported(again) = again else { panic!("a report") };
        assert_eq!(again.admitted, [], "what was taken is known (seed {seed})");
    }
}

fn spoil(op: &mut StoredOp, dice: &mut Dice) {
    match dice.below(12) {
        0 => {
            let at = dice.below(op.header.len());
            op.header[at] ^= 1 << dice.below(8);
        }
        1 => op.header.truncate(dice.below(op.header.len())),
        2 => op.body = Some(vec![dice.number() as u8; dice.below(9)]),
        3 => op.signature = Some([dice.number() as u8; 64]),
        _ => {}
    }
}

/// Rows that are not what was written are noticed, and the machine opens on the rest.
#[test]
fn any_rows_open() {
    let rows = run(2).rows;
    for seed in seeds(60) {
        let mut dice = Dice::new(seed);
        let mut rows = rows.clone();
        let at = dice.below(rows.len());
        let headers = &mut rows[at].headers;
        let byte = dice.below(headers.len());
        headers[byte] ^= 1 << dice.below(8);
        let mut host = MemoryHost::open(1, rows, START, KeyUse::Own);
        assert!(!host.events.is_empty(), "the damage is told (seed {seed})");
        assert!(host.run(Command::Verify).is_ok());
        let edit = Edit::Entity { collection: "c".into(), key: "k".into(), change: Change::Delete, base: Base::Shown };
        assert!(host.write("main", vec![edit]).is_err(), "nothing is written on damaged ground (seed {seed})");
    }
}

/// Replicas that are fed in any order, cut anywhere, end alike, and being fed again changes nothing.
#[test]
fn replicas_fed_in_any_order_agree() {
    for seed in seeds(40) {
        let history = signed(seed, 120);
        let feed = |dice: &mut Dice| {
            let ops = ops_of(&history.shuffled(dice));
            let mut host = MemoryHost::new(9);
            host.now = Millis(START.0 * 4);
            for part in ops.chunks(1 + dice.below(20)) {
                host.run(Command::Import(part.to_vec())).expect("an import is answered");
            }
            host.run(Command::Import(ops)).expect("an import is answered");
            host
        };
        let (mut one, mut two) = (feed(&mut Dice::new(seed)), feed(&mut Dice::new(seed + 1000)));
        let (left, right) = (status(&mut one), status(&mut two));
        assert_eq!((left.ops, left.held, left.missing), (right.ops, right.held, right.missing), "seed {seed}");
        for branch in left.branches.iter().map(|branch| branch.name.clone()) {
            for command in [
                Command::Entries {
                    branch: branch.clone(),
                    collection: None,
                    key_prefix: String::new(),
                    at: Vec::new(),
                },
                Command::Conflicts { branch: branch.clone() },
                Command::Log { branch: branch.clone(), entity: None, ops_max: 1000 },
            ] {
                let (left, right) = (one.run(command.clone()), two.run(command));
                assert_eq!(left, right, "branch {branch}, seed {seed}");
            }
        }
        assert_eq!(one.run(Command::Members), two.run(Command::Members), "seed {seed}");
        let rows = one.rows.len();
        two.send_to(&mut one);
        assert_eq!(one.rows.len(), rows, "what is known is not written again (seed {seed})");
    }
}

/// A flood of ops whose dependencies nobody has stays within the bounds of the hold.
#[test]
fn orphan_floods() {
    let mut ann = MemoryHost::new(1);
    ann.create();
    let mut orphans = Vec::new();
    for number in 0..HOLD_OPS_MAX + 10 {
        ann.put("c", "k", Value::from(number as i32));
    }
    let Ok(Answer::Ops(ops)) = ann.run(Command::Export { known: vec![] }) else { panic!("ops") };
    orphans.extend(ops.into_iter().skip(2));
    let mut bob = MemoryHost::new(2);
    bob.now = Millis(START.0 * 2);
    bob.run(Command::Import(orphans)).expect("an import is answered");
    assert_eq!(status(&mut bob).held, HOLD_OPS_MAX);
    assert_eq!(status(&mut bob).ops, 0);
}
