//! `sim [--seeds N] [--from SEED]`: runs worlds on all processors and tells which seed breaks an invariant.

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use trellis_test_sim::dials::Dials;
use trellis_test_sim::many::{Broken, run_many};
use trellis_test_sim::shrink::shrink;
use trellis_test_sim::{Outcome, Reached};

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
    let told = Mutex::new(Told {
        begun: Instant::now(),
        last: Instant::now(),
        steps: 0,
        reached: Reached::default(),
        done: 0,
        seeds,
    });
    let ended = run_many(from..from.saturating_add(seeds), |outcome| told.lock().expect("no panic").count(outcome));
    told.into_inner().expect("no panic").tell_all();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(broken) => {
            println!("{broken}");
            tell_least(broken);
            ExitCode::FAILURE
        }
    }
}

/// Tells with how little the seed breaks an invariant.
fn tell_least(Broken { seed, violation }: Broken) {
    println!("looking for a smaller world ...");
    std::panic::set_hook(Box::new(|_| {}));
    let (dials, violation) = shrink(seed, Dials::of(seed), violation);
    println!("seed {seed} with these dials: {violation}\n{dials:#?}");
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

struct Told {
    begun: Instant,
    last: Instant,
    steps: usize,
    reached: Reached,
    done: u64,
    seeds: u64,
}

impl Told {
    fn count(&mut self, outcome: Outcome) {
        self.done += 1;
        self.steps += outcome.steps;
        self.reached += outcome.reached;
        if self.last.elapsed() >= TELL_EVERY {
            self.last = Instant::now();
            self.tell();
        }
    }

    fn tell_all(&self) {
        self.tell();
        let Reached { ops, conflicts, declared, diverged, forked } = self.reached;
        println!(
            "in the end: {ops} ops, {conflicts} open conflicts, {declared} declared collections, {diverged} linear \
             branches with several lines, {forked} ops where chains forked"
        );
    }

    fn tell(&self) {
        let minutes = self.begun.elapsed().as_secs_f64() / 60.0;
        let (done, seeds, per_minute, steps) = (self.done, self.seeds, self.done as f64 / minutes, self.steps);
        println!("{done} of {seeds} seeds, {steps} steps, {per_minute:.0} seeds per minute");
    }
}
