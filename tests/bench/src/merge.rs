//! P1: what two replicas have becomes one history with its conflicts: of kept logs, and of lists in no order.

use std::time::Duration;

use anyhow::{Result, ensure};
use trellis_core::op::draft::SealedOp;
use trellis_core::op::id::OpId;
use trellis_core::reconcile::{Log, reconcile};

use crate::corpus::{Book, Pen, RUN_OPS, shuffle, stored, unverified};
use crate::measure::{Pairs, worked};
use crate::report::{MS, Report};
use crate::{Setting, bare};

const SHARED: usize = 100_000;
const TAIL: usize = 10_000;
const ROUNDS: usize = 9;
const LOG_ROUNDS: usize = 41;
/// Of a hundred writes of a tail, those to entities that the other tail writes to as well.
const CONTENDED_PERCENT: usize = 1;
/// Writes to each entity, on average, where there are many.
const WRITES_PER_ENTITY: usize = 4;

/// Two replicas that had the same ops and went on alone.
pub(crate) struct Fork {
    pub(crate) shared: Vec<SealedOp>,
    pub(crate) tails: [Vec<SealedOp>; 2],
}

/// What is written to.
#[derive(Clone, Copy)]
pub(crate) enum Spread {
    /// Many entities, of which few are written on both sides.
    Many,
    /// One.
    Hot,
}

impl Fork {
    pub(crate) fn new(shared: usize, tail: usize, spread: Spread) -> Fork {
        let (mut book, genesis) = Book::begin();
        let mut head = genesis.id;
        let mut ops = vec![genesis];
        let entities = match spread {
            Spread::Many => (shared / WRITES_PER_ENTITY).max(4),
            Spread::Hot => 1,
        };
        let mut pens = [Pen::new(0), Pen::new(1), Pen::new(2)];
        while ops.len() < shared {
            let run = book.run(&mut pens[0], head, RUN_OPS.min(shared - ops.len()), 0..entities);
            head = run.last().map_or(head, |op| op.id);
            ops.extend(run);
        }
        let [_, local, remote] = &mut pens;
        let local = tail_of(book.copy(10), local, head, tail, entities, 0);
        let remote = tail_of(book.copy(11), remote, head, tail, entities, 1);
        Fork { shared: ops, tails: [local, remote] }
    }

    /// What a side has, in no order.
    pub(crate) fn side(&self, side: usize) -> Vec<SealedOp> {
        let mut ops: Vec<SealedOp> = self.shared.iter().chain(&self.tails[side]).cloned().collect();
        shuffle(&mut ops);
        ops
    }
}

/// A side writes to its half of the entities, and now and then to one of the other's.
fn tail_of(mut book: Book, pen: &mut Pen, from: OpId, ops: usize, entities: usize, side: usize) -> Vec<SealedOp> {
    let mut head = from;
    let mut tail = Vec::with_capacity(ops);
    for at in 0..ops {
        let is_contended = book.roll(100) < CONTENDED_PERCENT;
        let drawn = book.roll(entities);
        let entity = if is_contended || entities == 1 { drawn / 100 } else { (drawn / 2 * 2 + side) % entities };
        let mut op = book.put(pen, entity, &[head]);
        if at % RUN_OPS == RUN_OPS - 1 || at + 1 == ops {
            pen.sign(&mut op);
        }
        head = op.id;
        tail.push(op);
    }
    tail
}

/// P1a: the replicas keep their logs.
pub(crate) fn run_logs(setting: &Setting, report: &mut Report) -> Result<()> {
    for (fork, name) in forks(setting) {
        let logs = [log_of(&fork, 0), log_of(&fork, 1)];
        let seen = logs[0].reconcile(&logs[1]);
        let all = fork.shared.len() + fork.tails[0].len() + fork.tails[1].len();
        ensure!(seen.merged_len() == all, "{} of {all} ops were merged", seen.merged_len());
        report.note(format_args!(
            "  fed: two logs of {} shared ops and {} of their own, {name}; {} new conflicts",
            fork.shared.len(),
            fork.tails[0].len(),
            seen.new_conflicts.len(),
        ));
        let (index, tails) = (bare::index_of(&fork), bare::ords_of(&fork.tails)?);
        let mut ours = || Ok(worked(|| logs[0].reconcile(&logs[1])).0);
        let other = || Ok(worked(|| bare::merge_tails(&index, &tails)).0);
        let pairs = Pairs::take(LOG_ROUNDS, &mut ours, other)?;
        report.pairs(&format!("reconcile logs, {name} / merge tails"), &pairs, MS, Some(2.0));
        against_peers(&fork, &format!("reconcile logs, {name}"), &mut ours, report)?;
    }
    Ok(())
}

/// P1b: the replicas have lists.
pub(crate) fn run_lists(setting: &Setting, report: &mut Report) -> Result<()> {
    for (fork, name) in forks(setting) {
        let sides = [fork.side(0), fork.side(1)];
        let lists = [unverified(&sides[0]), unverified(&sides[1])];
        let seen = reconcile(&lists[0], &lists[1]);
        report.note(format_args!(
            "  fed: {} shared and twice {} ops, {name}, {} bytes of headers and bodies in both lists, shuffled; {} conflicts",
            fork.shared.len(),
            fork.tails[0].len(),
            sides.iter().flatten().map(SealedOp::bytes).sum::<usize>(),
            seen.conflict_records.len(),
        ));
        let all = fork.shared.len() + fork.tails[0].len() + fork.tails[1].len();
        ensure!(seen.merged.len() == all, "{} of {all} ops were merged", seen.merged.len());
        let mut ours = || Ok(worked(|| reconcile(&lists[0], &lists[1])).0);
        let other = || Ok(worked(|| bare::hash_and_fill([&lists[0], &lists[1]])).0);
        let pairs = Pairs::take(ROUNDS, &mut ours, other)?;
        report.pairs(&format!("reconcile lists, {name} / hash, fill a map"), &pairs, MS, Some(2.0));
        against_peers(&fork, &format!("reconcile lists, {name}"), &mut ours, report)?;
    }
    Ok(())
}

fn forks(setting: &Setting) -> impl Iterator<Item = (Fork, &'static str)> {
    let shared = SHARED.min(setting.ops_max);
    let tail = TAIL.min(shared / 10);
    let spreads = [(Spread::Many, "many entities"), (Spread::Hot, "one hot entity")];
    spreads.into_iter().map(move |(spread, name)| (Fork::new(shared, tail, spread), name))
}

fn log_of(fork: &Fork, side: usize) -> Log {
    let mut log = Log::new(fork.shared[0].id.into());
    log.extend(fork.shared.iter().chain(&fork.tails[side]).map(stored));
    log
}

/// The peers stand beside us without a goal.
#[cfg(feature = "peers")]
fn against_peers(
    fork: &Fork,
    name: &str,
    ours: &mut impl FnMut() -> Result<Duration>,
    report: &mut Report,
) -> Result<()> {
    const ROUNDS: usize = 5;
    for mut peer in crate::peers::all(fork)? {
        let pairs = Pairs::take(ROUNDS, &mut *ours, || peer.merge())?;
        report.pairs(&format!("{name} / {}", peer.name()), &pairs, MS, None);
    }
    Ok(())
}

/// Built without the peers.
#[cfg(not(feature = "peers"))]
fn against_peers(_: &Fork, _: &str, _: &mut impl FnMut() -> Result<Duration>, report: &mut Report) -> Result<()> {
    report.note("  built without peers");
    Ok(())
}
