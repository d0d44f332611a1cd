//! Sync sessions between any two runtimes, by `tests/src/bin/runtimes.rs`.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::setup::{self, CHROMIUM, NODE};
use crate::tally::Tally;
use crate::{browser, child, python, steps};

/// `cargo xtask runtimes`: plays sessions with the packages as they were last made.
///
/// # Errors
/// The program does not compile or cannot be started, or something that it needs cannot be installed.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    child::run(child::cargo(&["build", "--locked", "--package", "trellis-tests", "--bin", "runtimes"]))?;
    let mut program = program()?;
    program.args(args);
    child::run(program).map(|()| ExitCode::SUCCESS)
}

/// Plays as many sessions as a full run does; each counts.
///
/// # Errors
/// The program cannot be started, or something that it needs cannot be installed.
pub(crate) fn test() -> Result<Tally> {
    steps::count(program()?)
}

/// The program that lies beside this one.
fn program() -> Result<Command> {
    setup::ensure_programs(&[NODE, CHROMIUM])?;
    browser::install_tools(browser::FOLDER)?;
    let mut command = child::program(&child::sibling("runtimes")?.to_string_lossy(), &["--python"]);
    command.arg(python::interpreter()?);
    Ok(command)
}
