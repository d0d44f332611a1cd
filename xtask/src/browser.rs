//! JavaScript that is written by hand: its lints, and its tests, some of which open pages in a real browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::child;
use crate::setup::{self, CHROMIUM, NODE, NPM};
use crate::steps;
use crate::tally::Tally;

/// Where the tests and the tools of JavaScript are.
pub(crate) const FOLDER: &str = "tests/browser";
/// What says which tools these are.
const LOCK: &str = "package-lock.json";
/// A copy of the lock beside the tools, once they are all there.
const INSTALLED: &str = "node_modules/.installed-lock.json";
const TEST_ENDING: &str = ".test.mjs";

/// Formats, lints and types.
///
/// # Errors
/// One of them does not hold, or a tool cannot be installed.
pub(crate) fn lints() -> Result<()> {
    install_tools(FOLDER)?;
    child::run(tool("biome", &["ci", "--error-on-warnings"]))?;
    child::run(tool("tsc", &["--project", FOLDER]))
}

/// Runs every test of [`FOLDER`] with the `trellis` that lies beside this program.
///
/// # Errors
/// Something that the tests need cannot be installed.
pub(crate) fn test() -> Result<Tally> {
    setup::ensure_programs(&[CHROMIUM])?;
    install_tools(FOLDER)?;
    let mut command = child::program("node", &["--test", "--test-reporter=tap"]);
    command.args(tests(FOLDER)?).env("TRELLIS", child::sibling("trellis")?);
    steps::count(command)
}

/// Installs what a folder's lock names, unless that is there.
///
/// # Errors
/// It cannot be installed.
pub(crate) fn install_tools(name: &str) -> Result<()> {
    setup::ensure_programs(&[NODE, NPM])?;
    let folder = child::root().join(name);
    let (lock, installed) = (folder.join(LOCK), folder.join(INSTALLED));
    let wanted = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    if fs::read(&installed).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    println!("setting up: npm ci in {name}");
    let mut command = child::program("npm", &["ci", "--no-audit", "--no-fund"]);
    command.current_dir(&folder);
    child::run(command)?;
    fs::copy(&lock, &installed)?;
    Ok(())
}

/// A tool that [`install_tools`] installs.
pub(crate) fn tool(name: &str, args: &[&str]) -> Command {
    let path = child::root().join(FOLDER).join("node_modules/.bin").join(name);
    child::program(&path.to_string_lossy(), args)
}

/// The tests in a folder.
///
/// # Errors
/// It cannot be read.
pub(crate) fn tests(folder: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(child::root().join(folder))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.retain(|path| is_test(path));
    paths.sort();
    Ok(paths)
}

fn is_test(path: &Path) -> bool {
    path.to_string_lossy().ends_with(TEST_ENDING)
}
