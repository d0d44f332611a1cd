//! Steps: a list that is data, and the one loop that runs it.
//!
//! A failed step does not end the run, so that one run shows every failure. Only what needs a failed step is left out,
//! and counts as failed.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::child;
use crate::tally::Tally;

/// One step of a run.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// The name of an earlier step without which this one makes no sense.
    pub(crate) needs: Option<&'static str>,
    pub(crate) work: Work,
}

impl Step {
    /// This step, to be left out if `other` fails.
    pub(crate) const fn after(self, other: Self) -> Self {
        Self { needs: Some(other.name), ..self }
    }
}

/// What a step does.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// Cargo with these arguments; counts as one check.
    Check(&'static [&'static str]),
    /// Cargo with these arguments; every test that it runs counts.
    Tests(&'static [&'static str]),
    /// A function of ours; counts as one check.
    Own(fn() -> Result<()>),
    /// A function of ours that counts its checks itself.
    Many(fn() -> Result<Tally>),
}

/// How a step ended.
struct Done {
    name: &'static str,
    tally: Tally,
    time: Duration,
}

/// Runs `steps` in order, prints each one's counts and time, and returns the sum of the counts.
pub(crate) fn run(steps: &[Step]) -> Tally {
    let mut done: Vec<Done> = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        println!("\n[{}/{}] {}", place + 1, steps.len(), step.name);
        let start = Instant::now();
        let tally = if is_ready(step, &done) { work(step) } else { leave_out(step) };
        done.push(Done { name: step.name, tally, time: start.elapsed() });
        println!("[{}/{}] {}", place + 1, steps.len(), row(&done[place]));
    }
    summary(&done)
}

/// True unless the step that this one needs has failed.
fn is_ready(step: &Step, done: &[Done]) -> bool {
    !done.iter().any(|other| Some(other.name) == step.needs && other.tally.failed > 0)
}

fn leave_out(step: &Step) -> Tally {
    println!("not run: {} failed", step.needs.unwrap_or_default());
    Tally::FAILED
}

fn work(step: &Step) -> Tally {
    let outcome = match step.work {
        Work::Check(args) => child::run(echoed(child::cargo(args))).map(|()| Tally::PASSED),
        Work::Tests(args) => count(child::cargo(args)),
        Work::Own(check) => check().map(|()| Tally::PASSED),
        Work::Many(checks) => checks(),
    };
    outcome.unwrap_or_else(|error| {
        println!("error: {error:#}");
        Tally::FAILED
    })
}

/// Runs a test command and counts its tests. One that fails without a failed test, as when it does not compile, counts as one.
///
/// # Errors
/// It cannot be started.
pub(crate) fn count(command: Command) -> Result<Tally> {
    let mut tally = Tally::default();
    let is_green = child::watch(echoed(command), |line| tally += Tally::of_line(line))?;
    if !is_green && tally.failed == 0 {
        tally += Tally::FAILED;
    }
    Ok(tally)
}

fn echoed(command: Command) -> Command {
    println!("$ {}", child::shown(&command));
    command
}

fn row(done: &Done) -> String {
    let verdict = if done.tally.failed == 0 { "ok" } else { "FAILED" };
    format!("{verdict:<6} {:>7.1} s  {:<12} {}", done.time.as_secs_f64(), done.name, done.tally)
}

fn summary(done: &[Done]) -> Tally {
    let mut sum = Tally::default();
    println!();
    for step in done {
        println!("{}", row(step));
        sum += step.tally;
    }
    sum
}
