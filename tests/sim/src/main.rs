//! `sim [--seeds N] [--from SEED]`: runs worlds and tells which seeds break an invariant.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use trellis_test_sim::dials::Dials;
use trellis_test_sim::{Outcome, Violation, run};

/// The exit code of a wrong command line.
const USAGE: u8 = 64;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((from, seeds)) = parse(&args) else {
        eprintln!("usage: sim [--seeds N] [--from SEED]");
        return ExitCode::from(USAGE);
    };
    let mut told = Told { begun: Instant::now(), last: Instant::now(), steps: 0, done: 0 };
    for seed in from..from.saturating_add(seeds) {
        match run_caught(seed) {
            Ok(outcome) => told.count(outcome, seeds),
            Err(violation) => return fail(seed, &violation),
        }
    }
    told.tell(seeds);
    ExitCode::SUCCESS
}

fn parse(args: &[String]) -> Option<(u64, u64)> {
    let (mut from, mut seeds) = (1, 1_000);
    for pair in args.chunks(2) {
        match pair {
            [name, number] if name == "--seeds" => seeds = number.parse().ok()?,
            [name, number] if name == "--from" => from = number.parse().ok()?,
            _ => return None,
        }
    }
    Some((from, seeds))
}

/// Runs a seed twice if it is one of the first: the same seed gives the same run.
fn run_caught(seed: u64) -> Result<Outcome, Violation> {
    let outcome = catch_unwind(|| run(seed)).unwrap_or_else(|_| Err("a panic, told above".into()))?;
    if seed % 100 == 1 && run(seed)?.trace != outcome.trace {
        return Err("the same seed gave another run".into());
    }
    Ok(outcome)
}

fn fail(seed: u64, violation: &str) -> ExitCode {
    println!("seed {seed}: {violation}");
    println!("{:#?}", Dials::of(seed));
    println!("again: cargo xtask sim --seeds 1 --from {seed}");
    ExitCode::FAILURE
}

struct Told {
    begun: Instant,
    last: Instant,
    steps: usize,
    done: u64,
}

impl Told {
    fn count(&mut self, outcome: Outcome, seeds: u64) {
        self.done += 1;
        self.steps += outcome.steps;
        if self.last.elapsed() >= TELL_EVERY {
            self.last = Instant::now();
            self.tell(seeds);
        }
    }

    fn tell(&self, seeds: u64) {
        let minutes = self.begun.elapsed().as_secs_f64() / 60.0;
        let (per_minute, steps) = (self.done as f64 / minutes, self.steps);
        println!("{} of {seeds} seeds, {steps} steps, {per_minute:.0} seeds per minute", self.done);
    }
}
