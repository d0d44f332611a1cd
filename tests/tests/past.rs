//! The repo as it was: what a replica shows at an op is what one shows that has nothing but that op and its past.

use std::collections::{BTreeMap, BTreeSet};

use trellis_core::input::{Command, EntityQuery};
use trellis_core::machine::KeyUse;
use trellis_core::op::id::OpId;
use trellis_core::output::Answer;
use trellis_core::time::Millis;
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::history::{Dials, History, covered};
use trellis_tests::host::{MemoryHost, START};
use trellis_tests::sealed::SealedOp;

fn replica(ops: &[SealedOp]) -> MemoryHost {
    let mut host = MemoryHost::open(9, Vec::new(), Millis(START.0 * 4), KeyUse::Own);
    let ops = covered(ops).iter().map(SealedOp::stored).collect();
    host.run(Command::Import(ops)).expect("an import is answered");
    host
}

/// The ops that one op reaches, itself among them, in their order.
fn past(ops: &[SealedOp], of: &SealedOp) -> Vec<SealedOp> {
    let by_id: BTreeMap<OpId, &SealedOp> = ops.iter().map(|op| (op.id, op)).collect();
    let (mut past, mut open) = (BTreeSet::new(), vec![of.id]);
    while let Some(id) = open.pop() {
        if past.insert(id) {
            let header = by_id[&id].header();
            open.extend(header.parents.iter().chain(header.base.iter()).chain(header.prev));
        }
    }
    ops.iter().filter(|op| past.contains(&op.id)).cloned().collect()
}

/// Everything that a replica shows of a branch, now or at an op.
fn shown(host: &mut MemoryHost, branch: &str, entities: &BTreeSet<(String, String)>, at: &[OpId]) -> Vec<Answer> {
    let gets = entities.iter().map(|(collection, key)| {
        let (collection, key) = (collection.clone(), key.clone());
        Command::Get(EntityQuery { branch: branch.into(), collection, key, at: at.to_vec() })
    });
    let entries =
        Command::Entries { branch: branch.into(), collection: None, key_prefix: String::new(), at: at.to_vec() };
    let files = Command::Files { branch: branch.into(), at: at.to_vec() };
    let commands: Vec<Command> = gets.chain([entries, files]).collect();
    commands.into_iter().map(|command| host.run(command).expect("an answer")).collect()
}

#[test]
fn the_past_is_what_it_was() {
    for seed in seeds(40) {
        let dials = Dials { ops: 4 + seed as usize * 3, members: 0, ..Dials::any(seed, 200) };
        let ops = History::generate(seed, &dials).ops;
        let mut whole = replica(&ops);
        let entities: BTreeSet<(String, String)> =
            ops.iter().map(|op| (op.header().collection.into(), op.header().key.into())).collect();
        let mut dice = Dice::new(seed);
        for _ in 0..5 {
            let op = dice.pick(&ops);
            let branch = op.header().branch;
            let mut then = replica(&past(&ops, op));
            let (told, expected) =
                (shown(&mut whole, branch, &entities, &[op.id]), shown(&mut then, branch, &entities, &[]));
            assert_eq!(told, expected, "TRELLIS_SEED={seed}: at {} of {branch}", op.id);
        }
    }
}

#[test]
fn an_op_that_is_not_here_has_no_past() {
    let ops = History::generate(1, &Dials::default()).ops;
    let mut host = replica(&ops);
    let at = vec![OpId([7; 32])];
    let branch = ops[1].header().branch.to_owned();
    let refused = host.run(Command::Entries { branch, collection: None, key_prefix: String::new(), at });
    assert_eq!(refused.map_err(|error| error.code()), Err("not_found"));
}
