//! `cargo xtask demo`: repos diverge, conflict, and agree again, by the built `trellis`.
//!
//! The stories are data: commands as a person would type them, each with its exit code and what it must show, and edits of
//! files. What one step does, a later one asks for; so a story fails as soon as any step of it is left out.

mod hands;
mod stage;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::story::{STORIES, Step, Story};
use crate::{child, web_demo};
use stage::{Stage, Voice};

/// Builds `trellis`, plays the stories, and serves the web demo, unless `--no-serve` says not to; with `--prove` plays them
/// also once without each step, which must fail, and serves nothing.
///
/// # Errors
/// The build fails, or a step does not do what it should.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let (is_proof, is_served) = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => (false, true),
        ["--no-serve"] => (false, false),
        ["--prove"] => (true, false),
        _ => return Ok(crate::wrong_usage()),
    };
    println!("Building trellis. The first time this takes a few minutes.");
    child::run(child::cargo(BUILD))?;
    if is_proof {
        return prove().map(|()| ExitCode::SUCCESS);
    }
    let start = Instant::now();
    let folders =
        STORIES.iter().map(|story| play("demo", story, story.steps, Voice::Loud)).collect::<Result<Vec<_>>>()?;
    let steps: usize = STORIES.iter().map(|story| story.steps.len()).sum();
    println!("\nAll copies are equal. {steps} steps, {:.1} s.", start.elapsed().as_secs_f64());
    for folder in folders {
        println!("Look around in them: {}", folder.display());
    }
    if is_served {
        web_demo::serve()?;
    }
    Ok(ExitCode::SUCCESS)
}

const BUILD: &[&str] = &["build", "--workspace", "--bin", "trellis", "--locked"];

/// Plays every story, then once without each step: that must fail.
///
/// # Errors
/// A story fails, or it does not notice that a step was left out.
pub(crate) fn prove() -> Result<()> {
    STORIES.iter().try_for_each(prove_story)
}

fn prove_story(story: &Story) -> Result<()> {
    play("demo", story, story.steps, Voice::Loud)?;
    for (at, left_out) in story.steps.iter().enumerate() {
        let steps = [&story.steps[..at], &story.steps[at + 1..]].concat();
        let outcome = play("demo-cut", story, &steps, Voice::Silent);
        ensure!(outcome.is_err(), "the demo does not notice that a step is left out: {}", left_out.says);
    }
    println!("Without any one of its {} steps the demo of {} fails, as it should.", story.steps.len(), story.name);
    Ok(())
}

/// Plays these steps of a story, below the folder `name` of the target directory, and returns the story's folder.
fn play(name: &str, story: &Story, steps: &[Step], voice: Voice) -> Result<PathBuf> {
    let mut stage = Stage::set(&child::target_dir()?.join(name).join(story.name), voice)?;
    for step in steps {
        stage.perform(step).with_context(|| format!("the demo failed at: {}", step.says))?;
    }
    stage.compare(story)?;
    Ok(stage.into_folder())
}
