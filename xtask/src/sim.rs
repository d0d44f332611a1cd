//! `cargo xtask sim`: the simulator, optimised, on as many seeds as one likes.

use std::process::ExitCode;

use anyhow::Result;

use crate::child;

/// Builds the simulator and runs it with the arguments given.
///
/// # Errors
/// Cargo cannot be started.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let are_known = args.chunks(2).all(|pair| match pair {
        [name, number] => ["--seeds", "--from"].contains(&name.as_str()) && number.parse::<u64>().is_ok(),
        _ => false,
    });
    if !are_known {
        return Ok(crate::wrong_usage());
    }
    let mut command = child::cargo(&["run", "--quiet", "--release", "--locked", "--package", "trellis-test-sim", "--"]);
    command.args(args);
    let is_green = child::watch(command, |_| {})?;
    Ok(if is_green { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
