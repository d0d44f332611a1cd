//! `cargo xtask bench`: how fast it is, beside its peers and beside what the machine allows.
//!
//! The benchmarks are a program of their own with dependencies that nothing else needs, so only this command and a check
//! of the tests build them.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::child;

const BUILD: &[&str] = &["build", "--release", "--package", "trellis-bench", "--features", "peers", "--locked"];
/// The program that is measured as people run it.
pub(crate) const BUILD_TRELLIS: &[&str] =
    &["build", "--release", "--package", "trellis-sync", "--bin", "trellis", "--locked"];
/// The lints of everything, the benchmarks with all that they measure among it.
pub(crate) const LINTS: &[&str] = &[
    "clippy",
    "--workspace",
    "--all-targets",
    "--features",
    "trellis-bench/peers",
    "--keep-going",
    "--locked",
    "--",
    "--deny",
    "warnings",
];

/// Builds the benchmarks and the program in release and runs those that `args` name, or all.
///
/// # Errors
/// They cannot be built or started.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    child::run(child::cargo(BUILD))?;
    child::run(child::cargo(BUILD_TRELLIS))?;
    let target = child::target_dir()?;
    let mut program =
        Command::new(target.join("release/trellis-bench").with_extension(std::env::consts::EXE_EXTENSION));
    program.arg("--dir").arg(target.join("bench")).args(args).current_dir(child::root());
    let status = program.status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
