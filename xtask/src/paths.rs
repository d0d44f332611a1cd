//! What is published names no folder of the machine on which it was compiled.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::child;

/// What cargo and rustc take flags from where they have no target of their own; parts are separated by this sign.
pub(crate) const FLAGS: &str = "CARGO_ENCODED_RUSTFLAGS";
const SEPARATOR: &str = "\x1f";

/// Has a build of cargo leave out where things lie here.
///
/// # Errors
/// As [`flags`].
pub(crate) fn leave_out(command: &mut Command) -> Result<()> {
    command.env(FLAGS, flags("rustc", &[])?);
    Ok(())
}

/// Flags for `rustc`, those given and those by which crates are named as they are in a registry, and std as it is in its source.
///
/// # Errors
/// There is no such `rustc`.
pub(crate) fn flags(rustc: &str, given: &[&str]) -> Result<String> {
    let sysroot = PathBuf::from(child::read(child::program(rustc, &["--print", "sysroot"]))?.trim());
    let std = (sysroot.join("lib/rustlib/src/rust"), "rust");
    let ours = (child::root().to_owned(), ".");
    let crates = registries()?.into_iter().map(|folder| (folder, "crates"));
    let remapped = crates.chain([std, ours]).map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    let flags = given.iter().map(ToString::to_string).chain(remapped);
    Ok(flags.collect::<Vec<_>>().join(SEPARATOR))
}

/// The folders into which cargo unpacks crates, one for each registry.
fn registries() -> Result<Vec<PathBuf>> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).context("there is no home folder")?;
    folders(&home.join("registry/src"))
}

fn folders(within: &Path) -> Result<Vec<PathBuf>> {
    if !within.exists() {
        return Ok(Vec::new());
    }
    fs::read_dir(within)?.map(|entry| Ok(entry?.path())).collect()
}
