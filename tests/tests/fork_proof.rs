//! Fork proofs: every fork that a replica shows can be proven to somebody who has nothing, and nothing else can.

use std::collections::BTreeMap;

use trellis_core::error::CommandError;
use trellis_core::input::{Base, Change, Command, Edit};
use trellis_core::limits::{SEGMENT_BYTES_MAX, SEGMENT_OPS_MAX};
use trellis_core::log::fork::{ForkProofError, Side};
use trellis_core::log::row::StoredOp;
use trellis_core::machine::KeyUse;
use trellis_core::op::header::Header;
use trellis_core::op::id::{Author, OpId};
use trellis_core::op::json::Value;
use trellis_core::output::{Answer, Fork, ForkProof};
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::history::{Dials, History, Signing, covered};
use trellis_tests::host::{MemoryHost, START, written};
use trellis_tests::sealed::SealedOp;

fn edit(key: &str) -> Edit {
    let change = Change::Replace(Value::from(key));
    Edit::Entity { collection: "notes".into(), key: key.into(), change, base: Base::Shown }
}

fn forks(host: &mut MemoryHost) -> Vec<Fork> {
    match host.run(Command::Status) {
        Ok(Answer::Status(status)) => status.forks,
        other => panic!("{other:?}"),
    }
}

fn proof(host: &mut MemoryHost, ops: [OpId; 2]) -> Result<ForkProof, CommandError> {
    host.run(Command::ForkProof(ops)).map(|answer| match answer {
        Answer::ForkProof(proof) => proof,
        other => panic!("{other:?}"),
    })
}

/// Ann wrote transactions of so many ops, lost them, wrote one other op in their place, and has them again: a fork.
fn restored(lost: &[usize]) -> (MemoryHost, Vec<OpId>) {
    let (mut ann, mut bob) = (MemoryHost::new(1), MemoryHost::new(2));
    ann.create();
    ann.put("notes", "0", Value::from("0"));
    let backup = ann.rows.clone();
    let mut ops = Vec::new();
    for count in lost {
        ops.extend(written(ann.write("main", (0..*count).map(|n| edit(&n.to_string())).collect())));
    }
    ann.send_to(&mut bob);
    let mut ann = MemoryHost::open(1, backup, START, KeyUse::Own);
    ops.extend(written(ann.write("main", vec![edit("other")])));
    bob.send_to(&mut ann);
    (ann, ops)
}

/// The proof convinces by its bytes alone, and is the same on every replica and after opening again.
#[test]
fn a_fork_is_proven_to_somebody_who_has_nothing() {
    let (mut ann, ops) = restored(&[3]);
    let [fork] = forks(&mut ann).try_into().expect("one fork");
    let mut both = [ops[0], ops[3]];
    both.sort_unstable();
    assert_eq!((fork.ops, fork.author, fork.seq, &*fork.branch), (both, ann.author(), 2, "main"));
    let proven = proof(&mut ann, fork.ops).expect("the fork is proven");
    let bytes = proven.encode();
    assert_eq!(ForkProof::decode(&bytes).and_then(|proof| proof.verify()), Ok(fork.clone()));
    let mut carl = MemoryHost::new(3);
    ann.send_to(&mut carl);
    for mut host in [carl, ann.reopened()] {
        assert_eq!(forks(&mut host), std::slice::from_ref(&fork));
        assert_eq!(proof(&mut host, fork.ops), Ok(proven.clone()));
        assert_eq!(proof(&mut host, [fork.ops[1], fork.ops[0]]), Ok(proven.clone()), "in either order");
    }
}

#[test]
fn what_is_no_fork_is_not_proven() {
    let (mut ann, ops) = restored(&[2]);
    let nobodys = OpId([9; 32]);
    assert_eq!(proof(&mut ann, [ops[0], nobodys]), Err(CommandError::NoOp(nobodys)));
    assert_eq!(proof(&mut ann, [ops[0], ops[0]]), Err(CommandError::NoFork(ops[0], ops[0])));
    assert_eq!(proof(&mut ann, [ops[0], ops[1]]), Err(CommandError::NoFork(ops[0], ops[1])));
}

/// One bit changed anywhere, and nothing is proven.
#[test]
fn a_damaged_proof_proves_nothing() {
    let (mut ann, _) = restored(&[2]);
    let fork = forks(&mut ann).remove(0);
    let bytes = proof(&mut ann, fork.ops).expect("the fork is proven").encode();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(ForkProof::decode(&damaged).and_then(|proof| proof.verify()).is_err(), "byte {at}");
    }
}

