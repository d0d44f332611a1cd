//! Many seeds, on all processors.

use std::num::NonZero;
use std::ops::Range;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::dials::Dials;
use crate::{Outcome, Violation, run};

/// Of how many seeds one is run twice.
const TWICE_OF: u64 = 100;

/// A seed that broke an invariant.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The seed.
    pub seed: u64,
    /// What does not hold.
    pub violation: Violation,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Broken { seed, violation } = self;
        let dials = Dials::of(*seed);
        write!(to, "seed {seed}: {violation}\n{dials:#?}\nagain: cargo xtask sim --seeds 1 --from {seed}")
    }
}

/// Runs every seed, one of a hundred twice, and tells `done` what each came to.
///
/// # Errors
/// The first seed that broke an invariant, or ran differently the second time; those that run then are finished.
pub fn run_many(seeds: Range<u64>, done: impl Fn(Outcome) + Sync) -> Result<(), Broken> {
    let next = AtomicU64::new(seeds.start);
    let broken = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            match run_caught(seed) {
                Ok(outcome) => done(outcome),
                Err(violation) => {
                    next.store(seeds.end, Ordering::Relaxed);
                    broken.lock().expect("nobody panics with it").get_or_insert(Broken { seed, violation });
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    broken.into_inner().expect("nobody panics with it").map_or(Ok(()), Err)
}

fn run_caught(seed: u64) -> Result<Outcome, Violation> {
    let outcome = catch_unwind(|| run(seed)).unwrap_or_else(|_| Err("a panic, told above".into()))?;
    if seed % TWICE_OF == 1 && run(seed)?.trace != outcome.trace {
        return Err("the same seed gave another run".into());
    }
    Ok(outcome)
}
