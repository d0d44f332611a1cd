//! Child processes: cargo and its friends, always from the root of the repository.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Cargo's target directory: this program lies in one of its profile folders.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let program = env::current_exe().context("the path of xtask is unknown")?;
    let target = program.ancestors().nth(2).context("xtask does not lie in a target directory")?;
    Ok(target.to_owned())
}

/// A program of ours, built with the profile of this one and so in the same folder.
pub(crate) fn sibling(name: &str) -> Result<PathBuf> {
    let program = env::current_exe().context("the path of xtask is unknown")?;
    Ok(program.with_file_name(name).with_extension(env::consts::EXE_EXTENSION))
}

/// The cargo that runs us, with `args`.
pub(crate) fn cargo(args: &[&str]) -> Command {
    program(&env::var("CARGO").unwrap_or_else(|_| "cargo".into()), args)
}

/// `name` with `args`, run from the root.
pub(crate) fn program(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs `command` with its output passed through.
///
/// # Errors
/// It cannot be started, or exits with another code than 0.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(&command)))?;
    ensure!(status.success(), "{} failed: {status}", shown(&command));
    Ok(())
}

/// Runs `command` in silence and returns whether it exits with 0.
pub(crate) fn succeeds(mut command: Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs `command` and returns what it wrote on stdout.
///
/// # Errors
/// It cannot be started, exits with another code than 0, or writes what is not UTF-8.
pub(crate) fn read(mut command: Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {}", shown(&command)))?;
    ensure!(output.status.success(), "{} failed: {}", shown(&command), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs `command`, shows each line of its stdout as it comes and hands it to `on_line`; true if it exits with 0.
///
/// # Errors
/// It cannot be started.
pub(crate) fn watch(mut command: Command, mut on_line: impl FnMut(&str)) -> Result<bool> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {}", shown(&command)))?;
    let stdout = child.stdout.take().context("the child has no stdout")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        on_line(&line);
    }
    Ok(child.wait()?.success())
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