#[test]
fn a_side_is_bounded_by_a_segment() {
    let side = |headers: usize, bytes: usize| Side { headers: vec![vec![0; bytes]; headers], signature: [0; 64] };
    let new = |big: Side| ForkProof::new(big, side(1, 1)).map(|proof| proof.encode());
    assert!(new(side(SEGMENT_OPS_MAX, 2)).is_ok());
    assert_eq!(new(side(SEGMENT_OPS_MAX + 1, 2)), Err(ForkProofError::TooLarge));
    assert!(new(side(2, SEGMENT_BYTES_MAX / 2)).is_ok());
    assert_eq!(new(side(2, SEGMENT_BYTES_MAX / 2 + 1)), Err(ForkProofError::TooLarge));
    assert_eq!(new(side(0, 0)), Err(ForkProofError::Empty));
    let largest = ForkProof::new(side(2, SEGMENT_BYTES_MAX / 2), side(1, 1)).expect("within the bounds");
    let mut bytes = largest.encode();
    assert_eq!(ForkProof::decode(&bytes), Ok(largest));
    let length = bytes.windows(5).position(|five| five == [0x5a, 0, 4, 0, 0]).expect("the length of a header");
    bytes[length + 4] = 1;
    bytes.insert(length + 5, 0);
    assert_eq!(ForkProof::decode(&bytes), Err(ForkProofError::TooLarge));
}

/// An import can bring a longer way to the next signature than a frame: then there is no proof.
#[test]
fn a_fork_too_far_from_a_signature_has_no_proof() {
    let (mut ann, ops) = restored(&[SEGMENT_OPS_MAX, 1]);
    let pair = [ops[0], ops[SEGMENT_OPS_MAX + 1]];
    assert!(proof(&mut ann, pair).is_ok());
    let Ok(Answer::Ops(mut all)) = ann.run(Command::Export { known: vec![] }) else { panic!("ops") };
    let is_end = |op: &&mut StoredOp| OpId::of_header(&op.header) == ops[SEGMENT_OPS_MAX - 1];
    all.iter_mut().find(is_end).expect("the end of the first transaction").signature = None;
    let mut bob = MemoryHost::new(2);
    let Ok(Answer::Imported(report)) = bob.run(Command::Import(all)) else { panic!("a report") };
    assert!(report.admitted.contains(&ops[0]));
    assert_eq!(proof(&mut bob, pair), Err(CommandError::NoProof));
}

type PlaceInChain = (String, Author, u32);

fn place(op: &SealedOp) -> (PlaceInChain, Option<OpId>) {
    let Header { branch, author, seq, prev, .. } = op.header();
    ((branch.into(), author, seq), prev)
}

/// A replica shows a fork for every op but the first at a place behind one `prev`, and can prove it; it can prove that
/// any two ops at one place fork.
#[test]
fn every_fork_of_a_history_is_shown_and_proven() {
    let mut proven = 0;
    for seed in seeds(40) {
        let dials = Dials { signing: Signing::TransactionEnds, fork: 15, ..Dials::any(seed, 150) };
        let ops = covered(&History::generate(seed, &dials).ops);
        let mut host = MemoryHost::new(77);
        let mut shuffled: Vec<StoredOp> = ops.iter().map(SealedOp::stored).collect();
        Dice::new(seed).shuffle(&mut shuffled);
        let Ok(Answer::Imported(report)) = host.run(Command::Import(shuffled)) else { panic!("a report") };
        assert_eq!(report.admitted.len(), ops.len(), "seed {seed}");
        let mut siblings: BTreeMap<(PlaceInChain, Option<OpId>), Vec<OpId>> = BTreeMap::new();
        let mut places: BTreeMap<PlaceInChain, Vec<OpId>> = BTreeMap::new();
        for op in &ops {
            siblings.entry(place(op)).or_default().push(op.id);
            places.entry(place(op).0).or_default().push(op.id);
        }
        let shown = forks(&mut host);
        assert_eq!(shown.len(), siblings.values().map(|ops| ops.len() - 1).sum::<usize>(), "seed {seed}");
        let mut again = host.reopened();
        assert_eq!(forks(&mut again), shown, "seed {seed}");
        for fork in &shown {
            let at = (fork.branch.clone(), fork.author, fork.seq);
            assert!(fork.ops.iter().all(|op| places[&at].contains(op)), "seed {seed}: {fork:?}");
        }
        for pair in places.values().flat_map(|ops| ops.windows(2)) {
            let proof = proof(&mut host, [pair[0], pair[1]]).expect("a fork can be proven");
            let fork = proof.verify().expect("it is proven");
            assert!(fork.ops.contains(&pair[0]) && fork.ops.contains(&pair[1]), "seed {seed}");
            proven += 1;
        }
    }
    println!("{proven} forks proven");
    assert!(proven > 40);
}
