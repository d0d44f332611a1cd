//! Peers that sync some branches: both come to have what the branches reach that both want, and nothing needless goes.

use std::collections::BTreeSet;

use trellis_core::input::{Base, Change, Command, Edit};
use trellis_core::machine::KeyUse;
use trellis_core::op::id::OpId;
use trellis_core::output::Answer;
use trellis_core::time::Millis;
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::history::{Dials, History, Signing, covered};
use trellis_tests::host::{MemoryHost, START, written};
use trellis_tests::pair::{carry, carry_rounds, connect, cut, sync};
use trellis_tests::sealed::SealedOp;

const WISHES: [&[&str]; 6] = [&[], &["main"], &["feature/*"], &["main", "side"], &["**"], &["nowhere"]];

fn dials(seed: u64) -> Dials {
    Dials { members: 0, bodyless: 0, signing: Signing::TransactionEnds, ..Dials::any(seed, 120) }
}

fn host_with(number: u64, ops: &[SealedOp]) -> MemoryHost {
    let mut host = MemoryHost::open(number, Vec::new(), Millis(START.0 * 4), KeyUse::Own);
    host.run(Command::Import(ops.iter().map(SealedOp::stored).collect())).expect("an import is answered");
    host
}

fn ids(host: &mut MemoryHost) -> BTreeSet<OpId> {
    match host.run(Command::Export { known: Vec::new() }) {
        Ok(Answer::Ops(ops)) => ops.iter().map(|op| OpId::of_header(&op.header)).collect(),
        other => panic!("{other:?}"),
    }
}

/// The simplest reading of a pattern of these tests.
fn wants(patterns: &[&str], branch: &str) -> bool {
    let fits = |pattern: &&str| match pattern.trim_end_matches('*') {
        "" => !branch.starts_with('_'),
        start if start.len() < pattern.len() => branch.starts_with(start),
        whole => branch == whole,
    };
    branch == "_repo" || patterns.is_empty() || patterns.iter().any(fits)
}

/// The ops of these branches and all that they reach.
fn reached(ops: &[SealedOp], here: &BTreeSet<OpId>, wishes: [&[&str]; 2]) -> BTreeSet<OpId> {
    let mut reached = BTreeSet::new();
    for op in ops.iter().rev() {
        let header = op.header();
        let is_wanted = wishes.iter().all(|patterns| wants(patterns, header.branch)) && here.contains(&op.id);
        if is_wanted || reached.contains(&op.id) {
            reached.insert(op.id);
            reached.extend(header.parents.iter().chain(header.base.iter()).chain(header.prev));
        }
    }
    reached
}

#[test]
fn both_have_what_the_agreed_branches_reach() {
    for seed in seeds(120) {
        let history = History::generate(seed, &dials(seed));
        let ops = covered(&history.ops);
        let mut dice = Dice::new(seed ^ 0x696e_7465);
        let wishes = [*dice.pick(&WISHES), *dice.pick(&WISHES)];
        let mut hosts = [1, 2].map(|number| {
            let some: Vec<SealedOp> = ops.iter().filter(|_| dice.chance(70)).cloned().collect();
            host_with(number, &some)
        });
        let before = hosts.each_mut().map(ids);
        let all: BTreeSet<OpId> = before.iter().flatten().copied().collect();
        if before.iter().any(BTreeSet::is_empty) {
            continue;
        }
        connect(&mut hosts, wishes);
        sync(&mut hosts);
        let expected = reached(&ops, &all, wishes);
        for (at, host) in hosts.iter_mut().enumerate() {
            let now = ids(host);
            assert!(now.is_superset(&expected), "seed {seed}: host {at} lacks ops of the agreed branches");
        }
    }
}

fn put_on(host: &mut MemoryHost, branch: &str, key: &str) -> OpId {
    let change = Change::Replace(1.into());
    let edit = Edit::Entity { collection: "notes".into(), key: key.into(), change, base: Base::Shown };
    written(host.write(branch, vec![edit]))[0]
}

