//! Ops in chain runs, dependencies first: the order in which a frame takes them.
//!
//! A run is what one signature vouches for: a signed op and the unsigned ones before it in its chain. It moves as a
//! whole, so runs are ordered by what their ops depend on together.

use alloc::vec::Vec;

use hashbrown::HashMap;

use super::ops::continues;
use crate::op::id::OpId;
use crate::op::sign::VerifiedOp;
use crate::ordered::Set;

/// The runs of `ops`, which stand in dependency order, as indexes.
///
/// After a run comes the next one of its chain if nothing keeps it back, else the one whose first op came first. Ops
/// that no signed one of `ops` vouches for are left out, and so is what depends on them.
pub(super) fn order_runs(ops: &[VerifiedOp<'_>]) -> Vec<Vec<usize>> {
    let index: HashMap<OpId, usize> = ops.iter().enumerate().map(|(at, op)| (op.id(), at)).collect();
    let (runs, run_of) = collect_runs(ops, &index);
    let mut queue = Queue::new(ops, &runs, &run_of, &index);
    let mut order = Vec::with_capacity(runs.len());
    let mut next = queue.pop();
    while let Some(run) = next {
        order.push(runs[run].clone());
        next = queue.release(run).or_else(|| queue.pop());
    }
    order
}

/// Every run, and the run of every op that has one. Of two runs that fork from an unsigned op the later one has it.
fn collect_runs(ops: &[VerifiedOp<'_>], index: &HashMap<OpId, usize>) -> (Vec<Vec<usize>>, Vec<Option<usize>>) {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    let mut run_of = alloc::vec![None; ops.len()];
    for (at, op) in ops.iter().enumerate().rev() {
        if op.signature().is_some() {
            run_of[at] = Some(runs.len());
            runs.push(alloc::vec![at]);
        }
        let prev = op.header().prev.and_then(|prev| index.get(&prev).copied());
        let Some((run, prev)) = run_of[at].zip(prev) else { continue };
        let is_bare = ops[prev].signature().is_none() && run_of[prev].is_none();
        if prev < at && is_bare && continues(&ops[prev], op) {
            run_of[prev] = Some(run);
            runs[run].push(prev);
        }
    }
    runs.iter_mut().for_each(|run| run.reverse());
    (runs, run_of)
}

/// The runs that have no place in the order yet.
struct Queue<'a, 'b> {
    ops: &'a [VerifiedOp<'b>],
    runs: &'a [Vec<usize>],
    /// For each run, how many dependencies of its ops are still to come.
    waits: Vec<usize>,
    /// For each run, the runs that wait for it, once for each dependency.
    waiters: Vec<Vec<usize>>,
    /// Runs that wait for nothing, with their first op.
    ready: Set<(usize, usize)>,
}

impl<'a, 'b> Queue<'a, 'b> {
    fn new(
        ops: &'a [VerifiedOp<'b>],
        runs: &'a [Vec<usize>],
        run_of: &[Option<usize>],
        index: &HashMap<OpId, usize>,
    ) -> Queue<'a, 'b> {
        let mut waits = alloc::vec![0; runs.len()];
        let mut waiters = alloc::vec![Vec::new(); runs.len()];
        for (run, members) in runs.iter().enumerate() {
            let dependencies = members.iter().flat_map(|at| ops[*at].header().dependencies());
            for dependency in dependencies.filter_map(|id| index.get(&id)) {
                match run_of[*dependency] {
                    Some(own) if own == run => continue,
                    Some(other) => waiters[other].push(run),
                    None => {}
                }
                waits[run] += 1;
            }
        }
        let is_ready = |(run, waits): (usize, &usize)| (*waits == 0).then(|| (runs[run][0], run));
        let ready = waits.iter().enumerate().filter_map(is_ready).collect();
        Queue { ops, runs, waits, waiters, ready }
    }

    fn pop(&mut self) -> Option<usize> {
        self.ready.pop_first().map(|(_, run)| run)
    }

    /// Tells those that wait for `run` that it has its place; returns the next one of its chain if that is ready now.
    fn release(&mut self, run: usize) -> Option<usize> {
        let last = self.runs[run].last().map(|at| &self.ops[*at]);
        let mut next = None;
        for waiter in core::mem::take(&mut self.waiters[run]) {
            self.waits[waiter] -= 1;
            let first = self.runs[waiter][0];
            let is_next = last.is_some_and(|last| continues(last, &self.ops[first]));
            match self.waits[waiter] {
                0 if is_next && next.is_none() => next = Some(waiter),
                0 => drop(self.ready.insert((first, waiter))),
                _ => {}
            }
        }
        next
    }
}
