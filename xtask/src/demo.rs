//! `cargo xtask demo`: two repos diverge, conflict, and agree again, by the built `trellis`.
//!
//! The story is data: commands as a person would type them, each with its exit code and what it must show. What one
//! step does, a later one asks for; so the story fails as soon as any step of it is left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::child;
use crate::story::{Check, EQUAL, STORY, Step};

/// Builds `trellis` and plays the story.
///
/// # Errors
/// The build fails, or a step does not do what it should.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    if !args.is_empty() {
        return Ok(crate::wrong_usage());
    }
    println!("Building trellis. The first time this takes a few minutes.");
    child::run(child::cargo(BUILD))?;
    let start = Instant::now();
    let folder = play("demo", STORY, Voice::Loud)?;
    println!("\nBoth repos are equal. {} steps, {:.1} s.", STORY.len(), start.elapsed().as_secs_f64());
    println!("Look around in them: {}", folder.display());
    Ok(ExitCode::SUCCESS)
}

const BUILD: &[&str] = &["build", "--workspace", "--bin", "trellis", "--locked"];

/// Plays the whole story, then once without each step: that must fail.
///
/// # Errors
/// The story fails, or it does not notice that a step was left out.
pub(crate) fn prove() -> Result<()> {
    play("demo", STORY, Voice::Loud)?;
    for (at, left_out) in STORY.iter().enumerate() {
        let story = [&STORY[..at], &STORY[at + 1..]].concat();
        let outcome = play("demo-cut", &story, Voice::Silent);
        ensure!(outcome.is_err(), "the demo does not notice that a step is left out: {}", left_out.says);
    }
    println!("Without any one of its {} steps the demo fails, as it should.", STORY.len());
    Ok(())
}

/// Plays `story` in the folder `name` of the target directory and returns that folder.
fn play(name: &str, story: &[Step], voice: Voice) -> Result<PathBuf> {
    let mut stage = Stage::set(name, voice)?;
    for step in story {
        stage.perform(step).with_context(|| format!("the demo failed at: {}", step.says))?;
    }
    stage.compare(EQUAL)?;
    Ok(stage.folder)
}

/// Whether the steps are told on stdout.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Voice {
    Loud,
    Silent,
}

/// An empty folder in which a story is played, and what was kept of the outputs.
struct Stage {
    trellis: PathBuf,
    folder: PathBuf,
    voice: Voice,
    kept: BTreeMap<&'static str, String>,
}

impl Stage {
    /// A stage in the folder `name` of the target directory, emptied.
    fn set(name: &str, voice: Voice) -> Result<Self> {
        let folder = child::target_dir()?.join(name);
        let trellis = child::sibling("trellis")?;
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Self { trellis, folder, voice, kept: BTreeMap::new() })
    }

    /// One step: run the command, tell it, check it, keep its output.
    fn perform(&mut self, step: &Step) -> Result<()> {
        self.tell(&format!("\n{}\n  $ trellis {}", step.says, typed(step.args)));
        let start = Instant::now();
        let output = self.command(step.args).output().context("cannot start trellis")?;
        let time = start.elapsed();
        let shown = String::from_utf8(output.stdout)?;
        let said = indented(&shown) + &indented(&String::from_utf8_lossy(&output.stderr));
        self.tell(&format!("{said}  ({:.0} ms)", time.as_secs_f64() * 1e3));
        ensure!(output.status.code() == Some(step.exit as i32), "{}", output.status);
        step.checks.iter().try_for_each(|check| self.check(check, &shown))?;
        if let Some(name) = step.keeps {
            self.kept.insert(name, shown);
        }
        Ok(())
    }

    /// `trellis` in the stage's folder, without the user's own settings.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.trellis);
        command.args(args).current_dir(&self.folder).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TRELLIS_") {
                command.env_remove(name);
            }
        }
        command.env("TRELLIS_CONFIG", self.folder.join("config.json"));
        command
    }

    fn check(&self, check: &Check, shown: &str) -> Result<()> {
        match *check {
            Check::Shows(text) => ensure!(shown.contains(text), "the output does not show: {text}"),
            Check::SameDetail(name) => ensure!(detail(self.kept(name)?) == detail(shown), "this is not as in {name}"),
        }
        Ok(())
    }

    fn compare(&self, pairs: &[[&str; 2]]) -> Result<()> {
        for [one, other] in pairs {
            ensure!(self.kept(one)? == self.kept(other)?, "{one} and {other} are not equal");
        }
        Ok(())
    }

    fn kept(&self, name: &str) -> Result<&str> {
        self.kept.get(name).map(String::as_str).with_context(|| format!("the demo has not come to {name}"))
    }

    fn tell(&self, text: &str) {
        if self.voice == Voice::Loud {
            println!("{text}");
        }
    }
}

/// The indented lines.
fn detail(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with(' ')).collect()
}

/// The words as a person would type them in a shell.
fn typed(args: &[&str]) -> String {
    let is_plain = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:@".contains(c));
    let quoted = |word: &&str| if is_plain(word) { (*word).to_owned() } else { format!("'{word}'") };
    args.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
