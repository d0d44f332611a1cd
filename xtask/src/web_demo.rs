//! The web demo: its page, a `trellis` that has the page within it, and its tests in a real browser.

use std::fs;
use std::net::TcpListener;

use anyhow::{Context, Result};

use crate::setup::{self, CHROMIUM, FIREFOX};
use crate::tally::Tally;
use crate::{browser, child, steps, wasm};

/// Where the page is made.
const FOLDER: &str = "web-demo";
/// Builds the program with the page; but for that feature as the other steps do.
const BUILD: &[&str] = &["build", "--workspace", "--bin", "trellis", "--features", "trellis-sync/demo", "--locked"];
/// Where `trellis serve` listens unless it is told otherwise.
const USUAL: &str = "127.0.0.1:4200";
const ANY: &str = "127.0.0.1:0";

/// Builds the page and a `trellis` that has it. The npm package has to be there.
///
/// # Errors
/// Something that it needs cannot be installed, or does not compile.
pub(crate) fn build() -> Result<()> {
    browser::install_tools(FOLDER)?;
    let mut command = child::program("npm", &["run", "--silent", "build"]);
    command.current_dir(child::root().join(FOLDER));
    child::run(command)?;
    child::run(child::cargo(BUILD))
}

/// As [`build`], and checks the types of what tests it.
///
/// # Errors
/// As [`build`].
pub(crate) fn build_to_test() -> Result<()> {
    build()?;
    browser::install_tools(browser::FOLDER)?;
    child::run(browser::tool("tsc", &["--project", &format!("{FOLDER}/test")]))
}

/// Runs the tests of the page.
///
/// # Errors
/// Something that the tests need cannot be installed.
pub(crate) fn test() -> Result<Tally> {
    setup::ensure_programs(&[CHROMIUM, FIREFOX])?;
    let mut command = child::program("node", &["--test", "--test-reporter=tap"]);
    command.args(browser::tests(&format!("{FOLDER}/test"))?).env("TRELLIS", child::sibling("trellis")?);
    steps::count(command)
}

/// Builds everything and serves a board with its page, until it is told to end. What was on the board the last time is on it
/// again.
///
/// # Errors
/// As [`build`], or the server ends by itself.
pub(crate) fn serve() -> Result<()> {
    println!("\nBuilding the web demo.");
    wasm::build()?;
    build()?;
    let folder = child::target_dir()?.join("demo/board");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let listen = if TcpListener::bind(USUAL).is_ok() { USUAL } else { ANY };
    let mut command = child::program(&child::sibling("trellis")?.to_string_lossy(), &["-C"]);
    command.arg(&folder).args(["serve", "--demo", "--quiet", "--listen", listen]);
    println!();
    child::run(command)
}