/// Two that have one repo, and the second has written to three branches.
fn apart() -> ([MemoryHost; 2], [OpId; 3]) {
    let mut hosts = [MemoryHost::new(1), MemoryHost::new(2)];
    let [first, second] = &mut hosts;
    first.create();
    first.put("notes", "a", 1.into());
    first.send_to(second);
    let ops = ["main", "draft/x", "other"].map(|branch| put_on(second, branch, "b"));
    (hosts, ops)
}

#[test]
fn ops_of_other_branches_stay_where_they_are() {
    for wishes in [[&["main"][..], &[]], [&[], &["main"]], [&["main", "draft/*"], &["main", "other"]]] {
        let (mut hosts, [main, draft, other]) = apart();
        connect(&mut hosts, wishes);
        sync(&mut hosts);
        let here = ids(&mut hosts[0]);
        assert!(here.contains(&main) && !here.contains(&draft) && !here.contains(&other), "{wishes:?}");
    }
}

#[test]
fn what_is_written_while_the_link_is_open_goes_by_the_branch_too() {
    let (mut hosts, _) = apart();
    connect(&mut hosts, [&["draft/*"], &[]]);
    sync(&mut hosts);
    let kept = put_on(&mut hosts[1], "other", "c");
    let sent = put_on(&mut hosts[1], "draft/x", "c");
    sync(&mut hosts);
    let here = ids(&mut hosts[0]);
    assert!(here.contains(&sent) && !here.contains(&kept));
}

#[test]
fn an_op_of_another_branch_comes_along_with_what_stands_on_it() {
    let (mut hosts, [_, draft, other]) = apart();
    let merge = Edit::Merge { source: "other".into(), at: Vec::new(), plan: None, message: None };
    let merged = written(hosts[1].write("main", vec![merge]))[0];
    connect(&mut hosts, [&["main"], &["main"]]);
    sync(&mut hosts);
    let here = ids(&mut hosts[0]);
    assert!(here.contains(&merged) && here.contains(&other) && !here.contains(&draft));
}

#[test]
fn a_wider_interest_on_the_next_link_brings_the_rest() {
    let (mut hosts, [main, draft, other]) = apart();
    connect(&mut hosts, [&["main"], &[]]);
    sync(&mut hosts);
    cut(&mut hosts);
    connect(&mut hosts, [&[], &[]]);
    sync(&mut hosts);
    let here = ids(&mut hosts[0]);
    assert!([main, draft, other].iter().all(|op| here.contains(op)));
    assert_eq!(carry(&mut hosts).frames, 0);
}

/// What a peer once wanted is not taken for what it wants now, whenever the link ended on which it said so.
#[test]
fn a_wider_interest_of_the_peer_that_answers_brings_the_rest() {
    for rounds in 0..12 {
        let mut hosts = [MemoryHost::new(1), MemoryHost::new(2)];
        hosts[0].create();
        connect(&mut hosts, [&[], &["draft/*"]]);
        carry_rounds(&mut hosts, rounds);
        cut(&mut hosts);
        let written = put_on(&mut hosts[0], "main", "b");
        connect(&mut hosts, [&[], &[]]);
        sync(&mut hosts);
        assert!(ids(&mut hosts[1]).contains(&written), "after {rounds} rounds");
    }
}

/// What goes to a peer that answers and syncs some branches is of these, also where both have the same already.
#[test]
fn a_peer_that_answers_says_first_what_it_wants() {
    let mut hosts = [MemoryHost::new(1), MemoryHost::new(2)];
    let [first, second] = &mut hosts;
    first.create();
    first.put("notes", "a", 1.into());
    first.send_to(second);
    connect(&mut hosts, [&[], &["main"]]);
    sync(&mut hosts);
    let kept = put_on(&mut hosts[0], "other", "c");
    let sent = put_on(&mut hosts[0], "main", "c");
    sync(&mut hosts);
    let here = ids(&mut hosts[1]);
    assert!(here.contains(&sent) && !here.contains(&kept));
}
