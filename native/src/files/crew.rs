//! Work that makes more work, done by as many threads as the machine has use for.

use std::panic::resume_unwind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::error::{Result, TrellisError};

/// More threads than this only wait for each other.
const THREADS_MAX: usize = 12;

/// Does `first` and all work that comes of it: `work` does one piece, adds what comes of it to its second argument, and
/// keeps what it finds in its third, which is its thread's own. Returns what the threads kept.
///
/// # Errors
/// The first that a piece fails with; what is not begun by then is left undone.
pub(super) fn do_all<W: Send, K: Default + Send>(
    first: W,
    work: impl Fn(W, &mut Vec<W>, &mut K) -> Result<()> + Sync,
) -> Result<Vec<K>> {
    let (mut open, mut kept) = (Vec::new(), K::default());
    work(first, &mut open, &mut kept)?;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX).min(open.len());
    let queue = Queue { state: Mutex::new(State { open, busy: 0, waiting: 0, failed: None }), changed: Condvar::new() };
    let run = |mut kept| {
        queue.run(&work, &mut kept);
        kept
    };
    let all = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| run(K::default()))).collect();
        let mut all = vec![run(kept)];
        all.extend(others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic))));
        all
    });
    match queue.lock().failed.take() {
        Some(error) => Err(error),
        None => Ok(all),
    }
}

struct Queue<W> {
    state: Mutex<State<W>>,
    changed: Condvar,
}

struct State<W> {
    /// What is to be done, the newest last.
    open: Vec<W>,
    /// Threads that do a piece.
    busy: usize,
    /// Threads that wait for one.
    waiting: usize,
    failed: Option<TrellisError>,
}

impl<W> Queue<W> {
    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does pieces until there are none and none can come.
    fn run<K>(&self, work: impl Fn(W, &mut Vec<W>, &mut K) -> Result<()>, kept: &mut K) {
        let mut new = Vec::new();
        while let Some(piece) = self.next() {
            let mut turn = Turn { queue: self, new: &mut new, failed: None };
            turn.failed = work(piece, turn.new, kept).err();
        }
    }

    fn next(&self) -> Option<W> {
        let mut state = self.lock();
        loop {
            if state.failed.is_some() {
                return None;
            }
            if let Some(piece) = state.open.pop() {
                state.busy += 1;
                return Some(piece);
            }
            if state.busy == 0 {
                return None;
            }
            state.waiting += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }
}

/// One piece that is being done. Its end is told however it comes, so that nobody waits for a thread that panicked.
struct Turn<'t, W> {
    queue: &'t Queue<W>,
    new: &'t mut Vec<W>,
    failed: Option<TrellisError>,
}

impl<W> Drop for Turn<'_, W> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.open.append(self.new);
        state.busy -= 1;
        state.failed = state.failed.take().or(self.failed.take());
        if state.waiting > 0 {
            self.queue.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    /// Numbers below `n`, each from its half.
    fn count(n: usize, failing: Option<usize>) -> Result<Vec<Vec<usize>>> {
        do_all(1, |at, new, kept: &mut Vec<usize>| {
            if Some(at) == failing {
                return Err(TrellisError::new(Code::Aborted, "failed"));
            }
            new.extend([2 * at, 2 * at + 1].into_iter().filter(|next| *next < n));
            kept.push(at);
            Ok(())
        })
    }

    #[test]
    fn every_piece_is_done_once() {
        for n in [2, 3, 10_000] {
            let mut done = count(n, None).unwrap().concat();
            done.sort_unstable();
            assert_eq!(done, (1..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_failure_ends_it() {
        for failing in [1, 2, 9_999] {
            assert_eq!(count(10_000, Some(failing)).unwrap_err().code(), Code::Aborted, "{failing}");
        }
    }
}
